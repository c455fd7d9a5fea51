"""Broadcasts: sent user by user, with the lowest priority, within Telegram's rate limits.

Each send goes through the rate limiter only if it need not wait there, so pictures and answers
come first. The admin who starts a broadcast sees its progress in one message.
"""

import asyncio
import time
from contextlib import suppress

from imgbot.aio import cancel_and_wait, sleep_or_event
from imgbot.domain.errors import (
    ChatGoneError,
    ConfigError,
    FencedError,
    ImgbotError,
    MessageGoneError,
    StorageUnavailableError,
    TelegramRefusedError,
    TransientError,
    UserError,
)
from imgbot.domain.retry import backoff_s
from imgbot.domain.texts import t
from imgbot.features.broadcast.broadcasts import Broadcast, Broadcasts
from imgbot.features.broadcast.handlers import CAST, NEWS
from imgbot.features.feature import Intake
from imgbot.storage.persistence import Persistence
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import ChatTarget, Messenger
from imgbot.telegram.rate_limiter import OptionalCall, max_wait
from imgbot.telemetry import events

_LOOK_AGAIN_S = 30.0
_AWAY_S = 2.0
_CROWDED_S = 1.0
_TELL_EVERY_S = 3.0
_WAIT_CAP_S = 60.0
_AGAIN = "again"
_CANNOT_BE_TOLD = (ChatGoneError, TelegramRefusedError, UserError)
"""Errors of the progress message; no reason to stop sending."""


