"""What a message contains: words made clean, pictures by their handles."""

import re
import unicodedata
from pathlib import PurePath

from aiogram.types import ExternalReplyInfo, Message, MessageEntity

from imgbot.bot.intents import Intent, classify_intent
from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto
from imgbot.telegram.client import DOWNLOAD_LIMIT_BYTES
from imgbot.telegram.messenger import picture_in

WORDS_LIMIT = 2000
"""Characters; providers cut or refuse far longer descriptions."""

PICTURE_LIMIT_MB = DOWNLOAD_LIMIT_BYTES >> 20

_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff", ".bmp", ".heic", ".heif"}
)
_COMMAND = re.compile(r"^/([A-Za-z0-9_]+)(@\w+)?\s*")
# Control and format characters, and halves of characters that no encoding has room for.
_NOISE = frozenset({"Cc", "Cf", "Cs"})
_MOVING_OR_HEARD = ("animation", "audio", "sticker", "story", "video", "video_note", "voice")
# Joiners hold emoji together.
_JOINERS = frozenset("\u200d\ufe0f")
# Letters and symbols that look like nothing: people send them as an empty message.
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def prompt_of(message: Message) -> str:
    """Return the words of a text or caption, without the command and without noise.

    Raises UserError when they are too long.
    """
    return clean(_COMMAND.sub("", message.text or message.caption or "", count=1))


def command_of(message: Message) -> str:
    """Return the command that a text or caption begins with, or nothing."""
    found = _COMMAND.match(message.text or message.caption or "")
    return found[1].lower() if found else ""


def clean(words: str) -> str:
    """Drop control characters and fold white space. Raises UserError when too long."""
    kept = "".join(
        " " if char.isspace() else char
        for char in words
        if char.isspace() or char in _JOINERS or unicodedata.category(char) not in _NOISE
    )
    folded = " ".join(kept.split())
    if len(folded) > WORDS_LIMIT:
        raise UserError("words_too_long", count=len(folded), limit=WORDS_LIMIT)
    return folded if folded.strip("".join(_JOINERS | _BLANKS) + " ") else ""


def intent_of(message: Message) -> Intent:
    """Return what the words of a message mean; what is too long to read is a request."""
    try:
        words = prompt_of(message)
    except UserError:
        return Intent.REQUEST
    return classify_intent(words, is_about_picture=is_about_picture(message))


def photo_of(message: Message | ExternalReplyInfo) -> InputPhoto | None:
    """Return the picture of a message, None if it has none.

    Raises UserError for a file that is no picture or over Telegram's limit.
    """
    document = message.document
    if document is not None and not message.photo:
        suffix = PurePath(document.file_name or "").suffix.lower()
        if not (document.mime_type or "").startswith("image/") and suffix not in _SUFFIXES:
            raise UserError("file_not_picture")
    source = picture_in(message)
    if source is not None and source.size_bytes > DOWNLOAD_LIMIT_BYTES:
        raise UserError("picture_too_large", limit_mb=PICTURE_LIMIT_MB)
    return source


def replied_message(message: Message) -> Message | None:
    """Return the message that this one answers, if a person chose to answer it.

    In a topic every message that answers nothing comes as an answer to the topic's beginning.
    """
    answered = message.reply_to_message
    if answered is None or answered.forum_topic_created:
        return None
    is_beginning = answered.message_id == message.message_thread_id
    # Elsewhere a thread bears the number of the message that it is about.
    return None if message.is_topic_message and is_beginning else answered


def replied_picture_of(message: Message) -> InputPhoto | None:
    """Return the picture of the message that this one answers, here or in another chat.

    Raises UserError as `picture_of` does; in private also where its sender may take for a
    picture what is none.
    """
    answered = replied_message(message) or message.external_reply
    if answered is None:
        return None
    is_private = message.chat.type == "private"
    if any(getattr(answered, kind) for kind in _MOVING_OR_HEARD):
        if is_private:
            raise UserError("cannot_read_kind")
        return None
    try:
        return photo_of(answered)
    except UserError as error:
        # In a group they may speak of a file to each other, and with the bot of a fox.
        if error.reason == "file_not_picture" and not is_private:
            return None
        raise


def is_about_picture(message: Message) -> bool:
    """Whether the message answers a picture, or what its sender may take for one."""
    try:
        return replied_picture_of(message) is not None
    except UserError:
        return True


def target_photo(message: Message) -> InputPhoto | None:
    """Return the picture that a message is about: its own, else the one it answers."""
    return photo_of(message) or replied_picture_of(message)


def mentions(message: Message, name: str) -> bool:
    """Whether the message calls the bot `name` by its @name."""
    text = message.text or message.caption or ""
    entities = message.entities or message.caption_entities or []
    return any(_mentioned(entity, text).lower() == f"@{name}".lower() for entity in entities)


def _mentioned(entity: MessageEntity, text: str) -> str:
    return entity.extract_from(text) if entity.type == "mention" else ""


def without_mention(message: Message, name: str) -> Message:
    """Return the message as if the bot had not been called by its @name."""
    pattern = re.compile(rf"(?<![\w@/])@{re.escape(name)}\b[,:]?\s*", re.IGNORECASE)
    changes = {
        part: pattern.sub("", text)
        for part in ("text", "caption")
        if (text := getattr(message, part))
    }
    return message.model_copy(update=changes) if changes else message
