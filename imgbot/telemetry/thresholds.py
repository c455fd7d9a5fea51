"""Thresholds of the service's indicators: the operator's guide in numbers.

The status page, `imgbot status`, the alerts of Prometheus and those on
Telegram have the same bounds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Remedy(StrEnum):
    """Action of an admin against an incident."""

    WORKERS = "workers"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    BUDGET = "budget"
    FALLBACK = "fallback"
    TRY = "try"


class Level(StrEnum):
    """A figure that is not known, green, yellow, red; the worst last."""

    UNKNOWN = "unknown"
    NORMAL = "normal"
    ATTENTION = "attention"
    CRITICAL = "critical"

    @property
    def is_problem(self) -> bool:
        return self in {Level.ATTENTION, Level.CRITICAL}


class ConditionStatus(StrEnum):
    """Status of an alert's condition."""

    MET = "met"
    CLEAR = "clear"
    UNCLEAR = "unclear"  # between the two, or not known


@dataclass(frozen=True, slots=True)
class HoldTime:
    """Time that a condition must be met before its alert fires, and clear before it resolves."""

    fire_after_s: float = 0.0
    resolve_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Below `attention` all is normal; above `critical` it is critical."""

    attention: float
    critical: float | None = None
    window_s: float = 0.0
    """Time over which the figure is taken; 0: of the moment."""
    hold: HoldTime | None = HoldTime()
    """Of its alert: against a single odd figure, for most are taken over minutes already.
    Without one there is no alert."""
    resolve_below: float | None = None
    remedies: tuple[Remedy, ...] = ()
    """Remedies that the advice names, which an administrator can order from the chat."""

    def level(self, value: float | None) -> Level:
        if value is None:
            return Level.UNKNOWN
        if self.critical is not None and value > self.critical:
            return Level.CRITICAL
        return Level.ATTENTION if value >= self.attention else Level.NORMAL

    def status(self, value: float | None, level: Level) -> ConditionStatus:
        """Judge an alert's condition: met if critical, or at attention if nothing is above it."""
        if level is (Level.ATTENTION if self.critical is None else Level.CRITICAL):
            return ConditionStatus.MET
        # A figure with one bound alone is clear below most of it.
        reserve = 0.9 if self.critical is None else 1
        bound = self.attention * reserve if self.resolve_below is None else self.resolve_below
        is_clear = level is not Level.CRITICAL and value is not None and value < bound
        return ConditionStatus.CLEAR if is_clear else ConditionStatus.UNCLEAR


class Indicator(StrEnum):
    """Indicators, each with its unit."""

    QUEUE_JOBS = "queue_jobs"
    JOB_TIME_S = "job_time_s"
    CPU_RATIO = "cpu_ratio"
    MEMORY_RATIO = "memory_ratio"
    ERROR_RATIO = "error_ratio"
    UPDATE_AGE_S = "update_age_s"


# The bounds and windows are those of the alerts for Prometheus.
THRESHOLDS: Mapping[str, Thresholds] = {
    # Waiting jobs. Guide: normal < 50, attention 50-100, critical > 100.
    Indicator.QUEUE_JOBS: Thresholds(50, 100, 0, HoldTime(60, 120), remedies=(Remedy.PAUSE,)),
    # From the request to its end. Guide: normal < 30 s, acceptable 30-60 s, problem > 60 s.
    Indicator.JOB_TIME_S: Thresholds(30, 60, 300, HoldTime(60, 180), remedies=(Remedy.RETRY,)),
    # Of the cores that the unit may use. Guide: < 70 %.
    Indicator.CPU_RATIO: Thresholds(
        0.70, None, 300, HoldTime(120, 180), remedies=(Remedy.WORKERS,)
    ),
    # Of the unit's limit. Guide: < 80 %.
    Indicator.MEMORY_RATIO: Thresholds(
        0.80, None, 0, HoldTime(60, 180), remedies=(Remedy.WORKERS,)
    ),
    # Failed among ended jobs; what people's input or moderation refused is none. Guide: < 1 %.
    Indicator.ERROR_RATIO: Thresholds(0.01, None, 900, HoldTime(60, 300)),
    # Of the oldest update that is not handled yet. Most take less than a second.
    Indicator.UPDATE_AGE_S: Thresholds(60, 600, 0, HoldTime(60, 60)),
    # Seconds for which the oldest running job has been running: longer than any regular job.
    "stuck": Thresholds(300, 300, 0, HoldTime(60, 60), remedies=(Remedy.RETRY,)),
    # Started jobs on which nothing is working.
    "unattended": Thresholds(1, 0, 0, HoldTime(60, 60)),
    # Replicas of a cluster that are gone. One that is started again is back in less.
    "replica": Thresholds(1, 0, 0, HoldTime(20, 30)),
    # Times that Telegram made the bot wait.
    "flood": Thresholds(1, 20, 600, HoldTime(60, 300)),
    # Of Redis's maxmemory. What is being written counts: large orders are refused before 100 %.
    "redis_full": Thresholds(0.80, 0.99, 0, HoldTime(0, 60), resolve_below=0.95),
    # Seconds since Telegram last answered getUpdates.
    "polling": Thresholds(120, 120, 0, HoldTime(0, 30)),
    # Seconds since a backup last left the machine; it is tried once a day.
    "backup": Thresholds(129_600),
    # Since one was last read back; it is tried once a week, and each day after a failure.
    "rehearsal": Thresholds(777_600),
    # Others who take the bot's updates.
    "rival": Thresholds(1, 0, 0, HoldTime(0, 120)),
    # Health checks that fail. It takes longer than a poller that is about to stop.
    "check": Thresholds(1, 0, 0, HoldTime(120, 60)),
    # Providers that serve nobody. One that comes and goes is one alert.
    "provider": Thresholds(1, None, 0, HoldTime(0, 300)),
    # Whether the budget is spent. A reservation may be released in a moment, and each finished
    # picture releases a bit.
    "budget": Thresholds(1, None, 0, HoldTime(60, 300), remedies=(Remedy.BUDGET,)),
    # Jobs with an unknown outcome.
    "dead": Thresholds(1, None, 86_400, remedies=(Remedy.RETRY,)),
    "paused": Thresholds(1, hold=None),
}
"""By alert rule; the first six are figures of the status page."""

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


def worst(levels: Iterable[Level]) -> Level:
    """Return the worst of some levels; what is not known counts where nothing is."""
    return max(levels, key=list(Level).index, default=Level.NORMAL)


@dataclass(frozen=True, slots=True)
class AlertState:
    """State of one alert; `since_ms` is 0 unless it is pending, or about to resolve."""

    is_firing: bool = False
    since_ms: int = 0


INACTIVE = AlertState()
FIRING = AlertState(is_firing=True)


def next_state(
    state: AlertState, condition: ConditionStatus, hold: HoldTime, now_ms: int
) -> AlertState:
    """Return the alert's state now.

    Met for long enough, it fires; clear for long enough, it resolves. What is between the two, or
    not known, only restarts the wait.
    """
    wanted = ConditionStatus.CLEAR if state.is_firing else ConditionStatus.MET
    if condition is not wanted:
        return FIRING if state.is_firing else INACTIVE
    # A clock that was set back must not make it wait until the old time comes round again.
    since_ms = min(state.since_ms or now_ms, now_ms)
    hold_s = hold.resolve_after_s if state.is_firing else hold.fire_after_s
    if now_ms - since_ms < hold_s * 1000:
        return AlertState(state.is_firing, since_ms)
    return INACTIVE if state.is_firing else FIRING
