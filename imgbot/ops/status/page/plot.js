// One plot: its frame, its marks, the cursor that tells the figures, and the same in words.

import { h, s, show } from "./dom.js";
import { clock, plain } from "./figures.js";
import { stepName } from "./history.js";
import { heightTicks, timeTicks } from "./scale.js";

const LEFT = 34;
const RIGHT = 6;
const TOP = 8;
const BOTTOM = 20;
const TABLE_ROWS = 24;

export class Plot {
  #about;
  #canvas;
  #caption;
  #table;
  #tip;
  #data = null;
  #at = null;
  element;

  /**
   * `about`: title, unit, series [{name, label, form: "line" | "area" | "bars"}], vital
   * (whose bounds are drawn), isWhole, and words(rows): a sentence that says what there is to see.
   */
  constructor(about) {
    this.#about = about;
    this.#caption = h("figcaption");
    this.#tip = h("div", { class: "tip", hidden: true });
    this.#canvas = h("div", { class: "canvas", tabindex: 0, role: "group", "aria-roledescription": "plot" });
    this.#table = h("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": `${about.title}: figures` });
    const details = h("details", { ontoggle: () => this.#fillTable() }, h("summary", {}, "Figures"), this.#table);
    this.element = h(
      "figure",
      { class: "plot", "data-plot": about.name },
      h("h3", {}, about.title, " ", h("small", {}, about.unit)),
      this.#caption,
      this.#canvas,
      this.#legend(),
      details,
    );
    this.#listen();
  }

  #legend() {
    const { series } = this.#about;
    const items = series.map(({ name, label }) => h("li", { "data-series": name }, h("span", {}, label)));
    return h("ul", { class: "legend", "aria-hidden": "true" }, items);
  }

  draw(data) {
    this.#data = data;
    const words = this.#about.words(data);
    if (this.#caption.textContent !== words) this.#caption.textContent = words;
    this.#canvas.setAttribute("aria-label", `${this.#about.title}. ${words} Left and right arrows tell the figures.`);
    this.#paint();
    this.#fillTable();
  }

  // ---- geometry

  #frame() {
    const width = this.#canvas.clientWidth || 300;
    const height = this.#svgHeight();
    const { rows } = this.#data;
    const most = Math.max(0, ...rows.map((row) => this.#heightOf(row)));
    const ticks = heightTicks(most, this.#about.isWhole);
    const y = (value) => height - BOTTOM - (value / ticks.at(-1)) * (height - TOP - BOTTOM);
    const slot = (width - LEFT - RIGHT) / rows.length;
    return { width, height, ticks, y, slot, x: (i) => LEFT + (i + 0.5) * slot };
  }

  #svgHeight() {
    const old = this.#canvas.querySelector("svg");
    return old?.clientHeight || 150;
  }

  #heightOf(row) {
    if (!row) return 0;
    const values = this.#about.series.map(({ name }) => row[name] ?? 0);
    return this.#about.isStacked ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values);
  }

  // ---- marks

  #paint() {
    if (!this.#data) return;
    if (!this.#canvas.querySelector("svg")) this.#canvas.replaceChildren(s("svg", { "aria-hidden": "true" }), this.#tip);
    const svg = this.#canvas.querySelector("svg");
    const frame = this.#frame();
    svg.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
    svg.replaceChildren(...this.#away(frame), ...this.#axes(frame), ...this.#thresholds(frame), ...this.#marks(frame), ...this.#cursor(frame));
  }

  /** Shades the steps in which the service did not run, between those in which it did. */
  #away({ slot, height }) {
    const { rows } = this.#data;
    const first = rows.findIndex(Boolean);
    return rows
      .map((row, i) => (row || first < 0 || i < first ? null : i))
      .filter((i) => i !== null && i < rows.length - 1)
      .map((i) => s("rect", { class: "away", x: LEFT + i * slot, y: TOP, width: slot + 0.5, height: height - TOP - BOTTOM }));
  }

  #axes({ width, height, ticks, y }) {
    const { begin_s, end_s } = this.#data;
    const x = (at) => LEFT + ((at - begin_s) / (end_s - begin_s)) * (width - LEFT - RIGHT);
    const levels = ticks.flatMap((tick) => [
      s("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(tick), y2: y(tick) }),
      s("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, plain(tick)),
    ]);
    const times = timeTicks(begin_s, end_s, width / 80)
      .filter((at) => x(at) > LEFT + 14 && x(at) < width - 18)
      .map((at) => s("text", { x: x(at), y: height - 4, "text-anchor": "middle" }, clock(at)));
    return [...levels, ...times];
  }

  #thresholds({ width, ticks, y }) {
    const bounds = this.#data.vitals?.[this.#about.vital] ?? {};
    return ["attention", "critical"]
      .map((level) => ({ level, at: bounds[level] ?? Infinity }))
      .filter(({ at }) => at <= ticks.at(-1))
      .map(({ at, level }) => s("line", { class: `threshold ${level}`, x1: LEFT, x2: width - RIGHT, y1: y(at), y2: y(at) }));
  }

  #marks(frame) {
    const below = this.#data.rows.map(() => 0);
    return this.#about.series.map((series) => {
      const draw = series.form === "bars" ? this.#bars : this.#curve;
      const marks = draw.call(this, series, frame, below);
      if (this.#about.isStacked) this.#data.rows.forEach((row, i) => (below[i] += row?.[series.name] ?? 0));
      return s("g", { "data-series": series.name }, marks);
    });
  }

  #bars({ name }, { slot, x, y }, below) {
    const width = Math.max(1, slot - Math.min(2, slot * 0.25));
    const parts = this.#data.rows.map((row, i) => {
      const value = row?.[name];
      if (!value) return "";
      const top = y(below[i] + value);
      return `M${(x(i) - width / 2).toFixed(1)} ${top.toFixed(1)}h${width.toFixed(1)}V${y(below[i]).toFixed(1)}h${(-width).toFixed(1)}z`;
    });
    return [s("path", { class: "solid", d: parts.join("") })];
  }

  #curve({ name, form }, { x, y }) {
    const runs = [];
    this.#data.rows.forEach((row, i) => {
      const value = row?.[name];
      if (typeof value !== "number") return;
      if (runs.at(-1)?.at(-1)?.i === i - 1) runs.at(-1).push({ i, value });
      else runs.push([{ i, value }]);
    });
    const at = ({ i, value }) => `${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    const line = runs.map((run) => `M${run.map(at).join("L")}`).join("");
    const alone = runs.filter((run) => run.length === 1).map(([{ i, value }]) => s("circle", { class: "solid", cx: x(i), cy: y(value), r: 2.5 }));
    const closed = runs.map((run) => `M${x(run[0].i)} ${y(0)}L${run.map(at).join("L")}L${x(run.at(-1).i)} ${y(0)}z`);
    const area = form === "area" ? [s("path", { class: "area", d: closed.join("") })] : [];
    return [...area, s("path", { class: "line", d: line }), ...alone];
  }

  // ---- the cursor

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener("pointermove", (event) => {
      const box = canvas.getBoundingClientRect();
      this.#moveTo(Math.floor((event.clientX - box.left - LEFT) / this.#frame().slot));
    });
    canvas.addEventListener("pointerleave", () => this.#moveTo(null));
    canvas.addEventListener("blur", () => this.#moveTo(null));
    canvas.addEventListener("keydown", (event) => {
      const last = this.#data.rows.length - 1;
      const to = { ArrowLeft: (this.#at ?? last + 1) - 1, ArrowRight: (this.#at ?? last) + 1, Home: 0, End: last }[event.key];
      if (event.key === "Escape") this.#moveTo(null);
      if (to === undefined) return;
      event.preventDefault();
      this.#moveTo(Math.min(last, Math.max(0, to)));
    });
    new ResizeObserver(() => this.#paint()).observe(canvas);
  }

  #moveTo(i) {
    if (!this.#data) return;
    this.#at = i === null || i < 0 || i >= this.#data.rows.length ? null : i;
    this.#paint();
  }

  #cursor({ x, height, width }) {
    this.#tip.hidden = this.#at === null;
    if (this.#at === null) return [];
    const { rows, begin_s, step_s } = this.#data;
    const at = x(this.#at);
    const items = this.#about.series.map(({ name, label }) =>
      h("li", { "data-series": name }, h("span", {}, label, h("b", {}, plain(rows[this.#at]?.[name])))),
    );
    const time = clock(begin_s + this.#at * step_s);
    show(this.#tip, h("strong", {}, rows[this.#at] ? time : `${time} · no data`), h("ul", { role: "status" }, items));
    const isRight = at > width / 2;
    this.#tip.style.left = isRight ? "auto" : `${at + 10}px`;
    this.#tip.style.right = isRight ? `${width - at + 10}px` : "auto";
    return [s("line", { class: "cursor", x1: at, x2: at, y1: TOP, y2: height - BOTTOM })];
  }

  // ---- in words

  #fillTable() {
    if (!this.#table.closest("details").open || !this.#data) return;
    const { series } = this.#about;
    const known = this.#data.rows.filter(Boolean).slice(-TABLE_ROWS).reverse();
    const head = h("tr", {}, h("th", { scope: "col" }, "From"), series.map(({ label }) => h("th", { scope: "col", class: "number" }, label)));
    const rows = known.map((row) =>
      h("tr", {}, h("th", { scope: "row" }, clock(row.at_s)), series.map(({ name }) => h("td", { class: "number" }, plain(row[name])))),
    );
    const caption = h("caption", { class: "visually-hidden" }, `${this.#about.title}, per ${stepName(this.#data.step_s)}, the latest first`);
    show(this.#table, h("table", {}, caption, h("thead", {}, head), h("tbody", {}, rows)));
  }
}
