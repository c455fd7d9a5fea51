"""Handlers of albums: of their photos, of a text that follows, and of whole albums."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from aiogram.types import CallbackQuery, Message

from imgbot.bot.commands import ChatCommand
from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import Audience, Dialogue, Question, to_state_data
from imgbot.bot.handlers.operations import MERGE, OperationHandlers, ask_about
from imgbot.bot.messages import UNREADABLE, BotIdentity, command_of, photo_of
from imgbot.bot.policy import AccessPolicy
from imgbot.bot.requests import Requests
from imgbot.bot.this_picture import TargetPicture
from imgbot.domain.buttons import ButtonAction
from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto, Request
from imgbot.domain.operations import PHOTOS_LIMIT, Operation
from imgbot.domain.words import read
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.reading import NamedBy, Order
from imgbot.domain.words.this_picture import this_picture
from imgbot.features.albums.store import Albums, Item, load_item
from imgbot.storage.users import UserStore

EACH = ButtonAction("each", ())
_MERGE_NOW = "/merge"
"""Stored as the prompt of an item that carries the command alone."""

_NOT_STORED = frozenset({"profile", "as_of_ms", "ephemeral_id"})
"""The profile is read again when the album is complete; the others are of the update alone."""

_PAIR = 2
_ERROR_THROTTLE_S = 60
_PROMPT_FOLLOWS_S = 2
"""Time an album is gathered after its last item, in Telegram's whole seconds."""


