// Text with Telegram's entities → elements. Offsets are in UTF-16 units, as JavaScript's strings are.

import { h, safeUrl } from "./dom.js";
import { language, t } from "./words.js";

const TAGS = {
  blockquote: "blockquote",
  bold: "strong",
  code: "code",
  expandable_blockquote: "blockquote",
  italic: "em",
  pre: "pre",
  strikethrough: "s",
  underline: "u",
};
const HIGHLIGHTED = new Set(["hashtag", "cashtag", "phone_number", "text_mention"]);
const BLOCKS = new Set(["pre", "blockquote", "expandable_blockquote"]);

/** The nodes for a text; `onCommand(text)` is called when a command in it is pressed. */
export function renderText(text, entities, onCommand) {
  const known = (entities ?? []).filter(
    ({ offset, length }) => length > 0 && offset >= 0 && offset < text.length,
  );
  const sorted = [...known].sort((a, b) => a.offset - b.offset || b.length - a.length);
  return renderRange(text, 0, text.length, sorted, onCommand);
}

function renderRange(text, start, end, entities, onCommand) {
  const nodes = [];
  let at = start;
  for (let i = 0; i < entities.length;) {
    const entity = entities[i];
    const from = Math.max(at, entity.offset);
    const to = Math.min(end, entity.offset + entity.length);
    const inner = [];
    for (i += 1; i < entities.length && entities[i].offset < to; i += 1) inner.push(entities[i]);
    if (from >= to) continue;
    if (from > at) nodes.push(text.slice(at, from));
    nodes.push(
      wrap(entity, text.slice(from, to), renderRange(text, from, to, inner, onCommand), onCommand),
    );
    at = to;
    // A block brings its own line break.
    if (BLOCKS.has(entity.type) && text[at] === "\n") at += 1;
  }
  if (at < end) nodes.push(text.slice(at, end));
  return nodes;
}

function wrap({ type, url, language: code }, plain, children, onCommand) {
  if (TAGS[type])
    return h(TAGS[type], { "data-language": type === "pre" ? code : null }, ...children);
  if (type === "spoiler") return spoiler(children);
  if (type === "bot_command")
    return h(
      "button",
      { type: "button", class: "link", onclick: () => onCommand(plain) },
      ...children,
    );
  if (type === "url" || type === "text_link") return link(url ?? plain, children);
  if (type === "email") return link(`mailto:${plain}`, children);
  if (type === "mention") return h("span", { class: "mention" }, ...children);
  return HIGHLIGHTED.has(type)
    ? h("span", { class: "mention" }, ...children)
    : h("span", {}, ...children);
}

function link(address, children) {
  const href = safeUrl(address);
  if (!href) return h("span", {}, ...children);
  return h(
    "a",
    { class: "link", href, title: href, target: "_blank", rel: "noopener noreferrer nofollow" },
    ...children,
  );
}

function spoiler(children) {
  const inside = h("span", { class: "spoiler-text", "aria-hidden": "true" }, ...children);
  const reveal = (event) => {
    event.preventDefault();
    element.classList.add("revealed");
    inside.removeAttribute("aria-hidden");
    for (const name of ["role", "tabindex", "aria-label"]) element.removeAttribute(name);
    element.removeEventListener("click", reveal);
  };
  const onkeydown = (event) =>
    ["Enter", " "].includes(event.key) && element.hasAttribute("role") && reveal(event);
  const element = h(
    "span",
    {
      class: "spoiler",
      role: "button",
      tabindex: 0,
      "aria-label": t("reveal"),
      onclick: reveal,
      onkeydown,
    },
    inside,
  );
  return element;
}

const segmenter = Intl.Segmenter ? new Intl.Segmenter(language) : null;

/** Whether a text is one to three emoji and nothing else: those are drawn large. */
export function isFewEmoji(text) {
  if (
    text.length > 40 ||
    !segmenter ||
    !/^[\p{Extended_Pictographic}\p{Emoji_Component}\u200d\s]+$/u.test(text)
  )
    return false;
  const signs = [...segmenter.segment(text.trim())];
  return (
    signs.length <= 3 && signs.every(({ segment }) => /\p{Extended_Pictographic}/u.test(segment))
  );
}
