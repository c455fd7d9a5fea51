"""Guard of a cluster's servers: it sees who leads and who lacks something, and acts on the latter.

Sentinel promotes no server whose priority is 0, and a server without the password copies no other.
"""

import asyncio
import itertools
from collections.abc import Iterable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

from redis.exceptions import ResponseError

from imgbot.config.setting_types import Address
from imgbot.domain.errors import StorageUnavailableError
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.server.cluster import (
    SILENCE,
    Lead,
    View,
    ask_sentinels,
    follower_in,
    have_lead,
    primary_named,
    replicas_in,
)
from imgbot.storage.server.record import InSyncRecord, Register, open_client

_EVERY_S = _ANSWER_S = 1.0
_PROMOTABLE = 90
"""Priority of a replica that has everything; another than the default, which is not ours."""


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """A cluster as one of its bots sees it; empty or None is not known."""

    lead: Lead = field(default_factory=Lead)
    in_sync: tuple[str, ...] = ()
    """Servers that have everything, as the witness has recorded."""
    has_replica: bool = False
    """True if it keeps up."""
    lag_bytes: int | None = None
    lag_s: int | None = None
    """Of the replica."""
    has_quorum: bool = False
    """True if most Sentinels answer."""


class Guard:
    """Looks at a cluster each second: every bot of it has one."""

    def __init__(self, redis: Client, register: Register) -> None:
        self._redis = redis
        self.register = register
        self._url = register.url
        self._servers: dict[Address, Any] = {}
        self.facts = ClusterFacts()

    async def run(self) -> None:
        """Look and act until cancelled."""
        async with aclosing(self):
            while True:
                await self.step()
                await asyncio.sleep(_EVERY_S)

    async def aclose(self) -> None:
        for server in self._servers.values():
            await server.aclose()

    async def step(self) -> None:
        """Look once, and act by the record of now."""
        record = None
        with suppress(StorageUnavailableError):
            record = await self.register.read()
        answers, looked = await self._look(record)
        known = (each.servers for each in answers)
        for address in {*self._url.servers}.union(*known) - self._servers.keys():
            self._servers[address] = open_client(address, self._url)
        named, count = primary_named(answers)
        lead, info = looked.get(named or Address("", 0), (Lead(), {}))
        self.facts = ClusterFacts(
            lead=lead,
            in_sync=tuple(sorted(record.members)) if record else (),
            has_replica=follower_in(info) is not None,
            has_quorum=len(answers) >= self._most,
            **_lag_in(info),
        )
        is_stuck = sum(each.is_stuck for each in answers) >= self._most
        is_named = count >= self._most
        if record and is_named and (is_stuck or str(named) not in record.members):
            await self._give_back(record, [each for each, (_, info) in looked.items() if info])

    @property
    def _most(self) -> int:
        """Number of Sentinels that is a majority."""
        return len(self._url.sentinels) // 2 + 1

    async def _look(
        self, record: InSyncRecord | None
    ) -> tuple[list[View], dict[Address, tuple[Lead, Mapping[str, Any]]]]:
        """Ask the Sentinels and the servers at once: one that is away is waited for."""
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(ask_sentinels(self._redis.sentinels))
            guarding = {
                address: group.create_task(self._guard(address, record))
                for address in self._servers
            }
        return asking.result(), {address: task.result() for address, task in guarding.items()}

    async def _give_back(self, record: InSyncRecord, near: Iterable[Address]) -> None:
        """Have a server lead that has everything, in place of one that lacks something, or died."""
        complete = (each for each in near if str(each) in record.members)
        pool = self._redis.sentinels
        sentinels = pool.sentinel_manager.sentinels if pool else ()
        for server, sentinel in itertools.product(complete, sentinels):
            with suppress(*SILENCE):
                async with asyncio.timeout(_ANSWER_S):
                    redis = self._servers[server]
                    if await have_lead(sentinel, self._url.name, redis, server):
                        return

    async def _guard(
        self, address: Address, record: InSyncRecord | None
    ) -> tuple[Lead, Mapping[str, Any]]:
        """Act on a server; return the lead that it knows of, and its INFO."""
        server = self._servers[address]
        try:
            info = await server.info("replication")
            if record is not None:
                is_member = str(address) in record.members
                is_allowed = may_follow(info, str(address), record)
                await self._configure(server, is_member=is_member, is_allowed=is_allowed)
            elif info.get("slave_priority") == _PROMOTABLE:
                # Only the record could say that it still has everything.
                await server.config_set("replica-priority", 0)
            return Lead.parse(await server.get(keys.LEADER) or ""), info
        except SILENCE:
            return Lead(), {}

    async def _configure(self, server: Any, *, is_member: bool, is_allowed: bool) -> None:
        wanted = {
            "replica-priority": str(_PROMOTABLE if is_member else 0),
            "masterauth": (self._url.password or "") if is_allowed else "",
        }
        if await server.config_get(*wanted) == wanted:
            return
        await server.config_set(*itertools.chain(*wanted.items()))
        if is_member and is_allowed:
            # A release that knows no record, after a rollback, takes its file as it is.
            with suppress(ResponseError):
                await server.config_rewrite()


def may_follow(info: Mapping[str, Any], own: str, record: InSyncRecord) -> bool:
    """Return true if a server, by its INFO, may copy the one that it follows, or is to follow."""
    if info.get("role") == "slave":
        return str(Address(info["master_host"], info["master_port"])) in record.members
    return bool(record.members - {own})


def _lag_in(info: Mapping[str, Any]) -> dict[str, int]:
    """Return how far the first replica of a primary is behind, as its INFO says."""
    for each in replicas_in(info):
        behind = int(info.get("master_repl_offset", 0)) - int(each.get("offset", 0))
        return {"lag_bytes": behind, "lag_s": int(each.get("lag", 0))}
    return {}
