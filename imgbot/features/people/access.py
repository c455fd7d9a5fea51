"""Bans, allowed ids and invitations, as administrators set them while the bot runs."""

import hashlib
import json
from dataclasses import dataclass

from imgbot.storage import keys
from imgbot.storage.client import Store
from imgbot.storage.entries import readable
from imgbot.storage.keys import Owner, Owners

# STRING per digest of an invitation's code, a week: how many users may still accept it. With
# `withdrawn.` and a user's id, as long: no invitation lets them in.
INVITATION = "img:invitation:"
BAN = "img:bans"  # HASH: banned user id → reason, admin and time (ms), as JSON

KEYS: Owners = {INVITATION: (Owner.ADMIN,), BAN: (Owner.BAN,)}


_INVITATION_S = 604_800


@dataclass(frozen=True, slots=True)
class Ban:
    """Ban of a user, with its reason; `by` and `at_ms` are 0 if unknown."""

    user_id: int
    reason: str = ""
    by: int = 0
    at_ms: int = 0


class Access(Store):
    """Store of bans, allowed ids and invitations; a change applies from the next update."""

    async def ban(self, ban: Ban) -> None:
        """Ban a user; banning again replaces the reason."""
        record = json.dumps([ban.reason, ban.by, ban.at_ms], ensure_ascii=False)
        await self._all(
            self._redis.hset(BAN, str(ban.user_id), record),
            self._redis.sadd(keys.BANNED, str(ban.user_id)),
        )

    async def unban(self, user_id: int) -> bool:
        """Lift a ban; return False if the user was not banned."""
        removed, _ = await self._all(
            self._redis.srem(keys.BANNED, str(user_id)), self._redis.hdel(BAN, str(user_id))
        )
        return bool(removed)

    async def bans(self) -> list[Ban]:
        """Return all bans, newest first."""
        banned, records = await self._all(
            self._redis.smembers(keys.BANNED), self._redis.hgetall(BAN)
        )
        # An id added to the set manually has no record.
        found = readable(
            BAN, lambda user: Ban(int(user), *json.loads(records.get(user, "[]"))), banned
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
        await self._redis.set(INVITATION + _digest(code), count, ex=_INVITATION_S, nx=True)

    async def accept(self, code: str, user_id: int) -> bool:
        """Let a user in; return False if the invitation is used up, unknown, or withdrawn."""
        answer = await self._redis.call("accept_invitation", digest=_digest(code), user=user_id)
        return answer[0] == "ok"


def _digest(code: str) -> str:
    """Return what names an invitation: any account of the machine may read the names of keys."""
    return hashlib.sha256(code.encode()).hexdigest()


def _withdrawn(some_id: int) -> str:
    return f"{INVITATION}withdrawn.{some_id}"
