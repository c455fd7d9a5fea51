"""Redis client: batches of commands (ARCHITECTURE.md says why), scripts, translation of errors."""

import asyncio
import functools
import random
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import hiredis
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import Connection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool, SentinelManagedConnection
from redis.backoff import ExponentialBackoff
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
    InvalidResponse,
    NoScriptError,
    OutOfMemoryError,
    RedisError,
    ResponseError,
    TimeoutError as RedisTimeoutError,
)

from imgbot.config.setting_types import ClusterUrl, is_of_sentinels
from imgbot.domain.errors import FencedError, StorageFullError, StorageUnavailableError, UserError
from imgbot.storage import keys
from imgbot.storage.scripts import Value, script

_T = TypeVar("_T")

_UNAVAILABLE = (RedisConnectionError, RedisTimeoutError, InvalidResponse, OSError)
"""Errors that do not depend on the command itself: a retry can succeed.

What answers unlike Redis (a web server, or one that wants TLS) is a Redis that is away.
"""

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
    "No master found": "has no primary that the Sentinels reach",
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
_Command = tuple[bytes, Any, Mapping[str, Any], asyncio.Future[Any]]
"""Packed form, name and options of a command, and the future of its answer."""

_BLOCKING = frozenset({"BRPOP"})
_READS = frozenset(
    {*("EXISTS", "GET", "HGETALL", "HKEYS", "INFO"), *("LRANGE", "MGET", "ZRANGE", "ZRANGEBYSCORE")}
)
"""Commands that an idle bot sends, and that change nothing."""

_WRITTEN_S = 3600
"""Longer than a failover takes."""

_BATCH = 200
"""Commands sent together, about 10 ms of server time."""

_CONNECTIONS = 20
"""A connection carries one batch, one pipeline or one blocking command at a time."""


