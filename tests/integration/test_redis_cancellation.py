"""A task that is cancelled while it waits for Redis ends, at whatever moment that comes."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

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


async def test_no_cancellation_is_lost(redis: Client) -> None:
    queue = JobQueue(redis, QueueLimits())

    assert [n for n in range(MOMENTS) if not await is_ended(queue.waiting_ids, n)] == []


async def test_no_cancellation_is_lost_while_redis_takes_no_write(redis: Client) -> None:
    ledger = UpdateLedger(redis)

    async with filled(redis):
        lost = [
            n for n in range(MOMENTS) if not await is_ended(lambda: ledger.mark_handled(7, "1"), n)
        ]

    assert lost == []
