"""Calls that go wrong: scripted faults, and Telegram's rate limits."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from imgbot.aio import sleep_or_event
from imgbot.sandbox.api_errors import ApiError, too_many_requests

FaultKind = Literal["error", "flood", "drop_before", "drop_after", "delay", "gateway"]


class Fault(BaseModel, extra="forbid"):
    """Fault of the next `times` calls of `method`."""

    method: str = "*"
    kind: FaultKind
    times: int = 1
    chat_id: int | None = None
    error_code: int = 500
    description: str = "Internal Server Error"
    parameters: dict[str, object] | None = None
    retry_after_s: int = 1
    delay_s: float = 1.0

    def refusal(self) -> ApiError | None:
        """Return the refusal sent instead of acting, if any."""
        if self.kind == "flood":
            return too_many_requests(self.retry_after_s)
        if self.kind == "error":
            return ApiError(self.error_code, self.description, self.parameters)
        return None


class Faults:
    """Pending faults, applied first come, first served."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._cleared = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        """Remove all faults; delayed calls continue at once."""
        self._waiting.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    async def delay(self, seconds: float) -> None:
        """Delay a call, at most until the faults are cleared."""
        await sleep_or_event(seconds, self._cleared)

    def take(self, method: str, chat_id: str) -> Fault | None:
        """Return the fault for this call, counted down."""
        for fault in self._waiting:
            is_method = fault.method == "*" or fault.method.lower() == method.lower()
            if is_method and fault.chat_id in {None, _number(chat_id)}:
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None


def _number(text: str) -> int | None:
    return int(text) if text.removeprefix("-").isdecimal() else 0


@dataclass(slots=True)
class _FloodBucket:
    """Leaky bucket: `level` messages are in it and leave at `rate_per_s`."""

    capacity: int
    rate_per_s: float
    level: float = 0.0
    seen_at: float = 0.0

    def wait_s(self, now: float) -> float:
        """Return the seconds until one message fits."""
        self.level = max(0.0, self.level - (now - self.seen_at) * self.rate_per_s)
        self.seen_at = now
        return max(0.0, (self.level + 1 - self.capacity) / self.rate_per_s)


class SandboxRateLimits:
    """Rate limits per chat and for the bot as a whole."""

    def __init__(self, now: Callable[[], float], *, is_on: bool) -> None:
        self._now = now
        self._all = _FloodBucket(30, 30.0)
        self._chats: dict[int, _FloodBucket] = {}
        self._is_on = is_on

    def admit(self, chat_id: int) -> None:
        """Count a message to the chat, or refuse with the time to wait."""
        if not self._is_on:
            return
        now = self._now()
        usual = _FloodBucket(20, 1 / 3 if chat_id < 0 else 1.0)
        buckets = (self._all, self._chats.setdefault(chat_id, usual))
        wait_s = max(bucket.wait_s(now) for bucket in buckets)
        if wait_s > 0:
            raise too_many_requests(math.ceil(wait_s))
        for bucket in buckets:
            bucket.level += 1
