"""Content of a message: cleaned text, pictures by file id."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath

from aiogram.types import CallbackQuery, ExternalReplyInfo, Message, User

from imgbot.domain.buttons import Button, Keyboard, action_in
from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto
from imgbot.domain.prompt_options import PROMPT_LIMIT
from imgbot.domain.texts import has_text
from imgbot.telegram.client import DOWNLOAD_LIMIT_BYTES
from imgbot.telegram.messenger import cut, picture_in

PICTURE_LIMIT_MB = DOWNLOAD_LIMIT_BYTES >> 20

_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff", ".bmp", ".heic", ".heif"}
)
_COMMAND = re.compile(r"^/([A-Za-z0-9_]+)(?:@(\w+))?\s*")
# Control and format characters, and unpaired surrogates, which no encoding accepts.
_NOISE = frozenset({"Cc", "Cf", "Cs"})
UNREADABLE: Mapping[str, str] = {
    "animation": "cannot_read_animation",
    "audio": "cannot_read_audio",
    "checklist": "cannot_read_kind",
    "contact": "cannot_read_contact",
    "dice": "cannot_read_game",
    "game": "cannot_read_game",
    "location": "cannot_read_place",
    "paid_media": "cannot_read_kind",
    "poll": "cannot_read_poll",
    "sticker": "cannot_read_sticker",
    "story": "cannot_read_story",
    "venue": "cannot_read_place",
    "video": "cannot_read_video",
    "video_note": "cannot_read_video_note",
    "voice": "cannot_read_voice",
}
"""Content types that are neither text nor a picture, with the key of their sentence."""
_MOVING_OR_HEARD = ("animation", "audio", "sticker", "story", "video", "video_note", "voice")
_NO_PHOTO = "_no_photo"
"""End of the key of a sentence, after the action of a button whose message is no picture."""
_APOSTROPHE = re.compile("(?<=\\w)[`\u00b4\u2018\u2019\u02bc\uff07](?=\\w)")
_STRESS = re.compile("(?<=[А-яЁё])\u0301")
# Joiners are needed inside emoji.
_JOINERS = frozenset("\u200d\ufe0f")
# Letters and symbols without a visible glyph: users send them as an empty message.
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_NAME_LENGTH = 40
# In a name, what would pass for an id, a command or an @name.
_MISLEADING = re.compile("[@/]|[0-9]{6,}")


def prompt_of(message: Message) -> str:
    """Return the text or caption as a prompt, without the command and without noise.

    Raises UserError if it is too long.
    """
    return clean(_COMMAND.sub("", message.text or message.caption or "", count=1))


def command_of(message: Message) -> str:
    """Return the command that a text or caption begins with, or nothing."""
    found = _COMMAND.match(message.text or message.caption or "")
    return found[1].lower() if found else ""


def addressee_of(message: Message) -> str:
    """Return the name of the bot that a command names, or nothing."""
    found = _COMMAND.match(message.text or message.caption or "")
    return (found[2] or "").lower() if found else ""


def clean(text: str) -> str:
    """Return the text in one encoding of its letters, without control characters.

    Raises UserError if it is too long.
    """
    composed = _STRESS.sub("", unicodedata.normalize("NFC", text))
    kept = "".join(
        " " if char.isspace() else char
        for char in _APOSTROPHE.sub("'", composed)
        if char.isspace() or char in _JOINERS or unicodedata.category(char) not in _NOISE
    )
    folded = " ".join(kept.split())
    if len(folded) > PROMPT_LIMIT:
        raise UserError("words_too_long", count=len(folded), limit=PROMPT_LIMIT)
    return folded if folded.strip("".join(_JOINERS | _BLANKS) + " ") else ""


def shown_name(user: User) -> str:
    """Return the first and the last name of a user as they are shown beside their id."""
    return cut(_MISLEADING.sub("…", clean(cut(user.full_name, PROMPT_LIMIT))), _NAME_LENGTH)


def photo_of(message: Message | ExternalReplyInfo) -> InputPhoto | None:
    """Return the picture of a message, None if it has none.

    Raises UserError for a file that is no picture or over Telegram's limit, and for one
    that replies to a question, see `_check_question`.
    """
    document = message.document
    if document is not None and not message.photo:
        suffix = PurePath(document.file_name or "").suffix.lower()
        if not (document.mime_type or "").startswith("image/") and suffix not in _SUFFIXES:
            raise UserError("file_not_picture")
    source = picture_in(message)
    if source is not None and source.size_bytes > DOWNLOAD_LIMIT_BYTES:
        raise UserError("picture_too_large", limit_mb=PICTURE_LIMIT_MB)
    return replace(source, replied=_drawn_on(message)) if source else None


def _drawn_on(message: Message | ExternalReplyInfo) -> InputPhoto | None:
    """Return the picture that a photo was sent in reply to, which may be drawn on in it."""
    try:
        return replied_picture_of(message) if isinstance(message, Message) else None
    except UserError as error:
        if error.reason.endswith(_NO_PHOTO):
            raise
        return None


def replied_message(message: Message) -> Message | None:
    """Return the message that this one replies to, if the user chose to reply to it.

    In a topic every message that is no reply arrives as a reply to the topic's first message.
    """
    replied = message.reply_to_message
    if replied is None or replied.forum_topic_created or replied.ephemeral_message_id:
        return None
    is_beginning = replied.message_id == message.message_thread_id
    # Elsewhere the thread id is the id of the message replied to.
    return None if message.is_topic_message and is_beginning else replied


def replied_picture_of(message: Message) -> InputPhoto | None:
    """Return the picture of the message that this one replies to, here or in another chat.

    Raises UserError as `photo_of` does; in private chats also for a file that the user may
    mistake for a picture.
    """
    replied = replied_message(message) or message.external_reply
    if replied is None:
        return None
    is_private = message.chat.type == "private"
    kind = next((kind for kind in _MOVING_OR_HEARD if getattr(replied, kind)), "")
    if kind:
        if is_private:
            raise UserError(UNREADABLE[kind])
        return None
    _check_question(message, replied)
    try:
        return photo_of(replied)
    except UserError as error:
        # In a group, members may discuss a file while the text to the bot is unrelated to it.
        if error.reason == "file_not_picture" and not is_private:
            return None
        raise


def _check_question(message: Message, replied: Message | ExternalReplyInfo) -> None:
    """Raise UserError for a question that looks like a picture, by its button's sentence.

    A button whose data names nothing is under a question about a photo that was sent.
    """
    has_photo = replied.photo or message.photo or message.document
    for name, argument in (action_in(each) for each in presses_in(replied) if has_photo):
        if argument and has_text(f"{name}{_NO_PHOTO}"):
            raise UserError(f"{name}{_NO_PHOTO}")


def rows_of(message: object) -> Keyboard:
    """Return the buttons under a message, as far as Telegram tells."""
    markup = message.reply_markup if isinstance(message, Message) else None
    rows = markup.inline_keyboard if markup else []
    return [
        [Button(each.text, each.callback_data or "", each.url or "") for each in row]
        for row in rows
    ]


def presses_in(message: object) -> list[str]:
    """Return the data of these buttons."""
    return [each.data for row in rows_of(message) for each in row]


def asked_about(callback: CallbackQuery) -> Message | None:
    """Return the message that the question with the pressed button replies to."""
    return callback.message.reply_to_message if isinstance(callback.message, Message) else None


def is_about_picture(message: Message) -> bool:
    """Return true if the message replies to a picture, or to a file that looks like one."""
    try:
        return replied_picture_of(message) is not None
    except UserError:
        return True


def target_photo(message: Message) -> InputPhoto | None:
    """Return the picture that a message is about: its own, else the one it replies to."""
    return photo_of(message) or replied_picture_of(message)


@dataclass(frozen=True, slots=True)
class BotIdentity:
    """Identity of the bot at Telegram."""

    id: int
    name: str
    reads_groups: bool = False
    """True if privacy mode is off, so that groups' messages with a mention arrive."""

    @classmethod
    def of(cls, me: User) -> "BotIdentity":
        return cls(me.id, me.username or "", bool(me.can_read_all_group_messages))

    def is_addressed(self, message: Message) -> bool:
        """Return true in private chats; in a group, for a mention or a reply to the bot.

        A command that names another bot is for that one, even in a reply.
        """
        # Nobody but the bot gets an ephemeral message.
        if message.chat.type == "private" or message.ephemeral_message_id:
            return True
        if addressee_of(message) not in {"", self.name.lower()}:
            return False
        if self.has_written(replied_message(message)):
            return True
        text = message.text or message.caption or ""
        entities = message.entities or message.caption_entities or []
        names = {each.extract_from(text).lower() for each in entities if each.type == "mention"}
        return f"@{self.name}".lower() in names

    def has_written(self, message: Message | None) -> bool:
        """Return true for a message of the bot."""
        return message is not None and self.is_account(message.from_user)

    def is_account(self, user: User | None) -> bool:
        """Return true for the bot's own account."""
        return user is not None and user.id == self.id


def without_mention(message: Message, name: str) -> Message:
    pattern = re.compile(rf"(?<![\w@/])@{re.escape(name)}\b[,:]?\s*", re.IGNORECASE)
    changes = {
        part: pattern.sub("", text)
        for part in ("text", "caption")
        if (text := getattr(message, part))
    }
    return message.model_copy(update=changes) if changes else message


def text_after(message: Message) -> str:
    """Return the text after the command, with its line breaks."""
    return _COMMAND.sub("", message.text or "", count=1).strip()
