"""The machine's clock, and ages that its jumps do not change."""

import time
from collections import deque
from collections.abc import Callable

WRONG_S = 120.0
"""Difference from Telegram's clock at which that of this machine counts as wrong."""

_JUMP_MS = 30_000
_JUMPS_REMEMBERED = 100
_SETTLED_MS = 3_600_000


class Clock:
    """The machine's clock, compared with a monotonic one each time it is read."""

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._settling_ms = monotonic_ns() // 1_000_000
        self._ahead_ms = wall_ns() // 1_000_000 - self._settling_ms
        self._jumps = deque[tuple[int, int]](maxlen=_JUMPS_REMEMBERED)
        """Time after each jump, and its size."""

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return self._read()[0]

    def age_ms(self, since_ms: int) -> int:
        """Milliseconds since a stored time, without the jumps since then that are known."""
        until_ms, _ = self._read()
        age_ms = until_ms - since_ms
        for after_ms, size in reversed(self._jumps):
            if after_ms <= since_ms <= until_ms:
                break
            # Set back, it has had the same time twice.
            age_ms, until_ms = age_ms - size, after_ms - size
        return max(0, age_ms)

    @property
    def is_settled(self) -> bool:
        """True after an hour without a jump."""
        _, monotonic_ms = self._read()
        return monotonic_ms - self._settling_ms >= _SETTLED_MS

    def _read(self) -> tuple[int, int]:
        wall_ms = self._wall_ns() // 1_000_000
        monotonic_ms = self._monotonic_ns() // 1_000_000
        jump_ms = wall_ms - monotonic_ms - self._ahead_ms
        if abs(jump_ms) >= _JUMP_MS:
            self._jumps.append((wall_ms, jump_ms))
            self._ahead_ms += jump_ms
            self._settling_ms = monotonic_ms
        return wall_ms, monotonic_ms
