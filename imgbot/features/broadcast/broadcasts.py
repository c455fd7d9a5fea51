"""Broadcast: one message to every user of the bot, sent one at a time, at most once to each.

A user is taken from the recipients before the message is sent, and the outcome is recorded after
it. A crash or a lost answer therefore leaves at most one user with an unknown outcome, and the
message is not sent to them again: a duplicate is worse than a missing broadcast.

A power cut is no different if each write is on disk before its answer, as in the embedded Redis
(appendfsync always). An external Redis with appendfsync everysec loses up to a second of writes:
the users sent to in that second, about 25, get the message twice. Waiting for the disk before
each send would delay each until the next fsync, up to a second later. In a cluster the replica is
waited for, which takes milliseconds: cut off, a leader would go on with what the next one repeats.
"""

import asyncio
import uuid
from dataclasses import asdict, dataclass

from imgbot.storage import keys
from imgbot.storage.client import Client, Store
from imgbot.storage.job_codec import load
from imgbot.storage.keys import Owner, Owners

# STRING: the id of the running broadcast
BROADCAST = "img:broadcast"
# HASH per broadcast: content and progress; a draft for an hour, an ended one for a week.
BROADCAST_OF = "img:broadcast:"
# ZSET per broadcast: user ids of the remaining recipients
BROADCAST_LEFT = "img:broadcast-left:"

KEYS: Owners = {
    BROADCAST: (Owner.ADMIN,),
    BROADCAST_OF: (Owner.ADMIN,),
    BROADCAST_LEFT: (Owner.ZREM,),
}


_DRAFT_KEPT_S = 3600
_ENDED_KEPT_S = 604_800


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Broadcast with its content, author and progress."""

    id: str
    admin: int
    """Id of the admin who receives progress in private."""
    language: str
    text: str = ""
    from_chat: int = 0
    message_id: int = 0
    """Id of the message to copy; 0 if `text` is sent instead."""
    state: str = "draft"
    """One of draft, running, sent, cancelled."""
    status_id: int = 0
    """Id of the message that shows the progress."""
    total: int = 0
    sent: int = 0
    blocked: int = 0
    refused: int = 0
    skipped: int = 0
    """Users banned or unsubscribed since the draft was made."""
    unknown: int = 0
    """Users with an unknown outcome: the answer of Telegram was lost."""

    @property
    def done(self) -> int:
        return self.sent + self.blocked + self.refused + self.skipped + self.unknown


class Broadcasts(Store):
    """Store of broadcasts; at most one runs at a time."""

    def __init__(self, redis: Client) -> None:
        super().__init__(redis)
        self.started = asyncio.Event()
        """Set when a broadcast starts or is cancelled."""
        self._token = ""

    async def draft(self, broadcast: Broadcast) -> int:
        """Store a broadcast and its recipients for an hour; return the number of recipients.

        Recipients are all users with a private chat except the author, banned users and those who
        unsubscribed.
        """
        key, left = BROADCAST_OF + broadcast.id, BROADCAST_LEFT + broadcast.id
        _, _, _, total = await self._all(
            self._redis.zdiffstore(left, [keys.PEOPLE, keys.UNSUBSCRIBED, keys.BANNED]),
            self._redis.zrem(left, str(broadcast.admin)),
            self._redis.expire(left, _DRAFT_KEPT_S),
            self._redis.zcard(left),
        )
        record = {name: str(value) for name, value in asdict(broadcast).items()}
        await self._all(
            self._redis.hset(key, mapping=record | {"total": str(total)}),
            self._redis.expire(key, _DRAFT_KEPT_S),
        )
        return int(total)

    async def start(self, broadcast_id: str, status_id: int) -> str:
        """Start a draft; return ok, gone (expired or over) or busy (another one is running)."""
        answer = await self._redis.call(
            "broadcast_start",
            id=broadcast_id,
            status_id=status_id,
        )
        self.started.set()
        return answer[0]

    async def cancel(self, broadcast_id: str) -> bool:
        """Stop a broadcast or discard a draft; return False if it is already over."""
        broadcast = await self.read(broadcast_id)
        if broadcast is None or broadcast.state not in {"draft", "running"}:
            return False
        key = BROADCAST_OF + broadcast_id
        await self._redis.hset(key, "state", "cancelled")
        self.started.set()
        return True

    async def read(self, broadcast_id: str) -> Broadcast | None:
        record = await self._redis.hgetall(BROADCAST_OF + broadcast_id)
        return load(Broadcast, record) if "admin" in record else None

    async def current(self) -> Broadcast | None:
        """Return the running broadcast, or the ended one that is not reported yet."""
        broadcast_id = await self._redis.get(BROADCAST)
        return await self.read(broadcast_id) if broadcast_id else None

    async def take(self, broadcast: Broadcast) -> int | None:
        """Take the next recipient; return None if none is left."""
        # Kept until an answer arrives: a retry after a lost answer returns the same recipient.
        self._token = self._token or uuid.uuid4().hex
        answer = await self._redis.call(
            "broadcast_take",
            id=broadcast.id,
            token=self._token,
        )
        self._token = ""
        return int(answer[1]) if answer[0] == "ok" else None

    async def settle(self, broadcast: Broadcast, user_id: int, outcome: str) -> None:
        """Record an outcome, retrying while Redis is unavailable; `again` re-adds the recipient."""
        await self._redis.call_until_done(
            "broadcast_settle",
            id=broadcast.id,
            user_id=user_id,
            outcome=outcome,
        )

    async def close(self, broadcast: Broadcast) -> None:
        """Release an ended broadcast after its report, so that another one can start."""
        await self._all(
            self._redis.delete(BROADCAST, BROADCAST_LEFT + broadcast.id),
            self._redis.expire(BROADCAST_OF + broadcast.id, _ENDED_KEPT_S),
        )
