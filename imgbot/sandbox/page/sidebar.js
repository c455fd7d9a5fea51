// The people (whose phone we hold) and the chats of the one we are.

import { askGroup, askPerson } from "./dialogs.js";
import { h, iconButton, reconcile } from "./dom.js";
import { authorOf, avatar, gist, kindOf, personName, shortTime } from "./format.js";
import { miniature } from "./media.js";
import { store } from "./store.js";
import { t } from "./words.js";

export class Sidebar {
  #go;
  #people = h("div", { class: "people-strip" });
  #name = h("h2", { class: "list-title" });
  #shown = null;
  #chats = h("div", { class: "chat-list" });

  people;
  list;

  /** `go(userId, chatId)` moves to a person and a chat of hers (none: whichever fits). */
  constructor(go) {
    this.#go = go;
    const add = iconButton("plus", t("add_person"), {
      class: "add-person",
      onclick: () => askPerson((user) => this.#added(user)),
    });
    const group = iconButton("group", t("new_group"), {
      testid: "new-group",
      onclick: () => askGroup((chat) => this.#grouped(chat)),
    });
    add.dataset.testid = "new-person";
    this.people = h("nav", { class: "people", "aria-label": t("people") }, this.#people, add);
    const head = h("header", { class: "list-head" }, this.#name, group);
    this.list = h(
      "nav",
      { class: "chats", "aria-label": t("chats") },
      head,
      this.#chats,
      h("p", { class: "list-foot" }, t("sandbox_note")),
    );
  }

  #added(user) {
    store.addUser(user);
    this.#go(user.id, user.id);
  }

  #grouped(chat) {
    store.addChat(chat);
    const speaker = chat.members.includes(store.me) ? store.me : (chat.members[0] ?? store.me);
    this.#go(speaker, chat.id);
  }

  /** Draws what changed. */
  draw() {
    this.#name.textContent = personName(store.users.get(store.me));
    const people = [...store.users.values()].map((user) => ({
      user,
      unread: store.unreadOf(user.id),
      current: user.id === store.me,
    }));
    reconcile(this.#people, people, {
      key: ({ user }) => user.id,
      create: (item) => fillPerson(this.#person(item.user.id), item),
      update: fillPerson,
      same: (a, b) => a.user === b.user && a.unread === b.unread && a.current === b.current,
    });
    this.#showCurrent();
    const chats = store.chatsOf(store.me).map((chat) => this.#facts(chat));
    reconcile(this.#chats, chats, {
      key: ({ chat }) => chat.id,
      create: (item) => fillChat(this.#chat(item.chat.id), item),
      update: fillChat,
      same: (a, b) => Object.keys(a).every((name) => a[name] === b[name]),
    });
  }

  #showCurrent() {
    if (this.#shown === store.me) return;
    this.#shown = store.me;
    this.#people.querySelector(".current")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  #person(userId) {
    return h("button", {
      type: "button",
      testid: "person",
      "data-user-id": userId,
      onclick: () => this.#go(userId, null),
    });
  }

  #facts(chat) {
    return {
      chat,
      last: store.last(chat.id),
      unread: store.unread(store.me, chat.id),
      current: chat.id === store.chatId,
      me: store.me,
    };
  }

  #chat(chatId) {
    return h("button", {
      type: "button",
      testid: "chat-list-item",
      "data-chat-id": chatId,
      onclick: () => this.#go(store.me, chatId),
    });
  }
}

function badge(count) {
  return count
    ? h(
        "span",
        { class: "badge", role: "img", "aria-label": t("unread", { n: count }) },
        count > 99 ? "99+" : String(count),
      )
    : null;
}

function fillPerson(element, { user, unread, current }) {
  element.className = current ? "person current" : "person";
  element.title = personName(user);
  element.setAttribute("aria-pressed", String(current));
  element.replaceChildren(
    avatar(user),
    badge(unread) ?? "",
    h("span", { class: "person-name" }, user.first_name),
  );
  return element;
}

function fillChat(element, { chat, last, unread, current }) {
  const who = chat.id > 0 ? { ...store.bot, is_bot: true } : chat;
  element.className = current ? "chat-item current" : "chat-item";
  element.setAttribute("aria-current", String(current));
  const time = last ? h("time", { class: "chat-time" }, shortTime(last.date)) : null;
  const preview = h("span", { class: "chat-preview", dir: "auto" }, ...excerpt(chat, last));
  const top = h(
    "span",
    { class: "chat-line" },
    h("span", { class: "chat-name", dir: "auto" }, personName(who)),
    time,
  );
  element.replaceChildren(
    avatar(who),
    h(
      "span",
      { class: "chat-words" },
      top,
      h("span", { class: "chat-line" }, preview, badge(unread) ?? ""),
    ),
  );
  return element;
}

function excerpt(chat, last) {
  if (!last) return [t("no_messages")];
  if (kindOf(last) === "service" || last.sender_chat?.id === chat.id) return [gist(last)];
  const author = store.isMine(last) ? t("you") : chat.id < 0 ? personName(authorOf(last)) : "";
  return [
    author ? h("span", { class: "chat-author" }, `${author}: `) : null,
    miniature(last),
    gist(last),
  ].filter(Boolean);
}
