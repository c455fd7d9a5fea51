"""Connection of the bot's own clients to a Redis of the simulated world."""

import asyncio
from collections.abc import Callable
from typing import Any

import hiredis
import redis.asyncio
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
    TimeoutError as RedisTimeoutError,
)

from imgbot.storage import client
from tests.simulation.network import LostError, Network
from tests.simulation.redis_server import RedisServer
from tests.simulation.replicated_log import Mark
from tests.simulation.sentinel import Sentinels


class Connection(AbstractConnection):
    """Connection of the bot's own client to the server."""

    port = 6379

    @property
    # pyrefly: ignore[bad-override] -- it changes with the primary
    def host(self) -> str:
        return self._server.name if self._server else ""

    def __init__(self, *, way: "Way | Sentinels", network: Network, **options: Any) -> None:
        super().__init__(**options)
        self._way = way
        self._server: RedisServer | None = None
        self._network = network
        self._generation = (-1, -1)
        self._reader_of_commands = hiredis.Reader()
        self._commands: list[list[bytes]] = []
        self._answers: list[Any] = []

    @property
    def is_connected(self) -> bool:
        if self._server is None or self._server.is_down:
            return False
        return self._generation == (self._way.generation, self._server.generation)

    def repr_pieces(self) -> Any:
        return []

    async def _connect(self) -> None:
        raise NotImplementedError

    def _host_error(self) -> str:
        return "redis"

    async def connect(self) -> None:
        if not self.is_connected:
            await self.disconnect()
            server = self._server = self._way.find()
            before = self._way.generation
            self._generation = before, await self._exchange("connect", self._accept, server)

    def _accept(self, server: RedisServer) -> int:
        if server.is_down:
            raise ConnectionResetError
        return server.generation

    async def disconnect(self, *_: Any, **__: Any) -> None:
        self._generation = (-1, -1)
        self._commands, self._answers = [], []
        self._reader_of_commands = hiredis.Reader()

    async def can_read_destructive(self) -> bool:
        return False

    async def can_read(self) -> bool:
        return False

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        await self.connect()
        for each in [command] if isinstance(command, bytes) else command:
            self._reader_of_commands.feed(each)
        while fields := self._reader_of_commands.gets():
            self._commands.append(fields)

    async def read_response(self, *_: Any, **__: Any) -> Any:
        if not self._answers:
            commands, self._commands = self._commands, []
            if commands[0][0] == b"BRPOP":
                self._answers = [await self._pop(commands[0])]
            else:
                self._answers = await self._run(commands)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            if str(answer).startswith("MASTERDOWN"):
                self._generation = (-1, -1)
            raise answer
        return answer

    async def _run(self, commands: list[list[bytes]]) -> list[Any]:
        server, generation = self._server, self._generation[1]
        assert server is not None
        name = max(map(server.name_of, commands), key=len)
        answers, mark = await self._exchange(name, self._serve, server, generation, commands)
        for fields, answer in zip(commands, answers, strict=True):
            is_answered = fields[0] == b"WAITAOF" and not isinstance(answer, Exception)
            if is_answered and answer[1] >= int(fields[2]):
                server.acknowledged(server, int(fields[2]), mark)
        return answers

    def _serve(
        self, server: RedisServer, generation: int, commands: list[list[bytes]]
    ) -> tuple[list[Any], Mark]:
        # Also what arrives after the client has given it up.
        if server.is_down or generation != server.generation:
            raise ConnectionResetError
        return [server.serve(each) for each in commands], server.end

    async def _exchange(self, name: str, serve: Callable[..., Any], *args: Any) -> Any:
        server = self._server
        assert server is not None
        try:
            async with asyncio.timeout(self.socket_timeout):
                link = "witness" if server.name == "w" else "redis"
                return await self._network.exchange(link, name, lambda: serve(*args), server.name)
        except TimeoutError:
            await self.disconnect()
            raise RedisTimeoutError("no answer") from None
        except (LostError, ConnectionResetError):
            await self.disconnect()
            raise RedisConnectionError("lost") from None
        except BaseException:
            await self.disconnect()
            raise

    async def _pop(self, fields: list[bytes]) -> Any:
        """BRPOP, which the server would wait for."""
        until_s = self._network.loop.now_s + float(fields[-1])
        server = self._server
        assert server is not None
        while True:
            server.pushed.clear()
            [found] = await self._run([[b"RPOP", fields[1]]])
            left_s = until_s - self._network.loop.now_s
            if isinstance(found, Exception) or (found is None and left_s <= 0):
                return found
            if found is not None:
                return [fields[1].decode(), found]
            try:
                async with asyncio.timeout(left_s):
                    await server.pushed.wait()
            except TimeoutError:
                return None


class Way:
    """Way of a client to one server."""

    generation = 0

    def __init__(self, server: RedisServer) -> None:
        self._server = server

    def find(self) -> RedisServer:
        return self._server


class _ClusterClient(client.Client):
    @property
    def sentinels(self) -> Any:
        return self.__dict__["simulated"]


def connect(way: "Way | Sentinels", network: Network) -> client.Client:
    """Open the bot's own client, of one server or of the one that Sentinels name."""
    opened = client.connect("redis://simulated")
    pool = opened.connection_pool
    pool.connection_class = Connection
    for name in ("host", "port"):
        pool.connection_kwargs.pop(name, None)
    pool.connection_kwargs.update(way=way, network=network)
    if not isinstance(way, Way):
        pool.connection_kwargs["socket_timeout"] = 2
        opened.__class__ = _ClusterClient
        opened.__dict__["simulated"] = way
    return opened


def connect_directly(server: RedisServer, network: Network) -> Any:
    """Open a client as the bot's own for one server of a cluster, or for its record."""
    pool = redis.asyncio.ConnectionPool(
        Connection, way=Way(server), network=network, socket_timeout=1.0,
        retry=Retry(NoBackoff(), 0),
    )  # fmt: skip
    return redis.asyncio.Redis(connection_pool=pool)
