// Figures with their unit, and no more digits than mean something.

const UNKNOWN = "unknown";
const STEPS = [
  [86_400, "d", 3600, "h"],
  [3600, "h", 60, "min"],
  [60, "min", 1, "s"],
];

/** 0.4 s, 12 s, 3 min 20 s, 5 h 2 min, 3 d 4 h. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  for (const [unit, name, smaller, less] of STEPS) {
    if (whole < unit) continue;
    const rest = Math.floor((whole % unit) / smaller);
    return `${Math.floor(whole / unit)} ${name}${rest ? ` ${rest} ${less}` : ""}`;
  }
  return `${whole} s`;
}

/** 15 MB, 1.2 GB. */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return UNKNOWN;
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  if (bytes >= 1e6) return `${Math.round(bytes / 1e6)} MB`;
  return bytes >= 1e3 ? `${Math.round(bytes / 1e3)} kB` : `${bytes} B`;
}

/** 42 %, and small shares as 0.4 %. */
export function share(ratio) {
  if (ratio === null || ratio === undefined) return UNKNOWN;
  return ratio > 0 && ratio < 0.0995 ? `${(ratio * 100).toFixed(1)} %` : `${Math.round(ratio * 100)} %`;
}

/** 1 job, 12 jobs. */
export function count(number, one, many = `${one}s`) {
  if (number === null || number === undefined) return UNKNOWN;
  return `${number} ${number === 1 ? one : many}`;
}

/** US dollars. */
export function money(usd) {
  if (usd === null || usd === undefined) return UNKNOWN;
  return usd > 0 && usd < 0.1 ? `$${usd.toFixed(3)}` : `$${usd.toFixed(2)}`;
}

/** A number of a plot: 0.25, 3.2, 140. */
export function plain(value) {
  if (value === null || value === undefined) return "–";
  if (Number.isInteger(value) || value >= 100) return String(Math.round(value));
  return value < 1 ? value.toFixed(2) : value.toFixed(1);
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const EXACT = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });

/** 12:40, by the clock of whoever looks. */
export function clock(seconds) {
  return CLOCK.format(new Date(seconds * 1000));
}

export function exactClock(seconds) {
  return EXACT.format(new Date(seconds * 1000));
}
