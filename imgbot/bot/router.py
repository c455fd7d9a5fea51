"""Routing of messages to handlers: commands, then answers, then content."""

from aiogram import Dispatcher, F, Router
from aiogram.filters import Command, CommandStart, StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.fsm.storage.base import BaseStorage
from aiogram.types import Message

from imgbot.bot.albums import album_about, album_of, buffer_item, handle_album_item
from imgbot.bot.callbacks import handle_callback
from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import ABOUT_A_PHOTO, EXPIRY_S, PHOTO_STATES, Dialogue, Expiry
from imgbot.bot.handlers.admin import router as admin
from imgbot.bot.handlers.create import handle_create, take_create_prompt
from imgbot.bot.handlers.edit import (
    handle_edit_start,
    handle_photo,
    handle_photo_prompt,
    take_edit_prompt,
)
from imgbot.bot.handlers.history import handle_history
from imgbot.bot.handlers.inline import handle_inline
from imgbot.bot.handlers.intents import handle_intent
from imgbot.bot.handlers.merge import take_merge_photo
from imgbot.bot.handlers.my_jobs import handle_limits, handle_queue, handle_quiet
from imgbot.bot.handlers.operations import PHOTO_HANDLERS, START_HANDLERS
from imgbot.bot.handlers.results import handle_compare, handle_last, handle_ready, handle_undo
from imgbot.bot.handlers.settings import handle_settings
from imgbot.bot.handlers.start import (
    handle_cancel,
    handle_edited,
    handle_help,
    handle_start,
    handle_unknown_command,
    handle_unsupported,
)
from imgbot.bot.handlers.upscale import handle_upscale_button, take_upscale_scale
from imgbot.bot.intents import Intent
from imgbot.bot.messages import (
    intent_of,
    is_about_picture,
    prompt_of,
    replied_message,
    without_mention,
)
from imgbot.bot.middleware import AccessMiddleware, BotIdentity
from imgbot.bot.requests import RequestService
from imgbot.bot.upscale_phrases import is_upscale_request
from imgbot.domain.errors import UserError
from imgbot.domain.operations import OPERATIONS, Prompt
from imgbot.domain.texts import LANGUAGES, t


async def handle_prompt(
    message: Message, state: FSMContext, context: RequestContext, service: RequestService
) -> None:
    """Plain text: about the album right before it, else a new picture or an upscale."""
    words = prompt_of(message)
    if not words:
        raise UserError("words_empty")
    if album := await album_about(context, service):
        await buffer_item(context, service, album, None, words)
    elif is_upscale_request(words):
        await handle_upscale_button(message, state, context, service)
    else:
        await handle_create(message, state, context, service)


async def take_photo_words(
    message: Message, state: FSMContext, context: RequestContext, service: RequestService
) -> None:
    """Prompt for the photo sent before it, or for an album that arrived after it."""
    is_of_album = message.text and await album_about(context, service)
    await (handle_prompt if is_of_album else handle_photo_prompt)(message, state, context, service)


