// The figures that are judged as tiles: value, colour, gauge, and what is behind them.

import { h, show } from "./dom.js";
import { count, duration, share, size } from "./figures.js";

const NAMES = { redis: "Redis" };
const WORDS = { normal: "normal", attention: "attention", critical: "critical", unknown: "unknown" };

function queue({ queue: { waiting, running, oldest_waiting_s: oldest } }) {
  const more = [count(running, "running", "running")];
  if (oldest !== null) more.unshift(`the oldest for ${duration(oldest)}`);
  return { value: waiting ?? "?", unit: "waiting", more: more.join(" · ") };
}

function jobTime({ vitals, queue: { oldest_running_s: longest } }) {
  const seconds = vitals.job_time_s.value;
  if (seconds === null) return { value: "–", unit: "", more: "no job of late" };
  const value = seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds);
  const runs = longest === null ? "" : ` · the longest runs for ${duration(longest)}`;
  return { value, unit: "s", more: `95 of 100 are quicker${runs}` };
}

function percent(ratio) {
  return ratio === null ? { value: "–", unit: "" } : { value: share(ratio).replace(" %", ""), unit: "%" };
}

function cpu({ vitals, resources }) {
  return { ...percent(vitals.cpu_ratio.value), more: `of ${count(resources.cores, "core")} · 5 min` };
}

function memory({ vitals, resources: found }) {
  if (found.memory_bytes === null) return { value: "–", unit: "", more: "not known here" };
  const of = found.has_limit ? "limit" : "machine";
  const parts = Object.entries(found.parts_bytes).map(([name, bytes]) => ` · ${NAMES[name] ?? name} ${size(bytes)}`);
  return {
    ...percent(vitals.memory_ratio.value),
    more: `${size(found.memory_bytes)} of ${size(found.memory_limit_bytes)} (${of})${parts.join("")}`,
  };
}

function errors({ vitals, ended }) {
  const sum = (status) => Object.values(ended).reduce((all, each) => all + (each[status] ?? 0), 0);
  const failed = sum("failed");
  const judged = failed + sum("ok");
  if (!judged) return { value: "–", unit: "", more: "no job of late" };
  const { value, level, attention } = vitals.error_ratio;
  const few = level === "normal" && value >= attention ? " · too few to judge" : "";
  return { ...percent(value), more: `${failed} of ${count(judged, "job")} · 15 min${few}` };
}

function updates({ vitals }) {
  const seconds = vitals.update_age_s.value;
  return seconds ? { value: Math.round(seconds), unit: "s", more: "the oldest waits" } : { value: 0, unit: "s", more: "none waits" };
}

const TILES = [
  ["queue_jobs", "Queue", queue, (value) => `${value}`],
  ["job_time_s", "Job time", jobTime, (value) => `${value} s`],
  ["cpu_ratio", "CPU", cpu, share],
  ["memory_ratio", "Memory", memory, share],
  ["error_ratio", "Errors", errors, share],
  ["update_age_s", "Updates", updates, (value) => `${value} s`],
];

function boundWords({ attention, critical }, form) {
  const parts = [`attention from ${form(attention)}`];
  if (critical !== null) parts.push(`critical above ${form(critical)}`);
  return parts.join(", ");
}

function gauge(vital, form, label) {
  const { value, attention, critical } = vital;
  const most = critical === null ? Math.min(1, attention * 4) : critical * 1.25;
  const element = h(
    "div",
    {
      class: "gauge",
      role: "meter",
      "aria-label": label,
      "aria-valuemin": 0,
      "aria-valuemax": most,
      "aria-valuenow": value === null ? 0 : Math.min(value, most),
      "aria-valuetext": `${value === null ? "unknown" : form(value)}; ${boundWords(vital, form)}`,
      title: boundWords(vital, form),
    },
    h("div", { class: "fill" }),
    [attention, critical].filter((bound) => bound !== null).map(() => h("div", { class: "bound" })),
  );
  return { element, width: `${Math.min(100, ((value ?? 0) / most) * 100)}%`, most };
}

function tile(name, label, facts, form, vital) {
  const { value, unit, more } = facts;
  const made = gauge(vital, form, label);
  // The policy of the page forbids style attributes; properties are free.
  made.element.querySelector(".fill").style.width = made.width;
  [vital.attention, vital.critical]
    .filter((bound) => bound !== null)
    .forEach((bound, i) => {
      made.element.querySelectorAll(".bound")[i].style.left = `${(bound / made.most) * 100}%`;
    });
  return h(
    "article",
    { class: "vital", "data-vital": name, "data-level": vital.level },
    h("h3", {}, label, h("span", { class: "mark", "data-level": vital.level }, WORDS[vital.level])),
    h("p", { class: "value" }, String(value), " ", h("small", {}, unit)),
    made.element,
    h("p", { class: "more" }, more),
  );
}

export function showVitals(element, document) {
  show(
    element,
    TILES.map(([name, label, facts, form]) => tile(name, label, facts(document), form, document.vitals[name])),
  );
}
