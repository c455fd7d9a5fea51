"""Bans, allowed ids and the pause, as admins set them while the bot runs."""

import hashlib
import json
import secrets
from contextlib import suppress
from dataclasses import dataclass

from redis.exceptions import ResponseError

from imgbot.domain.errors import ConfigError
from imgbot.storage import keys
from imgbot.storage.client import Client, Store
from imgbot.storage.entries import readable

UNSAID = "1"
"""Stored value of a pause without a message."""

_ID_BYTES = 6
_INVITATION_S = 604_800
_CODE_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Ban:
    """Ban of a user, with its reason; `by` and `at_ms` are 0 if unknown."""

    user_id: int
    reason: str = ""
    by: int = 0
    at_ms: int = 0


class Access(Store):
    """Store of bans, allowed ids and the pause; a change applies from the next update."""

    async def ban(self, ban: Ban) -> None:
        """Ban a user; banning again replaces the reason."""
        record = json.dumps([ban.reason, ban.by, ban.at_ms], ensure_ascii=False)
        await self._all(
            self._redis.hset(keys.BAN, str(ban.user_id), record),
            self._redis.sadd(keys.BANNED, str(ban.user_id)),
        )

    async def unban(self, user_id: int) -> bool:
        """Lift a ban; return False if the user was not banned."""
        removed, _ = await self._all(
            self._redis.srem(keys.BANNED, str(user_id)), self._redis.hdel(keys.BAN, str(user_id))
        )
        return bool(removed)

    async def bans(self) -> list[Ban]:
        """Return all bans, newest first."""
        banned, records = await self._all(
            self._redis.smembers(keys.BANNED), self._redis.hgetall(keys.BAN)
        )
        # An id added to the set manually has no record.
        found = readable(
            keys.BAN, lambda user: Ban(int(user), *json.loads(records.get(user, "[]"))), banned
        )
        return sorted(found, key=lambda ban: (-ban.at_ms, ban.user_id))

    async def allow(self, some_id: int) -> bool:
        """Allow a user or group; return False if it was already allowed."""
        added, _ = await self._all(
            self._redis.sadd(keys.ALLOWED, str(some_id)), self._redis.unlink(_withdrawn(some_id))
        )
        return bool(added)

    async def disallow(self, some_id: int) -> bool:
        """Revoke `allow`, and open invitations; return False if the id was not allowed this way."""
        removed, _ = await self._all(
            self._redis.srem(keys.ALLOWED, str(some_id)),
            self._redis.set(_withdrawn(some_id), 1, ex=_INVITATION_S),
        )
        return bool(removed)

    async def allowed(self) -> list[int]:
        """Return the ids that were allowed while the bot ran."""
        return sorted(int(one) for one in await self._redis.smembers(keys.ALLOWED))

    async def invite(self, code: str, count: int) -> None:
        """Store an invitation of so many users, once."""
        await self._redis.set(keys.INVITATION + _digest(code), count, ex=_INVITATION_S, nx=True)

    async def hide_codes(self) -> None:
        """Name earlier invitations by digests, too; can go after the first release."""
        async for name in self._redis.scan_iter(f"{keys.INVITATION}{'?' * _CODE_LENGTH}"):
            digest = _digest(name.removeprefix(keys.INVITATION))
            # It may expire meanwhile.
            with suppress(ResponseError):
                await self._redis.rename(name, keys.INVITATION + digest)

    async def accept(self, code: str, user_id: int) -> bool:
        """Let a user in; return False if the invitation is used up, unknown, or withdrawn."""
        answer = await self._redis.call("accept_invitation", digest=_digest(code), user=user_id)
        return answer[0] == "ok"

    async def pause(self, words: str) -> None:
        """Refuse new jobs from now on; `words` are added to the refusal that users see."""
        await self._redis.set(keys.PAUSED, words or UNSAID)

    async def pause_anew(self) -> bool:
        """Refuse new jobs without a message; return False if there is a pause already."""
        return bool(await self._redis.set(keys.PAUSED, UNSAID, nx=True))

    async def is_paused(self) -> bool:
        return bool(await self._redis.exists(keys.PAUSED))

    async def resume(self) -> bool:
        """Accept jobs again; return False if there was no pause."""
        return bool(await self._redis.delete(keys.PAUSED))


def _digest(code: str) -> str:
    """Return what names an invitation: any account of the machine may read the names of keys."""
    return hashlib.sha256(code.encode()).hexdigest()


def _withdrawn(some_id: int) -> str:
    return f"{keys.INVITATION}withdrawn.{some_id}"


async def bind_to_bot(redis: Client, bot_id: int) -> str:
    """Bind this Redis to a bot, before the epoch is opened.

    Returns the id of this installation, created at its first start and never changed.

    Raises ConfigError if Redis is bound to another bot: users would be answered by a bot they do
    not know, and files that they sent to the other one could not be downloaded.
    """
    _, owner = await redis.call("set_once", key=keys.OWNER, value=str(bot_id), ttl_s=0)
    if owner != str(bot_id):
        raise ConfigError(
            "IMGBOT_TOKEN",
            f"is of the bot {bot_id}, but the jobs here are of the bot {owner}: use that bot's "
            "token, or give this one an IMGBOT_STATE_DIR (or IMGBOT_REDIS_URL) of its own",
        )
    random_id = secrets.token_hex(_ID_BYTES)
    _, held = await redis.call("set_once", key=keys.INSTALLATION, value=random_id, ttl_s=0)
    return str(held)
