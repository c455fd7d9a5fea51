"""State of a cluster as its Sentinels and Redis servers report it, and its changes."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from imgbot.config.setting_types import Address, ClusterUrl
from imgbot.domain.errors import StorageUnavailableError
from imgbot.storage import keys

_ANSWER_S = 2.0
_SENTINEL_S = 1.0
"""Shorter than the time between two renewals of a lease, which wait for it."""

_NEW_MS = 30_000
_STUCK_MS = 15_000
"""Longer than a failover takes."""

LAG_S = 3
"""Silence of a replica after which it counts as gone."""

BACKLOG_BYTES = 64 << 20
"""Ten minutes at ten pictures a second, of 11 KB each: a replica that was cut off for less needs no
full copy; one that was restarted always does."""

SILENCE = (RedisError, OSError, TimeoutError)
"""Errors of a server that does not answer, or not as it should."""


@asynccontextmanager
async def _redis_at(url: ClusterUrl, address: Address) -> AsyncGenerator[Any]:
    """Open a Redis; of no type, for redis-py's own allow for answers in bytes."""
    async with _open(address, url.user, url.password) as redis:
        yield redis


@asynccontextmanager
async def _sentinel_at(url: ClusterUrl, address: Address) -> AsyncGenerator[Any]:
    async with _open(address, url.sentinel_user, url.sentinel_password) as sentinel:
        yield sentinel


@asynccontextmanager
async def _open(address: Address, user: str | None, password: str | None) -> AsyncGenerator[Any]:
    async with asyncio.timeout(2 * _ANSWER_S), Redis(
        host=address.host, port=address.port, username=user, password=password,
        decode_responses=True, socket_timeout=_ANSWER_S, socket_connect_timeout=_ANSWER_S,
        # A failure is what is looked for.
        retry=Retry(NoBackoff(), 0), single_connection_client=True,
    ) as redis:  # fmt: skip
        yield redis


@dataclass(frozen=True, slots=True)
class View:
    """A Sentinel's view of its cluster: the primary that it names, and the replicas of that."""

    primary: Mapping[str, Any]
    replicas: Sequence[Mapping[str, Any]]

    @property
    def named(self) -> Address:
        return _address_of(self.primary)

    @property
    def servers(self) -> list[Address]:
        return [self.named, *map(_address_of, self.replicas)]

    @property
    def up(self) -> set[Address]:
        """Those of the servers that it reaches."""
        servers = (self.primary, *self.replicas)
        return {_address_of(each) for each in servers if "s_down" not in _flags_of(each)}

    @property
    def is_leaving(self) -> bool:
        """True if another one is about to be the primary."""
        return not _flags_of(self.primary).isdisjoint({"o_down", "failover_in_progress"})

    @property
    def is_stuck(self) -> bool:
        """True if the primary is away, and no failover came of it.

        A replica that lost its link long before the primary was away is not promoted.
        """
        return int(self.primary.get("s-down-time", 0)) > _STUCK_MS

    @property
    def promotable(self) -> list[Address]:
        """Replicas with a priority.

        It learns that from replicas alone: one made a primary too early is never promoted.
        """
        return [_address_of(each) for each in self.replicas if int(each["slave-priority"]) > 0]

    @property
    def may_move(self) -> bool:
        """True if a replica is up that could be promoted, unless this primary has replaced it."""
        has_failed_over = self.primary["config-epoch"] > 0
        is_new = has_failed_over and self.primary.get("role-reported-time", _NEW_MS) < _NEW_MS
        return not is_new and not self.up.isdisjoint(self.promotable)


def _address_of(entry: Mapping[str, Any]) -> Address:
    return Address(entry["ip"], int(entry["port"]))


def _flags_of(entry: Mapping[str, Any]) -> set[str]:
    return {*entry["flags"].split(",")}


async def ask_sentinel(sentinel: Any, name: str) -> View | None:
    """Return what an open Sentinel says of a cluster; None without an answer."""
    with suppress(*SILENCE):
        async with asyncio.timeout(_SENTINEL_S):
            primary = await sentinel.sentinel_master(name)
            return View(primary, await sentinel.sentinel_slaves(name))
    return None


