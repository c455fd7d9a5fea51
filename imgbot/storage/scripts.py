"""Redis client, translation of its errors, and the Lua scripts."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any, TypeVar, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
    NoScriptError,
    OutOfMemoryError,
    RedisError,
    ResponseError,
    TimeoutError as RedisTimeoutError,
)

from imgbot.domain.errors import FencedError, StorageFullError, StorageUnavailableError, UserError
from imgbot.storage import keys

_T = TypeVar("_T")

UNAVAILABLE = (
    RedisConnectionError,
    RedisTimeoutError,
    # The server was restarted between loading a script and calling it.
    NoScriptError,
    OSError,
)
"""Errors that do not depend on the command itself: a retry can succeed."""

_NO_ACCESS = "refuses the user or password of IMGBOT_REDIS_URL"
_NO_PERMISSION = "does not permit its user a command or key that imgbot needs (ACL)"
_PASSING = {
    "BUSY ": "is busy with a script that runs for too long",
    "LOADING": "is still loading its data",
    "MISCONF": "cannot write to its disk",
    "NOREPLICAS": "takes no write: too few of its replicas are connected",
    "READONLY": "takes no write: it is a replica now",
    "UNBLOCKED": "has become a replica",
    "MASTERDOWN": "has lost its master",
    "CLUSTERDOWN": "says that its cluster is down",
    "TRYAGAIN": "says that its keys are being moved",
    "NOAUTH": _NO_ACCESS,
    "WRONGPASS": _NO_ACCESS,
    "NOPERM": _NO_PERMISSION,
    "ACL failure in script": _NO_PERMISSION,
    "max number of clients": "takes no further connection (maxclients)",
    "WAITAOF cannot be used": "keeps no append-only file any longer (appendonly no)",
}
"""Prefix of an error that does not depend on the command → state of the server that it reveals.
Such an error ends by itself, or once the operator repairs the server."""

_MAX_DELAY_S = 2.0
_CHOICE_S = 3600

_CONNECTIONS = 100
"""A command uses a connection for about a millisecond; concurrent commands share one fsync."""


def connect(url: str) -> Redis:
    """Open a client for `url` (redis://, rediss://, unix://); connects on first use."""
    # No health checks: redis-py runs them within its handshake, where a failing one repeats the
    # handshake without end. A connection that died while idle is reopened by the retry.
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        # Waiting for a connection is unlimited: each command has a limit of its own.
        timeout=None,
        decode_responses=True,
        socket_timeout=5,
        socket_connect_timeout=2,
        retry=_Reconnecting(ExponentialBackoff(cap=0.5, base=0.05), 3),
    )
    return Redis.from_pool(pool)


class _Reconnecting(Retry):
    """Retry that reopens a lost connection at once, but does not wait for a server that hangs.

    redis-py repeats a command, and in each attempt the handshake of a new connection: a hanging
    server would block the caller for a minute without a log line.
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
    # On a unix socket redis-py wraps the timeout of an unanswered handshake.
    return isinstance(error, RedisTimeoutError) or isinstance(error.__cause__, RedisTimeoutError)


@contextmanager
def storage_errors() -> Generator[None]:
    """Translate the errors of a Redis that is unavailable, or full, to StorageUnavailableError.

    Raises CancelledError if a cancellation was lost. The client turns one that coincides with
    its own timeout into an error, and drops one that coincides with the end of its sending
    (`asyncio.wait_for` of Python 3.11). A loop that is not cancelled a second time, as in a task
    group, would then never end.
    """
    before = _cancellations()
    try:
        yield
    except (*UNAVAILABLE, ResponseError) as error:
        if _cancellations() > before:
            raise asyncio.CancelledError from error
        meaning = _meaning(error)
        if meaning is None:
            raise
        raise meaning from error
    if _cancellations() > before:
        raise asyncio.CancelledError


def _meaning(error: Exception) -> StorageUnavailableError | None:
    # While connecting, redis-py wraps the server's error in a connection error.
    for one in (error, error.__cause__):
        if sentence := _state_told_by(one):
            return StorageUnavailableError(f"Redis {sentence}")
    if isinstance(error, UNAVAILABLE):
        is_silence = _is_silence(error)
        what = "Redis does not answer" if is_silence else f"Redis: {type(error).__name__}"
        return StorageUnavailableError(what)
    if isinstance(error, OutOfMemoryError):
        return StorageFullError("the memory of Redis is full")
    return None


def _state_told_by(error: BaseException | None) -> str:
    """Return the server state that an error reveals, or an empty string."""
    if not isinstance(error, RedisError):
        return ""
    # redis-py removes most codes from the text, and a pipeline puts its command in front of it.
    text = str(error).rpartition("caused error: (")[2].lstrip("'\"")
    code = error.status_code if error.status_code not in {None, "ERR"} else ""
    return next(
        (says for begin, says in _PASSING.items() if f"{code} {text}".lstrip().startswith(begin)),
        "",
    )


def _cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


class Store:
    """Base of a store; each of its calls raises StorageUnavailableError if Redis is unavailable."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def _ask(self, answer: Awaitable[Any]) -> Any:
        with storage_errors():
            return await answer

    async def _hashes(self, names: Iterable[str]) -> list[dict[str, str]]:
        """Read hashes in one round trip."""
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.hgetall(name)
        return await self._ask(pipe.execute())

    async def _first(self, key: str, value: str, ttl_s: int) -> str:
        """Set a key unless it has a value; return the one that it has now."""
        earlier = await self._ask(self._redis.set(key, value, nx=True, get=True, ex=ttl_s))
        return value if earlier is None else earlier

    async def _chosen(self, key: str, value: str) -> str:
        """Return the value that was chosen first within the hour."""
        try:
            return await self._first(key, value, _CHOICE_S)
        except StorageFullError:
            # The choice cannot be stored. An action that needs memory is refused by Redis itself,
            # and one that frees some (cancelling a job) must not be refused.
            earlier = await self._ask(self._redis.get(key))
            return value if earlier is None else earlier