class Client(Redis):
    """Redis client that sends the commands of concurrent tasks together.

    While one batch is under way, the next one gathers. Its commands share a write to the socket,
    and the fsync of a server that syncs each write before its answer. Each command raises
    StorageUnavailableError while Redis is unavailable, StorageFullError when its memory is full.
    """

    epoch: str = ""
    """Fencing token of the supervisor, `<number>-<uuid>`; empty until it has opened its epoch."""
    _waiting: list[_Command]
    _sender: asyncio.Task[None] | None = None
    _link: Any = None
    """Connection of the batches, kept: a pool costs half of the time of a short command."""
    _written: int = 0
    """Number of the latest batch of writes that was answered to a leader of a cluster."""
    _is_complete: bool = True
    """True once the server of the batches is known to have that batch."""

    # pyrefly: ignore[bad-override] -- awaitable as before, and sent even before
    def execute_command(self, *args: Any, **options: Any) -> Awaitable[Any]:
        """Add a command to the next batch, at once: a call need not be awaited to be sent."""
        if args[0] in _BLOCKING:
            return self._block(args, options)
        # Packed here, so that a value that cannot be sent fails its own command alone. The first
        # part may be two words, as in CONFIG GET.
        packed = hiredis.pack_command((*args[0].split(), *args[1:]))
        answer = asyncio.get_running_loop().create_future()
        if self._sender is None or self._sender.done():
            # One that was cancelled before it began has left its commands.
            self._waiting = self._waiting if self._sender else []
            self._sender = asyncio.create_task(self._send())  # noqa: TID251 -- it reports to the callers
        self._waiting.append((packed, args[0], options, answer))
        return answer

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001 -- the client's own signature
        if self._sender is not None:
            await asyncio.wait([self._sender])
        if self._link is not None:
            await self.connection_pool.release(self._link)
            self._link = None
        await super().aclose(close_connection_pool)
        if self.sentinels is not None:
            await self.sentinels.sentinel_manager.aclose()

    async def _block(self, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
        with _storage_errors():
            # On a connection of its own, which is kept as well.
            if self.connection is None:
                self.connection = cast("Connection", await self.connection_pool.get_connection())
            return await super().execute_command(*args, **options)

    async def _send(self) -> None:
        batch: list[_Command] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
                await self._send_batch(batch)
        finally:
            self._sender = None
            # Of a program that ends: no caller waits for ever.
            for *_, answer in [*batch, *self._waiting]:
                answer.cancel()

    async def _send_batch(self, batch: Sequence[_Command]) -> None:
        try:
            if self._link is None:
                self._link = await self.connection_pool.get_connection()
            elif self._is_outdated:
                await self._link.disconnect(nowait=True)
            exchange = functools.partial(self._exchange, self._link, batch)
            answers = await self._link.retry.call_with_retry(exchange, self._disconnect)
        except Exception as error:  # noqa: BLE001 -- each caller gets it
            answers = [error] * len(batch)
        for (*_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(_translated(answer))
            else:
                future.set_result(answer)

    async def _disconnect(self, _error: Exception) -> None:
        await self._link.disconnect(nowait=True)

    async def _exchange(self, link: Any, batch: Sequence[_Command]) -> list[Any]:
        if not link.is_connected:
            await self._reconnect(link)
        if not self._is_leader or all(name in _READS for _, name, *_ in batch):
            return await self._exchange_all(link, [command[:3] for command in batch])
        number = self._written + 1
        count: Any = ("SET", keys.WRITTEN + self.epoch, number, "EX", _WRITTEN_S)
        counted = (hiredis.pack_command(count), "SET", {})
        *answers, last = await self._exchange_all(link, [*(each[:3] for each in batch), counted])
        if not isinstance(last, Exception):
            self._written = number
        return answers

    @property
    def _is_leader(self) -> bool:
        return bool(self.epoch) and self.sentinels is not None

    async def _reconnect(self, link: Any) -> None:
        """Connect, to a server that has all that was written.

        Raises FencedError: a replica that has become the primary may lack the last of it, and no
        later wait would tell. What is stored there is resumed by the next leader.
        """
        self._is_complete = False
        await link.connect()
        if self._is_leader:
            await link.send_command("GET", keys.WRITTEN + self.epoch)
            if int(await self.parse_response(link, "GET") or 0) < self._written:
                await link.disconnect(nowait=True)
                raise FencedError("the new primary of Redis lacks the latest writes")
        self._is_complete = True

    async def _exchange_all(self, link: Any, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        await link.send_packed_command(b"".join(packed for packed, *_ in commands))
        answers: list[Any] = []
        for _, name, options in commands:
            try:
                answers.append(await self.parse_response(link, name, **options))
            except _UNAVAILABLE:
                raise
            except Exception as error:  # noqa: BLE001 -- its caller gets it; the other answers follow
                answers.append(error)
        return answers

    @property
    def sentinels(self) -> SentinelConnectionPool | None:
        """Pool that asks Sentinels for the primary; None for a server with an address."""
        pool = self.connection_pool
        return pool if isinstance(pool, SentinelConnectionPool) else None

    @property
    def primary(self) -> tuple[str, int] | None:
        """Address of the server that commands go to; None without Sentinels, or a connection."""
        link = self._link
        return (link.host, link.port) if self.sentinels and link and link.is_connected else None

    @property
    def _is_outdated(self) -> bool:
        """True without a connection, or once another one has learned of another primary."""
        pool = self.sentinels
        return pool is not None and self.primary != pool.master_address

    async def wait_for_disk(self, wait_ms: int, replicas: int = 0) -> bool:
        """Wait until all that was written is on the server's disk; False if that takes longer.

        And on the disks of so many replicas. WAITAOF covers only the writes of its own connection:
        hence the write in front of it.
        """
        pipe = self.pipeline(transaction=False)
        pipe.incr(keys.SYNCS)
        if replicas:
            # A replica answers WAITAOF with what was on its disk before: alone it takes a second.
            pipe.execute_command("WAIT", replicas, wait_ms)
        pipe.execute_command("WAITAOF", 1, replicas, wait_ms)
        with _storage_errors():
            for answer in await pipe.execute(raise_on_error=False):
                if isinstance(answer, Exception):
                    raise answer
        # The wait was at the primary of now, and the writes may have been at another.
        is_here = self._is_complete and not self._is_outdated
        return bool(answer[0]) and answer[1] >= replicas and is_here

    async def call(self, name: str, **values: Value) -> list[Any]:
        """Run a script once.

        Raises StorageUnavailableError while Redis is unavailable, FencedError when another
        supervisor has opened an epoch since, UserError when Redis is at its memory limit.
        """
        try:
            return await self._run(name, values)
        except StorageFullError as error:
            raise UserError("storage_full") from error

    async def call_until_done(self, name: str, **values: Value) -> list[Any]:
        """Run a script, retrying while Redis is unavailable: its event has already happened."""
        delay_s = 0.05
        while True:
            try:
                return await self._run(name, values)
            except StorageUnavailableError:
                await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))  # noqa: S311 -- jitter
                delay_s = min(delay_s * 2, _MAX_DELAY_S)

    async def _run(self, name: str, values: dict[str, Value]) -> list[Any]:
        found = script(name)
        if found.is_fenced:
            values = {**values, "own_epoch": self.epoch}
        arguments = found.arguments(values)
        try:
            answer = await self.execute_command("EVALSHA", found.sha, 0, *arguments)
        except NoScriptError:
            answer = await self.execute_command("EVAL", found.text, 0, *arguments)
        if answer and answer[0] == "fenced":
            raise FencedError("another supervisor took the queue over")
        return answer


def connect(url: str) -> Client:
    """Open a client for `url` (redis, rediss, unix, redis+sentinel); connects on first use."""
    if is_of_sentinels(url):
        return _connect_by_sentinels(url)
    # No health checks: redis-py runs them within its handshake, where a failing one repeats the
    # handshake without end. A connection that died while idle is reopened by the retry.
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        # Waiting for a connection is unlimited: each command has a limit of its own.
        timeout=None,
        decode_responses=True,
        # A foreign value that is no text does not end the connection, and with it a whole batch.
        encoding_errors="replace",
        socket_timeout=5,
        socket_connect_timeout=2,
        retry=_Reconnecting(ExponentialBackoff(cap=0.5, base=0.05), 3),
    )
    return cast("Client", Client.from_pool(pool))


