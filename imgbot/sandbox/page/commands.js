// The bot's commands: the "/" button with its list, and the same list as a completion of what is typed.

import { h, iconButton } from "./dom.js";
import { store } from "./store.js";
import { t } from "./words.js";

export class Commands {
  #run;
  #fillIn;
  #button = iconButton("slash", t("commands"), {
    "aria-haspopup": "listbox",
    "aria-expanded": "false",
    onclick: () => this.#toggle(),
  });
  #list = h("div", {
    class: "commands-list",
    role: "listbox",
    "aria-label": t("commands"),
    id: "commands-list",
    hidden: true,
  });
  #at = -1;

  element = h("div", { class: "commands", testid: "commands-menu" }, this.#button, this.#list);

  /** `run(command)` sends one, `fillIn(command)` puts it into the text field. */
  constructor(run, fillIn) {
    this.#run = run;
    this.#fillIn = fillIn;
    document.addEventListener(
      "pointerdown",
      (event) => this.element.contains(event.target) || this.close(),
    );
  }

  /** The commands in the language of the person, as Telegram picks them. */
  #all() {
    const { commands } = store.bot;
    const spoken = commands[store.users.get(store.me)?.language_code];
    return (spoken?.length ? spoken : commands[""]) ?? [];
  }

  /** Hides the button when the bot has no commands. */
  draw() {
    this.#button.hidden = this.#all().length === 0;
  }

  #toggle() {
    if (this.#list.hidden) this.#show(this.#all());
    else this.close();
  }

  /** Offers what completes the text, if it begins a command. */
  suggest(text) {
    const begun = /^\/(\w*)$/.exec(text)?.[1];
    if (begun === undefined) this.close();
    else this.#show(this.#all().filter(({ command }) => command.startsWith(begun)));
  }

  #show(commands) {
    this.#at = -1;
    this.#list.replaceChildren(...commands.map((entry, i) => this.#option(entry, i)));
    this.#list.hidden = commands.length === 0;
    this.#button.setAttribute("aria-expanded", String(!this.#list.hidden));
  }

  #option({ command, description }, i) {
    const pick = () => {
      this.close();
      this.#run(`/${command}`);
    };
    const attributes = {
      type: "button",
      role: "option",
      class: "command",
      id: `command-${i}`,
      "aria-selected": "false",
      testid: "command-item",
    };
    return h(
      "button",
      { ...attributes, onclick: pick },
      h("span", { class: "command-name" }, `/${command}`),
      h("span", { class: "command-words" }, description),
    );
  }

  close() {
    this.#list.hidden = true;
    this.#at = -1;
    this.#button.setAttribute("aria-expanded", "false");
  }

  /** Lets the keyboard choose while typing; true if the key was used here. */
  key(event) {
    if (this.#list.hidden) return false;
    const options = [...this.#list.children];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step)
      this.#mark(
        options,
        (this.#at + step + options.length + (this.#at < 0 && step < 0 ? 1 : 0)) % options.length,
      );
    else if (event.key === "Escape") this.close();
    else if (event.key === "Tab") this.#complete(options[Math.max(0, this.#at)]);
    else if (event.key === "Enter" && this.#at >= 0) options[this.#at].click();
    else return false;
    event.preventDefault();
    return true;
  }

  #mark(options, at) {
    this.#at = at;
    options.forEach((option, i) => option.setAttribute("aria-selected", String(i === at)));
    options[at].scrollIntoView({ block: "nearest" });
  }

  #complete(option) {
    this.close();
    this.#fillIn(`${option.firstElementChild.textContent} `);
  }
}