@dataclass(frozen=True, slots=True)
class AlbumHandlers:
    """Handlers of items and of whole albums."""

    albums: Albums
    users: UserStore
    identity: BotIdentity
    policy: AccessPolicy
    requests: Requests
    operations: OperationHandlers

    async def route(self, message: Message) -> ChatCommand | None:
        """Return what takes an item of an album; its caption may be a command.

        In a group only the item with the mention shows that the album is for the bot.
        """
        is_item = message.media_group_id and (
            self.identity.is_addressed(message) or await self.albums.is_known(_album_of(message))
        )
        return ChatCommand("", self.take_item, is_part=True) if is_item else None

    async def take_item(self, message: Message, dialogue: Dialogue) -> None:
        """Buffer one photo of an album; a late one joins its merge if that is still queued."""
        context, album = dialogue.context, _album_of(message)
        try:
            # The first item carries the command, which applies to all items.
            command = await self.users.once(f"album.{album}", command_of(message))
            photo, prompt = await self._read(message, command, dialogue)
        except UserError:
            # An error about an album is reported once, not for each of its items.
            notice = f"said.{context.user_id}.album.{album}"
            if await self.users.is_first(notice, context.request, _ERROR_THROTTLE_S):
                raise
            return
        if prompt or not await self.albums.join_late(album, photo):
            item = _item(photo, prompt, context)
            await self.albums.add(album, context.user_key, item, dialogue.now_ms())

    async def _read(
        self, message: Message, command: str, dialogue: Dialogue
    ) -> tuple[InputPhoto, str]:
        if command not in {"", "merge"}:
            raise UserError("album_command")
        photo = photo_of(message)
        if photo is None:
            raise UserError(UNREADABLE.get(message.content_type, "cannot_read_kind"))
        prompt = await self.requests.prompt_in(message, dialogue)
        return photo, prompt or (_MERGE_NOW if command_of(message) else "")

    async def add_prompt(self, prompt: str, dialogue: Dialogue) -> bool:
        """Complete the album that a plain text prompt refers to; False if there is none.

        That is an album without a prompt, if the text was sent right after it, however late both
        arrive: a text sent a minute later is a request of its own.
        """
        context = dialogue.context
        album = await self.albums.open_album(context.user_key)
        items = await self.albums.items(album) if album else []
        sent_s = max((item.context.get("sent_s", 0) for item in items), default=0)
        has_prompt = any(item.words not in {"", _MERGE_NOW} for item in items)
        if not album or has_prompt or context.sent_s - sent_s > _PROMPT_FOLLOWS_S:
            return False
        item = _item(None, prompt, context)
        await self.albums.add(album, context.user_key, item, dialogue.now_ms())
        return True

    async def handle(self, items: Sequence[Item], name: str, dialogue: Dialogue) -> str:
        """Enqueue or ask; return the job id if several photos were merged."""
        # The album may have been buffered for long: its user may be banned by now.
        self.policy.check(dialogue.context)
        question, _ = await dialogue.question()
        sent, prompt = content_of(items)
        if question == Question.MERGE_PHOTOS:
            collected = await dialogue.photos()
            if not collected or len(sent) < _PAIR or not _order_on_each(sent, prompt, dialogue):
                return await self._add(items, collected, dialogue)
            await dialogue.close(Question.MERGE_PHOTOS)
        await self.requests.check_rate_limit(dialogue, f"album.{name}")
        # One photo that was sent twice with a prompt is about two photos.
        if len(_photos_in(items) if prompt else sent) != 1:
            return await self._add(items, None, dialogue)
        # As if the photo had been sent alone.
        wanted = prompt.removeprefix(_MERGE_NOW)
        await (
            self.operations.edit(dialogue, sent[0], wanted)
            if wanted
            else ask_about(dialogue, sent[0])
        )
        return ""

    async def _add(
        self, items: Sequence[Item], earlier: Sequence[InputPhoto] | None, dialogue: Dialogue
    ) -> str:
        """Merge with the photos that were collected earlier, or collect more; None begins that."""
        sent, prompt = content_of(items)
        photos = tuple({each.unique_id: each for each in (*(earlier or ()), *sent)}.values())
        wanted = prompt.removeprefix(_MERGE_NOW)
        if not photos:
            # The prompt arrived a moment after the album was handled.
            await self.requests.create(dialogue, prompt)
            return ""
        is_first = earlier is None and len(photos) > 1
        if is_first and await self._change_each(items, photos, wanted, dialogue):
            return ""
        if prompt and len(photos) > 1:
            is_unsure = is_first and self._is_unsure(photos, wanted, dialogue)
            await self._merge(photos, wanted, dialogue, is_unsure=is_unsure)
            return dialogue.context.request
        if earlier is None:
            await dialogue.expect(Question.MERGE_PHOTOS)
        await self.operations.collect_photos(dialogue, _photos_in(items), wanted)
        return ""

    async def _change_each(
        self, items: Sequence[Item], photos: tuple[InputPhoto, ...], wanted: str, dialogue: Dialogue
    ) -> bool:
        """Order what the prompt asks of each photo, or ask; False if it is about all in one."""
        is_unsure = self._is_unsure(photos, wanted, dialogue)
        if is_unsure and not _may_be_marked(photos, wanted, dialogue):
            await _ask_each(photos, wanted, dialogue)
            return True
        order = _order_on_each(photos, wanted, dialogue)
        targets = _targets(order, chat_of_album(photos), items) if order else []
        if order is None or not targets:
            return False
        operation = order.operation or Operation.EDIT
        await self.operations.order_on_each(
            operation, targets, order.prompt, dialogue, order.scale or 2
        )
        return True

    def _is_unsure(self, photos: Sequence[InputPhoto], wanted: str, dialogue: Dialogue) -> bool:
        """Return true for words that may be about each photo, or about one picture of all."""
        found = read(wanted, chat_of_album(photos), dialogue.added.word_readers)
        # The style of one of two photos is for the other.
        is_style = len(photos) == _PAIR and self.operations.asks_for_style(wanted)
        return bool(wanted) and not (is_style or isinstance(found, Order))

    async def on_each(self, _: CallbackQuery, dialogue: Dialogue) -> str:
        """Order of each photo what the caption asks for, which was asked about."""
        if not await dialogue.is_asking(Question.MERGE_PHOTOS):
            return "stale_button"
        targets = [TargetPicture(each) for each in await dialogue.photos()]
        words = (await dialogue.state.get_data()).get("words", "")
        # The album was counted as one.
        await self.operations.order_on_each(Operation.EDIT, targets, words, dialogue)
        await dialogue.remove_panel()
        return "accepted_short"

    async def handle_again(self, kept: Mapping[str, Any], at_ms: int, dialogue: Dialogue) -> None:
        """Handle an album again that was refused at that time; `kept` is what was kept of it."""
        items = [load_item(entry) for entry in kept["items"]]
        context = RequestContext(**items[0].context).with_profile(dialogue.context.profile)
        again = replace(dialogue, context=replace(context, as_of_ms=at_ms))
        await self.handle(items, kept["album"], again)

    async def _merge(
        self, photos: tuple[InputPhoto, ...], prompt: str, dialogue: Dialogue, *, is_unsure: bool
    ) -> None:
        taken, merge = photos[:PHOTOS_LIMIT], Operation.MERGE
        if not await self.requests.order(dialogue, merge, prompt, taken, is_unsure=is_unsure):
            # Enqueued before a crash: later photos are added to the job if it is still queued.
            for photo in taken:
                await self.albums.join(dialogue.context.request, photo)
        if len(photos) > PHOTOS_LIMIT:
            await dialogue.say(dialogue.t("merge_cut", limit=PHOTOS_LIMIT), to=Audience.ASKER)
        await dialogue.state.clear()