async def ask_sentinels(pool: SentinelConnectionPool | None) -> list[View]:
    """Return the answers of those of a client that answer; none outside of a cluster."""
    if pool is None:
        return []
    sentinels, name = pool.sentinel_manager.sentinels, pool.service_name
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask_sentinel(each, name)) for each in sentinels]
    return [answer for task in tasks if (answer := task.result())]


def primary_named(answers: Iterable[View]) -> tuple[Address | None, int]:
    """Return the primary that the most name, and how many do."""
    counts = Counter(each.named for each in answers)
    return counts.most_common(1)[0] if counts else (None, 0)


async def have_lead(sentinel: Any, name: str, redis: Any, server: Address) -> bool:
    """Have a Sentinel make a server the primary that it names another for; False if it may not."""
    answer = await ask_sentinel(sentinel, name)
    if answer is None or server not in answer.promotable:
        return False
    # As a primary it has lost no link, for which Sentinel would leave it out.
    await redis.execute_command("REPLICAOF", "NO", "ONE")
    await sentinel.execute_command("SENTINEL", "FAILOVER", name)
    return True


@dataclass(frozen=True, slots=True)
class Lead:
    """A bot's lead of a cluster, as the value of its lease says; empty if none leads."""

    epoch: str = ""
    host: str = ""
    since_s: float | None = None
    """Unix time; None, as the next, if it is not said."""
    takeover_s: float | None = None
    """From the last renewal by the leader before to the lease of this one."""

    @classmethod
    def parse(cls, value: str) -> "Lead":
        epoch, host, *times = (*value.split(), *[""] * 4)[:4]
        since_s, takeover_s = (float(time) if time else None for time in times)
        return cls(epoch, host, since_s, takeover_s)


@dataclass(frozen=True, slots=True)
class RedisState:
    """A Redis of the cluster."""

    address: Address
    info: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Empty where it does not answer."""
    config: Mapping[str, str] = field(default_factory=dict[str, str])
    """Empty where it may not be read."""
    skew_s: float = 0.0
    """Lead of its clock over this machine's, about."""
    leader: str = ""
    """Value of the lease, as it knows."""
    is_alone: bool = False
    """True if it is to have no replica: the second server has left, or has not joined yet."""

    @property
    def is_primary(self) -> bool:
        return self.info.get("role") == "master"

    @property
    def lead(self) -> Lead:
        return Lead.parse(self.leader)

    @property
    def version(self) -> str:
        return str(self.info.get("valkey_version") or self.info.get("redis_version", ""))

    @property
    def replicas(self) -> list[Mapping[str, Any]]:
        return replicas_in(self.info)


