"""Who may come in and whether orders are taken, as administrators decide while the bot runs."""

import json
from dataclasses import dataclass

from imgbot.storage import keys
from imgbot.storage.scripts import Store

UNSAID = "1"
"""Stored for a pause without words."""


@dataclass(frozen=True, slots=True)
class Ban:
    """Who is not served, and why; `by` and `at_ms` are 0 where nobody knows."""

    user_id: int
    reason: str = ""
    by: int = 0
    at_ms: int = 0


class Access(Store):
    """Plain reads and writes; each raises StorageUnavailableError while Redis is away.

    What is written holds from the next update on, and over a restart.
    """

    async def ban(self, ban: Ban) -> None:
        """Serve a person no longer; a repeated ban changes its reason."""
        record = json.dumps([ban.reason, ban.by, ban.at_ms], ensure_ascii=False)
        pipe = self._redis.pipeline(transaction=True)
        pipe.sadd(keys.BANNED, str(ban.user_id))
        pipe.hset(keys.BAN, str(ban.user_id), record)
        await self._ask(pipe.execute())

    async def unban(self, user_id: int) -> bool:
        """Serve a person again; False for one who was not banned."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.srem(keys.BANNED, str(user_id))
        pipe.hdel(keys.BAN, str(user_id))
        removed, _ = await self._ask(pipe.execute())
        return bool(removed)

    async def bans(self) -> list[Ban]:
        """Return all bans, the latest first."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.smembers(keys.BANNED)
        pipe.hgetall(keys.BAN)
        banned, records = await self._ask(pipe.execute())
        found = [_ban(int(user_id), records.get(user_id)) for user_id in banned]
        return sorted(found, key=lambda ban: (-ban.at_ms, ban.user_id))

    async def allow(self, some_id: int) -> bool:
        """Let a person or a group in; False for one that was let in before."""
        return bool(await self._ask(self._redis.sadd(keys.ALLOWED, str(some_id))))

    async def disallow(self, some_id: int) -> bool:
        """Take that back; False for one that was not let in like this."""
        return bool(await self._ask(self._redis.srem(keys.ALLOWED, str(some_id))))

    async def allowed(self) -> list[int]:
        """Return who was let in while the bot ran."""
        return sorted(int(one) for one in await self._ask(self._redis.smembers(keys.ALLOWED)))

    async def pause(self, words: str) -> None:
        """Take no orders from here on; the words are added to what people are told."""
        await self._ask(self._redis.set(keys.PAUSED, words or UNSAID))

    async def resume(self) -> bool:
        """Take orders again; False if there was no pause."""
        return bool(await self._ask(self._redis.delete(keys.PAUSED)))


def _ban(user_id: int, record: str | None) -> Ban:
    # Whoever was put into the set by hand has no record.
    return Ban(user_id, *json.loads(record)) if record else Ban(user_id)
