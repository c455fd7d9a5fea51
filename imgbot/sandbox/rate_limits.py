"""Telegram's rate limits: per second 1 message in a chat and 30 overall, 20 a minute in a group."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from imgbot.sandbox.api_errors import ApiError, album_flood, too_many_requests

_MAX_CHATS = 20_000


@dataclass(slots=True)
class _Bucket:
    """Leaky bucket: `level` messages are in it and leave at `rate_per_s`."""

    capacity: int
    rate_per_s: float
    level: float = 0.0
    seen_at: float = 0.0

    def wait_s(self, count: int, now: float) -> float:
        """Return the seconds until `count` messages fit."""
        self.level = max(0.0, self.level - (now - self.seen_at) * self.rate_per_s)
        self.seen_at = now
        # A batch above the capacity passes when the bucket is empty, or it never would.
        surplus = self.level + min(count, self.capacity) - self.capacity
        return max(0.0, surplus / self.rate_per_s)


class SandboxRateLimits:
    """Rate limits per chat and for the bot as a whole."""

    def __init__(self, now: Callable[[], float], *, is_on: bool) -> None:
        self._now = now
        self._all = _Bucket(30, 30.0)
        self._chats: dict[int, _Bucket] = {}
        self.is_on = is_on

    def admit(self, chat_id: int, count: int = 1, *, is_album: bool = False) -> None:
        """Count `count` messages to the chat, or refuse with the time to wait."""
        if not self.is_on:
            return
        now = self._now()
        buckets = (self._all, self._bucket(chat_id))
        wait_s = max(bucket.wait_s(count, now) for bucket in buckets)
        if wait_s > 0:
            raise self._refusal(math.ceil(wait_s), is_album=is_album)
        for bucket in buckets:
            bucket.level += count

    def _bucket(self, chat_id: int) -> _Bucket:
        bucket = self._chats.get(chat_id)
        if bucket is None:
            if len(self._chats) >= _MAX_CHATS:
                self._chats.clear()
            bucket = _Bucket(20, 1 / 3) if chat_id < 0 else _Bucket(20, 1.0)
            self._chats[chat_id] = bucket
        return bucket

    @staticmethod
    def _refusal(retry_after_s: int, *, is_album: bool) -> ApiError:
        return album_flood(retry_after_s) if is_album else too_many_requests(retry_after_s)
