"""Routing of updates to handlers: commands, then answers, then content."""

from collections.abc import Callable
from dataclasses import dataclass, fields

from aiogram import Dispatcher, F, Router
from aiogram.filters import Command, CommandStart, StateFilter
from aiogram.fsm.storage.base import BaseStorage
from aiogram.types import CallbackQuery, Message

from imgbot.bot.albums import album_of, handle_album_item
from imgbot.bot.callbacks import CALLBACKS, CallbackAnswers, is_pressed, on_unknown_callback
from imgbot.bot.chat_model import ChatModel
from imgbot.bot.conversation import handle_text
from imgbot.bot.dialogue import PHOTO_STATES, Expiry, Question
from imgbot.bot.handlers import admin
from imgbot.bot.handlers.account import handle_limits, handle_queue, handle_quiet, handle_settings
from imgbot.bot.handlers.admin.remedies import Remedies
from imgbot.bot.handlers.admin.reports import StatsSources
from imgbot.bot.handlers.help import handle_help
from imgbot.bot.handlers.merge import take_merge_photo
from imgbot.bot.handlers.operations import (
    PHOTO_HANDLERS,
    START_HANDLERS,
    handle_photo,
)
from imgbot.bot.handlers.privacy import Privacy, handle_forget_me, handle_privacy
from imgbot.bot.handlers.results import (
    handle_compare,
    handle_history,
    handle_inline,
    handle_last,
    handle_undo,
)
from imgbot.bot.handlers.start import (
    handle_cancel,
    handle_edited,
    handle_start,
    handle_unknown_command,
    handle_unsupported,
)
from imgbot.bot.messages import UNREADABLE, BotIdentity
from imgbot.bot.middleware import AccessMiddleware
from imgbot.bot.requests import AccessPolicy, RequestService
from imgbot.domain.operations import OPERATIONS, Operation
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

_PICTURE_ANSWERS = (
    (Question.edit_words, PHOTO_HANDLERS[Operation.EDIT]),
    (Question.merge_photos, take_merge_photo),
    (Question.upscale_scale, PHOTO_HANDLERS[Operation.UPSCALE]),
    *((PHOTO_STATES[operation], handler) for operation, handler in PHOTO_HANDLERS.items()),
)
"""Handlers of pictures that answer a question."""

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
    "privacy": handle_privacy,
    "forget_me": handle_forget_me,
}
# Telegram reports a GIF twice: as the converted video, and as a document.
_PICTURE = F.photo | (F.document & ~F.animation)
_UNKNOWN_COMMAND = F.text.startswith("/")
_IS_PRIVATE = F.chat.type == "private"
# The link to the help that groups get.
_HELP_LINK = CommandStart(deep_link=True, ignore_case=True, magic=F.args == "help")
_IS_UNREADABLE = F.content_type.in_(UNREADABLE)


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
    privacy: Privacy
    chat_model: ChatModel
    stats: StatsSources
    remedies: Remedies
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
    register(handle_help, _HELP_LINK)
    register(handle_start, CommandStart(ignore_case=True))
    for name, handler in _COMMANDS.items():
        register(handler, Command(name, ignore_case=True))
    for name, handler in admin.COMMANDS.items():
        place = () if name in admin.ANYWHERE else (_IS_PRIVATE,)
        register(handler, Command(name, ignore_case=True), *place, _is_admin)
    register(handle_unknown_command, _is_addressed, _UNKNOWN_COMMAND)
    register(handle_text, _is_addressed, F.text)
    for question, handler in _PICTURE_ANSWERS:
        register(handler, _is_addressed, StateFilter(question), _PICTURE)
    register(handle_photo, _is_addressed, _PICTURE)
    register(handle_unsupported, _is_addressed, _IS_UNREADABLE)


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


def _is_admin(event: Message | CallbackQuery, policy: AccessPolicy) -> bool:
    return event.from_user is not None and policy.is_admin(event.from_user.id)
