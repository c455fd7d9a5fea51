// Times, sizes, names and the one-line gist of a message.

import { h, icon } from "./dom.js";
import { language, t } from "./words.js";

const clockFormat = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" });
const dayFormat = new Intl.DateTimeFormat(language, { day: "numeric", month: "long" });
const shortDayFormat = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
const fullFormat = new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "medium" });

const KINDS = [
  "animation",
  "photo",
  "document",
  "sticker",
  "voice",
  "video_note",
  "video",
  "audio",
  "contact",
  "location",
  "poll",
  "dice",
];
const PERSON_COLOURS = 7;
const GIST_LENGTH = 200;

export const clock = (unix_s) => clockFormat.format(unix_s * 1000);
export const fullTime = (unix_s) => fullFormat.format(unix_s * 1000);
export const dayKey = (unix_s) => new Date(unix_s * 1000).toDateString();

/** "Today", "Yesterday", "3 May". */
export function day(unix_s) {
  const key = dayKey(unix_s);
  const now = new Date();
  if (key === now.toDateString()) return t("today");
  now.setDate(now.getDate() - 1);
  return key === now.toDateString() ? t("yesterday") : dayFormat.format(unix_s * 1000);
}

/** The time for a list of chats: the clock today, the day before that. */
export function shortTime(unix_s) {
  return dayKey(unix_s) === new Date().toDateString()
    ? clock(unix_s)
    : shortDayFormat.format(unix_s * 1000);
}

/** 1234567 → "1.2 MB". */
export function fileSize(bytes) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const step = Math.min(
    units.length - 1,
    Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)),
  );
  const format = {
    style: "unit",
    unit: units[step],
    unitDisplay: step ? "short" : "long",
    maximumFractionDigits: step > 1 ? 1 : 0,
  };
  return new Intl.NumberFormat(language, format).format(bytes / 1000 ** step);
}

export const duration = (total_s) =>
  `${Math.floor(total_s / 60)}:${String(Math.floor(total_s % 60)).padStart(2, "0")}`;

export const personName = (user) =>
  [user?.first_name, user?.last_name].filter(Boolean).join(" ") || user?.title || "?";

/** Who speaks in a message: a person, or the chat in whose name it was sent. */
export const authorOf = (message) => message.sender_chat ?? message.from ?? message.chat;

/** The class of the colour that a person or group has everywhere. */
export const personColour = (id) => `colour-${Math.abs(id) % PERSON_COLOURS}`;

/** A round picture of a person, a group or the bot: initials on a colour of their own. */
export function avatar(who, extra = "") {
  const kind = who.is_bot ? "bot" : personColour(who.id);
  const letters = [...personName(who)].slice(0, 1).join("").toUpperCase();
  const inside = who.is_bot ? icon("photo") : who.id < 0 ? icon("group") : letters;
  return h("span", { class: `avatar ${kind} ${extra}`.trim(), "aria-hidden": "true" }, inside);
}

/** What a message holds: one of Telegram's names, "text", "service" or "other". */
export function kindOf(message) {
  if (message.text !== undefined || message.invoice) return "text";
  return KINDS.find((kind) => message[kind]) ?? (serviceText(message) ? "service" : "other");
}

/** The sentence for a message of Telegram's own ("Ann joined"), or null. */
export function serviceText(message) {
  if (message.new_chat_members)
    return t("service_joined", { name: message.new_chat_members.map(personName).join(", ") });
  if (message.left_chat_member)
    return t("service_left", { name: personName(message.left_chat_member) });
  if (message.group_chat_created || message.supergroup_chat_created) return t("service_group");
  if (message.forum_topic_created)
    return t("service_topic", { name: message.forum_topic_created.name });
  if (message.successful_payment)
    return t("service_paid", { n: message.successful_payment.total_amount });
  if (message.refunded_payment)
    return t("service_refunded", { n: message.refunded_payment.total_amount });
  if (message.migrate_to_chat_id) return t("service_moved");
  if (message.migrate_from_chat_id) return t("service_moved_here");
  return message.pinned_message ? t("service_pinned") : null;
}

/** A message in one line of plain text. */
export function gist(message) {
  const kind = kindOf(message);
  if (kind === "text") return inOneLine(message.text ?? message.invoice.title);
  if (kind === "service") return serviceText(message);
  const label =
    kind === "sticker"
      ? `${message.sticker.emoji ?? ""} ${t("kind_sticker")}`.trim()
      : kind === "document"
        ? message.document.file_name
        : null;
  return inOneLine(message.caption || label || t(`kind_${kind}`));
}

const inOneLine = (text) => String(text).replace(/\s+/g, " ").slice(0, GIST_LENGTH);
