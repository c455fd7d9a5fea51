"""The status message of a job: announced once, edited, and at last the picture itself.

A picture is only ever shown by editing that message: an edit may be repeated for ever and
still shows one picture, while a repeated send could show two.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest
from aiogram.types import (
    FSInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    ReplyParameters,
)

from imgbot.errors import TelegramRefusedError, UserError
from imgbot.telegram.client import NOT_MODIFIED, telegram_errors
from imgbot.texts.buttons import Button

CAPTION_LIMIT = 1024
TEXT_LIMIT = 4096
ANSWER_LIMIT = 200
_UPLOAD_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message belongs; `thread_id` and `reply_to` are 0 where there is none."""

    chat_id: int
    thread_id: int = 0
    reply_to: int = 0


Rows = Sequence[Sequence[Button]]


class Delivery:
    """Writes, edits and shows. Raises ChatGoneError, MessageGoneError, TransientError."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def announce(self, place: Place, text: str, rows: Rows) -> int:
        """Send a new message; return its id. Where its topic is gone, the chat will do."""
        try:
            return await self._send(place, text, rows)
        except TelegramRefusedError as error:
            if not place.thread_id or "thread not found" not in str(error).lower():
                raise
            return await self._send(replace(place, thread_id=0), text, rows)

    async def _send(self, place: Place, text: str, rows: Rows) -> int:
        reply = (
            ReplyParameters(message_id=place.reply_to, allow_sending_without_reply=True)
            if place.reply_to
            else None
        )
        async with telegram_errors():
            message = await self._bot.send_message(
                place.chat_id,
                text[:TEXT_LIMIT],
                message_thread_id=place.thread_id or None,
                reply_parameters=reply,
                reply_markup=keyboard(rows),
            )
        return message.message_id

    async def answer(self, callback_id: str, text: str) -> None:
        """Answer a press; nothing is lost if Telegram no longer takes it."""
        with suppress(AiogramError, OSError):
            await self._bot.answer_callback_query(callback_id, text[:ANSWER_LIMIT] or None)

    async def tell(self, place: Place, message_id: int, text: str, rows: Rows) -> None:
        """Make the message say `text`; saying it twice is nothing."""
        async with telegram_errors(), _unmodified():
            await self._bot.edit_message_text(
                text[:TEXT_LIMIT],
                chat_id=place.chat_id,
                message_id=message_id,
                reply_markup=keyboard(rows),
            )

    async def show(
        self, place: Place, message_id: int, path: Path, *, is_photo: bool, caption: str, rows: Rows
    ) -> None:
        """Turn the message into the picture; it may be the picture already."""
        file = FSInputFile(path, filename=f"imgbot{path.suffix}")
        caption = caption[:CAPTION_LIMIT]
        media = (
            InputMediaPhoto(media=file, caption=caption)
            if is_photo
            else InputMediaDocument(
                media=file, caption=caption, disable_content_type_detection=False
            )
        )
        try:
            async with telegram_errors(), _unmodified():
                await self._bot.edit_message_media(
                    media,
                    chat_id=place.chat_id,
                    message_id=message_id,
                    reply_markup=keyboard(rows),
                    request_timeout=_UPLOAD_TIMEOUT_S,
                )
        except TelegramRefusedError as error:
            raise UserError("result_refused") from error


class _unmodified:  # noqa: N801 -- reads as a word after `async with`
    """Take `message is not modified` for what it is: success."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: object, error: object, trace: object) -> bool:
        return isinstance(error, TelegramBadRequest) and NOT_MODIFIED in error.message.lower()


def keyboard(rows: Rows) -> InlineKeyboardMarkup | None:
    """Return the buttons as Telegram wants them, None for none."""
    if not rows:
        return None
    return InlineKeyboardMarkup(
        inline_keyboard=[
            [InlineKeyboardButton(text=button.label, callback_data=button.data) for button in row]
            for row in rows
        ]
    )
