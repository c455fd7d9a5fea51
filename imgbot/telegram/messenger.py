"""Messenger: sends and edits messages; a result appears by editing the job's status message.

An edit may be repeated any number of times and still shows one picture, while a repeated send could
show two.
"""

from collections import Counter, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, cast

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest
from aiogram.types import (
    BufferedInputFile,
    EphemeralMessageParameters,
    ExternalReplyInfo,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InlineQueryResultsButton,
    InlineQueryResultUnion,
    InputFile,
    InputMediaAnimation,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    InputSticker,
    InputTextMessageContent,
    Message,
    MessageEntity,
    ReplyParameters,
    User,
)

from imgbot.domain.buttons import Button
from imgbot.domain.errors import (
    ChatGoneError,
    ImgbotError,
    MessageGoneError,
    TelegramRefusedError,
    TransientError,
    UserError,
)
from imgbot.domain.job import InputPhoto
from imgbot.telegram.client import NOT_MODIFIED, telegram_errors
from imgbot.telegram.rate_limiter import OptionalCall
from imgbot.telegram.session import BotSession, SentMessage
from imgbot.telemetry import events

CAPTION_LIMIT = 1024
TEXT_LIMIT = 4096
ANSWER_LIMIT = 200
NAME_LIMIT = 80
_STICKER_EMOJI = "✨"
_UPLOAD_TIMEOUT_S = 120
_SHOWN_AS = {
    "photo": InputMediaPhoto,
    "video": partial(InputMediaVideo, supports_streaming=True),
    "animation": InputMediaAnimation,
}
_MARK = "\u200b"
_SUPERGROUPS_BELOW = -1_000_000_000_000
_IDS_REMEMBERED, _LOST_REMEMBERED = 2_000, 100


class _FileOnDisk(InputFile):
    """File to upload, read without a thread for each chunk: a result was written just before."""

    def __init__(self, path: Path, filename: str) -> None:
        super().__init__(filename)
        self._path = path

    async def read(self, bot: Bot) -> AsyncGenerator[bytes]:  # noqa: ARG002 -- its signature
        with self._path.open("rb") as file:
            while chunk := file.read(1 << 19):
                yield chunk


@dataclass(frozen=True, slots=True)
class ChatTarget:
    """Destination of a message; the other ids are 0 if not used."""

    chat_id: int
    thread_id: int = 0
    reply_to: int = 0
    ephemeral_id: int = 0
    """Ephemeral message of the user, which only an ephemeral message can reply to."""


Rows = Sequence[Sequence[Button]]


