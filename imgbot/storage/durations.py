"""Measured durations of providers: the latest spans of each kind of job, seen by polling."""

from collections.abc import Iterable
from contextlib import suppress

from redis.asyncio import Redis

from imgbot.domain.duration_model import KEPT, CensoredDuration
from imgbot.storage import keys
from imgbot.storage.scripts import storage_errors

KEPT_S = 7_776_000
"""90 days: a kind that is not used for so long is measured again."""

_MOST_MS = 10**10


class Durations:
    """Store of durations; each call raises StorageUnavailableError while Redis is unavailable.

    A kind is `provider.operation.model`. An entry is `after:by` in ms of the job's age: the
    last poll that found it unfinished (0: none did) and the first that found it finished. The
    client may repeat a write whose answer was lost; a span that counts twice does no harm.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def add(self, kind: str, span: CensoredDuration) -> None:
        """Store one span, and drop the oldest beyond 200."""
        key = keys.DURATIONS + kind
        entry = f"{round(span.after_s * 1000)}:{round(span.by_s * 1000)}"
        pipe = self._redis.pipeline(transaction=True)
        pipe.lpush(key, entry)
        pipe.ltrim(key, 0, KEPT - 1)
        pipe.expire(key, KEPT_S)
        with storage_errors():
            await pipe.execute()

    async def latest(self, kind: str) -> list[CensoredDuration]:
        """Return the spans of a kind, oldest first; malformed entries are skipped."""
        with storage_errors():
            entries = await self._redis.lrange(keys.DURATIONS + kind, 0, KEPT - 1)
        return list(_spans(map(str, reversed(entries))))


def _spans(entries: Iterable[str]) -> Iterable[CensoredDuration]:
    for entry in entries:
        after, _, by = entry.partition(":")
        with suppress(ValueError):
            after_ms, by_ms = int(after), int(by)
            if 0 <= after_ms < by_ms <= _MOST_MS:
                yield CensoredDuration(after_ms / 1000, by_ms / 1000)
