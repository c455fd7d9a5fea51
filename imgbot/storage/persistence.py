"""Durability of writes: on the disk of the server, and in a cluster on that of its replica, too.

The only module that knows how: once the server replicates synchronously by itself, it goes.
"""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.exceptions import RedisError, ResponseError

from imgbot.domain.errors import StorageUnavailableError
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.server.cluster import LAG_S, is_followed

_log = logging.getLogger(__name__)

_WAIT_MS, _CLUSTER_WAIT_MS = 4000, 1500
"""Shorter than the client waits for an answer."""

_SENTINEL_S = 1.0
"""Shorter than the time between two renewals of a lease, which wait for it."""

_LEAVING = frozenset({"o_down", "failover_in_progress"})
_NAMED_S = 2.5
"""Longer than a Sentinel takes to learn from another that it has made a new primary."""


class Persistence:
    """Waits for the disks; one wait serves all who ask while the one before it is under way."""

    def __init__(
        self,
        redis: Client,
        *,
        is_synced_by_itself: bool = True,
        goes_without_replica: bool = False,
    ) -> None:
        self._redis = redis
        self.is_synced_by_itself = is_synced_by_itself
        """Each write is on the server's disk before its answer; a primary of a cluster changes."""
        self._goes_without_replica = goes_without_replica
        self._is_clustered = redis.sentinels is not None
        self._gone_since_s: float | None = None
        self._is_alone = False
        """The second server has not joined its cluster yet, or has left it."""
        self._state = "here"
        self._waiting = asyncio.Lock()
        self._begun = 0
        self._latest: tuple[int, int | None] = (0, None)
        """Number of the latest wait that has ended, and its result."""
        self._named: tuple[object, float] = (None, 0.0)
        """Address that the Sentinels name as the primary, and since when."""

    @property
    def gone_s(self) -> float:
        """Seconds since the replica is gone; 0 while there is one, or without a cluster."""
        return 0.0 if self._gone_since_s is None else time.monotonic() - self._gone_since_s

    @property
    def is_guarded(self) -> bool:
        """Return whether what is paid for may be relied on to be remembered."""
        return self._gone_since_s is None or self._goes_without_replica

    @property
    def _has_replica(self) -> bool:
        return self._is_clustered and self._gone_since_s is None and not self._is_alone

    async def persist(self, *, is_paid: bool = False) -> None:
        """Return once everything written so far is on the disks; `is_paid` if money depends on it.

        Raises StorageUnavailableError if that takes too long, or the replica of money is gone.
        """
        if self.is_synced_by_itself and not self._is_clustered:
            return
        replicas = await self._grouped()
        if replicas is None:
            raise StorageUnavailableError("Redis did not reach its disk in time")
        is_free_to_go = self._is_alone or self._goes_without_replica
        if is_paid and self._is_clustered and not (replicas or is_free_to_go):
            raise StorageUnavailableError("the replica of Redis is gone")

    async def settle(self) -> None:
        """Wait for the replica, if there is one, with what has happened already."""
        with suppress(StorageUnavailableError):
            await self.replicate()

    async def replicate(self) -> None:
        """Return once the replica, if there is one, has everything written so far.

        Raises StorageUnavailableError.
        """
        if self._has_replica:
            await self.persist()

    async def _grouped(self) -> int | None:
        """Return the number of replicas that were waited for; None if it took too long."""
        wanted = self._begun + 1
        async with self._waiting:
            number, replicas = self._latest
            if number < wanted:
                self._begun = wanted
                replicas = int(self._has_replica)
                wait_ms = _CLUSTER_WAIT_MS if self._is_clustered else _WAIT_MS
                if not await self._redis.wait_for_disk(wait_ms, replicas):
                    replicas = None
                self._latest = (wanted, replicas)
            return replicas

    async def observe_replica(self) -> None:
        """Learn whether there is a replica, and let the primary take no writes without it.

        Unless most Sentinels name this primary and no failover is under way: then the replica is
        gone. Else this side is cut off, and its replica may become the primary of another bot,
        without what was written here since: until then nothing that waits for the disks is done.
        Raises StorageUnavailableError.
        """
        told, primary = await self._redis.info("replication"), self._redis.primary
        has_replica = is_followed(told)
        self._is_alone = not has_replica and bool(await self._redis.exists(keys.ALONE))
        is_missed = not has_replica and not self._is_alone
        is_gone = is_missed and await self._is_named_by_most(primary)
        self._note(is_missed=is_missed, is_gone=is_gone)
        is_as_asked = self._redis.primary == primary
        if is_as_asked and not self._is_alone and is_gone == ("min_slaves_good_slaves" in told):
            # A server whose operator forbids CONFIG is as strict as they made it.
            with suppress(ResponseError):
                await self._redis.config_set("min-replicas-max-lag", LAG_S)
                await self._redis.config_set("min-replicas-to-write", int(not is_gone))

    def _note(self, *, is_missed: bool, is_gone: bool) -> None:
        if is_gone != (self._gone_since_s is not None):
            self._gone_since_s = time.monotonic() if is_gone else None
        doubt = "missed, and most Sentinels do not name this primary"
        state = "gone" if is_gone else doubt if is_missed else "here"
        if state != self._state:
            self._state = state
            _log.warning("the replica of Redis is %s", state)

    async def _is_named_by_most(self, primary: tuple[str, int] | None) -> bool:
        """Return whether most Sentinels name this primary, and none has a reason not to."""
        pool, now_s = self._redis.sentinels, time.monotonic()
        if pool is None:
            return True
        most = len(pool.sentinel_manager.sentinels) // 2 + 1
        answers = await self._ask(pool)
        elsewhere = sum((one["ip"], one["port"]) != primary for one in answers)
        if elsewhere >= most:
            # One that was the primary, and does not know yet that it is not, keeps its clients.
            await pool.disconnect()
        is_leaving = any(_LEAVING & set(one["flags"].split(",")) for one in answers)
        is_named = len(answers) >= most and not elsewhere and not is_leaving
        named, since_s = self._named
        if not is_named or named != primary:
            self._named, since_s = (primary if is_named else None, now_s), now_s
        # A vote since this primary was made may have made another, and one of the voters answers.
        has_voted = any(one.get("voted-leader-epoch", 0) > one["config-epoch"] for one in answers)
        return is_named and (not has_voted or now_s - since_s >= _NAMED_S)

    async def _ask(self, pool: SentinelConnectionPool) -> list[dict[str, Any]]:
        """Return what each Sentinel that answers says of the primary."""

        async def told_by(sentinel: Redis) -> Any:
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(_SENTINEL_S):
                    return await sentinel.sentinel_master(pool.service_name)

        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(told_by(one)) for one in pool.sentinel_manager.sentinels]
        return [task.result() for task in asked if task.result()]
