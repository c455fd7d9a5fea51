"""Numbered event feed of the sandbox."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from typing import Any

HISTORY = 2_000


@dataclass(frozen=True, slots=True)
class Event:
    """One numbered event, serialized."""

    seq: int
    data: str


class EventFeed:
    """Bounded history with any number of readers, each at its own position."""

    def __init__(self) -> None:
        self._history: deque[Event] = deque(maxlen=HISTORY)
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
        self._history.append(Event(self._seq, json.dumps(event, ensure_ascii=False)))
        self._wake()

    def close(self) -> None:
        self._is_closed = True
        self._wake()

    def after(self, seq: int) -> list[Event]:
        """Return the events after `seq`, beginning with a `reset` if some were dropped.

        A `seq` from the future belongs to an earlier sandbox: its reader starts anew, too.
        """
        oldest = self._history[0].seq if self._history else self._seq + 1
        if oldest - 1 <= seq <= self._seq:
            return [event for event in self._history if event.seq > seq]
        reset = json.dumps({"seq": self._seq, "type": "reset"})
        return [Event(self._seq, reset)]

    async def wait_after(self, seq: int, timeout_s: float) -> list[Event]:
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
