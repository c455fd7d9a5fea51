"""Queue statistics for the operator; read every few seconds, so the work is bounded."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from imgbot.storage import keys
from imgbot.storage.client import Store, storage_errors
from imgbot.storage.server.durability import address_of

_LOOKED_AT = 200
"""Waiting jobs whose operation is looked up; those behind them count as `other`."""

_SHOWN = 10
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class DeadJob:
    """Job that ended without knowing whether it was charged, or that could not be delivered."""

    id: str
    user_id: int
    operation: str
    provider: str
    reason: str
    died_ms: int


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """State of the queue at one time."""

    waiting: Mapping[str, int]
    """By operation."""
    refused: tuple[tuple[int, int], ...]
    """User ids with their refused requests of this hour and the one before, most first."""
    dead: tuple[DeadJob, ...]
    """Newest dead jobs."""
    dead_count: int
    oldest_waiting_ms: int
    """0 if none waits."""
    is_paused: bool
    capped: int
    """Waiting jobs of users who have reached the limit of running jobs per user."""


class QueueStats(Store):
    """Reader of queue statistics; each snapshot takes a few round trips."""

    @property
    def address(self) -> str:
        return address_of(self._redis)

    async def snapshot(self, now_ms: int, running_per_user: int) -> QueueSnapshot:
        """Read a snapshot. Raises StorageUnavailableError while Redis is unavailable."""
        hour = now_ms // _HOUR_MS
        pipe = self._redis.pipeline(transaction=False)
        pipe.lrange(keys.QUEUE, 0, _LOOKED_AT - 1)
        pipe.llen(keys.QUEUE)
        pipe.exists(keys.PAUSED)
        for each in (hour, hour - 1):
            pipe.zrevrange(f"{keys.REFUSED}{each}", 0, _SHOWN * 2 - 1, withscores=True)
        pipe.zrevrange(keys.DEAD, 0, _SHOWN - 1, withscores=True)
        pipe.hgetall(keys.ACTIVE)
        pipe.zcard(keys.DEAD)
        pipe.zrange(keys.SINCE, 0, 0, withscores=True)
        with storage_errors():
            ids, length, paused, *hours, dead, active, dead_count, oldest = await pipe.execute()
            return QueueSnapshot(
                waiting=await self._by_operation(ids, length),
                refused=_most(*hours),
                dead=await self._dead(dead),
                dead_count=dead_count,
                oldest_waiting_ms=int(oldest[0][1]) if oldest else 0,
                is_paused=bool(paused),
                capped=await self._waiting_of(
                    [user for user, count in active.items() if int(count) >= running_per_user]
                ),
            )

    async def outcomes_of(self, day: str) -> Mapping[str, Mapping[str, int]]:
        """Return operation → status (ok, failed, rejected, cancelled, dead) → number of jobs."""
        record = await self._ask(self._redis.hgetall(keys.ENDED + day))
        found: dict[str, dict[str, int]] = {}
        for entry, count in record.items():
            operation, _, status = str(entry).partition(".")
            found.setdefault(operation, {})[status] = int(count)
        return found

    async def _waiting_of(self, users: list[str]) -> int:
        counts = await self._redis.hmget(keys.WAITING, users) if users else []
        return sum(int(count or 0) for count in counts)

    async def _by_operation(self, ids: list[str], length: int) -> dict[str, int]:
        found = Counter(await self._fields(keys.JOB, ids, "operation"))
        counts = {fields[0]: count for fields, count in found.items() if fields[0]}
        if length > len(ids):
            counts["other"] = length - len(ids)
        return counts

    async def _dead(self, entries: list[tuple[str, float]]) -> tuple[DeadJob, ...]:
        names = ("operation", "user_id", "provider", "reason")
        found = await self._fields(keys.DEAD_JOB, [job_id for job_id, _ in entries], *names)
        return tuple(
            DeadJob(
                id=job_id,
                user_id=int(user_id or 0),
                operation=operation or "",
                provider=provider or "",
                reason=reason or "",
                died_ms=int(died_ms),
            )
            for (job_id, died_ms), (operation, user_id, provider, reason) in zip(
                entries, found, strict=True
            )
        )

    async def _fields(
        self, prefix: str, ids: list[str], *names: str
    ) -> list[tuple[str | None, ...]]:
        pipe = self._redis.pipeline(transaction=False)
        for job_id in ids:
            pipe.hmget(prefix + job_id, names)
        return [tuple(found) for found in await pipe.execute()]


def _most(*hours: list[tuple[str, float]]) -> tuple[tuple[int, int], ...]:
    sums: Counter[int] = Counter()
    for hour in hours:
        for user_id, count in hour:
            sums[int(user_id)] += int(count)
    return tuple(sums.most_common(_SHOWN))
