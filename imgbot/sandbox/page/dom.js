// Making elements. Text goes in as text nodes only, so nothing that people write is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  album: "M4 7h12v12H4zM8 4h12v12",
  attach:
    "M20 11.5l-8.2 8.2a5.2 5.2 0 0 1-7.4-7.4l8.5-8.4a3.5 3.5 0 0 1 5 4.9l-8.5 8.4a1.7 1.7 0 0 1-2.5-2.4l7.8-7.7",
  back: "M15 5l-7 7 7 7",
  close: "M6 6l12 12M18 6L6 18",
  contact: "M4 5h16v14H4zM9 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM6 16c.3-1.700 1.500-2.500 3-2.500s2.700.8 3 2.500M15 10h3M15 14h3",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  down: "M6 10l6 6 6-6",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  edit: "M4 20l1-4L16.5 4.5l3 3L8 19zM14 7l3 3",
  file: "M6 3h8l5 5v13H6zM14 3v5h5",
  forward: "M14 6l6 6-6 6M20 12h-9a7 7 0 0 0-7 7",
  group:
    "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c0-3.5 3-6 6.500-6s6.500 2.500 6.500 6M16 4.500a3.300 3.300 0 0 1 0 6.200M17.500 14.300c2.400.6 4 2.700 4 5.700",
  hash: "M5 9h15M4 15h15M10 4L8 20M16 4l-2 16",
  link: "M8 16l8-8M10 8h6v6",
  location: "M12 21s7-6.200 7-11.500a7 7 0 0 0-14 0C5 14.800 12 21 12 21zM12 12a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z",
  mic: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5.500 11a6.500 6.500 0 0 0 13 0M12 17.500V21",
  more: "M12 5.500v.01M12 12v.01M12 18.500v.01",
  photo: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.500 9.500v.01",
  play: "M8 5l11 7-11 7z",
  plus: "M12 5v14M5 12h14",
  poll: "M6 20v-6M12 20V6M18 20v-9",
  reply: "M10 6L4 12l6 6M4 12h9a7 7 0 0 1 7 7",
  send: "M4 12L20 4l-5 16-4-7z",
  slash: "M9 20L15 4",
  stop: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM5.700 5.700l12.600 12.600",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
};

/** A line icon; decoration only, so hidden from screen readers. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("data-icon", name);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** An element with attributes, listeners (onclick: …) and children; null and false are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "testid") element.dataset.testid = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(
    ...children
      .flat()
      .filter((child) => child !== null && child !== undefined && child !== false && child !== ""),
  );
  return element;
}

/** A button that shows an icon alone and carries its name for screen readers and as a tooltip. */
export function iconButton(name, label, attributes = {}) {
  const { class: extra = "", ...rest } = attributes;
  return h(
    "button",
    {
      type: "button",
      class: `icon-button ${extra}`.trim(),
      "aria-label": label,
      title: label,
      ...rest,
    },
    icon(name),
  );
}

/** The address if it is one we are ready to open, else null: links come from strangers. */
export function safeUrl(text) {
  const candidate = /^[a-z][a-z0-9+.-]*:/i.test(text) ? text : `https://${text}`;
  try {
    const url = new URL(candidate);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

const shown = new WeakMap();

/**
 * Makes the children of `parent` match `items`, in order, keeping an element while its key stays and redrawing it
 * only if `same(old, new)` is false. Focus, scroll position and loaded pictures survive that way.
 */
export function reconcile(parent, items, { key, create, update, same }) {
  const before = new Map();
  for (const child of [...parent.children]) {
    const item = shown.get(child);
    if (item !== undefined) before.set(key(item), child);
  }
  let place = null;
  for (const item of items) {
    const old = before.get(key(item));
    before.delete(key(item));
    const element = old ?? create(item);
    if (old && !same(shown.get(old), item)) update(old, item);
    shown.set(element, item);
    const expected = place ? place.nextElementSibling : parent.firstElementChild;
    // A needless move would restart animations and drop focus.
    if (element !== expected) parent.insertBefore(element, expected);
    place = element;
  }
  for (const gone of before.values()) gone.remove();
}
