// Axes: round numbers for the height, round times for the width.

const TIMES_S = [300, 600, 900, 1800, 3600, 7200, 10_800];

/** The ticks of a height that holds `most`: [0, …, top], three or four round steps. */
export function heightTicks(most, isWhole) {
  const least = isWhole ? 1 : 0.1;
  const rough = Math.max(most, isWhole ? 3 : 0.3) / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(least, [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough - 1e-9));
  const whole = isWhole ? Math.ceil(step) : step;
  const ticks = [0];
  while (ticks.at(-1) < most || ticks.length < 3) ticks.push(Number((ticks.length * whole).toFixed(4)));
  return ticks;
}

/** Round times by the clock of whoever looks, between two of them; about `wanted`. */
export function timeTicks(begin_s, end_s, wanted) {
  const step = TIMES_S.find((each) => (end_s - begin_s) / each <= wanted) ?? TIMES_S.at(-1);
  const shift_s = new Date(begin_s * 1000).getTimezoneOffset() * 60;
  const first = Math.ceil((begin_s - shift_s) / step) * step + shift_s;
  const ticks = [];
  for (let at = first; at <= end_s; at += step) ticks.push(at);
  return ticks;
}
