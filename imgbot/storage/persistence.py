"""Durability of writes: on the disk of the server, and in a cluster on that of its replica, too.

The only module that knows how: once the server replicates synchronously by itself, it goes.
"""

import asyncio
import logging
import time
from contextlib import suppress

from redis.exceptions import RedisError, ResponseError

from imgbot.domain.errors import StorageUnavailableError
from imgbot.storage import keys
from imgbot.storage.client import Client

_log = logging.getLogger(__name__)

_WAIT_MS, _CLUSTER_WAIT_MS = 4000, 1500
"""Shorter than the client waits for an answer."""

_SENTINEL_S = 1.0
"""Shorter than the time between two renewals of a lease, which wait for it."""

_LAG_S = 5
"""Silence of a replica after which it counts as gone."""


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
        if self._has_replica:
            with suppress(StorageUnavailableError):
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

        Unless most Sentinels name this primary: then the replica is gone. Else this side is cut
        off, and its replica may become the primary of another bot, without what was written here
        since: until then nothing that waits for the disks is done.
        Raises StorageUnavailableError.
        """
        told, primary = await self._redis.info("replication"), self._redis.primary
        replicas = (one for name, one in told.items() if name.startswith("slave"))
        has_replica = any(
            isinstance(one, dict) and one["state"] == "online" and one["lag"] <= _LAG_S
            for one in replicas
        )
        self._is_alone = not has_replica and bool(await self._redis.exists(keys.ALONE))
        is_missed = not has_replica and not self._is_alone
        is_gone = is_missed and await self._is_named_by_most(primary)
        self._note(is_missed=is_missed, is_gone=is_gone)
        is_as_asked = self._redis.primary == primary
        if is_as_asked and not self._is_alone and is_gone == ("min_slaves_good_slaves" in told):
            # A server whose operator forbids CONFIG is as strict as they made it.
            with suppress(ResponseError):
                await self._redis.config_set("min-replicas-max-lag", _LAG_S)
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
        pool = self._redis.sentinels
        if pool is None:
            return True
        sentinels = pool.sentinel_manager.sentinels

        async def names_this(one: Client) -> bool:
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(_SENTINEL_S):
                    named = await one.sentinel_get_master_addr_by_name(pool.service_name)
                return named == primary
            return False

        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(names_this(one)) for one in sentinels]
        return 2 * sum(task.result() for task in asked) > len(sentinels)
