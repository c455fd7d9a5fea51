"""Polls: the guide's schedule, the model of durations, and the plan made of it."""

import math
import random
import statistics
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from imgbot.domain import poll_schedule
from imgbot.domain.poll_schedule import (
    KEPT,
    Budget,
    CensoredDuration,
    PollingConfig,
    PollPlan,
    is_telling,
    plan,
    polls_per_s,
)

GUIDE = PollingConfig()

Draw = Callable[[random.Random], float]


def lognormal(median_s: float, width: float) -> Draw:
    return lambda dice: median_s * math.exp(width * dice.gauss(0, 1))


def either(dice: random.Random) -> float:
    return (8 if dice.random() < 0.7 else 45) * math.exp(0.25 * dice.gauss(0, 1))


FIVE = {
    "8": lognormal(8, 0.25),
    "20": lognormal(20, 0.25),
    "45": lognormal(45, 0.25),
    "wide": lognormal(20, 0.6),
    "either": either,
}


def seen(draw: Draw, count: int, *, seed: int = 1, off: float = 0.05) -> list[CensoredDuration]:
    """Jobs that polls have caught between a little before and a little after their end."""
    dice = random.Random(seed)
    ends = [draw(dice) for _ in range(count)]
    return [
        CensoredDuration(end * (1 - off * dice.random()), end * (1 + off * dice.random()))
        for end in ends
    ]


def by_schedule(draw: Draw, count: int, *, seed: int = 1) -> list[CensoredDuration]:
    """Jobs that only the guide's schedule has looked at."""
    dice = random.Random(seed)
    spans: list[CensoredDuration] = []
    for _ in range(count):
        end = draw(dice)
        times = [0.0, *GUIDE.times_s(end)]
        spans.append(next(CensoredDuration(a, b) for a, b in pairwise(times) if b >= end))
    return spans


TESTS = PollingConfig(initial_interval=0.2, max_interval=0.5)


def polls_of(waits: PollPlan, until_s: float) -> list[float]:
    times = [waits.wait_s(0)]
    while times[-1] < until_s:
        times.append(times[-1] + waits.wait_s(times[-1]))
    return times


def cost(times: Sequence[float], ends: Sequence[float]) -> tuple[float, float]:
    """Mean lag in seconds and mean polls."""
    polls = [next(n for n, time in enumerate(times, 1) if time >= end) for end in ends]
    lags = [times[n - 1] - end for n, end in zip(polls, ends, strict=True)]
    return statistics.fmean(lags), statistics.fmean(polls)


HISTORIES = {
    **{f"{name}-{n}": seen(draw, n) for name, draw in FIVE.items() for n in (8, 30, 200)},
    "always the same": [CensoredDuration(19.9, 20.1)] * 200,
    "identical and wide": [CensoredDuration(0, 30)] * 200,
    "faster than any poll": [CensoredDuration(0, 0.01)] * 50,
    "very slow": [CensoredDuration(3000.0, 3010.0)] * 50,
    "a hair's breadth": [CensoredDuration(5.0, 5.0 + 1e-9)] * 50,
    "instants to minutes": [CensoredDuration(1e-3 * 1.09**n, 1.1e-3 * 1.09**n) for n in range(150)],
    "one lone straggler": [*seen(FIVE["8"], 60), CensoredDuration(900, 910)],
    "the schedule's own": by_schedule(FIVE["20"], 100),
}


@pytest.mark.parametrize(
    "config", [GUIDE, TESTS, PollingConfig(30, 30, 5), PollingConfig(0.001, 3600)]
)
def test_polls_are_bounded_and_never_closer_than_allowed(config: PollingConfig) -> None:
    for name, history in HISTORIES.items():
        waits = plan(history, config)

        assert 1 <= len(waits.times_s) <= 200, name
        assert waits.times_s[0] <= max(config.longest_first_s, config.least_s), name
        assert all(math.isfinite(time) for time in waits.times_s), name
        gaps = [later - sooner for sooner, later in pairwise((0.0, *waits.times_s))]
        assert min(gaps) >= config.least_s * (1 - 1e-9), name
        if config is GUIDE:
            times = polls_of(waits, 400)
            assert max(later - sooner for sooner, later in pairwise(times)) <= 10.0 * 1.1, name


@pytest.mark.parametrize("count", [0, 1, 7])
def test_with_few_jobs_known_the_plan_is_the_guides_schedule(count: int) -> None:
    times = polls_of(plan(seen(FIVE["8"], count), GUIDE), 60)

    assert times[:7] == [2.0, 5.0, 9.5, 16.25, 26.25, 36.25, 46.25]


@pytest.mark.parametrize(("count", "history"), [(8, seen), (8, by_schedule), (100, by_schedule)])
@pytest.mark.parametrize("name", FIVE)
def test_a_learned_plan_waits_less_than_the_guide_for_no_more_polls(
    name: str, count: int, history: Callable[..., list[CensoredDuration]]
) -> None:
    dice = random.Random(99)
    ends = [FIVE[name](dice) for _ in range(400)]
    until = max(ends)
    fixed_lag, fixed_polls = cost(GUIDE.times_s(until), ends)
    learned = [
        cost(polls_of(plan(history(FIVE[name], count, seed=seed), GUIDE), until), ends)
        for seed in range(12)
    ]

    assert statistics.fmean(lag for lag, _ in learned) < fixed_lag
    assert statistics.fmean(polls for _, polls in learned) < fixed_polls * 1.08


