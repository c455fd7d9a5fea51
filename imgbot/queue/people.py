"""What is remembered about people: what they prefer, and whether they may come in."""

from collections.abc import Awaitable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from redis.asyncio import Redis

from imgbot.preferences import Preferences
from imgbot.queue import keys
from imgbot.queue.records import to_text
from imgbot.queue.scripts import storage_errors

_INTRODUCED = "introduced"


@dataclass(frozen=True, slots=True)
class Standing:
    """How the bot and one person stand at this moment."""

    preferences: Preferences = field(default_factory=Preferences)
    is_banned: bool = False
    is_paused: bool = False
    introduced_by: str = ""
    """The job with which the person was told who paints; empty before it."""


class People:
    """Plain reads and marks; each raises StorageAwayError while Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def standing(self, user_id: int) -> Standing:
        """Read everything about a person in one round trip."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hgetall(f"{keys.USER}{user_id}")
        pipe.sismember(keys.BANNED, str(user_id))
        pipe.exists(keys.PAUSED)
        record, is_banned, is_paused = await self._ask(pipe.execute())
        introduced_by = record.get(_INTRODUCED, "")
        return Standing(_preferences(record), bool(is_banned), bool(is_paused), introduced_by)

    async def preferences(self, user_id: int) -> Preferences:
        return _preferences(await self._ask(self._redis.hgetall(f"{keys.USER}{user_id}")))

    async def prefer(self, user_id: int, preferences: Preferences) -> None:
        record = [
            part for name, value in asdict(preferences).items() for part in (name, to_text(value))
        ]
        await self._ask(self._redis.hset(f"{keys.USER}{user_id}", items=record))

    async def is_first_meeting(self, user_id: int, job_id: str) -> bool:
        """Whether `job_id` is the person's very first; the same answer at every repeat."""
        key = f"{keys.USER}{user_id}"
        pipe = self._redis.pipeline(transaction=True)
        pipe.hsetnx(key, _INTRODUCED, job_id)
        pipe.hget(key, _INTRODUCED)
        _, first = await self._ask(pipe.execute())
        return first == job_id

    async def forget_meeting(self, user_id: int) -> None:
        """Take it back: the first job was not admitted."""
        await self._ask(self._redis.hdel(f"{keys.USER}{user_id}", _INTRODUCED))

    async def is_first_saying(self, user_id: int, what: str, request: str, ttl_s: int) -> bool:
        """Whether `what` was not said to the person within `ttl_s`, by another request."""
        earlier = await self._ask(
            self._redis.set(
                f"{keys.SAID}{user_id}.{what}", request, nx=True, get=True, ex=max(ttl_s, 1)
            )
        )
        return earlier is None or earlier == request

    async def _ask(self, answer: Awaitable[Any]) -> Any:
        with storage_errors():
            return await answer


def _preferences(record: dict[str, str]) -> Preferences:
    """Read what is stored; what is missing or odd is as if it had never been set."""
    values: dict[str, Any] = {}
    for entry in fields(Preferences):
        text = record.get(entry.name, "")
        if entry.type is str:
            values[entry.name] = text
        elif entry.type is bool:
            values[entry.name] = text == "1"
        elif text.isdecimal():
            values[entry.name] = int(text)
    return Preferences(**values)
