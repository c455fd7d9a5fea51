// Puts what comes over the stream onto the page.

import { showCards } from "./cards.js";
import { h, show } from "./dom.js";
import { duration, exactClock } from "./figures.js";
import { History, RANGES } from "./history.js";
import { Live } from "./live.js";
import { makePlots } from "./plots.js";
import { showVitals } from "./vitals.js";

const WORDS = { normal: "All is well", attention: "Attention", critical: "Critical", unknown: "Unknown" };
const REMEMBERED = "imgbot-hours";

const byId = (id) => document.getElementById(id);
const history_ = new History();
const plots = makePlots();
let hours = rememberedHours();
let now_s = Date.now() / 1000;
let status_ = null;

/** Browsers may forbid it. */
function storage(method, ...args) {
  try {
    return localStorage[method](...args);
  } catch {
    return null;
  }
}

function rememberedHours() {
  const found = Number(storage("getItem", REMEMBERED));
  return RANGES.some((range) => range.hours === found) ? found : 3;
}

function drawPlots() {
  const data = { ...history_.steps(hours, now_s), now: status_?.queue, vitals: status_?.vitals };
  for (const plot of plots) plot.draw(data);
}

function choose(chosen, isFocused = false) {
  hours = chosen;
  storage("setItem", REMEMBERED, String(hours));
  for (const button of byId("ranges").children) {
    const isChosen = Number(button.dataset.hours) === hours;
    button.setAttribute("aria-checked", String(isChosen));
    button.tabIndex = isChosen ? 0 : -1;
    if (isChosen && isFocused) button.focus();
  }
  drawPlots();
}

function stepRange(event) {
  const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
  if (!by) return;
  event.preventDefault();
  const at = RANGES.findIndex((range) => range.hours === hours);
  choose(RANGES[(at + by + RANGES.length) % RANGES.length].hours, true);
}

function makeRanges() {
  const buttons = RANGES.map(({ hours: each, label }) =>
    h("button", { type: "button", role: "radio", "data-hours": each, onclick: () => choose(each) }, label),
  );
  byId("ranges").append(...buttons);
  byId("ranges").addEventListener("keydown", stepRange);
}

function showProblems(problems) {
  show(
    byId("problems"),
    problems.map(({ level, what, advice }) =>
      h(
        "div",
        { class: "problem", "data-level": level },
        h("p", { class: "what" }, h("span", { class: "mark", "data-level": level }, what)),
        h("p", { class: "advice" }, advice.split("`").map((part, i) => (i % 2 ? h("code", {}, part) : part))),
      ),
    ),
  );
}

function showStatus(status) {
  now_s = status.at_s;
  status_ = status;
  history_.touch(status);
  setConnection("live", "");
  byId("about").textContent = `${status.version} · ${status.provider} · up ${duration(status.up_s)}`;
  const isIdle = status.is_standby && status.level === "normal";
  setState(status.level, isIdle ? "Standing by" : WORDS[status.level]);
  document.title = status.level === "normal" ? "imgbot" : `${WORDS[status.level]} · imgbot`;
  showProblems(status.problems);
  showVitals(byId("vitals"), status);
  showCards(status);
  drawPlots();
}

/** Only what changes is written: it is read aloud. */
function setState(level, text) {
  const element = byId("state");
  element.dataset.level = level;
  if (element.textContent !== text) element.textContent = text;
}

function setConnection(state, text) {
  const element = byId("connection");
  if (element.dataset.state === state) return;
  element.dataset.state = state;
  element.textContent = text;
  byId("main").dataset.state = state;
}

function lost() {
  document.title = "No answer · imgbot";
  setState("unknown", "No answer");
  setConnection("lost", `The service does not answer since ${exactClock(Date.now() / 1000)}. What is below is from before; trying again…`);
}

makeRanges();
byId("figures").append(...plots.map((plot) => plot.element));
choose(hours);
new Live({
  onHistory: (history) => history_.reset(history),
  onPoint: (point) => history_.add(point),
  onStatus: showStatus,
  onLost: lost,
}).open();
