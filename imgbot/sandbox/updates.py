"""Queue of updates, and getUpdates: one long poll at a time."""

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from imgbot.sandbox.api_errors import OTHER_POLL, ApiError

MESSAGE_LIFETIME_S = 86_400
CALLBACK_LIFETIME_S = 150
_MAX_WAITING = 100_000
_ANSWER_BYTES = 1 << 22

# Kinds that a bot gets only if it asks for them.
_ON_REQUEST = frozenset({"chat_member"})


class QueueFullError(Exception):
    """More updates are waiting than the sandbox will hold."""

    def __init__(self) -> None:
        super().__init__("the queue of updates is full")


@dataclass(frozen=True, slots=True)
class Update:
    """One update, serialized."""

    id: int
    text: str
    expires_at: float


class UpdateQueue:
    """Updates in order; an update leaves when it is confirmed or too old."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._waiting: deque[Update] = deque()
        self._next_id = 100_000_000 + secrets.randbelow(800_000_000)
        self._allowed: frozenset[str] | None = None
        self._earliest_expiry = float("inf")
        self.on_added: Callable[[], None] = lambda: None

    @property
    def allowed(self) -> list[str]:
        return sorted(self._allowed or ())

    def allow(self, kinds: frozenset[str]) -> None:
        """Set the kinds that are queued from now on; an empty list means the default ones."""
        self._allowed = kinds or None

    def add(self, kind: str, payload: Any, lifetime_s: float = MESSAGE_LIFETIME_S) -> int | None:
        """Queue an update, unless the bot did not ask for its kind; return its id."""
        wanted = kind in self._allowed if self._allowed else kind not in _ON_REQUEST
        return self.add_raw({kind: payload}, lifetime_s) if wanted else None

    def add_raw(self, update: dict[str, Any], lifetime_s: float = MESSAGE_LIFETIME_S) -> int:
        """Queue any JSON as an update, valid or not."""
        if len(self._waiting) >= _MAX_WAITING:
            raise QueueFullError
        update_id = self._next_id
        self._next_id += 1
        text = json.dumps({"update_id": update_id} | update, ensure_ascii=False)
        expires_at = self._now() + lifetime_s
        self._waiting.append(Update(update_id, text, expires_at))
        self._earliest_expiry = min(self._earliest_expiry, expires_at)
        self.on_added()
        return update_id

    def confirm(self, offset: int) -> None:
        """Drop what an `offset` confirms: all before it, or all but the last few."""
        if offset < 0:
            while len(self._waiting) > -offset:
                self._waiting.popleft()
        else:
            while self._waiting and self._waiting[0].id < offset:
                self._waiting.popleft()

    def batch(self, limit: int) -> list[Update]:
        """Return the first live updates, within Telegram's size limit of one response."""
        self._expire()
        taken: list[Update] = []
        size_bytes = 0
        for update in self._waiting:
            size_bytes += len(update.text)
            if len(taken) == limit or (taken and size_bytes > _ANSWER_BYTES):
                break
            taken.append(update)
        return taken

    def count(self) -> int:
        self._expire()
        return len(self._waiting)

    def clear(self) -> None:
        self._waiting.clear()

    def _expire(self) -> None:
        now = self._now()
        if now >= self._earliest_expiry:
            self._waiting = deque(u for u in self._waiting if u.expires_at > now)
            self._earliest_expiry = min((u.expires_at for u in self._waiting), default=float("inf"))


MAX_TIMEOUT_S = 50
_LOOK_S = 0.5
_PAUSE_S = 3.0


class _Poll:
    """Waiting getUpdates call."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.refusal: ApiError | None = None


class Poller:
    """Serves long polls from the queue; a newer call ends the older one."""

    def __init__(
        self, queue: UpdateQueue, now: Callable[[], float], on_active: Callable[[bool], None]
    ) -> None:
        self._queue = queue
        self._now = now
        self._on_active = on_active
        self._current: _Poll | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._last_offset: int | None = None
        self._last_start = 0.0
        self._is_closed = False
        self.is_active = False

    def wake(self) -> None:
        if self._current:
            self._current.wake.set()

    def interrupt(self, reason: str) -> None:
        """End a waiting call with 409, as another getUpdates or setWebhook does."""
        if self._current:
            self._current.refusal = ApiError(409, reason)
            self._current.wake.set()
            self._current = None
            self._end()

    def close(self) -> None:
        self._is_closed = True
        self.wake()
        if self._pause:
            self._pause.cancel()

    async def poll(
        self, offset: int, limit: int, timeout_s: float, is_gone: Callable[[], bool]
    ) -> list[Update]:
        self.interrupt(OTHER_POLL)
        limit, timeout_s = self._slowed(offset, limit, timeout_s)
        self._queue.confirm(offset)
        poll = self._current = _Poll()
        self._begin()
        try:
            return await self._wait(poll, limit, timeout_s, is_gone)
        finally:
            if self._current is poll:
                self._current = None
                self._end(pause_s=0 if is_gone() else _PAUSE_S)

    def _slowed(self, offset: int, limit: int, timeout_s: float) -> tuple[int, float]:
        """Delay a caller that repeats itself, as Telegram's server does."""
        now = self._now()
        since_s = now - self._last_start
        is_repeated = offset == self._last_offset
        self._last_offset, self._last_start = offset, now
        if is_repeated and since_s < 3 and timeout_s < 3:
            timeout_s = 3
        if is_repeated and since_s < 0.5:
            limit = 1
        return limit, timeout_s

    async def _wait(
        self, poll: _Poll, limit: int, timeout_s: float, is_gone: Callable[[], bool]
    ) -> list[Update]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while True:
            poll.wake.clear()
            if poll.refusal:
                raise poll.refusal
            found = self._queue.batch(limit)
            left_s = deadline - loop.time()
            if found or left_s <= 0 or self._is_closed or is_gone():
                return found
            try:
                # Short waits, because a killed caller does not close its connection properly.
                async with asyncio.timeout(min(left_s, _LOOK_S)):
                    await poll.wake.wait()
            except TimeoutError:
                continue

    def _begin(self) -> None:
        if self._pause:
            self._pause.cancel()
            self._pause = None
        self._set_active(active=True)

    def _end(self, pause_s: float = _PAUSE_S) -> None:
        """Note the end of a call; shortly after it, a bot still counts as polling."""
        if not self._is_closed:
            loop = asyncio.get_running_loop()
            self._pause = loop.call_later(pause_s, self._stopped)

    def _stopped(self) -> None:
        self._pause = None
        self._set_active(active=False)

    def _set_active(self, *, active: bool) -> None:
        if active != self.is_active:
            self.is_active = active
            self._on_active(active)
