"""Rate limiter of Bot API calls: keeps Telegram's limits in advance, and obeys 429.

Telegram publishes no exact limits: about one message a second in a chat, twenty a minute in a
group, thirty a second overall; edits count, callback answers do not. Decisive is `retry_after` of a
429: until it has passed, nothing goes to that chat.
"""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from aiogram import Bot
from aiogram.client.session.middlewares.base import (
    BaseRequestMiddleware,
    NextRequestMiddlewareType,
)
from aiogram.exceptions import (
    TelegramAPIError,
    TelegramBadRequest,
    TelegramNetworkError,
    TelegramRetryAfter,
)
from aiogram.methods import Response, TelegramMethod
from aiolimiter import AsyncLimiter

from imgbot.telemetry import events as telemetry

_OVERALL_PER_S = 25
_PRIVATE_BURST = 5
_GROUP_PER_MINUTE = 18
_CHATS_REMEMBERED = 4096
_DEFAULT_MAX_WAIT_S = 20.0

_UNCOUNTED = frozenset(
    {"getUpdates", "getMe", "getFile", "answerCallbackQuery", "deleteWebhook", "sendChatAction"}
)

_max_wait_s: ContextVar[float] = ContextVar("patience_s", default=_DEFAULT_MAX_WAIT_S)


@contextmanager
def max_wait(seconds: float) -> Generator[None]:
    """Limit the wait of calls inside the block; 0 for calls that may be dropped."""
    token = _max_wait_s.set(seconds)
    try:
        yield
    finally:
        _max_wait_s.reset(token)


class FloodGate(BaseRequestMiddleware):
    """Middleware of every call: waits for a permit, counts the call, remembers refusals.

    A call that would exceed its maximum wait raises TelegramRetryAfter without being made.
    """

    def __init__(self) -> None:
        self._overall = AsyncLimiter(_OVERALL_PER_S, 1)
        self._chats: OrderedDict[int | str, AsyncLimiter] = OrderedDict()
        self._closed_until: OrderedDict[int | str, float] = OrderedDict()

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[Any],
        bot: Bot,
        method: TelegramMethod[Any],
    ) -> Response[Any]:
        name = method.__api_method__
        chat: int | str = getattr(method, "chat_id", None) or 0
        if name not in _UNCOUNTED:
            await self._wait(method, chat)
        begun = time.monotonic()
        code = "ok"
        try:
            return await make_request(bot, method)
        except TelegramAPIError as error:
            code = _code(error)
            self._note(name, chat, error)
            raise
        finally:
            telemetry.call_made(name, code, time.monotonic() - begun)

    async def _wait(self, method: TelegramMethod[Any], chat: int | str) -> None:
        max_wait_s = _max_wait_s.get()
        closed_s = self._closed_until.get(chat, 0.0) - time.monotonic()
        limiter = self._limiter(chat)
        if closed_s > max_wait_s or (max_wait_s == 0 and not self._has_spare_capacity(limiter)):
            raise TelegramRetryAfter(method, "retry_after has not passed", max(1, round(closed_s)))
        if closed_s > 0:
            await asyncio.sleep(closed_s)
        try:
            # Never zero: an open gate is passed without waiting.
            async with asyncio.timeout(max(max_wait_s - max(closed_s, 0), 0.5)):
                await limiter.acquire()
                await self._overall.acquire()
        except TimeoutError:
            raise TelegramRetryAfter(method, "rate limit reached", 1) from None

    def _has_spare_capacity(self, limiter: AsyncLimiter) -> bool:
        """True if a call that may be dropped would not delay one that may not."""
        return limiter.has_capacity(limiter.max_rate / 2) and self._overall.has_capacity(
            _OVERALL_PER_S / 2
        )

    def _limiter(self, chat: int | str) -> AsyncLimiter:
        limiter = self._chats.pop(chat, None)
        if limiter is None:
            is_group = isinstance(chat, int) and chat < 0
            limiter = (
                AsyncLimiter(_GROUP_PER_MINUTE, 60)
                if is_group
                else AsyncLimiter(_PRIVATE_BURST, _PRIVATE_BURST)
            )
        self._chats[chat] = limiter
        if len(self._chats) > _CHATS_REMEMBERED:
            self._chats.popitem(last=False)
        return limiter

    def _note(self, name: str, chat: int | str, error: TelegramAPIError) -> None:
        wait_s = flood_wait_s(error)
        if wait_s is None:
            return
        telemetry.call_limited(name, wait_s)
        self._closed_until[chat] = time.monotonic() + wait_s
        if len(self._closed_until) > _CHATS_REMEMBERED:
            self._closed_until.popitem(last=False)


def flood_wait_s(error: TelegramAPIError) -> float | None:
    """Return the wait in seconds that Telegram asks for; albums state it in the text of a 400."""
    if isinstance(error, TelegramRetryAfter):
        return float(error.retry_after)
    if isinstance(error, TelegramBadRequest):
        found = re.search(r"retry after (\d{1,6})", error.message)
        return float(found[1]) if found else None
    return None


def _code(error: TelegramAPIError) -> str:
    if isinstance(error, TelegramNetworkError):
        return "network"
    names = {"TelegramBadRequest": "400", "TelegramForbiddenError": "403"}
    names |= {"TelegramRetryAfter": "429", "TelegramServerError": "5xx"}
    names |= {"TelegramConflictError": "409", "TelegramUnauthorizedError": "401"}
    return names.get(type(error).__name__, "other")
