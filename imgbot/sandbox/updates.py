"""Queue of updates, served by getUpdates and the webhook."""

import json
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