class Messenger:
    """Bot API calls that send and edit. Raise ChatGoneError, MessageGoneError, TransientError."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._session = cast("BotSession", bot.session)
        self._gate = self._session.gate
        self._sent = SentIds()
        self._illustrations: dict[Path, InputPhoto] = {}

    def has_room(self, call: OptionalCall, chat_id: int, age_s: float = 0.0) -> bool:
        """True if a call that may be dropped is worth making now.

        `age_s`: the seconds for which the user has heard nothing.
        """
        return self._gate.has_room(call, chat_id, age_s)

    @property
    def clock_ahead_s(self) -> float:
        """Seconds by which this machine's clock is ahead of Telegram's, as far as known."""
        return self._session.skew_s or 0.0

    @property
    def backlog_s(self) -> float:
        """Seconds until the calls that wait for Telegram's overall limit are made."""
        return self._gate.backlog_s

    async def send_text(
        self,
        place: ChatTarget,
        text: str,
        rows: Rows,
        *,
        asks_for_reply: bool = False,
        called: User | None = None,
        copied: str = "",
    ) -> int:
        """Send a new message and return its id; falls back to the chat if the topic is gone.

        The text begins with the name of the `called` user, who is mentioned. What a tap is to copy
        follows it.
        """
        shown = f"{text}\n\n{copied}" if copied else text
        entities = [_mention(called)] if called else [_code(shown, copied)] if copied else None
        markup = _markup(rows, asks_for_reply=asks_for_reply)
        message = await self._send(
            place,
            self._bot.send_message,
            text=cut(shown, TEXT_LIMIT),
            entities=entities,
            reply_markup=markup,
        )
        return message.message_id

    async def _send(
        self, place: ChatTarget, send: Callable[..., Awaitable[Message]], **content: Any
    ) -> Message:
        """Send to the target; if its topic is gone, to the chat itself."""
        reply = ReplyParameters(message_id=place.reply_to, allow_sending_without_reply=True)
        content |= {"reply_parameters": reply if place.reply_to else None}
        async with self._sent.noted(place.chat_id) as sent:
            try:
                async with telegram_errors():
                    thread_id = place.thread_id or None
                    message = await send(place.chat_id, message_thread_id=thread_id, **content)
            except TelegramRefusedError as error:
                if not place.thread_id or "thread not found" not in str(error).lower():
                    raise
                async with telegram_errors():
                    message = await send(place.chat_id, **content)
            sent.append(message.message_id)
        return message

    async def remove_lost(self, place: ChatTarget, message_id: int, times: int) -> None:
        """Delete duplicates: `times` sends got no response before the one that is `message_id`.

        Nothing else is touched: only the bot's own messages can be edited, all others are known,
        and in case of doubt the message stays.
        """
        left = times
        for candidate in self._sent.candidates(place.chat_id, message_id, times):
            with suppress(MessageGoneError):
                await _edited(
                    self._bot.edit_message_reply_markup(chat_id=place.chat_id, message_id=candidate)
                )
                await self.remove(place, candidate)
                left -= 1
            if not left:
                return

    async def remove(self, place: ChatTarget, message_id: int) -> None:
        """Delete a message of the bot; Telegram allows it for two days."""
        async with telegram_errors():
            await self._bot.delete_message(place.chat_id, message_id)

    async def copy_message(
        self, place: ChatTarget, from_chat: int, message_id: int, rows: Rows
    ) -> None:
        """Copy a message, as it is, to another target."""
        async with self._sent.noted(place.chat_id) as sent, telegram_errors():
            copied = await self._bot.copy_message(
                place.chat_id, from_chat, message_id, reply_markup=keyboard(rows)
            )
            sent.append(copied.message_id)

    async def ping(self) -> None:
        """Check that Telegram answers. Raises TransientError if it does not."""
        async with telegram_errors():
            await self._bot.get_me()

    async def send_picture(
        self,
        place: ChatTarget,
        picture: InputPhoto | Path,
        caption: str,
        rows: Rows,
        *,
        name: str = "",
        is_photo: bool = False,
    ) -> InputPhoto | None:
        """Send a picture: a photo stored at Telegram, or a file, as a document or photo.

        Returns its file handle. Raises UserError if Telegram no longer stores it.
        """
        is_kept = isinstance(picture, InputPhoto)
        # Used inside a handler, which has 90 seconds in all.
        content: dict[str, Any] = {
            "caption": cut(caption, CAPTION_LIMIT) or None,
            "reply_markup": keyboard(rows),
            "request_timeout": 60,
        }
        if is_kept and not picture.is_file:
            send, content["photo"] = self._bot.send_photo, picture.file_id
            content["has_spoiler"] = picture.is_hidden or None
        elif is_photo and not is_kept:
            send, content["photo"] = self._bot.send_photo, _FileOnDisk(picture, picture.name)
        else:
            send, content["disable_content_type_detection"] = self._bot.send_document, True
            content["document"] = (
                picture.file_id if is_kept else _FileOnDisk(picture, name or picture.name)
            )
        return picture_in(await self._send(place, send, **content))

    async def send_illustration(
        self, place: ChatTarget, illustration: Path, caption: str, rows: Rows
    ) -> None:
        """Send a photo that ships with the program; it is uploaded once."""
        picture = self._illustrations.get(illustration, illustration)
        if sent := await self.send_picture(place, picture, caption, rows, is_photo=True):
            self._illustrations[illustration] = sent

    async def send_data(self, place: ChatTarget, content: bytes, name: str) -> None:
        """Send a file that is no picture."""
        document = BufferedInputFile(content, name)
        await self._send(place, self._bot.send_document, document=document)

    async def send_sticker(self, place: ChatTarget, sticker: Path, rows: Rows) -> int:
        """Send a sticker from a file, and return the message's id."""
        message = await self._send(
            place,
            self._bot.send_sticker,
            sticker=_FileOnDisk(sticker, sticker.name),
            emoji=_STICKER_EMOJI,
            reply_markup=keyboard(rows),
            request_timeout=_UPLOAD_TIMEOUT_S,
        )
        return message.message_id

    async def add_to_pack(self, user_id: int, name: str, file_id: str) -> bool | None:
        """Add a sticker to a user's pack; False if the pack is full, None if there is none.

        May be repeated: Telegram does not add the same sticker twice.
        """
        try:
            async with telegram_errors():
                return await self._bot.add_sticker_to_set(user_id, name, _in_pack(file_id))
        except TelegramRefusedError as error:
            return _told(error, {"stickerset_invalid": None, "stickers_too_much": False})

    async def create_pack(self, user_id: int, name: str, title: str, file_id: str) -> bool | None:
        """Create a user's pack with its first sticker; None if the name is taken."""
        try:
            async with telegram_errors():
                return await self._bot.create_new_sticker_set(
                    user_id, name, title, [_in_pack(file_id)]
                )
        except TelegramRefusedError as error:
            return _told(error, {"name is already occupied": None})

    async def delete_pack(self, name: str) -> None:
        """Delete a sticker pack; one that the user has deleted, or that is not ours, stays so."""
        with suppress(TelegramRefusedError, ChatGoneError):
            async with telegram_errors():
                await self._bot.delete_sticker_set(name)

    async def send_ephemeral(
        self,
        place: ChatTarget,
        text: str,
        rows: Rows,
        user_id: int,
        callback_id: str,
        *,
        asks_for_reply: bool = False,
    ) -> SentMessage | None:
        """Send a text that only this user of a group sees; None where that is not possible.

        Any bot may do so within 15 seconds of a button's press, or of an ephemeral message of the
        user; an administrator of the group at any time. It need not arrive, and does not stay.
        An older Bot API server ignores the parameter, and sends a message to all, which has an id.
        Raises MessageGoneError if the message that it replies to is gone.
        """
        seen_by = EphemeralMessageParameters(
            receiver_user_id=user_id, callback_query_id=callback_id or None
        )
        reply = ReplyParameters(
            message_id=None if place.ephemeral_id else place.reply_to,
            ephemeral_message_id=place.ephemeral_id or None,
            allow_sending_without_reply=True,
        )
        try:
            async with telegram_errors():
                message = await self._bot.send_message(
                    place.chat_id,
                    cut(text, TEXT_LIMIT),
                    message_thread_id=place.thread_id or None,
                    reply_parameters=reply if place.ephemeral_id or place.reply_to else None,
                    reply_markup=_markup(rows, asks_for_reply=asks_for_reply),
                    ephemeral_message_parameters=seen_by,
                )
        except (TelegramRefusedError, ChatGoneError):
            return None
        return cast("SentMessage", message)

    async def edit_ephemeral(
        self, chat_id: int, user_id: int, ephemeral_id: int, text: str, rows: Rows
    ) -> None:
        """Edit the text of an ephemeral message; may be repeated."""
        await _edited(
            self._bot.edit_ephemeral_message_text(
                chat_id=chat_id,
                receiver_user_id=user_id,
                ephemeral_message_id=ephemeral_id,
                text=cut(text, TEXT_LIMIT),
                reply_markup=keyboard(rows),
            )
        )

    async def remove_ephemeral(self, chat_id: int, user_id: int, ephemeral_id: int) -> None:
        async with telegram_errors():
            await self._bot.delete_ephemeral_message(chat_id, user_id, ephemeral_id)

    async def answer_callback(self, callback_id: str, text: str, *, is_alert: bool = False) -> None:
        """Answer a callback query; errors are ignored, since late answers are refused."""
        with suppress(AiogramError, OSError):
            await self._bot.answer_callback_query(
                callback_id, cut(text, ANSWER_LIMIT) or None, show_alert=is_alert or None
            )

    async def answer_inline(
        self, query_id: str, offers: Sequence[InlineQueryResultUnion], button: str
    ) -> None:
        """Answer an inline query; errors are ignored, since late answers are refused."""
        with suppress(AiogramError, OSError):
            await self._bot.answer_inline_query(
                query_id,
                list(offers),
                cache_time=0,
                is_personal=True,
                button=InlineQueryResultsButton(text=button, start_parameter="inline"),
            )

    async def answer_guest(self, query_id: str, text: str, rows: Rows) -> str:
        """Answer a mention in a chat that the bot is not in; return the id of the inline message.

        Raises TelegramRefusedError for a query that is closed.
        """
        result = InlineQueryResultArticle(
            id="1",
            title=cut(text, NAME_LIMIT),
            input_message_content=InputTextMessageContent(message_text=cut(text, TEXT_LIMIT)),
            reply_markup=keyboard(rows),
        )
        async with telegram_errors():
            sent = await self._bot.answer_guest_query(query_id, result)
        return sent.inline_message_id

    async def edit_inline(
        self, inline_id: str, text: str, picture: InputPhoto | None = None
    ) -> bool:
        """Replace an inline message by a text, or by a stored picture; may be repeated.

        Returns False if Telegram refuses it, as for one that is gone. Raises TransientError.
        """
        caption, file_id = cut(text, CAPTION_LIMIT), picture.file_id if picture else ""
        kind = InputMediaDocument if picture and picture.is_file else InputMediaPhoto
        hidden: dict[str, Any] = {"has_spoiler": True} if picture and picture.is_hidden else {}
        edit: Awaitable[Message | bool] = (
            self._bot.edit_message_media(
                kind(media=file_id, caption=caption, **hidden), inline_message_id=inline_id
            )
            if picture
            else self._bot.edit_message_text(cut(text, TEXT_LIMIT), inline_message_id=inline_id)
        )
        try:
            await _edited(edit)
        except (TelegramRefusedError, MessageGoneError, ChatGoneError, UserError) as error:
            events.info("an inline message was not changed: %s", error)
            return False
        return True

    async def clear_inline(
        self, inline_id: str, text: str, place: ChatTarget, message_id: int, rows: Rows
    ) -> bool:
        """Put a file without content in the place of an inline message's picture.

        Such a message can neither be deleted, nor become a text, nor take an upload: the file goes
        into another message of the bot's first. Returns False if Telegram refuses it.
        """
        media = InputMediaDocument(media=BufferedInputFile(b"\n", "deleted.txt"))
        try:
            edit = self._bot.edit_message_media(
                media, chat_id=place.chat_id, message_id=message_id, reply_markup=keyboard(rows)
            )
            shown = await _edited(edit)
        except (TelegramRefusedError, MessageGoneError):
            return False
        file = None if isinstance(shown, bool) else picture_in(shown)
        return file is not None and await self.edit_inline(inline_id, text, file)

    async def edit_text(self, place: ChatTarget, message_id: int, text: str, rows: Rows) -> None:
        """Edit the text of a message; may be repeated."""
        await _edited(
            self._bot.edit_message_text(
                cut(text, TEXT_LIMIT),
                chat_id=place.chat_id,
                message_id=message_id,
                reply_markup=keyboard(rows),
            )
        )

    async def edit_buttons(self, place: ChatTarget, message_id: int, rows: Rows) -> None:
        """Replace the buttons of a message; may be repeated."""
        await _edited(
            self._bot.edit_message_reply_markup(
                chat_id=place.chat_id, message_id=message_id, reply_markup=keyboard(rows)
            )
        )

    async def edit_to_picture(
        self,
        place: ChatTarget,
        message_id: int,
        picture: InputPhoto | Path,
        caption: str,
        rows: Rows,
        *,
        kind: str,
        is_hidden: bool = False,
    ) -> InputPhoto | None:
        """Replace the message's content by the picture, a hidden one under a spoiler.

        May be repeated. `kind` is photo, video or animation; all else is a document.

        Returns the file handle, None if Telegram does not return it, or if it is a clip.
        """
        is_kept = isinstance(picture, InputPhoto)
        is_hidden = is_hidden or (is_kept and picture.is_hidden)
        media: dict[str, Any] = {
            "media": picture.file_id
            if is_kept
            else _FileOnDisk(picture, f"imgbot{picture.suffix}"),
            "caption": cut(caption, CAPTION_LIMIT),
        }
        shown_as = _SHOWN_AS.get(kind)
        try:
            shown = await _edited(
                self._bot.edit_message_media(
                    shown_as(**media, has_spoiler=is_hidden or None)
                    if shown_as
                    else InputMediaDocument(**media, disable_content_type_detection=False),
                    chat_id=place.chat_id,
                    message_id=message_id,
                    reply_markup=keyboard(rows),
                    # A page of the history is shown by a handler, whose deadline is shorter.
                    request_timeout=None if is_kept else _UPLOAD_TIMEOUT_S,
                )
            )
        except TelegramRefusedError as error:
            raise UserError("result_refused") from error
        return None if isinstance(shown, bool) else picture_in(shown)