def _order_on_each(photos: Sequence[InputPhoto], wanted: str, dialogue: Dialogue) -> Order | None:
    """Return the order that words under an album are for each of its photos; None if not."""
    order = read(wanted, chat_of_album(photos), dialogue.added.word_readers)
    if not isinstance(order, Order) or order.which.way is not NamedBy.ALL:
        return None
    return None if order.operation is Operation.MERGE else order


def _targets(order: Order, chat: ChatState, items: Sequence[Item]) -> list[TargetPicture]:
    """Return the photos that an order is about, each with its message."""
    shown = {each.source.unique_id: each for each in reversed(items) if each.source}
    meant = [shown[each.id] for each in this_picture(order.which, chat).pictures]
    return [TargetPicture(each.source, each.message_id) for each in meant]


async def _ask_each(photos: Sequence[InputPhoto], wanted: str, dialogue: Dialogue) -> None:
    """Ask whether each photo is to be changed, or all are to become one; orders nothing."""
    language, count = dialogue.language, len(photos)
    row = [EACH.button(language, count=count), MERGE.button(language, key="album_merge")]
    text, sources = dialogue.t("ask_each", count=count), to_state_data(*photos)
    await dialogue.ask(text, Question.MERGE_PHOTOS, [row], words=wanted, sources=sources)


def _may_be_marked(photos: tuple[InputPhoto, ...], prompt: str, dialogue: Dialogue) -> bool:
    """Return true for what may be about one photo and what is drawn on it in the other."""
    wanted = Request(0, Operation.MERGE, "", prompt=prompt, sources=photos)
    rule = dialogue.order_rule
    return rule.is_prompt(prompt) or bool(rule.may_become(wanted))


def _item(photo: InputPhoto | None, prompt: str, context: RequestContext) -> Item:
    stored = {name: value for name, value in asdict(context).items() if name not in _NOT_STORED}
    return Item(context.message_id, photo, prompt, stored)


def _photos_in(items: Sequence[Item]) -> list[InputPhoto]:
    return [each.source for each in items if each.source]


def chat_of_album(photos: Sequence[InputPhoto]) -> ChatState:
    """Return the chat in which the prompt of an album is read: its photos alone."""
    ids = tuple(each.unique_id for each in photos)
    listed = [ChatPicture(each, order=ids[0], number=at) for at, each in enumerate(ids, 1)]
    return ChatState(tuple(listed[::-1]), photos=ids)


def _album_of(message: Message) -> str:
    """Return the album's key: a group id is unique only inside its chat."""
    return f"{message.chat.id}.{message.media_group_id}"


def content_of(items: Sequence[Item]) -> tuple[tuple[InputPhoto, ...], str]:
    """Return the photos of an album in their order, and the prompt on any of them."""
    photos = {each.unique_id: each for each in _photos_in(items)}
    prompts = dict.fromkeys(item.words for item in items if item.words)
    kept = [prompt for prompt in prompts if prompt != _MERGE_NOW or len(prompts) == 1]
    return tuple(photos.values()), " ".join(kept)
