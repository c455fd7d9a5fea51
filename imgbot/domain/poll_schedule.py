"""Poll schedule for provider tasks, pure and without a clock.

The guide's schedule: the polls of a job fall at 2, 5, 9.5, 16.25, 26.25, 36.25 … seconds
after its submit; the interval grows by half until it reaches the maximum.

A learned plan uses the same mean number of polls, at the times when jobs finish. With h(t)
as the hazard rate of finishing, the best interval is in proportion to 1 / √h(t) (the inspection
problem: Keller 1974; Munford and Shahani 1972). h comes from the quantiles of the latest durations;
there are few of them, so that a provider that changes is followed soon.
"""

import math
import statistics
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

POLL_INTERVAL_INITIAL = 2.0
"""Seconds before the first poll (guide: 1-2 s at low load, 2-3 medium, 3-5 high)."""

POLL_INTERVAL_MAX = 10.0
"""Longest interval between polls, in seconds."""

IMAGE_POLL_MAX_ATTEMPTS = 60
"""Polls at the schedule's pace, about ten minutes; slow ones follow."""

_GROWTH = 1.5
_GROWTH_STEPS = 64  # 1.5 ** 64 is beyond any interval, and far from an overflow

SLOW_INTERVAL_S = 60.0
"""Interval of slow polls: past the schedule a job is paid for and may still finish."""


_MOST_POLLS = 200

KEPT = 40
"""Number of durations that a plan is made from."""

_ENOUGH = 8
"""Number of durations from which polls are planned."""

_PARTS = 5
"""Points of a span at which its job may have finished; polls that are closer narrow it."""

_MARGIN = 1.15
"""How much faster or slower a job may be than all that are known."""


class CensoredDuration(NamedTuple):
    """Span of a job seen unfinished at `after_s` and finished at `by_s`, in seconds of its age."""

    after_s: float
    by_s: float


@dataclass(frozen=True, slots=True)
class PollingConfig:
    """Polling settings of the guide: three numbers, intervals in seconds."""

    initial_interval: float = POLL_INTERVAL_INITIAL
    max_interval: float = POLL_INTERVAL_MAX
    max_attempts: int = IMAGE_POLL_MAX_ATTEMPTS

    @property
    def least_s(self) -> float:
        """Minimum seconds between two polls of a learned plan."""
        # Minimum between two planned polls, as a share of the first interval.
        return self.initial_interval * 0.25

    @property
    def longest_first_s(self) -> float:
        """Maximum seconds before the first poll of a learned plan."""
        # Maximum before the first planned poll, as a multiple of the longest interval.
        return self.max_interval * 3.0

    @property
    def lasts_s(self) -> float:
        """Seconds from the submit to the last poll at the schedule's pace; slow ones follow."""
        growing = min(self.max_attempts, _GROWTH_STEPS)
        steady = (self.max_attempts - growing) * self.max_interval
        return sum(self._paced(attempt) for attempt in range(growing)) + steady

    @property
    def exhausted_s(self) -> float:
        """Age at which the slow polls are used up as well."""
        # Slow polls, an hour of them, until the job is given up as exhausted.
        return self.lasts_s + 60 * SLOW_INTERVAL_S

    def get_interval(self, attempt: int = 0) -> float:
        """Seconds to wait after `attempt` polls have been made."""
        return self._paced(attempt) if attempt < self.max_attempts else SLOW_INTERVAL_S

    def _paced(self, attempt: int) -> float:
        growth = _GROWTH ** min(attempt, _GROWTH_STEPS)
        return min(self.initial_interval * growth, self.max_interval)

    def times_s(self, until_s: float) -> list[float]:
        """Return the schedule's polls up to the first one past `until_s`, 200 at most."""
        times = [self._paced(0)]
        while times[-1] < until_s and len(times) < _MOST_POLLS:
            times.append(times[-1] + self._paced(len(times)))
        return times


@dataclass(frozen=True, slots=True)
class PollPlan:
    """Polls of one job by its age; after the last one the intervals grow to the longest."""

    times_s: tuple[float, ...]
    least_s: float
    longest_s: float

    def wait_s(self, age_s: float) -> float:
        """Seconds from `age_s` to the next poll, never less than the minimum interval."""
        earliest_s = max(age_s, 0.0) + self.least_s
        index = bisect_left(self.times_s, earliest_s)
        if index < len(self.times_s):
            return self.times_s[index] - max(age_s, 0.0)
        return self._past_the_end(earliest_s) - max(age_s, 0.0)

    def jitter_s(self, wait_s: float) -> float:
        """Jitter of a wait either way, in seconds, so that jobs do not poll in step."""
        # Jitter either way as a share of the wait, so that jobs do not poll in step.
        return min(0.01 * wait_s, self.least_s / 2)

    def _past_the_end(self, earliest_s: float) -> float:
        time_s = self.times_s[-1]
        gap_s = time_s - self.times_s[-2] if len(self.times_s) > 1 else self.least_s
        while time_s < earliest_s and gap_s < self.longest_s:
            gap_s = min(gap_s * _GROWTH, self.longest_s)
            time_s += gap_s
        if time_s < earliest_s:
            time_s += math.ceil((earliest_s - time_s) / self.longest_s) * self.longest_s
        return time_s


