// In groups: as whom we speak, and in which topic.

import { h } from "./dom.js";
import { personName } from "./format.js";
import { store } from "./store.js";
import { t } from "./words.js";

export class Speaking {
  #topics = new Map();

  speaker;
  topic = h("select", {
    class: "topic-choice",
    testid: "topic",
    "aria-label": t("topic_choice"),
    onchange: () => {
      this.#topics.set(store.chatId, Number(this.topic.value));
      store.changed();
    },
  });

  /** `go(userId, chatId)` changes as whom we speak. */
  constructor(go) {
    this.speaker = h("select", {
      class: "speaker",
      testid: "speak-as",
      "aria-label": t("speak_as"),
      title: t("speak_as"),
      onchange: () => go(Number(this.speaker.value), store.chatId),
    });
  }

  /** The topic that was chosen for a chat; 0 or undefined is the general one. */
  topicOf(chatId) {
    return this.#topics.get(chatId);
  }

  /** Draws what changed. */
  draw(chat) {
    this.speaker.hidden = chat.id > 0;
    this.topic.hidden = !chat.is_forum || store.isBlocked(chat.id);
    const people = (chat.members ?? []).map((id) => store.users.get(id)).filter(Boolean);
    offer(this.speaker, new Map(people.map((user) => [user.id, personName(user)])), store.me);
    const chosen = this.topicOf(chat.id) ?? 0;
    const known = store.messages(chat.id).map(({ message_thread_id: id }) => id ?? 0);
    const ids = [...new Set([0, chosen, ...known])].sort((a, b) => a - b);
    const topics = ids.map((id) => [id, id ? t("topic", { n: id }) : t("general_topic")]);
    offer(this.topic, new Map([...topics, [(ids.at(-1) || 1) + 1, t("new_topic")]]), chosen);
  }
}

/** Makes the options of a list those of a map, unless they are the same: it may be open. */
function offer(select, texts, chosen) {
  const shown = [...select.options].map(({ value, text }) => `${value} ${text}`);
  const wanted = [...texts].map(([value, text]) => `${value} ${text}`);
  if (shown.join("\n") !== wanted.join("\n"))
    select.replaceChildren(...[...texts].map(([value, text]) => h("option", { value }, text)));
  select.value = String(chosen);
}
