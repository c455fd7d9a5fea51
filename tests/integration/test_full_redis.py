"""A Redis whose memory is full takes no order, and lets go of those that it has."""

from pathlib import Path

import pytest

from imgbot.config.sources import PLACEHOLDER_TOKEN, load
from imgbot.domain.errors import UserError
from imgbot.domain.job import State
from imgbot.storage import keys
from imgbot.storage.access import bind_to_bot
from imgbot.storage.client import Client
from imgbot.storage.server.durability import Memory, measure
from imgbot.storage.server.process import RedisServer
from tests.fixtures.redis_servers import client_of, filled
from tests.integration.test_job_queue import NOW, job, open_queue

pytestmark = pytest.mark.slow


async def test_a_waiting_job_can_be_called_off_and_makes_room(redis: Client) -> None:
    queue = await open_queue(redis)
    await queue.enqueue(job("1"), NOW)
    async with filled(redis):
        with pytest.raises(UserError, match="storage_full"):
            await queue.enqueue(job("2"), NOW)
        verdict = await queue.cancel("1", 1, NOW)
        found = await queue.job("1")
        assert found is not None
        await queue.finish(found, State.CANCELLED, NOW)

    assert (verdict, found.state) == ("ok", State.DELIVERING)
    assert await redis.zcard(keys.TAGS) == 0
    assert await redis.keys(f"{keys.JOB}*") == []


async def test_a_task_belongs_to_one_job(redis: Client) -> None:
    queue = await open_queue(redis)
    async with filled(redis):
        found = [await queue.own_task("painter.t", job_id) for job_id in ("1", "2", "1")]

    assert found == [True, False, True]
    assert await redis.ttl(f"{keys.CHOICE}task:painter.t") > 3000


async def test_what_gives_the_embedded_server_room_outlives_a_restart(tmp_path: Path) -> None:
    async def measured(setting: str, value: str) -> Memory:
        environ = {"IMGBOT_TOKEN": PLACEHOLDER_TOKEN, "IMGBOT_STATE_DIR": str(tmp_path)}
        memory_bytes = load(environ | {setting: value}).redis_memory_bytes
        server = RedisServer(tmp_path, port=0, memory_bytes=memory_bytes)
        async with server, client_of(server) as client:
            return await measure(client)

    memory = await measured("IMGBOT_REDIS_MEMORY_MB", "300")
    name, _, value = memory.advice.partition(",")[0].partition("=")

    assert (memory.limit_mb, name) == (300, "IMGBOT_REDIS_MEMORY_MB")
    assert (await measured(name, value)).limit_mb == 600


async def test_a_state_of_the_previous_release_is_taken_over(redis: Client) -> None:
    await redis.set(keys.OWNER, 1)
    async with filled(redis):
        installation = await bind_to_bot(redis, 1)
        again = await bind_to_bot(redis, 1)

    assert installation == again == await redis.get(keys.INSTALLATION)


async def test_what_gives_ones_own_server_room_outlives_a_restart(redis: Client) -> None:
    async with filled(redis):
        memory = await measure(redis)

    assert "CONFIG SET maxmemory" in memory.advice
    assert memory.advice.endswith("CONFIG REWRITE")
