"""Albums: each photo comes by itself, and is put aside until the album is whole.

Nothing waits in a handler: an item is stored and its update confirmed; a loop looks at what
is whole. An album with words is a merge; without them the person is asked.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiogram.fsm.context import FSMContext
from aiogram.types import Message

from imgbot import telemetry
from imgbot.conversation.desk import Desk
from imgbot.conversation.dialogue import Ask, ask, sources_in, stored
from imgbot.conversation.edit import edit
from imgbot.conversation.merge import begin, collect
from imgbot.conversation.reading import command_of, picture_of, words_of
from imgbot.conversation.visit import Visit
from imgbot.errors import (
    ChatGoneError,
    ConfigError,
    FencedError,
    TransientError,
    UserError,
)
from imgbot.job import Operation, Source
from imgbot.queue.albums import PHOTOS_LIMIT, Item
from imgbot.tasks import pause
from imgbot.texts import buttons

_MERGE_NOW = "/merge"
_AGAIN_MS = 2000
_SAID_S = 60
_LOOK_AGAIN_S = 5.0

StateOf = Callable[[int, int], FSMContext]
"""Finds what a user is asked in a chat, by chat id and user id."""


@dataclass(frozen=True, slots=True)
class Album:
    """A whole album: its photos in their order, and the words on any of them."""

    visit: Visit
    photos: tuple[Source, ...]
    words: str


async def handle_album_item(message: Message, visit: Visit, desk: Desk) -> None:
    """One photo of an album, put aside; a late one joins its merge if that still waits."""
    album = album_of(message)
    try:
        source, words = await _read(message, album, desk)
    except UserError:
        # What is wrong with an album is said once, not of each of its items.
        said = f"album.{album}"
        if await desk.store.people.is_first_saying(visit.user_id, said, visit.request, _SAID_S):
            raise
        return
    if not words and await desk.store.albums.join_late(album, source):
        return
    await put_aside(visit, desk, album, source, words)


async def _read(message: Message, album: str, desk: Desk) -> tuple[Source, str]:
    # The first item carries the command, and it holds for all of them.
    command = await desk.store.shelf.first_choice(f"album.{album}", command_of(message))
    if command not in {"", "merge"}:
        raise UserError("album_command")
    source = picture_of(message)
    if source is None:
        raise UserError("cannot_read_kind")
    return source, words_of(message) or (_MERGE_NOW if command_of(message) else "")


async def put_aside(
    visit: Visit, desk: Desk, album: str, source: Source | None, words: str
) -> None:
    """Store an item; words without a photo end the album."""
    item = Item(visit.message_id, source, words, _packed(visit))
    await desk.store.albums.add(album, visit.person, item, desk.now_ms())


def album_of(message: Message) -> str:
    """Return the album's name: a group id is unique inside its chat only."""
    return f"{message.chat.id}.{message.media_group_id}"


def _packed(visit: Visit) -> dict[str, Any]:
    return {
        "update_id": visit.update_id,
        "user_id": visit.user_id,
        "chat_id": visit.chat_id,
        "language": visit.language,
        "thread_id": visit.thread_id,
        "message_id": visit.message_id,
        "is_private": visit.is_private,
    }


class AlbumKeeper:
    """Looks at albums that are whole, for as long as the supervisor takes updates."""

    def __init__(self, desk: Desk, state_of: StateOf) -> None:
        self._desk = desk
        self._state_of = state_of
        self._busy: set[str] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Handle what is whole, albums side by side, and wake when the next one is."""
        albums = self._desk.store.albums
        is_fresh = True
        async with asyncio.TaskGroup() as group:
            while not stopping.is_set():
                albums.added.clear()
                next_ms = 0
                try:
                    if is_fresh:
                        await albums.wait_anew(self._desk.now_ms())
                        is_fresh = False
                    due, next_ms = await albums.due(self._desk.now_ms())
                    for name in due:
                        if name not in self._busy:
                            self._busy.add(name)
                            group.create_task(self._carry(name))
                except TransientError as error:
                    telemetry.warned("albums wait: %s", error)
                wait_s = (next_ms - self._desk.now_ms()) / 1000 if next_ms else _LOOK_AGAIN_S
                await pause(min(max(wait_s, 0.05), _LOOK_AGAIN_S), albums.added, stopping)

    async def _carry(self, name: str) -> None:
        """Handle one album; a chat that Telegram slows down must not hold up the others."""
        try:
            await self._handle(name)
        except TransientError as error:
            telemetry.warned("album %s is not handled yet: %s", name, error)
            with suppress(TransientError):
                again_ms = self._desk.now_ms() + _AGAIN_MS
                await self._desk.store.albums.postpone(name, again_ms)
        finally:
            self._busy.discard(name)
            self._desk.store.albums.added.set()

    async def _handle(self, name: str) -> None:
        """Turn one album into a job or a question. Raises TransientError to be tried again."""
        albums = self._desk.store.albums
        items = await albums.items(name)
        job_id = ""
        if items:
            visit = await self._visit_of(items[0].visit)
            try:
                job_id = await self._decide(_album(visit, items), name)
            except UserError as error:
                await self._desk.refuse(visit, error)
            except ChatGoneError:
                telemetry.noted("album %s: nobody is there any longer", name)
            except (TransientError, FencedError, ConfigError):
                raise
            except Exception as error:  # noqa: BLE001 -- one album must not stop the others
                telemetry.album_failed(name, error)
        await albums.close(name, job_id, len(items))

    async def _visit_of(self, packed: Mapping[str, Any]) -> Visit:
        visit = Visit(**packed)
        return visit.known(await self._desk.store.people.standing(visit.user_id))

    async def _decide(self, album: Album, name: str) -> str:
        """Order or ask; return the id of the job, if one was made of several photos."""
        visit, desk = album.visit, self._desk
        state = self._state_of(visit.chat_id, visit.user_id)
        if not album.photos:
            # The words came a moment after the album was handled.
            await desk.check_rate_limit(visit)
            await desk.order_new(visit, album.words)
            return ""
        is_collecting = await state.get_state() == Ask.merge_photos.state
        if not is_collecting:
            await desk.check_rate_limit(visit, f"album.{name}")
        if len(album.photos) == 1 and not is_collecting:
            await _lone(album, state, desk)
            return ""
        if album.words and len(album.photos) > 1:
            earlier = await sources_in(state) if is_collecting else ()
            words = "" if album.words == _MERGE_NOW else album.words
            photos = _all(earlier, album.photos)
            job_id = await desk.order(visit, Operation.MERGE, words, photos)
            await state.clear()
            return job_id
        if not is_collecting:
            await begin(state)
        await collect(state, visit, desk, album.photos, album.words)
        return ""


def _album(visit: Visit, items: Sequence[Item]) -> Album:
    photos = {item.source.unique_id: item.source for item in items if item.source}
    words = next((item.words for item in items if item.words), "")
    return Album(visit, tuple(photos.values())[:PHOTOS_LIMIT], words)


def _all(earlier: Sequence[Source], photos: Sequence[Source]) -> tuple[Source, ...]:
    known = {photo.unique_id: photo for photo in (*earlier, *photos)}
    return tuple(known.values())[:PHOTOS_LIMIT]


async def _lone(album: Album, state: FSMContext, desk: Desk) -> None:
    """One photo only: as if it had come by itself."""
    visit, photo = album.visit, album.photos[0]
    if album.words and album.words != _MERGE_NOW:
        await edit(state, visit, desk, photo, album.words)
        return
    await ask(state, Ask.photo_action, sources=stored(photo))
    await desk.say(visit, "ask_photo_action", buttons.under_photo(visit.language))
