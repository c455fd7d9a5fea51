"""Whoever is told to end while he asks Redis ends, at whatever moment that comes."""

import asyncio
from contextlib import suppress

import pytest
from redis.asyncio import Redis

from imgbot.errors import TransientError
from imgbot.queue.shelf import Shelf


async def look_again_and_again(shelf: Shelf) -> None:
    """As the loops of the supervisor do, but not for ever."""
    for _ in range(50):
        with suppress(TransientError):
            await shelf.line()


@pytest.mark.parametrize("turns", range(60))
async def test_no_cancellation_is_lost(real_redis: Redis, turns: int) -> None:
    shelf = Shelf(real_redis)
    await shelf.line()
    async with asyncio.TaskGroup() as group:
        looking = group.create_task(look_again_and_again(shelf))
        for _ in range(turns):
            await asyncio.sleep(0)
        # Once, as a task group does.
        looking.cancel()

    assert looking.cancelled()
