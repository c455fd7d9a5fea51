// One message (or one album) as a bubble.

import { h, icon, iconButton } from "./dom.js";
import { isFewEmoji, renderText } from "./entities.js";
import {
  authorOf,
  avatar,
  clock,
  day,
  fullTime,
  gist,
  kindOf,
  personColour,
  personName,
  serviceText,
} from "./format.js";
import { keyboard } from "./keyboard.js";
import { album, clip, documentCard, label, photo, photoWidth, quote, sticker } from "./media.js";
import { isEphemeral, store } from "./store.js";
import { t } from "./words.js";

const ALBUM_PX = 400;
const NARROW_BUBBLE_PX = 260;

/** The row for an item of the timeline: a day, or messages that belong together. */
export function createRow(item, act) {
  const row = h("div");
  drawRow(row, item, act);
  return row;
}

/** Draws the item anew in its row; pictures that stay are kept, so they do not flicker, and new ones fade in. */
export function updateRow(row, item, act) {
  const before = new Map(
    [...row.querySelectorAll("img")].map((image) => [image.getAttribute("src"), image]),
  );
  drawRow(row, item, act);
  for (const image of row.querySelectorAll("img")) {
    const old = before.get(image.getAttribute("src"));
    if (old?.complete) image.replaceWith(Object.assign(old, { alt: image.alt }));
    else image.classList.add("late");
  }
}

function drawRow(row, item, act) {
  try {
    if (item.day) drawDay(row, item);
    else if (kindOf(item.messages[0]) === "service")
      drawService(row, item.messages[0], serviceText(item.messages[0]));
    else drawMessages(row, item, act);
  } catch (error) {
    // Tests send messages of any shape; one that cannot be drawn must not take the others with it.
    console.warn(error);
    drawService(row, item.messages[0], t("kind_other"));
  }
}

function drawDay(row, item) {
  row.className = "notice-row";
  row.replaceChildren(h("span", { class: "notice" }, day(item.day)));
}

function drawService(row, message, text) {
  row.className = "notice-row";
  markMessage(row, message);
  row.replaceChildren(h("span", { class: "notice", dir: "auto" }, text));
}

/** The stable marks by which tests and other modules find a message. */
function markMessage(element, message) {
  element.dataset.testid = "message";
  element.dataset.messageId = message.message_id;
  // As in the control interface: true when the bot sent it.
  element.dataset.outgoing = String(message.outgoing);
}

function drawMessages(row, item, act) {
  const [message] = item.messages;
  const mine = store.isMine(message);
  row.className = ["row", mine ? "mine" : "theirs", item.first && "first", item.last && "last"]
    .filter(Boolean)
    .join(" ");
  row.tabIndex = -1;
  row.dataset.row = message.message_id;
  row.setAttribute("aria-label", describe(item));
  if (item.messages.length === 1) markMessage(row, message);
  else for (const name of ["testid", "messageId", "outgoing"]) delete row.dataset[name];
  const stack = h(
    "div",
    { class: "stack" },
    bubble(item, mine, act),
    keyboard(item.messages.at(-1), act),
  );
  const showsFace = message.chat.id < 0 && !mine;
  row.replaceChildren(
    ...[
      showsFace &&
        h("span", { class: "face" }, item.last && avatar(authorOf(message), "small")),
      stack,
      tools(message, act),
    ].filter(Boolean),
  );
}

function describe({ messages }) {
  const [message] = messages;
  const who = store.isMine(message) ? t("you") : personName(authorOf(message));
  return `${who}, ${clock(message.date)}: ${messages.length > 1 ? t("kind_album") : gist(message)}`;
}

function tools(message, act) {
  const menu = (event) => act.openMenu(message, event.currentTarget.getBoundingClientRect());
  return h(
    "div",
    { class: "tools" },
    iconButton("reply", t("reply"), {
      tabindex: -1,
      // What is selected stays selected, to be quoted.
      onpointerdown: (event) => event.preventDefault(),
      onclick: () => act.reply(message),
    }),
    iconButton("more", t("message_actions"), { tabindex: -1, onclick: menu }),
  );
}

function bubble(item, mine, act) {
  const { messages } = item;
  const [message] = messages;
  const text = textOf(messages);
  const element = h(
    "div",
    { class: shapeOf(messages, text) },
    authorName(message, item.first && message.chat.id < 0 && !mine),
    topic(message),
    isEphemeral(message) && h("div", { class: "topic", testid: "only-you" }, t("only_you")),
    forward(message),
    reply(message, act),
    media(messages, act),
    text.body && words(text, mine, act),
    !text.body && meta(message, mine),
  );
  if (message.photo) {
    const width_px = widthOf(messages, text.body || message.reply_markup);
    element.style.setProperty("--media-width", `${width_px}px`);
  }
  return element;
}

