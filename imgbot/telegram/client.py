"""Bot API client: the bot object, translation of errors, downloads."""

import asyncio
import errno
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from aiogram import Bot
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNotFound,
    TelegramUnauthorizedError,
)
from aiogram.types import User
from aiogram.utils.token import TokenValidationError, validate_token
from aiohttp import ClientConnectorDNSError, ClientError, ClientOSError, ClientResponseError

from imgbot.domain.errors import (
    ChatGoneError,
    ChatMovedError,
    ConfigError,
    FloodWaitError,
    ImgbotError,
    MessageGoneError,
    PictureShownError,
    TelegramRefusedError,
    TransientError,
    UnresolvedNameError,
    UserError,
)
from imgbot.files import PART, commit
from imgbot.telegram.rate_limiter import flood_wait_s
from imgbot.telegram.session import BotSession, cause_of

DOWNLOAD_LIMIT_BYTES = 20 << 20
"""Telegram's download limit for bots is exactly 20 * 2**20 bytes."""

_NO_FILE = frozenset({404, 410})
_UNREADABLE = frozenset({errno.EIO, errno.ENOENT, errno.ESTALE})
"""Errors of a file that is being sent; aiohttp passes them off as those of its connection."""

NOT_MODIFIED = "message is not modified"


def open_bot(token: str, api: str) -> Bot:
    """Create the bot. Raises ConfigError for a malformed token."""
    try:
        validate_token(token)
    except TokenValidationError as error:
        raise ConfigError(
            "IMGBOT_TOKEN", "is not a bot token; @BotFather gives one like 123456:ABC…"
        ) from error
    return Bot(token, session=BotSession(api))


async def identify(bot: Bot) -> User:
    """Return the bot's own account, after deleting any webhook so that getUpdates works.

    Raises ConfigError for a token unknown to Telegram, TransientError while Telegram is
    unavailable.
    """
    async with telegram_errors():
        try:
            me = await bot.get_me()
        except TelegramNotFound as error:
            raise ConfigError("IMGBOT_TOKEN", "is unknown to Telegram; ask @BotFather") from error
        # Never with drop_pending_updates: users' messages sent meanwhile must be handled.
        await bot.delete_webhook()
    return me


async def is_reached(bot: Bot) -> bool:
    """Return true if Telegram answers."""
    try:
        async with telegram_errors():
            await bot.get_me()
    except ImgbotError:
        return False
    return True


@asynccontextmanager
async def telegram_errors() -> AsyncGenerator[None]:
    """Translate aiogram's errors into ours, by their consequence."""
    try:
        yield
    except (AiogramError, ClientError, TimeoutError, ConnectionError) as error:
        raise _translated(error) from error


_CHAT_GONE = partial(ChatGoneError, "the chat is gone")
_LOST = partial(MessageGoneError, "the message is gone")
_NO_PHOTOS = partial(UserError, "photos_forbidden")
_NO_FILES = partial(UserError, "files_forbidden")
_NO_VIDEOS = partial(UserError, "videos_forbidden")
_NO_PICTURE = partial(UserError, "picture_gone")
_TOO_LARGE = partial(UserError, "picture_too_large", limit_mb=DOWNLOAD_LIMIT_BYTES >> 20)

