// Photos, albums, documents and labels for everything else.

import { h, icon } from "./dom.js";
import { fileUrl } from "./control.js";
import { duration, fileSize, gist, kindOf, personName } from "./format.js";
import { t } from "./words.js";

const BOX_WIDTH_PX = 400;
const BOX_HEIGHT_PX = 440;
const NARROWEST_PX = 140;
const ALBUM_ROWS = {
  2: [2],
  3: [1, 2],
  4: [2, 2],
  5: [2, 3],
  6: [3, 3],
  7: [2, 2, 3],
  8: [2, 3, 3],
  9: [3, 3, 3],
  10: [3, 3, 4],
};

const SIGNS = {
  animation: "play",
  audio: "play",
  contact: "contact",
  location: "location",
  poll: "poll",
  video: "play",
  video_note: "play",
  voice: "mic",
};

const clamp = (low, value, high) => Math.min(high, Math.max(low, value));
const area = ({ width, height }) => width * height;

/** The largest size of a photo. */
const largest = (sizes) =>
  sizes.reduce((best, size) => (area(size) > area(best) ? size : best));

/** The full picture that a message holds, as {url, name}, or null: a photo, or a document that is an image. */
export function pictureOf(message) {
  if (message.photo) {
    const { file_id: fileId } = largest(message.photo);
    return { url: fileUrl(fileId), name: `photo-${message.message_id}.jpg` };
  }
  if (!isImageDocument(message)) return null;
  return { url: fileUrl(message.document.file_id), name: message.document.file_name ?? "picture" };
}

const isImageDocument = ({ document }) =>
  /^image\/(jpeg|png|webp|gif|avif|bmp)$/.test(document?.mime_type ?? "");

/** The width in px at which a single photo is shown. */
export function photoWidth({ photo }) {
  const { width, height } = largest(photo);
  const fitted = Math.min(width, BOX_WIDTH_PX, (BOX_HEIGHT_PX * width) / height);
  return Math.round(Math.max(NARROWEST_PX, fitted));
}

/** A photo in a button that opens it; its place is kept free while it loads, so that nothing jumps. */
export function photo(message, act) {
  const size = largest(message.photo);
  const image = h("img", {
    src: fileUrl(size.file_id),
    alt: message.caption || t("kind_photo"),
    width: size.width,
    height: size.height,
    decoding: "async",
    draggable: "false",
    testid: "message-photo",
  });
  const open = () => act.openPicture(message);
  const button = h(
    "button",
    { type: "button", class: "photo", "aria-label": t("open_photo") },
    image,
  );
  button.style.setProperty("--ratio", clamp(0.5, size.width / size.height, 2.6));
  if (message.has_media_spoiler) veil(button, open);
  else button.addEventListener("click", open);
  return button;
}

function veil(button, open) {
  button.classList.add("veiled");
  button.setAttribute("aria-label", t("reveal"));
  button.addEventListener("click", () => {
    if (button.classList.contains("veiled")) {
      button.classList.remove("veiled");
      button.setAttribute("aria-label", t("open_photo"));
    } else {
      open();
    }
  });
}

/** Lays the photos of an album out in rows; `cell(message)` makes each one. */
export function album(messages, cell) {
  if (isUpright(messages)) return besides(messages, cell);
  const plan = ALBUM_ROWS[messages.length] ?? Array(Math.ceil(messages.length / 3)).fill(3);
  const ratios = messages.map(({ photo: sizes }) =>
    clamp(0.66, largest(sizes).width / largest(sizes).height, 1.7),
  );
  let at = 0;
  const rows = plan.map((count) => {
    const row = h("div", { class: "album-row" });
    const members = messages.slice(at, at + count);
    const sum = ratios.slice(at, at + count).reduce((a, b) => a + b, 0);
    row.style.aspectRatio = String(Math.max(1.5, sum));
    members.forEach((message, i) => {
      const element = cell(message);
      element.style.flexGrow = String(ratios[at + i]);
      row.append(element);
    });
    at += count;
    return row;
  });
  return h("div", { class: "album" }, ...rows.filter((row) => row.childElementCount));
}

/** Whether three or four photos look best with the first, an upright one, beside the others. */
function isUpright([first, ...others]) {
  const { width, height } = largest(first.photo);
  return width < height * 0.9 && (others.length === 2 || others.length === 3);
}

