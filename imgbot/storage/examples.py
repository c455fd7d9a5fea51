"""Examples that the intents may be trained with; the operator switches them on."""

import re
from contextlib import suppress
from hashlib import sha256

from imgbot.domain.errors import StorageFullError
from imgbot.domain.intents import ChatFacts
from imgbot.domain.intents.examples import TEXT_LIMIT, Example, load_example, shared_words
from imgbot.storage import keys
from imgbot.storage.client import Client, Store
from imgbot.telemetry import events

ALL = "all"
_LIMIT = 1000
_KEPT_MS = 7_776_000_000  # 90 days
_ASKED_S = 86_400
_DAILY_LIMIT = 20
"""Questions to one user: nobody can fill the store alone, or teach it nonsense quickly."""

_ADDRESS = re.compile(r"@|://|\d(?:[ ()-]*\d){6}")
"""Part of a text that may tell who somebody is."""


class ExampleStore(Store):
    """Store of examples; a text gets into it by a question and the button that answers it.

    A full Redis must prevent neither.
    """

    def __init__(self, redis: Client, *, is_on: bool) -> None:
        super().__init__(redis)
        self.is_on = is_on

    async def note_question(
        self, user_id: int, message_id: int, text: str, facts: ChatFacts
    ) -> None:
        """Note what the chat is like while the bot asks about a text."""
        if not self.is_on or _ADDRESS.search(text):
            return
        key = f"{keys.ASKED}{user_id}"
        with suppress(StorageFullError):
            if await self._redis.hlen(key) < _DAILY_LIMIT:
                noted = f"{facts.context} {shared_words(text, facts)}"
                await self._all(
                    self._redis.hset(key, str(message_id), noted),
                    self._redis.expire(key, _ASKED_S, nx=True),
                )

    async def add(self, user_id: int, message_id: int, text: str, label: str, now_ms: int) -> None:
        """Add a text that a button has answered, once, if its question was noted."""
        key = f"{keys.ASKED}{user_id}"
        noted = await self._redis.hget(key, str(message_id)) if self.is_on else None
        if not noted:
            return
        context, _, shared = noted.partition(" ")
        example = Example(label, context, shared, text[:TEXT_LIMIT])
        with suppress(StorageFullError):
            await self._all(
                self._redis.zadd(keys.LEARNED, {example.dump(): now_ms}),
                self._redis.zremrangebyrank(keys.LEARNED, 0, -_LIMIT - 1),
                self._redis.hset(key, str(message_id), ""),
            )

    async def read(self, now_ms: int) -> dict[str, Example]:
        """Return the examples by their ids, the newest first, without any that cannot be read."""
        since_ms = now_ms - _KEPT_MS
        stored = await self._redis.zrevrangebyscore(keys.LEARNED, "+inf", since_ms)
        loaded = {_id_of(each): load_example(each) for each in stored}
        examples = {each: example for each, example in loaded.items() if example}
        if len(examples) < len(stored):
            events.warning("%d texts to learn from cannot be read", len(stored) - len(examples))
        return examples

    async def remove(self, example_id: str) -> bool:
        """Delete an example, or `all` of them; return False if it is gone."""
        stored = await self._redis.zrange(keys.LEARNED, 0, -1)
        found = [each for each in stored if example_id in {ALL, _id_of(each)}]
        return bool(found and await self._redis.zrem(keys.LEARNED, *found))

    async def trim(self, now_ms: int) -> None:
        """Delete the examples that are too old."""
        await self._redis.zremrangebyscore(keys.LEARNED, "-inf", now_ms - _KEPT_MS)


def _id_of(stored: str) -> str:
    return sha256(stored.encode()).hexdigest()[:16]
