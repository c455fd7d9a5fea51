"""Routing of updates to handlers: commands, then answers, then content."""

from collections.abc import Callable
from dataclasses import dataclass, fields

from aiogram import Dispatcher, F, Router
from aiogram.filters import Command, CommandStart, StateFilter
from aiogram.fsm.storage.base import BaseStorage
from aiogram.types import CallbackQuery, Message

from imgbot.bot.albums import add_prompt, album_about, album_of, handle_album_item
from imgbot.bot.callbacks import CALLBACKS, CallbackAnswers, is_pressed, on_unknown_callback
from imgbot.bot.dialogue import ABOUT_A_PHOTO, EXPIRY_S, PHOTO_STATES, Dialogue, Expiry, Question
from imgbot.bot.handlers import admin
from imgbot.bot.handlers.account import handle_limits, handle_queue, handle_quiet, handle_settings
from imgbot.bot.handlers.admin.reports import StatsSources
from imgbot.bot.handlers.merge import take_merge_photo
from imgbot.bot.handlers.operations import (
    PHOTO_HANDLERS,
    START_HANDLERS,
    handle_create,
    handle_edit_start,
    handle_photo,
    handle_photo_prompt,
    handle_upscale_button,
    take_create_prompt,
    take_edit_prompt,
    take_upscale_scale,
)
from imgbot.bot.handlers.results import (
    handle_compare,
    handle_history,
    handle_inline,
    handle_last,
    handle_ready,
    handle_undo,
)
from imgbot.bot.handlers.start import (
    handle_cancel,
    handle_edited,
    handle_help,
    handle_small_talk,
    handle_start,
    handle_unknown_command,
    handle_unsupported,
)
from imgbot.bot.intents import Intent, is_upscale_request
from imgbot.bot.messages import (
    intent_of,
    is_about_picture,
    prompt_of,
    replied_message,
    without_mention,
)
from imgbot.bot.middleware import AccessMiddleware, BotIdentity
from imgbot.bot.requests import AccessPolicy, RequestService
from imgbot.domain.errors import UserError
from imgbot.domain.operations import OPERATIONS, Prompt
from imgbot.domain.texts import LANGUAGES, t
from imgbot.imaging.originals import OriginalStore
from imgbot.storage.access import Access
from imgbot.storage.albums import Albums
from imgbot.storage.broadcasts import Broadcasts
from imgbot.storage.dead_letters import DeadLetters
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.job_reads import JobReads
from imgbot.storage.rate_limit import RateLimit
from imgbot.storage.results import ResultStore
from imgbot.storage.spend import Spend
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import Messenger


async def handle_prompt(
    message: Message, dialogue: Dialogue, albums: Albums, now_ms: Callable[[], int]
) -> None:
    """Plain text: about the album right before it, else a new picture or an upscale."""
    prompt = prompt_of(message)
    if not prompt:
        raise UserError("words_empty")
    if await add_prompt(prompt, dialogue.context, albums, now_ms):
        return
    handle = handle_upscale_button if is_upscale_request(prompt) else handle_create
    await handle(message, dialogue)


async def take_photo_prompt(
    message: Message, dialogue: Dialogue, albums: Albums, now_ms: Callable[[], int]
) -> None:
    """Prompt for the photo sent before it, or for an album that arrived after it."""
    if message.text and await album_about(dialogue.context, albums):
        await handle_prompt(message, dialogue, albums, now_ms)
    else:
        await handle_photo_prompt(message, dialogue)


