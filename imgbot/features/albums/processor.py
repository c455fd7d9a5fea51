"""Loop that turns complete albums into jobs or questions."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from imgbot.aio import Start, draining_task_group, sleep_or_event
from imgbot.bot.context import NowMs, RequestContext
from imgbot.domain.errors import (
    UNRELATED,
    ChatGoneError,
    ChatMovedError,
    StorageFullError,
    TransientError,
)
from imgbot.features.albums.handlers import AlbumHandlers, content_of
from imgbot.features.albums.store import Item
from imgbot.features.feature import Intake
from imgbot.storage.results import Recent, ResultStore
from imgbot.telemetry import events

_RETRY_S = 2.0
_RETRY_LIMIT_S = 60.0
_SCAN_S = 5.0
_CHAT_BUSY_S = 0.2


class AlbumProcessor:
    """Turns complete albums into jobs or questions while the supervisor takes updates.

    After a restart the rest of an album may still be pending at Telegram: no album counts as
    complete before `caught_up`, nor while a message of its chat is being handled.
    """

    def __init__(
        self, handlers: AlbumHandlers, results: ResultStore, now_ms: NowMs, intake: Intake
    ) -> None:
        self._handlers = handlers
        self._albums = handlers.albums
        self._users, self._now_ms = handlers.users, now_ms
        self._results = results
        self._intake = intake
        self._busy: set[str] = set()

    async def run(self, stopping: asyncio.Event, drain_s: float) -> None:
        """Process complete albums concurrently, and wake when the next one is due.

        An album that is not handled within `drain_s` after the stop is left to the next start.
        """
        is_fresh = True
        async with draining_task_group(drain_s) as start:
            caught_up = self._intake.caught_up
            while not (caught_up.is_set() or stopping.is_set()):
                await sleep_or_event(_SCAN_S, caught_up, stopping)
            while not stopping.is_set():
                self._albums.added.clear()
                wait_s = _SCAN_S
                try:
                    if is_fresh:
                        await self._albums.wait_anew(self._now_ms())
                        is_fresh = False
                    wait_s = await self._start_complete(start)
                except TransientError as error:
                    events.warning("albums wait: %s", error)
                await sleep_or_event(min(max(wait_s, 0.05), _SCAN_S), self._albums.added, stopping)

    async def _start_complete(self, start: Start) -> float:
        """Start processing complete albums; return the seconds until more may be complete."""
        due, next_ms = await self._albums.due(self._now_ms())
        wait_s = (next_ms - self._now_ms()) / 1000 if next_ms else _SCAN_S
        for name in due:
            chat, _, _ = name.rpartition(".")
            if self._intake.is_busy_with(int(chat)):
                # Its next photo may be among the unhandled messages: it was sent, and is not late.
                wait_s = min(wait_s, _CHAT_BUSY_S)
            elif chat not in self._busy:
                # Two albums of one chat handled at once would mix up their stray photos.
                self._busy.add(chat)
                start(self._process(name, chat))
        return wait_s

    async def _process(self, name: str, chat: str) -> None:
        """Process one album; only errors that end the whole supervisor are raised."""
        try:
            items = await self._albums.items(name)
            job_id = await self._handle(items, name) if items else ""
            await self._albums.close(name, job_id, items)
        except TransientError as error:
            events.warning("album %s is not handled yet: %s", name, error)
            delay_s = min(error.retry_after_s or _RETRY_S, _RETRY_LIMIT_S)
            # An album that cannot be postponed either is found by the next scan anyway.
            with suppress(TransientError):
                await self._albums.postpone(name, self._now_ms() + round(delay_s * 1000))
                self._albums.added.set()
        else:
            self._albums.added.set()
        finally:
            self._busy.discard(chat)

    async def _handle(self, items: Sequence[Item], name: str) -> str:
        """Enqueue or ask; return the job id if several photos were merged.

        Raises TransientError if it has to be retried.
        """
        try:
            context = RequestContext(**items[0].context)
            profile = await self._users.profile(context.user_id, context.chat_id)
            sent = Recent(context.user_id, self._now_ms(), photos=content_of(items)[0])
            # Where it cannot be stored, the user is told by what follows.
            with suppress(StorageFullError):
                await self._results.add_recent(context.place, sent)
            context = context.with_profile(profile)
            try:
                return await self._serve(items, name, context)
            except ChatMovedError as moved:
                return await self._serve(items, name, context.with_chat(moved.chat_id))
        except ChatGoneError:
            events.info("album %s: nobody is there any longer", name)
        except UNRELATED:
            raise
        except Exception as error:  # noqa: BLE001 -- one album must not stop the others
            events.failed(error, "album %s could not be handled", name)
        return ""

    async def _serve(self, items: Sequence[Item], name: str, context: RequestContext) -> str:
        entries = [item.entry for item in items]
        kept = {"update_id": context.update_id, "album": name, "items": entries}
        async with self._intake.dialogues.open(context, update=kept) as dialogue:
            return await self._handlers.handle(items, name, dialogue)
        return ""
