"""Dispatcher of updates: one at a time in a chat, chats side by side, bounded.

In a chat, the senders take turns, and the updates of each are handled in order. An update that must
wait for longer than a moment is deferred: stored in Redis, so that it can be confirmed to Telegram
and holds nobody else up. It keeps its place: later updates of its chat are stored behind it. An
update that cannot be handled is set aside, and what exceeds a limit is refused.
"""

import asyncio
import time
from bisect import insort
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from imgbot.aio import Start, sleep_or_event
from imgbot.domain.errors import (
    UNRELATED,
    ChatGoneError,
    RateLimitedError,
    StorageFullError,
    StorageUnavailableError,
    TransientError,
)
from imgbot.domain.retry import backoff_s
from imgbot.domain.update import (
    Deferred,
    Update,
    chat_of,
    is_group_chatter,
    is_payment,
    sender_of,
)
from imgbot.telemetry import events, metrics

_HANDLERS = 32
_HANDLER_DEADLINE_S = 90.0
_HOLD_S = 3.0
"""Seconds that an update may hold up the window."""
_SHARE = 8
"""Maximum updates of one chat, or of one sender, in the window."""
_PER_SENDER = 50
"""Maximum that wait of one sender, over all chats. Of the rest, the first in each chat is refused
in its turn, and stands for those behind it."""
_PER_CHAT = 200
"""Maximum of one chat, and again as many refusals."""
_DEFERRED = 1000
"""Maximum over all chats. The rest stays at Telegram, which keeps updates for a day."""
_GIVE_UP_S = 3600.0
_FLOOD_GIVE_UP_S = 86_400.0
"""Used while Telegram itself says how long to wait."""
_RESTORED_S = 60.0
"""Longest wait after a restart: a clock that was set back would prolong one."""


Handle = Callable[[Update, str], Awaitable[object]]
"""Handles an update, or refuses it if the key of a sentence is given."""


@dataclass(slots=True, eq=False)
class PendingUpdate:
    """Update that is not handled yet."""

    update: Update
    sender: int | None
    received_ms: int
    is_deferred: bool = False
    is_fed: bool = False
    """True if only the mark is missing: handling is not repeated."""
    is_done: bool = False
    refusal: str = ""
    """Key of the sentence that it is answered with, in place of being handled."""
    turn: int = 0
    attempts: int = 0
    begun_s: float = 0.0
    due_s: float = 0.0
    """Time before which it is not tried, nor what follows it of its sender."""

    @property
    def id(self) -> int:
        return self.update["update_id"]


class UpdateStore(Protocol):
    """Storage of updates; each method raises StorageUnavailableError."""

    async def is_handled(self, update_id: int) -> bool: ...
    async def mark_handled(self, update_id: int, chat: str) -> None: ...
    async def dead_letter(self, update: Mapping[str, object]) -> None: ...
    async def defer(self, deferred: Sequence[Deferred]) -> None: ...
    async def deferred(self) -> Sequence[Deferred]: ...
    async def persist(self) -> None: ...


@dataclass(slots=True)
class _ChatQueue:
    """Queue of one chat's updates: of each sender in order, and the senders by turns."""

    pending: deque[PendingUpdate] = field(default_factory=deque[PendingUpdate])
    due_s: float = 0.0
    """Time before which nothing is tried."""
    added: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, new: PendingUpdate) -> None:
        """Add an update, behind those of its sender."""
        self.added.set()
        own = self.of(new.sender)
        new.turn = own[-1].turn + 1 if own else self.pending[0].turn if self.pending else 0
        insort(self.pending, new, key=lambda each: each.turn)

    def of(self, sender: int | None) -> list[PendingUpdate]:
        return [each for each in self.pending if each.sender == sender]

    def next(self, now_s: float) -> tuple[PendingUpdate, float]:
        """Return the update that is handled next, and the seconds until then."""
        firsts: dict[int | None, PendingUpdate] = {}
        for each in self.pending:
            firsts.setdefault(each.sender, each)
        following = min(firsts.values(), key=lambda each: max(each.due_s, now_s))
        return following, max(following.due_s, self.due_s) - now_s

    @property
    def oldest_ms(self) -> int:
        return min(each.received_ms for each in self.pending)


class OffsetWindow:
    """Update ids in order of arrival, each settled (handled or stored) or not yet."""

    def __init__(self) -> None:
        self._is_settled: dict[int, bool] = {}
        self._last: int | None = None

    @property
    def is_settled(self) -> bool:
        return all(self._is_settled.values())

    @property
    def offset(self) -> int | None:
        """Next offset to request; None if nothing was fetched."""
        for update_id, is_settled in self._is_settled.items():
            if not is_settled:
                return update_id
        return None if self._last is None else self._last + 1

    def add(self, update_id: int) -> bool:
        """Add a fetched update; return False if it is known."""
        if update_id in self._is_settled:
            return False
        self._is_settled[update_id] = False
        self._last = update_id
        return True

    def settle(self, update_id: int) -> None:
        if update_id in self._is_settled:
            self._is_settled[update_id] = True

    def confirm(self, offset: int | None) -> None:
        """Drop the updates that a call with this offset confirms: they cannot come again."""
        if offset is not None:
            self._is_settled = {
                update_id: is_settled
                for update_id, is_settled in self._is_settled.items()
                if update_id >= offset
            }

    def restart(self) -> None:
        """Forget the offset once everything before it is confirmed.

        After a quiet week Telegram continues with a random id, and a lower one would be confirmed
        unseen.
        """
        self._is_settled.clear()
        self._last = None


