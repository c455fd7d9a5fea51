"""Model of a provider's durations, learned from polls: pure statistics, without a clock.

A poll tells only that a job finished between two polls. Such spans are weighted by age (half
as much after a hundred newer ones), truncated at the latest change of the provider, and fitted
by one or two lognormal components, as the BIC prefers.
"""

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

KEPT = 200
"""Number of spans kept."""

ENOUGH = 4
"""Minimum number of spans for a fit."""

_HALF_LIFE = 100.0
_CELLS = 80
_MARGIN = 0.3
_ROUNDS = 25
_SETTLED = 1e-3
"""Gain in log-likelihood per span below which the EM iteration stops."""

_USUAL_WIDTH = 0.35
"""Width (in log seconds) of one additional prior span in every component."""

_TWO_FROM = 12.0
_NOTHING = 1e-12

_SHIFT_Z = 4.6
"""Threshold of the rank shift's z-score, allowing for the search over all positions."""
_SHIFT_FROM = 6
_RUN_MOST = 7
_RARE = 1e-3
"""Probability below which a run of extremes at the end counts as a change."""


class CensoredDuration(NamedTuple):
    """Span of a job seen unfinished at `after_s` and finished at `by_s`, in seconds of its age."""

    after_s: float
    by_s: float


class LognormalComponent(NamedTuple):
    """Lognormal component: its share, and centre and width in log seconds."""

    share: float
    centre: float
    width: float


@dataclass(frozen=True, slots=True)
class LognormalMixture:
    """Distribution of a duration: components, and the total weight of the spans behind them."""

    components: tuple[LognormalComponent, ...]
    weight: float

    def cdf(self, log_s: float) -> float:
        """Return the probability that a job takes no longer than exp(`log_s`) seconds."""
        return sum(
            share * 0.5 * math.erfc((centre - log_s) / (width * math.sqrt(2)))
            for share, centre, width in self.components
        )


def since_change_point(history: Sequence[CensoredDuration]) -> Sequence[CensoredDuration]:
    """Return the newest part of `history` (oldest first) since the provider last changed."""
    while start := _change(history):
        history = history[start:]
    return history


def _change(history: Sequence[CensoredDuration]) -> int:
    """Return the start index of the latest change, 0 if there is none.

    Gehan's scores compare only pairs whose order is certain, so the width of the gaps
    between polls is not taken for a change.
    """
    count = len(history)
    starts = sorted(span.after_s for span in history)
    ends = sorted(span.by_s for span in history)
    scores = [
        bisect_right(ends, span.after_s) - (count - bisect_left(starts, span.by_s))
        for span in history
    ]
    return _shift(scores) or _run(history)


def _shift(scores: Sequence[int]) -> int:
    """Return the index at which newer scores differ most from older ones, if significant."""
    count = len(scores)
    spread = sum(score * score for score in scores)
    found, most, total = 0, _SHIFT_Z, 0
    for start in range(count - 1, _SHIFT_FROM - 1, -1):
        total += scores[start]
        newer = count - start
        if newer >= _SHIFT_FROM and spread:
            z = abs(total) / math.sqrt(newer * start / (count * (count - 1)) * spread)
            if z > most:
                found, most = start, z
    return found


def _run(history: Sequence[CensoredDuration]) -> int:
    """Return the start index of a short run of extremes at the very end, if there is one.

    An older span that may be as extreme counts as such: a first poll that falls earlier than
    before and finds the job done does not show that the job was faster.
    """
    for newer in range(min(_RUN_MOST, len(history) - 1), 1, -1):
        older, latest = history[:-newer], history[-newer:]
        slowest_s = max(span.by_s for span in latest)
        fastest_s = min(span.after_s for span in latest)
        as_fast = sum(1 for span in older if span.after_s < slowest_s)
        as_slow = sum(1 for span in older if span.by_s > fastest_s)
        chance = 2 * ((min(as_fast, as_slow) + 1) / (len(older) + 1)) ** newer
        if chance < _RARE:
            return len(older)
    return 0


