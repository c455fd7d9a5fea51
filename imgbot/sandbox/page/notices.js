// Things said beside the chat: toasts, alerts, and the words for screen readers.

import { h } from "./dom.js";
import { t } from "./words.js";

const TOAST_MS = 4_500;
const TOASTS = 3;

const toasts = h("div", {
  class: "toasts",
  role: "status",
  "aria-live": "polite",
  popover: "manual",
});
const spoken = h("div", { class: "visually-hidden", role: "status", "aria-live": "polite" });

/** The elements that must be on the page for this to be seen and heard. */
export const notices = [toasts, spoken];

/** Shows a sentence for some seconds. */
export function toast(text) {
  const element = h(
    "button",
    {
      type: "button",
      class: "toast",
      testid: "toast",
      title: t("toast_close"),
      onclick: () => element.remove(),
    },
    text,
  );
  toasts.append(element);
  // Shown anew, so that it lies above a dialog that was opened since.
  toasts.hidePopover();
  toasts.showPopover();
  while (toasts.childElementCount > TOASTS) toasts.firstElementChild.remove();
  setTimeout(() => element.remove(), TOAST_MS);
}

/** Shows that something did not work. */
export const complain = (error) => toast(t("failed", { reason: error.message }));

/** Shows a sentence that must be acknowledged. */
export function alertBox(text) {
  const ok = h("button", { class: "primary-button", value: "ok" }, t("ok"));
  const dialog = openDialog(
    h(
      "form",
      { method: "dialog", class: "alert" },
      h("p", { dir: "auto" }, text),
      h("div", { class: "dialog-buttons" }, ok),
    ),
  );
  dialog.setAttribute("role", "alertdialog");
  dialog.dataset.testid = "alert";
}

/** Opens a dialog that leaves the page again when it closes. */
export function openDialog(content, attributes = {}) {
  const dialog = h("dialog", { class: "dialog", ...attributes }, content);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Says a sentence to screen readers only. */
export function speak(text) {
  spoken.textContent = text;
}

/** The line that shows that the sandbox cannot be reached. */
export function connectionBanner() {
  return h("div", { class: "banner", role: "status", hidden: true }, t("lost"));
}
