// The messages of the open chat: a window of at most 300 that stays where the reader is.

import { h, iconButton, reconcile } from "./dom.js";
import { authorOf, avatar, clock, dayKey, kindOf, personName } from "./format.js";
import { showWaiting } from "./keyboard.js";
import { createRow, updateRow } from "./message.js";
import { store } from "./store.js";
import { t } from "./words.js";

const SHOWN = 300;
const STEP = 150;
const NEAR_BOTTOM_PX = 80;
const JOINED_S = 300;

export class Timeline {
  #act;
  #list = h("div", { class: "messages" });
  #earlier = h(
    "button",
    { type: "button", class: "page-button", hidden: true, onclick: () => this.#page(-STEP) },
    t("earlier"),
  );
  #later = h(
    "button",
    { type: "button", class: "page-button", hidden: true, onclick: () => this.#page(STEP) },
    t("later"),
  );
  #empty = h("div", { class: "empty", hidden: true });
  #scroller = h(
    "div",
    {
      class: "scroller",
      role: "log",
      "aria-live": "off",
      "aria-label": t("messages"),
      tabindex: 0,
    },
    this.#earlier,
    this.#empty,
    this.#list,
    this.#later,
  );
  #missed = h("span", { class: "badge", hidden: true });
  #down = iconButton("down", t("jump_down"), {
    class: "jump-down",
    hidden: true,
    onclick: () => this.toBottom(true),
  });
  #chat = null;
  #viewer = null;
  #first = null;
  #atBottom = true;
  #missedCount = 0;
  #fresh = new Set();

  element = h("div", { class: "timeline" }, this.#scroller, this.#down);

  constructor(act) {
    this.#act = act;
    this.#down.append(this.#missed);
    this.#scroller.addEventListener("scroll", () => this.#noteScroll(), { passive: true });
    this.#scroller.addEventListener("keydown", (event) => this.#walk(event));
    const resized = new ResizeObserver(() => this.#atBottom && this.toBottom());
    resized.observe(this.#scroller);
    resized.observe(this.#list);
    this.#scroller.addEventListener("contextmenu", (event) => this.#openMenu(event));
    store.addEventListener("message", ({ detail }) => this.#arrived(detail));
  }

  #arrived(message) {
    if (message.chat.id !== this.#chat) return;
    this.#fresh.add(message.message_id);
    if (store.isMine(message)) {
      this.#first = null;
      this.#atBottom = true;
    } else if (!this.#atBottom) {
      this.#missedCount += 1;
    }
  }

  /** Draws what changed. */
  draw() {
    if (store.chatId === null) return;
    if (this.#chat !== store.chatId || this.#viewer !== store.me) this.#enter();
    const all = store.messages(store.chatId);
    const start = this.#startIn(all);
    const items = group(all.slice(start, start + SHOWN));
    this.#earlier.hidden = start === 0;
    this.#later.hidden = start + SHOWN >= all.length;
    this.#drawEmpty(all);
    reconcile(this.#list, items, {
      key: (item) => item.key,
      create: (item) => this.#create(item),
      update: (row, item) => updateRow(row, item, this.#act),
      same: isSame,
    });
    this.#fresh.clear();
    showWaiting(this.#list);
    if (this.#atBottom && this.#later.hidden) this.toBottom();
    this.#drawDown();
  }

  #enter() {
    this.#chat = store.chatId;
    this.#viewer = store.me;
    this.#first = null;
    this.#atBottom = true;
    this.#missedCount = 0;
    this.#list.replaceChildren();
  }

  #startIn(all) {
    if (this.#first === null) return Math.max(0, all.length - SHOWN);
    const at = all.findIndex(({ message_id: id }) => id >= this.#first);
    return at < 0 ? Math.max(0, all.length - SHOWN) : at;
  }

  #create(item) {
    const row = createRow(item, this.#act);
    if (item.messages?.some(({ message_id: id }) => this.#fresh.has(id)))
      row.classList.add("fresh");
    return row;
  }

  #drawEmpty(all) {
    const isEmpty = all.length === 0 && store.isLoaded(store.chatId);
    if (this.#empty.hidden !== isEmpty) return;
    this.#empty.hidden = !isEmpty;
    this.#empty.replaceChildren(
      ...(isEmpty
        ? [store.chatId > 0 ? this.#welcome() : h("p", { class: "notice" }, t("empty_group"))]
        : []),
    );
  }

  #welcome() {
    const start = h(
      "button",
      {
        type: "button",
        class: "start",
        testid: "start-button",
        onclick: () => this.#act.command("/start"),
      },
      t("start"),
    );
    const title = h("h2", {}, t("start_title", { name: personName(store.bot) }));
    return h(
      "div",
      { class: "welcome" },
      avatar({ ...store.bot, is_bot: true }, "large"),
      title,
      h("p", {}, t("start_text")),
      start,
    );
  }

  // ---- scrolling

  toBottom(smooth = false) {
    if (!this.#later.hidden) {
      this.#first = null;
      this.#atBottom = true;
      this.draw();
      return;
    }
    this.#scroller.scrollTo({
      top: this.#scroller.scrollHeight,
      behavior: smooth ? "smooth" : "instant",
    });
  }

  #noteScroll() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    this.#atBottom = scrollHeight - scrollTop - clientHeight < NEAR_BOTTOM_PX;
    if (this.#atBottom) this.#missedCount = 0;
    this.#drawDown();
  }

  #drawDown() {
    this.#down.hidden = this.#atBottom && this.#later.hidden;
    this.#missed.hidden = this.#missedCount === 0;
    this.#missed.textContent = String(this.#missedCount);
  }

  /** Moves the window by `step` messages and keeps what is in view where it is. */
  #page(step) {
    const all = store.messages(this.#chat);
    const start = Math.max(0, this.#startIn(all) + step);
    this.#first = start + SHOWN >= all.length ? null : all[start].message_id;
    this.#atBottom = false;
    const rows = [...this.#list.querySelectorAll("[data-row]")];
    const anchor = rows.at(step < 0 ? 0 : -1);
    const before = anchor?.getBoundingClientRect().bottom ?? 0;
    // The browser's own anchoring would add to ours.
    this.#scroller.style.overflowAnchor = "none";
    this.draw();
    if (anchor?.isConnected)
      this.#scroller.scrollTop += anchor.getBoundingClientRect().bottom - before;
    this.#scroller.style.overflowAnchor = "";
  }

  /** Scrolls to a message and lights it up; false if it is not there any more. */
  jump(messageId) {
    const all = store.messages(this.#chat);
    const at = all.findIndex(({ message_id: id }) => id === messageId);
    if (at < 0) return false;
    if (!this.#find(messageId)) {
      this.#first = all[Math.max(0, at - STEP)].message_id;
      this.#atBottom = false;
      this.draw();
    }
    const element = this.#find(messageId);
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    element.scrollIntoView({ block: "center", behavior: isCalm ? "instant" : "smooth" });
    element.classList.remove("lit");
    requestAnimationFrame(() => element.classList.add("lit"));
    element.addEventListener("animationend", () => element.classList.remove("lit"), { once: true });
    return true;
  }

  #find(messageId) {
    return this.#list.querySelector(`[data-message-id="${Number(messageId)}"]`);
  }

  /** A right click or a long touch opens the actions of a message. */
  #openMenu(event) {
    const { target, pointerType } = event;
    const place = target.closest("[data-message-id]") ?? target.closest("[data-row]");
    const message = store.message(
      this.#chat,
      Number(place?.dataset.messageId ?? place?.dataset.row),
    );
    // On links and selected text the browser's own menu is worth more; a long touch selects.
    const isSelected = pointerType !== "touch" && String(getSelection());
    if (!message || target.closest("a") || isSelected) return;
    event.preventDefault();
    this.#act.openMenu(message, new DOMRect(event.clientX, event.clientY, 0, 0));
  }

  /** Arrow keys go from message to message; Enter opens the actions of the one in focus. */
  #walk(event) {
    const row = event.target.closest?.("[data-row]");
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step && (row === event.target || event.target === this.#scroller)) {
      const rows = [...this.#list.querySelectorAll("[data-row]")];
      const next = row ? rows[rows.indexOf(row) + step] : rows.at(-1);
      next?.focus();
      next?.scrollIntoView({ block: "nearest" });
      event.preventDefault();
    } else if (row === event.target && row && ["Enter", "ContextMenu"].includes(event.key)) {
      event.preventDefault();
      this.#act.openMenu(
        store.message(this.#chat, Number(row.dataset.row)),
        row.getBoundingClientRect(),
      );
    }
  }
}

/** Messages → items: days, albums, and runs of one sender whose bubbles are joined. */
function group(messages) {
  const items = [];
  let today = "";
  for (const message of messages) {
    if (dayKey(message.date) !== today) {
      today = dayKey(message.date);
      items.push({ key: `day ${today}`, day: message.date });
    }
    const before = items.at(-1);
    if (isOneAlbum(before.messages?.[0], message)) before.messages.push(message);
    else items.push({ key: message.message_id, messages: [message] });
  }
  for (const [i, item] of items.entries()) {
    item.first = !isJoined(items[i - 1], item);
    item.last = !isJoined(item, items[i + 1]);
  }
  return items;
}

function isOneAlbum(a, b) {
  if (!b.media_group_id || a?.media_group_id !== b.media_group_id) return false;
  return ["photo", "document"].includes(kindOf(a)) && kindOf(a) === kindOf(b);
}

function isJoined(one, two) {
  if (!one?.messages || !two?.messages) return false;
  const [a, b] = [one.messages[0], two.messages[0]];
  if (kindOf(a) === "service" || kindOf(b) === "service") return false;
  return authorOf(a).id === authorOf(b).id && b.date - a.date < JOINED_S;
}

function isSame(old, item) {
  if (old.day || item.day) return old.day && item.day && clock(old.day) === clock(item.day);
  const isUnchanged =
    old.messages.length === item.messages.length &&
    item.messages.every((message, i) => message === old.messages[i]);
  return isUnchanged && old.first === item.first && old.last === item.last;
}