def _in_pack(file_id: str) -> InputSticker:
    return InputSticker(sticker=file_id, format="static", emoji_list=[_STICKER_EMOJI])


def _told(error: TelegramRefusedError, meanings: Mapping[str, bool | None]) -> bool | None:
    """Return what a refusal means; raise it if it means anything else."""
    for part, meaning in meanings.items():
        if part in str(error).lower():
            return meaning
    raise error


async def _edited(edit: Awaitable[Message | bool]) -> Message | bool:
    """Make an edit; one that changes nothing has succeeded."""
    async with telegram_errors():
        try:
            return await edit
        except TelegramBadRequest as error:
            if NOT_MODIFIED not in error.message.lower():
                raise
    return False


def picture_in(message: Message | ExternalReplyInfo) -> InputPhoto | None:
    """Return the file handle of a message's picture, by any sender; None if it has none."""
    if message.photo:
        photo = message.photo[-1]
        size_bytes, is_hidden = photo.file_size or 0, bool(message.has_media_spoiler)
        return InputPhoto(photo.file_id, photo.file_unique_id, size_bytes, is_hidden=is_hidden)
    if message.document:
        file = message.document
        name = (file.file_name or "")[:NAME_LIMIT]
        return InputPhoto(
            file.file_id, file.file_unique_id, file.file_size or 0, name, is_file=True
        )
    return None


