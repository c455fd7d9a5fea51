"""The door: who may come in, and every refusal in words."""

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
"""Errors that say nothing against the message: it comes again, or nobody is there."""

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class BotIdentity:
    """How the bot is known at Telegram."""

    id: int
    name: str

    def is_addressed(self, message: Message) -> bool:
        """In a group only a mention, or an answer to the bot's own message, is meant for it."""
        if message.chat.type == "private":
            return True
        answered = replied_message(message)
        if answered and answered.from_user and answered.from_user.id == self.id:
            return True
        return mentions(message, self.name)


def check_access(house: AccessPolicy, context: RequestContext) -> None:
    """Raise UserError for somebody who is not served here, or not as things stand now."""
    standing = context.profile
    if standing.is_banned and not house.is_admin(context.user_id):
        raise UserError("banned")
    # That account has a number, but no person to invite.
    if context.is_anonymous:
        raise UserError("anonymous")
    if not (standing.is_allowed or house.admits(context.user_id, context.chat_id)):
        raise UserError("not_allowed", user_id=context.user_id)


class AccessMiddleware(BaseMiddleware):
    """Lets visitors in: who it is, whether he may, and his errors in words."""

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
            # Whoever called sets it aside; but the person must not wait for nothing.
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
                # Any handler may be repeated, as an update may; now in the group's new place.
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
        """Count a command against a limit of its own; orders are counted by their handlers.

        Who has used up their requests may still ask what is on its way, and what is left.
        """
        is_command = message.text is not None and command_of(message) not in {"", "cancel"}
        if not is_command or self._service.policy.is_admin(context.user_id):
            return
        try:
            await self._service.check_rate_limit(
                context, f"command.{context.request}", keys.COMMANDS
            )
        except UserError as error:
            # A Redis that takes nothing new still answers what only reads.
            if error.reason != "storage_full":
                raise

    async def _note(self, context: RequestContext) -> None:
        """Note, once a day, that somebody speaks with the bot: broadcasts are for those."""
        now_ms = self._service.now_ms()
        if context.is_private and context.profile.needs_seen_update(now_ms):
            # A Redis that is full must not cost the answer that says so.
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
