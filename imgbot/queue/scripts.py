"""The Lua scripts, loaded once, and how a Redis that is away is met."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any, TypeVar, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError as RedisConnectionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError as RedisTimeoutError,
)

from imgbot.errors import FencedError, StorageAwayError, StorageFullError, UserError

_T = TypeVar("_T")

AWAY = (
    RedisConnectionError,
    RedisTimeoutError,
    BusyLoadingError,
    ReadOnlyError,
    # The server was started anew between the loading of a script and its call.
    NoScriptError,
    OSError,
)
"""Errors that say nothing about the command itself: later it will do."""

_CANNOT_WRITE = ("MISCONF", "READONLY")
_PATIENCE_CAP_S = 2.0


def connect(url: str) -> Redis:
    """Open a client for `url` (redis://, rediss://, unix://); connects on first use."""
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=5,
        socket_connect_timeout=2,
        health_check_interval=30,
        retry=_Reconnecting(ExponentialBackoff(cap=0.5, base=0.05), 3),
    )


class _Reconnecting(Retry):
    """Tries a lost connection again at once, but not a server that hangs.

    The client repeats a command, and in each of its tries the greeting of a new connection: it
    would wait in silence for a minute.
    """

    async def call_with_retry(
        self,
        do: Callable[[], Awaitable[_T]],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,  # noqa: FBT001, FBT002 -- the client's own signature
    ) -> _T:
        def is_worth_it(error: Exception) -> bool:
            return not _is_silence(error) and (is_retryable is None or is_retryable(error))

        return await super().call_with_retry(do, fail, is_worth_it, with_failure_count)


def _is_silence(error: Exception) -> bool:
    # On a unix socket the client wraps a greeting that nobody answers.
    return isinstance(error, RedisTimeoutError) or isinstance(error.__cause__, RedisTimeoutError)


@contextmanager
def storage_errors() -> Generator[None]:
    """Turn a Redis that is away, or full, into StorageAwayError.

    Raises CancelledError where a cancellation came and was lost. The client turns one that meets
    its own timeout into an error, and forgets one that meets the end of its sending
    (`asyncio.wait_for` of Python 3.11). A loop that is not told a second time, as in a task group,
    would then never end.
    """
    before = _cancellations()
    try:
        yield
    except (*AWAY, ResponseError) as error:
        if _cancellations() > before:
            raise asyncio.CancelledError from error
        meaning = _meaning(error)
        if meaning is None:
            raise
        raise meaning from error
    if _cancellations() > before:
        raise asyncio.CancelledError


def _meaning(error: Exception) -> StorageAwayError | None:
    if isinstance(error, AWAY):
        is_silence = _is_silence(error)
        what = "Redis does not answer" if is_silence else f"Redis: {type(error).__name__}"
        return StorageAwayError(what)
    if isinstance(error, OutOfMemoryError):
        return StorageFullError("the memory of Redis is full")
    if str(error).startswith(_CANNOT_WRITE):
        return StorageAwayError("Redis cannot write to its disk")
    return None


def _cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


class Scripts:
    """Every decision in Redis, by name. Each script is safe to repeat."""

    def __init__(self, redis: Redis) -> None:
        folder = resources.files("imgbot.queue") / "lua"
        self._redis = redis
        self._scripts: dict[str, AsyncScript] = {
            entry.name.removesuffix(".lua"): redis.register_script(entry.read_text())
            for entry in folder.iterdir()
            if entry.name.endswith(".lua")
        }

    async def call(self, name: str, keys: Sequence[str], args: Sequence[str | int]) -> list[Any]:
        """Run once.

        Raises StorageAwayError while Redis is away, FencedError when outlived, UserError
        when Redis is at its memory limit.
        """
        with storage_errors():
            try:
                return _checked(await self._run(name, keys, args))
            except OutOfMemoryError as error:
                raise UserError("storage_full") from error

    async def insist(self, name: str, keys: Sequence[str], args: Sequence[str | int]) -> list[Any]:
        """Run until it is done, however long Redis is away: the step behind it was real."""
        delay_s = 0.05
        while True:
            try:
                with storage_errors():
                    return _checked(await self._run(name, keys, args))
            except StorageAwayError:
                await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))  # noqa: S311 -- jitter
                delay_s = min(delay_s * 2, _PATIENCE_CAP_S)

    async def _run(self, name: str, keys: Sequence[str], args: Sequence[str | int]) -> list[Any]:
        try:
            answer = self._scripts[name](keys=list(keys), args=list(args))
            return await cast("Awaitable[list[Any]]", answer)
        except ResponseError as error:
            # Inside a script the memory limit comes as a plain error with this text.
            if "OOM command not allowed" in str(error):
                raise OutOfMemoryError(str(error)) from error
            raise


def _checked(answer: list[Any]) -> list[Any]:
    if answer and answer[0] == "fenced":
        raise FencedError("another supervisor took the queue over")
    return answer
