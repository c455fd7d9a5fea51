"""Targets of admin commands: by number, by @name, or by the message replied to."""

import re

from aiogram.types import (
    ExternalReplyInfo,
    Message,
    MessageOriginHiddenUser,
    MessageOriginUser,
    User,
)

from imgbot.bot.messages import clean, replied_message, text_after
from imgbot.bot.requests import RequestService
from imgbot.domain.errors import UserError
from imgbot.telegram.messenger import picture_in

_NUMBER = re.compile(r"-?[0-9]+")
_USERNAME = re.compile(r"@(\w{1,32})", re.ASCII)
_ID_IN_TEXT = re.compile(r"(?<![\w.,$-])[0-9]{6,16}(?![\w.,]?\w)")
_ID_DIGITS = 16
_ID_BITS = 52
"""Telegram documents at most 52 significant bits for its ids."""
_QUOTED_LENGTH = 40


async def target_of(message: Message, requests: RequestService) -> tuple[int | None, str]:
    """Return the target of the command, and the rest of its text.

    Raises UserError for an id that is invalid or that Telegram never assigns, for an unknown
    name, and for a message that does not show which user it is about.
    """
    text = clean(text_after(message))
    first, _, rest = text.partition(" ")
    if _NUMBER.fullmatch(first):
        return _id_of(first), rest
    if name := _USERNAME.fullmatch(first):
        return await _id_of_name(name[1], requests), rest
    replied = replied_message(message) or message.external_reply
    target = await _target_in(replied, requests) if replied else None
    if target is None and first:
        raise UserError("id_unreadable", words=first[:_QUOTED_LENGTH])
    return target, text


def _id_of(number: str) -> int:
    digits = number.removeprefix("-").lstrip("0")
    if not digits or len(digits) > _ID_DIGITS or int(digits).bit_length() > _ID_BITS:
        raise UserError("id_nobodys", number=number[:_QUOTED_LENGTH])
    return int(number)


async def _id_of_name(name: str, requests: RequestService) -> int:
    user_id = await requests.users.id_of(name)
    if user_id is None:
        raise UserError("name_unknown", name=name)
    return user_id


async def _target_in(replied: Message | ExternalReplyInfo, requests: RequestService) -> int | None:
    """Return the user whose message it is, or whom a message of the bot is about."""
    author = _author_of(replied)
    if author is not None and not author.is_bot:
        return author.id
    is_own = author is not None and author.id == requests.bot_id
    return await _named_in(replied, requests) if is_own and isinstance(replied, Message) else None


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


async def _named_in(message: Message, requests: RequestService) -> int | None:
    """Return the user whom a message of the bot mentions, made a picture for, or names by id."""
    for entity in message.entities or []:
        if entity.user is not None:
            return entity.user.id
    if picture := picture_in(message):
        job_id = await requests.results.job_of_picture(picture)
    else:
        job_id = await requests.results.announced_in(message.chat.id, message.message_id)
    if result := await requests.results.result(job_id):
        return result.user_id
    numbers = dict.fromkeys(map(int, _ID_IN_TEXT.findall(message.text or "")))
    # Other numbers are of jobs.
    known = await requests.users.known(numbers)
    if len(known) > 1:
        raise UserError("several_named")
    return known[0] if known else None
