"""What waiting for a provider costs, fixed against learned: `python -m tests.bench.polling`.

Durations are drawn, the clock is simulated, the polls and their jitter are the bot's own;
what is learned is learned from those polls alone, from the first job on. Both schedules
meet the same jobs. Lag is the time from a finished job to the poll that sees it; network
time is not part of it. The five distributions are those of the report on polling.
"""

import argparse
import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from imgbot.domain.duration_model import KEPT, CensoredDuration
from imgbot.domain.poll_schedule import PollingConfig, PollPlan, plan

Draw = Callable[[random.Random], float]

Wait = Callable[[int, float], float]
"""From the polls made and the job's age in seconds to the seconds until the next poll."""

CONFIG = PollingConfig()
SCHEDULE = plan((), CONFIG)
AGES = {"jobs 1-20": (0, 20), "jobs 21-100": (20, 100), "later": (100, 10**9)}
AFTER = {"1-5": (0, 5), "6-20": (5, 20), "21-100": (20, 100), "later": (100, 10**9)}
TARGETS_S = {"8 s": 0.6, "20 s": 1.0, "45 s": 1.5}


def lognormal(median_s: float, width: float) -> Draw:
    return lambda dice: median_s * math.exp(width * dice.gauss(0, 1))


def either(first: Draw, share: float, second: Draw) -> Draw:
    return lambda dice: (first if dice.random() < share else second)(dice)


DISTRIBUTIONS: dict[str, Draw] = {
    "8 s": lognormal(8, 0.25),
    "20 s": lognormal(20, 0.25),
    "45 s": lognormal(45, 0.25),
    "20 s, wide": lognormal(20, 0.6),
    "8 s or 45 s": either(lognormal(8, 0.25), 0.7, lognormal(45, 0.25)),
}

CHANGES: dict[str, tuple[Draw, Draw]] = {
    "20 s, then 45 s": (lognormal(20, 0.25), lognormal(45, 0.25)),
    "8 s, then 20 s": (lognormal(8, 0.25), lognormal(20, 0.25)),
    "20 s, then 8 s": (lognormal(20, 0.25), lognormal(8, 0.25)),
    "45 s, then 8 s": (lognormal(45, 0.25), lognormal(8, 0.25)),
    "20 s, then 26 s": (lognormal(20, 0.25), lognormal(26, 0.25)),
}


@dataclass(slots=True)
class Learner:
    """What the bot does with each job of one kind."""

    history: list[CensoredDuration] = field(default_factory=list[CensoredDuration])

    def waits(self) -> PollPlan:
        return plan(self.history, CONFIG)

    def learn(self, span: CensoredDuration) -> None:
        self.history = [*self.history, span][-KEPT:]


@dataclass(slots=True)
class Tally:
    """Lags in seconds and polls of some jobs."""

    lags_s: list[float] = field(default_factory=list[float])
    polls: list[int] = field(default_factory=list[int])

    def add(self, lag_s: float, polls: int) -> None:
        self.lags_s.append(lag_s)
        self.polls.append(polls)

    @property
    def mean_s(self) -> float:
        return statistics.fmean(self.lags_s)

    @property
    def p95_s(self) -> float:
        return statistics.quantiles(self.lags_s, n=20)[-1]

    @property
    def mean_polls(self) -> float:
        return statistics.fmean(self.polls)


def by_plan(waits: PollPlan, dice: random.Random) -> Wait:
    def wait_s(_: int, age_s: float) -> float:
        seconds = waits.wait_s(age_s)
        return seconds + dice.uniform(-1, 1) * waits.jitter_s(seconds)

    return wait_s


def follow(duration_s: float, wait_s: Wait) -> tuple[CensoredDuration, int]:
    """Poll one job until it is seen done; return between which ages, and how many polls."""
    polls, pending_s, age_s = 0, 0.0, 0.0
    while True:
        age_s += wait_s(polls, age_s)
        polls += 1
        if age_s >= duration_s:
            return CensoredDuration(pending_s, age_s), polls
        pending_s = age_s


