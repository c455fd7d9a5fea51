// The line above the text field that says what is being answered or changed.

import { icon, iconButton } from "./dom.js";
import { authorOf, personName } from "./format.js";
import { quote } from "./media.js";
import { t } from "./words.js";

/** The elements of the line; `words` is the part of the message that a reply quotes, if not all. */
export function contextLine(message, { isEdit, words, onStop }) {
  const title = isEdit
    ? t("editing")
    : t("reply_to", { name: personName(authorOf(message)) });
  return [
    icon(isEdit ? "edit" : "reply"),
    quote(title, words ? { ...message, text: words } : message, {}, "div"),
    iconButton("close", t("cancel"), { onclick: onStop }),
  ];
}
