"""Users or groups that the commands of administrators name."""

import re
from dataclasses import dataclass

from aiogram.types import (
    ExternalReplyInfo,
    Message,
    MessageOriginHiddenUser,
    MessageOriginUser,
    User,
)

from imgbot.bot.messages import BotIdentity, clean, replied_message, text_after
from imgbot.domain.errors import UserError
from imgbot.storage.results import ResultStore
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import picture_in

_NUMBER = re.compile(r"-?[0-9]+")
_USERNAME = re.compile(r"@(\w{1,32})", re.ASCII)
_ID_IN_TEXT = re.compile(r"(?<![\w.,$-])[0-9]{6,16}(?![\w.,]?\w)")
_ID_DIGITS = 16
_ID_BITS = 52
"""Telegram documents at most 52 significant bits for its ids."""
_QUOTED_LENGTH = 40


@dataclass(frozen=True, slots=True)
class UserFinder:
    """Finds the users that commands and messages name."""

    users: UserStore
    results: ResultStore
    identity: BotIdentity

    async def target_of(self, message: Message) -> tuple[int | None, str]:
        """Return the target of the command, and the rest of its text.

        Raises UserError for an id that is invalid or that Telegram never assigns, for an unknown
        name, and for a message that does not show which user it is about.
        """
        text = clean(text_after(message))
        first, _, rest = text.partition(" ")
        if _NUMBER.fullmatch(first):
            return _id_of(first), rest
        if name := _USERNAME.fullmatch(first):
            return await self._id_of_name(name[1]), rest
        replied = replied_message(message) or message.external_reply
        target = await self._target_in(replied) if replied else None
        if target is None and first:
            raise UserError("id_unreadable", words=first[:_QUOTED_LENGTH])
        return target, text

    async def found_by(self, message: Message) -> list[int]:
        """Return whom a command names by id, @name or words of their name, the latest first.

        Without a text it is whom the message replied to is about, if anybody. Raises UserError if
        it is nobody, and as `target_of` does.
        """
        words = clean(text_after(message))
        first = words.partition(" ")[0]
        if not words or _NUMBER.fullmatch(first):
            user_id, _ = await self.target_of(message)
            return [user_id] if user_id else []
        exact = await self.users.id_of(first[1:]) if _USERNAME.fullmatch(first) else None
        found = [exact] if exact else await self.users.find(words)
        if not found:
            raise UserError("user_not_found", name=words[:_QUOTED_LENGTH])
        return found

    async def label_of(self, user_id: int) -> str:
        """Return an id, with the user's names before it as far as they are known."""
        return (await self.users.labels([user_id]))[user_id]

    async def _id_of_name(self, name: str) -> int:
        user_id = await self.users.id_of(name)
        if user_id is None:
            raise UserError("name_unknown", name=name)
        return user_id

    async def _target_in(self, replied: Message | ExternalReplyInfo) -> int | None:
        """Return the user whose message it is, or whom a message of the bot is about."""
        author = _author_of(replied)
        if author is not None and not author.is_bot:
            return author.id
        if isinstance(replied, Message) and self.identity.is_account(author):
            return await self._mentioned_in(replied)
        return None

    async def _mentioned_in(self, message: Message) -> int | None:
        """Return whom a message of the bot mentions, made a picture for, or names by id."""
        for entity in message.entities or []:
            if entity.user is not None:
                return entity.user.id
        if picture := picture_in(message):
            job_id = await self.results.job_of_picture(picture)
        else:
            job_id = await self.results.announced_in(message.chat.id, message.message_id)
        if result := await self.results.result(job_id):
            return result.user_id
        numbers = dict.fromkeys(map(int, _ID_IN_TEXT.findall(message.text or "")))
        # Other numbers are of jobs.
        known = await self.users.known(numbers)
        if len(known) > 1:
            raise UserError("several_named")
        return known[0] if known else None


def _id_of(number: str) -> int:
    digits = number.removeprefix("-").lstrip("0")
    if not digits or len(digits) > _ID_DIGITS or int(digits).bit_length() > _ID_BITS:
        raise UserError("id_nobodys", number=number[:_QUOTED_LENGTH])
    return int(number)


def _author_of(message: Message | ExternalReplyInfo) -> User | None:
    """Return the account that wrote a message, or from which it was forwarded.

    Raises UserError if it is hidden: the account that forwarded it is another one.
    """
    is_here = isinstance(message, Message)
    origin = message.forward_origin if is_here else message.origin
    if isinstance(origin, MessageOriginUser):
        return origin.sender_user
    # In a group a member may be banned for what they forward from a channel.
    is_of_member = is_here and message.chat.type != "private"
    if isinstance(origin, MessageOriginHiddenUser) or (origin and not is_of_member):
        raise UserError("author_hidden")
    return message.from_user if is_here else None
