"""Loop that forgets silent users, and finishes what a forgetting had to leave for later."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from imgbot.jobs.maintenance import repeat
from imgbot.storage.forgetting import Forgetting
from imgbot.telemetry import events

_FORGET_EVERY_S = 5.0
_FORGOTTEN_AT_ONCE = 100
_REWRITE_EVERY_S = 300.0
"""Rewriting the append-only file copies all of Redis, so several requests share one rewrite."""

_DAY_MS = 86_400_000


@dataclass(slots=True)
class Forgetter:
    """Forgets users, and has Redis rewrite its append-only file when that is due."""

    forgetting: Forgetting
    now_ms: Callable[[], int]
    today: Callable[[int], str]
    forget_after_days: int
    """0 keeps silent users."""
    limits_expire_s: int
    """Seconds after which nothing of a forgotten user is left in Redis but what must stay."""
    is_clock_sure: Callable[[], bool]
    """While it is false, no user is forgotten for their silence."""
    _rewritten_s: float = field(default=-_REWRITE_EVERY_S, init=False)

    async def run(self) -> None:
        await repeat(_FORGET_EVERY_S, self._forget, "forgetting goes on later")

    async def _forget(self) -> None:
        now_ms = self.now_ms()
        today = self.today(now_ms)
        await self.forgetting.settle(now_ms, today)
        if self.forget_after_days and self.is_clock_sure():
            before_ms = now_ms - self.forget_after_days * _DAY_MS
            users = await self.forgetting.silent(before_ms, _FORGOTTEN_AT_ONCE)
            if users:
                await self.forgetting.forget(set(users), now_ms, today)
                events.info("%d users were silent for long, and are forgotten", len(users))
        is_due = time.monotonic() - self._rewritten_s >= _REWRITE_EVERY_S
        if is_due and await self.forgetting.rewrite_log(now_ms - self.limits_expire_s * 1000):
            self._rewritten_s = time.monotonic()
