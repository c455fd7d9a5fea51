"""When something that is wrong becomes an incident, and when it is over. Pure.

Once it has been bad for long enough it begins, and is told; once it has been good for long
enough it is over, and that is told. What is between the two, or not known, changes nothing but
the waiting:

    phase     bad                          good                        between, unknown
    calm      rising (told after begin_s)  calm                        calm
    rising    told after begin_s → open    calm                        calm
    open      open                         falling (over after end_s)  open
    falling   open                         over after end_s → calm     open
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from imgbot.telemetry.thresholds import THRESHOLDS, Indicator, Level


class Reading(StrEnum):
    """Current condition of an alert."""

    BAD = "bad"
    GOOD = "good"
    OPEN = "open"  # between the two, or not known


@dataclass(frozen=True, slots=True)
class HoldTime:
    """Time that a condition must hold before an alert fires, and be gone before it resolves."""

    fire_after_s: float = 0.0
    resolve_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class AlertState:
    """State of one alert; `since_ms` is 0 unless it is about to fire or to resolve."""

    is_firing: bool = False
    since_ms: int = 0


class Transition(StrEnum):
    """Change of an alert that is reported."""

    FIRED = "begun"
    RESOLVED = "over"


INACTIVE = AlertState()
FIRING = AlertState(is_firing=True)

VITAL_HOLDS: Mapping[Indicator, HoldTime] = {
    # The figures are taken over minutes already; this is against a single odd one.
    Indicator.QUEUE_JOBS: HoldTime(60, 120),
    Indicator.JOB_TIME_S: HoldTime(60, 180),
    Indicator.CPU_RATIO: HoldTime(120, 180),
    Indicator.MEMORY_RATIO: HoldTime(60, 180),
    Indicator.ERROR_RATIO: HoldTime(60, 300),
    Indicator.UPDATE_AGE_S: HoldTime(60, 60),
}

_CALM_AGAIN = 0.9
"""A figure with one bound alone is good again below so much of it."""


def decide(
    course: AlertState, sign: Reading, hold: HoldTime, now_ms: int
) -> tuple[AlertState, Transition | None]:
    """Return where the matter stands now, and what is to be told of it."""
    wanted = Reading.GOOD if course.is_firing else Reading.BAD
    if sign is not wanted:
        return (FIRING if course.is_firing else INACTIVE), None
    # A clock that was set back must not make it wait until the old time comes round again.
    since_ms = min(course.since_ms or now_ms, now_ms)
    hold_s = hold.resolve_after_s if course.is_firing else hold.fire_after_s
    if now_ms - since_ms < hold_s * 1000:
        return AlertState(course.is_firing, since_ms), None
    return (INACTIVE, Transition.RESOLVED) if course.is_firing else (FIRING, Transition.FIRED)


def reading_of(vital: Indicator, value: float | None, level: Level) -> Reading:
    """Judge a figure: critical is bad, and attention where there is nothing above it."""
    bounds = THRESHOLDS[vital]
    if value is None or level is Level.UNKNOWN:
        return Reading.OPEN
    if bounds.critical is None:
        is_good = level is Level.NORMAL and value < bounds.attention * _CALM_AGAIN
        is_bad = level in {Level.ATTENTION, Level.CRITICAL}
    else:
        is_good, is_bad = level is Level.NORMAL, level is Level.CRITICAL
    return Reading.BAD if is_bad else Reading.GOOD if is_good else Reading.OPEN
