"""What a message contains: words made clean, pictures by their handles."""

import re
import unicodedata
from pathlib import PurePath

from aiogram.types import Document, Message, PhotoSize

from imgbot.errors import UserError
from imgbot.job import Source
from imgbot.telegram.client import DOWNLOAD_LIMIT_BYTES

WORDS_LIMIT = 2000
"""Characters; providers cut or refuse far longer descriptions."""

PICTURE_LIMIT_MB = DOWNLOAD_LIMIT_BYTES >> 20

_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff", ".bmp", ".heic", ".heif"}
)
_COMMAND = re.compile(r"^/[A-Za-z0-9_]+(@\w+)?\s*")
# Control and format characters, and halves of characters that no encoding has room for.
_NOISE = frozenset({"Cc", "Cf", "Cs"})
# Joiners hold emoji together.
_JOINERS = frozenset("\u200d\ufe0f")


def words_of(message: Message) -> str:
    """Return the words of a text or caption, without the command and without noise.

    Raises UserError when they are too long.
    """
    return clean(_COMMAND.sub("", message.text or message.caption or "", count=1))


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
    return folded if folded.strip("".join(_JOINERS) + " ") else ""


def picture_of(message: Message) -> Source | None:
    """Return the picture of a message, None if it has none.

    Raises UserError for a file that is no picture or over Telegram's limit.
    """
    if message.photo:
        return _source(message.photo[-1])
    if message.document is None:
        return None
    document = message.document
    suffix = PurePath(document.file_name or "").suffix.lower()
    if not (document.mime_type or "").startswith("image/") and suffix not in _SUFFIXES:
        raise UserError("file_not_picture")
    return _source(document, document.file_name or "")


def _source(file: PhotoSize | Document, name: str = "") -> Source:
    size_bytes = file.file_size or 0
    if size_bytes > DOWNLOAD_LIMIT_BYTES:
        raise UserError("picture_too_large", limit_mb=PICTURE_LIMIT_MB)
    return Source(file.file_id, file.file_unique_id, size_bytes, name[:80])


def replied_picture_of(message: Message) -> Source | None:
    """Return the picture of the message that this one answers, if there is one."""
    answered = message.reply_to_message
    if answered is None:
        return None
    try:
        return picture_of(answered)
    except UserError:
        # The person spoke of it; that it is not a picture is no fault of these words.
        return None


def subject_of(message: Message) -> Source | None:
    """Return the picture that a message is about: its own, else the one it answers."""
    return picture_of(message) or replied_picture_of(message)


def scale_in(words: str) -> int | None:
    """Return the enlargement that the words ask for: 2, 4 or None."""
    found = re.search(r"(?:^|[\sx×х*])([24])(?:\s*[x×х*])?(?:$|\s)", words.lower())
    return int(found[1]) if found else None
