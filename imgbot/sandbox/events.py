"""Numbered event feed of the sandbox, and the log of calls with their mistakes."""

import asyncio
import json
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

from imgbot.sandbox.api_errors import ApiError

HISTORY = 2_000


@dataclass(frozen=True, slots=True)
class ControlEvent:
    """One numbered event, serialized."""

    seq: int
    data: str


class EventFeed:
    """Bounded history with any number of readers, each at its own position."""

    def __init__(self) -> None:
        self._history: deque[ControlEvent] = deque(maxlen=HISTORY)
        self._seq = 0
        self._changed = asyncio.Event()
        self._is_closed = False

    @property
    def last_seq(self) -> int:
        return self._seq

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def publish(self, kind: str, **facts: Any) -> None:
        self._seq += 1
        event = {"seq": self._seq, "type": kind} | facts
        self._history.append(ControlEvent(self._seq, json.dumps(event, ensure_ascii=False)))
        self._wake()

    def close(self) -> None:
        self._is_closed = True
        self._wake()

    def after(self, seq: int) -> list[ControlEvent]:
        """Return the events after `seq`, beginning with a `reset` if some were dropped.

        A `seq` from the future belongs to an earlier sandbox: its reader starts anew, too.
        """
        oldest = self._history[0].seq if self._history else self._seq + 1
        if oldest - 1 <= seq <= self._seq:
            return [event for event in self._history if event.seq > seq]
        reset = json.dumps({"seq": self._seq, "type": "reset"})
        return [ControlEvent(self._seq, reset)]

    async def wait_after(self, seq: int, timeout_s: float) -> list[ControlEvent]:
        """Return the events after `seq`, waiting for the first one; empty on timeout or end."""
        try:
            async with asyncio.timeout(timeout_s):
                while not (found := self.after(seq)) and not self._is_closed:
                    await self._changed.wait()
        except TimeoutError:
            return []
        return found

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


_KEPT_CALLS = 5_000


class CallLog:
    """Latest calls, a count per method, and the violations."""

    def __init__(self, events: EventFeed) -> None:
        self._events = events
        self._calls: deque[dict[str, Any]] = deque(maxlen=_KEPT_CALLS)
        self._counts: Counter[str] = Counter()
        self.refusals: Counter[int] = Counter()
        """Number of refusals by error code."""
        self._violations: dict[str, None] = {}
        self._seq = 0

    def record(self, method: str, chat_id: str, refusal: ApiError | None) -> None:
        self._seq += 1
        call: dict[str, Any] = {"method": method, "ok": refusal is None}
        if chat_id.removeprefix("-").isdecimal():
            call["chat_id"] = int(chat_id)
        if refusal:
            call |= {"error_code": refusal.code, "description": refusal.description}
        self._calls.append({"seq": self._seq} | call)
        if refusal:
            self.refusals[refusal.code] += 1
        self._counts[method] += 1
        # An idle bot polls forever: its successful polls would push out everything else.
        if refusal or method != "getUpdates":
            self._events.publish("call", **call)

    def violation(self, text: str) -> None:
        """Record a mistake of the bot that Telegram would ignore."""
        self._violations[text] = None

    def view(self) -> dict[str, Any]:
        return {
            "calls": list(self._calls),
            "counts": dict(self._counts),
            "violations": list(self._violations),
        }
