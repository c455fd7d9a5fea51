"""Poller of getUpdates: confirms to Telegram only what was handled or stored.

While Redis is unavailable nothing is confirmed; Telegram keeps updates for a day.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramUnauthorizedError
from aiogram.methods import TelegramMethod

from imgbot.aio import Start, draining_task_group, run_or_cancel_on, sleep_or_event
from imgbot.domain.errors import ConfigError, StorageUnavailableError
from imgbot.domain.retry import backoff_s
from imgbot.telegram.polling_health import PollingHealth
from imgbot.telegram.update_dispatcher import (
    Handle,
    OffsetWindow,
    UpdateDispatcher,
    UpdateStore,
)
from imgbot.telemetry import events
from imgbot.telemetry.liveness import Heartbeat
from imgbot.telemetry.thresholds import THRESHOLDS, Indicator, Level

ALLOWED_UPDATES = [
    *("message", "edited_message", "callback_query", "inline_query"),
    *("guest_message", "chosen_inline_result", "pre_checkout_query"),
]
"""Sent with every call, as Telegram keeps the list."""
_LIMIT = 100
_LONG_POLL_S = 30
_ANSWER_S = 15
_HELD_BACK_S = 1.0
_PACE_S = 1.0
"""A long poll that brings nothing new sooner than this did not wait."""
_HASTY_IN_A_ROW = 3
_NO_ID = -1
_ARRIVALS = 20
_BUSY_PER_S = 1.5


class GetRawUpdates(TelegramMethod[list[Any]]):
    """getUpdates with raw results: a malformed update must not spoil its whole batch."""

    __returning__ = list[Any]
    __api_method__ = "getUpdates"

    offset: int | None = None
    limit: int | None = None
    timeout: int | None = None
    allowed_updates: list[str] | None = None


class UpdatePoller:
    """Poll loop, with its window and its dispatcher."""

    def __init__(
        self,
        bot: Bot,
        handle: Handle,
        ledger: UpdateStore,
        expired: asyncio.Event | None = None,
    ) -> None:
        """Create a poller that asks for nothing while `expired` is set: another bot may poll."""
        self._bot = bot
        self._expired = (expired,) if expired else ()
        self._ledger = ledger
        self._window = OffsetWindow()
        self._dispatcher = UpdateDispatcher(handle, ledger, self._window)
        self._confirmed_offset: int | None = None
        self._hasty_in_a_row = 0
        self._arrivals: deque[float] = deque(maxlen=_ARRIVALS)
        self._fetched_s = 0.0
        self._stopping = asyncio.Event()
        self._heartbeat = Heartbeat()
        self.contact = PollingHealth()
        self.caught_up = asyncio.Event()
        """Set once the backlog from before the start was taken in."""
        self.recovered = asyncio.Event()
        """To be set when Telegram answers another call after an outage."""

    @property
    def overdue_s(self) -> float:
        """Seconds since the loop should have polled again, whether Telegram answers or not."""
        return self._heartbeat.overdue_s(time.monotonic())

    @property
    def oldest_age_s(self) -> float:
        """Age of the oldest update that is not handled yet, in seconds; 0 without one."""
        return self._dispatcher.oldest_age_s

    @property
    def trouble(self) -> str:
        """Description of a problem with handling updates; empty if there is none."""
        age_s = self.oldest_age_s
        is_late = THRESHOLDS[Indicator.UPDATE_AGE_S].level(age_s) is Level.CRITICAL
        return f"an update has waited for {age_s:.0f} s" if is_late else ""

    def is_busy_with(self, chat: object) -> bool:
        """True if an update of this chat was taken in and is not handled yet."""
        return self._dispatcher.is_busy_with(chat)

    async def run(self, stopping: asyncio.Event, drain_s: float) -> None:
        """Poll until `stopping`, give the handlers `drain_s`, and confirm what they handled."""
        self._stopping = stopping
        failures = 0
        async with draining_task_group(drain_s) as start:
            await self._restore(start)
            while not stopping.is_set():
                if self._is_expired:
                    self._heartbeat.expect(_PACE_S, time.monotonic())
                    await sleep_or_event(_PACE_S, stopping)
                    continue
                try:
                    batch = await self._fetch()
                    failures = 0
                except (AiogramError, OSError) as error:
                    await self._recover(error, backoff_s(failures, cap_s=10.0))
                    failures += 1
                    continue
                # In order, so that the offset of the last one confirms them all.
                for update in sorted(batch, key=_id_of):
                    self._take(start, update)
                await self._settle()
                await self._gather()
                if len(batch) < _LIMIT:
                    self.caught_up.set()
        if not self._is_expired:
            await self._confirm(drain_s)

    @property
    def _is_expired(self) -> bool:
        return any(each.is_set() for each in self._expired)

    async def _restore(self, start: Start) -> None:
        while not self._stopping.is_set():
            try:
                await self._dispatcher.restore(start, self._stopping)
            except StorageUnavailableError as error:
                events.warning("deferred updates could not be loaded yet: %s", error)
                await sleep_or_event(_PACE_S, self._stopping)
            else:
                return

    async def _fetch(self) -> Sequence[object]:
        is_free = self._window.is_settled
        # After a start, a long poll has to wait until the backlog is taken in.
        is_long = is_free and self.caught_up.is_set()
        begun_s = time.monotonic()
        # Cancelling a long poll is safe: it has confirmed only what was handled before.
        call = self._get_updates(_LONG_POLL_S if is_long else 0)
        batch = await run_or_cancel_on(self._stopping, call, *self._expired)
        if batch is None:
            return []
        self.contact.answered()
        self._fetched_s = time.monotonic()
        if not batch and is_free:
            self._window.restart()
        should_wait = is_long or (is_free and bool(batch))
        if should_wait and not self._has_new(batch) and time.monotonic() - begun_s < _PACE_S:
            await self._pace()
        else:
            self._hasty_in_a_row = 0
        return batch

    def _has_new(self, batch: Sequence[object]) -> bool:
        return any(_id_of(update) >= (self._confirmed_offset or 0) for update in batch)

    async def _pace(self) -> None:
        """Pause: a server that does not wait would get hundreds of calls a second."""
        self._hasty_in_a_row += 1
        if self._hasty_in_a_row == _HASTY_IN_A_ROW:
            events.warning(
                "getUpdates returns nothing new at once instead of waiting up to %d s; "
                "is IMGBOT_TELEGRAM_API a Bot API server?",
                _LONG_POLL_S,
            )
        await sleep_or_event(_PACE_S, self._stopping)

    async def _get_updates(self, timeout_s: int) -> Sequence[object]:
        if (offset := self._window.offset) != self._confirmed_offset and await self._is_persisted():
            self._confirmed_offset = offset
        self._window.confirm(self._confirmed_offset)
        self._heartbeat.expect(timeout_s + _ANSWER_S, time.monotonic())
        return await self._bot(
            GetRawUpdates(
                offset=self._confirmed_offset,
                limit=_LIMIT,
                timeout=timeout_s,
                allowed_updates=ALLOWED_UPDATES,
            ),
            request_timeout=timeout_s + _ANSWER_S,
        )

    async def _is_persisted(self) -> bool:
        """Wait until the updates to be confirmed are on disk; return False if stopped before."""
        while True:
            self._heartbeat.expect(_ANSWER_S, time.monotonic())
            try:
                await self._ledger.persist()
            except StorageUnavailableError as error:
                events.warning("updates cannot be confirmed yet: %s", error)
            else:
                return True
            if self._stopping.is_set():
                return False
            await sleep_or_event(1.0, self._stopping)

    async def _recover(self, error: Exception, delay_s: float) -> None:
        if isinstance(error, TelegramUnauthorizedError):
            raise ConfigError("IMGBOT_TOKEN", "was revoked; get the new one from @BotFather")
        delay_s = self.contact.delay_after(error, delay_s)
        self._heartbeat.expect(delay_s, time.monotonic())
        self.recovered.clear()
        await sleep_or_event(delay_s, self._stopping, self.recovered)

    def _take(self, start: Start, update: object) -> None:
        update_id = _id_of(update)
        if not isinstance(update, Mapping) or update_id == _NO_ID:
            return
        if self._window.add(update_id):
            self._arrivals.append(time.monotonic())
            events.update_received(next((key for key in update if key != "update_id"), "other"))
            self._dispatcher.take(start, update)

    async def _settle(self) -> None:
        """Wait until all is handled or stored, or so long that other chats need service."""
        progress, until_s = self._dispatcher.progress, time.monotonic() + _HELD_BACK_S
        while True:
            progress.clear()
            await self._dispatcher.defer()
            left_s = until_s - time.monotonic()
            if self._window.is_settled or self._stopping.is_set() or left_s <= 0:
                return
            await sleep_or_event(left_s, progress, self._stopping)

    async def _gather(self) -> None:
        """Pause while many users write: one call then brings the updates of several."""
        now_s = time.monotonic()
        if len(self._arrivals) == _ARRIVALS:
            per_s = _ARRIVALS / max(now_s - self._arrivals[0], 0.001)
            # Beside the update that ends the long poll, as many are to gather between two calls.
            if per_s >= _BUSY_PER_S and (left_s := self._fetched_s + 1.6 / per_s - now_s) > 0:
                await sleep_or_event(left_s, self._stopping)

    async def _confirm(self, drain_s: float) -> None:
        # A cancelled long poll has sent its offset already.
        if self._window.offset not in {None, self._confirmed_offset}:
            with suppress(AiogramError, OSError):
                async with asyncio.timeout(drain_s):
                    await self._get_updates(0)


def _id_of(update: object) -> int:
    update_id = update.get("update_id") if isinstance(update, Mapping) else None
    return update_id if isinstance(update_id, int) else _NO_ID