def _connect_by_sentinels(url: str) -> Client:
    cluster = ClusterUrl.parse(url)
    own = {"username": cluster.sentinel_user, "password": cluster.sentinel_password}
    link: dict[str, Any] = {
        # Shorter than a failover takes: a machine that is gone says nothing.
        "socket_timeout": 2,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "decode_responses": True,
        "encoding_errors": "replace",
        "retry": _Reconnecting(ExponentialBackoff(cap=0.5, base=0.05), 3),
    }
    addresses = [(one.host, one.port) for one in cluster.sentinels]
    client = Sentinel(addresses, sentinel_kwargs={**link, **own}).master_for(
        cluster.name,
        redis_class=Client,
        connection_class=_PrimaryConnection,
        username=cluster.user,
        password=cluster.password,
        **link,
    )
    return cast("Client", client)


class _PrimaryConnection(SentinelManagedConnection):
    """Connection that asks for the primary again whenever it was lost.

    redis-py reconnects before a command to the address that it had: that of a former primary.
    """

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 -- the client's own signature
        if not self.is_connected:
            await self.connect()
        await super().send_packed_command(command, check_health)


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
def _storage_errors() -> Generator[None]:
    """Translate the errors of blocking commands as the client does those of all others.

    Raises CancelledError if a cancellation was lost. redis-py turns one that coincides with
    its own timeout into an error, and drops one that coincides with the end of its sending
    (`asyncio.wait_for` of Python 3.11). A loop that is not cancelled a second time, as in a task
    group, would then never end.
    """
    before = _cancellations()
    try:
        yield
    except (*_UNAVAILABLE, ResponseError) as error:
        if _cancellations() > before:
            raise asyncio.CancelledError from error
        raise _translated(error) from error
    if _cancellations() > before:
        raise asyncio.CancelledError


def _translated(error: Exception) -> Exception:
    """Return an error of our own for a Redis that is unavailable, or full; else the error."""
    found = error
    # While connecting, redis-py wraps the server's error in a connection error.
    if sentence := _state_in(error) or _state_in(error.__cause__):
        found = StorageUnavailableError(f"Redis {sentence}")
    elif isinstance(error, _UNAVAILABLE):
        is_silence = _is_silence(error)
        what = "Redis does not answer" if is_silence else f"Redis: {type(error).__name__}"
        found = StorageUnavailableError(what)
    # Inside a script, Redis reports its memory limit as a plain error with this text.
    elif isinstance(error, OutOfMemoryError) or "OOM command not allowed" in str(error):
        found = StorageFullError("the memory of Redis is full")
    if found is not error:
        found.__cause__ = error
    return found


def _state_in(error: BaseException | None) -> str:
    """Return the server state that an error reveals, or an empty string."""
    if not isinstance(error, RedisError):
        return ""
    # redis-py removes most codes from the text.
    code = error.status_code if error.status_code not in {None, "ERR"} else ""
    return next(
        (says for begin, says in _PASSING.items() if f"{code} {error}".lstrip().startswith(begin)),
        "",
    )


def _cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


class Store:
    """Base of a store; each of its calls raises StorageUnavailableError if Redis is unavailable."""

    def __init__(self, redis: Client) -> None:
        self._redis: Any = redis
        """Of no type: redis-py's own allow for answers in bytes, and ours are text."""

    async def _all(self, *answers: Awaitable[Any]) -> list[Any]:
        """Return the answers to commands, which are sent together."""
        return await asyncio.gather(*answers)  # noqa: TID251 -- all end with their batch
