"""How a figure of the running service stands: the operator's guide in numbers.

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


_WEIGHT = {Level.UNKNOWN: 0, Level.NORMAL: 1, Level.ATTENTION: 2, Level.CRITICAL: 3}


@dataclass(frozen=True, slots=True)
class Bounds:
    """Up to and without `attention` all is normal; above `critical` it is critical."""

    attention: float
    critical: float | None = None

    def level(self, value: float | None) -> Level:
        if value is None:
            return Level.UNKNOWN
        if self.critical is not None and value > self.critical:
            return Level.CRITICAL
        return Level.ATTENTION if value >= self.attention else Level.NORMAL


class Vital(StrEnum):
    """What is watched, with its unit."""

    QUEUE_JOBS = "queue_jobs"
    JOB_TIME_S = "job_time_s"
    CPU_RATIO = "cpu_ratio"
    MEMORY_RATIO = "memory_ratio"
    ERROR_RATIO = "error_ratio"


BOUNDS = {
    # Waiting jobs. Guide: normal < 50, attention 50-100, critical > 100.
    Vital.QUEUE_JOBS: Bounds(50, 100),
    # From the request to its end. Guide: normal < 30 s, acceptable 30-60 s, problem > 60 s.
    Vital.JOB_TIME_S: Bounds(30, 60),
    # Of the cores that the unit may use. Guide: < 70 %.
    Vital.CPU_RATIO: Bounds(0.70),
    # Of the unit's limit. Guide: < 80 %.
    Vital.MEMORY_RATIO: Bounds(0.80),
    # Failed among ended jobs; what people's input or moderation refused is none. Guide: < 1 %.
    Vital.ERROR_RATIO: Bounds(0.01),
}

REDIS_MEMORY_RATIO = Bounds(0.80, 0.99)
"""Of its maxmemory. What is being written counts, too: large orders are refused before 100 %."""


def worst(levels: Iterable[Level]) -> Level:
    """Return the worst of some levels; what is not known counts where nothing is."""
    return max(levels, key=lambda level: _WEIGHT[level], default=Level.NORMAL)
