"""Redis of the simulated world: fakeredis with Lua, its append-only file, and what of it is synced.

All commands that were served stand in a log. A crash serves the synced part of the log again, on an
empty server; a failover the part that the replica had received.
"""

import asyncio
import contextvars
from collections.abc import Callable
from importlib import resources
from typing import Any, NamedTuple

import hiredis
import redis.asyncio
from fakeredis import FakeServer
from fakeredis._socket import FakeSocket
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
    ResponseError,
    TimeoutError as RedisTimeoutError,
)

from imgbot.storage import client, keys
from imgbot.storage.scripts import Script
from tests.simulation.books import Call
from tests.simulation.loop import Loop
from tests.simulation.marks import sometimes
from tests.simulation.network import LostError, Network

_READS = frozenset(
    b"GET MGET HGET HMGET HGETALL HKEYS HLEN EXISTS TTL LRANGE LLEN ZRANGE ZRANK ZCARD ZSCORE "
    b"ZREVRANGE ZRANGEBYSCORE SCAN HSCAN ZSCAN SMEMBERS SISMEMBER SMISMEMBER PING TYPE".split()
)
_INFO = [
    "aof_enabled:0",
    "aof_rewrite_in_progress:0",
    "aof_rewrite_scheduled:0",
    "used_memory:1000",
]
_EVERY_S = 1.0
_LAG_S = 5.0
_OUTSIDE = contextvars.Context()
_LUA: dict[str, Any] = {}

_MAY_BE_STALE = {
    *("accept_invitation", "add_album_item", "append_late_photo", "close_album", "defer_updates"),
    *("find_keys", "mark_handled", "note_alerts", "open_epoch", "rate_limit", "set_once"),
    *("snapshot", "take_lease"),
}
"""Scripts that a bot may still run while another one leads: they move no job, and no money."""

_COUNTS_EACH = keys.REFUSED.encode()
"""Counts how often a user was refused, for operators."""


class Logged(NamedTuple):
    """A command that was served."""

    at_s: float
    skew_s: float
    """How far the clock was set then."""
    fields: list[bytes]
    call: Call | None
    """The script that it ran."""


Log = list[Logged]


