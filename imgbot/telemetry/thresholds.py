"""Thresholds of the service's indicators: the operator's guide in numbers.

The status page, `imgbot status`, the alerts of Prometheus and what administrators are told
on Telegram read the same bounds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """Green, yellow, red, and a figure that is not known."""

    NORMAL = "normal"
    ATTENTION = "attention"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


_BY_WEIGHT = (Level.UNKNOWN, Level.NORMAL, Level.ATTENTION, Level.CRITICAL)


@dataclass(frozen=True, slots=True)
class HoldTime:
    """Time that a condition must hold before an alert fires, and be gone before it resolves."""

    fire_after_s: float = 0.0
    resolve_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Up to and without `attention` all is normal; above `critical` it is critical."""

    attention: float
    critical: float | None = None
    window_s: float = 0.0
    """Time over which the figure is taken; 0: of the moment."""
    hold: HoldTime = HoldTime()
    """Of its alert: against a single odd figure, for most are taken over minutes already."""

    @property
    def bounds(self) -> dict[str, float | None]:
        """The bounds as /status.json shows them."""
        return {
            "attention": self.attention,
            "critical": self.critical,
            "window_s": self.window_s,
        }

    def level(self, value: float | None) -> Level:
        if value is None:
            return Level.UNKNOWN
        if self.critical is not None and value > self.critical:
            return Level.CRITICAL
        return Level.ATTENTION if value >= self.attention else Level.NORMAL


class Indicator(StrEnum):
    """Indicators, each with its unit."""

    QUEUE_JOBS = "queue_jobs"
    JOB_TIME_S = "job_time_s"
    CPU_RATIO = "cpu_ratio"
    MEMORY_RATIO = "memory_ratio"
    ERROR_RATIO = "error_ratio"
    UPDATE_AGE_S = "update_age_s"


# The windows are those of the alerts for Prometheus.
THRESHOLDS = {
    # Waiting jobs. Guide: normal < 50, attention 50-100, critical > 100.
    Indicator.QUEUE_JOBS: Thresholds(50, 100, 0, HoldTime(60, 120)),
    # From the request to its end. Guide: normal < 30 s, acceptable 30-60 s, problem > 60 s.
    Indicator.JOB_TIME_S: Thresholds(30, 60, 300, HoldTime(60, 180)),
    # Of the cores that the unit may use. Guide: < 70 %.
    Indicator.CPU_RATIO: Thresholds(0.70, None, 300, HoldTime(120, 180)),
    # Of the unit's limit. Guide: < 80 %.
    Indicator.MEMORY_RATIO: Thresholds(0.80, None, 0, HoldTime(60, 180)),
    # Failed among ended jobs; what people's input or moderation refused is none. Guide: < 1 %.
    Indicator.ERROR_RATIO: Thresholds(0.01, None, 900, HoldTime(60, 300)),
    # Of the oldest update that is not handled yet. Most take less than a second.
    Indicator.UPDATE_AGE_S: Thresholds(60, 600, 0, HoldTime(60, 60)),
}

RECENT_S = 900.0
"""Window of the figures that are called recent; no window is longer."""


class Bound(StrEnum):
    """Bottlenecks, in order of precedence: the first that applies is the one to widen."""

    DISK = "disk"
    CPU = "cpu"
    MEMORY = "memory"
    WORKERS = "workers"
    PROVIDER_OUT = "provider_out"
    TELEGRAM = "telegram"
    PROVIDER_LIMIT = "provider_limit"
    JOBS_PER_WORKER = "jobs_per_worker"
    RUNNING_PER_USER = "running_per_user"
    BUDGET = "budget"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Load:
    """Load and capacity at one moment."""

    waiting: int = 0
    capped: int = 0
    """Waiting jobs of users who have as many under way as one user may."""
    running: int = 0
    capacity: int = 0
    """Maximum number of running jobs."""
    delivering: int = 0
    workers: int = 0
    busy: int = 0
    steps_waiting: int = 0
    """Steps that wait for a worker."""
    flood_waits: float = 0.0
    """Of the last minutes."""
    cpu_ratio: float | None = None
    memory_ratio: float | None = None
    is_disk_full: bool = False
    is_provider_out: bool = False
    """True if only the built-in engine serves although another provider is configured."""
    is_provider_full: bool = False
    """True if a provider is at its concurrency limit or has recently rate-limited us."""
    is_budget_spent: bool = False


def bound_of(load: Load) -> Bound:
    """Return what really holds the jobs back; what stands later in their way comes first."""
    needs_worker = load.steps_waiting > 0 and load.busy >= load.workers
    is_cpu_short = THRESHOLDS[Indicator.CPU_RATIO].level(load.cpu_ratio) is Level.ATTENTION
    is_memory_short = THRESHOLDS[Indicator.MEMORY_RATIO].level(load.memory_ratio) is Level.ATTENTION
    holds = {
        Bound.DISK: load.is_disk_full,
        Bound.CPU: needs_worker and is_cpu_short,
        Bound.MEMORY: needs_worker and is_memory_short,
        Bound.WORKERS: needs_worker,
        Bound.PROVIDER_OUT: load.is_provider_out,
        Bound.TELEGRAM: load.flood_waits > 0 and 2 * load.delivering >= load.running > 0,
        Bound.PROVIDER_LIMIT: load.is_provider_full,
        Bound.JOBS_PER_WORKER: load.running >= load.capacity > 0,
        Bound.RUNNING_PER_USER: 0 < load.waiting <= load.capped,
        Bound.BUDGET: load.is_budget_spent,
    }
    return next((bound for bound, does_hold in holds.items() if does_hold), Bound.NONE)


REDIS_MEMORY_RATIO = Thresholds(0.80, 0.99)
"""Of its maxmemory. What is being written counts, too: large orders are refused before 100 %."""


def worst(levels: Iterable[Level]) -> Level:
    """Return the worst of some levels; what is not known counts where nothing is."""
    return max(levels, key=_BY_WEIGHT.index, default=Level.NORMAL)


class Reading(StrEnum):
    """Current condition of an alert."""

    BAD = "bad"
    GOOD = "good"
    OPEN = "open"  # between the two, or not known


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

_CALM_AGAIN = 0.9
"""A figure with one bound alone is good again below so much of it."""


def decide(
    course: AlertState, sign: Reading, hold: HoldTime, now_ms: int
) -> tuple[AlertState, Transition | None]:
    """Return the alert's state now, and the transition to be reported.

    Held bad long enough, it fires; held good long enough, it resolves. What is between the two, or
    not known, only restarts the wait.
    """
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
    if level is (Level.ATTENTION if bounds.critical is None else Level.CRITICAL):
        return Reading.BAD
    good_below = bounds.attention * (_CALM_AGAIN if bounds.critical is None else 1)
    is_good = level is Level.NORMAL and value is not None and value < good_below
    return Reading.GOOD if is_good else Reading.OPEN