def _mention(called: User) -> MessageEntity:
    length = _units(called.first_name)
    return MessageEntity(type="text_mention", offset=0, length=length, user=called)


def _code(text: str, end: str) -> MessageEntity:
    """Mark the end of a text as what a tap copies."""
    length = _units(end)
    return MessageEntity(type="code", offset=_units(text) - length, length=length)


def _units(text: str) -> int:
    """Length of a text in UTF-16 code units, which Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def cut(text: str, limit: int) -> str:
    """Cut a text to Telegram's limit, which counts UTF-16 code units."""
    units = text.encode("utf-16-le")
    return units[: 2 * limit].decode("utf-16-le", "ignore")


def _markup(rows: Rows, *, asks_for_reply: bool) -> InlineKeyboardMarkup | ForceReply | None:
    return keyboard(rows) or (ForceReply(selective=True) if asks_for_reply else None)


def keyboard(rows: Rows) -> InlineKeyboardMarkup | None:
    """Return the buttons as an inline keyboard, None without any."""
    if not rows:
        return None
    return InlineKeyboardMarkup(
        inline_keyboard=[
            [
                InlineKeyboardButton(
                    text=button.label, callback_data=button.data or None, url=button.url or None
                )
                for button in row
            ]
            for row in rows
        ]
    )


