// Which plots there are, and what each says in a sentence.

import { clock, count, duration, plain, share } from "./figures.js";
import { stepName } from "./history.js";
import { Plot } from "./plot.js";

const STAGES = ["prepare", "submit", "provider", "render", "deliver"];
const NOTHING = "Nothing yet: a point is made every minute.";

function known(rows, name) {
  return rows.filter((row) => typeof row?.[name] === "number");
}

function highest(rows, name) {
  return known(rows, name).reduce((best, row) => (best && best[name] >= row[name] ? best : row), null);
}

function sum(rows, ...names) {
  return names.reduce((total, name) => total + known(rows, name).reduce((all, row) => all + row[name], 0), 0);
}

function queueWords({ rows, now }) {
  const top = highest(rows, "waiting");
  if (!top) return NOTHING;
  const most = top.waiting ? `The most were ${top.waiting} at ${clock(top.at_s)}.` : "Nobody had to wait.";
  return now ? `${now.waiting ?? 0} waiting and ${now.running ?? 0} running now. ${most}` : most;
}

function stageWords({ rows }) {
  const last = rows.findLast((row) => STAGES.some((stage) => typeof row?.[`${stage}_s`] === "number"));
  if (!last) return known(rows, "ok").length ? "No job has ended in this time." : NOTHING;
  const total = (row) => STAGES.reduce((all, stage) => all + (row?.[`${stage}_s`] ?? 0), 0);
  const slowest = rows.reduce((best, row) => (total(row) > total(best) ? row : best), null);
  const longest = STAGES.reduce((best, stage) => ((last[`${stage}_s`] ?? 0) > (last[`${best}_s`] ?? 0) ? stage : best));
  return `${duration(total(last))} of late, most of it “${longest}”. The slowest was ${duration(total(slowest))} at ${clock(slowest.at_s)}.`;
}

function throughputWords({ rows, step_s }) {
  const ended = sum(rows, "ok");
  const top = highest(rows, "ok");
  if (!top) return NOTHING;
  if (!ended) return "No picture was delivered in this time.";
  return `${plain(ended)} pictures delivered; at best ${top.ok} per ${stepName(step_s)}, at ${clock(top.at_s)}.`;
}

function errorWords({ rows }) {
  const [failed, rejected, cancelled] = ["failed", "rejected", "cancelled"].map((name) => sum(rows, name));
  const ended = sum(rows, "ok") + failed;
  if (!known(rows, "failed").length) return NOTHING;
  if (!failed && !rejected && !cancelled) return "No job failed.";
  const ratio = ended ? ` (${share(failed / ended)})` : "";
  return `${failed} failed${ratio}, ${rejected} rejected for what they asked, ${cancelled} cancelled.`;
}

function refusalWords({ rows }) {
  if (!known(rows, "refused").length) return NOTHING;
  const [refused, waits] = [sum(rows, "refused"), sum(rows, "flood_waits")];
  if (!refused && !waits) return "Nobody was refused; Telegram did not slow the bot down.";
  const slowed = waits ? ` Telegram made the bot wait ${count(waits, "time")}.` : "";
  return `${count(refused, "request")} over the rate limit.${slowed}`;
}

/** All plots, in their order on the page. */
export function makePlots() {
  return [
    new Plot({
      name: "queue",
      title: "Queue",
      unit: "jobs, the most in each step",
      isWhole: true,
      series: [
        { name: "waiting", label: "waiting", form: "area" },
        { name: "running", label: "running", form: "line" },
      ],
      vital: "queue_jobs",
      words: queueWords,
    }),
    new Plot({
      name: "stages",
      title: "Job time by stage",
      unit: "seconds, on average",
      isStacked: true,
      series: STAGES.map((stage) => ({ name: `${stage}_s`, label: stage, form: "bars" })),
      vital: "job_time_s",
      words: stageWords,
    }),
    new Plot({
      name: "throughput",
      title: "Throughput",
      unit: "pictures",
      isWhole: true,
      series: [{ name: "ok", label: "delivered", form: "bars" }],
      words: throughputWords,
    }),
    new Plot({
      name: "errors",
      title: "Errors",
      unit: "jobs",
      isWhole: true,
      isStacked: true,
      series: ["failed", "rejected", "cancelled"].map((name) => ({ name, label: name, form: "bars" })),
      words: errorWords,
    }),
    new Plot({
      name: "refusals",
      title: "Refusals",
      unit: "requests",
      isWhole: true,
      isStacked: true,
      series: [
        { name: "refused", label: "rate limit", form: "bars" },
        { name: "flood_waits", label: "Telegram flood waits", form: "bars" },
      ],
      words: refusalWords,
    }),
  ];
}
