"""A task that is cancelled while it waits for Redis ends, at whatever moment that comes."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from functools import partial

import pytest

from imgbot.domain.errors import TransientError
from imgbot.storage.client import Client
from imgbot.storage.job_queue import JobQueue, QueueLimits
from imgbot.storage.update_ledger import UpdateLedger
from tests.fixtures.redis_servers import filled

MOMENTS = 60
"""Turns of the event loop, more than a command takes."""


async def again_and_again(act: Callable[[], Awaitable[object]]) -> None:
    """As the loops of the supervisor do, but not for ever."""
    for _ in range(50):
        with suppress(TransientError):
            await act()


async def is_ended(act: Callable[[], Awaitable[object]], moment: int) -> bool:
    """One cancellation is enough: a task group says no more."""
    with suppress(TransientError):
        await act()
    async with asyncio.TaskGroup() as group:
        acting = group.create_task(again_and_again(act))
        for _ in range(moment):
            await asyncio.sleep(0)
        acting.cancel()
    return acting.cancelled()


@pytest.mark.parametrize("is_full", [False, True])
async def test_no_cancellation_is_lost(redis: Client, *, is_full: bool) -> None:
    read = JobQueue(redis, QueueLimits()).waiting_ids
    act = partial(UpdateLedger(redis).mark_handled, 7, "1") if is_full else read

    async with filled(redis) if is_full else nullcontext():
        assert [n for n in range(MOMENTS) if not await is_ended(act, n)] == []
