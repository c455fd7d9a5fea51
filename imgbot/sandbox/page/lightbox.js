// A picture in full size: a press shows it pixel by pixel, and the browser zooms and scrolls.

import { h, icon, iconButton } from "./dom.js";
import { pictureOf } from "./media.js";
import { openDialog } from "./notices.js";
import { t } from "./words.js";

const PEN = { colour: "#ff3b30", share: 0.008 };
const QUALITY = 0.88;

/** Opens the picture of a message; `send` gets the picture as a file once it was drawn on. */
export function openLightbox(message, send) {
  const { url, name } = pictureOf(message);
  const image = h("img", {
    src: url,
    alt: message.caption || t("kind_photo"),
    onclick: () => image.classList.toggle("full"),
  });
  const save = h(
    "a",
    {
      class: "icon-button",
      href: url,
      download: name,
      "aria-label": t("download"),
      title: t("download"),
    },
    icon("download"),
  );
  const pen = iconButton("edit", t("draw"), {
    testid: "draw",
    onclick: () => {
      const canvas = drawingOn(image);
      image.replaceWith(canvas);
      const done = iconButton("send", t("draw_done"), {
        testid: "draw-done",
        onclick: () =>
          canvas.toBlob(
            (blob) => {
              stage.requestSubmit();
              send(new File([blob], "drawing.jpg", { type: blob.type }));
            },
            "image/jpeg",
            QUALITY,
          ),
      });
      pen.replaceWith(done);
    },
  });
  const close = iconButton("close", t("close"), { type: "submit", autofocus: true });
  const stage = h(
    "form",
    {
      method: "dialog",
      class: "lightbox-stage",
      onclick: ({ target }) => target === stage && stage.requestSubmit(),
    },
    image,
    h("div", { class: "lightbox-bar" }, pen, save, close),
    h("p", { class: "lightbox-caption", dir: "auto" }, message.caption ?? ""),
  );
  openDialog(stage, { class: "lightbox", testid: "lightbox", "aria-label": t("kind_photo") });
}

/** A canvas with the picture, on which the pointer draws. */
function drawingOn(image) {
  const canvas = h("canvas", { testid: "drawing" });
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  context.strokeStyle = PEN.colour;
  context.lineWidth = Math.max(3, PEN.share * Math.max(canvas.width, canvas.height));
  context.lineCap = context.lineJoin = "round";
  const scaled = ({ offsetX, offsetY }) => [
    (offsetX * canvas.width) / canvas.clientWidth,
    (offsetY * canvas.height) / canvas.clientHeight,
  ];
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    context.beginPath();
    context.moveTo(...scaled(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    context.lineTo(...scaled(event));
    context.stroke();
  });
  return canvas;
}