Value = str | int | Sequence[str | int]
"""Value of one key or argument; a sequence of any length for a name declared with `...`."""

_HEADER = re.compile(r"^-- (KEYS|ARGV|FLAGS): (.+)$", re.MULTILINE)

_FENCE = "if redis.call('GET', epoch) ~= own_epoch then return {'fenced'} end\n"

_ALLOW_OOM = "redis.call('PERSIST', KEYS[1])\n"
"""Write that changes nothing, as these keys never expire. Redis lets a script that has written
continue to write when its memory is full: jobs must be able to end, and a starting bot is the only
one that can free memory."""


class Script:
    """Lua script; its header declares its keys, arguments and flags.

    `-- KEYS: a b` and `-- ARGV: c d...` become local variables of the script, in front of its
    text, and the keywords of its call; `d...` is a table of any length, the last of its kind.
    `-- FLAGS: fenced` makes it answer `fenced` unless its caller's epoch is the current one,
    `allow-oom` lets it write when the memory of Redis is full.
    """

    def __init__(self, source: str) -> None:
        declared: dict[str, list[str]] = {"KEYS": [], "ARGV": [], "FLAGS": []}
        for kind, names in _HEADER.findall(source):
            declared[kind] += names.split()
        self.is_fenced = "fenced" in declared["FLAGS"]
        if self.is_fenced:
            declared["KEYS"].insert(0, "epoch")
            declared["ARGV"].insert(0, "own_epoch")
        self._keys, self._args = declared["KEYS"], declared["ARGV"]
        prelude = _locals("KEYS", self._keys) + _locals("ARGV", self._args)
        prelude += _FENCE * self.is_fenced + _ALLOW_OOM * ("allow-oom" in declared["FLAGS"])
        self.text = prelude + source

    def bind(self, values: Mapping[str, Value]) -> tuple[list[str | int], list[str | int]]:
        """Return KEYS and ARGV. Raises TypeError unless each declared name has its value."""
        names = {name.removesuffix("...") for name in self._keys + self._args}
        if wrong := values.keys() ^ names:
            raise TypeError(f"missing or undeclared: {', '.join(sorted(wrong))}")
        return _positional(self._keys, values), _positional(self._args, values)


def _locals(table: str, names: Sequence[str]) -> str:
    fixed = [name for name in names if not name.endswith("...")]
    text = f"local {', '.join(fixed)} = unpack({table}, 1, {len(fixed)})\n" if fixed else ""
    for rest in (name.removesuffix("...") for name in names[len(fixed) :]):
        # Not `unpack`, which is limited to a few thousand values.
        text += f"local {rest} = {{}}\n"
        text += f"for i = {len(fixed) + 1}, #{table} do {rest}[i - {len(fixed)}] = {table}[i] end\n"
    return text


def _positional(names: Sequence[str], values: Mapping[str, Value]) -> list[str | int]:
    found: list[str | int] = []
    for name in names:
        value = values[name.removesuffix("...")]
        if isinstance(value, (str, int)) is name.endswith("..."):
            raise TypeError(f"{name}: a sequence for a name with dots, else one value")
        found += [value] if isinstance(value, (str, int)) else value
    return found


class Scripts:
    """Lua scripts by name, called by keyword. Each is safe to repeat."""

    def __init__(self, redis: Redis) -> None:
        folder = resources.files("imgbot.storage") / "lua"
        self.epoch = ""
        """Fencing token of the supervisor; empty until it has opened its epoch."""
        self._scripts: dict[str, tuple[Script, AsyncScript]] = {}
        for entry in folder.iterdir():
            if entry.name.endswith(".lua"):
                script = Script(entry.read_text())
                registered = redis.register_script(script.text)
                self._scripts[entry.name.removesuffix(".lua")] = (script, registered)

    async def call(self, name: str, **values: Value) -> list[Any]:
        """Run a script once.

        Raises StorageUnavailableError while Redis is unavailable, FencedError when another
        supervisor has opened an epoch since, UserError when Redis is at its memory limit.
        """
        with storage_errors():
            try:
                return _checked(await self._run(name, values))
            except OutOfMemoryError as error:
                raise UserError("storage_full") from error

    async def call_until_done(self, name: str, **values: Value) -> list[Any]:
        """Run a script, retrying while Redis is unavailable: its event has already happened."""
        delay_s = 0.05
        while True:
            try:
                with storage_errors():
                    return _checked(await self._run(name, values))
            except StorageUnavailableError:
                await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))  # noqa: S311 -- jitter
                delay_s = min(delay_s * 2, _MAX_DELAY_S)

    async def _run(self, name: str, values: dict[str, Value]) -> list[Any]:
        script, registered = self._scripts[name]
        if script.is_fenced:
            values |= {"epoch": keys.EPOCH, "own_epoch": self.epoch}
        names, args = script.bind(values)
        try:
            answer = registered(keys=cast("Sequence[str]", names), args=args)
            return await cast("Awaitable[list[Any]]", answer)
        except ResponseError as error:
            # Inside a script, Redis reports its memory limit as a plain error with this text.
            if "OOM command not allowed" in str(error):
                raise OutOfMemoryError(str(error)) from error
            raise


def _checked(answer: list[Any]) -> list[Any]:
    if answer and answer[0] == "fenced":
        raise FencedError("another supervisor took the queue over")
    return answer