class Broadcaster:
    """Sends the broadcasts one after the other."""

    def __init__(
        self,
        broadcasts: Broadcasts,
        users: UserStore,
        messenger: Messenger,
        persistence: Persistence,
    ) -> None:
        self._broadcasts = broadcasts
        self._users = users
        self._messenger = messenger
        self._persistence = persistence
        self._shown_at_s = 0.0

    async def run(self, _: Intake, stopping: asyncio.Event, drain_s: float) -> None:
        """Send until `stopping`; the rest is left to the next start.

        Requests in flight then have `drain_s` to end.
        """
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(self._serve(stopping))
            await stopping.wait()
            await cancel_and_wait({sending}, drain_s)

    async def _serve(self, stopping: asyncio.Event) -> None:
        started = self._broadcasts.started
        while not stopping.is_set():
            started.clear()
            try:
                broadcast = await self._broadcasts.current()
                if broadcast is not None:
                    await self._send_all(broadcast, stopping)
                    continue
            except (FencedError, ConfigError):
                raise
            except Exception as error:  # noqa: BLE001 -- pictures are made all the same
                events.warning("broadcast delayed: %s: %s", type(error).__name__, error)
                await sleep_or_event(_AWAY_S, stopping)
                continue
            await sleep_or_event(_LOOK_AGAIN_S, started, stopping)

    async def _send_all(self, broadcast: Broadcast, stopping: asyncio.Event) -> None:
        started = self._broadcasts.started
        while not stopping.is_set():
            started.clear()
            user_id = await self._broadcasts.take(broadcast)
            if user_id is None:
                await self._tell_end(broadcast.id)
                await self._broadcasts.close(broadcast)
                return
            outcome, wait_s = await self._send(broadcast, user_id, stopping)
            # Before the wait: a kill during it finds the user in the queue again.
            await self._broadcasts.settle(broadcast, user_id, outcome)
            if wait_s:
                # A stop sets `started`, too.
                await sleep_or_event(min(wait_s, _WAIT_CAP_S), started, stopping)
            if outcome == "unknown":
                await self._await_telegram(stopping)
            await self._tell_progress(broadcast.id)

    async def _send(
        self, broadcast: Broadcast, user_id: int, stopping: asyncio.Event
    ) -> tuple[str, float]:
        """Send it to one user; returns the result, and the seconds to wait afterwards."""
        try:
            user = await self._users.profile(user_id)
            # Else the next leader of a cluster might not know that they were taken.
            await self._persistence.replicate()
        except StorageUnavailableError:
            return _AGAIN, _AWAY_S
        if user.is_banned or user.preferences.is_unsubscribed:
            return "skipped", 0.0
        if stopping.is_set():
            return _AGAIN, 0.0
        if not self._messenger.has_room(OptionalCall.BROADCAST, user_id):
            return _AGAIN, _CROWDED_S
        return await self._say(broadcast, user_id, user.language)

    async def _say(self, broadcast: Broadcast, user_id: int, language: str) -> tuple[str, float]:
        place, rows = ChatTarget(user_id), [[NEWS.button(language, "off", key="news_off")]]
        try:
            with max_wait(0):
                if broadcast.message_id:
                    origin = broadcast.from_chat, broadcast.message_id
                    await self._messenger.copy_message(place, *origin, rows)
                else:
                    await self._messenger.send_text(place, broadcast.text, rows)
        except TransientError as error:
            # Asked to wait, nothing was sent. Else the answer was lost: the message may be there.
            asked_s = error.retry_after_s
            return ("unknown", 0.0) if asked_s is None else (_AGAIN, asked_s)
        except (FencedError, ConfigError):
            raise
        except ChatGoneError:
            return "blocked", 0.0
        except ImgbotError as error:
            events.warning("broadcast refused: %s", error)
            return "refused", 0.0
        return "sent", 0.0

    async def _await_telegram(self, stopping: asyncio.Event) -> None:
        """Wait until Telegram answers: a user tried meanwhile would be lost."""
        failures = 0
        while not stopping.is_set():
            try:
                await self._messenger.ping()
            except TransientError as error:
                wait_s = error.retry_after_s or backoff_s(failures, cap_s=30)
                failures += 1
                await sleep_or_event(min(wait_s, _WAIT_CAP_S), stopping)
            else:
                return

    async def _tell_progress(self, broadcast_id: str) -> None:
        if time.monotonic() - self._shown_at_s < _TELL_EVERY_S:
            return
        self._shown_at_s = time.monotonic()
        broadcast = await self._broadcasts.read(broadcast_id)
        if broadcast is None or broadcast.state != "running":
            return
        text = progress(broadcast)
        rows = [[CAST.button(broadcast.language, "stop", broadcast.id, key="cast_stop")]]
        if not self._messenger.has_room(OptionalCall.BROADCAST, broadcast.admin):
            return
        # The next update has more: one that cannot be sent is dropped.
        with suppress(TransientError, *_CANNOT_BE_TOLD, MessageGoneError), max_wait(0):
            await self._messenger.edit_text(
                ChatTarget(broadcast.admin), broadcast.status_id, text, rows
            )

    async def _tell_end(self, broadcast_id: str) -> None:
        """Show the summary; raises TransientError to be tried again."""
        broadcast = await self._broadcasts.read(broadcast_id)
        if broadcast is None:
            return
        place, text = ChatTarget(broadcast.admin), summary(broadcast)
        with suppress(*_CANNOT_BE_TOLD):
            try:
                await self._messenger.edit_text(place, broadcast.status_id, text, [])
            except (MessageGoneError, TelegramRefusedError):
                await self._messenger.send_text(place, text, [])


def progress(broadcast: Broadcast) -> str:
    """Text for the progress of a broadcast."""
    return t(broadcast.language, "cast_running", done=broadcast.done, total=broadcast.total)


def summary(broadcast: Broadcast) -> str:
    """Text for the end of a broadcast."""
    key = "cast_cancelled" if broadcast.state == "cancelled" else "cast_sent"
    lines = [t(broadcast.language, key, sent=broadcast.sent, total=broadcast.total)]
    lines += [
        t(broadcast.language, f"cast_{name}", count=count)
        for name in ("blocked", "refused", "skipped", "unknown")
        if (count := getattr(broadcast, name))
    ]
    return "\n".join(lines)
