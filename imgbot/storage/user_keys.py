"""Keys of users: which keys hold something of a user, by the owners that are declared with them."""

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from imgbot.storage import keys
from imgbot.storage.client import Client, Store
from imgbot.storage.keys import Owner

_SCANNED_AT_ONCE = 500
"""Keys that a script looks at, about 1 ms of server time."""

_SHARED = frozenset({Owner.METHOD, Owner.ZREM, Owner.SREM, Owner.HDEL, Owner.LIVE_JOB})
"""Owners of keys in which one user has entries among others."""

_SECRET = frozenset({"ticket", "holds"})
"""Fields of jobs that are between the bot and its providers."""

_SENDER = re.compile(r'"from": ?\{"id": ?(\d+)')
"""In an update, also one that is cut off: the first is its own."""
_USER = re.compile(r'"user_id": ?(\d+)')
_LEADING = re.compile(r"[\[u]?(\d+)(?![^ ,._])")

_READS: Mapping[str, Callable[[Client, str], Awaitable[Any]]] = {
    "string": lambda redis, name: redis.get(name),
    "hash": lambda redis, name: redis.hgetall(name),
    "list": lambda redis, name: redis.lrange(name, 0, -1),
    "set": lambda redis, name: redis.smembers(name),
    "zset": lambda redis, name: redis.zrange(name, 0, -1),
}


class UserKeys(Store):
    """Finds what is kept of users."""

    def __init__(self, redis: Client, owners: keys.Owners) -> None:
        super().__init__(redis)
        self._owners = owners
        self._patterns = {
            key: re.compile(owner)
            for key, found in owners.items()
            for owner in found
            if isinstance(owner, str)
        }
        self.records, self.pointers = self.owned(Owner.RECORD), self.owned(Owner.POINTER)
        self.with_member = {
            key: command.name.lower()
            for command in (Owner.ZREM, Owner.SREM, Owner.HDEL)
            for key in self.owned(command)
        }
        """Key or prefix → command that removes the user's id from it."""

    def owned(self, owner: Owner) -> tuple[str, ...]:
        return tuple(key for key, owners in self._owners.items() if owner in owners)

    async def find(
        self, owners: Collection[str], also: Collection[str] = ()
    ) -> tuple[list[str], list[str]]:
        """Return records of, and pointers to, jobs of the owners, and names with an id in them.

        With the names, all keys of the prefixes in `also`.
        """
        owned, named = set[str](), set[str]()
        cursor = "0"
        while True:
            cursor, *page = await self._redis.call(
                "find_keys",
                cursor=cursor,
                count=_SCANNED_AT_ONCE,
                records=",".join(self.records),
                pointers=",".join(self.pointers),
                listed=",".join([keys.SPEND, keys.NOT_UNDERSTOOD, *self.with_member, *also]),
                owners=list(owners),
            )
            owned.update(page[0])
            named.update(page[1])
            if cursor == "0":
                return list(owned), list(named)

    async def kept_of(self, user: int) -> dict[str, Any]:
        """Return what forgetting this user would delete: key → its content, or their entries."""
        shared = {key for key, owners in self._owners.items() if _SHARED.intersection(owners)}
        owned, named = await self.find([str(user)], shared)
        mine = f"{keys.USER_JOBS}{user}"
        live = {keys.JOB + job_id for job_id in await self._redis.zrange(mine, 0, -1)}
        whole = {*owned, *live, mine}
        whole.update(name for name in named if self.user_in(name) == str(user))
        found = {}
        for name in sorted(whole.union(named, shared)):
            content = await self._content(name)
            if name not in whole:
                content = _entries_of(content, str(user))
            if content or content == "":
                found[name] = content
        return found

    async def _content(self, name: str) -> Any:
        """Return the content of a key without the addresses that a provider gave."""
        kind = await self._redis.type(name)
        if kind not in _READS:
            return None
        content = await _READS[kind](self._redis, name)
        if isinstance(content, dict):
            return {field: text for field, text in content.items() if field not in _SECRET}
        return content if isinstance(content, str) else [*content]

    def kind_of(self, name: str) -> str:
        """Return the key, or the prefix, that a name belongs to."""
        return name if name in self._owners else ":".join([*name.split(":")[:2], ""])

    def user_in(self, name: str) -> str:
        """Return the id of the user that a key is named by, or an empty string."""
        for prefix, pattern in self._patterns.items():
            if name.startswith(prefix) and (found := pattern.fullmatch(name, len(prefix))):
                return found[1]
        return ""


def _entries_of(content: Any, user: str) -> Any:
    """Return the entries of one user in what is kept of several."""
    if isinstance(content, dict):
        pairs = content.items()
        return {key: text for key, text in pairs if user in (text, *re.split("[:.]", key))}
    if isinstance(content, str):
        return content if _owner_of(content) == user else None
    return [each for each in content or () if _owner_of(each) == user]


def _owner_of(entry: str) -> str:
    """Return the id of the user whose entry it is; others may be named in it."""
    found = _SENDER.search(entry) or _USER.search(entry) or _LEADING.match(entry)
    return found[1] if found else ""
