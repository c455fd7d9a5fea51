// Touch and right click on messages: swipe to the left to reply, hold for the actions.

import { store } from "./store.js";

const SWIPE_PX = 56;
const SWIPE_MOST_PX = 80;
const SLOP_PX = 10;
const HOLD_MS = 480;

/** Watches the rows inside `root`. */
export function watchGestures(root, act) {
  let touch = null;

  const messageAt = (target) => {
    const row = target.closest?.("[data-row]");
    const id = target.closest?.("[data-message-id]")?.dataset.messageId ?? row?.dataset.row;
    return row ? { row, message: store.message(store.chatId, Number(id)) } : {};
  };

  const end = () => {
    if (!touch) return;
    clearTimeout(touch.timer);
    touch.row.style.translate = "";
    touch.row.classList.remove("swiping");
    if (touch.dx <= -SWIPE_PX) act.reply(touch.message);
    touch = null;
  };

  root.addEventListener("contextmenu", (event) => {
    const { message } = messageAt(event.target);
    // On links and selected text the browser's own menu is worth more.
    if (!message || event.target.closest("a") || String(getSelection())) return;
    event.preventDefault();
    act.openMenu(message, new DOMRect(event.clientX, event.clientY, 0, 0));
  });

  root.addEventListener("pointerdown", (event) => {
    const { row, message } = messageAt(event.target);
    if (event.pointerType !== "touch" || !message) return;
    const { clientX: x, clientY: y } = event;
    const hold = () => {
      act.openMenu(message, new DOMRect(x, y, 0, 0));
      touch = null;
    };
    touch = { row, message, x, y, dx: 0, timer: setTimeout(hold, HOLD_MS) };
  });

  root.addEventListener("pointermove", (event) => {
    if (!touch) return;
    const dx = event.clientX - touch.x;
    const dy = event.clientY - touch.y;
    if (Math.hypot(dx, dy) > SLOP_PX) clearTimeout(touch.timer);
    if (Math.abs(dy) > Math.abs(dx) || dx > 0) return;
    touch.dx = Math.max(-SWIPE_MOST_PX, dx);
    touch.row.classList.add("swiping");
    touch.row.style.translate = `${touch.dx}px 0`;
  });

  root.addEventListener("pointerup", end);
  root.addEventListener("pointercancel", end);
}
