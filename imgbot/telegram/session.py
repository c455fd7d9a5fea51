"""HTTP session of the Bot API: rate limiter, clock check, responses parsed as far as needed."""

import asyncio
import json
import math
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.session.middlewares.base import NextRequestMiddlewareType
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramNetworkError,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import GetMe, Response, TelegramMethod
from aiogram.types import Document, InputFile, PhotoSize
from aiohttp import (
    AsyncIterablePayload,
    ClientConnectorDNSError,
    ClientSession,
    TraceConfig,
    TraceRequestEndParams,
)

from imgbot import clock
from imgbot.telegram.rate_limiter import FloodGate
from imgbot.telemetry import events

_OUTAGE_S = 10.0
"""Shorter ones end before anything waits for long."""
_SENDING = frozenset(
    {
        *("sendMessage", "sendPhoto", "sendDocument", "copyMessage", "sendInvoice"),
        *("editMessageText", "editMessageMedia"),
    }
)

_QUOTED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


@dataclass(frozen=True, slots=True)
class SentMessage:
    """Message of the bot as far as it is read: aiogram's model validates a hundred fields."""

    message_id: int
    photo: list[PhotoSize] | None = None
    document: Document | None = None
    has_media_spoiler: bool = False
    ephemeral_id: int = 0


class BotSession(AiohttpSession):
    """Session of one bot."""

    skew_s: float | None = None
    """Seconds by which this machine's clock is ahead of Telegram's; None before the first
    response."""

    def __init__(self, api: str) -> None:
        # Shorter than a handler's deadline: a hanging call is repeated, not its handler.
        super().__init__(
            api=TelegramAPIServer.from_base(api), json_loads=_read_answer, timeout=30.0
        )
        self.gate = FloodGate()
        self.check_lease: Callable[[], None] = lambda: None
        """Raises TransientError unless this bot may write to chats."""
        self.on_recovery: list[Callable[[], None]] = []
        """Called when Telegram answers again after an outage: what waits for it may go on."""
        self._silent_since_s = math.inf
        self.middleware(self.gate)
        self.middleware(self._watched)
        self.middleware(self._led)
        self._token_check = asyncio.Lock()
        self._token_known_s = -math.inf
        self.middleware(self._authorised)
        self.middleware(_decoded)

    @property
    def is_clock_right(self) -> bool:
        """True if this machine's clock was last seen to agree with Telegram's."""
        return self.skew_s is not None and not self.clock_trouble

    @property
    def clock_trouble(self) -> str:
        """Description of a wrong clock and its remedy; empty if it is right."""
        skew_s = self.skew_s
        if skew_s is None or abs(skew_s) < clock.WRONG_S:
            return ""
        side = "ahead of" if skew_s > 0 else "behind"
        return f"{abs(skew_s):.0f} s {side} Telegram's: sudo timedatectl set-ntp true"

    # pyrefly: ignore[bad-override] -- aiohttp takes either
    def build_form_data(
        self, bot: Bot, method: TelegramMethod[Any]
    ) -> AsyncIterablePayload | Mapping[str, str]:
        """Return the body of a call; aiohttp's own form writes each field in three parts."""
        files: dict[str, InputFile] = {}
        prepared = {
            name: self.prepare_value(value, bot=bot, files=files)
            for name, value in method.model_dump(warnings=False).items()
        }
        fields = {name: text for name, text in prepared.items() if text}
        if not files:
            return fields
        boundary = secrets.token_hex(16)
        return AsyncIterablePayload(
            _multipart(bot, boundary, fields, files),
            content_type=f"multipart/form-data; boundary={boundary}",
        )

    def check_response(
        self, bot: Bot, method: TelegramMethod[Any], status_code: int, content: str
    ) -> Response[Any]:
        """Return the response; a sent message is a `SentMessage`."""
        if status_code == HTTPStatus.OK and method.__api_method__ in _SENDING:
            try:
                result = _read_answer(content)["result"]
                return Response[Any].model_construct(ok=True, result=_sent_message(result))
            except (ValueError, LookupError, TypeError, AttributeError):
                pass
        return super().check_response(bot, method, status_code, content)

    async def _watched(
        self, make_request: NextRequestMiddlewareType[Any], bot: Bot, method: TelegramMethod[Any]
    ) -> Response[Any]:
        """Tell of the end of an outage."""
        try:
            answer = await make_request(bot, method)
        except (TelegramNetworkError, TelegramServerError):
            self._silent_since_s = min(self._silent_since_s, time.monotonic())
            raise
        was_silent_s = time.monotonic() - self._silent_since_s
        self._silent_since_s = math.inf
        if was_silent_s >= _OUTAGE_S:
            for call in self.on_recovery:
                call()
        return answer

    async def _led(
        self, make_request: NextRequestMiddlewareType[Any], bot: Bot, method: TelegramMethod[Any]
    ) -> Response[Any]:
        """Keep a leader that was stopped from writing over what another has written since."""
        if getattr(method, "chat_id", None):
            self.check_lease()
        return await make_request(bot, method)

    async def _authorised(
        self, make_request: NextRequestMiddlewareType[Any], bot: Bot, method: TelegramMethod[Any]
    ) -> Response[Any]:
        """Believe that the token is revoked only when getMe says so several times.

        One refusal alone, as while Telegram moves a bot to another server, is a server's error.
        """
        try:
            return await make_request(bot, method)
        except TelegramUnauthorizedError:
            refused_s = time.monotonic()
            async with self._token_check:
                if self._token_known_s < refused_s and not await self._is_known(make_request, bot):
                    raise
        message = f"{method.__api_method__} was refused as unauthorized, getMe is not"
        raise TelegramServerError(method, message)

    async def _is_known(self, make_request: NextRequestMiddlewareType[Any], bot: Bot) -> bool:
        for pause_s in (0.0, 1.0, 4.0):
            await asyncio.sleep(pause_s)
            with suppress(TelegramUnauthorizedError):
                await make_request(bot, GetMe())
                self._token_known_s = time.monotonic()
                return True
        return False

    async def create_session(self) -> ClientSession:
        session = await super().create_session()
        if not session.trace_configs:
            trace = TraceConfig()
            trace.on_request_end.append(self._compare_clocks)
            trace.freeze()
            session.trace_configs.append(trace)
        return session

    async def _compare_clocks(
        self, _session: ClientSession, _context: SimpleNamespace, ended: TraceRequestEndParams
    ) -> None:
        try:
            server_time = parsedate_to_datetime(ended.response.headers.get("Date", ""))
        except ValueError:
            return
        was_well = not self.clock_trouble
        self.skew_s = time.time() - server_time.timestamp()
        if was_well and self.clock_trouble:
            events.warning("the clock is %s", self.clock_trouble)


