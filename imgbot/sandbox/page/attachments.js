// Pictures and files that wait above the text field to be sent.

import { h, icon, iconButton } from "./dom.js";
import { fileSize } from "./format.js";
import { toast } from "./notices.js";
import { t } from "./words.js";

const MOST_FILES = 30;
const MOST_BYTES = 64 * 1024 * 1024;

export class Attachments {
  #items = [];
  #onChange;
  #strip = h("div", { class: "strip" });
  #asFiles = h("input", { type: "checkbox", testid: "send-as-file", onchange: () => this.#draw() });
  #hidden = h("input", {
    type: "checkbox",
    testid: "send-hidden",
    onchange: () => this.#draw(),
  });
  #choice = h("label", { class: "check" }, this.#asFiles, t("send_as_file"));
  #veil = h("label", { class: "check" }, this.#hidden, t("send_hidden"));

  element = h(
    "div",
    { class: "attachments", hidden: true },
    this.#strip,
    h("div", { class: "choices" }, this.#choice, this.#veil),
  );

  constructor(onChange) {
    this.#onChange = onChange;
  }

  get isEmpty() {
    return this.#items.length === 0;
  }

  /** Adds files; pictures become photos unless `asFiles`. */
  add(files, asFiles = false) {
    for (const file of files) {
      if (file.size > MOST_BYTES)
        toast(t("file_too_large", { name: file.name, size: fileSize(file.size) }));
      else if (this.#items.length >= MOST_FILES) return this.#full();
      else this.#items.push(this.#item(file, asFiles));
    }
    this.#draw();
  }

  #full() {
    toast(t("too_many", { n: MOST_FILES }));
    this.#draw();
  }

  #item(file, asFile) {
    const item = {
      file,
      asFile: asFile || !file.type.startsWith("image/"),
      url: null,
      ready: Promise.resolve(),
    };
    if (!file.type.startsWith("image/")) return item;
    item.url = URL.createObjectURL(file);
    item.image = h("img", { src: item.url, alt: "", draggable: "false" });
    item.ready = new Promise((resolve) => {
      item.image.addEventListener("load", resolve);
      item.image.addEventListener("error", () => {
        // As Telegram's own apps do: what does not open as a picture is sent as a file.
        if (!item.asFile) toast(t("delivered_as_file", { name: file.name }));
        item.asFile = true;
        item.image = null;
        this.#draw();
        resolve();
      });
    });
    return item;
  }

  #draw() {
    this.#strip.replaceChildren(...this.#items.map((item) => this.#preview(item)));
    this.#choice.hidden = this.#items.every(({ asFile }) => asFile);
    this.#veil.hidden = this.#choice.hidden || this.#asFiles.checked;
    this.#strip.classList.toggle("veiled", this.#hidden.checked && !this.#veil.hidden);
    this.element.hidden = this.isEmpty;
    this.#onChange();
  }

  #preview(item) {
    const asFile = item.asFile || this.#asFiles.checked;
    const remove = iconButton("close", t("remove", { name: item.file.name }), {
      class: "remove",
      onclick: () => this.#remove(item),
    });
    const details = asFile
      ? h("span", { class: "strip-name" }, item.file.name, h("small", {}, fileSize(item.file.size)))
      : null;
    return h(
      "div",
      { class: asFile ? "preview as-file" : "preview", testid: "attachment" },
      item.image ?? h("span", { class: "file-icon" }, icon("file")),
      details,
      remove,
    );
  }

  #remove(item) {
    release([item]);
    this.#items = this.#items.filter((other) => other !== item);
    this.#draw();
  }

  /** Hands over what is there as {photos, documents, spoiler} (files, in order), and empties the strip. */
  async take() {
    const items = this.#items;
    const allAsFiles = this.#asFiles.checked;
    const spoiler = this.#hidden.checked;
    this.#hidden.checked = false;
    this.#items = [];
    this.#asFiles.checked = false;
    this.#draw();
    await Promise.all(items.map(({ ready }) => ready));
    release(items);
    const isFile = (item) => allAsFiles || item.asFile;
    const files = (list) => list.map(({ file }) => file);
    return {
      photos: files(items.filter((item) => !isFile(item))),
      documents: files(items.filter(isFile)),
      spoiler,
    };
  }

  /** Drops everything. */
  clear() {
    release(this.#items);
    this.#items = [];
    this.#draw();
  }
}

function release(items) {
  for (const { url } of items) if (url) URL.revokeObjectURL(url);
}
