"""Redis of the simulated world: fakeredis with Lua, its append-only file, and what of it is synced.

All commands that were served stand in a log. A crash serves the synced part of the log again, on an
empty server. A replica only copies the log, and serves it once it is promoted.
"""

import asyncio
import contextvars
import math
from collections.abc import Callable
from typing import Any

import redis.asyncio
from fakeredis import FakeServer
from fakeredis._socket import FakeSocket
from redis.exceptions import ResponseError

from imgbot.storage import client, keys
from imgbot.storage.scripts import Script, sources
from tests.fixtures.scripts import without_flags
from tests.simulation.books import Call
from tests.simulation.loop import Loop
from tests.simulation.marks import sometimes
from tests.simulation.replicated_log import Log, Logged, Mark, ReplicatedLog

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
_TIMEOUT_S = 60.0
"""Silence after which a primary forgets a replica."""

_OF_REPLICAS = frozenset(b"INFO CONFIG CLIENT PING REPLICAOF".split())
_OUTSIDE = contextvars.Context()
_LUA: dict[str, Any] = {}

_MAY_BE_STALE = {
    *("accept_invitation", "add_album_item", "append_late_photo", "close_album", "defer_updates"),
    *("find_keys", "mark_handled", "note_alerts", "open_epoch", "rate_limit", "once"),
    *("snapshot", "take_lease"),
}
"""Scripts that a bot may still run while another one leads: they move no job, and no money."""

_COUNTS_EACH = keys.REFUSED.encode()
"""Counts how often a user was refused, for operators."""


_CONFIG = {"maxmemory": "0", "min-replicas-max-lag": "3", "repl-backlog-size": str(64 << 20)}


class RedisServer(ReplicatedLog):
    """Server: what its log makes of an empty one."""

    def __init__(
        self, loop: Loop, violate: Callable[[str], None], name: str = "redis", *, syncs_always: bool
    ) -> None:
        super().__init__(loop, name)
        self._violate = violate
        self._syncs_always = syncs_always
        self._is_strict = False
        """It takes no writes without a replica."""
        self.needs_replica = False
        """It is strict whenever it starts."""
        self.priority = 0
        self.generation = 0
        """Counts the starts: each ends all connections."""
        self.pushed = asyncio.Event()
        self.answered: Callable[[Call], None] = lambda call: None
        self.acknowledged: Callable[[RedisServer, int, Mark], None] = lambda *told: None
        self._latest: dict[str, list[bytes]] = {}
        """Of each script that only the leader may run, the latest call."""
        self._scripts = {
            found.sha.encode(): (name, found)
            for name in sources()
            for found in [client.script(name)]
        }
        self._start_with([])

    @property
    def address(self) -> tuple[str, int]:
        return self.name, 6379

    def crash(self) -> None:
        """End; lose what is not synced."""
        self._go_on_in_background()
        if len(self.log) > self._synced:
            sometimes("redis: answered writes were lost")
            self.has_lost = True
        self.restart(self.log[: self._synced])

    def restart(self, log: Log | None = None) -> None:
        """Start as `imgbot cluster run redis` does: it may neither be promoted nor copy."""
        self._is_strict = self.needs_replica
        self.priority, self.password = 0, ""
        self._lose_link()
        # It has lost none since its start.
        self.cut_s = math.inf
        self._start_with(self.log if log is None else log)

    def follow(self, other: ReplicatedLog) -> None:
        super().follow(other)
        self.generation += 1

    def lead(self, former: ReplicatedLog) -> None:
        super().lead(former)
        self._start_with(self.log)

    def _start_with(self, log: Log) -> None:
        self.generation += 1
        self._socket = _open_fake()
        self._run([b"HELLO", b"3"])
        clock = self._loop.now_s, self._loop.skew_s
        # A replica does so once it is promoted.
        served = log if self.follows is None else []
        for self._loop.now_s, self._loop.skew_s, fields, _ in served:
            self._run(fields)
        self._loop.now_s, self._loop.skew_s = clock
        self.log, self._synced = list(log), len(log)
        self._latest, self._heard_s = {}, {}
        self._epoch = self.read("GET", keys.EPOCH)
        self.pushed.set()

    def serve(self, fields: list[bytes]) -> Any:
        """Answer to one command of a connection."""
        name = fields[0].upper()
        if self.follows is not None and name not in _OF_REPLICAS:
            if fields[1:] == [keys.LEADER.encode()]:
                # The lease that it had copied is over.
                return None
            return ResponseError("MASTERDOWN it is a replica")
        own = getattr(self, f"_serve_{name.decode().lower()}", None)
        if own:
            return own(fields)
        found = self._scripts.get(fields[1]) if name == b"EVALSHA" else None
        if found:
            # A script that a crash has made unknown is told by its text.
            fields = [b"EVAL", without_flags(found[1].text).encode(), *fields[2:]]
        return self._run(fields) if name in _READS else self._write(fields, found)

    def _write(self, fields: list[bytes], found: "tuple[str, Script] | None") -> Any:
        name = fields[0].upper()
        self._go_on_in_background()
        if self._is_strict and self._is_without_replica:
            sometimes("redis: no write without a replica")
            return ResponseError("NOREPLICAS Not enough good replicas to write.")
        answer = self._run(fields)
        call = Call(found[0], _named(found[1], fields[3:]), answer) if found else None
        self.log.append(Logged(self._loop.now_s, self._loop.skew_s, fields, call))
        if self._syncs_always:
            self._synced = len(self.log)
        if name == b"LPUSH" or (found and "local wake =" in found[1].text):
            self.pushed.set()
        if call:
            self._check(call, fields)
        return answer

    @property
    def calls(self) -> list[Call]:
        """The scripts that have made what is stored, in their order."""
        return [each.call for each in self.log if each.call]

    def _serve_replicaof(self, _: list[bytes]) -> str:
        if self.follows is not None:
            super().lead(self.follows)
            self._start_with(self.log)
        return "OK"

    def _serve_client(self, _: list[bytes]) -> str:
        return "OK"

    def _serve_wait(self, _: list[bytes]) -> int:
        return self._bring_along()

    def _serve_waitaof(self, _: list[bytes]) -> list[int]:
        self._synced = len(self.log)
        count = self._bring_along(is_synced=True)
        return [1, count]

    def _serve_config(self, fields: list[bytes]) -> Any:
        if fields[1] == b"GET":
            own = {"replica-priority": str(self.priority), "masterauth": self.password}
            return _CONFIG | own
        for name, value in zip(fields[2::2], fields[3::2], strict=True):
            if name == b"min-replicas-to-write":
                self._is_strict = value != b"0"
            elif name == b"replica-priority":
                self.priority = int(value)
            elif name == b"masterauth":
                self.password = value.decode()
        return "OK"

    def _serve_info(self, _: list[bytes]) -> str:
        if self.follows is not None:
            told = ["role:slave", f"master_host:{self.follows.name}", "master_port:6379"]
            return "\r\n".join([*_INFO, *told, f"slave_priority:{self.priority}"])
        lags_s = {each: self._lag_of(each) for each in self._heard_s if each.follows is self}
        replicas = [
            f"slave{number}:ip={each.name},port=6379,state=online,offset=1,lag={int(lag_s)}"
            for number, (each, lag_s) in enumerate(lags_s.items())
            if lag_s < _TIMEOUT_S
        ]
        good = ["min_slaves_good_slaves:1"] * self._is_strict
        return "\r\n".join([*_INFO, "role:master", *replicas, *good])

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