async def handle_late_answer(
    message: Message, dialogue: Dialogue, albums: Albums, now_ms: Callable[[], int]
) -> None:
    """Text that may be about a photo of long ago: nothing is enqueued on a guess."""
    if await album_about(dialogue.context, albums):
        await handle_prompt(message, dialogue, albums, now_ms)
        return
    await dialogue.responder.reply("question_expired", minutes=EXPIRY_S // 60)
    # Clear the state after the answer: if the answer fails, the same text comes again.
    await dialogue.state.clear()


_ANSWERS = (
    (Question.create_words, take_create_prompt),
    (Question.edit_words, take_edit_prompt),
    (Question.photo_action, take_photo_prompt),
    (Question.merge_photos, take_merge_photo),
    (Question.upscale_scale, take_upscale_scale),
    *((PHOTO_STATES[operation], handler) for operation, handler in PHOTO_HANDLERS.items()),
)
# A reference to a picture is no intent: it answers the pending question.
_INTENTS = {
    Intent.CANCEL: handle_cancel,
    Intent.HELP: handle_help,
    Intent.UNDO: handle_undo,
    Intent.SMALL_TALK: handle_small_talk,
}
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
    Question.upscale_scale,
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


@dataclass(frozen=True, slots=True)
class Components:
    """Components that a handler or a filter receives if it names them as a parameter.

    For each update there are also `context`, `dialogue` and `responder`.
    """

    identity: BotIdentity
    policy: AccessPolicy
    requests: RequestService
    messenger: Messenger
    queue: JobQueue
    job_reads: JobReads
    results: ResultStore
    users: UserStore
    albums: Albums
    limit: RateLimit
    spend: Spend
    originals: OriginalStore
    access: Access
    broadcasts: Broadcasts
    dead_letters: DeadLetters
    stats: StatsSources
    now_ms: Callable[[], int]


def build_dispatcher(components: Components, storage: BaseStorage) -> Dispatcher:
    """Return the dispatcher that handles every update."""
    injected = {each.name: getattr(components, each.name) for each in fields(components)}
    dispatcher = Dispatcher(storage=storage, **injected)
    router = Router()
    _route_messages(router)
    _route_callbacks(router)
    router.edited_message.register(handle_edited, _IS_PRIVATE, F.text | F.caption)
    router.inline_query.register(handle_inline)
    router.message.outer_middleware(Expiry())
    access = AccessMiddleware(components.requests, components.messenger, components.identity)
    for observer in (router.message, router.edited_message, router.callback_query):
        observer.middleware(access)
    router.callback_query.middleware(CallbackAnswers(components.users))
    dispatcher.include_router(router)
    return dispatcher


def _route_messages(router: Router) -> None:
    register = router.message.register
    # An album item belongs to its album even if its caption is a command.
    register(handle_album_item, F.media_group_id, _is_album_for_bot)
    register(handle_start, CommandStart(ignore_case=True))
    for name, handler in _COMMANDS.items():
        register(handler, Command(name, ignore_case=True))
    for name, handler in admin.COMMANDS.items():
        place = () if name in admin.ANYWHERE else (_IS_PRIVATE,)
        register(handler, Command(name, ignore_case=True), *place, _is_admin)
    register(handle_unknown_command, _is_addressed, _UNKNOWN_COMMAND)
    for intent, handler in _INTENTS.items():
        register(handler, _is_addressed, F.text, _has_intent(intent))
    # A prompt in reply to a picture is about that picture, whatever question is pending.
    register(handle_edit_start, _is_addressed, F.text, is_about_picture, ~_PICTURE_ASKED)
    register(handle_ready, _is_addressed, F.text, _is_to_ready_line, ~_PICTURE_ASKED)
    register(handle_late_answer, _is_addressed, F.text, _is_late_answer)
    for question, handler in _ANSWERS:
        register(handler, _is_addressed, StateFilter(question), _READABLE)
    register(handle_photo, _is_addressed, _PICTURE)
    register(handle_prompt, _is_addressed, F.text)
    register(handle_unsupported, _is_addressed, _IS_SPOKEN)


def _route_callbacks(router: Router) -> None:
    register = router.callback_query.register
    for action, handler in CALLBACKS.items():
        register(handler, is_pressed(action))
    for action, handler in admin.CALLBACKS.items():
        register(handler, is_pressed(action), _is_admin)
    register(on_unknown_callback)


def _is_addressed(message: Message, identity: BotIdentity) -> bool:
    return identity.is_addressed(message)


async def _is_album_for_bot(message: Message, identity: BotIdentity, albums: Albums) -> bool:
    # In a group only the item with the mention shows that the album is for the bot.
    return identity.is_addressed(message) or await albums.is_known(album_of(message))


def _is_to_ready_line(message: Message, identity: BotIdentity) -> bool:
    replied = replied_message(message)
    author = replied.from_user if replied else None
    is_own = author is not None and author.id == identity.id
    return is_own and replied is not None and replied.text in _READY_LINES


def _is_admin(event: Message | CallbackQuery, policy: AccessPolicy) -> bool:
    return event.from_user is not None and policy.is_admin(event.from_user.id)


def _is_late_answer(_: Message, expired: str = "") -> bool:
    return expired in ABOUT_A_PHOTO


def _has_intent(intent: Intent) -> Callable[..., bool]:
    def matches(message: Message, identity: BotIdentity, raw_state: str | None = None) -> bool:
        # To the question for a merge prompt, "ok" is an answer.
        is_answer = intent is Intent.SMALL_TALK and raw_state == Question.merge_photos.state
        return not is_answer and intent_of(without_mention(message, identity.name)) is intent

    return matches
