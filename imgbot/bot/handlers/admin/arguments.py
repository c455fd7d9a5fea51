"""Arguments of admin commands: a user or a group id, and the text after it."""

import re

from aiogram.types import Message, MessageOriginUser, User

from imgbot.bot.messages import clean, replied_message
from imgbot.domain.errors import UserError

_COMMAND_LINE = re.compile(r"^/\w+(@\w+)?[ \t]*\n?")
_NUMBER = re.compile(r"-?[0-9]+")
_ID_DIGITS = 16
_ID_BITS = 52
"""Telegram documents at most 52 significant bits for its ids."""
_QUOTED_LENGTH = 40


def text_after(message: Message) -> str:
    """Return the text after the command, with its line breaks."""
    return _COMMAND_LINE.sub("", message.text or "", count=1).strip()


def target_of(message: Message) -> tuple[int | None, str]:
    """Return the target of the command, by id or by the message replied to, and the rest.

    Raises UserError for an invalid id, and for a number that Telegram never assigns.
    """
    words = clean(text_after(message))
    first, _, rest = words.partition(" ")
    if _NUMBER.fullmatch(first):
        return _id_of(first), rest
    author = author_of(replied_message(message))
    if author is not None:
        return author.id, words
    if first:
        raise UserError("id_unreadable", words=first[:_QUOTED_LENGTH])
    return None, ""


def _id_of(number: str) -> int:
    digits = number.removeprefix("-").lstrip("0")
    if not digits or len(digits) > _ID_DIGITS or int(digits).bit_length() > _ID_BITS:
        raise UserError("id_nobodys", number=number[:_QUOTED_LENGTH])
    return int(number)


def author_of(message: Message | None) -> User | None:
    """Return the user who wrote a message, or from whom it was forwarded; bots are excluded."""
    if message is None:
        return None
    origin = message.forward_origin
    author = origin.sender_user if isinstance(origin, MessageOriginUser) else message.from_user
    is_person = author is not None and not author.is_bot
    return author if is_person else None
