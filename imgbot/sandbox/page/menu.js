// Small menus: the actions of a message, what to attach, where to forward.

import { h, icon } from "./dom.js";

const EDGE_PX = 8;

let close = null;

/** Shows `items` ({icon?, picture?, text, onclick, danger?, checked?}) by the rectangle; Escape or a press elsewhere closes it. */
export function openMenu(items, anchor, { above = false } = {}) {
  close?.();
  const back = document.activeElement;
  const menu = h(
    "div",
    { class: "menu", role: "menu", tabindex: -1 },
    ...items.map((item) => entry(item)),
  );
  document.body.append(menu);
  placeMenu(menu, anchor, above);
  const buttons = [...menu.children];
  buttons[0]?.focus({ preventScroll: true });

  const outside = (event) => !menu.contains(event.target) && close?.();
  const onkey = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) buttons.at((buttons.indexOf(document.activeElement) + step) % buttons.length).focus();
    if (event.key === "Escape" || event.key === "Tab") close();
    if (step || event.key === "Escape") event.preventDefault();
  };
  close = () => {
    menu.remove();
    document.removeEventListener("pointerdown", outside, true);
    document.removeEventListener("wheel", outside, true);
    close = null;
    if (!document.activeElement || document.activeElement === document.body)
      back?.focus?.({ preventScroll: true });
  };
  menu.addEventListener("keydown", onkey);
  document.addEventListener("pointerdown", outside, true);
  document.addEventListener("wheel", outside, true);
}

function entry({ icon: sign, picture, text, onclick, danger, checked }) {
  const role =
    checked === undefined
      ? { role: "menuitem" }
      : { role: "menuitemradio", "aria-checked": String(checked) };
  const run = () => {
    close();
    onclick();
  };
  return h(
    "button",
    {
      type: "button",
      class: danger ? "menu-item danger" : "menu-item",
      tabindex: -1,
      ...role,
      onclick: run,
    },
    picture ?? (sign ? icon(sign) : null),
    h("span", {}, text),
  );
}

function placeMenu(menu, anchor, above) {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const left = Math.min(anchor.left, innerWidth - width - EDGE_PX);
  const below = anchor.bottom + EDGE_PX;
  const top = above || below + height > innerHeight ? anchor.top - height - EDGE_PX : below;
  menu.style.left = `${Math.max(EDGE_PX, left)}px`;
  menu.style.top = `${Math.max(EDGE_PX, Math.min(top, innerHeight - height - EDGE_PX))}px`;
}
