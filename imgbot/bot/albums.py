"""Albums: photos arrive one by one and are buffered until the album is complete.

No handler waits: an item is stored and its update confirmed; a loop processes complete albums.
An album with a prompt is a merge; without one the user is asked.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from aiogram.fsm.context import FSMContext
from aiogram.types import Message

from imgbot.aio import Start, draining_task_group, sleep_or_event
from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import Dialogue, is_expired, sources_in
from imgbot.bot.handlers.edit import ask_about, edit
from imgbot.bot.handlers.merge import collect_photos, start_merge
from imgbot.bot.message_prompt import prompt_about
from imgbot.bot.messages import command_of, photo_of
from imgbot.bot.middleware import check_access
from imgbot.bot.requests import RequestService
from imgbot.domain.errors import (
    ChatGoneError,
    ChatMovedError,
    ConfigError,
    FencedError,
    ImgbotError,
    TransientError,
    UserError,
)
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import Operation
from imgbot.storage.albums import PHOTOS_LIMIT, Item
from imgbot.storage.scripts import storage_errors
from imgbot.telemetry import events as telemetry

_MERGE_NOW = "/merge"
_AGAIN_S = 2.0
_AGAIN_LIMIT_S = 60.0
_SAID_S = 60
_WORDS_FOLLOW_S = 2
"""Time an album is gathered after its last item, in Telegram's whole seconds."""

_LOOK_AGAIN_S = 5.0
_BUSY_S = 0.2

StateOf = Callable[[int, int], FSMContext]
"""Lookup of a user's dialogue state by chat id and user id."""

IsBusyWith = Callable[[int], bool]
"""Predicate: true while received messages of a chat, by its id, are not handled yet."""


@dataclass(frozen=True, slots=True)
class Album:
    """Complete album: its photos in order, and the prompt on any of them."""

    context: RequestContext
    photos: tuple[InputPhoto, ...]
    words: str


async def handle_album_item(
    message: Message, context: RequestContext, service: RequestService
) -> None:
    """Buffer one photo of an album; a late one joins its merge if that is still queued."""
    album = album_of(message)
    try:
        source, words = await _read(message, album, service)
    except UserError:
        # An error about an album is reported once, not for each of its items.
        said = f"album.{album}"
        if await service.store.users.claim_notice(context.user_id, said, context.request, _SAID_S):
            raise
        return
    if not words and await service.store.albums.join_late(album, source):
        return
    await buffer_item(context, service, album, source, words)


async def _read(message: Message, album: str, service: RequestService) -> tuple[InputPhoto, str]:
    # The first item carries the command, which applies to all items.
    command = await service.store.users.choose_once(f"album.{album}", command_of(message))
    if command not in {"", "merge"}:
        raise UserError("album_command")
    source = photo_of(message)
    if source is None:
        raise UserError("cannot_read_kind")
    words = await prompt_about(message, service)
    return source, words or (_MERGE_NOW if command_of(message) else "")


async def album_about(context: RequestContext, service: RequestService) -> str:
    """Return the album that a plain text prompt refers to, or nothing.

    That is an album without a prompt, if the text was sent right after it, however late both
    arrive: a text sent a minute later is a request of its own.
    """
    albums = service.store.albums
    album = await albums.open_album(context.user_key)
    items = await albums.items(album) if album else []
    if any(item.words not in {"", _MERGE_NOW} for item in items):
        return ""
    sent_s = max((item.context.get("sent_s", 0) for item in items), default=0)
    return album if context.sent_s - sent_s <= _WORDS_FOLLOW_S else ""


async def buffer_item(
    context: RequestContext,
    service: RequestService,
    album: str,
    source: InputPhoto | None,
    words: str,
) -> None:
    """Store an item; a prompt without a photo completes the album."""
    item = Item(context.message_id, source, words, _packed(context))
    await service.store.albums.add(album, context.user_key, item, service.now_ms())


def album_of(message: Message) -> str:
    """Return the album's key: a group id is unique only inside its chat."""
    return f"{message.chat.id}.{message.media_group_id}"


def _packed(context: RequestContext) -> dict[str, Any]:
    # The profile is read again when the album is complete.
    return {name: value for name, value in asdict(context).items() if name != "profile"}


