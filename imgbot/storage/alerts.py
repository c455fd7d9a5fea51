"""What was told to the administrators and is not over, and what they are still to be told.

Both change in one transaction: a restart neither repeats a message nor forgets it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from imgbot.storage import keys
from imgbot.storage.scripts import Store
from imgbot.storage.server.memory import Memory, measure

_UNTOLD_KEPT = 20


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence by its key, with its facts."""

    key: str
    facts: Mapping[str, str | int | float] = field(default_factory=dict[str, "str | int | float"])


class AlertStore(Store):
    """Each call raises StorageUnavailableError while Redis is away."""

    async def memory(self) -> Memory:
        """How full Redis is; once it is, nothing below can be stored."""
        return await measure(self._redis)

    async def open(self) -> dict[str, int]:
        """Return what is wrong and was told → since when (ms)."""
        found = await self._ask(self._redis.hgetall(keys.INCIDENTS))
        return {str(matter): int(began_ms) for matter, began_ms in found.items()}

    async def note(
        self,
        begun: Mapping[str, int],
        over: Iterable[str],
        notices: Sequence[Notice],
        admins: Iterable[int],
    ) -> None:
        """Store what began and what is over, and that all administrators are to hear of it."""
        entries = [json.dumps([n.key, dict(n.facts)], ensure_ascii=False) for n in notices]
        pipe = self._redis.pipeline(transaction=True)
        if begun:
            items = [part for matter, ms in begun.items() for part in (matter, str(ms))]
            pipe.hset(keys.INCIDENTS, items=items)
        if ended := list(over):
            pipe.hdel(keys.INCIDENTS, *ended)
        for admin in admins if entries else ():
            pipe.rpush(f"{keys.ALARM}{admin}", *entries)
            # An administrator who cannot be reached must not cost more and more memory.
            pipe.ltrim(f"{keys.ALARM}{admin}", -_UNTOLD_KEPT, -1)
        await self._ask(pipe.execute())

    async def untold(self, admin: int) -> list[Notice]:
        """Return what an administrator is still to be told, in order."""
        entries = await self._ask(self._redis.lrange(f"{keys.ALARM}{admin}", 0, -1))
        return [Notice(*json.loads(entry)) for entry in entries]

    async def told(self, admin: int, count: int) -> None:
        """Forget the first `count` of them."""
        await self._ask(self._redis.ltrim(f"{keys.ALARM}{admin}", count, -1))
