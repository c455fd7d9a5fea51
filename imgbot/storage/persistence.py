"""Durability of writes: on the disk of the server, and in a cluster on that of its replica, too.

Without its replica a primary goes on alone only once the witness has recorded that it alone has
everything, after which no bot leads at the replica: it is as safe as a single server then.
"""

import asyncio
import logging
import math
import time
from contextlib import suppress
from typing import Any

from redis.exceptions import ResponseError

from imgbot.config.setting_types import Address
from imgbot.domain.errors import StorageUnavailableError
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.server.cluster import LAG_S, View, ask_sentinels, follower_in, replicas_in
from imgbot.storage.server.record import InSyncRecord, Register

_log = logging.getLogger(__name__)

_WAIT_MS, _CLUSTER_WAIT_MS = 4000, 1500
"""Shorter than the client waits for an answer."""

_PATIENCE_S = 3.0
"""A replica connects again within it, when its primary has started again."""

_SETTLE_S = 3.0
"""After it, the guard beside a replica that the record has left out has lowered its priority,
though a Sentinel may look at that in its own time only (10 s)."""

_IN_SYNC, _ALONE = "in sync", "alone: the replica is away"


class Persistence:
    """Waits for the disks; one wait serves all who ask while the one before it is under way.

    `register` holds the record of a cluster; None outside of one.
    """

    def __init__(
        self, redis: Client, register: Register | None = None, *, is_synced_by_itself: bool = True
    ) -> None:
        self._redis = redis
        self._register = register
        self.is_synced_by_itself = is_synced_by_itself
        """True if each write is on disk before its answer; of the present primary of a cluster."""
        self.state = _IN_SYNC
        """State of the writes: where they are acknowledged, or why they are not."""
        self._alone: Address | None = None
        """Primary that goes on without its replica."""
        self._alone_since_s = 0.0
        self._claimed: tuple[InSyncRecord | None, float] = (None, -math.inf)
        """Record that names the primary alone, and when this bot first saw it."""
        self._missed_since_s = math.inf
        """Since when the primary answers, and has no replica."""
        self._waiting = asyncio.Lock()
        self._begun = 0
        self._latest = (0, True)
        """Number of the latest wait that has ended, and whether all was on the disks."""

    @property
    def is_in_sync(self) -> bool:
        """True while the replica has everything that was acknowledged."""
        return self.state == _IN_SYNC

    @property
    def alone_s(self) -> float:
        """Seconds since the primary goes on alone; 0 with its replica, or outside a cluster."""
        return 0.0 if self._alone is None else time.monotonic() - self._alone_since_s

    def explain(self, error: object) -> str:
        """Return why no primary answers: the one that alone may lead is away, or as it was said."""
        known = self._register.known if self._register else None
        if self._redis.primary or known is None or len(known.members) > 1:
            return str(error)
        return f"only {known.named} has everything that was accepted, and it does not lead"

    async def persist(self) -> None:
        """Return once everything written so far is on the disks.

        Raises StorageUnavailableError if that takes too long, as it does without the replica.
        """
        if self.is_synced_by_itself and self._register is None:
            return
        wanted = self._begun + 1
        async with self._waiting:
            if self._latest[0] < wanted:
                self._begun = wanted
                self._latest = (wanted, await self._wait())
            if not self._latest[1]:
                raise StorageUnavailableError("Redis did not reach its disks in time")

    async def _wait(self) -> bool:
        if self._register is None:
            return await self._redis.wait_for_disk(_WAIT_MS)
        return await self._redis.wait_for_disk(_CLUSTER_WAIT_MS, int(self._alone is None))

    async def settle(self) -> None:
        """Wait for the replica, if there is one, with what has happened already."""
        with suppress(StorageUnavailableError):
            await self.replicate()

    async def replicate(self) -> None:
        """Return once the replica, if there is one, has everything written so far.

        Raises StorageUnavailableError.
        """
        if self._register is not None and self._alone is None:
            await self.persist()

    async def observe(self) -> None:
        """Learn whether there is a replica; without one, let the primary go on alone if it may.

        Raises StorageUnavailableError where it may not: then nothing is acknowledged.
        """
        if self._register is None:
            return
        missed_since_s, self._missed_since_s = self._missed_since_s, math.inf
        info, primary = await self._redis.info("replication"), self._primary
        if self._alone != primary:
            self._alone = None
        if follower_in(info) is None:
            lags_s = (float(each.get("lag", 0)) for each in replicas_in(info))
            since_s = time.monotonic() - max(lags_s, default=0.0)
            self._missed_since_s = min(missed_since_s, since_s)
        try:
            await self._decide(self._register, info, primary)
        except StorageUnavailableError as error:
            with suppress(StorageUnavailableError):
                await self._demand_replica(info, primary, is_demanded=True)
            self._note(str(error))
            raise
        self._note(_IN_SYNC if self._alone is None else _ALONE)

    async def _decide(self, register: Register, info: dict[str, Any], primary: Address) -> None:
        follower = follower_in(info)
        if follower is not None and await self._has_caught_up():
            self._alone = None
            await self._demand_replica(info, primary, is_demanded=True)
            await self._record(register, str(primary), str(follower))
        elif self._alone is not None:
            # One that has started again asks for its replica, as its file says.
            await self._demand_replica(info, primary, is_demanded=False)
            await self._record(register, str(primary))
        elif await self._redis.exists(keys.ALONE):
            self._go_alone(primary)
        else:
            await self._claim(register, primary)
            await self._demand_replica(info, primary, is_demanded=False)
            self._go_alone(primary)

    @property
    def _primary(self) -> Address:
        found = self._redis.primary
        if found is None:
            raise StorageUnavailableError("the primary of Redis has just changed")
        return Address(*found)

    async def _has_caught_up(self) -> bool:
        # Its disk may be slow to follow: until it has, nothing should wait for it.
        return self._alone is None or await self._redis.wait_for_disk(_CLUSTER_WAIT_MS, 1)

    async def _record(self, register: Register, *members: str) -> None:
        """Have the record name `members`, the first being the primary; best effort."""
        if register.known is not None and register.known.members == {*members}:
            return
        with suppress(StorageUnavailableError):
            record = await register.read()
            # What was written to the primary alone before is on both disks then.
            await self.persist()
            if record is None or members[0] in record.members:
                await register.change(record, members)

    async def _claim(self, register: Register, primary: Address) -> None:
        """Have the record name this primary alone. Raises StorageUnavailableError."""
        views = await ask_sentinels(self._redis.sentinels)
        if not await self._is_named(views, primary):
            raise StorageUnavailableError("most Sentinels do not name this primary")
        if _may_move(views) and time.monotonic() - self._missed_since_s < _PATIENCE_S:
            raise StorageUnavailableError("the replica is away")
        record, own = await register.read(), {str(primary)}
        if record is None:
            raise StorageUnavailableError("the replica is away, and the witness has no record")
        if not own <= record.members:
            raise StorageUnavailableError(f"only {record.named} has everything that was accepted")
        if own != record.members:
            record = await register.change(record, own)
            views = await ask_sentinels(self._redis.sentinels)
        if record != self._claimed[0]:
            self._claimed = (record, time.monotonic())
        is_settled = time.monotonic() - self._claimed[1] >= _SETTLE_S or not _may_move(views)
        if not is_settled or not await self._is_named(views, primary):
            raise StorageUnavailableError("the replica is away, and might still be promoted")

    async def _demand_replica(
        self, info: dict[str, Any], primary: Address, *, is_demanded: bool
    ) -> None:
        """Have the primary take no writes without its replica, or alone."""
        if self._primary != primary or is_demanded == ("min_slaves_good_slaves" in info):
            return
        # A server whose operator forbids CONFIG is as strict as they made it.
        with suppress(ResponseError):
            if not is_demanded:
                # Nobody has what it has from now on: it follows no one.
                await self._redis.config_set("masterauth", "")
            await self._redis.config_set("min-replicas-max-lag", LAG_S)
            await self._redis.config_set("min-replicas-to-write", int(is_demanded))

    def _go_alone(self, primary: Address) -> None:
        self._alone, self._alone_since_s = primary, time.monotonic()

    def _note(self, state: str) -> None:
        if state != self.state:
            self.state = state
            _log.warning("cluster: %s", state)

    async def _is_named(self, views: list[View], primary: Address) -> bool:
        """Return true if most Sentinels name this primary, and none has a reason not to."""
        pool = self._redis.sentinels
        most = len(pool.sentinel_manager.sentinels) // 2 + 1 if pool else 0
        elsewhere = sum(one.named != primary for one in views)
        if pool and elsewhere >= most:
            # One that was the primary, and does not know yet that it is not, keeps its clients.
            await pool.disconnect()
        is_leaving = any(one.is_leaving for one in views)
        return len(views) >= most and not elsewhere and not is_leaving


def _may_move(views: list[View]) -> bool:
    return any(one.may_move for one in views)