def replicas_in(info: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the replicas that a primary's INFO lists: ip, state, offset, lag in seconds."""
    found = (value for name, value in info.items() if name.startswith("slave"))
    return [each for each in found if isinstance(each, dict)]


@dataclass(frozen=True, slots=True)
class ClusterState:
    """A cluster at one moment, as seen from this machine."""

    servers: tuple[RedisState, ...] = ()
    sentinels: Mapping[Address, str] = field(default_factory=dict[Address, str])
    """Whether each can reach a quorum: its answer, empty where it gives none."""
    record: str | None = None
    """Text of the witness's record; None if that does not answer."""
    named: Address | None = None
    """Primary that most of them name: one that was away may take itself for it, for a moment."""

    @property
    def primary(self) -> RedisState | None:
        found = (each for each in self.servers if each.address == self.named and each.is_primary)
        return next(found, None)

    @property
    def has_quorum(self) -> bool:
        return any(answer.startswith("OK") for answer in self.sentinels.values())


def follower_in(info: Mapping[str, Any]) -> Address | None:
    """Return the replica that keeps up, of those in a primary's INFO."""
    near = (each for each in replicas_in(info) if each["state"] == "online")
    found = (Address(each["ip"], each["port"]) for each in near if each["lag"] <= LAG_S)
    return next(found, None)


async def look(url: ClusterUrl) -> ClusterState:
    """Ask every server of a cluster; one that is away is reported as such."""
    reports = await asyncio.gather(*(_ask_quorum(url, each) for each in url.sentinels))  # noqa: TID251 -- none raises
    record = await _ask_witness(url)
    answers = [answer for _, answer in reports if answer]
    addresses = dict.fromkeys(each for answer in answers for each in answer.servers)
    servers = await asyncio.gather(*(_ask_redis(url, each) for each in addresses))  # noqa: TID251 -- none raises
    sentinels = {each: quorum for each, (quorum, _) in zip(url.sentinels, reports, strict=True)}
    return ClusterState(tuple(servers), sentinels, record, primary_named(answers)[0])


async def _ask_witness(url: ClusterUrl) -> str | None:
    with suppress(*SILENCE):
        async with _redis_at(url, url.witness) as witness:
            return await witness.get(keys.RECORD) or ""
    return None


async def _ask_quorum(url: ClusterUrl, address: Address) -> tuple[str, View | None]:
    """Return what a Sentinel says about the quorum, empty if nothing, and of the servers."""
    quorum, answer = "", None
    try:
        async with _sentinel_at(url, address) as sentinel:
            answer = await ask_sentinel(sentinel, url.name)
            if answer and not answer.replicas:
                quorum = "knows no replica that could take over"
            elif answer:
                quorum = str(await sentinel.execute_command("SENTINEL", "CKQUORUM", url.name))
    except SILENCE as error:
        quorum = str(error) if answer else ""
    return quorum, answer


async def _ask_redis(url: ClusterUrl, address: Address) -> RedisState:
    try:
        async with _redis_at(url, address) as redis:
            await redis.ping()
            began_s = time.time()
            seconds, micro_s = await redis.time()
            here_s = (began_s + time.time()) / 2
            info, leader = await redis.info(), await redis.get(keys.LEADER)
            is_alone = bool(await redis.exists(keys.ALONE))
            try:
                config = await redis.config_get("min-replicas-to-write", "appendfsync")
            except RedisError:
                config = {}
    except SILENCE:
        return RedisState(address)
    skew_s = seconds + micro_s / 1e6 - here_s
    return RedisState(address, info, config, skew_s, str(leader or ""), is_alone)


async def fail_over(url: ClusterUrl) -> bool:
    """Have the Sentinels move the primary; True, or raises StorageUnavailableError.

    The replica catches up before.
    """
    problem = "none answers"
    for address in url.sentinels:
        try:
            async with _sentinel_at(url, address) as sentinel:
                await sentinel.execute_command("SENTINEL", "FAILOVER", url.name, "COORDINATED")
                return True
        except SILENCE as error:
            problem = str(error)
    raise StorageUnavailableError(f"the Sentinels do not move the primary: {problem}")


async def is_reachable(url: ClusterUrl, server: str) -> bool:
    """Return true if a Sentinel reaches a server (host:port), though this machine may not."""
    reports = [await _ask_quorum(url, each) for each in url.sentinels]
    return any(server in map(str, answer.up) for _, answer in reports if answer)


async def promote(url: ClusterUrl, server: Address) -> bool:
    """Have the Sentinels make a server the primary, which need not have everything.

    Return whether they name it now.
    """
    if (state := await look(url)).named == server:
        return True
    async with _redis_at(url, server) as redis:
        await redis.config_set("replica-priority", 100)
        for address in state.sentinels:
            with suppress(*SILENCE):
                async with _sentinel_at(url, address) as sentinel:
                    if await have_lead(sentinel, url.name, redis, server):
                        break
    return False


async def require_replica(url: ClusterUrl, primary: Address, *, is_there: bool) -> None:
    """Have a primary take no writes without a replica, or alone, and after its next start, too.

    Raises StorageUnavailableError.
    """
    try:
        async with _redis_at(url, primary) as redis:
            await redis.config_set("min-replicas-to-write", 0)
            await (redis.delete(keys.ALONE) if is_there else redis.set(keys.ALONE, 1))
            await redis.config_set("min-replicas-to-write", int(is_there))
            await redis.config_rewrite()
    except SILENCE as error:
        raise StorageUnavailableError(f"Redis at {primary}: {error}") from error


async def forget_missing(url: ClusterUrl) -> None:
    """Have the Sentinels forget each member that does not answer now; best effort.

    One after another: one that has just forgotten all can neither vote nor name a replica.
    """
    for address in url.sentinels:
        with suppress(*SILENCE):
            async with _sentinel_at(url, address) as sentinel:
                await sentinel.execute_command("SENTINEL", "RESET", url.name)
                # They greet each other every two seconds.
                for _ in range(15):
                    if await sentinel.sentinel_sentinels(url.name):
                        break
                    await asyncio.sleep(0.2)
