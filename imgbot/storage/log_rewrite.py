"""Rewrite of the append-only file of Redis: what was deleted stays in it until then."""

import asyncio
from collections.abc import Mapping
from typing import Any

from redis.exceptions import ResponseError

from imgbot.domain.errors import StorageUnavailableError
from imgbot.storage.client import Client
from imgbot.telemetry import events

_POLL_S = 0.2


async def rewrite(redis: Client) -> bool:
    """Rewrite the append-only file, if there is one; return False if that failed."""
    if not (await _persistence(redis))["aof_enabled"]:
        return True
    try:
        await redis.bgrewriteaof()
    except (ResponseError, StorageUnavailableError) as error:
        # Its ACL may not permit it: that is no reason to ask every few seconds.
        events.warning("Redis does not rewrite its append-only file: %s", error)
        return False
    while await is_rewriting(redis):  # noqa: ASYNC110 -- only Redis knows
        await asyncio.sleep(_POLL_S)
    return (await _persistence(redis))["aof_last_bgrewrite_status"] == "ok"


async def is_rewriting(redis: Client) -> bool:
    state = await _persistence(redis)
    return bool(state["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"])


async def _persistence(redis: Client) -> Mapping[str, Any]:
    return await redis.info("persistence")
