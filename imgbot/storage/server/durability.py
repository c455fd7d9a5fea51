"""Durability and memory of Redis; an external one that could lose jobs is refused.

A server that evicts keys or keeps no append-only file loses jobs silently, so imgbot refuses to
start on one, and names the commands that repair it. A full server still answers, but accepts no
jobs.
"""

import asyncio
import grp
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    ResponseError,
)

from imgbot.config.place import service_place
from imgbot.domain.errors import ConfigError, StorageUnavailableError
from imgbot.domain.texts.problems import problem_text
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.server.process import CONFIG
from imgbot.telemetry.thresholds import THRESHOLDS, ConditionStatus, Level

_log = logging.getLogger(__name__)

SETTING = "IMGBOT_REDIS_URL"
_PAUSE_S = 0.5
_SAY_EACH = 10
"""Attempts per line in the log."""
_OLDEST = (7, 2)
Explain = Callable[[object], str]
_NOT_ALLOWED = (AuthenticationError, AuthorizationError, NoPermissionError)


@dataclass(frozen=True, slots=True)
class Durability:
    """Durability settings that a server reports; empty, False or None if it does not."""

    version: tuple[int, ...]
    policy: str
    is_append_only: bool
    fsync: str
    memory_bytes: int = 0
    """Bytes that count against maxmemory."""
    maxmemory_bytes: int | None = None
    """0 if there is no limit."""

    @property
    def is_durable_at_once(self) -> bool:
        """True if every acknowledged write is already on disk, without WAITAOF."""
        return self.is_append_only and self.fsync == "always"


async def verify(
    redis: Client, *, deadline_s: float | None = None, explain: Explain = str
) -> Durability:
    """Wait for the server, logging the wait, and refuse one that would lose or evict jobs."""
    await wait_until_reachable(redis, deadline_s=deadline_s, explain=explain)
    found = await ask(redis)
    refusals = [f"{what}; run: {advice}" for what, advice in losses(found, redis)]
    if refusals:
        raise ConfigError(SETTING, "; ".join(refusals))
    return found


async def wait_until_reachable(
    redis: Client, *, deadline_s: float | None = None, explain: Explain = str
) -> None:
    """Poll the server until it answers; without limit if there is no deadline.

    Raises ConfigError for a refusal that waiting does not end, StorageUnavailableError.
    """
    began = time.monotonic()
    attempt = 0
    while True:
        try:
            await redis.ping()
        except (StorageUnavailableError, ResponseError) as error:
            _refuse_if_final(error)
            if attempt:
                # A server that starts sets the mode of its socket a moment after creating it.
                _refuse_foreign_socket(error, redis)
            # What a client of Sentinels raises lists all that it is made of.
            reason = explain(error if redis.sentinels else error.__cause__ or error)
        else:
            return
        if deadline_s is not None and time.monotonic() - began >= deadline_s:
            where = address_of(redis)
            raise StorageUnavailableError(f"{SETTING}: no Redis answered at {where} ({reason})")
        if attempt % _SAY_EACH == 0:
            _log.warning("waiting for Redis at %s: %s", address_of(redis), reason)
        attempt += 1
        await asyncio.sleep(_PAUSE_S)


def _refuse_if_final(error: Exception) -> None:
    # The client wraps the server's error, and redis-py does too while it connects.
    causes: list[BaseException] = [error]
    while cause := causes[-1].__cause__:
        causes.append(cause)
    if any(isinstance(one, _NOT_ALLOWED) for one in causes):
        raise ConfigError(SETTING, "the server refuses this user or password") from None
    if any("unknown command 'HELLO'" in str(one) for one in causes):
        raise ConfigError(SETTING, "this Redis is older than 6; use 7.2 or later, or none at all")


def _refuse_foreign_socket(error: Exception, redis: Client) -> None:
    denial = error.__cause__ and error.__cause__.__context__
    path = redis.connection_pool.connection_kwargs.get("path")
    if not (path and isinstance(denial, PermissionError)):
        return
    group = _group_of(Path(path))
    raise ConfigError(
        SETTING,
        f"this user may not use {path}, which is of the group {group}; run: sudo systemctl edit "
        f"{service_place().unit}, with the lines [Service] and SupplementaryGroups={group}",
    ) from None


def _group_of(path: Path) -> str:
    """Return the group of a file, or of the folder on its way that may not be entered."""
    for each in (path, *path.parents):
        with suppress(PermissionError):
            number = each.stat().st_gid
            break
    else:
        return "?"
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


async def ask(redis: Client) -> Durability:
    """Query the server. Raises ConfigError for one that cannot be used at all."""
    try:
        info = await redis.info()
    except StorageUnavailableError as error:
        if isinstance(error.__cause__, NoPermissionError):
            raise ConfigError(SETTING, f"this user may not ask INFO: {error.__cause__}") from None
        raise
    number = str(info.get("redis_version", "0"))
    version = tuple(int(part) for part in number.split(".") if part.isdecimal())
    if info.get("role") == "slave" and redis.sentinels:
        raise StorageUnavailableError("the Sentinels name a replica as the primary")
    if info.get("role") == "slave":
        raise ConfigError(SETTING, "this server is a read-only replica; write its master's address")
    if info.get("cluster_enabled"):
        raise ConfigError(SETTING, "this server is part of a cluster; write the address of another")
    if version < _OLDEST:
        raise ConfigError(SETTING, f"Redis {number} is too old; use 7.2 or later, or none at all")
    # CONFIG is often forbidden (managed servers, ACLs); INFO then gives all but the fsync policy.
    try:
        fsync = (await redis.config_get("appendfsync")).get("appendfsync", "")
    except (StorageUnavailableError, ResponseError):
        fsync = ""
    return Durability(
        version=version,
        policy=str(info.get("maxmemory_policy", "")),
        is_append_only=bool(info.get("aof_enabled")),
        fsync=str(fsync),
        memory_bytes=counted_bytes(info),
        maxmemory_bytes=info.get("maxmemory"),
    )