def run_jobs(
    draw: Draw, jobs: int, history: Sequence[CensoredDuration] = (), config: PollingConfig = GUIDE
) -> list[tuple[float, int]]:
    """Carry job after job, learning from the polls alone: lags in seconds, and polls."""
    dice, known = random.Random(3), list(history)
    carried: list[tuple[float, int]] = []
    for _ in range(jobs):
        end = draw(dice)
        times = [0.0, *polls_of(plan(known, config), end)]
        carried.append((times[-1] - end, len(times) - 1))
        known = [*known, CensoredDuration(times[-2], times[-1])][-KEPT:]
    return carried


@pytest.mark.parametrize("seconds", [0.3, 3.0, 60.0])
def test_jobs_of_one_length_come_to_be_met(seconds: float) -> None:
    carried = run_jobs(lambda _: seconds, 60)
    fixed_lag, fixed_polls = cost(GUIDE.times_s(seconds), [seconds])

    assert carried[0] == (fixed_lag, fixed_polls)
    assert statistics.fmean(lag for lag, _ in carried[30:]) < max(fixed_lag / 2, 0.5)
    # Below the first interval there is no poll to save: a few more halve the wait.
    assert statistics.fmean(polls for _, polls in carried[30:]) <= max(fixed_polls, 1.1)


def test_a_plan_that_always_came_too_late_moves_forward() -> None:
    carried = run_jobs(lambda _: 5.0, 2 * KEPT, [CensoredDuration(0, 28.0)] * KEPT)

    assert max(lag for lag, _ in carried) < 6
    assert max(lag for lag, _ in carried[KEPT:]) < 1


@pytest.mark.parametrize("age_s", [-5.0, 3.0, 20.0, 1e9])
def test_a_job_of_any_age_goes_on_from_there(age_s: float) -> None:
    wait_s = plan(seen(FIVE["20"], 100), GUIDE).wait_s(age_s)

    assert 0.5 <= wait_s <= 30.0
    if age_s > 20:
        # A job later than all others is asked for ever more slowly, up to the longest interval.
        assert wait_s <= 10.5


def test_a_poll_a_little_early_is_not_repeated_when_it_was_due() -> None:
    waits = plan(seen(FIVE["45"], 100), GUIDE)
    first_s, second_s = waits.times_s[:2]
    early_s = first_s - waits.jitter_s(first_s) * 0.99

    assert early_s + waits.wait_s(early_s) == pytest.approx(second_s)


@pytest.mark.parametrize(
    ("span", "is_one"),
    [
        (CensoredDuration(0, 0.4), True),
        (CensoredDuration(16.25, 26.25), True),
        (CensoredDuration(576, 636), True),
        (CensoredDuration(20, 3600), False),
        (CensoredDuration(0, 0), False),
        (CensoredDuration(30, 20), False),
        (CensoredDuration(-5, 3), False),
    ],
)
def test_silences_and_clocks_set_back_teach_nothing(span: CensoredDuration, is_one: bool) -> None:
    assert is_telling(span, GUIDE) is is_one


def test_the_budget_gives_turns_in_the_order_of_asking_at_the_pace_of_the_pool() -> None:
    pace = 10.0
    budget = Budget(lambda: pace)
    delays = [budget.delay_s(100.0) for _ in range(40)]

    assert delays[:9] == [0.0] * 9
    assert delays[-1] == pytest.approx(3.0)
    assert delays == sorted(delays)
    # A rest saves up no more than a second of turns.
    assert [budget.delay_s(1000.0) for _ in range(40)].count(0.0) <= 11
    pace = 100.0
    first, second = budget.delay_s(1000.0), budget.delay_s(1000.0)
    assert second - first == pytest.approx(0.01)
    # It grows with the slots, and never stops a small bot.
    assert polls_per_s(250, GUIDE) == 50.0
    assert polls_per_s(1, PollingConfig(2, 3600)) == 10.0


@pytest.mark.parametrize(
    ("before", "after"), [("20", "45"), ("45", "20"), ("45", "8"), ("8", "45"), ("wide", "20")]
)
def test_a_provider_that_changes_is_followed(before: str, after: str) -> None:
    carried = run_jobs(FIVE[after], 2 * KEPT, seen(FIVE[before], KEPT))
    lags_s = [lag_s for lag_s, _ in carried]
    fixed_lag, _ = cost(GUIDE.times_s(400), [FIVE[after](random.Random(n)) for n in range(200)])

    assert statistics.fmean(lags_s[:KEPT]) < 2 * fixed_lag
    assert statistics.fmean(lags_s[KEPT:]) < fixed_lag / 2


def test_the_guides_names_and_bounds() -> None:
    short = PollingConfig(initial_interval=0.5, max_interval=4.0, max_attempts=60)

    assert (poll_schedule.POLL_INTERVAL_INITIAL, poll_schedule.POLL_INTERVAL_MAX) == (2.0, 10.0)
    assert poll_schedule.IMAGE_POLL_MAX_ATTEMPTS == GUIDE.max_attempts == 60
    assert (GUIDE.initial_interval, GUIDE.max_interval, GUIDE.get_interval()) == (2.0, 10.0, 2.0)
    assert all(0.5 <= short.get_interval(attempt) <= 4.0 for attempt in (0, 1, 59))
    assert [short.get_interval(attempt) for attempt in (60, 10**9)] == [60.0, 60.0]
