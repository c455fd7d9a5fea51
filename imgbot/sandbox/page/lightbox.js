// A picture in full size: a press shows it pixel by pixel, and the browser zooms and scrolls.

import { h, icon, iconButton } from "./dom.js";
import { pictureOf } from "./media.js";
import { openDialog } from "./notices.js";
import { t } from "./words.js";

/** Opens the picture of a message. */
export function openLightbox(message) {
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
  const close = iconButton("close", t("close"), { type: "submit", autofocus: true });
  const stage = h(
    "form",
    {
      method: "dialog",
      class: "lightbox-stage",
      onclick: ({ target }) => target === stage && stage.requestSubmit(),
    },
    image,
    h("div", { class: "lightbox-bar" }, save, close),
    h("p", { class: "lightbox-caption", dir: "auto" }, message.caption ?? ""),
  );
  openDialog(stage, { class: "lightbox", testid: "lightbox", "aria-label": t("kind_photo") });
}
