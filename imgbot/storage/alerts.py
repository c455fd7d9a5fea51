"""Open incidents that admins were told about, and notices not yet delivered to them.

Both change in one transaction, so a restart neither repeats a notice nor loses it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from imgbot.storage import keys
from imgbot.storage.client import Store, storage_errors

_UNTOLD_KEPT = 20


@dataclass(frozen=True, slots=True)
class Notice:
    """Notice to admins: the key of its text, and its facts."""

    key: str
    facts: Mapping[str, str | int | float] = field(default_factory=dict[str, "str | int | float"])


class AlertStore(Store):
    """Store of incidents; each call raises StorageUnavailableError while Redis is unavailable."""

    async def open(self) -> dict[str, int]:
        """Return the open incidents → start time (ms)."""
        found = await self._redis.hgetall(keys.INCIDENTS)
        return {str(matter): int(began_ms) for matter, began_ms in found.items()}

    async def note(
        self,
        begun: Mapping[str, int],
        over: Iterable[str],
        notices: Sequence[Notice],
        admins: Iterable[int],
    ) -> None:
        """Store new and ended incidents, and queue the notices for all admins."""
        entries = [json.dumps([n.key, dict(n.facts)], ensure_ascii=False) for n in notices]
        pipe = self._redis.pipeline(transaction=True)
        for matter, began_ms in begun.items():
            pipe.hset(keys.INCIDENTS, matter, str(began_ms))
        if ended := list(over):
            pipe.hdel(keys.INCIDENTS, *ended)
        for admin in admins if entries else ():
            pipe.rpush(f"{keys.ALARM}{admin}", *entries)
            # Bounded, so that notices to an unreachable admin do not use more and more memory.
            pipe.ltrim(f"{keys.ALARM}{admin}", -_UNTOLD_KEPT, -1)
        with storage_errors():
            await pipe.execute()

    async def untold(self, admin: int) -> list[Notice]:
        """Return the notices not yet delivered to an admin, in order."""
        entries = await self._redis.lrange(f"{keys.ALARM}{admin}", 0, -1)
        return [Notice(*json.loads(entry)) for entry in entries]

    async def told(self, admin: int, count: int) -> None:
        """Remove the first `count` notices, which were delivered."""
        await self._redis.ltrim(f"{keys.ALARM}{admin}", count, -1)