def plan(history: Sequence[CensoredDuration], config: PollingConfig) -> PollPlan:
    """Plan the polls of the next job from the spans of earlier ones, oldest first.

    Without enough of them it is the schedule.
    """
    latest = history[-KEPT:]
    if len(latest) < _ENOUGH:
        times = config.times_s(config.initial_interval * _GROWTH_STEPS)
    else:
        times = _plan_times(latest, config)
    return PollPlan(tuple(times), config.least_s, config.max_interval)


def is_telling(span: CensoredDuration, config: PollingConfig) -> bool:
    """Return true if a span is informative: not after a long gap, or a clock set back."""
    widest_s = 2 * max(config.longest_first_s, config.max_interval)
    return 0 <= span.after_s < span.by_s <= span.after_s + widest_s


class _Slice(NamedTuple):
    """Part of the distribution of durations that holds a share of them."""

    begin_s: float
    length_s: float
    left: float
    """Share of the jobs that are not done by its middle."""
    hazard: float
    """Rate of finishing per second, of those that are left."""


def _plan_times(history: Sequence[CensoredDuration], config: PollingConfig) -> list[float]:
    ends_s = _ends_s(history)
    slices = _sliced(ends_s)
    # The fewer jobs are known, the fewer polls are moved to them.
    more = statistics.fmean(bisect_left(config.times_s(end_s), end_s) for end_s in ends_s)
    # With 1.5 known jobs, half of the guide's polls beyond the first are used, later more; half a
    # poll is due on average by the time of the first.
    budget = max(more * len(history) / (len(history) + 1.5), 0.05) + 0.5
    due = sum(each.left * each.length_s * math.sqrt(each.hazard) for each in slices)
    latest_s = max(config.least_s, ends_s[len(ends_s) * 4 // 5])
    return _at_rate(slices, budget / due, min(latest_s, config.longest_first_s), config)


def _ends_s(history: Sequence[CensoredDuration]) -> list[float]:
    """Return when the jobs may have finished, in order: each at several points of its span."""
    parts = [(part + 0.5) / _PARTS for part in range(_PARTS)]
    return sorted(
        span.after_s + (span.by_s - span.after_s) * part for span in history for part in parts
    )


def _sliced(ends_s: Sequence[float]) -> list[_Slice]:
    slices_max = 20
    count = min(slices_max, len(ends_s) // _PARTS)
    inner = [ends_s[index * len(ends_s) // count] for index in range(1, count)]
    edges = [ends_s[0] / _MARGIN, *inner, ends_s[-1] * _MARGIN]
    slices: list[_Slice] = []
    for index, (begin_s, end_s) in enumerate(pairwise(edges)):
        # Jobs that end together leave no length, and the hazard is divided by it.
        length_s, left = max(end_s - begin_s, 1e-3), 1 - (index + 0.5) / count
        slices.append(_Slice(begin_s, length_s, left, 1 / (count * left * length_s)))
    return slices


def _at_rate(
    slices: Sequence[_Slice], scale: float, latest_first_s: float, config: PollingConfig
) -> list[float]:
    """Return the polls that come due at `scale` times the root of the hazard, within the bounds."""
    times: list[float] = []
    due = 0.0
    for begin_s, length_s, _, hazard in slices:
        rate = math.sqrt(hazard) * scale
        for number in range(math.floor(due) + 1, math.floor(due + rate * length_s) + 1):
            time_s = begin_s + (number - due) / rate
            _add(times, time_s if times else min(time_s, latest_first_s), config)
        due += rate * length_s
        if not times and begin_s + length_s >= latest_first_s:
            _add(times, latest_first_s, config)
    return times


def _add(times: list[float], time_s: float, config: PollingConfig) -> None:
    """Add a poll, not too soon after the one before, and others that are not too far apart."""
    last_s = times[-1] if times else 0.0
    while times and len(times) < _MOST_POLLS and time_s > last_s + config.max_interval:
        last_s += config.max_interval
        times.append(last_s)
    if len(times) < _MOST_POLLS and (not times or time_s >= last_s + config.least_s):
        times.append(max(time_s, config.least_s))


class Budget:
    """Rate limit of polls over all jobs, with a burst of one second, in order of arrival.

    `polls_per_s` is called each time: the pool is resized while it runs.
    """

    def __init__(self, polls_per_s: Callable[[], float]) -> None:
        self._polls_per_s = polls_per_s
        self._next_s = -math.inf

    def delay_s(self, now_s: float) -> float:
        """Reserve the next slot and return the seconds until it comes, 0 for at once."""
        self._next_s = max(self._next_s, now_s - 1.0) + 1 / self._polls_per_s()
        return max(0.0, self._next_s - now_s)


def polls_per_s(places: int, config: PollingConfig) -> float:
    """Return the polls per second for `places` jobs: twice the pace of the longest interval."""
    return max(10.0, 2 * places / config.max_interval)