async def handle_late_words(
    message: Message, state: FSMContext, context: RequestContext, service: RequestService
) -> None:
    """Text that may be about a photo of long ago: nothing is enqueued on a guess."""
    if await album_about(context, service):
        await handle_prompt(message, state, context, service)
        return
    await service.reply(context, "question_expired", minutes=EXPIRY_S // 60)
    # Clear the state after the answer: if the answer fails, the same text comes again.
    await state.clear()


def _is_late_answer(_: Message, expired: str = "") -> bool:
    return expired in ABOUT_A_PHOTO


_ANSWERS = (
    (Dialogue.create_words, take_create_prompt),
    (Dialogue.edit_words, take_edit_prompt),
    (Dialogue.photo_action, take_photo_words),
    (Dialogue.merge_photos, take_merge_photo),
    (Dialogue.upscale_scale, take_upscale_scale),
    *((PHOTO_STATES[operation], handler) for operation, handler in PHOTO_HANDLERS.items()),
)
_COMMANDS = {
    "help": handle_help,
    "cancel": handle_cancel,
    **{
        name: handler
        for operation, handler in START_HANDLERS.items()
        for name in (operation.value, *OPERATIONS[operation].aliases)
    },
    "undo": handle_undo,
    "compare": handle_compare,
    "last": handle_last,
    "history": handle_history,
    "queue": handle_queue,
    "limits": handle_limits,
    "settings": handle_settings,
    "quiet": handle_quiet,
}
# Telegram reports a GIF twice: as the converted video, and as a document.
_PICTURE = F.photo | (F.document & ~F.animation)
_READABLE = F.text | _PICTURE
_UNKNOWN_COMMAND = F.text.startswith("/")
# Here a reply to a picture selects the picture, and its text is no instruction.
_PICTURE_ASKED = StateFilter(
    Dialogue.upscale_scale,
    *(
        state
        for operation, state in PHOTO_STATES.items()
        if OPERATIONS[operation].prompt is not Prompt.REQUIRED
    ),
)
_READY_LINES = frozenset(t(language, "ready") for language in LANGUAGES)
_IS_PRIVATE = F.chat.type == "private"
_IS_SPOKEN = F.content_type.in_(
    {
        "animation", "audio", "checklist", "contact", "dice", "game", "location", "poll",
        "sticker", "story", "venue", "video", "video_note", "voice",
    }
)  # fmt: skip


def build_dispatcher(
    service: RequestService, storage: BaseStorage, myself: BotIdentity
) -> Dispatcher:
    """Return the dispatcher that handles every update."""
    dispatcher = Dispatcher(storage=storage)
    router = Router()
    _route_messages(router, service, myself)
    router.edited_message.register(handle_edited, _IS_PRIVATE, F.text | F.caption)
    router.callback_query.register(handle_callback)
    router.inline_query.register(handle_inline)
    router.message.outer_middleware(Expiry())
    door = AccessMiddleware(service, myself)
    router.message.middleware(door)
    router.edited_message.middleware(door)
    router.callback_query.middleware(door)
    dispatcher["service"] = service
    dispatcher.include_router(router)
    return dispatcher


def _route_messages(router: Router, service: RequestService, myself: BotIdentity) -> None:
    meant = myself.is_addressed

    async def is_album_for_me(message: Message) -> bool:
        # In a group only the item with the mention shows that the album is for the bot.
        return meant(message) or await service.store.albums.is_known(album_of(message))

    def is_to_ready_line(message: Message) -> bool:
        answered = replied_message(message)
        author = answered.from_user if answered else None
        is_own = author is not None and author.id == myself.id
        return is_own and answered is not None and answered.text in _READY_LINES

    def is_admin(message: Message) -> bool:
        return message.from_user is not None and service.policy.is_admin(message.from_user.id)

    def meaning_aside(message: Message, raw_state: str | None = None) -> dict[str, Intent] | None:
        meaning = intent_of(without_mention(message, myself.name))
        # To the question for a merge prompt, "ok" is an answer.
        is_answer = meaning is Intent.SMALL_TALK and raw_state == Dialogue.merge_photos.state
        # A reference to a picture is no intent: it answers the pending question.
        is_aside = meaning not in {Intent.REQUEST, Intent.POINTING} and not is_answer
        return {"meaning": meaning} if is_aside else None

    # An album item belongs to its album even if its caption is a command.
    router.message.register(handle_album_item, F.media_group_id, is_album_for_me)
    router.message.register(handle_start, CommandStart(ignore_case=True))
    for name, handler in _COMMANDS.items():
        router.message.register(handler, Command(name, ignore_case=True))
    for name, handler in admin.COMMANDS.items():
        place = () if name in admin.ANYWHERE else (_IS_PRIVATE,)
        router.message.register(handler, Command(name, ignore_case=True), *place, is_admin)
    router.message.register(handle_unknown_command, meant, _UNKNOWN_COMMAND)
    router.message.register(handle_intent, meant, F.text, meaning_aside)
    # A prompt in reply to a picture is about that picture, whatever question is pending.
    router.message.register(handle_edit_start, meant, F.text, is_about_picture, ~_PICTURE_ASKED)
    router.message.register(handle_ready, meant, F.text, is_to_ready_line, ~_PICTURE_ASKED)
    router.message.register(handle_late_words, meant, F.text, _is_late_answer)
    for question, handler in _ANSWERS:
        router.message.register(handler, meant, StateFilter(question), _READABLE)
    router.message.register(handle_photo, meant, _PICTURE)
    router.message.register(handle_prompt, meant, F.text)
    router.message.register(handle_unsupported, meant, _IS_SPOKEN)
