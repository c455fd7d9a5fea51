"""Which message goes to which handler: commands, then answers, then what speaks for itself."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiogram import BaseMiddleware, Dispatcher, F, Router
from aiogram.filters import Command, CommandStart, StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.fsm.storage.base import BaseStorage
from aiogram.types import CallbackQuery, Message, TelegramObject

from imgbot.conversation.create import handle_create, take_create_words
from imgbot.conversation.desk import Desk, Visit, visit_of
from imgbot.conversation.dialogue import Ask, ask, source_in, stored
from imgbot.conversation.edit import handle_edit_start, take_edit_photo, take_edit_words
from imgbot.conversation.merge import handle_smart_merge_start, take_merge_photo
from imgbot.conversation.presses import handle_press
from imgbot.conversation.reading import (
    PICTURE_LIMIT_MB,
    picture_of,
    replied_picture_of,
    words_of,
)
from imgbot.conversation.retouch import handle_retoucher_start, take_retouch_photo
from imgbot.conversation.upscale import (
    handle_upscale_button,
    take_upscale_photo,
    take_upscale_scale,
)
from imgbot.errors import UserError
from imgbot.texts import buttons, say

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class Door(BaseMiddleware):
    """Lets visitors in: who it is, whether he may, and his errors in words."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        if not isinstance(event, Message | CallbackQuery):
            return None
        visit = visit_of(event, data["event_update"].update_id)
        if visit is None:
            return None
        allowed = self._desk.house.allowed_users
        if allowed and visit.user_id not in allowed:
            await self._refuse(event, visit)
            return None
        data["visit"], data["desk"] = visit, self._desk
        try:
            return await handler(event, data)
        except UserError as error:
            await self._desk.say(visit, error.reason, **error.facts)
            return None

    async def _refuse(self, event: Message | CallbackQuery, visit: Visit) -> None:
        if isinstance(event, CallbackQuery):
            text = say(visit.language, "not_allowed", user_id=visit.user_id)
            await self._desk.answer(event.id, text)
        elif visit.is_private and await self._desk.check_rate_limit(visit):
            await self._desk.say(visit, "not_allowed", user_id=visit.user_id)


async def handle_start(_: Message, state: FSMContext, visit: Visit, desk: Desk) -> None:
    await state.clear()
    await desk.say(visit, "start", buttons.menu(visit.language))


async def handle_help(_: Message, visit: Visit, desk: Desk) -> None:
    text = say(visit.language, "help", limit_mb=PICTURE_LIMIT_MB)
    if desk.house.has_builtin_engine:
        text += "\n\n" + say(visit.language, "engine_note")
    await desk.write(visit, text, buttons.menu(visit.language))


async def handle_cancel(_: Message, state: FSMContext, visit: Visit, desk: Desk) -> None:
    """Leave the dialogue, or else call off the latest picture on its way."""
    if await state.get_state() is not None:
        # Said before it is forgotten: should the saying fail, the same update comes again,
        # and must not find a job to cancel instead.
        await desk.say(visit, "cancel_dialogue", buttons.menu(visit.language))
        await state.clear()
        return
    newest = await desk.shelf.newest_of(visit.user_id)
    job_id = await desk.shelf.first_choice(f"cancel.{visit.request}", newest or "")
    verdict = "gone"
    if job_id:
        verdict = await desk.queue.cancel(job_id, visit.user_id, desk.now_ms())
    # A cancelled job says so itself, in its status message.
    if verdict != "ok":
        await desk.say(visit, "cancel_too_late" if verdict == "too_late" else "cancel_nothing")


async def handle_photo(message: Message, state: FSMContext, visit: Visit, desk: Desk) -> None:
    """A picture that came by itself: words say what to do, an album is a merge."""
    if message.media_group_id:
        await handle_smart_merge_start(message, state, visit, desk)
        return
    source = picture_of(message)
    if source is None or words_of(message):
        await handle_edit_start(message, state, visit, desk)
        return
    await ask(state, Ask.photo_action, sources=stored(source))
    await desk.say(visit, "ask_photo_action", buttons.under_photo(visit.language))


async def handle_photo_words(message: Message, state: FSMContext, visit: Visit, desk: Desk) -> None:
    """Words about the photo that came before them; another photo takes its place."""
    if picture_of(message):
        await handle_photo(message, state, visit, desk)
        return
    await handle_edit_start(message, state, visit, desk, await source_in(state))


async def handle_words(message: Message, state: FSMContext, visit: Visit, desk: Desk) -> None:
    """Plain words: about the picture they answer, else a new picture."""
    if replied_picture_of(message):
        await handle_edit_start(message, state, visit, desk)
    elif words_of(message):
        await handle_create(message, state, visit, desk)
    else:
        await desk.say(visit, "words_empty")


async def handle_other(_: Message, visit: Visit, desk: Desk) -> None:
    await desk.say(visit, "cannot_read_kind")


_ANSWERS = (
    (Ask.create_words, take_create_words),
    (Ask.edit_photo, take_edit_photo),
    (Ask.edit_words, take_edit_words),
    (Ask.photo_action, handle_photo_words),
    (Ask.merge_photos, take_merge_photo),
    (Ask.retouch_photo, take_retouch_photo),
    (Ask.upscale_photo, take_upscale_photo),
    (Ask.upscale_scale, take_upscale_scale),
)
_COMMANDS = (
    (Command("help"), handle_help),
    (Command("cancel"), handle_cancel),
    (Command("create"), handle_create),
    (Command("edit"), handle_edit_start),
    (Command("merge"), handle_smart_merge_start),
    (Command("retouch"), handle_retoucher_start),
    (Command("upscale"), handle_upscale_button),
)
_READABLE = F.text | F.photo | F.document
_UNKNOWN_COMMAND = F.text.startswith("/")


def build_dispatcher(desk: Desk, storage: BaseStorage, bot_id: int) -> Dispatcher:
    """Return the dispatcher that every update goes through."""
    router = Router()
    to_me = _addressed_to(bot_id)
    router.message.register(handle_start, CommandStart())
    for command, handler in _COMMANDS:
        router.message.register(handler, command)
    router.message.register(handle_help, to_me, _UNKNOWN_COMMAND)
    for question, handler in _ANSWERS:
        router.message.register(handler, StateFilter(question), _READABLE)
    router.message.register(handle_photo, to_me, F.photo | F.document)
    router.message.register(handle_words, to_me, F.text)
    router.message.register(handle_other, F.chat.type == "private", ~F.pinned_message)
    router.callback_query.register(handle_press)
    dispatcher = Dispatcher(storage=storage)
    door = Door(desk)
    router.message.middleware(door)
    router.callback_query.middleware(door)
    dispatcher.include_router(router)
    return dispatcher


def _addressed_to(bot_id: int) -> Callable[[Message], bool]:
    """In a group only answers to the bot's own messages are meant for it."""

    def is_for_bot(message: Message) -> bool:
        if message.chat.type == "private":
            return True
        answered = message.reply_to_message
        return bool(answered and answered.from_user and answered.from_user.id == bot_id)

    return is_for_bot
