// The line above the messages: with whom we speak, and what goes on there.

import * as control from "./control.js";
import { h, iconButton } from "./dom.js";
import { avatar, personName } from "./format.js";
import { openMenu } from "./menu.js";
import { complain } from "./notices.js";
import { store } from "./store.js";
import { t } from "./words.js";

export class Header {
  #face = h("span", { class: "header-face" });
  #name = h("h1", { class: "header-name", dir: "auto" });
  #status = h("p", { class: "header-status", testid: "chat-status" });
  #more = iconButton("more", t("more"), { "aria-haspopup": "menu", onclick: () => this.#menu() });
  #shown = null;

  element;

  constructor(onBack) {
    const back = iconButton("back", t("back"), { class: "back", testid: "back", onclick: onBack });
    this.element = h(
      "header",
      { class: "chat-head" },
      back,
      this.#face,
      h("div", { class: "header-words" }, this.#name, this.#status),
      this.#more,
    );
  }

  /** Draws what changed. */
  draw() {
    const chat = store.chats.get(store.chatId);
    if (!chat) return;
    const isPrivate = chat.id > 0;
    const who = isPrivate ? { ...store.bot, is_bot: true } : chat;
    if (this.#shown !== chat.id) this.#face.replaceChildren(avatar(who));
    this.#shown = chat.id;
    this.#name.textContent = personName(who);
    this.#status.classList.toggle("offline", !store.polling);
    const calm = isPrivate ? t("bot") : t("members", { n: (chat.members ?? []).length + 1 });
    const text = store.polling ? calm : t("bot_offline");
    if (this.#status.textContent !== text) this.#status.textContent = text;
  }

  #menu() {
    const chatId = store.chatId;
    const item = chatId > 0 ? blocking(chatId) : promotion(store.chats.get(chatId));
    openMenu([item], this.#more.getBoundingClientRect());
  }
}

function blocking(chatId) {
  const isBlocked = store.isBlocked(chatId);
  return {
    icon: "stop",
    text: t(isBlocked ? "unblock" : "block"),
    danger: !isBlocked,
    onclick: () => setBlocked(chatId, !isBlocked),
  };
}

/** The bot of a group becomes an administrator there, or is one no longer. */
function promotion({ id, admin: isAdmin }) {
  const onclick = () => control.setAdmin(id, !isAdmin).catch(complain);
  return { text: t(isAdmin ? "demote" : "promote"), onclick };
}

/** The person of a private chat blocks the bot, or lets it in again. */
export async function setBlocked(chatId, blocked) {
  try {
    await control.setBlocked(chatId, chatId, blocked);
    store.setBlocked(chatId, blocked);
  } catch (error) {
    complain(error);
  }
}
