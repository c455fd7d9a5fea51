// In groups: as whom we speak, and in which topic.

import { h, icon } from "./dom.js";
import { avatar, personName } from "./format.js";
import { openMenu } from "./menu.js";
import { store } from "./store.js";
import { t } from "./words.js";

export class Speaking {
  #go;
  #topics = new Map();

  speaker = h("button", {
    type: "button",
    class: "speaker",
    testid: "speak-as",
    hidden: true,
    onclick: () => this.#speakerMenu(),
  });
  topic = h("button", {
    type: "button",
    class: "topic-choice",
    testid: "topic",
    hidden: true,
    onclick: () => this.#topicMenu(),
  });

  /** `go(userId, chatId)` changes as whom we speak. */
  constructor(go) {
    this.#go = go;
  }

  /** The topic that was chosen for a chat, or undefined for the general one. */
  topicOf(chatId) {
    return this.#topics.get(chatId);
  }

  /** Draws what changed. */
  draw(chat) {
    const isBlocked = store.isBlocked(chat.id);
    this.speaker.hidden = chat.id > 0;
    this.topic.hidden = !chat.is_forum || isBlocked;
    this.topic.replaceChildren(icon("hash"), topicName(this.topicOf(chat.id)));
    const me = store.users.get(store.me);
    if (!me || this.speaker.dataset.user === String(me.id)) return;
    this.speaker.dataset.user = me.id;
    this.speaker.replaceChildren(avatar(me, "small"));
    const label = t("speak_as", { name: personName(me) });
    for (const name of ["aria-label", "title"]) this.speaker.setAttribute(name, label);
  }

  #speakerMenu() {
    const { id, members = [] } = store.chats.get(store.chatId);
    const people = members.map((member) => store.users.get(member)).filter(Boolean);
    const items = people.map((user) => ({
      picture: avatar(user, "small"),
      text: personName(user),
      checked: user.id === store.me,
      onclick: () => this.#go(user.id, id),
    }));
    openMenu(items, this.speaker.getBoundingClientRect(), { above: true });
  }

  #topicMenu() {
    const chatId = store.chatId;
    const known = store.messages(chatId).map(({ message_thread_id: id }) => id);
    const ids = [...new Set([this.topicOf(chatId), ...known])]
      .filter(Boolean)
      .sort((a, b) => a - b);
    const choose = (id) => {
      this.#topics.set(chatId, id);
      store.changed();
    };
    const items = [undefined, ...ids].map((id) => ({
      text: topicName(id),
      checked: id === this.topicOf(chatId),
      onclick: () => choose(id),
    }));
    const fresh = {
      icon: "plus",
      text: t("new_topic"),
      onclick: () => choose((ids.at(-1) ?? 1) + 1),
    };
    openMenu([...items, fresh], this.topic.getBoundingClientRect(), { above: true });
  }
}

const topicName = (id) => (id ? t("topic", { n: id }) : t("general_topic"));
