// Inline mode: what the bot offers while "@bot words" is being typed.

import { askInline, chooseInline, fileUrl } from "./control.js";
import { h, icon } from "./dom.js";
import { complain } from "./notices.js";
import { store } from "./store.js";
import { t } from "./words.js";

const PAUSE_MS = 350;

export class Inline {
  #done;
  #timer = null;
  #asked = 0;

  element = h("div", {
    class: "inline-results",
    role: "group",
    "aria-label": t("inline_results"),
    testid: "inline-results",
    hidden: true,
  });

  /** `done()` is called after one of the results was sent. */
  constructor(done) {
    this.#done = done;
  }

  /** Asks the bot if the text begins with its name and a space; anything else closes the results. */
  suggest(text) {
    clearTimeout(this.#timer);
    this.#asked += 1;
    const [, name, query] = /^@(\w+)\s([^]*)$/.exec(text) ?? [];
    if (name?.toLowerCase() !== store.bot.username.toLowerCase()) return this.close();
    this.#timer = setTimeout(() => this.#ask(query.trim(), this.#asked), PAUSE_MS);
  }

  async #ask(query, asked) {
    const chatId = store.chatId;
    let answer;
    try {
      answer = await askInline(store.me, chatId, query);
    } catch {
      // As in Telegram: a bot that does not answer offers nothing, and says nothing.
      answer = { results: [] };
    }
    if (asked === this.#asked && chatId === store.chatId) this.#show(answer, chatId);
  }

  #show({ inline_query_id: queryId, results }, chatId) {
    this.element.replaceChildren(
      ...results.map((result) => this.#result(queryId, result, chatId)),
    );
    this.element.hidden = results.length === 0;
  }

  #result(queryId, result, chatId) {
    const name = result.title ?? result.caption ?? result.document?.file_name ?? t("kind_photo");
    const isPhoto = Boolean(result.photo);
    const picture = isPhoto
      ? h("img", { src: fileUrl(result.photo[Math.min(1, result.photo.length - 1)].file_id), alt: name })
      : icon(result.document ? "file" : "edit");
    const choose = () => {
      this.close();
      this.#done();
      chooseInline(queryId, chatId, result.id).catch(complain);
    };
    return h(
      "button",
      {
        type: "button",
        class: isPhoto ? "inline-photo" : "inline-line",
        testid: "inline-result",
        title: name,
        onclick: choose,
      },
      picture,
      !isPhoto && h("span", { dir: "auto" }, name),
    );
  }

  close() {
    clearTimeout(this.#timer);
    this.#asked += 1;
    this.element.hidden = true;
  }
}
