"""Open incidents that admins were told about, and notices not yet delivered to them.

Both change in one script, so a restart neither repeats a notice nor loses it. It writes to a full
Redis, too, as that may be what a notice tells.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from imgbot.storage import keys
from imgbot.storage.client import Store

_UNTOLD_KEPT = 20


@dataclass(frozen=True, slots=True)
class Notice:
    """Notice to admins: the key of its text, and its facts."""

    key: str
    facts: Mapping[str, str | int | float] = field(default_factory=dict[str, "str | int | float"])


class AlertStore(Store):
    """Store of incidents."""

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
        change = {
            "begun": {matter: str(began_ms) for matter, began_ms in begun.items()},
            "over": list(over),
            "notices": [json.dumps([n.key, dict(n.facts)], ensure_ascii=False) for n in notices],
            "admins": [str(admin) for admin in admins],
        }
        await self._redis.call("note_alerts", kept=_UNTOLD_KEPT, change=json.dumps(change))

    async def untold(self, admin: int) -> list[Notice]:
        """Return the notices not yet delivered to an admin, in order."""
        entries = await self._redis.lrange(f"{keys.ALARM}{admin}", 0, -1)
        return [Notice(*json.loads(entry)) for entry in entries]

    async def told(self, admin: int, count: int) -> None:
        """Remove the first `count` notices, which were delivered."""
        await self._redis.ltrim(f"{keys.ALARM}{admin}", count, -1)
