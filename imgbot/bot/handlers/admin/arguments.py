"""What an administrator's command names: a person, a group, and the words behind it."""

import re

from aiogram.types import Message, MessageOriginUser, User

from imgbot.bot.messages import clean, replied_message
from imgbot.domain.errors import UserError

_COMMAND = re.compile(r"^/\w+(@\w+)?[ \t]*\n?")
_NUMBER = re.compile(r"-?[0-9]+")
_ID_DIGITS = 16
_ID_BITS = 52
"""Telegram promises that no id of its has more."""
_SHOWN = 40


def text_after(message: Message) -> str:
    """Return what stands behind the command, line by line as it was written."""
    return _COMMAND.sub("", message.text or "", count=1).strip()


def target_of(message: Message) -> tuple[int | None, str]:
    """Return whom the command names, by id or by the message it answers, and the other words.

    Raises UserError for what is no id, and for a number that Telegram gives to nobody.
    """
    words = clean(text_after(message))
    first, _, rest = words.partition(" ")
    if _NUMBER.fullmatch(first):
        return _id_of(first), rest
    author = author_of(replied_message(message))
    if author is not None:
        return author.id, words
    if first:
        raise UserError("id_unreadable", words=first[:_SHOWN])
    return None, ""


def _id_of(number: str) -> int:
    digits = number.removeprefix("-").lstrip("0")
    if not digits or len(digits) > _ID_DIGITS or int(digits).bit_length() > _ID_BITS:
        raise UserError("id_nobodys", number=number[:_SHOWN])
    return int(number)


def author_of(message: Message | None) -> User | None:
    """Return the person who wrote a message, or from whom it was forwarded; no bot."""
    if message is None:
        return None
    origin = message.forward_origin
    author = origin.sender_user if isinstance(origin, MessageOriginUser) else message.from_user
    is_person = author is not None and not author.is_bot
    return author if is_person else None
