"""When to ask a provider again: the guide's schedule, pure and without a clock.

The polls of a job fall at 2, 5, 9.5, 16.25, 26.25, 36.25 … seconds after its submit:
the interval grows by half until it reaches the maximum.
"""

from dataclasses import dataclass

POLL_INTERVAL_INITIAL = 2.0
"""Seconds before the first poll (guide: 1-2 s at low load, 2-3 medium, 3-5 high)."""

POLL_INTERVAL_MAX = 10.0
"""Seconds between polls at the most."""

IMAGE_POLL_MAX_ATTEMPTS = 60
"""Polls at the schedule's pace, about ten minutes; slow ones follow."""

_GROWTH = 1.5
_GROWTH_STEPS = 64  # 1.5 ** 64 is beyond any interval, and far from an overflow

SLOW_INTERVAL_S = 60.0
"""Past the schedule a job is paid for and may still finish: ask once a minute."""

SLOW_ATTEMPTS = 60
"""An hour of slow polls, then the job is given up as exhausted."""


@dataclass(frozen=True, slots=True)
class PollingConfig:
    """The guide's three numbers; intervals in seconds."""

    initial_interval: float = POLL_INTERVAL_INITIAL
    max_interval: float = POLL_INTERVAL_MAX
    max_attempts: int = IMAGE_POLL_MAX_ATTEMPTS

    def get_interval(self, attempt: int = 0) -> float:
        """Seconds to wait after `attempt` polls have been made."""
        if self.is_slow(attempt):
            return SLOW_INTERVAL_S
        growth = _GROWTH ** min(attempt, _GROWTH_STEPS)
        return min(self.initial_interval * growth, self.max_interval)

    def is_slow(self, attempt: int) -> bool:
        """Whether the schedule is used up and the person should hear of it."""
        return attempt >= self.max_attempts

    def is_exhausted(self, attempt: int) -> bool:
        """Whether even the slow polls are used up."""
        return attempt >= self.max_attempts + SLOW_ATTEMPTS