function besides([first, ...others], cell) {
  const column = h("div", { class: "album-column" }, ...others.map(cell));
  return h("div", { class: "album beside" }, cell(first), column);
}

/** A document: thumbnail or icon, name, size, and a way to download it. */
export function documentCard(message, act) {
  const { document: file } = message;
  const name = file.file_name ?? t("file");
  const details = h(
    "span",
    { class: "file-details" },
    h("span", { class: "file-name", dir: "auto" }, name),
    h("span", { class: "file-size" }, fileSize(file.file_size ?? 0)),
  );
  const address = {
    href: fileUrl(file.file_id),
    download: name,
    title: `${t("download")}: ${name}`,
  };
  return h(
    "div",
    { class: "file", testid: "message-document" },
    thumbnail(message, act) ??
      h("a", { class: "file-icon", ...address, "aria-hidden": "true", tabindex: -1 }, icon("file")),
    h("a", { class: "file-link", ...address }, details, icon("download")),
  );
}

function thumbnail(message, act) {
  const { thumbnail: small, file_id: fileId } = message.document;
  if (!isImageDocument(message)) return null;
  const image = h("img", {
    src: fileUrl(small?.file_id ?? fileId),
    alt: "",
    draggable: "false",
    loading: "lazy",
  });
  return h(
    "button",
    {
      type: "button",
      class: "file-thumb",
      "aria-label": t("open_photo"),
      onclick: () => act.openPicture(message),
    },
    image,
  );
}

/** A sticker of the bot; those that tests send have no file. */
export const sticker = ({ sticker: { file_id: fileId, width, height, emoji } }) =>
  h("img", {
    src: fileUrl(fileId),
    alt: emoji || t("kind_sticker"),
    width,
    height,
    class: "sticker",
    draggable: "false",
    testid: "message-sticker",
  });

/** A clip of the bot, which plays by itself; a hidden one when it is pressed. */
export function clip(message, { file_id: fileId, mime_type: type, width, height }) {
  const isImage = type === "image/gif";
  const place = { src: fileUrl(fileId), width, height, class: "clip", testid: "message-clip" };
  const player = isImage
    ? h("img", { ...place, alt: message.caption || t("kind_animation"), draggable: "false" })
    : h("video", { ...place, controls: "", loop: "", playsinline: "" });
  if (message.has_media_spoiler) {
    player.classList.add("veiled");
    player.addEventListener("click", () => player.classList.remove("veiled"), { once: true });
  }
  return player;
}

/** A line that stands for what this page does not play: stickers of others, voice, video … */
export function label(message) {
  const kind = kindOf(message);
  const content = message[kind];
  if (kind === "sticker")
    return h(
      "span",
      { class: "sticker-label" },
      h("span", { class: "sticker-emoji" }, content.emoji ?? "🙂"),
      t("kind_sticker"),
    );
  const facts = [];
  if (content?.duration !== undefined) facts.push(duration(content.duration));
  if (content?.file_size) facts.push(fileSize(content.file_size));
  if (kind === "contact") facts.push(personName(content), content.phone_number);
  if (kind === "poll") facts.push(content.question);
  if (kind === "dice") facts.push(`${content.emoji} ${content.value}`);
  const sign = SIGNS[kind] ?? "file";
  return h(
    "span",
    { class: "label" },
    icon(sign),
    [t(`kind_${kind}`), ...facts].filter(Boolean).join(" · "),
  );
}

/** A small square picture for quotes and previews, or null. */
export function miniature(message) {
  const size = message.photo?.[0] ?? message.document?.thumbnail;
  return size && !message.has_media_spoiler
    ? h("img", { class: "miniature", src: fileUrl(size.file_id), alt: "" })
    : null;
}

/** A quoted message: bar, name, one line. */
export function quote(name, message, attributes = {}, tag = "button") {
  const words = h(
    "span",
    { class: "quote-words" },
    h("span", { class: "quote-name" }, name),
    h("span", { class: "quote-text", dir: "auto" }, gist(message)),
  );
  return h(
    tag,
    { class: "quote", ...(tag === "button" ? { type: "button" } : {}), ...attributes },
    miniature(message),
    words,
  );
}
