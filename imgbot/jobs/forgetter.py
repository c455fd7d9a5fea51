"""Forgetter: forgets silent users, and finishes what a forgetting had to leave for later."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from imgbot.domain.errors import TransientError, UserError
from imgbot.storage.forgetting import Forgetting
from imgbot.storage.spend import Spend
from imgbot.telemetry import events as telemetry

_EVERY_S = 5.0
_AT_ONCE = 100
_REWRITE_EVERY_S = 300.0
"""A rewriting of the append-only file copies everything in Redis: several requests share one."""

_DAY_MS = 86_400_000


@dataclass(slots=True)
class Forgetter:
    """The loop; `forget_after_days` 0 keeps silent users."""

    forgetting: Forgetting
    spend: Spend
    forget_after_days: int
    limits_expire_s: int
    """Seconds after which nothing of a forgotten user is left in Redis but what must stay."""
    now_ms: Callable[[], int]

    async def run(self) -> None:
        rewritten_s = -_REWRITE_EVERY_S
        while True:
            try:
                await self._forget()
                if time.monotonic() - rewritten_s >= _REWRITE_EVERY_S:
                    rewritten_s = await self._rewrite() or rewritten_s
            except (TransientError, UserError, OSError) as error:
                telemetry.warning("forgetting goes on later: %s", error)
            await asyncio.sleep(_EVERY_S)

    async def _rewrite(self) -> float:
        """Have the append-only file rewritten if that is due; return the time, else 0."""
        before_ms = self.now_ms() - self.limits_expire_s * 1000
        return time.monotonic() if await self.forgetting.rewrite_log(before_ms) else 0.0

    async def _forget(self) -> None:
        now_ms = self.now_ms()
        today = self.spend.today(now_ms)
        await self.forgetting.settle(now_ms, today)
        if not self.forget_after_days:
            return
        before_ms = now_ms - self.forget_after_days * _DAY_MS
        if users := await self.forgetting.silent(before_ms, _AT_ONCE):
            await self.forgetting.forget(set(users), now_ms, today)
            telemetry.info("%d users were silent for long, and are forgotten", len(users))
