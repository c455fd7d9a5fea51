"""Poll schedule for provider tasks, pure and without a clock.

The guide's schedule: the polls of a job fall at 2, 5, 9.5, 16.25, 26.25, 36.25 … seconds
after its submit; the interval grows by half until it reaches the maximum.

A learned plan uses the same mean number of polls, at the times when jobs finish. With h(t)
as the hazard rate of finishing, the best interval is √(2c / h(t)), c being the cost of a
poll in seconds of waiting (the inspection problem: Keller 1974; Munford and Shahani 1972);
c is chosen to match that number.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from imgbot.domain import duration_model
from imgbot.domain.duration_model import CensoredDuration, LognormalComponent, LognormalMixture

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

SLOW_ATTEMPTS = 60
"""Slow polls, an hour of them, until the job is given up as exhausted."""

_SWAY = 0.01
"""Jitter either way as a share of the wait, so that jobs do not poll in step."""

_LEAST_SHARE = 0.25
"""Minimum between two planned polls, as a share of the first interval."""

_FIRST_SHARE = 3.0
"""Maximum before the first planned poll, as a multiple of the longest interval."""

_STEP = math.log(1.03)
_MOST_STEPS = 200
_MOST_POLLS = 200
_FIRST_DUE = 1.2
"""Polls that must have come due for the first: over one, as a delay costs nothing yet."""

_OUTLIER_MASS = 0.3
"""Weight of prior jobs with an arbitrary duration (one log-unit wide), beside those observed."""

_CAUTION = 1.5
"""Number of known jobs at which half of the guide's polls beyond the first are used; later more."""

_LOG_POLL_COSTS = (-12.0, 6.0)
"""Bounds of the bisection for the cost of a poll, in log seconds."""
_HALVINGS = 12

_LEAST_POLLS = 1.05
"""Minimum budget: some polls earlier than the guide's first interval detect faster jobs."""

_LATEST_FIRST = 0.95
"""Share of jobs done by which the first poll falls, at the latest."""


