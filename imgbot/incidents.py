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

from imgbot.levels import BOUNDS, Level, Vital


class Sign(StrEnum):
    """How a matter looks at this moment."""

    BAD = "bad"
    GOOD = "good"
    OPEN = "open"  # between the two, or not known


@dataclass(frozen=True, slots=True)
class Hold:
    """How long it must be bad to begin, and good to be over."""

    begin_s: float = 0.0
    end_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Course:
    """Where one matter stands; `since_ms` is 0 unless it is rising or falling."""

    is_told: bool = False
    since_ms: int = 0


class Change(StrEnum):
    """What is to be told."""

    BEGUN = "begun"
    OVER = "over"


CALM = Course()
TOLD = Course(is_told=True)

VITAL_HOLDS: Mapping[Vital, Hold] = {
    # The figures are taken over minutes already; this is against a single odd one.
    Vital.QUEUE_JOBS: Hold(60, 120),
    Vital.JOB_TIME_S: Hold(60, 180),
    Vital.CPU_RATIO: Hold(120, 180),
    Vital.MEMORY_RATIO: Hold(60, 180),
    Vital.ERROR_RATIO: Hold(60, 300),
    Vital.UPDATE_AGE_S: Hold(60, 60),
}

_CALM_AGAIN = 0.9
"""A figure with one bound alone is good again below so much of it."""


def decide(course: Course, sign: Sign, hold: Hold, now_ms: int) -> tuple[Course, Change | None]:
    """Return where the matter stands now, and what is to be told of it."""
    wanted = Sign.GOOD if course.is_told else Sign.BAD
    if sign is not wanted:
        return (TOLD if course.is_told else CALM), None
    # A clock that was set back must not make it wait until the old time comes round again.
    since_ms = min(course.since_ms or now_ms, now_ms)
    hold_s = hold.end_s if course.is_told else hold.begin_s
    if now_ms - since_ms < hold_s * 1000:
        return Course(course.is_told, since_ms), None
    return (CALM, Change.OVER) if course.is_told else (TOLD, Change.BEGUN)


def sign_of(vital: Vital, value: float | None, level: Level) -> Sign:
    """Judge a figure: critical is bad, and attention where there is nothing above it."""
    bounds = BOUNDS[vital]
    if value is None or level is Level.UNKNOWN:
        return Sign.OPEN
    if bounds.critical is None:
        is_good = level is Level.NORMAL and value < bounds.attention * _CALM_AGAIN
        is_bad = level in {Level.ATTENTION, Level.CRITICAL}
    else:
        is_good, is_bad = level is Level.NORMAL, level is Level.CRITICAL
    return Sign.BAD if is_bad else Sign.GOOD if is_good else Sign.OPEN