class UpdateDispatcher:
    """Feeds updates to `handle`; settles in the window what is handled or deferred."""

    def __init__(
        self,
        handle: Handle,
        ledger: UpdateStore,
        window: OffsetWindow,
    ) -> None:
        self._handle = handle
        self._ledger = ledger
        self._window = window
        self._queues: dict[str, _ChatQueue] = {}
        self._waiting = Counter[int | None]()
        """By sender, the updates that are not handled yet."""
        self._deferred: set[int] = set()
        self._slots = asyncio.Semaphore(_HANDLERS)
        self._stopping = asyncio.Event()
        self._oldest_ms = 0
        self.progress = asyncio.Event()
        """Set whenever an update is handled, or must wait."""

    @property
    def oldest_age_s(self) -> float:
        """Age of the oldest update in the window or deferred, in seconds; 0 without one."""
        return (_now_ms() - self._oldest_ms) / 1000 if self._oldest_ms else 0.0

    def is_busy_with(self, chat: object) -> bool:
        """True if an update of this chat was taken in and is not handled yet."""
        return str(chat) in self._queues

    async def restore(self, start: Start, stopping: asyncio.Event) -> None:
        """Load the updates that an earlier process deferred. Raises StorageUnavailableError."""
        self._stopping = stopping
        now_s, now_ms = time.monotonic(), _now_ms()
        for chat, due_ms, updates in await self._ledger.deferred():
            queue = _ChatQueue(due_s=now_s + min((due_ms - now_ms) / 1000, _RESTORED_S))
            for at_ms, each in updates:
                self._add(queue, PendingUpdate(each, sender_of(each), at_ms, is_deferred=True))
            self._deferred.update(pending.id for pending in queue.pending)
            self._open(start, chat, queue)
        self._measure()

    def take(self, start: Start, update: Update) -> None:
        """Accept an update that is new in the window."""
        update_id = update["update_id"]
        if is_group_chatter(update) or update_id in self._deferred:
            self._window.settle(update_id)
            return
        chat = str(chat_of(update))
        queue = self._queues.get(chat) or _ChatQueue()
        pending = PendingUpdate(update, sender_of(update), _now_ms())
        if "pre_checkout_query" in update:
            start(self._answer_at_once(pending))
            return
        if self._is_too_many(queue, pending):
            events.update_skipped(update_id)
            if "callback_query" in update:
                pending.refusal = "slow_down"
                start(self._answer_at_once(pending))
                return
            if _is_skipped_silently(queue, pending):
                self._window.settle(update_id)
                return
            pending.refusal = "too_fast"
        self._add(queue, pending)
        if chat not in self._queues:
            self._open(start, chat, queue)
        self._measure()

    def _is_too_many(self, queue: _ChatQueue, pending: PendingUpdate) -> bool:
        is_crowd = pending.sender is not None and self._waiting[pending.sender] >= _PER_SENDER
        is_full = is_crowd or len(queue.pending) >= _PER_CHAT
        return is_full and not is_payment(pending.update)

    def _add(self, queue: _ChatQueue, pending: PendingUpdate) -> None:
        queue.add(pending)
        self._waiting[pending.sender] += 1

    async def defer(self) -> None:
        """Store updates that would hold up the window; on failure they stay in it."""
        waiting = dict(self._to_defer())
        if not waiting:
            return
        now_s, now_ms = time.monotonic(), _now_ms()
        stored = [
            (
                chat,
                now_ms + round(max(self._queues[chat].due_s - now_s, 0) * 1000),
                [(each.received_ms, each.update) for each in pending],
            )
            for chat, pending in waiting.items()
        ]
        try:
            await self._ledger.defer(stored)
        except StorageUnavailableError:
            return
        for pending in [each for queue in waiting.values() for each in queue if not each.is_done]:
            pending.is_deferred = True
            self._deferred.add(pending.id)
            self._window.settle(pending.id)
            events.info("update %d is deferred", pending.id)

    def _to_defer(self) -> Iterator[tuple[str, list[PendingUpdate]]]:
        room, now_s, now_ms = _DEFERRED - len(self._deferred), time.monotonic(), _now_ms()
        for chat, queue in self._queues.items():
            # All or none of a chat's updates: after a restart those in Redis come first.
            fresh = [pending for pending in queue.pending if not pending.is_deferred]
            if not 0 < len(fresh) <= room:
                continue
            is_behind = len(fresh) < len(queue.pending)
            most = max(len(fresh), *(self._waiting[each.sender] for each in fresh))
            is_late = now_ms - queue.oldest_ms > _HOLD_S * 1000
            if is_behind or most > _SHARE or is_late or queue.due_s - now_s > _HOLD_S:
                room -= len(fresh)
                yield chat, fresh

    async def _answer_at_once(self, pending: PendingUpdate) -> None:
        """Answer a query that in its turn would be too late; that counts against no limit."""
        with suppress(TransientError):
            await self._feed(pending)
        self._window.settle(pending.id)
        self.progress.set()

    def _open(self, start: Start, chat: str, queue: _ChatQueue) -> None:
        self._queues[chat] = queue
        start(self._serve(chat, queue))

    async def _serve(self, chat: str, queue: _ChatQueue) -> None:
        """Handle the updates of one chat in order, until none is left."""
        while queue.pending and not self._stopping.is_set():
            pending, wait_s = queue.next(time.monotonic())
            if wait_s > 0:
                self.progress.set()
                queue.added.clear()
                await sleep_or_event(wait_s, self._stopping, queue.added)
                continue
            async with self._slots:
                # Updates not begun when the stop comes are left to the next start.
                if self._stopping.is_set():
                    return
                wait_s = await self._attempt(chat, pending)
            if wait_s is None:
                queue.pending.remove(pending)
                self._done(pending)
            else:
                queue.due_s = time.monotonic() + wait_s
        if not queue.pending:
            del self._queues[chat]
            self._measure()

    def _done(self, pending: PendingUpdate) -> None:
        pending.is_done = True
        self._waiting -= Counter({pending.sender: 1})
        self._deferred.discard(pending.id)
        self._window.settle(pending.id)
        self._measure()
        self.progress.set()

    def _measure(self) -> None:
        times = [queue.oldest_ms for queue in self._queues.values() if queue.pending]
        self._oldest_ms = min(times, default=0)
        metrics.oldest_update.set(self._oldest_ms / 1000)

    async def _attempt(self, chat: str, pending: PendingUpdate) -> float | None:
        """Handle an update; return the seconds to wait before a retry, None if done.

        An unavailable Redis or Telegram is not the update's fault: it is retried for an hour, and
        what depends on Redis without limit.
        """
        pending.begun_s = pending.begun_s or time.monotonic()
        pending.attempts += 1
        try:
            if not pending.is_fed:
                if await self._ledger.is_handled(pending.id):
                    events.update_repeated(pending.id)
                else:
                    await self._feed(pending)
                # A failed mark is retried; the handling before it is not repeated.
                pending.is_fed = True
            await self._ledger.mark_handled(pending.id, chat)
        except TransientError as error:
            is_storage, asked_s = isinstance(error, StorageUnavailableError), error.retry_after_s
            limit_s = _GIVE_UP_S if asked_s is None else _FLOOD_GIVE_UP_S
            if not is_storage and time.monotonic() - pending.begun_s > limit_s:
                return await self._give_up(chat, pending, error)
            events.update_postponed(pending.id, error)
            if isinstance(error, RateLimitedError):
                # Only its sender waits, not the others of the chat.
                pending.due_s = time.monotonic() + (asked_s or 0.0)
                return 0.0
            return asked_s or backoff_s(pending.attempts, first_s=0.25, cap_s=10)
        return None

    async def _feed(self, pending: PendingUpdate) -> None:
        update, deadline = pending.update, asyncio.timeout(_HANDLER_DEADLINE_S)
        try:
            async with deadline:
                await self._handle(update, pending.refusal)
        except ChatGoneError:
            return
        except UNRELATED:
            raise
        except Exception as error:  # noqa: BLE001 -- any failure; the others must go on
            events.update_dead_lettered(update["update_id"], error)
            with suppress(StorageFullError):  # else it would be handled, and fail, for ever
                await self._ledger.dead_letter(update)
            if deadline.expired() and not pending.refusal:
                pending.refusal = "went_wrong"
                await self._feed(pending)

    async def _give_up(
        self, chat: str, pending: PendingUpdate, error: TransientError
    ) -> float | None:
        events.update_dead_lettered(pending.id, error)
        try:
            await self._ledger.dead_letter(pending.update)
            await self._ledger.mark_handled(pending.id, chat)
        except StorageUnavailableError:
            return _HOLD_S
        return None


def _is_skipped_silently(queue: _ChatQueue, pending: PendingUpdate) -> bool:
    """Return true for what is not even refused: the sender knows, or the queue is twice as long."""
    is_answered = any(each.refusal for each in queue.of(pending.sender))
    # An inline query is outdated by the next letter.
    is_silent = is_answered or "inline_query" in pending.update
    return is_silent or len(queue.pending) >= 2 * _PER_CHAT


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