def cause_of(error: Exception) -> str:
    """Name the cause of a failed call; the library's text may contain the URL with the token."""
    cause = error.__cause__
    if isinstance(cause, ClientConnectorDNSError):
        return f"the name {cause.host} cannot be looked up"
    return type(error).__name__


async def _multipart(
    bot: Bot, boundary: str, fields: Mapping[str, str], files: Mapping[str, InputFile]
) -> AsyncGenerator[bytes]:
    """Yield the body in few pieces: each is a write, and wakes the receiver."""
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="'
    head = "".join(f'{part}{name}"\r\n\r\n{text}\r\n' for name, text in fields.items())
    held = head.encode()
    for name, file in files.items():
        # As HTML says: a name must not end its own quotation.
        filename = (file.filename or name).translate(_QUOTED)
        head = f'{part}{name}"; filename="{filename}"\r\n'
        held += f"{head}Content-Type: application/octet-stream\r\n\r\n".encode()
        async for chunk in file.read(bot):
            if len(held) + len(chunk) > (1 << 20):
                yield held
                held = b""
            held += chunk
        held += b"\r\n"
    yield held + f"--{boundary}--\r\n".encode()


def _sent_message(result: dict[str, Any]) -> SentMessage:
    photo = [PhotoSize.model_validate(size) for size in result.get("photo", [])[-1:]] or None
    # An animation comes as a document, too.
    file = None if "animation" in result else result.get("document")
    document = Document.model_validate(file) if file else None
    is_hidden = bool(result.get("has_media_spoiler"))
    ephemeral_id = int(result.get("ephemeral_message_id", 0))
    return SentMessage(int(result["message_id"]), photo, document, is_hidden, ephemeral_id)


def _read_answer(text: str) -> dict[str, Any]:
    """Parse a Bot API response; aiogram wraps any exception of it.

    A gateway's JSON has neither a result nor a description, and must not pass for a response.
    """
    answer = json.loads(text)
    if (answer["result"] if answer["ok"] else answer["description"]) is None:
        raise ValueError("neither a result nor a description")
    return {"description": "", **answer}


async def _decoded(
    make_request: NextRequestMiddlewareType[Any], bot: Bot, method: TelegramMethod[Any]
) -> Response[Any]:
    """Name the method of an unreadable response, also of one (a gateway's page) in no encoding."""
    try:
        return await make_request(bot, method)
    except (UnicodeDecodeError, LookupError, ClientDecodeError) as error:
        what = f"unreadable response to {method.__api_method__}"
        raise ClientDecodeError(what, error, None) from None
