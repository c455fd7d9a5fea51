"""Middleware: access control, and error messages for every rejected update."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiogram import BaseMiddleware
from aiogram.types import CallbackQuery, Message, TelegramObject

from imgbot.bot.context import RequestContext, context_from_event
from imgbot.bot.dialogue import Dialogue
from imgbot.bot.handlers.privacy import CONFIRM, RIGHTS
from imgbot.bot.messages import BotIdentity, command_of, without_mention
from imgbot.bot.requests import RequestService
from imgbot.bot.responder import Responder
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
from imgbot.domain.texts import t
from imgbot.domain.texts.buttons import parse
from imgbot.storage import keys
from imgbot.storage.client import storage_errors
from imgbot.telegram.messenger import Messenger

_UNRELATED = (TransientError, FencedError, ConfigError, ChatGoneError)
"""Errors unrelated to the message: it is redelivered, or its chat is gone."""

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class AccessMiddleware(BaseMiddleware):
    """Admits users: builds the context, checks access, and reports errors."""

    def __init__(
        self, requests: RequestService, messenger: Messenger, identity: BotIdentity
    ) -> None:
        self._requests = requests
        self._users = requests.users
        self._messenger = messenger
        self._identity = identity

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        if not isinstance(event, Message | CallbackQuery):
            return None
        context = context_from_event(event, data["event_update"].update_id)
        if context is None:
            return None
        if isinstance(event, Message):
            event = without_mention(event, self._identity.name)
        try:
            profile = await self._users.profile(context.user_id, context.chat_id)
            await self._admit(handler, event, data, context.with_profile(profile))
        except _UNRELATED:
            raise
        except Exception:
            # The caller sets the update aside; the user must not wait in vain.
            with suppress(ImgbotError):
                await self._refuse(event, context, UserError("went_wrong"))
            raise
        return None

    async def _admit(
        self, handler: Handler, event: TelegramObject, data: dict[str, Any], context: RequestContext
    ) -> None:
        async with self._requests.user_lock(context.user_key):
            try:
                await self._serve(handler, event, data, context)
            except ChatMovedError as moved:
                # A handler is safe to repeat, as an update may be; now in the supergroup.
                await self._serve(handler, event, data, context.with_chat(moved.chat_id))

    async def _serve(
        self, handler: Handler, event: TelegramObject, data: dict[str, Any], context: RequestContext
    ) -> None:
        stored = context.profile.written
        if isinstance(event, Message) and event.forward_origin is None:
            context = context.with_text(event.text or event.caption or "")
        try:
            # Also of a user who is refused: an admin may let them in by their name.
            await self._note_username(context)
            if not _is_about_own_data(event, context):
                self._requests.policy.check(context)
            responder = self._responder(context)
            dialogue = Dialogue(context, data["state"], self._requests, responder)
            data |= {"context": context, "responder": responder, "dialogue": dialogue}
            await self._mark_seen(context)
            await self._remember_language(context, stored)
            if isinstance(event, Message):
                await self._count(event, context)
            with storage_errors():
                await handler(event, data)
        except UserError as error:
            await self._refuse(event, context, error)
        except StorageFullError:
            await self._refuse(event, context, UserError("storage_full"))

    async def _count(self, message: Message, context: RequestContext) -> None:
        """Count a command against its own limit; requests are counted by their handlers.

        A user out of requests may still list active jobs and remaining limits.
        """
        is_command = message.text is not None and command_of(message) not in {"", "cancel"}
        if not is_command or self._requests.policy.is_admin(context.user_id):
            return
        try:
            request = f"command.{context.request}"
            await self._requests.check_rate_limit(context, request, keys.COMMANDS)
        except UserError as error:
            # A full Redis still serves commands that only read.
            if error.reason != "storage_full":
                raise

    async def _mark_seen(self, context: RequestContext) -> None:
        """Record, once a day, that the user is active: broadcasts go to active users."""
        now_ms = self._requests.now_ms()
        if context.is_private and context.profile.needs_seen_update(now_ms):
            # A full Redis must not prevent the answer that reports it.
            with suppress(StorageUnavailableError):
                await self._users.mark_seen(context.user_id, context.language, now_ms)

    async def _note_username(self, context: RequestContext) -> None:
        """Store the user's @name when it changes: Telegram tells no id for a name."""
        if context.username != context.profile.username and not context.is_anonymous:
            with suppress(StorageUnavailableError):
                before = context.profile.username
                await self._users.set_username(context.user_id, context.username, before)

    async def _remember_language(self, context: RequestContext, stored: str) -> None:
        written = context.profile.written
        if written != stored:
            with suppress(StorageUnavailableError):
                await self._users.set_written(context.user_id, written)

    async def _refuse(
        self, event: TelegramObject, context: RequestContext, error: UserError
    ) -> None:
        if isinstance(event, CallbackQuery):
            text = t(context.language, error.reason, **error.facts)
            await self._messenger.answer_callback(event.id, text)
        else:
            await self._responder(context).reply_error(error)

    def _responder(self, context: RequestContext) -> Responder:
        return Responder(context, self._messenger, self._users)


def _is_about_own_data(event: TelegramObject, context: RequestContext) -> bool:
    """Return true if a user asks for, or deletes, what is stored of them."""
    if context.is_anonymous:
        return False
    if isinstance(event, CallbackQuery):
        press = parse(event.data)
        return press is not None and press.action == CONFIRM
    return isinstance(event, Message) and command_of(event) in RIGHTS
