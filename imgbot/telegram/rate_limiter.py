"""Rate limiter of Bot API calls: keeps Telegram's limits in advance, and obeys 429.

Telegram publishes no exact limits: about one message a second in a chat, twenty a minute in a
group, thirty a second overall; edits count, callback answers do not. Decisive is `retry_after` of a
429: until it has passed, nothing goes to that chat. What may be dropped is sent only while there is
room; results go before everything else that waits.
"""

import asyncio
import heapq
import itertools
import math
import re
import time
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
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

from imgbot.telemetry import events

# With a burst of three, never more than thirty in any second.
_OVERALL_PER_S = 27
PICTURES_PER_S = 12.5
"""Each needs two calls: its status message, and the edit into the picture."""
_PRIVATE_BURST = 5
_GROUP_PER_MINUTE = 18
_LEAST_MAX_WAIT_S = 0.5
_MEASURED_OVER_S = 10.0

_UNCOUNTED = frozenset(
    {
        *("getUpdates", "getMe", "getFile", "deleteWebhook"),
        *("answerCallbackQuery", "answerPreCheckoutQuery"),
    }
)
_RESULTS = frozenset({"editMessageMedia", "sendPhoto", "sendDocument", "sendSticker"})


class OptionalCall(Enum):
    """Calls that may be dropped, with the use of the limit at which a young job's are."""

    READY = 0.08
    PROGRESS = 0.1
    PLACE = 0.2
    BROADCAST = 0.5


def is_worth_it(call: OptionalCall, fill: float, age_s: float) -> bool:
    """Decide whether to make a call while `fill` (0 to 1) of Telegram's limit is in use.

    The longer ago the user got a message (`age_s`), the more it is worth.
    """
    # Each minute of age adds the call's own share. The last quarter is for calls that must be made.
    return fill < min(call.value * (1 + age_s / 60.0), 0.75)


_max_wait_s: ContextVar[float] = ContextVar("max_wait_s", default=20.0)


@contextmanager
def max_wait(seconds: float) -> Generator[None]:
    """Limit the wait of calls inside the block; at least half a second."""
    token = _max_wait_s.set(seconds)
    try:
        yield
    finally:
        _max_wait_s.reset(token)


