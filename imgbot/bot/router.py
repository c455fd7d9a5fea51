"""Router: chooses the handler of an update, admits its user, and reports every rejection."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from aiogram import Bot
from aiogram.types import CallbackQuery, Message, Update

from imgbot.bot.albums import album_of, handle_album_item
from imgbot.bot.chat_model import ChatModel
from imgbot.bot.context import RequestContext, context_from_event
from imgbot.bot.conversation import handle_picture, handle_text, on_meaning_callback
from imgbot.bot.dialogue import Dialogue, Dialogues, call
from imgbot.bot.handlers import admin
from imgbot.bot.handlers.account import (
    handle_limits,
    handle_queue,
    handle_quiet,
    handle_settings,
    on_queue_callback,
    on_setting_callback,
    on_subscription_callback,
)
from imgbot.bot.handlers.admin.remedies import Remedies
from imgbot.bot.handlers.admin.reports import StatsSources
from imgbot.bot.handlers.operations import (
    START_HANDLERS,
    on_merge_callback,
    on_photo_callback,
    on_scale_callback,
    on_start_callback,
)
from imgbot.bot.handlers.privacy import (
    CONFIRM,
    Privacy,
    handle_forget_me,
    handle_privacy,
    on_forget_callback,
)
from imgbot.bot.handlers.results import (
    handle_compare,
    handle_history,
    handle_inline,
    handle_last,
    handle_undo,
    on_again_callback,
    on_compare_callback,
    on_draw_callback,
    on_file_callback,
    on_history_callback,
    on_operation_callback,
    on_undo_callback,
)
from imgbot.bot.handlers.start import (
    handle_cancel,
    handle_edited,
    handle_help,
    handle_start,
    handle_unknown_command,
    handle_unsupported,
    on_cancel_callback,
    on_help_callback,
)
from imgbot.bot.messages import (
    UNREADABLE,
    BotIdentity,
    addressee_of,
    command_of,
    text_after,
    without_mention,
)
from imgbot.bot.requests import AccessPolicy, RequestService
from imgbot.domain.errors import (
    ChatGoneError,
    ChatMovedError,
    ConfigError,
    FencedError,
    ImgbotError,
    StorageFullError,
    StorageUnavailableError,
    TransientError,
    UserError,
)
from imgbot.domain.operations import (
    OPERATIONS,
    RESULT_ACTIONS,
)
from imgbot.domain.texts import t
from imgbot.domain.texts.buttons import CallbackData, parse
from imgbot.imaging.originals import OriginalStore
from imgbot.storage import keys
from imgbot.storage.access import Access
from imgbot.storage.albums import Albums
from imgbot.storage.broadcasts import Broadcasts
from imgbot.storage.client import storage_errors
from imgbot.storage.dead_letters import DeadLetters
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.job_reads import JobReads
from imgbot.storage.rate_limit import RateLimit
from imgbot.storage.results import ResultStore
from imgbot.storage.spend import Spend
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import Messenger

_UNRELATED = (TransientError, FencedError, ConfigError, ChatGoneError)
"""Errors unrelated to the message: it is redelivered, or its chat is gone."""

Handler = Callable[..., Awaitable[Any]]
Event = Message | CallbackQuery

COMMANDS: Mapping[str, Handler] = {
    "start": handle_start,
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


_REPEATABLE = frozenset({"help", "set", "view", "queue", "stuck"})
"""Actions exempt from double-press detection: turning a page twice quickly is intended."""


CALLBACKS: dict[str, Callable[..., Awaitable[str]]] = {
    "start": on_start_callback,
    "meant": on_meaning_callback,
    "photo": on_photo_callback,
    "scale": on_scale_callback,
    "merge": on_merge_callback,
    "cancel": on_cancel_callback,
    "help": on_help_callback,
    "news": on_subscription_callback,
    "set": on_setting_callback,
    "view": on_history_callback,
    "queue": on_queue_callback,
    CONFIRM: on_forget_callback,
    "again": on_again_callback,
    "draw": on_draw_callback,
    "file": on_file_callback,
    "compare": on_compare_callback,
    "undo": on_undo_callback,
    **{
        action: partial(on_operation_callback, operation)
        for action, operation in RESULT_ACTIONS.items()
    },
}
"""Handler of each callback action; it returns the key of the answer, or nothing."""


async def on_unknown_callback(_: CallbackQuery) -> str:
    return "unknown_button"


_OWN_DATA = frozenset({handle_privacy, handle_forget_me, on_forget_callback})
"""Handlers open to everybody: what is stored of a banned user is theirs as well."""


@dataclass(frozen=True, slots=True)
class Components:
    """Components that a handler receives if it names them as a parameter, beside `dialogue`."""

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


class UpdateHandler:
    """Handles updates, one at a time for each user in a chat."""

    def __init__(self, components: Components, dialogues: Dialogues, bot: Bot) -> None:
        self._components = components
        self._injected = {each.name: getattr(components, each.name) for each in fields(components)}
        self._requests = components.requests
        self._users = components.users
        self._dialogues = dialogues
        self._bot = bot

    async def handle(self, raw: Mapping[str, Any]) -> None:
        update = Update.model_validate(raw, context={"bot": self._bot})
        if update.inline_query:
            await call(handle_inline, update.inline_query, **self._injected)
            return
        event = update.message or update.edited_message or update.callback_query
        context = context_from_event(event, update.update_id) if event else None
        if event is None or context is None:
            return
        argument = ""
        if isinstance(event, CallbackQuery):
            handler, argument = self._callback_handler(event)
        elif update.edited_message:
            is_request = event.chat.type == "private" and (event.text or event.caption)
            handler = handle_edited if is_request else None
        else:
            handler = await self._message_handler(event)
        if handler is not None:
            await self._admit(handler, event, argument, context)

    async def _message_handler(self, message: Message) -> Handler | None:
        """Return the handler of a message; None if it is for somebody else in a group."""
        is_addressed = self._components.identity.is_addressed(message)
        # An album item belongs to its album even if its caption is a command. In a group only the
        # item with the mention shows that the album is for the bot.
        if message.media_group_id and (
            is_addressed or await self._components.albums.is_known(album_of(message))
        ):
            return handle_album_item
        if handler := self._command_handler(message):
            return handler
        if not is_addressed:
            return None
        if message.text:
            return handle_unknown_command if message.text.startswith("/") else handle_text
        # Telegram reports a GIF twice: as the converted video, and as a document.
        if message.photo or (message.document and not message.animation):
            return handle_picture
        return handle_unsupported if message.content_type in UNREADABLE else None

    def _command_handler(self, message: Message) -> Handler | None:
        name, addressee = command_of(message), addressee_of(message)
        if not name or addressee not in {"", self._components.identity.name.lower()}:
            return None
        if name in admin.COMMANDS:
            is_allowed = name in admin.ANYWHERE or message.chat.type == "private"
            return admin.COMMANDS[name] if is_allowed and self._is_by_admin(message) else None
        # The link to the help that groups get.
        return COMMANDS.get("help" if (name, text_after(message)) == ("start", "help") else name)

    def _callback_handler(self, callback: CallbackQuery) -> tuple[Handler, str]:
        press = parse(callback.data)
        handler = CALLBACKS.get(press.action) if press else None
        if press and press.action in admin.CALLBACKS and self._is_by_admin(callback):
            handler = admin.CALLBACKS[press.action]
        return handler or on_unknown_callback, press.argument if press else ""

    def _is_by_admin(self, event: Event) -> bool:
        return event.from_user is not None and self._components.policy.is_admin(event.from_user.id)

    async def _admit(
        self,
        handler: Handler,
        event: Event,
        argument: str,
        context: RequestContext,
    ) -> None:
        if isinstance(event, Message):
            event = without_mention(event, self._components.identity.name)
        try:
            profile = await self._users.profile(context.user_id, context.chat_id)
            context = context.with_profile(profile)
            async with self._requests.user_lock(context.user_key):
                try:
                    await self._serve(handler, event, argument, context)
                except ChatMovedError as moved:
                    # A handler is safe to repeat, as an update may be; now in the supergroup.
                    context = context.with_chat(moved.chat_id)
                    await self._serve(handler, event, argument, context)
        except _UNRELATED:
            raise
        except Exception:
            # The caller sets the update aside; the user must not wait in vain.
            with suppress(ImgbotError):
                await self._refuse(event, self._dialogues.open(context), UserError("went_wrong"))
            raise

    async def _serve(
        self,
        handler: Handler,
        event: Event,
        argument: str,
        context: RequestContext,
    ) -> None:
        stored = context.profile.written
        if isinstance(event, Message) and event.forward_origin is None:
            context = context.with_text(event.text or event.caption or "")
        dialogue = self._dialogues.open(context)
        try:
            # Also of a user who is refused: an admin may let them in by their name.
            await self._note_username(context)
            if context.is_anonymous or handler not in _OWN_DATA:
                self._components.policy.check(context)
            await self._remember(context, stored)
            with storage_errors():
                if isinstance(event, CallbackQuery):
                    await self._press(handler, event, argument, dialogue)
                else:
                    await self._count(event, context)
                    await call(handler, event, dialogue=dialogue, **self._injected)
        except UserError as error:
            await self._refuse(event, dialogue, error)
        except StorageFullError:
            await self._refuse(event, dialogue, UserError("storage_full"))

    async def _press(
        self, handler: Handler, callback: CallbackQuery, argument: str, dialogue: Dialogue
    ) -> None:
        """Do what a button says, and answer the callback."""
        press, key = parse(callback.data), "tapped_already"
        if press is None or await self._is_first(dialogue.context, press):
            key = await call(
                handler, callback, argument=argument, dialogue=dialogue, **self._injected
            )
        text = t(dialogue.context.language, key) if key else ""
        await dialogue.messenger.answer_callback(callback.id, text)

    async def _is_first(self, context: RequestContext, press: CallbackData) -> bool:
        """Return false for a second press within seconds, of a button that orders something."""
        tap = f"{context.user_key}.{context.message_id}.{press.action}:{press.argument}"
        is_first = await self._users.debounce_tap(tap, context.request)
        return is_first or press.action in _REPEATABLE

    async def _note_username(self, context: RequestContext) -> None:
        """Store the user's @name when it changes: Telegram tells no id for a name."""
        before = context.profile.username
        if context.username != before and not context.is_anonymous:
            with suppress(StorageUnavailableError):
                await self._users.set_username(context.user_id, context.username, before)

    async def _remember(self, context: RequestContext, stored_language: str) -> None:
        """Record the user's language, and once a day that they are active, for broadcasts."""
        now_ms = self._requests.now_ms()
        # A full Redis must not prevent the answer that reports it.
        with suppress(StorageUnavailableError):
            if context.is_private and context.profile.needs_seen_update(now_ms):
                await self._users.mark_seen(context.user_id, context.language, now_ms)
            if context.profile.written != stored_language:
                await self._users.set_written(context.user_id, context.profile.written)

    async def _count(self, message: Message, context: RequestContext) -> None:
        """Count a command against its own limit; requests are counted by their handlers.

        A user out of requests may still list active jobs and remaining limits.
        """
        is_command = message.text is not None and command_of(message) not in {"", "cancel"}
        if not is_command or self._components.policy.is_admin(context.user_id):
            return
        try:
            request = f"command.{context.request}"
            await self._requests.check_rate_limit(context, request, keys.COMMANDS)
        except UserError as error:
            # A full Redis still serves commands that only read.
            if error.reason != "storage_full":
                raise

    async def _refuse(self, event: Event, dialogue: Dialogue, error: UserError) -> None:
        if isinstance(event, CallbackQuery):
            text = t(dialogue.context.language, error.reason, **error.facts)
            await dialogue.messenger.answer_callback(event.id, text)
        else:
            await dialogue.reply_error(error)
