"""How long a picture takes, as far as the latest ones tell."""

import statistics
from collections.abc import Callable

from imgbot.errors import TransientError
from imgbot.job import Operation
from imgbot.queue.shelf import Shelf

_FRESH_MS = 30_000
_ENOUGH = 3
"""Fewer pictures than that tell nothing."""


class Estimates:
    """Medians of measured durations, read anew every half minute."""

    def __init__(self, shelf: Shelf, now_ms: Callable[[], int]) -> None:
        self._shelf = shelf
        self._now_ms = now_ms
        self._known: dict[Operation, tuple[int, float]] = {}

    async def typical_s(self, operation: Operation) -> float:
        """Return seconds from the claim to the picture; 0 while nobody knows."""
        read_ms, seconds = self._known.get(operation, (0, 0.0))
        now_ms = self._now_ms()
        if now_ms - read_ms < _FRESH_MS:
            return seconds
        try:
            found = await self._shelf.durations_s(operation)
        except TransientError:
            return seconds
        seconds = statistics.median(found) if len(found) >= _ENOUGH else 0.0
        self._known[operation] = (now_ms, seconds)
        return seconds


def rounded_s(seconds: float) -> int:
    """Round as people do: to five seconds, then to ten, then to half minutes."""
    step = 5 if seconds < 30 else 10 if seconds < 90 else 30
    return max(step, round(seconds / step) * step)