/** The text or caption of a message, or of the one message of an album that has one. */
function textOf(messages) {
  const owner = messages.find(({ caption, text }) => caption || text) ?? messages[0];
  if (owner.text !== undefined) return { owner, body: owner.text, entities: owner.entities };
  if (owner.invoice) {
    const { title, description } = owner.invoice;
    const entities = [{ type: "bold", offset: 0, length: title.length }];
    return { owner, body: `${title}\n${description}`, entities };
  }
  return { owner, body: owner.caption ?? "", entities: owner.caption_entities };
}

function shapeOf(messages, { body, entities }) {
  const [message] = messages;
  if (message.sticker) return "bubble emoji";
  if (!message.photo) return !entities?.length && isFewEmoji(body) ? "bubble emoji" : "bubble";
  const isBare = !body && !message.reply_to_message && !message.forward_origin && !message.via_bot;
  return isBare ? "bubble with-photo bare" : "bubble with-photo";
}

function widthOf(messages, isWide) {
  const width_px = messages.length > 1 ? ALBUM_PX : photoWidth(messages[0]);
  return isWide ? Math.max(NARROW_BUBBLE_PX, width_px) : width_px;
}

function authorName(message, isShown) {
  const { via_bot: bot } = message;
  if (!isShown && !bot) return null;
  const author = authorOf(message);
  return h(
    "div",
    { class: `name ${personColour(author.id)}`, dir: "auto" },
    isShown && h("span", {}, personName(author)),
    bot && h("span", { class: "via", testid: "via-bot" }, t("via", { name: `@${bot.username}` })),
  );
}

function words({ owner, body, entities }, mine, act) {
  const text = renderText(body, entities, act.command);
  const line = h("span", { testid: "message-text" }, ...text);
  return h("div", { class: "words", dir: "auto" }, line, " ", meta(owner, mine));
}

function media(messages, act) {
  const [message] = messages;
  if (messages.length > 1 && message.photo) return album(messages, (each) => cell(each, act));
  if (messages.length > 1) return messages.map((each) => documentCell(each, act));
  if (message.photo) return photo(message, act);
  const moving = message.outgoing && (message.video ?? message.animation);
  if (moving) return clip(message, moving);
  if (message.document && !message.animation) return documentCard(message, act);
  if (message.sticker && message.outgoing) return sticker(message);
  return kindOf(message) === "text" ? null : label(message);
}

function cell(message, act) {
  const element = h("div", { class: "album-cell" }, photo(message, act));
  markMessage(element, message);
  return element;
}

function documentCell(message, act) {
  const element = h("div", {}, documentCard(message, act));
  markMessage(element, message);
  return element;
}

function reply(message, act) {
  const original = message.reply_to_message;
  // In a forum every message "replies" to the one that opened its topic.
  if (!original || original.forum_topic_created) return null;
  const name =
    original.from?.id === store.me ? t("you") : personName(authorOf(original));
  const excerpt = message.quote ? { ...original, text: message.quote.text } : original;
  return quote(name, excerpt, {
    testid: "reply-quote",
    onclick: () => act.jump(original.message_id),
  });
}

function forward({ forward_origin: origin }) {
  if (!origin) return null;
  const name =
    origin.sender_user_name ?? personName(origin.sender_user ?? origin.sender_chat ?? origin.chat);
  return h("div", { class: "forward", dir: "auto" }, t("forwarded", { name }));
}

function topic({ is_topic_message: inTopic, message_thread_id: id }) {
  return inTopic ? h("div", { class: "topic" }, icon("hash"), t("topic", { n: id })) : null;
}

function meta(message, mine) {
  // A bot edits its status messages all the time; as in Telegram, only an edit of plain words is marked.
  const isMarked =
    message.edit_date && !(message.outgoing && (!message.text || message.reply_markup));
  const edited = isMarked ? h("span", {}, t("edited")) : null;
  return h(
    "span",
    { class: "meta" },
    edited,
    h(
      "time",
      { datetime: new Date(message.date * 1000).toISOString(), title: fullTime(message.date) },
      clock(message.date),
    ),
    mine ? tick() : null,
  );
}

function tick() {
  return h("span", { class: "tick", role: "img", "aria-label": t("sent") }, "✓");
}
