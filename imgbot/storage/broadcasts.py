"""One message to everybody who speaks with the bot, sent one by one and never twice.

A person is taken in hand before the message goes out to them, and what came of it is noted
after. So a crash, or an answer that is lost, leaves at most one person of whom nobody knows;
the message is not sent to them again: at most once, for a message that comes twice annoys
everybody, and one that is missing nobody.

A power cut is a crash like any other where each write is on the disk before its answer, as in the
embedded Redis (appendfsync always). One of the operator's own with appendfsync everysec forgets
up to a second: who was sent to in it, some 25 people, gets the message twice. To wait for the
disk before each of them would hold each up until the next fsync, which is a second away.
"""

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from redis.asyncio import Redis

from imgbot.storage import keys
from imgbot.storage.scripts import Scripts, Store

_DRAFT_KEPT_S = 3600
_ENDED_KEPT_S = 604_800


@dataclass(frozen=True, slots=True)
class Broadcast:
    """What is said, by whom, and how far it is."""

    id: str
    admin: int
    """Who is told of its progress, in private."""
    language: str
    text: str = ""
    from_chat: int = 0
    message_id: int = 0
    """The message that is copied; 0: `text` is sent."""
    state: str = "draft"
    """Or running, sent, cancelled."""
    status_id: int = 0
    """The message that tells the progress."""
    total: int = 0
    sent: int = 0
    blocked: int = 0
    refused: int = 0
    skipped: int = 0
    """Banned, or unsubscribed, since the draft was made."""
    unknown: int = 0
    """Perhaps sent: the answer was lost."""

    @property
    def done(self) -> int:
        return self.sent + self.blocked + self.refused + self.skipped + self.unknown


class Broadcasts(Store):
    """At most one is being sent; each call raises StorageUnavailableError while Redis is away."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        super().__init__(redis)
        self._scripts = scripts
        self.started = asyncio.Event()
        """Set when there is something to send, or no longer."""
        self._token = ""

    async def draft(self, broadcast: Broadcast) -> int:
        """Keep what is to be sent, and to whom, for an hour; returns to how many.

        To everybody who speaks with the bot in private but its author, the banned, and those
        who want no broadcasts.
        """
        left = keys.BROADCAST_LEFT + broadcast.id
        record = [part for name, value in asdict(broadcast).items() for part in (name, str(value))]
        pipe = self._redis.pipeline(transaction=True)
        pipe.zdiffstore(left, [keys.PEOPLE, keys.UNSUBSCRIBED, keys.BANNED])
        pipe.zrem(left, str(broadcast.admin))
        pipe.zcard(left)
        pipe.expire(left, _DRAFT_KEPT_S)
        pipe.hset(keys.BROADCAST_OF + broadcast.id, items=record)
        pipe.expire(keys.BROADCAST_OF + broadcast.id, _DRAFT_KEPT_S)
        total = int((await self._ask(pipe.execute()))[2])
        await self._ask(self._redis.hset(keys.BROADCAST_OF + broadcast.id, "total", str(total)))
        return total

    async def start(self, broadcast_id: str, status_id: int) -> str:
        """Begin to send a draft: ok, gone (it is too old, or over), busy (with another one)."""
        answer = await self._scripts.call(
            "broadcast_start",
            sending=keys.BROADCAST,
            broadcast=keys.BROADCAST_OF + broadcast_id,
            left=keys.BROADCAST_LEFT + broadcast_id,
            id=broadcast_id,
            status_id=status_id,
        )
        self.started.set()
        return answer[0]

    async def cancel(self, broadcast_id: str) -> bool:
        """Send to nobody else, or forget a draft; False for one that is over."""
        broadcast = await self.read(broadcast_id)
        if broadcast is None or broadcast.state not in {"draft", "running"}:
            return False
        key = keys.BROADCAST_OF + broadcast_id
        await self._ask(self._redis.hset(key, "state", "cancelled"))
        self.started.set()
        return True

    async def read(self, broadcast_id: str) -> Broadcast | None:
        record = await self._ask(self._redis.hgetall(keys.BROADCAST_OF + broadcast_id))
        return _from_hash(record) if "admin" in record else None

    async def current(self) -> Broadcast | None:
        """Return the one that is being sent, or whose end was not told yet."""
        broadcast_id = await self._ask(self._redis.get(keys.BROADCAST))
        return await self.read(broadcast_id) if broadcast_id else None

    async def take(self, broadcast: Broadcast) -> int | None:
        """Take the next person in hand; None when there is nobody else to be sent to."""
        # Kept until the answer is there: one that was lost took somebody who was sent nothing.
        self._token = self._token or uuid.uuid4().hex
        answer = await self._scripts.call(
            "broadcast_take",
            broadcast=keys.BROADCAST_OF + broadcast.id,
            left=keys.BROADCAST_LEFT + broadcast.id,
            token=self._token,
        )
        self._token = ""
        return int(answer[1]) if answer[0] == "ok" else None

    async def settle(self, broadcast: Broadcast, user_id: int, outcome: str) -> None:
        """Note what came of it, however long Redis is away; `again` puts the person back."""
        await self._scripts.call_until_done(
            "broadcast_settle",
            broadcast=keys.BROADCAST_OF + broadcast.id,
            left=keys.BROADCAST_LEFT + broadcast.id,
            people=keys.PEOPLE,
            user_id=user_id,
            outcome=outcome,
        )

    async def close(self, broadcast: Broadcast) -> None:
        """Its end was told: another one may begin."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.delete(keys.BROADCAST, keys.BROADCAST_LEFT + broadcast.id)
        pipe.expire(keys.BROADCAST_OF + broadcast.id, _ENDED_KEPT_S)
        await self._ask(pipe.execute())


def _from_hash(record: Mapping[str, str]) -> Broadcast:
    values: dict[str, Any] = {
        entry.name: int(record[entry.name]) if entry.type is int else record[entry.name]
        for entry in fields(Broadcast)
        if entry.name in record
    }
    return Broadcast(**values)
