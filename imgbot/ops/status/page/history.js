// The points of the last hours, gathered into as many steps as a plot can show.

const KEPT_S = 12 * 3600;
const MINUTE_S = 60;
const STEPS_S = [60, 120, 300, 600];
const MOST_STEPS = 90;
// The counts of a point are sums; of the others the highest is what an operator looks for.
const SUMS = new Set(["ok", "failed", "rejected", "cancelled", "refused", "flood_waits"]);

export const RANGES = [
  { hours: 1, label: "1 h" },
  { hours: 3, label: "3 h" },
  { hours: 12, label: "12 h" },
];

export class History {
  #columns = [];
  #points = [];
  #tail = null;

  /** Takes everything anew. */
  reset({ columns, points }) {
    this.#columns = columns;
    this.#points = points.map((point) => this.#named(point)).sort((a, b) => a.at_s - b.at_s);
    this.#tail = null;
  }

  add(point) {
    this.#points.push(this.#named(point));
    this.#tail = null;
    while (this.#points.length && this.#points[0].at_s < point[0] - KEPT_S) this.#points.shift();
  }

  /** The minute under way, as far as a document tells of it. */
  touch({ at_s, queue, vitals }) {
    const peak = (name) => Math.max(queue[name] ?? 0, this.#tail?.[name] ?? 0);
    this.#tail = {
      at_s,
      waiting: peak("waiting"),
      running: peak("running"),
      cpu_ratio: vitals.cpu_ratio.value,
    };
  }

  #named(point) {
    return Object.fromEntries(this.#columns.map((column, i) => [column, point[i]]));
  }

  /**
   * What happened in the `hours` before `now_s`: { step_s, begin_s, end_s, rows }, a row per step,
   * null where the service did not run.
   */
  steps(hours, now_s) {
    const span_s = hours * 3600;
    const step_s = STEPS_S.find((step) => span_s / step <= MOST_STEPS) ?? STEPS_S.at(-1);
    const end_s = Math.ceil(now_s / step_s) * step_s;
    const begin_s = end_s - span_s;
    const rows = Array.from({ length: span_s / step_s }, () => []);
    const all = this.#tail ? [...this.#points, this.#tail] : this.#points;
    for (const point of all) {
      // A point covers the minute that ends with it: its middle says where it belongs.
      const middle_s = point === this.#tail ? point.at_s : point.at_s - MINUTE_S / 2;
      rows[Math.floor((middle_s - begin_s) / step_s)]?.push(point);
    }
    return { step_s, begin_s, end_s, rows: rows.map((points, i) => gather(points, begin_s + i * step_s)) };
  }
}

function gather(points, at_s) {
  if (!points.length) return null;
  const row = { at_s };
  for (const name of Object.keys(points[0]).concat(Object.keys(points.at(-1)))) {
    if (name === "at_s" || name in row) continue;
    const known = points.map((point) => point[name]).filter((value) => typeof value === "number");
    if (!known.length) row[name] = null;
    else if (SUMS.has(name)) row[name] = known.reduce((sum, value) => sum + value, 0);
    else row[name] = Math.max(...known);
  }
  return row;
}

/** The words for a step: "minute", "5 minutes". */
export function stepName(step_s) {
  return step_s === MINUTE_S ? "minute" : `${step_s / MINUTE_S} minutes`;
}
