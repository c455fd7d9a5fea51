"""Records of providers: the durations of their tasks."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

from imgbot.domain.duration_model import KEPT, CensoredDuration
from imgbot.storage import keys
from imgbot.storage.client import Store

KEPT_S = 7_776_000
"""90 days: a kind that is not used for so long is measured again."""

_SPARE = 50
_MOST_MS = 10**10


class Durations(Store):
    """Store of durations.

    A kind is `provider.operation.model`. An entry is `after:by` in ms of the job's age: the
    last poll that found it unfinished (0: none did) and the first that found it finished. The
    client may repeat a write whose answer was lost; a span that counts twice does no harm.
    """

    async def add(self, kind: str, span: CensoredDuration) -> None:
        """Store one span, and drop the oldest beyond 200."""
        key = keys.DURATIONS + kind
        entry = f"{round(span.after_s * 1000)}:{round(span.by_s * 1000)}"
        length, _ = await self._all(self._redis.lpush(key, entry), self._redis.expire(key, KEPT_S))
        if length > KEPT + _SPARE:
            await self._redis.ltrim(key, 0, KEPT - 1)

    async def latest(self, kind: str) -> list[CensoredDuration]:
        """Return the spans of a kind, oldest first; malformed entries are skipped."""
        entries = await self._redis.lrange(keys.DURATIONS + kind, 0, KEPT - 1)
        return list(_spans(reversed(entries)))


def _spans(entries: Iterable[str]) -> Iterator[CensoredDuration]:
    for entry in entries:
        after, _, by = entry.partition(":")
        with suppress(ValueError):
            after_ms, by_ms = int(after), int(by)
            if 0 <= after_ms < by_ms <= _MOST_MS:
                yield CensoredDuration(after_ms / 1000, by_ms / 1000)
