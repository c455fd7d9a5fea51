"""Support: words of a user to the administrators, whose reply goes back, and the terms of sale."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from aiogram.types import Message

from imgbot.bot.administrators import tell_administrators
from imgbot.bot.commands import ChatCommand
from imgbot.bot.dialogue import Dialogue
from imgbot.bot.messages import command_of, presses_in, replied_message, text_after
from imgbot.bot.people import UserFinder
from imgbot.bot.policy import AccessPolicy
from imgbot.domain.buttons import ButtonAction, Keyboard, action_in
from imgbot.domain.errors import ChatGoneError, TelegramRefusedError, UserError
from imgbot.domain.texts import t
from imgbot.features.feature import PrivacyNote
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import ChatTarget, Messenger

SUPPORT = ButtonAction("support", (int,), is_for_admins=True, is_repeatable=True)
"""Show the payments of a user; a reply to the message that has it is for them."""

_EVERY_S = 120
_REPEATED_S = 90_000
"""Longer than an update is handled again."""
_LENGTH = 3000
"""Characters of words that fit below a title; a longer message is copied."""


@dataclass(frozen=True, slots=True)
class Support:
    """Passes words on between users and administrators.

    What was passed on is noted after it was sent, each time: a crash between the two repeats it,
    which is better than to lose it.
    """

    messenger: Messenger
    policy: AccessPolicy
    users: UserStore
    finder: UserFinder

    async def pass_on(self, message: Message, dialogue: Dialogue) -> None:
        """Give a user's words to the administrators, with their name and id."""
        notice = f"said.{dialogue.user_id}.support"
        if not await self.users.is_first(notice, dialogue.context.request, _EVERY_S):
            raise UserError("support_too_soon")
        if not await self.tell("support_from", dialogue, message):
            raise UserError("support_nobody")
        await dialogue.say(dialogue.t("support_passed_on"), about=dialogue.context.message_id)

    async def tell(self, key: str, dialogue: Dialogue, message: Message | None = None) -> bool:
        """Tell all administrators of a user, with their message; false if none could be told."""
        user_id = dialogue.user_id
        label = await self.finder.label_of(user_id)

        async def tell(admin_id: int, language: str) -> None:
            title = t(language, key, user=label, id=user_id)
            rows = [[SUPPORT.button(language, user_id)]]
            await self._send(admin_id, title, rows, dialogue, message)

        return await tell_administrators(self.policy.admins, self.users, tell)

    async def route(self, message: Message) -> ChatCommand | None:
        """Return what takes a reply of an administrator to a user's words."""
        replied, author = replied_message(message), message.from_user
        is_own = self.finder.identity.has_written(replied) and message.chat.type == "private"
        if not (is_own and author and self.policy.is_admin(author.id)) or command_of(message):
            return None
        named = dict(action_in(each) for each in presses_in(replied))
        user_id = named.get(SUPPORT.name, "")
        answer = partial(self._answer, int(user_id or 0))
        return ChatCommand("", answer, is_part=True) if user_id else None

    async def _answer(self, user_id: int, message: Message, dialogue: Dialogue) -> None:
        title = t((await self.users.profile(user_id, user_id)).language, "support_answer")
        try:
            await self._send(user_id, title, [], dialogue, message)
        except (ChatGoneError, TelegramRefusedError):
            raise UserError("support_unreachable") from None
        await dialogue.say(dialogue.t("support_answered"), about=dialogue.context.message_id)

    async def _send(
        self, to: int, title: str, rows: Keyboard, dialogue: Dialogue, message: Message | None
    ) -> None:
        """Send a title and the words of a message, once for its update."""
        sent = f"said.{to}.support.{dialogue.context.request}"
        if await self.users.choice(sent):
            return
        words = text_after(message) if message else ""
        is_short = message is None or 0 < len(words) <= _LENGTH
        text = f"{title}\n\n{words}" if words and is_short else title
        await self.messenger.send_text(ChatTarget(to), text, rows)
        if message and not is_short:
            origin = message.chat.id, message.message_id
            await self.messenger.copy_message(ChatTarget(to), *origin, rows)
        await self.users.once(sent, "sent", _REPEATED_S)


def terms_of_sale(
    own: str, makers: Sequence[str], notes: Sequence[PrivacyNote], dialogue: Dialogue, price: str
) -> str:
    """Return the operator's own terms, or their address, else what the bot knows."""
    if own:
        return dialogue.t("terms", terms=own)
    recipients = [each.recipient for each in notes if each.recipient]
    names = ", ".join(dict.fromkeys([*makers, *recipients]))
    services = dialogue.t("terms_makers" if names else "terms_builtin", makers=names)
    return dialogue.t("terms", terms=dialogue.t("terms_default", price=price, services=services))