class Bucket:
    """Generic cell rate algorithm: `burst` calls at once, then `per_s` calls a second."""

    __slots__ = ("_closed_until_s", "_due_s", "_interval_s", "_slack_s")

    def __init__(self, per_s: float, burst: int) -> None:
        self._interval_s = 1 / per_s
        self._slack_s = (burst - 1) * self._interval_s
        self._due_s = self._closed_until_s = -math.inf

    def close(self, until_s: float) -> None:
        """Hold calls until a time."""
        self._closed_until_s = max(self._closed_until_s, until_s)

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next call may be made."""
        return max(0.0, self._due_s - self._slack_s - now_s, self._closed_until_s - now_s)

    def take(self, now_s: float) -> None:
        self._due_s = max(self._due_s, now_s) + self._interval_s

    def closed_s(self, now_s: float) -> float:
        return max(0.0, self._closed_until_s - now_s)

    def is_half_full(self, now_s: float) -> bool:
        return self.closed_s(now_s) > 0 or self._due_s - now_s > self._slack_s / 2


class FloodGate(BaseRequestMiddleware):
    """Middleware of every call: waits for a permit, counts the call, remembers refusals.

    A call that would exceed its maximum wait raises TelegramRetryAfter without being made.
    """

    def __init__(self) -> None:
        self._overall = Bucket(_OVERALL_PER_S, 3)
        self._chats: OrderedDict[int | str, Bucket] = OrderedDict()
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._rate = 0.0
        self._rate_at_s = 0.0

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[Any],
        bot: Bot,
        method: TelegramMethod[Any],
    ) -> Response[Any]:
        name = method.__api_method__
        chat = _limited_by(method)
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
            events.call_made(name, code, time.monotonic() - begun)

    @property
    def backlog_s(self) -> float:
        """Seconds until the calls that wait for the overall limit are made."""
        return len(self._waiting) / _OVERALL_PER_S

    def has_room(self, call: OptionalCall, chat: int, age_s: float) -> bool:
        """True if a call that may be dropped should be made now; see `is_worth_it`."""
        now_s = time.monotonic()
        bucket = self._bucket(chat)
        # The line comes once, after the edits that told the progress and half filled the bucket.
        is_full = (
            bucket.wait_s(now_s) > 0 if call is OptionalCall.READY else bucket.is_half_full(now_s)
        )
        return not is_full and is_worth_it(call, self._fill(now_s), age_s)

    def _fill(self, now_s: float) -> float:
        """Share of the overall limit in use during the last seconds; 1 while calls wait."""
        decayed = self._rate * math.exp((self._rate_at_s - now_s) / _MEASURED_OVER_S)
        return 1.0 if self._waiting else decayed / _OVERALL_PER_S

    async def _wait(self, method: TelegramMethod[Any], chat: int | str) -> None:
        now_s, bucket = time.monotonic(), self._bucket(chat)
        # Never zero: an open gate is passed without waiting.
        max_wait_s = max(_max_wait_s.get(), _LEAST_MAX_WAIT_S)
        wait_s = bucket.wait_s(now_s)
        if wait_s > max_wait_s:
            raise TelegramRetryAfter(method, "the limit of the chat is reached", math.ceil(wait_s))
        bucket.take(now_s + wait_s)
        if wait_s:
            await asyncio.sleep(wait_s)
        try:
            async with asyncio.timeout(max(max_wait_s - wait_s, _LEAST_MAX_WAIT_S)):
                await self._permit(is_result=method.__api_method__ in _RESULTS)
        except TimeoutError:
            raise TelegramRetryAfter(method, "rate limit reached", 1) from None
        # Telegram may have answered an earlier call with 429 meanwhile.
        if closed_s := self._bucket(chat).closed_s(time.monotonic()):
            raise TelegramRetryAfter(method, "the chat is limited", math.ceil(closed_s))

    async def _permit(self, *, is_result: bool) -> None:
        """Wait for a turn within the overall limit."""
        now_s = time.monotonic()
        if not self._waiting and not self._overall.wait_s(now_s):
            self._take(now_s)
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (not is_result, next(self._numbers), turn))
        if len(self._waiting) == 1:
            self._give_turns()
        await turn

    def _give_turns(self) -> None:
        now_s = time.monotonic()
        while self._waiting and not self._overall.wait_s(now_s):
            turn = heapq.heappop(self._waiting)[-1]
            if not turn.done():
                turn.set_result(None)
                self._take(now_s)
        if self._waiting:
            wait_s = self._overall.wait_s(now_s)
            asyncio.get_running_loop().call_later(wait_s, self._give_turns)

    def _take(self, now_s: float) -> None:
        self._overall.take(now_s)
        decay = math.exp((self._rate_at_s - now_s) / _MEASURED_OVER_S)
        self._rate, self._rate_at_s = self._rate * decay + 1 / _MEASURED_OVER_S, now_s

    def _bucket(self, chat: int | str) -> Bucket:
        self._chats[chat] = bucket = self._chats.pop(chat, None) or _bucket_of(chat)
        if len(self._chats) > 4096:
            self._forget_chat()
        return bucket

    def _forget_chat(self) -> None:
        """Forget the least recently called chat, if possible one without a wait from Telegram."""
        now_s = time.monotonic()
        open_chats = (chat for chat, bucket in self._chats.items() if not bucket.closed_s(now_s))
        del self._chats[next(open_chats, next(iter(self._chats)))]

    def _note(self, name: str, chat: int | str, error: TelegramAPIError) -> None:
        wait_s = flood_wait_s(error)
        if wait_s is None:
            return
        events.call_limited(name, wait_s)
        self._bucket(chat).close(time.monotonic() + wait_s)


def _limited_by(method: TelegramMethod[Any]) -> int | str:
    """Return the chat whose limits a call has, else what a 429 may hold up beside it."""
    holders = ("chat_id", "inline_message_id", "guest_query_id")
    found = (getattr(method, holder, None) for holder in holders)
    return next(filter(None, found), method.__api_method__)


def _bucket_of(chat: int | str) -> Bucket:
    if isinstance(chat, str):
        # Calls without a chat, such as the answers to inline queries, do not share one's limit.
        return Bucket(_OVERALL_PER_S, _OVERALL_PER_S)
    is_group = chat < 0
    return (
        Bucket(_GROUP_PER_MINUTE / 60, _GROUP_PER_MINUTE)
        if is_group
        else Bucket(1.0, _PRIVATE_BURST)
    )


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
