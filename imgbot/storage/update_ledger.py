"""Ledger of updates: handled, deferred, and those whose handling failed."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence

from imgbot.domain.errors import StorageFullError, UserError
from imgbot.domain.update import Deferred, Update
from imgbot.storage import keys
from imgbot.storage.client import Client, Store
from imgbot.storage.entries import readable

_POISON_KEPT = 1000


class UpdateLedger(Store):
    """Ledger of updates."""

    def __init__(self, redis: Client, persist: Callable[[], Awaitable[None]] | None = None) -> None:
        super().__init__(redis)
        self._persist = persist

    async def is_handled(self, update_id: int) -> bool:
        """Return true if this update was handled, perhaps before a restart."""
        page, rest = divmod(update_id, keys.UPDATES_PER_PAGE)
        return bool(await self._redis.sismember(f"{keys.HANDLED}{page}", rest))

    async def mark_handled(self, update_id: int, chat: str) -> None:
        """Record that an update was handled, and remove it from the deferred ones."""
        await self._redis.call("mark_handled", update_id=update_id, chat=chat)

    async def dead_letter(self, update: Mapping[str, object]) -> None:
        """Store an update whose handling failed, for an operator to inspect."""
        await self._all(
            self._redis.lpush(keys.POISON, json.dumps(update)[:100_000]),
            self._redis.ltrim(keys.POISON, 0, _POISON_KEPT - 1),
        )

    async def defer(self, deferred: Sequence[Deferred]) -> None:
        """Store updates behind those already deferred for their chats. Raises StorageFullError."""
        values: list[str | int] = []
        for chat, due_ms, updates in deferred:
            for received_ms, update in updates:
                entry = json.dumps([received_ms, update])
                values += [chat, due_ms, update["update_id"], entry]
        try:
            await self._redis.call("defer_updates", updates=values)
        except UserError as error:
            raise StorageFullError("the memory of Redis is full") from error

    async def deferred(self) -> list[Deferred]:
        """Return all deferred updates, the chat that is due first at the beginning."""
        chats = await self._redis.zrange(keys.DEFERRED, 0, -1, withscores=True)
        found = await self._all(
            *(self._redis.zrange(f"{keys.DEFERRED_OF}{chat}", 0, -1) for chat, _ in chats)
        )
        return [
            (chat, int(due_ms), readable(f"{keys.DEFERRED_OF}{chat}", _deferred_from, entries))
            for (chat, due_ms), entries in zip(chats, found, strict=True)
        ]

    async def persist(self) -> None:
        """Return once everything written so far is on the server's disk."""
        if self._persist is not None:
            await self._persist()


def _deferred_from(entry: str) -> tuple[int, Update]:
    received_ms, update = json.loads(entry)
    return int(received_ms), {**update, "update_id": int(update["update_id"])}
