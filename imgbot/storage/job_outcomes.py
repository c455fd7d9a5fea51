"""Outcomes of the jobs of a day, by operation."""

from collections.abc import Mapping

from redis.asyncio import Redis

from imgbot.storage import keys
from imgbot.storage.scripts import storage_errors


class JobOutcomes:
    """Reader of job outcomes; raises StorageUnavailableError while Redis is unavailable."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def of_day(self, day: str) -> Mapping[str, Mapping[str, int]]:
        """Return operation → status (ok, failed, rejected, cancelled, dead) → number of jobs."""
        with storage_errors():
            record = await self._redis.hgetall(keys.ENDED + day)
        found: dict[str, dict[str, int]] = {}
        for entry, count in record.items():
            operation, _, status = str(entry).partition(".")
            found.setdefault(operation, {})[status] = int(count)
        return found
