"""Liveness of the bot's parts: each announces its next deadline, a watcher compares.

What counts as moving is the part's own: the poll loop asks Telegram again (an answer is not
needed, for Telegram may be away for hours), the pool's workers end steps or start, the claim
loop comes round. Pure: the clock is given.
"""

import math
from collections.abc import Mapping

GRACE_S = 60.0
"""A machine that swaps is late; one that is this late is not only slow."""


class Heartbeat:
    """The time by which one part must have moved; none before it first moves."""

    def __init__(self) -> None:
        self._due_s = math.inf

    def expect(self, within_s: float, now_s: float) -> None:
        """It has moved, and will again within so many seconds."""
        self._due_s = now_s + within_s

    def overdue_s(self, now_s: float) -> float:
        """Seconds overdue; 0 while in time."""
        return max(0.0, now_s - self._due_s)


def most_overdue(overdue_s: Mapping[str, float]) -> str:
    """Name the part that is overdue the most, by far enough to be stuck; empty if none is."""
    part, late_s = max(overdue_s.items(), key=lambda item: item[1], default=("", 0.0))
    return f"{part} should have moved {late_s:.0f} s ago" if late_s > GRACE_S else ""
