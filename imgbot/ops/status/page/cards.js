// The tables below the plots: jobs, workers, provider, limits, cluster, unknown jobs.

import { h, show } from "./dom.js";
import { clock, count, duration, money, size } from "./figures.js";

const STATES = ["queued", "submitting", "painting", "polling", "rendering", "delivering"];
const STATUSES = ["ok", "failed", "rejected", "cancelled"];
const MOST_WORKERS = 24;

function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(Boolean).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function table(head, rows) {
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, rows.map(([first, ...others]) => h("tr", {}, h("th", { scope: "row" }, first), others.map((cell) => h("td", {}, cell))))),
  );
}

function quiet(text) {
  return h("p", { class: "quiet" }, text);
}

function listed(counts, names) {
  const there = names.filter((name) => counts?.[name]);
  return there.map((name) => `${counts[name]} ${name}`).join(", ") || "–";
}

function jobs({ jobs: alive, ended, recent_s }) {
  if (!alive) return quiet("Not known: Redis does not answer.");
  const operations = [...new Set([...Object.keys(alive), ...Object.keys(ended)])];
  if (!operations.length) return quiet("None now, and none ended of late.");
  return table(
    ["Operation", "Now", `Ended in ${duration(recent_s)}`],
    operations.map((name) => [name, listed(alive[name], STATES), listed(ended[name], STATUSES)]),
  );
}

function worker({ number, pid, about, for_s, memory_bytes }) {
  const state = about ? "busy" : pid ? "idle" : "resting";
  const what = about || (pid ? "idle" : "not needed yet");
  const detail = about ? `${duration(for_s)}, ${size(memory_bytes)}` : pid ? size(memory_bytes) : "";
  return h("li", { "data-state": state }, h("b", {}, `${number} · ${what}`), detail);
}

function workers({ workers: all }) {
  const busy = all.filter(({ about }) => about);
  const shown = all.length > MOST_WORKERS ? [...busy, ...all.filter(({ about }) => !about)].slice(0, MOST_WORKERS) : all;
  const rest = all.length - shown.length;
  return [
    h("p", {}, `${busy.length} of ${all.length} busy`),
    h("ul", { class: "workers" }, shown.map(worker)),
    rest ? quiet(`and ${rest} more`) : null,
  ];
}

function provider({ providers: found, recent_s }) {
  const stage = found.took;
  const timed = Object.entries(found.took_by).filter(([, { count: times }]) => times);
  const errors = Object.entries(found.recent_errors).map(([kind, number]) => `${number} ${kind}`);
  const today = money(found.spend_today_usd) + (found.budget_usd === null ? "" : ` of ${money(found.budget_usd)}`);
  return facts([
    ...Object.entries(found.up).map(([name, isUp]) => [
      name,
      mark(isUp, isUp ? "takes orders" : "takes no orders, or does not answer"),
    ]),
    ...Object.entries(found.held_back).map(([name, limit]) => [`${name} holds orders back`, limit]),
    ...timed.map(([name, { mean_s, p95_s }]) => [`${name} takes`, `${duration(mean_s)}, 95 % in ${duration(p95_s)}`]),
    !timed.length && ["A picture takes", stage?.count ? `${duration(stage.mean_s)}, 95 % in ${duration(stage.p95_s)}` : "none of late"],
    [`Errors in ${duration(recent_s)}`, errors.join(", ") || "none"],
    ["Spent or reserved today", today],
    ...Object.entries(found.spend_usd).map(([name, usd]) => [`${name}, since the start`, money(usd)]),
  ]);
}

function limits({ rate_limit: limit, telegram, recent_s, is_standby: isStandby }) {
  const answered = telegram.answered_s_ago;
  const list = facts([
    [`Refused in ${duration(recent_s)}`, count(limit.recent_refusals, "request")],
    ["Telegram's flood waits", String(telegram.recent_flood_waits)],
    ["Telegram answered", answered === null ? (isStandby ? "the leader" : "not yet") : `${duration(answered)} ago`],
  ]);
  if (!limit.users.length) return list;
  const rows = limit.users.slice(0, 5).map(({ user, refusals }, i) => [user ?? `user ${i + 1}`, String(refusals)]);
  return [list, h("h3", {}, "Who was refused most, in two hours"), table(["User", "Refused"], rows)];
}

function unknown({ unknown_jobs: all, queue }) {
  const about = quiet("Jobs of which nobody knows whether they were paid for, or that could not be shown. They are never ordered again.");
  if (!all.length) return [h("p", {}, queue.unknown ? count(queue.unknown, "job") : "None."), about];
  const rows = all.map(({ id, user, operation, provider: by, reason, at_s }) => [
    operation || "?",
    [by, reason].filter(Boolean).join(": "),
    [[id, user].filter(Boolean).join(" of "), clock(at_s)].filter(Boolean).join(" at "),
  ]);
  return [h("p", {}, count(queue.unknown, "job")), table(["Operation", "Why", "Which"], rows), about];
}

function latest({ ended_jobs: all, has_people: isOperator }) {
  if (!isOperator) return h("a", { href: "/names" }, "Sign in to see names and prompts");
  if (!all.length) return quiet("None yet.");
  const rows = all.map(({ at_s, status, operation, user, words, reason }) => [
    clock(at_s),
    operation,
    user,
    words,
    [status, reason].filter(Boolean).join(": "),
  ]);
  return table(["Ended", "Operation", "User", "Words", "Outcome"], rows);
}

function mark(isWell, words, level = "critical") {
  return h("span", { class: "mark", "data-level": isWell ? "normal" : level }, words);
}

function cluster({ cluster: found, at_s }) {
  if (!found) return null;
  const { lead: { host: leader, since_s: since, takeover_s: takeover }, in_sync: record } = found;
  const lead = [leader || "nobody", leader && since && `for ${duration(at_s - since)}`].filter(Boolean).join(" ");
  const servers = record.filter(Boolean).join(", ") || count(record.length, "server");
  const behind = `${size(found.lag_bytes)}, ${duration(found.lag_s)} behind`;
  return facts([
    ["Leads", mark(leader, lead)],
    takeover !== null && ["Last takeover", `in ${duration(takeover)}`],
    ["Has everything", mark(record.length > 1, record.length ? servers : "not known", "attention")],
    ["Replica", mark(found.has_replica, found.has_replica ? behind : "away", "attention")],
    ["Sentinels", mark(found.has_quorum, found.has_quorum ? "most answer" : "most do not answer")],
    found.state && ["This bot", found.state],
  ]);
}

const CARDS = { jobs, workers, provider, limits, cluster, unknown, latest };

export function showCards(document_) {
  for (const [id, card] of Object.entries(CARDS)) {
    show(document.getElementById(id), card(document_));
  }
  document.getElementById("cluster").parentElement.hidden = !document_.cluster;
}
