"""Cluster of the simulated world: two servers of Redis and a witness, their failures, its oracle.

Each host has a Sentinel; the witness keeps the record. What was acknowledged to a bot must be on
each server that acknowledges something, or lets a bot lead, after it.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

from imgbot.config.setting_types import Address, ClusterUrl
from imgbot.storage import keys
from imgbot.storage.server import guard, record
from tests.simulation.marks import sometimes
from tests.simulation.network import Network
from tests.simulation.redis_connection import connect_directly
from tests.simulation.redis_server import RedisServer
from tests.simulation.replicated_log import Mark
from tests.simulation.sentinel import Sentinel, Sentinels

URL = ClusterUrl.parse("redis+sentinel://:secret@a:26379,b:26379,w:26379/imgbot")
_TICK_S, _STEP_S = 0.25, 1.0


class Cluster:
    """Hosts a and b, with Redis, and w, the witness."""

    def __init__(
        self,
        network: Network,
        servers: tuple[RedisServer, RedisServer],
        witness: RedisServer,
        violate: Callable[[str], None],
        lags_s: tuple[float, float],
        has_lease: Callable[[], bool],
    ) -> None:
        self._network, self._violate, self._has_lease = network, violate, has_lease
        self.servers = {each.name: each for each in servers}
        self.witness = witness
        self.sentinels = [Sentinel(host, network, servers) for host in "abw"]
        self._accepted = Mark(0, None)
        """All that was acknowledged to bots."""
        for each in self.sentinels:
            each.others = [other for other in self.sentinels if other is not each]
        for each, lag_s in zip(servers, lags_s, strict=True):
            each.lag_s, each.acknowledged = lag_s, self._acknowledge
            each.reaches = lambda other, own=each: network.reaches(own.name, other.name)
            each.needs_replica = True
            each.restart()
        first, second = servers
        second.password = URL.password or ""
        second.follow(first)
        open_client: Any = self._open_client
        record.open_client = guard.open_client = open_client
        self._tick()
        for number, each in enumerate(self.sentinels):
            network.later(number / 3, self._step, each)

    def _open_client(self, address: Address, _: ClusterUrl) -> Any:
        return connect_directly(self.at(address), self._network)

    def at(self, address: Address) -> RedisServer:
        return self.witness if address.host == "w" else self.servers[address.host]

    def sentinels_of(self, host: str) -> Sentinels:
        """The Sentinels as they are reached from a host."""
        return Sentinels(self.sentinels, self._network, host)

    @property
    def primary(self) -> RedisServer:
        """The one that most Sentinels name."""
        return Counter(each.named for each in self.sentinels).most_common(1)[0][0]

    @property
    def replica(self) -> RedisServer:
        return next(each for each in self.servers.values() if each is not self.primary)

    @property
    def is_whole(self) -> bool:
        """Nothing is away, and the replica keeps up."""
        is_up = all(each.is_up and each.named is self.primary for each in self.sentinels)
        is_linked = self.replica.follows is self.primary and self.replica.is_linked
        return is_up and is_linked and not self._network.cuts and not self.primary.is_down

    @property
    def members(self) -> set[str]:
        """Hosts in the record."""
        _, *told = (self.witness.read("GET", keys.RECORD) or "").split() or [""]
        return {each.partition(":")[0] for each in told}

    def _tick(self) -> None:
        for each in self.servers.values():
            each.copy()
        self._network.later(_TICK_S, self._tick)

    def _step(self, sentinel: Sentinel) -> None:
        if sentinel.is_up:
            sentinel.step()
        self._network.later(_STEP_S, self._step, sentinel)

    # Failures

    def hosts_of(self, roles: str) -> list[str]:
        """Hosts by their roles now: P, R and W."""
        names = {"P": self.primary.name, "R": self.replica.name, "W": "w"}
        return [names[each] for each in roles]

    def cut(self, pairs: set[tuple[str, str]], lasts_s: float) -> None:
        """Nothing passes from the first to the second of a pair."""
        self._network.cuts |= pairs
        self._network.later(lasts_s, self._network.cuts.difference_update, pairs)

    def end_redis(self, host: str, lasts_s: float, *, loses: bool) -> None:
        """Redis of a host is away; with `loses` its power is, and that of its Sentinel."""
        server = self.at(Address(host, 0))
        if server.is_down:
            return
        for each in self.servers.values():
            each.copy()
        if loses:
            server.crash()
            self._set_sentinel(host, is_up=False)
        server.go_down()
        self._network.later(lasts_s, self._return, server)

    def _return(self, server: RedisServer) -> None:
        server.is_down = False
        server.restart()
        self._set_sentinel(server.name, is_up=True)

    def _set_sentinel(self, host: str, *, is_up: bool) -> None:
        next(each for each in self.sentinels if each.host == host).is_up = is_up

    def is_up(self, host: str) -> bool:
        return next(each for each in self.sentinels if each.host == host).is_up

    # What must hold

    def can_go_on(self, hosts: set[str]) -> bool:
        """Return whether one in the record has a bot, and leads or is to be promoted."""
        able = [each for each in self.members & hosts if not self.servers[each].is_down]
        return any(self.is_up("w") and self._network.reaches(each, "w") for each in able)

    def is_outdated_promotable(self, hosts: set[str]) -> bool:
        """Return whether one that is not in the record may be promoted, though it has a bot."""
        lacking = [self.servers[host] for host in hosts - self.members if self.members]
        near = [
            each for each in lacking if self.is_up("w") and self._network.reaches(each.name, "w")
        ]
        return any(each.priority > 0 and not each.is_down for each in near)

    def _acknowledge(self, server: RedisServer, replicas: int, mark: Mark) -> None:
        """A bot was told that all up to there is on so many replicas, too."""
        self.check(server, "acknowledges")
        if not replicas:
            sometimes("a primary goes on alone")
            if self._has_lease() and self.members != {server.name}:
                self._violate(f"{server.name} acknowledges alone; recorded: {self.members}")
        if mark.length > self._accepted.length:
            self._accepted = mark

    def check(self, server: RedisServer, what: str) -> None:
        """Check that a server has all that was accepted before."""
        if not server.has(self._accepted):
            self._violate(f"{server.name} {what}, and lacks what was accepted")