class _Grid:
    """Spans on cells of equal width in log seconds; equal spans are counted once."""

    def __init__(self, history: Sequence[CensoredDuration]) -> None:
        weights = [0.5 ** (age / _HALF_LIFE) for age in range(len(history) - 1, -1, -1)]
        self.total = sum(weights)
        self.weight = self.total**2 / sum(weight * weight for weight in weights)
        self._low = min(math.log(max(span.after_s, span.by_s / 4)) for span in history) - _MARGIN
        high = max(math.log(span.by_s) for span in history) + _MARGIN
        self.step = (high - self._low) / _CELLS
        self.centres = [self._low + (cell + 0.5) * self.step for cell in range(_CELLS)]
        counted: defaultdict[tuple[int, int], float] = defaultdict(float)
        for span, weight in zip(history, weights, strict=True):
            begin = self._edge(span.after_s) if span.after_s else 0
            end = max(begin + 1, self._edge(span.by_s))
            counted[begin, end] += weight
        self.spans = [(begin, end, weight) for (begin, end), weight in counted.items()]

    def _edge(self, seconds: float) -> int:
        return max(0, round((math.log(seconds) - self._low) / self.step))

    @property
    def middles(self) -> list[tuple[float, float]]:
        """Middle of each span with its weight, in order."""
        return sorted(
            (self._low + (begin + end) / 2 * self.step, weight) for begin, end, weight in self.spans
        )

    def shares(self, density: Sequence[float]) -> tuple[list[float], float]:
        """Return the factor for each cell's density that gives every span its weight.

        Also returns the log-likelihood of the spans under that density.
        """
        below = [0.0, *accumulate(density)]
        turns = [0.0] * (_CELLS + 1)
        likelihood = 0.0
        for begin, end, weight in self.spans:
            inside = below[end] - below[begin]
            likelihood += weight * math.log(inside * self.step / math.sqrt(2 * math.pi))
            turns[begin] += weight / inside
            turns[end] -= weight / inside
        return list(accumulate(turns[:-1])), likelihood


def fit(history: Sequence[CensoredDuration]) -> LognormalMixture:
    """Fit a mixture to spans, oldest first; at least one, each with 0 ≤ after_s < by_s."""
    grid = _Grid(history)
    middles = grid.middles
    humps, likelihood = _settle(grid, [_start(grid, middles)])
    if grid.weight >= _TWO_FROM and (cut := _best_cut(middles, grid.total)):
        pair = [_start(grid, middles[:cut]), _start(grid, middles[cut:])]
        two, better = _settle(grid, pair)
        gain = (better - likelihood) * grid.weight / grid.total
        if gain > 1.5 * math.log(grid.weight):  # three more parameters, at half a log each
            humps = two
    # The centre of a component with few spans is uncertain: its width grows by that.
    widened = [
        hump._replace(width=hump.width * math.sqrt(1 + 1 / max(hump.share * grid.weight, 1)))
        for hump in humps
    ]
    return LognormalMixture(tuple(widened), grid.weight)


def _start(grid: _Grid, group: Sequence[tuple[float, float]]) -> LognormalComponent:
    weight = sum(part for _, part in group)
    centre = sum(middle * part for middle, part in group) / weight
    variance = sum((middle - centre) ** 2 * part for middle, part in group) / weight
    return LognormalComponent(weight / grid.total, centre, max(math.sqrt(variance), grid.step))


def _best_cut(middles: Sequence[tuple[float, float]], total: float) -> int:
    """Return the size of the first of the two groups of middles with the least variance."""
    whole = sum(middle * weight for middle, weight in middles)
    weight_before = sum_before = best = 0.0
    cut = 0
    for index, (middle, weight) in enumerate(middles[:-1], 1):
        weight_before += weight
        sum_before += middle * weight
        if weight_before < 2 or total - weight_before < 2:
            continue
        explained = sum_before**2 / weight_before
        explained += (whole - sum_before) ** 2 / (total - weight_before)
        # The square is symmetric around zero: only the excess over a single group counts.
        if (gain := explained - whole**2 / total) > best:
            cut, best = index, gain
    return cut


def _settle(grid: _Grid, humps: list[LognormalComponent]) -> tuple[list[LognormalComponent], float]:
    """Improve the components by EM until the likelihood converges."""
    likelihood = -math.inf
    for _ in range(_ROUNDS):
        humps, reached = _improve(grid, humps)
        if reached - likelihood < _SETTLED * grid.total:
            return humps, reached
        likelihood = reached
    return humps, likelihood


def _improve(
    grid: _Grid, humps: Sequence[LognormalComponent]
) -> tuple[list[LognormalComponent], float]:
    densities = [
        [
            share / width * math.exp(-0.5 * ((cell - centre) / width) ** 2) + _NOTHING
            for cell in grid.centres
        ]
        for share, centre, width in humps
    ]
    factors, likelihood = grid.shares([sum(parts) for parts in zip(*densities, strict=True)])
    return [_moved(grid, density, factors) for density in densities], likelihood


def _moved(grid: _Grid, density: Sequence[float], factors: Sequence[float]) -> LognormalComponent:
    masses = [part * factor for part, factor in zip(density, factors, strict=True)]
    total = max(sum(masses), _NOTHING)
    centre = sum(mass * cell for mass, cell in zip(masses, grid.centres, strict=True)) / total
    spread = sum(
        mass * (cell - centre) ** 2 for mass, cell in zip(masses, grid.centres, strict=True)
    )
    weight = total * grid.weight / grid.total
    variance = (spread / total * weight + _USUAL_WIDTH**2) / (weight + 1)
    return LognormalComponent(total / grid.total, centre, max(math.sqrt(variance), grid.step * 0.7))