class RedisServer:
    """Server, its log, and how much of that is on its disk and on its replica."""

    def __init__(
        self, loop: Loop, violate: Callable[[str], None], log: Log, *, syncs_always: bool
    ) -> None:
        self._loop = loop
        self._violate = violate
        self._syncs_always = syncs_always
        self._synced_s = self._replica_gone_s = 0.0
        self._replicated = 0
        self._is_strict = False
        """It takes no writes without a replica."""
        self.generation = 0
        """Counts the starts: each ends all connections."""
        self.is_down = False
        self.number = 1
        """Counts the primaries of a cluster."""
        self.has_replica = False
        self.has_lost = False
        """Answered writes were lost."""
        self.pushed = asyncio.Event()
        self.answered: Callable[[Call], None] = lambda call: None
        self._latest: dict[str, list[bytes]] = {}
        """Of each script that only the leader may run, the latest call."""
        names = [each.name[:-4] for each in (resources.files("imgbot.storage") / "lua").iterdir()]
        self._scripts = {
            found.sha.encode(): (name, found) for name in names for found in [client.script(name)]
        }
        self._start_with(log)

    @property
    def address(self) -> tuple[str, int]:
        return address_of(self.number)

    def crash(self) -> None:
        """End; lose what is not synced."""
        self._go_on_in_background()
        self._note_loss(self._synced)
        self._start_with(self._log[: self._synced])

    def promoted(self) -> "RedisServer":
        """The replica, as the server that it becomes; what it had not received is lost."""
        self._go_on_in_background()
        self._note_loss(self._replicated)
        log = self._log[: self._replicated]
        heir = RedisServer(self._loop, self._violate, log, syncs_always=self._syncs_always)
        heir.has_lost, heir.answered = self.has_lost, self.answered
        heir.number = self.number + 1
        return heir

    def _note_loss(self, kept: int) -> None:
        if len(self._log) > kept:
            sometimes("redis: answered writes were lost")
            self.has_lost = True

    def _start_with(self, log: Log) -> None:
        self.generation += 1
        self._socket = _open_fake()
        self._run([b"HELLO", b"3"])
        clock = self._loop.now_s, self._loop.skew_s
        for self._loop.now_s, self._loop.skew_s, fields, _ in log:
            self._run(fields)
        self._loop.now_s, self._loop.skew_s = clock
        self._log, self._synced = list(log), len(log)
        self._epoch = self.read("GET", keys.EPOCH)
        self.pushed.set()

    def join_replica(self) -> None:
        """Begin to replicate to a fresh replica."""
        self.has_replica = True

    @property
    def is_replicated(self) -> bool:
        """The replica has all but the last second: it may become the primary."""
        self._go_on_in_background()
        left = self._log[self._replicated :]
        return self.has_replica and all(each.at_s > self._loop.now_s - 1 for each in left)

    def leave_replica(self) -> None:
        self._go_on_in_background()
        self.has_replica, self._replica_gone_s = False, self._loop.now_s

    def serve(self, fields: list[bytes]) -> Any:
        """Answer to one command of a connection."""
        name = fields[0].upper()
        own = getattr(self, f"_serve_{name.decode().lower()}", None)
        if own:
            return own(fields)
        found = self._scripts.get(fields[1]) if name == b"EVALSHA" else None
        if found:
            # A script that a crash has made unknown is told by its text.
            fields = [b"EVAL", found[1].text.encode(), *fields[2:]]
        self._go_on_in_background()
        if name in _READS:
            return self._run(fields)
        if self._is_strict and self._is_without_replica:
            sometimes("redis: no write without a replica")
            return ResponseError("NOREPLICAS Not enough good replicas to write.")
        answer = self._run(fields)
        call = Call(found[0], _named(found[1], fields[3:]), answer) if found else None
        self._log.append(Logged(self._loop.now_s, self._loop.skew_s, fields, call))
        if self._syncs_always:
            self._synced = len(self._log)
        if name == b"LPUSH" or (found and "local wake =" in found[1].text):
            self.pushed.set()
        if call:
            self._check(call, fields)
        return answer

    @property
    def calls(self) -> list[Call]:
        """The scripts that have made what is stored, in their order."""
        return [each.call for each in self._log if each.call]

    def _serve_client(self, _: list[bytes]) -> str:
        return "OK"

    def _serve_wait(self, _: list[bytes]) -> int:
        self._replicated = len(self._log) if self.has_replica else self._replicated
        return int(self.has_replica)

    def _serve_waitaof(self, _: list[bytes]) -> list[int]:
        self._synced = len(self._log)
        return [1, int(self.has_replica)]

    def _serve_config(self, fields: list[bytes]) -> str:
        if fields[2] == b"min-replicas-to-write":
            self._is_strict = fields[3] != b"0"
        return "OK"

    def _serve_info(self, _: list[bytes]) -> str:
        lag_s = 0 if self.has_replica else round(self._loop.now_s - self._replica_gone_s)
        is_there = self.has_replica or lag_s < 3 * _LAG_S
        ip, port = address_of(self.number + 1)
        replica = [f"slave0:ip={ip},port={port},state=online,offset=1,lag={lag_s}"] * is_there
        return "\r\n".join([*_INFO, *replica, *["min_slaves_good_slaves:1"] * self._is_strict])

    @property
    def _is_without_replica(self) -> bool:
        return not self.has_replica and self._loop.now_s - self._replica_gone_s > _LAG_S

    def go_down(self) -> None:
        """Answer nothing; what is not on the replica yet stays here."""
        self._go_on_in_background()
        self.is_down = True

    def _go_on_in_background(self) -> None:
        """Sync each second, and replicate within a second."""
        if self.is_down:
            return
        now_s = self._loop.now_s
        if now_s - self._synced_s >= _EVERY_S:
            self._synced_s, self._synced = now_s, len(self._log)
        while (
            self.has_replica
            and self._replicated < len(self._log)
            and now_s - self._log[self._replicated].at_s > _EVERY_S / 2
        ):
            self._replicated += 1

    def _run(self, fields: list[bytes]) -> Any:
        _OUTSIDE.run(self._socket._process_command, fields)
        return _text_of(self._socket.responses.get_nowait())

    def _check(self, call: Call, fields: list[bytes]) -> None:
        if isinstance(call.answer, Exception):
            self._violate(f"script {call.name}: {call.answer}")
            return
        if call.answer and call.answer[0] == "fenced":
            sometimes("redis: a stale supervisor is fenced")
        elif call.values.get("own_epoch", self._epoch) != self._epoch:
            self._violate(f"{call.name} of a stale bot was served")
        before, self._epoch = self._epoch, self.read("GET", keys.EPOCH)
        if call.name not in _MAY_BE_STALE:
            self._latest[call.name] = fields
        if self._epoch != before:
            self._serve_late()
        if call.name != "open_epoch":
            self._serve_again(call.name, fields)
        self.answered(call)

    def _serve_late(self) -> None:
        """Serve the latest calls of the bot that led, as if they had been under way."""
        late, self._latest = self._latest, {}
        for name, fields in late.items():
            if self._run(fields) != ["fenced"]:
                self._violate(f"{name} of a stale bot was served")

    def _serve_again(self, name: str, fields: list[bytes]) -> None:
        """Serve a call once more, as the client does when an answer is lost: nothing may change."""
        before = self._content()
        self._run(fields)
        after = self._content()
        for key in before.keys() | after.keys():
            if before.get(key) != after.get(key) and not key.startswith(_COUNTS_EACH):
                self._violate(f"{name} served again changes {key.decode()}")

    def _content(self) -> dict[bytes, str]:
        stored: dict[bytes, Any] = self._socket._db._dict
        return {key: _shown(item.value) for key, item in stored.items()}

    def name_of(self, fields: list[bytes]) -> str:
        """Name of a command, or of its script."""
        found = self._scripts.get(fields[1]) if fields[0].upper() == b"EVALSHA" else None
        return found[0] if found else fields[0].decode().lower()

    def read(self, *fields: str) -> Any:
        """Answer to a command of the tests, outside of every fault."""
        return self._run([each.encode() for each in fields])


