"""The one door to Telegram: the bot object, its errors in our words, downloads."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiogram import Bot
from aiogram.client.session.middlewares.base import NextRequestMiddlewareType
from aiogram.client.telegram import TelegramAPIServer
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
from aiogram.methods import Response, TelegramMethod
from aiogram.types import User
from aiogram.utils.token import TokenValidationError, validate_token
from aiohttp import ClientError, ClientResponseError

from imgbot.domain.errors import (
    ChatGoneError,
    ChatMovedError,
    ConfigError,
    FloodWaitError,
    MessageGoneError,
    TelegramRefusedError,
    TransientError,
    UserError,
)
from imgbot.files import PART, commit
from imgbot.telegram.polling_health import ClockCheckedSession
from imgbot.telegram.rate_limiter import FloodGate, flood_wait_s

DOWNLOAD_LIMIT_BYTES = 20 << 20
"""Telegram hands bots files up to exactly 20 * 2**20 bytes."""

# Shorter than a handler may take: a call that hangs is tried again, not its handler.
_CALL_TIMEOUT_S = 30.0
_NO_FILE = frozenset({404, 410})

_GONE = ("chat not found", "user is deactivated", "peer_id_invalid")
# Not even a sentence can be said: the bot is muted, or the topic is closed.
_MUTED = (
    "not enough rights to send text messages",
    "have no rights to send a message",
    "chat_write_forbidden",
    "chat_send_plain_forbidden",
    "topic_closed",
)
_LOST = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "message identifier is not specified",
)
NOT_MODIFIED = "message is not modified"


def open_bot(token: str, api: str) -> Bot:
    """Make the bot. Raises ConfigError on a token that cannot be one."""
    try:
        validate_token(token)
    except TokenValidationError as error:
        raise ConfigError(
            "IMGBOT_TOKEN", "is not a bot token; @BotFather gives one like 123456:ABC…"
        ) from error
    session = ClockCheckedSession(
        api=TelegramAPIServer.from_base(api), json_loads=_read_answer, timeout=_CALL_TIMEOUT_S
    )
    session.middleware(FloodGate())
    session.middleware(_decoded)
    return Bot(token, session=session)


def _read_answer(text: str) -> dict[str, Any]:
    """Read an answer of the Bot API; of whatever this raises aiogram makes an error of its own.

    A gateway's JSON has neither a result nor a description, and must not pass for an answer.
    """
    answer = json.loads(text)
    if (answer["result"] if answer["ok"] else answer["description"]) is None:
        raise ValueError("neither a result nor a description")
    return {"description": "", **answer}


async def _decoded(
    make_request: NextRequestMiddlewareType[Any], bot: Bot, method: TelegramMethod[Any]
) -> Response[Any]:
    """Take a gateway's page in another encoding than it names for an outage."""
    try:
        return await make_request(bot, method)
    except (UnicodeDecodeError, LookupError) as error:
        raise ClientDecodeError("not an answer of the Bot API", error, None) from None


async def identify(bot: Bot) -> User:
    """Return the bot's own account, and take its updates over from any webhook.

    Raises ConfigError on a token that Telegram does not know, TransientError while it is
    away.
    """
    async with telegram_errors():
        try:
            me = await bot.get_me()
        except TelegramNotFound as error:
            raise ConfigError("IMGBOT_TOKEN", "is unknown to Telegram; ask @BotFather") from error
        # Never with drop_pending_updates: what people sent meanwhile is theirs.
        await bot.delete_webhook()
    return me


@asynccontextmanager
async def telegram_errors() -> AsyncGenerator[None]:
    """Turn aiogram's errors into ours, by what is done about them."""
    try:
        yield
    except (AiogramError, ClientError, TimeoutError, ConnectionError) as error:
        # The library's text can hold the address with the token in it: only its kind passes.
        raise _translated(error) from error


def _bad_request(error: TelegramBadRequest) -> Exception:
    text = error.message.lower()
    if any(part in text for part in (*_GONE, *_MUTED)):
        return ChatGoneError("the chat is gone")
    if any(part in text for part in _LOST):
        return MessageGoneError("the message is gone")
    if "file is too big" in text:
        return UserError("picture_too_large", limit_mb=DOWNLOAD_LIMIT_BYTES >> 20)
    if "wrong file" in text or "invalid file" in text or "file_id" in text:
        return UserError("picture_gone")
    return TelegramRefusedError(error.message[:200])


_CONSEQUENCES: tuple[tuple[type[Exception], Callable[[Any], Exception]], ...] = (
    (
        TelegramUnauthorizedError,
        lambda _: ConfigError("IMGBOT_TOKEN", "was revoked; ask @BotFather for the new one"),
    ),
    (TelegramMigrateToChat, lambda error: ChatMovedError(error.migrate_to_chat_id)),
    (TelegramNotFound, lambda error: TelegramRefusedError(error.message[:200])),
    (TelegramForbiddenError, lambda _: ChatGoneError("the bot is not welcome in the chat")),
    # A kind of network error to aiogram, which would be repeated for ever.
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
    if isinstance(error, ClientDecodeError):
        return TransientError("its answer cannot be read")
    return TransientError(f"Telegram: {type(error).__name__}")


async def download(bot: Bot, file_id: str, target: Path) -> None:
    """Stream a file that a person sent to `target`, through a temporary name.

    Raises UserError when Telegram no longer has it or it is over 20 MB, TransientError
    when it may be had later.
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