_BAD_REQUESTS: Mapping[str, Callable[[], Exception]] = {
    "chat not found": _CHAT_GONE,
    "user is deactivated": _CHAT_GONE,
    "peer_id_invalid": _CHAT_GONE,
    # Nothing can be sent: the bot is muted, or the topic is closed.
    "not enough rights to send text messages": _CHAT_GONE,
    "have no rights to send a message": _CHAT_GONE,
    "chat_write_forbidden": _CHAT_GONE,
    "chat_send_plain_forbidden": _CHAT_GONE,
    "topic_closed": _CHAT_GONE,
    "message to edit not found": _LOST,
    "message can't be edited": _LOST,
    "message_id_invalid": _LOST,
    "message identifier is not specified": _LOST,
    "message to be replied not found": _LOST,
    "not enough rights to send photos": _NO_PHOTOS,
    "chat_send_photos_forbidden": _NO_PHOTOS,
    "not enough rights to send documents": _NO_FILES,
    "chat_send_docs_forbidden": _NO_FILES,
    "not enough rights to send videos": _NO_VIDEOS,
    "chat_send_videos_forbidden": _NO_VIDEOS,
    "not enough rights to send animations": _NO_VIDEOS,
    "chat_send_gifs_forbidden": _NO_VIDEOS,
    "file is too big": _TOO_LARGE,
    "wrong file": _NO_PICTURE,
    "invalid file": _NO_PICTURE,
    "file_id": _NO_PICTURE,
    "no text in the message to edit": partial(PictureShownError, "the message shows a picture"),
}
"""Part of Telegram's description → the error that it stands for."""


def _bad_request(error: TelegramBadRequest) -> Exception:
    text = error.message.lower()
    found = next((make for part, make in _BAD_REQUESTS.items() if part in text), None)
    return found() if found else TelegramRefusedError(error.message[:200])


_CONSEQUENCES: tuple[tuple[type[Exception], Callable[[Any], Exception]], ...] = (
    (
        TelegramUnauthorizedError,
        lambda _: ConfigError(
            "IMGBOT_TOKEN",
            "is unknown to Telegram, or was revoked; get the right one from @BotFather",
        ),
    ),
    (TelegramMigrateToChat, lambda error: ChatMovedError(error.migrate_to_chat_id)),
    (TelegramNotFound, lambda error: TelegramRefusedError(error.message[:200])),
    (TelegramForbiddenError, lambda _: ChatGoneError("the bot was blocked or removed")),
    # aiogram treats it as a network error, which would be retried forever.
    (TelegramEntityTooLarge, lambda _: UserError("result_too_large")),
    (TelegramBadRequest, _bad_request),
)


def _translated(error: Exception) -> Exception:
    if isinstance(error, ClientResponseError) and error.status in _NO_FILE:
        return UserError("picture_gone")
    if isinstance(error, TelegramAPIError) and (wait_s := flood_wait_s(error)) is not None:
        return FloodWaitError("Telegram asks to wait", wait_s)
    for kind, consequence in _CONSEQUENCES:
        if isinstance(error, kind):
            return consequence(error)
    cause = error.__cause__
    if isinstance(cause, ClientOSError) and cause.errno in _UNREADABLE:
        return OSError(cause.errno, os.strerror(cause.errno))
    if isinstance(error, ClientDecodeError):
        return TransientError(error.message)
    kind = UnresolvedNameError if isinstance(cause, ClientConnectorDNSError) else TransientError
    return kind(f"Telegram: {cause_of(error)}")


async def download(bot: Bot, file_id: str, target: Path) -> None:
    """Stream a user's file to `target`, through a temporary name.

    Raises UserError if Telegram no longer has it or it is over 20 MB, TransientError if a later
    attempt may succeed.
    """
    part = target.with_name(f"{target.name}{PART}")
    try:
        async with telegram_errors():
            await _stream(bot, file_id, part)
    except TelegramRefusedError as error:
        raise UserError("picture_gone") from error
    await asyncio.to_thread(commit, part, target)


async def _stream(bot: Bot, file_id: str, part: Path) -> None:
    file = await bot.get_file(file_id)
    url = bot.session.api.file_url(bot.token, file.file_path or "")
    size_bytes = 0
    with part.open("wb") as out:
        async for chunk in bot.session.stream_content(url, timeout=60, chunk_size=1 << 16):
            size_bytes += len(chunk)
            if size_bytes > DOWNLOAD_LIMIT_BYTES:
                raise UserError("picture_too_large", limit_mb=DOWNLOAD_LIMIT_BYTES >> 20)
            out.write(chunk)
