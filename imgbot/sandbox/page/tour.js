// Three things to ask for by a button each, for somebody who has asked for nothing else yet.

import { h } from "./dom.js";
import { store } from "./store.js";
import { t } from "./words.js";

export class Tour {
  #wishes = ["tour_draw", "tour_change", "tour_write"].map((key) => t(key));
  #buttons;

  element;

  constructor(send) {
    this.#buttons = this.#wishes.map((wish) =>
      h("button", { type: "button", class: "wish", testid: "wish", onclick: () => send(wish) }, wish),
    );
    const label = h("span", {}, t("tour"));
    this.element = h("div", { class: "tour", hidden: true }, label, ...this.#buttons);
  }

  /** Draws what is left; each but the first needs the picture of the one before. */
  draw() {
    const all = store.chatId > 0 ? store.messages(store.chatId) : [];
    const mine = all.filter((message) => store.isMine(message));
    const said = mine.map(({ text }) => text);
    const isOnTour = said.every((text) => text === "/start" || this.#wishes.includes(text));
    const next = this.#wishes.findIndex((wish) => !said.includes(wish));
    const isShown = all.slice(all.indexOf(mine.at(-1)) + 1).some(({ photo }) => photo);
    this.element.hidden = !(store.chatId > 0 && store.isLoaded(store.chatId)) || !isOnTour || next < 0;
    for (const [i, button] of this.#buttons.entries()) {
      button.hidden = i < next;
      button.disabled = i > next || (i > 0 && !isShown);
    }
  }
}
