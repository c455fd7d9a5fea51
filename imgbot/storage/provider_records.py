"""Records of providers: the durations of their tasks, and the limits that they enforce."""

import math
from collections.abc import Iterable, Iterator
from contextlib import suppress

from imgbot.domain.poll_schedule import KEPT, CensoredDuration
from imgbot.storage import keys
from imgbot.storage.client import Client, Store

KEPT_S = 7_776_000
"""90 days: a kind that is not used for so long is measured again."""

_PACE_KEPT_S = 7200
"""By then the slowest limit has been raised beyond any that is documented."""

_SPARE = 50
_MOST_MS = 10**10


class Durations(Store):
    """Store of durations.

    A kind is `provider.operation.model`. An entry is `after:by` in ms of the job's age: the
    last poll that found it unfinished (0: none did) and the first that found it finished. The
    client may repeat a write whose answer was lost; a span that counts twice does no harm.
    """

    def __init__(self, redis: Client) -> None:
        super().__init__(redis)
        self._renewed = set[str]()
        """Kinds whose lifetime this process has renewed; they are forgotten earlier by no more."""

    async def add(self, kind: str, span: CensoredDuration) -> None:
        """Store one span, and drop the oldest beyond 40."""
        key = keys.DURATIONS + kind
        entry = f"{round(span.after_s * 1000)}:{round(span.by_s * 1000)}"
        answers = [self._redis.lpush(key, entry)]
        if kind not in self._renewed:
            answers.append(self._redis.expire(key, KEPT_S))
        length, *_ = await self._all(*answers)
        self._renewed.add(kind)
        if length > KEPT + _SPARE:
            await self._redis.ltrim(key, 0, KEPT - 1)

    async def latest(self, kind: str) -> list[CensoredDuration]:
        """Return the spans of a kind, oldest first; malformed entries are skipped."""
        entries = await self._redis.lrange(keys.DURATIONS + kind, 0, KEPT - 1)
        return list(_spans(reversed(entries)))


class OrderPaces(Store):
    """Store of reduced limits of orders: a restart must not order faster than it has learned."""

    async def keep(self, name: str, per_s: float, now_ms: int) -> None:
        """Store to how many orders per second a provider has just been reduced."""
        await self._redis.set(keys.ORDER_PACE + name, f"{per_s}:{now_ms}", ex=_PACE_KEPT_S)

    async def stored(self, name: str, now_ms: int) -> tuple[float, float] | None:
        """Return the latest reduction, as orders per second and its age in seconds."""
        per_s, _, at_ms = (await self._redis.get(keys.ORDER_PACE + name) or "").partition(":")
        with suppress(ValueError):
            found = float(per_s), max(0.0, (now_ms - int(at_ms)) / 1000)
            return found if 0 < found[0] < math.inf else None
        return None


def _spans(entries: Iterable[str]) -> Iterator[CensoredDuration]:
    for entry in entries:
        after, _, by = entry.partition(":")
        with suppress(ValueError):
            after_ms, by_ms = int(after), int(by)
            if 0 <= after_ms < by_ms <= _MOST_MS:
                yield CensoredDuration(after_ms / 1000, by_ms / 1000)
