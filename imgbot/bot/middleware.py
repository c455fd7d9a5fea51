"""Middleware: access control, and error messages for every rejected update."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiogram import BaseMiddleware
from aiogram.types import CallbackQuery, Message, TelegramObject

from imgbot.bot.context import RequestContext, context_from_event
from imgbot.bot.messages import command_of, mentions, replied_message, without_mention
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
from imgbot.domain.texts import t
from imgbot.storage import keys
from imgbot.storage.scripts import storage_errors

_OTHERS_MATTER = (TransientError, FencedError, ConfigError, ChatGoneError)
"""Errors unrelated to the message: it is redelivered, or its chat is gone."""

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class BotIdentity:
    """Identity of the bot at Telegram."""

    id: int
    name: str

    def is_addressed(self, message: Message) -> bool:
        """Return true in private chats; in a group, for a mention or a reply to the bot."""
        if message.chat.type == "private":
            return True
        answered = replied_message(message)
        if answered and answered.from_user and answered.from_user.id == self.id:
            return True
        return mentions(message, self.name)


def check_access(house: AccessPolicy, context: RequestContext) -> None:
    """Raise UserError for a user who is not admitted, or not at present."""
    standing = context.profile
    if standing.is_banned and not house.is_admin(context.user_id):
        raise UserError("banned")
    # That account has an id, but no user who could be admitted.
    if context.is_anonymous:
        raise UserError("anonymous")
    if not (standing.is_allowed or house.admits(context.user_id, context.chat_id)):
        raise UserError("not_allowed", user_id=context.user_id)


class AccessMiddleware(BaseMiddleware):
    """Admits users: builds the context, checks access, and reports errors."""

    def __init__(self, service: RequestService, myself: BotIdentity) -> None:
        self._service = service
        self._myself = myself

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        if not isinstance(event, Message | CallbackQuery):
            return None
        context = context_from_event(event, data["event_update"].update_id)
        if context is None:
            return None
        if isinstance(event, Message):
            event = without_mention(event, self._myself.name)
        try:
            standing = await self._service.store.users.profile(context.user_id, context.chat_id)
            await self._admit(handler, event, data, context.with_profile(standing))
        except _OTHERS_MATTER:
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
        async with self._service.user_lock(context.user_key):
            try:
                await self._serve(handler, event, data, context)
            except ChatMovedError as moved:
                # A handler is safe to repeat, as an update may be; now in the supergroup.
                await self._serve(handler, event, data, context.with_chat(moved.chat_id))

    async def _serve(
        self, handler: Handler, event: TelegramObject, data: dict[str, Any], context: RequestContext
    ) -> None:
        try:
            check_access(self._service.policy, context)
            data["context"], data["service"] = context, self._service
            await self._note(context)
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
        if not is_command or self._service.policy.is_admin(context.user_id):
            return
        try:
            await self._service.check_rate_limit(
                context, f"command.{context.request}", keys.COMMANDS
            )
        except UserError as error:
            # A full Redis still serves commands that only read.
            if error.reason != "storage_full":
                raise

    async def _note(self, context: RequestContext) -> None:
        """Record, once a day, that the user is active: broadcasts go to active users."""
        now_ms = self._service.now_ms()
        if context.is_private and context.profile.needs_seen_update(now_ms):
            # A full Redis must not prevent the answer that reports it.
            with suppress(StorageUnavailableError):
                await self._service.store.users.mark_seen(context.user_id, context.language, now_ms)

    async def _refuse(
        self, event: TelegramObject, context: RequestContext, error: UserError
    ) -> None:
        if isinstance(event, CallbackQuery):
            await self._service.answer_callback(
                event.id, t(context.language, error.reason, **error.facts)
            )
        else:
            await self._service.reply_error(context, error)
