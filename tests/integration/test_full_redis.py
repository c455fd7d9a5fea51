"""A Redis whose memory is full takes no order, and lets go of those that it has."""

from pathlib import Path

import pytest

from imgbot.domain.errors import UserError
from imgbot.domain.job import State
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.installation import bind_to_bot
from imgbot.storage.rate_limit import RateLimit
from imgbot.storage.server.durability import measure
from imgbot.storage.users import UserStore
from tests.fixtures.bot import Bot
from tests.fixtures.redis_servers import filled
from tests.fixtures.sandbox import open_sandbox
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


async def test_a_request_that_was_counted_is_allowed_again(redis: Client) -> None:
    limit = RateLimit(redis)
    await limit.check_rate_limit(1, "7")
    async with filled(redis):
        assert await limit.check_rate_limit(1, "7")
        with pytest.raises(UserError, match="storage_full"):
            await limit.check_rate_limit(1, "8")


async def test_a_task_belongs_to_one_job(redis: Client) -> None:
    queue = await open_queue(redis)
    async with filled(redis):
        found = [await queue.own_task("painter.t", job_id) for job_id in ("1", "2", "1")]

    assert found == [True, False, True]
    assert await redis.ttl(f"{keys.ONCE}task:painter.t") > 3000


async def test_the_first_values_that_users_give_take_no_memory(redis: Client) -> None:
    users = UserStore(redis)
    await users.once("cancel.1", "a")
    async with filled(redis):
        found = [await users.once(f"cancel.{number}", "b") for number in (1, 2)]

    assert (found, await users.choice("cancel.2")) == (["a", "b"], "")


async def test_what_gives_the_embedded_server_room_outlives_a_restart(state_dir: Path) -> None:
    async with open_sandbox() as (sandbox, _):
        bot = Bot(sandbox, state_dir, IMGBOT_REDIS_MEMORY_MB="300")
        async with bot, bot.redis() as redis:
            memory = await measure(redis)
        words = memory.advice.partition(",")[0].partition("=")
        bot.settings[words[0]] = words[2]
        async with bot, bot.redis() as redis:
            after = await measure(redis)

    assert (memory.limit_mb, words[0], after.limit_mb) == (300, "IMGBOT_REDIS_MEMORY_MB", 600)


async def test_a_full_redis_is_given_its_id(redis: Client) -> None:
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
