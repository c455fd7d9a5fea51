"""Takes updates in, and confirms to Telegram only what was handled.

The offset of getUpdates confirms every update before it, so it is always the lowest one
not handled yet. While a slow chat holds it back, newer updates of other chats go on: they
come again with the next call and are known by their id. The window is what one call can
return: a hundred updates.

An update that cannot be handled is set aside and blocks nothing. While Redis is away
nothing is confirmed; Telegram keeps messages for a day.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramUnauthorizedError

from imgbot import telemetry
from imgbot.errors import (
    ChatGoneError,
    ConfigError,
    FencedError,
    ImgbotError,
    StorageAwayError,
    StorageFullError,
    TransientError,
)
from imgbot.pulse import Pulse
from imgbot.retry import backoff_s
from imgbot.tasks import Start, drained, pause
from imgbot.telegram.contact import Contact
from imgbot.telegram.get_updates import GetUpdates
from imgbot.telegram.update import Update, chat_of, is_chatter

ALLOWED_UPDATES = ["message", "edited_message", "callback_query", "inline_query"]
_LIMIT = 100
_LONG_POLL_S = 30
_ANSWER_S = 15
_HANDLERS = 32
_HANDLER_DEADLINE_S = 90.0
_GIVE_UP_S = 3600.0
_PER_CHAT = 50
_WAIT_CAP_S = 60.0
_HELD_BACK_S = 1.0
_PERSIST_AGAIN_S = 1.0


class Ledger(Protocol):
    """What outlives the process about updates."""

    async def is_handled(self, update_id: int) -> bool: ...
    async def mark_handled(self, update_id: int) -> None: ...
    async def set_aside(self, update: Mapping[str, object]) -> None: ...
    async def persist(self) -> None:
        """Return once all that was written is on the disk. Raises StorageAwayError."""
        ...


class Updates:
    """The poll loop: in order within a chat, chats side by side, bounded."""

    def __init__(
        self,
        bot: Bot,
        handle: Callable[[Update], Awaitable[object]],
        ledger: Ledger,
        on_flood: Callable[[Update], Awaitable[object]] | None = None,
    ) -> None:
        self._bot = bot
        self._handle = handle
        self._ledger = ledger
        self._on_flood = on_flood
        self._unmarked: set[int] = set()
        self._lines: Counter[object] = Counter()
        self._flooded: set[object] = set()
        self._is_done: dict[int, bool] = {}
        self._last: int | None = None
        self._told: int | None = None
        self._tails: dict[object, asyncio.Event] = {}
        self._slots = asyncio.Semaphore(_HANDLERS)
        self._progress = asyncio.Event()
        self._stopping = asyncio.Event()
        self._pulse = Pulse()
        self.contact = Contact()
        self.caught_up = asyncio.Event()
        """Set once what came while nobody listened was taken in."""

    @property
    def silence_s(self) -> float:
        """How long ago Telegram last answered getUpdates."""
        return self.contact.silence_s

    @property
    def overdue_s(self) -> float:
        """How long ago the loop should have asked again, whether Telegram answers or not."""
        return self._pulse.overdue_s(time.monotonic())

    def is_busy_with(self, chat: object) -> bool:
        """Whether an update of this chat was taken in and is not handled yet."""
        return self._lines[chat] > 0

    async def run(self, stopping: asyncio.Event, drain_s: float) -> None:
        """Poll until `stopping`, give the handlers `drain_s`, and confirm what they handled."""
        self._stopping = stopping
        delay_s = 1.0
        async with drained(drain_s) as start:
            while not stopping.is_set():
                try:
                    batch = await self._fetch(start, stopping)
                    delay_s = 1.0
                except (AiogramError, OSError) as error:
                    await self._recover(error, delay_s, stopping)
                    delay_s = min(delay_s * 2, 30.0)
                    continue
                for update in batch:
                    self._take(start, update)
                await self._settle()
                if len(batch) < _LIMIT:
                    self.caught_up.set()
        await self._confirm()

    async def _fetch(self, start: Start, stopping: asyncio.Event) -> Sequence[object]:
        is_free = all(self._is_done.values())
        # What was not handled before a start waits to hear that there is nothing more of it.
        is_long = is_free and self.caught_up.is_set()
        call = start(self._get_updates(_LONG_POLL_S if is_long else 0))
        stop = start(stopping.wait())
        await asyncio.wait({call, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not call.done():
            # Cutting a long poll is safe: it has confirmed only what was handled before.
            call.cancel()
            return []
        batch = call.result()
        if isinstance(batch, BaseException):
            raise batch
        self.contact.answered()
        if not batch and is_free:
            # All before the offset is confirmed now. Forget it: after a quiet week Telegram
            # goes on with a random id, and a lower one would count as confirmed unseen.
            self._is_done.clear()
            self._last = None
        return batch

    async def _get_updates(self, timeout_s: int) -> Sequence[object] | AiogramError | OSError:
        if (offset := self._offset()) != self._told and await self._is_persisted():
            self._told = offset
        self._pulse.expect(timeout_s + _ANSWER_S, time.monotonic())
        # A task of the group must not fail: that would end the whole loop.
        try:
            return await self._bot(
                GetUpdates(
                    offset=self._told,
                    limit=_LIMIT,
                    timeout=timeout_s,
                    allowed_updates=ALLOWED_UPDATES,
                ),
                request_timeout=timeout_s + _ANSWER_S,
            )
        except (AiogramError, OSError) as error:
            return error

    async def _is_persisted(self) -> bool:
        """Wait until what Telegram is about to forget is on the disk; False if stopped before."""
        while True:
            self._pulse.expect(_ANSWER_S, time.monotonic())
            try:
                await self._ledger.persist()
            except StorageAwayError as error:
                telemetry.warned("updates are not confirmed: %s", error)
            else:
                return True
            if self._stopping.is_set():
                return False
            await pause(_PERSIST_AGAIN_S, self._stopping)

    def _offset(self) -> int | None:
        waiting = [update_id for update_id, is_done in self._is_done.items() if not is_done]
        if waiting:
            return waiting[0]
        return None if self._last is None else self._last + 1

    async def _recover(self, error: Exception, delay_s: float, stopping: asyncio.Event) -> None:
        if isinstance(error, TelegramUnauthorizedError):
            raise ConfigError("IMGBOT_TOKEN", "was revoked; ask @BotFather for the new one")
        delay_s = self.contact.delay_after(error, delay_s)
        self._pulse.expect(delay_s, time.monotonic())
        await pause(delay_s, stopping)

    def _take(self, start: Start, update: object) -> None:
        update_id = update.get("update_id") if isinstance(update, Mapping) else None
        if not isinstance(update, Mapping) or not isinstance(update_id, int):
            return
        if update_id in self._is_done:
            return
        telemetry.update_received(next((key for key in update if key != "update_id"), "other"))
        self._is_done[update_id] = False
        self._last = update_id
        if is_chatter(update):
            self._is_done[update_id] = True
            return
        chat = chat_of(update)
        if self._lines[chat] >= _PER_CHAT:
            start(self._skip(update, is_first=chat not in self._flooded))
            self._flooded.add(chat)
            return
        self._lines[chat] += 1
        before, mine = self._tails.get(chat), asyncio.Event()
        self._tails[chat] = mine
        start(self._in_turn(chat, update, before, mine))

    async def _skip(self, update: Update, *, is_first: bool) -> None:
        """One chat may not fill the window of all: what is over its share is let go."""
        telemetry.update_skipped(update["update_id"])
        if is_first and self._on_flood is not None:
            with suppress(ImgbotError):
                await self._on_flood(update)
        self._is_done[update["update_id"]] = True
        self._progress.set()

    async def _in_turn(
        self, chat: object, update: Update, before: asyncio.Event | None, mine: asyncio.Event
    ) -> None:
        try:
            if before is not None:
                await before.wait()
            async with self._slots:
                # What has not begun when the stop comes is Telegram's to keep.
                if not self._stopping.is_set():
                    self._is_done[update["update_id"]] = await self._handle_one(update)
        finally:
            mine.set()
            self._lines[chat] -= 1
            if self._tails.get(chat) is mine:
                del self._tails[chat], self._lines[chat]
                self._flooded.discard(chat)
            self._progress.set()

    async def _handle_one(self, update: Update) -> bool:
        """Handle one update; False only if it must come again after a restart.

        Redis or Telegram being away proves nothing against the update: it is tried for an
        hour, and what depends on Redis for as long as it takes.
        """
        attempt, since_s = 0, time.monotonic()
        while True:
            try:
                await self._once(update)
            except TransientError as error:
                attempt += 1
                is_storage = isinstance(error, StorageAwayError)
                if not is_storage and time.monotonic() - since_s > _GIVE_UP_S:
                    return await self._set_aside(update, error)
                telemetry.update_postponed(update["update_id"], error)
                wait_s = error.retry_after_s or backoff_s(attempt, first_s=0.25, cap_s=10)
            else:
                return True
            await pause(min(wait_s, _WAIT_CAP_S), self._stopping)
            if self._stopping.is_set():
                return False

    async def _once(self, update: Update) -> None:
        update_id = update["update_id"]
        if update_id not in self._unmarked:
            if await self._ledger.is_handled(update_id):
                telemetry.update_repeated(update_id)
                return
            await self._feed(update)
            # A mark that fails is tried again; the handling behind it is not repeated.
            self._unmarked.add(update_id)
        # Without it, it is handled once more after a crash; waiting for it would hold up everybody.
        with suppress(StorageFullError):
            await self._ledger.mark_handled(update_id)
        self._unmarked.discard(update_id)

    async def _feed(self, update: Update) -> None:
        try:
            async with asyncio.timeout(_HANDLER_DEADLINE_S):
                await self._handle(update)
        except (TransientError, FencedError, ConfigError):
            raise
        except ChatGoneError:
            return
        except Exception as error:  # noqa: BLE001 -- whatever it is, the others must go on
            telemetry.update_set_aside(update["update_id"], error)
            with suppress(StorageFullError):  # else it would be handled, and fail, for ever
                await self._ledger.set_aside(update)

    async def _set_aside(self, update: Update, error: TransientError) -> bool:
        telemetry.update_set_aside(update["update_id"], error)
        try:
            await self._ledger.set_aside(update)
            await self._ledger.mark_handled(update["update_id"])
        except StorageAwayError:
            return False
        return True

    async def _settle(self) -> None:
        """Wait until all is handled, or long enough that other chats should be served."""
        try:
            async with asyncio.timeout(_HELD_BACK_S):
                while not all(self._is_done.values()) and not self._stopping.is_set():
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            pass
        lowest = self._offset()
        for update_id in [key for key in self._is_done if lowest is not None and key < lowest]:
            # Confirmed by the next call; only what can come again must be remembered.
            del self._is_done[update_id]

    async def _confirm(self) -> None:
        # The long poll that was cut has told Telegram its offset already.
        if self._last is not None and self._offset() != self._told:
            await self._get_updates(0)