class AlbumProcessor:
    """Processes complete albums for as long as the supervisor takes updates.

    After a restart the rest of an album may still be pending at Telegram: no album counts as
    complete before `caught_up`, nor while a message of its chat is being handled.
    """

    def __init__(
        self,
        service: RequestService,
        state_of: StateOf,
        caught_up: asyncio.Event,
        is_busy_with: IsBusyWith,
    ) -> None:
        self._service = service
        self._state_of = state_of
        self._caught_up = caught_up
        self._is_busy_with = is_busy_with
        self._busy: set[str] = set()

    async def run(self, stopping: asyncio.Event, drain_s: float) -> None:
        """Process complete albums concurrently, and wake when the next one is due.

        An album that is not handled within `drain_s` after the stop is left to the next start.
        """
        albums = self._service.store.albums
        is_fresh = True
        async with draining_task_group(drain_s) as start:
            while not (self._caught_up.is_set() or stopping.is_set()):
                await sleep_or_event(_LOOK_AGAIN_S, self._caught_up, stopping)
            while not stopping.is_set():
                albums.added.clear()
                wait_s = _LOOK_AGAIN_S
                try:
                    if is_fresh:
                        await albums.wait_anew(self._service.now_ms())
                        is_fresh = False
                    wait_s = await self._look(start)
                except TransientError as error:
                    telemetry.warning("albums wait: %s", error)
                await sleep_or_event(min(max(wait_s, 0.05), _LOOK_AGAIN_S), albums.added, stopping)

    async def _look(self, start: Start) -> float:
        """Start processing complete albums; return the seconds until more may be complete."""
        due, next_ms = await self._service.store.albums.due(self._service.now_ms())
        wait_s = (next_ms - self._service.now_ms()) / 1000 if next_ms else _LOOK_AGAIN_S
        for name in due:
            chat, _, _ = name.rpartition(".")
            if self._is_busy_with(int(chat)):
                # Its next photo may be among the unhandled messages: it was sent, and is not late.
                wait_s = min(wait_s, _BUSY_S)
            elif chat not in self._busy:
                # Two albums of one chat handled at once would mix up their stray photos.
                self._busy.add(chat)
                start(self._process(name, chat))
        return wait_s

    async def _process(self, name: str, chat: str) -> None:
        """Process one album; only errors that end the whole supervisor are raised."""
        albums = self._service.store.albums
        try:
            with storage_errors():
                items = await albums.items(name)
                job_id = await self._handle(items, name) if items else ""
                await albums.close(name, job_id, items)
        except TransientError as error:
            telemetry.warning("album %s is not handled yet: %s", name, error)
            delay_s = min(error.retry_after_s or _AGAIN_S, _AGAIN_LIMIT_S)
            # An album that cannot be postponed either is found by the next scan anyway.
            with suppress(TransientError):
                await albums.postpone(name, self._service.now_ms() + round(delay_s * 1000))
                albums.added.set()
        else:
            albums.added.set()
        finally:
            self._busy.discard(chat)

    async def _handle(self, items: Sequence[Item], name: str) -> str:
        """Turn one album into a job or a question; return the job id if it is a merge.

        Raises TransientError if it has to be retried.
        """
        context: RequestContext | None = None
        try:
            context = RequestContext(**items[0].context)
            people = self._service.store.users
            context = context.with_profile(await people.profile(context.user_id, context.chat_id))
            # The FSM storage raises Redis's own errors only.
            with storage_errors():
                return await self._serve(_album(context, items), name)
        except (TransientError, FencedError, ConfigError):
            raise
        except ChatGoneError:
            telemetry.info("album %s: nobody is there any longer", name)
        except Exception as error:  # noqa: BLE001 -- one album must not stop the others
            telemetry.album_failed(name, error)
            if context is not None:
                with suppress(ImgbotError):
                    await self._service.reply(context, "went_wrong")
        return ""

    async def _serve(self, album: Album, name: str) -> str:
        async with self._service.user_lock(album.context.user_key):
            try:
                # The album may have been buffered for long: its user may be banned by now.
                check_access(self._service.policy, album.context)
                return await self._decide(album, name)
            except ChatMovedError as moved:
                there = replace(album, context=album.context.with_chat(moved.chat_id))
                return await self._decide(there, name)
            except UserError as error:
                await self._service.reply_error(album.context, error)
        return ""

    async def _decide(self, album: Album, name: str) -> str:
        """Enqueue or ask; return the job id if several photos were merged."""
        context, service = album.context, self._service
        state = self._state_of(context.chat_id, context.user_id)
        is_merge = await state.get_state() == Dialogue.merge_photos.state
        is_collecting = is_merge and not await is_expired(state, context.sent_s)
        if not is_collecting:
            await service.check_rate_limit(context, f"album.{name}")
        earlier = await sources_in(state) if is_collecting else ()
        photos = tuple({photo.unique_id: photo for photo in (*earlier, *album.photos)}.values())
        if not album.photos and not earlier:
            # The prompt arrived a moment after the album was handled.
            await service.create(context, album.words)
            return ""
        if len(photos) == 1 and not is_collecting:
            await _single_photo(album, state, service)
            return ""
        if album.words and len(photos) > 1:
            await self._merge(context, "" if album.words == _MERGE_NOW else album.words, photos)
            await state.clear()
            return str(context.update_id)
        if not is_collecting:
            await start_merge(state)
        await collect_photos(state, context, service, album.photos, album.words)
        return ""

    async def _merge(
        self, context: RequestContext, words: str, photos: tuple[InputPhoto, ...]
    ) -> None:
        service, taken = self._service, photos[:PHOTOS_LIMIT]
        if not await service.order(context, Operation.MERGE, words, taken):
            # Enqueued before a crash: later photos are added to the job if it is still queued.
            for photo in taken:
                await service.store.albums.join(str(context.update_id), photo)
        if len(photos) > PHOTOS_LIMIT:
            await service.reply(context, "merge_cut", limit=PHOTOS_LIMIT)


def _album(context: RequestContext, items: Sequence[Item]) -> Album:
    photos = {item.source.unique_id: item.source for item in items if item.source}
    said = dict.fromkeys(item.words for item in items if item.words)
    words = [words for words in said if words != _MERGE_NOW or len(said) == 1]
    return Album(context, tuple(photos.values()), " ".join(words))


async def _single_photo(album: Album, state: FSMContext, service: RequestService) -> None:
    """Handle an album of one photo as if the photo had been sent alone."""
    context, photo = album.context, album.photos[0]
    if album.words and album.words != _MERGE_NOW:
        await edit(state, context, service, photo, album.words)
    else:
        await ask_about(state, context, service, photo)
