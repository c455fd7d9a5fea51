// A picture in full size: zoom by wheel, pinch, double press or buttons, drag, previous and next, download.

import { h, icon, iconButton } from "./dom.js";
import { pictureOf } from "./media.js";
import { openDialog } from "./notices.js";
import { store } from "./store.js";
import { t } from "./words.js";

const ZOOM_MOST = 8;
const ZOOM_STEP = 1.5;
const DOUBLE_ZOOM = 2.5;
const TAP_PX = 6;
const SWIPE_PX = 60;

/** Opens the picture of a message; arrows go on to the other pictures of the chat. */
export function openLightbox(message) {
  const pictures = store.messages(message.chat.id).filter(pictureOf);
  new Lightbox(
    pictures,
    pictures.findIndex(({ message_id: id }) => id === message.message_id),
  );
}

class Lightbox {
  #pictures;
  #at;
  #image = h("img", { class: "lightbox-image", draggable: "false" });
  #stage = h("div", { class: "lightbox-stage" }, this.#image);
  #caption = h("p", { class: "lightbox-caption", dir: "auto" });
  #save = h(
    "a",
    { class: "icon-button", "aria-label": t("download"), title: t("download") },
    icon("download"),
  );
  #previous = iconButton("back", t("previous"), {
    class: "lightbox-previous",
    onclick: () => this.#go(-1),
  });
  #next = iconButton("next", t("next"), { class: "lightbox-next", onclick: () => this.#go(1) });
  #pointers = new Map();
  #moved_px = 0;
  #start_x = 0;
  #dialog;
  #zoom = 1;
  #x = 0;
  #y = 0;

  constructor(pictures, at) {
    this.#pictures = pictures;
    this.#at = Math.max(0, at);
    const bar = h(
      "div",
      { class: "lightbox-bar" },
      iconButton("minus", t("zoom_out"), { onclick: () => this.#scale(1 / ZOOM_STEP) }),
      iconButton("plus", t("zoom_in"), { onclick: () => this.#scale(ZOOM_STEP) }),
      this.#save,
      iconButton("close", t("close"), { autofocus: true, onclick: () => this.#dialog.close() }),
    );
    const content = h(
      "div",
      { class: "lightbox-content" },
      this.#stage,
      bar,
      this.#previous,
      this.#next,
      this.#caption,
    );
    this.#dialog = openDialog(content, {
      class: "lightbox",
      testid: "lightbox",
      "aria-label": t("kind_photo"),
    });
    this.#listen();
    this.#go(0);
  }

  #listen() {
    this.#dialog.addEventListener("keydown", ({ key }) => {
      if (key === "ArrowLeft") this.#go(-1);
      if (key === "ArrowRight") this.#go(1);
      if (key === "+" || key === "=") this.#scale(ZOOM_STEP);
      if (key === "-") this.#scale(1 / ZOOM_STEP);
    });
    const stage = this.#stage;
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.#scale(event.deltaY < 0 ? 1.2 : 1 / 1.2, event.clientX, event.clientY);
    });
    stage.addEventListener("dblclick", ({ clientX, clientY }) =>
      this.#scale(this.#zoom > 1 ? 1 / ZOOM_MOST : DOUBLE_ZOOM, clientX, clientY),
    );
    stage.addEventListener("pointerdown", (event) => this.#down(event));
    stage.addEventListener("pointermove", (event) => this.#move(event));
    stage.addEventListener("pointerup", (event) => this.#up(event));
    stage.addEventListener("pointercancel", (event) => this.#pointers.delete(event.pointerId));
  }

  #go(step) {
    const at = this.#at + step;
    if (at < 0 || at >= this.#pictures.length) return;
    this.#at = at;
    const message = this.#pictures[at];
    const { url, name } = pictureOf(message);
    Object.assign(this.#image, { src: url, alt: message.caption || t("kind_photo") });
    Object.assign(this.#save, { href: url, download: name });
    this.#caption.textContent = message.caption ?? "";
    this.#previous.hidden = at === 0;
    this.#next.hidden = at === this.#pictures.length - 1;
    this.#zoom = 1;
    this.#scale(1);
  }

  /** Zooms by `factor` so that the point under the pointer stays under it. */
  #scale(factor, clientX = innerWidth / 2, clientY = innerHeight / 2) {
    const zoom = Math.min(ZOOM_MOST, Math.max(1, this.#zoom * factor));
    const { left, top, width, height } = this.#stage.getBoundingClientRect();
    const px = clientX - left - width / 2;
    const py = clientY - top - height / 2;
    this.#x = zoom === 1 ? 0 : px - ((px - this.#x) * zoom) / this.#zoom;
    this.#y = zoom === 1 ? 0 : py - ((py - this.#y) * zoom) / this.#zoom;
    this.#zoom = zoom;
    this.#draw();
  }

  #draw() {
    this.#image.style.transform = `translate(${this.#x}px, ${this.#y}px) scale(${this.#zoom})`;
    this.#stage.classList.toggle("zoomed", this.#zoom > 1);
  }

  #down(event) {
    this.#stage.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, event);
    if (this.#pointers.size > 1) return;
    this.#moved_px = 0;
    this.#start_x = event.clientX;
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const other = [...this.#pointers.values()].find(
      ({ pointerId }) => pointerId !== event.pointerId,
    );
    this.#pointers.set(event.pointerId, event);
    const dx = event.clientX - before.clientX;
    const dy = event.clientY - before.clientY;
    this.#moved_px += Math.hypot(dx, dy);
    if (other) {
      const spread = ({ clientX, clientY }) =>
        Math.hypot(clientX - other.clientX, clientY - other.clientY);
      this.#scale(
        spread(event) / Math.max(1, spread(before)),
        (event.clientX + other.clientX) / 2,
        (event.clientY + other.clientY) / 2,
      );
    } else if (this.#zoom > 1) {
      this.#x += dx;
      this.#y += dy;
      this.#draw();
    }
  }

  #up(event) {
    const isAlone = this.#pointers.size === 1;
    this.#pointers.delete(event.pointerId);
    if (!isAlone || this.#zoom > 1) return;
    const swiped_px = event.clientX - this.#start_x;
    const onPicture = document
      .elementsFromPoint(event.clientX, event.clientY)
      .includes(this.#image);
    // A press beside the picture closes, as people expect.
    if (this.#moved_px < TAP_PX && !onPicture) this.#dialog.close();
    else if (event.pointerType === "touch" && Math.abs(swiped_px) > SWIPE_PX)
      this.#go(swiped_px < 0 ? 1 : -1);
  }
}
