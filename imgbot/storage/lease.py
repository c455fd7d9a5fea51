"""Lease of the bot that leads a cluster; the others stand by until it expires."""

import asyncio
import math
import socket
import time
import uuid
from collections.abc import Callable

from imgbot.domain.errors import StorageUnavailableError, TransientError
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.persistence import Persistence
from imgbot.telemetry import events

LEASE_S = 9.0
_LEASE_MS = round(LEASE_S * 1000)
_RENEW_S, _ATTEMPT_S, _OBSERVE_S = 2.5, 4.0, 1.0
_RESERVE_S = 3.0
"""Time before its end at which a lease is no longer relied on: clocks differ."""

_ASK_S = 0.5
_LOCK_DELAY_S = LEASE_S + 10.0


def _boot_s() -> float:
    # Goes on while the machine is suspended, as Redis does elsewhere.
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """Lease of this process: `take` waits for it, `keep` renews it.

    A leader that cannot renew it in time sets `expired`: it asks Telegram for nothing and orders
    nothing (`check`), until it has renewed it. It cannot once another bot has opened an epoch:
    then it is fenced, ends, and stands by after its restart.
    """

    def __init__(
        self, redis: Client, persistence: Persistence, now_s: Callable[[], float] = _boot_s
    ) -> None:
        self._redis = redis
        self._persistence = persistence
        self._now_s = now_s
        self._about = ""
        """Value of the lease, after its epoch."""
        self._former_s = -math.inf
        """When another bot last renewed it."""
        self._renewed_s = self._taken_s = -LEASE_S
        self.expired = asyncio.Event()
        self.is_standby = True
        self.trouble = ""
        """Why nothing is acknowledged; empty while another bot leads."""

    @property
    def is_leading(self) -> bool:
        return not self.is_standby and not self.expired.is_set()

    @property
    def state(self) -> str:
        """State of the writes: where they are acknowledged, or why they are not."""
        return self.trouble or ("standing by" if self.is_standby else self._persistence.state)

    async def take(self) -> None:
        """Wait until no other bot leads, and open an epoch.

        A lease that is released is taken within a second, one that is not after its nine.
        """
        own, reported, holder = str(uuid.uuid4()), "", ""
        while self.is_standby:
            try:
                holder = str(await self._redis.get(keys.LEADER) or "")
                if not holder or own in holder:
                    # A server that was a replica has none itself, and takes no writes at first.
                    # While another bot leads, that one alone decides about its writes.
                    await self._persistence.observe()
                    holder = await self._take(own)
                elif (left_ms := await self._held_ms()) > _LEASE_MS:
                    holder = await self._take(own)
                elif left_ms < _RESERVE_S * 1000:
                    # Its leader does not rely on it any longer: what takes seconds begins now.
                    await self._persistence.observe()
                self.trouble = ""
            except StorageUnavailableError as error:
                self.trouble = self._persistence.explain(error)
            if self.is_standby:
                state = self.trouble or f"{' '.join(holder.split()[:2])} leads"
                if state != reported:
                    events.info("standing by: %s", state)
                reported = state
                await asyncio.sleep(_ASK_S)

    async def _held_ms(self) -> int:
        """Return for how long another bot holds the lease, from which follows its renewal."""
        left_ms = await self._redis.pttl(keys.LEADER)
        renewed_s = self._now_s() - LEASE_S + min(left_ms, _LEASE_MS) / 1000
        self._former_s = max(self._former_s, renewed_s)
        return left_ms

    async def _take(self, own: str) -> str:
        began_s = self._now_s()
        takeover = f"{began_s - self._former_s:.1f}" if math.isfinite(self._former_s) else ""
        self._about = f"{socket.gethostname()} {time.time():.3f} {takeover}".rstrip()
        values = {"uuid": own, "about": self._about, "lease_ms": _LEASE_MS}
        verdict, epoch = await self._redis.call("take_lease", **values)
        if verdict == "ok":
            self._redis.epoch = str(epoch)
            self._renewed_s = self._taken_s = began_s
            self.is_standby = False
            await self._persistence.settle()
            after = f", {takeover} s after the last renewal" if takeover else ""
            events.info("leading: epoch %s%s", epoch, after)
        return str(epoch)

    async def keep(self) -> None:
        """Renew the lease until cancelled. Raises FencedError once another bot leads."""
        while True:
            failure = ""
            try:
                async with asyncio.timeout(_ATTEMPT_S):
                    await self._persistence.observe()
                    if self._now_s() - self._renewed_s >= _RENEW_S:
                        await self._renew()
            except (StorageUnavailableError, TimeoutError) as error:
                failure = str(error) or "no answer"
            if failure and failure != self.trouble:
                events.warning("the lease was not renewed: %s", failure)
            self.trouble = failure
            if self._left_s <= 0 and not self.expired.is_set():
                events.error("the lease expires: nothing is ordered or asked for meanwhile")
                self.expired.set()
            await asyncio.sleep(_OBSERVE_S)

    async def _renew(self) -> None:
        began_s = self._now_s()
        await self._redis.call("renew_lease", about=self._about, lease_ms=_LEASE_MS)
        self._renewed_s = began_s
        self.expired.clear()

    @property
    def _left_s(self) -> float:
        """Seconds for which the lease may be relied on."""
        return self._renewed_s + LEASE_S - _RESERVE_S - self._now_s()

    def check(self) -> None:
        """Refuse a paid call unless the lease holds. Raises TransientError."""
        if self._left_s <= 0:
            raise TransientError("the lease of this bot is not renewed")

    def locked_s(self, submit_s: float) -> float:
        """Return how long the leader before may still order what it was about to.

        It may have been stopped, before an order that takes `submit_s`, and go on.
        """
        return max(0.0, self._taken_s + submit_s + _LOCK_DELAY_S - self._now_s())