def address_of(number: int) -> tuple[str, int]:
    """Address of the primary of that number, before as well: then it is the replica."""
    return f"redis-{number}", 6379


def _open_fake() -> Any:
    """Socket of a new fakeredis; all share one interpreter of Lua, which would never be freed."""
    fake: Any = FakeServer(version=(7, 2))
    vars(fake).update(_LUA)
    socket: Any = FakeSocket(fake, 0, client_class=redis.asyncio.Redis)
    if not _LUA:
        socket._get_server_runtime(fake)
        _LUA.update({name: each for name, each in vars(fake).items() if name.startswith("_lua")})
    return socket


def _shown(value: Any) -> str:
    inside = vars(value) if hasattr(value, "__dict__") else {}
    return repr(inside.get("_values", inside.get("_bylex", value)))


def _named(found: Script, arguments: list[bytes]) -> dict[str, Any]:
    """The arguments of a script by their names."""
    told = [each.decode() for each in arguments]
    named: dict[str, Any] = dict(zip(found._fixed, told, strict=False))
    return {**named, found._rest: told[len(named) :]}


def _text_of(answer: Any) -> Any:
    if isinstance(answer, bytes):
        return answer.decode(errors="replace")
    if isinstance(answer, (list, tuple, set)):
        return [_text_of(each) for each in answer]
    if isinstance(answer, dict):
        return {_text_of(name): _text_of(value) for name, value in answer.items()}
    return answer


