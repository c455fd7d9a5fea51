// Inline keyboards: the rows of buttons under a message.

import { h, icon, safeUrl } from "./dom.js";
import { store } from "./store.js";
import { t } from "./words.js";

const STYLES = new Set(["danger", "success", "primary"]);

/** The keyboard of a message, or null. */
export function keyboard(message, act) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows?.length) return null;
  const drawn = rows.map((row, y) =>
    h(
      "div",
      { class: "keyboard-row" },
      ...row.map((button, x) =>
        draw(button, `${message.chat.id}:${message.message_id}:${y}:${x}`, message, act),
      ),
    ),
  );
  return h("div", { class: "keyboard", role: "group" }, ...drawn);
}

function draw(button, place, message, act) {
  const style = STYLES.has(button.style) ? button.style : "plain";
  const attributes = { class: `inline-button ${style}`, testid: "inline-button" };
  const words = h("span", { class: "inline-words", dir: "auto" }, button.text);
  const isInvoice = button.pay || button.url?.startsWith("https://t.me/$");
  if (isInvoice)
    return h(
      "button",
      { ...attributes, type: "button", onclick: () => act.pay(message, button.url) },
      words,
    );
  const href = button.url ? safeUrl(button.url) : null;
  if (href)
    return h(
      "a",
      { ...attributes, href, title: href, target: "_blank", rel: "noopener noreferrer nofollow" },
      words,
      icon("link"),
    );
  if (button.copy_text)
    return h(
      "button",
      { ...attributes, type: "button", onclick: () => act.copy(button.copy_text.text) },
      words,
      icon("copy"),
    );
  if (button.callback_data === undefined)
    return h("button", { ...attributes, type: "button", disabled: true }, words);
  const press = () => store.isPressed(place) || act.press(message, button.callback_data, place);
  return h("button", { ...attributes, type: "button", "data-place": place, onclick: press }, words);
}

/** Shows on the buttons in `root` which of them wait for the bot's answer. */
export function showWaiting(root) {
  for (const button of root.querySelectorAll("[data-place]")) {
    const waits = store.isPressed(button.dataset.place);
    button.classList.toggle("waiting", waits);
    if (waits) button.setAttribute("aria-busy", "true");
    else button.removeAttribute("aria-busy");
  }
}

/** Copies a text and says so. */
export async function copyText(text, notify) {
  await navigator.clipboard?.writeText(text);
  notify(t("copied"));
}
