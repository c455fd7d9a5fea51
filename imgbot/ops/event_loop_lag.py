"""How late the event loop is: the first figure to rise when something blocks it."""

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
        """How long ago the loop last came round; for those who ask from another thread."""
        return time.monotonic() - self._beat

    async def run(self) -> None:
        while True:
            due = time.monotonic() + self._interval_s
            await asyncio.sleep(self._interval_s)
            self._beat = time.monotonic()
            self.last_s = max(0.0, self._beat - due)
            self._observe(self.last_s)
