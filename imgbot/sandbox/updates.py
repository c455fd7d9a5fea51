"""Updates of the bot: their queue, and getUpdates, one long poll at a time."""

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from imgbot.sandbox.api_errors import ApiError

_OTHER_POLL = (
    "Conflict: terminated by other getUpdates request;"
    " make sure that only one bot instance is running"
)
MESSAGE_LIFETIME_S = 86_400
CALLBACK_LIFETIME_S = 150
MAX_TIMEOUT_S = 50
_ANSWER_BYTES = 1 << 22
_LOOK_S = 0.5
_PAUSE_S = 3.0
"""Shortly after a call, a bot still counts as polling."""


@dataclass(frozen=True, slots=True)
class QueuedUpdate:
    """One update, serialized."""

    id: int
    text: str
    expires_at: float


class Updates:
    """Updates in order; an update leaves when it is confirmed or too old."""

    def __init__(self, now: Callable[[], float], on_polling: Callable[[bool], None]) -> None:
        self._now = now
        self._on_polling = on_polling
        self._waiting: deque[QueuedUpdate] = deque()
        self._next_id = 100_000_000 + secrets.randbelow(800_000_000)
        self._allowed: frozenset[str] = frozenset()
        self._changed = asyncio.Event()
        self._call = 0
        """Number of the latest getUpdates call; a newer one ends the older."""
        self._open_calls = 0
        self._end_reason = ""
        self._pause: asyncio.TimerHandle | None = None
        self._is_closed = False
        self.is_polled = False

    def close(self) -> None:
        self._is_closed = True
        self._changed.set()
        if self._pause:
            self._pause.cancel()

    def allow(self, kinds: frozenset[str]) -> None:
        """Set the kinds that are queued from now on; none means all."""
        self._allowed = kinds

    def add(self, kind: str, payload: Any, lifetime_s: float = MESSAGE_LIFETIME_S) -> None:
        """Queue an update, unless the bot did not ask for its kind."""
        if not self._allowed or kind in self._allowed:
            self.add_raw({kind: payload}, lifetime_s)

    def add_raw(self, update: dict[str, Any], lifetime_s: float = MESSAGE_LIFETIME_S) -> int:
        """Queue any JSON as an update, valid or not; return its id."""
        update_id = self._next_id
        self._next_id += 1
        text = json.dumps({"update_id": update_id} | update, ensure_ascii=False)
        self._waiting.append(QueuedUpdate(update_id, text, self._now() + lifetime_s))
        self._changed.set()
        return update_id

    def clear(self) -> None:
        self._waiting.clear()

    def count(self) -> int:
        return len(self._batch(len(self._waiting)))

    async def poll(
        self, offset: int, limit: int, timeout_s: float, is_gone: Callable[[], bool]
    ) -> list[QueuedUpdate]:
        """Return the updates from `offset` on, waiting for the first one. Raises ApiError."""
        self.interrupt(_OTHER_POLL)
        self._confirm(offset)
        self._set_polled(is_polled=True)
        self._open_calls += 1
        call, loop = self._call, asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        try:
            while True:
                self._changed.clear()
                if call != self._call:
                    raise ApiError(409, self._end_reason)
                found, left_s = self._batch(limit), deadline - loop.time()
                if found or left_s <= 0 or self._is_closed or is_gone():
                    return found
                # Short waits, because a killed caller does not close its connection properly.
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left_s, _LOOK_S)):
                        await self._changed.wait()
        finally:
            self._open_calls -= 1
            if not self._open_calls and not self._is_closed:
                pause_s = 0 if is_gone() else _PAUSE_S
                self._pause = loop.call_later(pause_s, partial(self._set_polled, is_polled=False))

    def interrupt(self, reason: str) -> None:
        """End a waiting call with 409, as another getUpdates or setWebhook does."""
        self._call += 1
        self._end_reason = reason
        self._changed.set()

    def _confirm(self, offset: int) -> None:
        """Drop what an `offset` confirms: all before it, or all but the last few."""
        if offset < 0:
            while len(self._waiting) > -offset:
                self._waiting.popleft()
        else:
            while self._waiting and self._waiting[0].id < offset:
                self._waiting.popleft()

    def _batch(self, limit: int) -> list[QueuedUpdate]:
        """Return the first live updates, within Telegram's size limit of one response."""
        now, size_bytes, taken = self._now(), 0, list[QueuedUpdate]()
        for update in self._waiting:
            if update.expires_at <= now:
                continue
            size_bytes += len(update.text)
            if len(taken) == limit or (taken and size_bytes > _ANSWER_BYTES):
                break
            taken.append(update)
        return taken

    def _set_polled(self, *, is_polled: bool) -> None:
        if self._pause:
            self._pause.cancel()
            self._pause = None
        if is_polled != self.is_polled:
            self.is_polled = is_polled
            self._on_polling(is_polled)