@dataclass(frozen=True, slots=True)
class PollingConfig:
    """Polling settings of the guide: three numbers, intervals in seconds."""

    initial_interval: float = POLL_INTERVAL_INITIAL
    max_interval: float = POLL_INTERVAL_MAX
    max_attempts: int = IMAGE_POLL_MAX_ATTEMPTS

    @property
    def least_s(self) -> float:
        """Minimum seconds between two polls of a learned plan."""
        return self.initial_interval * _LEAST_SHARE

    @property
    def longest_first_s(self) -> float:
        """Maximum seconds before the first poll of a learned plan."""
        return self.max_interval * _FIRST_SHARE

    @property
    def lasts_s(self) -> float:
        """Seconds from the submit to the last poll at the schedule's pace; slow ones follow."""
        growing = min(self.max_attempts, _GROWTH_STEPS)
        steady = (self.max_attempts - growing) * self.max_interval
        return sum(self._paced(attempt) for attempt in range(growing)) + steady

    @property
    def exhausted_s(self) -> float:
        """Age at which the slow polls are used up as well."""
        return self.lasts_s + SLOW_ATTEMPTS * SLOW_INTERVAL_S

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
        return min(_SWAY * wait_s, self.least_s / 2)

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

    Without enough of them, or just after the provider has changed, it is the schedule.
    """
    latest = duration_model.since_change_point(history)
    if len(latest) < duration_model.ENOUGH:
        times = config.times_s(config.initial_interval * _GROWTH_STEPS)
    else:
        times = _PlanSearch(duration_model.fit(latest), config).best()
    return PollPlan(tuple(times), config.least_s, config.max_interval)


def is_telling(span: CensoredDuration, config: PollingConfig) -> bool:
    """Return true if a span is informative: not after a long gap, or a clock set back."""
    widest_s = 2 * max(config.longest_first_s, config.max_interval)
    return 0 <= span.after_s < span.by_s <= span.after_s + widest_s


class _PlanSearch:
    """Search over plans on a distribution cut into slices."""

    def __init__(self, curve: LognormalMixture, config: PollingConfig) -> None:
        self._config = config
        curve = _with_outlier_mass(curve)
        lows = [hump.centre - 4 * hump.width for hump in curve.components[:-1]]
        highs = [hump.centre + 3.5 * hump.width for hump in curve.components[:-1]]
        self._low = min(*lows, math.log(config.longest_first_s))
        high = max(*highs, math.log(2 * config.least_s))
        count = max(20, min(_MOST_STEPS, int((high - self._low) / _STEP)))
        self._step = (high - self._low) / count
        logs = [self._low + index * self._step for index in range(count + 1)]
        self._edges = [math.exp(log_s) for log_s in logs]
        self._done = [curve.cdf(log_s) for log_s in logs]
        self._lengths = [later - sooner for sooner, later in pairwise(self._edges)]
        # √h of each slice: the density over the survival at its middle.
        self._roots = [
            math.sqrt(max(after - before, 0.0) / length / max(1 - (before + after) / 2, 1e-9))
            for (before, after), length in zip(pairwise(self._done), self._lengths, strict=True)
        ]
        latest = self._edges[bisect_left(self._done, _LATEST_FIRST, hi=count)]
        self._latest_first_s = max(config.least_s, min(config.longest_first_s, latest))
        # The fewer jobs are known, the fewer polls are moved to them.
        more = self._polls(config.times_s(self._edges[-1])) - 1
        self._budget = max(1 + more * curve.weight / (curve.weight + _CAUTION), _LEAST_POLLS)

    def best(self) -> list[float]:
        """Return the densest plan that stays within the budget of polls."""
        cheap, dear = _LOG_POLL_COSTS
        for _ in range(_HALVINGS):
            price = (cheap + dear) / 2
            if self._polls(self._times(math.exp(price))) > self._budget:
                cheap = price
            else:
                dear = price
        return self._times(math.exp(dear))

    def _polls(self, times: Sequence[float]) -> float:
        """Return the mean number of polls of a job: each is made if the job is not done yet."""
        return 1 + sum(1 - self._done_by(time_s) for time_s in times)

    def _done_by(self, seconds: float) -> float:
        if seconds >= self._edges[-1]:
            return self._done[-1]
        place = (math.log(seconds) - self._low) / self._step
        if place <= 0:
            return 0.0
        index = min(int(place), len(self._lengths) - 1)
        before, after = self._done[index : index + 2]
        return before + (after - before) * (place - index)

    def _times(self, price: float) -> list[float]:
        """Return the polls that come due if one costs `price` seconds of waiting."""
        times: list[float] = []
        scale = 1 / math.sqrt(2 * price)
        due, next_due = 0.0, _FIRST_DUE
        for begin, length, root in zip(self._edges, self._lengths, self._roots, strict=False):
            rate = min(root * scale, 1 / self._config.least_s)
            if times:
                rate = max(rate, 1 / self._config.max_interval)
            before, due = due, due + rate * length
            while due >= next_due and len(times) < _MOST_POLLS:
                self._add(times, begin + (next_due - before) / rate)
                next_due += 1
            if not times and begin + length >= self._latest_first_s:
                self._add(times, self._latest_first_s)
                next_due = due + 1
        return times

    def _add(self, times: list[float], time_s: float) -> None:
        earliest_s = (times[-1] if times else 0.0) + self._config.least_s
        times.append(max(time_s, earliest_s))


def _with_outlier_mass(curve: LognormalMixture) -> LognormalMixture:
    """Return the mixture with additional mass for outliers."""
    doubt = _OUTLIER_MASS / (curve.weight + 1 + _OUTLIER_MASS)
    whole = sum(hump.share for hump in curve.components)
    middle = sum(hump.share * hump.centre for hump in curve.components) / whole
    kept = [hump._replace(share=hump.share / whole * (1 - doubt)) for hump in curve.components]
    return LognormalMixture((*kept, LognormalComponent(doubt, middle, 1.0)), curve.weight)


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
