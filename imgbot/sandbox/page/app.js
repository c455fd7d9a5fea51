// Puts the page together: who looks at what, and how news reaches the views.

import * as control from "./control.js";
import { Composer } from "./composer.js";
import { h, icon } from "./dom.js";
import { authorOf, avatar, gist, personName } from "./format.js";
import { Header } from "./header.js";
import { copyText } from "./keyboard.js";
import { openLightbox } from "./lightbox.js";
import { Live } from "./live.js";
import { openMenu } from "./menu.js";
import { alertBox, complain, connectionBanner, notices, speak, toast } from "./notices.js";
import { Sidebar } from "./sidebar.js";
import { isEphemeral, store } from "./store.js";
import { Timeline } from "./timeline.js";
import { Tour } from "./tour.js";
import { language, t } from "./words.js";

const RETRY_MS = 1_000;
const PHONE = matchMedia("(max-width: 720px)");

// ---- what can be done to messages

const act = {
  command: (text) => composer.send(text),
  copy: (text) => copyText(text, toast),
  jump: (messageId) => timeline.jump(messageId) || toast(t("reply_gone")),
  openMenu: (message, anchor) => openMenu(messageMenu(message, anchor), anchor),
  openPicture: (message) =>
    openLightbox(message, (file) => {
      composer.reply(message);
      composer.addFiles([file]);
    }),
  pay: (message, link) =>
    control.pay(message.chat.id, store.me, message.message_id, link).catch((error) => toast(error.message)),
  press: pressButton,
  reply: (message) => composer.reply(message, selectedIn(message)),
};

const sidebar = new Sidebar(go);
const header = new Header(leave);
const timeline = new Timeline(act);
const composer = new Composer(go);
const tour = new Tour((text) => composer.send(text));
const banner = connectionBanner();
const nothing = h("p", { class: "notice nothing" }, t("no_chat"));
const dropZone = h("div", { class: "drop-zone", hidden: true }, icon("photo"), t("drop_here"));
const chat = h(
  "main",
  { class: "chat" },
  header.element,
  timeline.element,
  tour.element,
  composer.element,
  dropZone,
);
const app = h("div", { class: "app" }, sidebar.people, sidebar.list, chat, nothing);

/** What is selected of the words of a message, to be quoted in a reply. */
function selectedIn(message) {
  const selection = getSelection();
  const words = selection?.anchorNode?.parentElement?.closest('[data-testid="message-text"]');
  const place = words?.closest("[data-message-id]")?.dataset.messageId;
  if (Number(place) !== message.message_id || !words.contains(selection.focusNode)) return "";
  const text = String(selection).trim();
  selection.removeAllRanges();
  return (message.text ?? message.caption ?? "").includes(text) ? text : "";
}

/** Passes a message on to one of the person's chats, which is opened. */
function forwardMenu(message, anchor) {
  const userId = store.me;
  const items = store
    .chatsOf(userId)
    .filter(({ over }) => !over)
    .map((chat) => ({
      picture: avatar(chat.id > 0 ? { ...store.bot, is_bot: true } : chat, "small"),
      text: personName(chat.id > 0 ? store.bot : chat),
      onclick: () => {
        go(userId, chat.id);
        control.forwardMessage(chat.id, userId, message).catch(complain);
      },
    }));
  openMenu(items, anchor);
}

function messageMenu(message, anchor) {
  const alone = isEphemeral(message);
  const mine = store.isMine(message) && !alone;
  const words = message.text ?? message.caption;
  return [
    { icon: "reply", text: t("reply"), onclick: () => act.reply(message) },
    !alone && { icon: "forward", text: t("forward"), onclick: () => forwardMenu(message, anchor) },
    words && { icon: "copy", text: t("copy_text"), onclick: () => act.copy(words) },
    mine &&
      words !== undefined && {
        icon: "edit",
        text: t("edit"),
        onclick: () => composer.edit(message),
      },
    {
      icon: "trash",
      text: t("delete"),
      danger: true,
      onclick: () => control.deleteMessage(message.chat.id, message.message_id).catch(complain),
    },
  ].filter(Boolean);
}

async function pressButton(message, data, place) {
  store.press(place, () => toast(t("button_failed")));
  try {
    store.pressedAs(
      place,
      await control.pressButton(message.chat.id, store.me, message.message_id, data),
    );
  } catch (error) {
    store.release(place);
    complain(error);
  }
}

// ---- where we are; the address says it too

function go(userId, chatId) {
  const chatIds = store.chatsOf(userId).map(({ id }) => id);
  const fitting = chatIds.includes(chatId)
    ? chatId
    : PHONE.matches
      ? null
      : (chatIds.find((id) => id === userId) ?? null);
  const query = new URLSearchParams({ user: userId, ...(fitting !== null && { chat: fitting }) });
  const deeper = PHONE.matches && store.chatId === null && fitting !== null && store.me !== null;
  if (deeper) history.pushState({ deeper }, "", `?${query}`);
  else history.replaceState(history.state, "", `?${query}`);
  look(userId, fitting);
}

