"""Sentinels of the simulated world: they watch, vote and promote by the rules of the real ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError

from tests.simulation.marks import sometimes
from tests.simulation.network import Network
from tests.simulation.redis_server import RedisServer
from tests.simulation.replicated_log import ReplicatedLog

_DOWN_S, _RETRY_S, _INFO_S, _FRESH_S = 3.0, 20.0, 10.0, 5.0
_LONGEST_CUT_S = 10 * _DOWN_S
_CONVERTED_S = 8.0
"""A server that is seen as a primary for so long, and is not it, becomes a replica."""


@dataclass(frozen=True)
class _Info:
    """What a server has said of itself, and when."""

    at_s: float
    priority: int
    cut_s: float | None
    """Since when a replica has no link; None with one."""
    is_primary_since_s: float | None
    follows: ReplicatedLog | None


class Sentinel:
    """One of three. Its priority of a replica may be outdated: INFO is seldom read."""

    def __init__(self, host: str, network: Network, servers: Sequence[RedisServer]) -> None:
        self.host, self.is_up = host, True
        self.named = servers[0]
        self.epoch = self.config_epoch = self._voted = 1
        self.others: list[Sentinel] = []
        self._network, self._servers = network, servers
        self._answered_s = dict.fromkeys(servers, 0.0)
        self._infos: dict[RedisServer, _Info] = {}
        self._tried_s = -_RETRY_S
        self._promoted: RedisServer | None = None
        """Server that is told to lead, and has not said yet that it does."""

    @property
    def _now_s(self) -> float:
        return self._network.loop.now_s

    def _reached(self) -> "list[Sentinel]":
        return [
            each
            for each in self.others
            if each.is_up and self._network.reaches(self.host, each.host)
        ]

    def is_down(self, server: RedisServer) -> bool:
        return self._now_s - self._answered_s[server] > _DOWN_S

    @property
    def _is_agreed_down(self) -> bool:
        agreeing = [e for e in self._reached() if e.named is self.named and e.is_down(e.named)]
        return self.is_down(self.named) and bool(agreeing)

    def step(self) -> None:
        """What it does each second."""
        for each in self._servers:
            if not each.is_down and self._network.reaches(self.host, each.name):
                self._hear(each)
        for other in self._reached():
            self.epoch = max(self.epoch, other.epoch)
            if other.config_epoch > self.config_epoch:
                self.named, self.config_epoch = other.named, other.config_epoch
        if self._promoted is not None:
            if self._promoted.follows is None:
                self.named, self.config_epoch = self._promoted, self.epoch
            self._promoted = None
        elif self._is_agreed_down and self._now_s - self._tried_s > _RETRY_S:
            self._fail_over()
        else:
            self._convert()

    def _hear(self, server: RedisServer) -> None:
        now_s = self._answered_s[server] = self._now_s
        before = self._infos.get(server)
        is_hurried = server is not self.named and (
            self._is_agreed_down or (before is not None and before.cut_s is not None)
        )
        if before is not None and now_s - before.at_s < (0 if is_hurried else _INFO_S):
            return
        is_primary = server.follows is None
        since_s = before.is_primary_since_s if before and is_primary else None
        self._infos[server] = _Info(
            now_s,
            server.priority,
            None if is_primary or server.is_linked else server.cut_s,
            now_s if is_primary and since_s is None else since_s,
            server.follows,
        )

    def vote(self, epoch: int) -> bool:
        """Give the vote of that epoch to the first who asks."""
        if epoch <= self._voted:
            return False
        self.epoch = self._voted = epoch
        self._tried_s = self._now_s
        return True

    def _fail_over(self) -> None:
        self.epoch += 1
        self._voted, self._tried_s = self.epoch, self._now_s
        if sum(each.vote(self.epoch) for each in self._reached()):
            self.promote()

    def promote(self) -> None:
        """Make a replica the primary if there is one that may be it."""
        found = [each for each in self._servers if self._may_promote(each)]
        if found and self._promoted is None:
            sometimes("a replica is promoted")
            found[0].lead(self.named)
            self._promoted = found[0]

    def _may_promote(self, server: RedisServer) -> bool:
        info = self._infos.get(server)
        if server is self.named or info is None or server.is_down or self.is_down(server):
            return False
        is_reached = self._network.reaches(self.host, server.name)
        is_lost = self.is_down(self.named)
        down_s = self._answered_s[self.named] + _DOWN_S if is_lost else self._now_s
        is_near = info.cut_s is None or info.cut_s >= down_s - _LONGEST_CUT_S
        is_fresh = self._now_s - info.at_s <= (_FRESH_S if is_lost else 3 * _INFO_S)
        return is_reached and info.priority > 0 and is_near and is_fresh

    def _convert(self) -> None:
        """Make a returned primary a replica."""
        if self.is_down(self.named) or self.named.follows is not None:
            return
        for server, info in self._infos.items():
            since_s = info.is_primary_since_s
            is_long = since_s is not None and self._now_s - since_s > _CONVERTED_S
            is_astray = is_long or (info.follows not in {None, self.named})
            is_fresh = info.at_s == self._now_s
            if server is not self.named and is_astray and is_fresh and server.follows != self.named:
                server.follow(self.named)

    @property
    def flags(self) -> str:
        """Of the primary, as the bots are told."""
        flags = ["master"]
        if self.is_down(self.named):
            flags.append("s_down")
        if self._is_agreed_down:
            flags.append("o_down")
        if self._promoted is not None:
            flags.append("failover_in_progress")
        return ",".join(flags)

    def flags_of(self, server: RedisServer) -> tuple[str, int]:
        """Flags and priority of a replica."""
        info = self._infos.get(server)
        return "s_down,slave" if self.is_down(server) else "slave", info.priority if info else 100


class _Asked:
    """A Sentinel as the bot on a host reaches it."""

    def __init__(self, sentinel: Sentinel, network: Network, host: str) -> None:
        self.sentinel, self._network, self._host = sentinel, network, host

    @property
    def is_reached(self) -> bool:
        return self.sentinel.is_up and self._network.reaches(self._host, self.sentinel.host)

    def _require(self) -> None:
        if not self.is_reached:
            raise RedisConnectionError("the Sentinel is away")

    async def sentinel_master(self, _: str) -> dict[str, Any]:
        self._require()
        ip, port = self.sentinel.named.address
        told = {"ip": ip, "port": port, "flags": self.sentinel.flags}
        away_s = self.sentinel._now_s - self.sentinel._answered_s[self.sentinel.named] - _DOWN_S
        return told | {
            "config-epoch": self.sentinel.config_epoch,
            "s-down-time": max(0, round(away_s * 1000)),
        }

    async def execute_command(self, *_: str) -> None:
        """As if told to fail over: nobody votes on that."""
        self._require()
        self.sentinel.epoch += 1
        self.sentinel.promote()

    async def sentinel_slaves(self, _: str) -> list[dict[str, Any]]:
        self._require()
        told: list[dict[str, Any]] = []
        for each in self.sentinel._servers:
            if each is not self.sentinel.named:
                flags, priority = self.sentinel.flags_of(each)
                ip, port = each.address
                told.append({"ip": ip, "port": port, "flags": flags, "slave-priority": priority})
        return told


class Sentinels:
    """Pool of the bot's client: its way to the primary."""

    service_name = "imgbot"

    def __init__(self, sentinels: Sequence[Sentinel], network: Network, host: str) -> None:
        self.sentinel_manager = self
        self.sentinels = [_Asked(each, network, host) for each in sentinels]
        self.master_address = ("", 0)
        self.generation = 0
        """Counts how often all connections were closed."""

    def find(self) -> RedisServer:
        """Return the primary that the first one names. Raises RedisConnectionError."""
        for each in self.sentinels:
            if each.is_reached and "_down" not in each.sentinel.flags:
                found = each.sentinel.named
                if found.address != self.master_address:
                    self.master_address = found.address
                    self.generation += 1
                return found
        raise RedisConnectionError("no Sentinel names a primary")

    async def disconnect(self) -> None:
        self.generation += 1

    async def aclose(self) -> None:
        pass