class Connection(AbstractConnection):
    """Connection of the bot's own client to the server."""

    port = 6379

    @property
    # pyrefly: ignore[bad-override] -- it changes with the primary
    def host(self) -> str:
        return self._server.address[0]

    def __init__(
        self, *, find: Callable[[], RedisServer], network: Network, **options: Any
    ) -> None:
        super().__init__(**options)
        self._find = find
        self._server = find()
        self._network = network
        self._generation = -1
        self._reader_of_commands = hiredis.Reader()
        self._commands: list[list[bytes]] = []
        self._answers: list[Any] = []

    @property
    def is_connected(self) -> bool:
        is_reached = self._server is self._find() and not self._server.is_down
        return is_reached and self._generation == self._server.generation

    def repr_pieces(self) -> Any:
        return []

    async def _connect(self) -> None:
        raise NotImplementedError

    def _host_error(self) -> str:
        return "redis"

    async def connect(self) -> None:
        if not self.is_connected:
            await self.disconnect()
            self._server = self._find()
            generation = await self._exchange("connect", self._accept)
            self._generation = generation

    def _accept(self) -> int:
        if self._server.is_down:
            raise ConnectionResetError
        return self._server.generation

    async def disconnect(self, *_: Any, **__: Any) -> None:
        self._generation = -1
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
                name = max(map(self._server.name_of, commands), key=len)
                self._answers = await self._exchange(
                    name, self._serve, self._server, self._generation, commands
                )
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _serve(
        self, server: RedisServer, generation: int, commands: list[list[bytes]]
    ) -> list[Any]:
        # Also what arrives after the client has given it up.
        if server.is_down or generation != server.generation or server is not self._find():
            raise ConnectionResetError
        return [server.serve(each) for each in commands]

    async def _exchange(self, name: str, serve: Callable[..., Any], *args: Any) -> Any:
        try:
            async with asyncio.timeout(self.socket_timeout):
                return await self._network.exchange("redis", name, lambda: serve(*args))
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
        while True:
            self._server.pushed.clear()
            [found] = await self._exchange(
                "rpop", self._serve, self._server, self._generation, [[b"RPOP", fields[1]]]
            )
            left_s = until_s - self._network.loop.now_s
            if isinstance(found, Exception) or (found is None and left_s <= 0):
                return found
            if found is not None:
                return [fields[1].decode(), found]
            try:
                async with asyncio.timeout(left_s):
                    await self._server.pushed.wait()
            except TimeoutError:
                return None


class _Sentinel:
    """One of three: that of the bot's own machine, or one across the network."""

    def __init__(self, named: Callable[[], RedisServer | None]) -> None:
        self._named = named

    async def sentinel_master(self, _: str) -> dict[str, Any]:
        named = self._named()
        if named is None:
            raise RedisConnectionError("cut off")
        ip, port = named.address
        flags = "master,o_down,failover_in_progress" if named.is_down else "master"
        return {"ip": ip, "port": port, "flags": flags, "config-epoch": named.number}

    async def sentinel_slaves(self, _: str) -> list[dict[str, Any]]:
        named = self._named()
        if named is None:
            raise RedisConnectionError("cut off")
        ip, port = address_of(named.number + 1)
        flags = "slave" if named.has_replica else "s_down,slave"
        return [{"ip": ip, "port": port, "flags": flags, "slave-priority": 90}]


class _Sentinels:
    """Pool of the bot's client, as far as the bot asks it for the primary."""

    service_name = "simulated"

    def __init__(
        self, primary: Callable[[], RedisServer | None], own: Callable[[], RedisServer]
    ) -> None:
        self.sentinel_manager = self
        self.sentinels = [_Sentinel(own), _Sentinel(primary), _Sentinel(primary)]
        self._own = own

    @property
    def master_address(self) -> tuple[str, int]:
        return self._own().address

    async def disconnect(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


class _ClusterClient(client.Client):
    @property
    def sentinels(self) -> Any:
        return self.__dict__["simulated"]


def connect(
    find: Callable[[], RedisServer],
    network: Network,
    primary: Callable[[], RedisServer | None] | None = None,
) -> client.Client:
    """Open the bot's own client, in a cluster where Sentinels name a `primary`."""
    opened = client.connect("redis://simulated")
    pool = opened.connection_pool
    pool.connection_class = Connection
    for name in ("host", "port"):
        pool.connection_kwargs.pop(name, None)
    pool.connection_kwargs.update(find=find, network=network)
    if primary is not None:
        pool.connection_kwargs["socket_timeout"] = 2
        opened.__class__ = _ClusterClient
        opened.__dict__["simulated"] = _Sentinels(primary, find)
    return opened