function leave() {
  if (history.state?.deeper) history.back();
  else go(store.me, null);
}

function look(userId, chatId) {
  store.look(userId, chatId);
  for (const { id } of store.chatsOf(userId)) {
    if (!store.isLoaded(id)) store.load(id, () => control.getMessages(id)).catch(complain);
  }
}

/** Where the address points to, as far as it exists. */
function addressed() {
  const query = new URLSearchParams(location.search);
  const asked = Number(query.get("chat")) || null;
  const members = store.chats.get(asked)?.members ?? [];
  const candidates = [
    Number(query.get("user")),
    asked,
    members[0],
    store.users.keys().next().value,
  ];
  const userId = candidates.find(
    (id) =>
      store.users.has(id) &&
      (asked === null || asked > 0 || !members.length || members.includes(id)),
  );
  return [userId, asked ?? (query.has("user") ? null : userId)];
}

addEventListener("popstate", () => {
  const [userId, chatId] = addressed();
  // Going back to the list must not change as whom we speak.
  if (chatId === null) go(store.me, null);
  else look(userId, chatId);
});
PHONE.addEventListener(
  "change",
  () => store.me !== null && store.chatId === null && go(store.me, null),
);

// ---- news

const live = new Live({
  onConnected: (again) => {
    store.setConnected(true);
    if (again) refresh().catch(() => {});
  },
  onLost: () => store.setConnected(false),
  onReset: () => boot(),
  onEvent: (event) => {
    const isStrange =
      event.chat_id !== undefined &&
      !store.chats.has(event.chat_id) &&
      !["call", "chat"].includes(event.type);
    if (isStrange) refreshSoon();
    store.apply(event);
  },
});

let refreshTimer = null;

function refreshSoon() {
  refreshTimer ??= setTimeout(() => {
    refreshTimer = null;
    refresh().catch(() => {});
  }, 200);
}

/** Reads the world again: another page may have added people, or the sandbox may have been started anew. */
async function refresh() {
  const state = await control.getState();
  const isAnotherWorld = !state.users.some(({ id }) => id === store.me);
  if (isAnotherWorld) return boot();
  store.setState(state);
  store.doubt();
  look(store.me, store.chatId);
}

let isBooting = false;

async function boot() {
  // A reset and a reconnection may come together; two runs would make two first people.
  if (isBooting) return;
  isBooting = true;
  try {
    const state = await control.getState();
    store.setState(state);
    store.doubt();
    if (!store.users.size)
      store.addUser(
        await control.addUser({ first_name: t("name_default"), language_code: language }),
      );
    live.start(state.seq ?? null);
    go(...addressed());
    store.setConnected(true);
  } catch {
    store.setConnected(false);
    setTimeout(boot, RETRY_MS);
  } finally {
    isBooting = false;
  }
}

store.addEventListener("message", ({ detail: message }) => {
  if (message.chat.id !== store.chatId || store.isMine(message)) return;
  speak(t("announce", { name: personName(authorOf(message)), text: gist(message) }));
  if (store.isAsked(message)) composer.reply(message);
});

store.addEventListener("callback", ({ detail: { user_id: userId, text, show_alert: isAlert } }) => {
  if (!text || (userId !== undefined && userId !== store.me)) return;
  if (isAlert) alertBox(text);
  else toast(text);
});

store.addEventListener("change", () => {
  app.dataset.pane = store.chatId === null ? "list" : "chat";
  banner.hidden = store.connected;
  sidebar.draw();
  header.draw();
  timeline.draw();
  tour.draw();
  composer.draw();
  const unread = [...store.users.keys()].reduce((sum, id) => sum + store.unreadOf(id), 0);
  const title = personName(store.bot);
  document.title = unread ? `(${unread}) ${title}` : title;
});

document.addEventListener("visibilitychange", () => {
  store.read();
  store.changed();
});

// ---- dropping files anywhere on the chat

let dragDepth = 0;
const carriesFiles = (event) =>
  event.dataTransfer?.types.includes("Files") && store.chatId !== null;

function dragged(event, step) {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  dragDepth = Math.max(0, dragDepth + step);
  dropZone.hidden = dragDepth === 0;
}

addEventListener("dragenter", (event) => dragged(event, 1));
addEventListener("dragleave", (event) => dragged(event, -1));
addEventListener("dragover", (event) => dragged(event, 0));
addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  dragDepth = 0;
  dropZone.hidden = true;
  composer.addFiles([...event.dataTransfer.files]);
});

document.documentElement.lang = language;
document.body.append(banner, app, ...notices);
boot();