class SentIds:
    """Ids of sent messages, to find a message whose send got no response.

    Message ids increase over all private chats and basic groups of an account together;
    supergroups count separately and are left out. An unknown id between two known ones belongs to
    somebody else's message, or to a message of the bot whose response was lost.
    """

    def __init__(self) -> None:
        self._ids: deque[int] = deque(maxlen=_IDS_REMEMBERED)
        self._newest = 0
        self._lost: dict[int, list[int]] = {}
        """By chat, for each send without a response the newest id known before it."""
        self._under_way: Counter[int] = Counter()

    @asynccontextmanager
    async def noted(self, chat_id: int) -> AsyncGenerator[list[int]]:
        """Record the ids that a call appends to the list, or that its response was lost."""
        newest, sent = self._newest, list[int]()
        is_counted = chat_id > _SUPERGROUPS_BELOW
        self._under_way[chat_id] += 1
        try:
            yield sent
        except BaseException as error:
            if is_counted and not _proves_not_sent(error):
                if len(self._lost) >= _LOST_REMEMBERED:
                    self._lost.clear()
                self._lost.setdefault(chat_id, []).append(newest)
            raise
        finally:
            self._under_way -= Counter({chat_id: 1})
        if is_counted and sent:
            self._ids.extend(sent)
            self._newest = max(self._newest, *sent)

    def candidates(self, chat_id: int, before: int, times: int) -> list[int]:
        """Return possible ids of a message lost `times` before it was sent as `before`.

        Returned once, and only if no other message of the chat can be mistaken for it: no other was
        lost, and none is being sent.
        """
        lost = self._lost.pop(chat_id, [])
        after = min(lost, default=0)
        if not after or len(lost) != times or self._under_way[chat_id]:
            return []
        known = set(self._ids)
        unknown = (each for each in range(after + 1, before) if each not in known)
        # More are not worth the calls, each of which counts against the chat's rate limit.
        return list(islice(unknown, 4))


def _proves_not_sent(error: BaseException) -> bool:
    """True if the error proves that nothing was sent."""
    if isinstance(error, TransientError):
        return error.retry_after_s is not None
    return isinstance(error, ImgbotError)
