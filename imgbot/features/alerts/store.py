"""Firing alerts that were reported to admins, and notices not yet delivered to them.

Both change in one script, so a restart neither repeats a notice nor loses it. It writes to a full
Redis, too, as that may be what a notice reports. As the client repeats a batch whose answers were
lost, each notice has an id.
"""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from imgbot.storage.client import Store
from imgbot.storage.entries import readable
from imgbot.storage.keys import Owner, Owners

# HASH: open incidents that were reported to admins → start time (ms)
INCIDENTS = "img:incidents"
# LIST per admin, bounded: notices not yet delivered to them, as JSON
ALARM = "img:alarm:"

KEYS: Owners = {INCIDENTS: (Owner.NOBODY,), ALARM: (Owner.ADMIN,)}


_UNTOLD_KEPT = 20


@dataclass(frozen=True, slots=True)
class Notice:
    """Notice to admins: the key of its text, and its facts."""

    key: str
    facts: Mapping[str, str | int | float] = field(default_factory=dict[str, "str | int | float"])
    entry: str = ""
    """The notice as it is stored."""


class AlertStore(Store):
    """Store of alerts."""

    async def firing(self) -> dict[str, int]:
        """Return the names of the firing alerts → start time (ms)."""
        found = await self._redis.hgetall(INCIDENTS)
        read = readable(INCIDENTS, lambda one: (str(one[0]), int(one[1])), found.items())
        return dict(read)

    async def record(
        self,
        fired: Mapping[str, int],
        resolved: Iterable[str],
        notices: Sequence[Notice],
        admins: Iterable[int],
    ) -> None:
        """Store which alerts fired and resolved, and queue the notices for all admins."""
        change = {
            "fired": {name: str(fired_ms) for name, fired_ms in fired.items()},
            "resolved": list(resolved),
            "notices": [_entry_of(notice) for notice in notices],
            "admins": [str(admin) for admin in admins],
        }
        await self._redis.call("note_alerts", kept=_UNTOLD_KEPT, change=json.dumps(change))

    async def undelivered(self, admin: int) -> list[Notice]:
        """Return the notices not yet delivered to an admin, in order."""
        key = f"{ALARM}{admin}"
        return readable(key, _notice_from, await self._redis.lrange(key, 0, -1))

    async def mark_delivered(self, admin: int, notices: Iterable[Notice]) -> None:
        """Remove notices that were delivered."""
        key = f"{ALARM}{admin}"
        await self._all(*(self._redis.lrem(key, 1, notice.entry) for notice in notices))


def _notice_from(entry: str) -> Notice:
    key, facts = json.loads(entry)
    return Notice(key, facts, entry)


def _entry_of(notice: Notice) -> str:
    facts = {**notice.facts, "notice_id": secrets.token_hex(8)}
    return json.dumps([notice.key, facts], ensure_ascii=False)
