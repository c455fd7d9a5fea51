"""Albums: photos arrive one by one and are buffered until the album is complete.

No handler waits: an item is stored and its update confirmed; a loop processes complete albums.
An album with a prompt is a merge; without one the user is asked.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from aiogram.types import Message

from imgbot.aio import Start, draining_task_group, sleep_or_event
from imgbot.bot import requests
from imgbot.bot.app import App
from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import Dialogue, Dialogues, Question
from imgbot.bot.handlers.operations import ask_about, collect_photos, edit, start_merge
from imgbot.bot.messages import UNREADABLE, command_of, photo_of
from imgbot.domain.errors import (
    UNRELATED,
    ChatGoneError,
    ChatMovedError,
    StorageFullError,
    TransientError,
    UserError,
)
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import Operation
from imgbot.storage.albums import PHOTOS_LIMIT, Item, load_item
from imgbot.storage.results import Recent
from imgbot.telemetry import events

_MERGE_NOW = "/merge"
"""Stored as the prompt of an item that carries the command alone."""

_NOT_STORED = frozenset({"profile", "as_of_ms", "ephemeral_id"})
"""The profile is read again when the album is complete; the others are of the update alone."""

_RETRY_S = 2.0
_RETRY_LIMIT_S = 60.0
_ERROR_THROTTLE_S = 60
_PROMPT_FOLLOWS_S = 2
"""Time an album is gathered after its last item, in Telegram's whole seconds."""

_SCAN_S = 5.0
_CHAT_BUSY_S = 0.2


async def handle_album_item(message: Message, dialogue: Dialogue) -> None:
    """Buffer one photo of an album; a late one joins its merge if that is still queued."""
    app, context, album = dialogue.app, dialogue.context, album_of(message)
    try:
        # The first item carries the command, which applies to all items.
        command = await app.users.choose_once(f"album.{album}", command_of(message))
        photo, prompt = await _read(message, command, dialogue)
    except UserError:
        # An error about an album is reported once, not for each of its items.
        notice = f"album.{album}"
        if await app.users.claim_notice(
            context.user_id, notice, context.request, _ERROR_THROTTLE_S
        ):
            raise
        return
    if prompt or not await app.albums.join_late(album, photo):
        await app.albums.add(album, context.user_key, _item(photo, prompt, context), app.now_ms())


async def _read(message: Message, command: str, dialogue: Dialogue) -> tuple[InputPhoto, str]:
    if command not in {"", "merge"}:
        raise UserError("album_command")
    photo = photo_of(message)
    if photo is None:
        raise UserError(UNREADABLE.get(message.content_type, "cannot_read_kind"))
    prompt = await requests.prompt_in(message, dialogue)
    return photo, prompt or (_MERGE_NOW if command_of(message) else "")


async def add_prompt(prompt: str, dialogue: Dialogue) -> bool:
    """Complete the album that a plain text prompt refers to; False if there is none.

    That is an album without a prompt, if the text was sent right after it, however late both
    arrive: a text sent a minute later is a request of its own.
    """
    app, context = dialogue.app, dialogue.context
    album = await app.albums.open_album(context.user_key)
    items = await app.albums.items(album) if album else []
    sent_s = max((item.context.get("sent_s", 0) for item in items), default=0)
    has_prompt = any(item.words not in {"", _MERGE_NOW} for item in items)
    if not album or has_prompt or context.sent_s - sent_s > _PROMPT_FOLLOWS_S:
        return False
    await app.albums.add(album, context.user_key, _item(None, prompt, context), app.now_ms())
    return True


def _item(photo: InputPhoto | None, prompt: str, context: RequestContext) -> Item:
    stored = {name: value for name, value in asdict(context).items() if name not in _NOT_STORED}
    return Item(context.message_id, photo, prompt, stored)


def album_of(message: Message) -> str:
    """Return the album's key: a group id is unique only inside its chat."""
    return f"{message.chat.id}.{message.media_group_id}"


