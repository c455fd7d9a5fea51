// Where a person writes: text, pictures, files, replies, edits, commands.

import * as control from "./control.js";
import { Attachments } from "./attachments.js";
import { Commands } from "./commands.js";
import { contextLine } from "./context.js";
import { h, iconButton } from "./dom.js";
import { setBlocked } from "./header.js";
import { Inline } from "./inline.js";
import { openMenu } from "./menu.js";
import { complain } from "./notices.js";
import { deliver } from "./outbox.js";
import { Speaking } from "./speaking.js";
import { store } from "./store.js";
import { t } from "./words.js";

const TALLEST_PX = 200;
const TOUCH = matchMedia("(pointer: coarse)");

export class Composer {
  #drafts = new Map();
  #place = "";
  #reply = null;
  #quote = "";
  #editing = null;
  #sending = 0;

  #context = h("div", { class: "context", hidden: true });
  #files = new Attachments(() => this.#drawState());
  #text = h("textarea", {
    rows: 1,
    class: "composer-text",
    testid: "composer-text",
    autocomplete: "off",
    "aria-controls": "commands-list",
    oninput: () => this.#typed(),
    onkeydown: (event) => this.#key(event),
    onpaste: (event) => this.#paste(event),
  });
  #commands = new Commands(
    (command) => this.send(command),
    (text) => this.#fill(text),
  );
  #photos = h("input", {
    type: "file",
    multiple: true,
    accept: "image/*",
    class: "visually-hidden",
    tabindex: -1,
    "aria-label": t("attach_photo"),
    testid: "composer-file",
    onchange: (event) => this.#chosen(event.target, false),
  });
  #documents = h("input", {
    type: "file",
    multiple: true,
    class: "visually-hidden",
    tabindex: -1,
    "aria-label": t("attach_file"),
    testid: "composer-document",
    onchange: (event) => this.#chosen(event.target, true),
  });
  #attach = iconButton("attach", t("attach"), {
    "aria-haspopup": "menu",
    onclick: () => this.#attachMenu(),
  });
  #inline = new Inline(() => this.#fill(""));
  #over = h("p", { class: "composer-note", hidden: true });
  #speaking;
  #send = iconButton("send", t("send"), {
    class: "send",
    testid: "composer-send",
    onclick: () => this.#submit(),
  });
  #blocked = h(
    "button",
    {
      type: "button",
      class: "unblock",
      hidden: true,
      onclick: () => setBlocked(store.chatId, false),
    },
    t("unblock"),
  );
  #bar = h(
    "div",
    { class: "composer-bar" },
    this.#attach,
    this.#commands.element,
    this.#text,
    this.#send,
  );

  element = h(
    "footer",
    { class: "composer" },
    this.#context,
    this.#files.element,
    this.#bar,
    this.#inline.element,
    this.#blocked,
    this.#over,
    this.#photos,
    this.#documents,
  );

  /** `go(userId, chatId)` changes as whom we speak. */
  constructor(go) {
    this.#speaking = new Speaking(go);
    this.#bar.prepend(this.#speaking.speaker);
    this.#bar.before(this.#speaking.topic);
  }

  /** Draws what changed. */
  draw() {
    const chat = store.chats.get(store.chatId);
    if (!chat) return;
    const place = `${store.me}:${store.chatId}`;
    if (this.#place !== place) this.#enter(place);
    const isBlocked = store.isBlocked(chat.id);
    this.#bar.hidden = isBlocked || chat.over === true;
    this.#blocked.hidden = !isBlocked;
    this.#over.hidden = !chat.over;
    this.#over.textContent = t("chat_over");
    this.#speaking.draw(chat);
    this.#commands.draw();
    this.#drawState();
  }

  #enter(place) {
    const before = this.#place;
    this.#place = place;
    if (this.#editing) this.#endContext();
    // Another speaker in the same group goes on with what is being written.
    if (before.split(":")[1] === place.split(":")[1]) return;
    // What was written before the first chat was there is meant for it.
    if (before) {
      this.#drafts.set(before, this.#text.value);
      this.#files.clear();
      this.#setContext(null, null);
      this.#fill(this.#drafts.get(place) ?? "", false);
    }
    const last = store.last(store.chatId);
    if (last && store.isAsked(last)) this.#setContext(last, null);
    // On a phone the keyboard would cover half of what was just opened.
    if (!TOUCH.matches) this.#text.focus({ preventScroll: true });
  }

  #drawState() {
    const hasFiles = !this.#files.isEmpty;
    this.#text.placeholder =
      this.#reply?.force_reply?.placeholder ||
      t(hasFiles ? "caption_placeholder" : "message_placeholder");
    this.#text.setAttribute("aria-label", this.#text.placeholder);
    this.#send.classList.toggle("ready", hasFiles || this.#text.value.trim() !== "");
    this.element.classList.toggle("sending", this.#sending > 0);
    this.#attach.hidden = this.#editing !== null;
  }

  // ---- text

  #fill(text, focus = true) {
    this.#text.value = text;
    if (focus) this.#text.focus();
    this.#typed();
  }

  #typed() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${Math.min(TALLEST_PX, this.#text.scrollHeight)}px`;
    this.#commands.suggest(this.#text.value);
    this.#inline.suggest(this.#text.value);
    this.#drawState();
  }

  #key(event) {
    if (event.isComposing || this.#commands.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Escape" && (this.#reply || this.#editing)) {
      this.#endContext();
    } else if (event.key === "ArrowUp" && this.#text.value === "" && this.#files.isEmpty) {
      const own = store
        .messages(store.chatId)
        .findLast((message) => store.isMine(message) && message.text !== undefined);
      if (own) this.edit(own);
      event.preventDefault();
    }
  }

  // ---- files

  #chosen(input, asFiles) {
    this.addFiles([...input.files], asFiles);
    input.value = "";
  }

  #paste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    this.addFiles(files);
  }

  /** Puts files above the text field, to be sent with it. */
  addFiles(files, asFiles = false) {
    if (this.#editing) this.#endContext();
    this.#files.add(files, asFiles);
    if (!TOUCH.matches) this.#text.focus();
  }

  #attachMenu() {
    const items = [
      { icon: "photo", text: t("attach_photo"), onclick: () => this.#photos.click() },
      { icon: "file", text: t("attach_file"), onclick: () => this.#documents.click() },
    ];
    openMenu(items, this.#attach.getBoundingClientRect(), { above: true });
  }

  // ---- reply and edit

  /** The next message answers `message`, or the words `quoted` of it. */
  reply(message, quoted = "") {
    if (this.#editing) this.#fill("");
    this.#setContext(message, null, quoted);
    this.#text.focus();
  }

  /** The text field holds one's own message until it is saved. */
  edit(message) {
    this.#setContext(null, message);
    this.#fill(message.text ?? message.caption ?? "");
  }

  #setContext(reply, editing, quoted = "") {
    this.#reply = reply;
    this.#quote = quoted;
    this.#editing = editing;
    const message = reply ?? editing;
    this.#context.hidden = !message;
    const onStop = () => this.#endContext();
    const line = message && contextLine(message, { isEdit: editing !== null, words: quoted, onStop });
    this.#context.replaceChildren(...(line ?? []));
    this.#drawState();
  }

  #endContext() {
    if (this.#editing) this.#fill("");
    this.#setContext(null, null);
  }

  // ---- sending

  #submit() {
    const text = this.#text.value.trim();
    if (!text && this.#files.isEmpty) return;
    this.#fill("", !TOUCH.matches || document.activeElement === this.#text);
    if (this.#editing) this.#save(text);
    else this.send(text, this.#files.take());
  }

  async #save(text) {
    const { chat, message_id: messageId } = this.#editing;
    this.#setContext(null, null);
    await this.#whileSending(() => control.editMessage(chat.id, messageId, text), text);
  }

  /** Sends a text, with files if a promise of some is given. */
  async send(text, files = Promise.resolve({ photos: [], documents: [] })) {
    const chatId = store.chatId;
    const message = { user_id: store.me };
    const threadId = this.#reply?.message_thread_id ?? this.#speaking.topicOf(chatId);
    if (this.#reply) message.reply_to_message_id = this.#reply.message_id;
    if (this.#quote) message.quote = this.#quote;
    if (threadId && store.chats.get(chatId)?.is_forum) message.thread_id = threadId;
    this.#setContext(null, null);
    // In a group a command says whose it is, as Telegram's own apps write it.
    const words = chatId < 0 && /^\/\w+$/.test(text) ? `${text}@${store.bot.username}` : text;
    await this.#whileSending(() => deliver(chatId, message, words, files), text);
  }

  async #whileSending(work, text) {
    const place = this.#place;
    this.#sending += 1;
    this.#drawState();
    try {
      await work();
    } catch (error) {
      complain(error);
      if (this.#place === place && !this.#text.value) this.#fill(text);
    } finally {
      this.#sending -= 1;
      this.#drawState();
    }
  }
}