def counted_bytes(info: Mapping[str, Any]) -> int:
    """Return the bytes that count against maxmemory; the AOF buffer does not."""
    return int(info.get("used_memory", 0)) - int(info.get("mem_not_counted_for_evict", 0))


def losses(found: Durability, redis: Client) -> list[tuple[str, str]]:
    """Return the ways in which the server could lose jobs, each with its repair command."""
    cases = (
        (
            found.policy != "noeviction",
            f"it evicts jobs when memory is short ({found.policy or 'policy unknown'})",
            "maxmemory-policy noeviction",
        ),
        (
            not found.is_append_only,
            "it loses jobs in a power cut (no append-only file)",
            "appendonly yes",
        ),
        (
            found.is_append_only and found.fsync == "no",
            "it loses jobs in a power cut (appendfsync no)",
            "appendfsync always",
        ),
    )
    cli = redis_cli(redis)
    return [
        (what, f"{cli} CONFIG SET {line} && {cli} CONFIG REWRITE")
        for is_so, what, line in cases
        if is_so
    ]


def redis_cli(redis: Client) -> str:
    """Return the command that reaches this server; where it takes a password, imgbot's own."""
    where = redis.connection_pool.connection_kwargs
    if where.get("username") or redis.sentinels:
        return "sudo imgbot redis-cli"
    if path := where.get("path"):
        return f"redis-cli -s {path}"
    host, port = where.get("host", "localhost"), where.get("port", 6379)
    flags = "" if host in {"localhost", "127.0.0.1"} else f" -h {host}"
    return f"redis-cli{flags}" + ("" if port == 6379 else f" -p {port}")


def address_of(redis: Client) -> str:
    """Return the socket or the host and port, without a password."""
    if sentinels := redis.sentinels:
        host, port = sentinels.master_address or ("nowhere yet", 0)
        return f"{host}:{port} ({sentinels.service_name}, as the Sentinels say)"
    where = redis.connection_pool.connection_kwargs
    return str(where.get("path") or f"{where.get('host')}:{where.get('port')}")


_BOUNDS = THRESHOLDS["redis_full"]


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory that counts against Redis's maxmemory, and the limit; 0 if there is none."""

    used_bytes: int
    limit_bytes: int
    cli: str = "redis-cli"
    """Command that reaches the server."""
    is_embedded: bool = False

    @property
    def ratio(self) -> float:
        return self.used_bytes / self.limit_bytes if self.limit_bytes else 0.0

    @property
    def level(self) -> Level:
        return _BOUNDS.level(self.ratio)

    @property
    def is_full(self) -> bool:
        """True if jobs are refused, or are about to be."""
        return self.level is Level.CRITICAL

    @property
    def is_roomy(self) -> bool:
        """True if use is far enough below the limit not to reach it again soon."""
        return _BOUNDS.status(self.ratio, self.level) is ConditionStatus.CLEAR

    @property
    def used_mb(self) -> int:
        return self.used_bytes >> 20

    @property
    def limit_mb(self) -> int:
        return self.limit_bytes >> 20

    @property
    def advice(self) -> str:
        """Command that raises the limit permanently."""
        enough_mb = max(2 * self.limit_mb, self.used_mb + self.used_mb // 2)
        if self.is_embedded:
            restart = f"sudo systemctl restart {service_place().unit}"
            return f"IMGBOT_REDIS_MEMORY_MB={enough_mb}, then: {restart}"
        return f"{self.cli} CONFIG SET maxmemory {enough_mb}mb && {self.cli} CONFIG REWRITE"

    @property
    def words(self) -> dict[str, str | int]:
        """Facts of a text about it."""
        return {"used": self.used_mb, "limit": self.limit_mb, "more": self.advice}

    @property
    def trouble(self) -> str:
        """Problem and its solution if memory is full; empty otherwise."""
        return " ".join(problem_text("en", "redis_full", self.words)) if self.is_full else ""


async def trouble_of(redis: Client) -> str:
    """Return why the server cannot accept jobs; empty if it can.

    A test write is included: a server that has lost its replicas, or its disk, still reads.
    """
    try:
        memory = await measure(redis)
        if not memory.trouble:
            await redis.incr(keys.SYNCS)
    except StorageUnavailableError as error:
        return str(error)
    return memory.trouble


async def measure(redis: Client) -> Memory:
    """Read the memory use. Raises StorageUnavailableError while Redis is unavailable."""
    info = await redis.info("memory", "server")
    limit_bytes = int(info.get("maxmemory", 0))
    is_embedded = info.get("config_file") == CONFIG
    return Memory(counted_bytes(info), limit_bytes, redis_cli(redis), is_embedded)
