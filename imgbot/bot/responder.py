"""Responder: the bot's answers to one update, in the user's chat and language."""

from dataclasses import dataclass, replace
from pathlib import Path

from aiogram.types import User

from imgbot.bot.context import RequestContext
from imgbot.domain.errors import MessageGoneError, StorageFullError, TransientError, UserError
from imgbot.domain.job import InputPhoto
from imgbot.domain.texts import t
from imgbot.domain.texts.buttons import Keyboard
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import Messenger
from imgbot.telegram.rate_limiter import max_wait

_THROTTLE_S = {"not_allowed": 3600, "banned": 3600, "edited_message": 600}
_THROTTLE_DEFAULT_S = 15
_THROTTLED = frozenset(
    {
        "rate_limited",
        "queue_full",
        "too_many_waiting",
        "budget_used_up",
        "user_budget_used_up",
        "storage_full",
        "paused",
        "paused_words",
        "not_allowed",
        "banned",
        "anonymous",
        "edited_message",
    }
)
"""Errors that a user can cause many times in a row."""


@dataclass(frozen=True, slots=True)
class Responder:
    """Answers to one user; made for each update."""

    context: RequestContext
    messenger: Messenger
    users: UserStore

    async def reply(
        self, key: str, rows: Keyboard | None = None, /, **facts: str | int | float
    ) -> int:
        """Answer with a text by key; return the message's id."""
        return await self.reply_text(t(self.context.language, key, **facts), rows)

    async def reply_text(self, text: str, rows: Keyboard | None = None) -> int:
        """Answer with a text; return the message's id."""
        return await self.messenger.send_text(self.context.chat_target, text, rows or [])

    async def ask_about_text(self, key: str, rows: Keyboard, /, **facts: str | int | float) -> int:
        """Answer in reply to the user's text, on which the buttons act."""
        target = replace(self.context.chat_target, reply_to=self.context.message_id)
        return await self.messenger.send_text(target, t(self.context.language, key, **facts), rows)

    async def ask(self, key: str) -> int:
        """Answer with a question; in a group only a reply to it is an answer."""
        context = self.context
        text, called = t(context.language, key), None
        if context.pressed_by and not context.is_private:
            # It replies to the bot's own message then: only a mention tells which user is asked.
            text = t(context.language, "ask_by_name", name=context.pressed_by, question=text)
            called = User(id=context.user_id, is_bot=False, first_name=context.pressed_by)
        return await self.messenger.send_text(
            context.chat_target, text, [], asks_for_reply=not context.is_private, called=called
        )

    async def reply_error(self, error: UserError) -> None:
        """Report an error; repetitions of the same error are throttled."""
        facts = dict(error.facts)
        throttle_s = facts.pop("wait_s", 0) or _THROTTLE_S.get(error.reason, _THROTTLE_DEFAULT_S)
        if await self._should_report(error.reason, int(throttle_s)):
            await self.reply(error.reason, **facts)

    async def _should_report(self, reason: str, throttle_s: int) -> bool:
        if reason not in _THROTTLED:
            return True
        context = self.context
        try:
            return await self.users.claim_notice(
                context.user_id, f"{reason}.{context.chat_id}", context.request, throttle_s
            )
        except StorageFullError:
            # A full Redis cannot record the report; waiting for it would block all users.
            return True

    async def answer_callback(self, callback_id: str, text: str) -> None:
        """Answer a callback; one that has expired is ignored."""
        await self.messenger.answer_callback(callback_id, text)

    async def edit_text(
        self,
        message_id: int,
        text: str,
        rows: Keyboard,
        *,
        patience_s: float = 10.0,
        is_needed: bool = False,
    ) -> bool:
        """Edit an earlier answer; False if it is gone.

        An edit that cannot be made now is dropped; if it is needed, TransientError is raised.
        """
        try:
            with max_wait(patience_s):
                await self.messenger.edit_text(self.context.chat_target, message_id, text, rows)
        except MessageGoneError:
            return False
        except TransientError:
            if is_needed:
                raise
            return True
        return True

    async def update_panel(self, text: str, rows: Keyboard) -> None:
        """Edit the message whose button was pressed."""
        if self.context.message_id:
            await self.edit_text(self.context.message_id, text, rows)

    async def send_picture(
        self,
        picture: InputPhoto | Path,
        caption: str,
        rows: Keyboard | None = None,
        *,
        name: str = "",
    ) -> InputPhoto | None:
        """Answer with a picture; return it as Telegram stored it."""
        target = self.context.chat_target
        return await self.messenger.send_picture(target, picture, caption, rows or [], name=name)