class AlbumProcessor:
    """Turns complete albums into jobs or questions while the supervisor takes updates.

    After a restart the rest of an album may still be pending at Telegram: no album counts as
    complete before `caught_up`, nor while a message of its chat is being handled.
    """

    def __init__(
        self,
        app: App,
        dialogues: Dialogues,
        caught_up: asyncio.Event,
        is_busy_with: Callable[[int], bool],
    ) -> None:
        """`is_busy_with` is true while received messages of a chat are not handled yet."""
        self._albums = app.albums
        self._users = app.users
        self._results = app.results
        self._now_ms = app.now_ms
        self._dialogues = dialogues
        self._caught_up = caught_up
        self._is_busy_with = is_busy_with
        self._busy: set[str] = set()

    async def run(self, stopping: asyncio.Event, drain_s: float) -> None:
        """Process complete albums concurrently, and wake when the next one is due.

        An album that is not handled within `drain_s` after the stop is left to the next start.
        """
        is_fresh = True
        async with draining_task_group(drain_s) as start:
            while not (self._caught_up.is_set() or stopping.is_set()):
                await sleep_or_event(_SCAN_S, self._caught_up, stopping)
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
            if self._is_busy_with(int(chat)):
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
            sent = Recent(context.user_id, self._now_ms(), photos=_content_of(items)[0])
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
        async with self._dialogues.open(context, update=kept) as dialogue:
            return await handle_album(items, name, dialogue)
        return ""


async def handle_album(items: Sequence[Item], name: str, dialogue: Dialogue) -> str:
    """Enqueue or ask; return the job id if several photos were merged."""
    # The album may have been buffered for long: its user may be banned by now.
    dialogue.app.policy.check(dialogue.context)
    sent, prompt = _content_of(items)
    question, _ = await dialogue.question()
    is_collecting = question == Question.MERGE_PHOTOS
    if not is_collecting:
        await requests.check_rate_limit(dialogue, f"album.{name}")
    earlier = await dialogue.photos() if is_collecting else ()
    photos = tuple({photo.unique_id: photo for photo in (*earlier, *sent)}.values())
    wanted = "" if prompt == _MERGE_NOW else prompt
    if not photos:
        # The prompt arrived a moment after the album was handled.
        await requests.create(dialogue, prompt)
    elif len(photos) == 1 and not is_collecting and not (prompt and _is_doubled(items)):
        # As if the photo had been sent alone.
        await (edit(dialogue, sent[0], wanted) if wanted else ask_about(dialogue, sent[0]))
    elif prompt and len(photos) > 1:
        await _merge(photos, wanted, dialogue)
        return dialogue.context.request
    else:
        if not is_collecting:
            await start_merge(dialogue)
        await collect_photos(dialogue, [one.source for one in items if one.source], wanted)
    return ""


async def handle_album_again(kept: Mapping[str, Any], at_ms: int, dialogue: Dialogue) -> None:
    """Handle an album again that was refused at that time; `kept` is what was kept of it."""
    items = [load_item(entry) for entry in kept["items"]]
    context = RequestContext(**items[0].context).with_profile(dialogue.context.profile)
    again = replace(dialogue, context=replace(context, as_of_ms=at_ms))
    await handle_album(items, kept["album"], again)


async def _merge(photos: tuple[InputPhoto, ...], prompt: str, dialogue: Dialogue) -> None:
    taken = photos[:PHOTOS_LIMIT]
    if not await requests.order(dialogue, Operation.MERGE, prompt, taken):
        # Enqueued before a crash: later photos are added to the job if it is still queued.
        for photo in taken:
            await dialogue.app.albums.join(dialogue.context.request, photo)
    if len(photos) > PHOTOS_LIMIT:
        await dialogue.reply_alone("merge_cut", limit=PHOTOS_LIMIT)
    await dialogue.state.clear()


def _is_doubled(items: Sequence[Item]) -> bool:
    """Return true if one photo was sent twice: its prompt is about two photos."""
    return sum(item.source is not None for item in items) > 1


def _content_of(items: Sequence[Item]) -> tuple[tuple[InputPhoto, ...], str]:
    """Return the photos of an album in their order, and the prompt on any of them."""
    photos = {item.source.unique_id: item.source for item in items if item.source}
    prompts = dict.fromkeys(item.words for item in items if item.words)
    kept = [prompt for prompt in prompts if prompt != _MERGE_NOW or len(prompts) == 1]
    return tuple(photos.values()), " ".join(kept)