def compare(
    durations_s: Sequence[float], dice: random.Random
) -> list[tuple[CensoredDuration, int, CensoredDuration, int]]:
    """Carry the jobs one after the other by both schedules."""
    learner, rows = Learner(), list[tuple[CensoredDuration, int, CensoredDuration, int]]()
    for duration_s in durations_s:
        fixed, fixed_polls = follow(duration_s, by_plan(SCHEDULE, dice))
        learned, learned_polls = follow(duration_s, by_plan(learner.waits(), dice))
        learner.learn(learned)
        rows.append((fixed, fixed_polls, learned, learned_polls))
    return rows


Groups = dict[str, tuple[Tally, Tally]]


def grouped(ages: dict[str, tuple[int, int]]) -> Groups:
    return {name: (Tally(), Tally()) for name in ages}


def sort_in(
    groups: Groups,
    ages: dict[str, tuple[int, int]],
    durations_s: Sequence[float],
    rows: Sequence[tuple[CensoredDuration, int, CensoredDuration, int]],
) -> None:
    for index, (duration_s, row) in enumerate(zip(durations_s, rows, strict=True)):
        for name, (begin, end) in ages.items():
            if begin <= index < end:
                fixed, learned = groups[name]
                fixed.add(row[0].by_s - duration_s, row[1])
                learned.add(row[2].by_s - duration_s, row[3])


def steady(draw: Draw, runs: int, jobs: int) -> Groups:
    groups = grouped(AGES)
    for run in range(runs):
        dice = random.Random(run)
        durations_s = [draw(dice) for _ in range(jobs)]
        sort_in(groups, AGES, durations_s, compare(durations_s, dice))
    return groups


def changed(before: Draw, after: Draw, runs: int) -> Groups:
    groups = grouped(AFTER)
    for run in range(runs):
        dice = random.Random(run)
        durations_s = [before(dice) for _ in range(KEPT)] + [after(dice) for _ in range(150)]
        rows = compare(durations_s, dice)
        sort_in(groups, AFTER, durations_s[KEPT:], rows[KEPT:])
    return groups


def print_groups(title: str, groups: Groups) -> None:
    print(f"\n{title}")
    for name, (fixed, learned) in groups.items():
        ratio = learned.mean_s / fixed.mean_s
        worse = "" if ratio <= 1 else "  worse"
        print(
            f"  {name:12} {fixed.mean_s:6.2f} / {fixed.p95_s:5.2f} / {fixed.mean_polls:5.2f}"
            f"   {learned.mean_s:6.2f} / {learned.p95_s:5.2f} / {learned.mean_polls:5.2f}"
            f"   {ratio:5.2f}   {learned.mean_polls / fixed.mean_polls:5.2f}{worse}"
        )


def print_cost() -> None:
    dice = random.Random(0)
    print("\nplanning at 200 spans, ms (median and most of 50)")
    for name, draw in DISTRIBUTIONS.items():
        learner, took_ms = Learner(), list[float]()
        for _ in range(KEPT):
            middle_s = draw(dice)
            learner.learn(CensoredDuration(middle_s * 0.97, middle_s * 1.03))
        for _ in range(50):
            begun = time.perf_counter()
            learner.waits()
            took_ms.append((time.perf_counter() - begun) * 1000)
        print(f"  {name:12} {statistics.median(took_ms):6.2f} {max(took_ms):6.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, usage="%(prog)s [options]")
    parser.add_argument("--runs", type=int, default=30, help="lives of the bot per distribution")
    parser.add_argument("--jobs", type=int, default=300, help="jobs in each life")
    options = parser.parse_args()
    head = "mean lag s / p95 s / polls: fixed, learned; ratio of lags, of polls"
    reached: list[str] = []
    for name, draw in DISTRIBUTIONS.items():
        groups = steady(draw, options.runs, options.jobs)
        print_groups(f"{name} - {head}", groups)
        if name in TARGETS_S:
            fixed, learned = groups["later"]
            reached.append(
                f"  {name:12} {learned.mean_s:.2f} s (target {TARGETS_S[name]}) at "
                f"{learned.mean_polls:.2f} polls (guide {fixed.mean_polls:.2f})"
            )
    print("\nonce a hundred jobs are known", *reached, sep="\n")
    for name, (before, after) in CHANGES.items():
        print_groups(f"{name}, by jobs since the change", changed(before, after, options.runs))
    print_cost()


if __name__ == "__main__":
    main()
