"""Event loop lag: the first figure to rise when something blocks the loop."""

import asyncio
import time
from collections.abc import Callable

_INTERVAL_S = 0.25


class EventLoopLag:
    """Asks to be woken at a time and measures how late that happens; run it in a TaskGroup."""

    def __init__(
        self, observe: Callable[[float], None], *, interval_s: float = _INTERVAL_S
    ) -> None:
        self._observe = observe
        self._interval_s = interval_s
        self._beat = time.monotonic()
        self.last_s = 0.0

    @property
    def silence_s(self) -> float:
        """Seconds since the loop last ran; may be read from another thread."""
        return time.monotonic() - self._beat

    async def run(self) -> None:
        while True:
            due = time.monotonic() + self._interval_s
            await asyncio.sleep(self._interval_s)
            self._beat = time.monotonic()
            self.last_s = max(0.0, self._beat - due)
            self._observe(self.last_s)
