"""A Redis that refuses for a while: it is waited for and named, and ends nothing."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from redis.exceptions import ResponseError

from imgbot.domain.errors import StorageUnavailableError
from imgbot.domain.operations import Operation
from imgbot.storage import keys
from imgbot.storage.client import Client, connect
from imgbot.storage.job_queue import JobQueue, QueueLimits
from imgbot.storage.persistence import Persistence
from imgbot.storage.results import ResultStore
from imgbot.storage.server.durability import trouble_of
from imgbot.storage.server.process import RedisServer
from tests.fixtures.bot import Bot
from tests.fixtures.jobs import job_of
from tests.fixtures.redis_servers import client_of
from tests.fixtures.sandbox import open_sandbox
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.slow

NOW = 1_800_000_000_000
# As an operator types them; the second undoes the first.
STATES = {
    "NOREPLICAS": (
        "CONFIG SET min-replicas-to-write 1",
        "CONFIG SET min-replicas-to-write 0",
        "too few of its replicas",
    ),
    "READONLY": ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", "it is a replica now"),
    "MASTERDOWN": (
        "CONFIG SET replica-serve-stale-data no",
        "CONFIG SET replica-serve-stale-data yes",
        "has lost its master|it is a replica now",
    ),
    "NOPERM": ("ACL SETUSER imgbot -@write", "ACL SETUSER imgbot +@all", "does not permit"),
    "NOAUTH": (
        "ACL SETUSER imgbot off",
        "ACL SETUSER imgbot on",
        "refuses the user or password",
    ),
}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with RedisServer(tmp_path, port=0) as server:
        yield server


@pytest.mark.parametrize("state", STATES)
async def test_what_passes_by_itself_is_redis_being_away(server: RedisServer, state: str) -> None:
    begin, end, named = STATES[state]
    redis = connect(server.url)
    queue = JobQueue(redis, QueueLimits())
    await queue.open_epoch()
    # A client that is in already may mend what keeps all others out.
    async with client_of(server) as operator:
        await operator.ping()
        if state == "MASTERDOWN":
            await operator.execute_command(*STATES["READONLY"][0].split())
        await operator.execute_command(*begin.split())
        fresh = connect(server.url)
        seen = await trouble_of(fresh)
        # New connections, for who is in may stay in.
        await redis.connection_pool.disconnect()
        with pytest.raises(StorageUnavailableError, match=named):
            await queue.open_epoch()
        with pytest.raises(StorageUnavailableError, match=named):
            await ResultStore(redis).set_original("a", "b")
        with pytest.raises(StorageUnavailableError, match=named):
            await Persistence(redis, is_synced_by_itself=False).persist()
        await operator.execute_command(*end.split())
        if state == "MASTERDOWN":
            await operator.execute_command(*STATES["READONLY"][1].split())
    await queue.open_epoch()
    well = await trouble_of(redis)
    await redis.aclose()
    await fresh.aclose()

    assert re.search(named, seen)
    assert well == ""


async def test_a_script_that_runs_for_too_long_is_waited_for(server: RedisServer) -> None:
    redis = connect(server.url)
    async with client_of(server) as operator, client_of(server) as neighbour:
        await operator.config_set("busy-reply-threshold", 1)
        async with asyncio.TaskGroup() as group:
            group.create_task(_until_killed(neighbour))
            seen = await eventually(lambda: trouble_of(redis), what="the script runs")
            await operator.script_kill()
    await redis.aclose()

    assert "busy with a script" in seen


async def _until_killed(neighbour: Client) -> None:
    spins = "while redis.call('GET', KEYS[1]) ~= '1' do end"
    with pytest.raises(ResponseError, match="killed"):
        await cast("Awaitable[str]", neighbour.eval(spins, 1, "never"))


async def test_commands_sent_together_fail_and_are_cancelled_one_by_one(redis: Client) -> None:
    await redis.set("img:x", "text")
    async with asyncio.TaskGroup() as group:
        cancelled = group.create_task(JobQueue(redis, QueueLimits()).waiting_ids())
        wrong = group.create_task(_refused(redis))
        right = group.create_task(JobQueue(redis, QueueLimits()).due())
        await asyncio.sleep(0)
        cancelled.cancel()

    assert "not an integer" in wrong.result()
    assert right.result() == {}


async def _refused(redis: Client) -> str:
    with pytest.raises(ResponseError) as refusal:
        await redis.incr("img:x")
    return str(refusal.value)


async def test_a_command_that_cannot_be_sent_or_read_fails_alone(redis: Client) -> None:
    await redis.zadd("img:z", {"member": 1})
    redis.set_response_callback("ZSCORE", _broken)
    async with asyncio.TaskGroup() as group:
        unsent = group.create_task(_error_of(lambda: redis.set("img:x", "\ud800")))
        unread = group.create_task(_error_of(lambda: redis.zscore("img:z", "member")))
        right = group.create_task(JobQueue(redis, QueueLimits()).due())

    assert isinstance(unsent.result(), UnicodeEncodeError)
    assert isinstance(unread.result(), ZeroDivisionError)
    assert right.result() == {}
    # The answers that follow are those of the commands that follow.
    assert await redis.zcard("img:z") == 1


def _broken(response: Any, **kwargs: Any) -> Any:
    raise ZeroDivisionError(response, kwargs)


async def _error_of(command: Callable[[], Awaitable[object]]) -> Exception | None:
    try:
        await command()
    except Exception as error:  # noqa: BLE001 -- it is what is asked for
        return error
    return None


async def test_a_client_that_closes_has_sent_what_it_was_given(server: RedisServer) -> None:
    redis = connect(server.url)
    answer = redis.set("img:x", "1")
    await redis.aclose()

    assert await answer
    async with client_of(server) as other:
        assert await other.get("img:x") == "1"


@pytest.mark.parametrize("turns", range(4))
async def test_a_batch_that_is_cut_off_leaves_no_answer_to_the_next(
    redis: Client, turns: int
) -> None:
    await redis.mset({"img:a": "1", "img:b": "2"})
    lost = [redis.get("img:a") for _ in range(3)]
    for _ in range(turns):
        await asyncio.sleep(0)
    # As at the end of a program, which cancels all tasks before it closes its client.
    if (sender := redis._sender) is not None:
        sender.cancel()
        await asyncio.wait([sender])

    assert await redis.get("img:b") == "2"
    assert all(cast("asyncio.Future[str]", answer).done() for answer in lost)


async def test_a_server_with_no_connection_left_is_away(server: RedisServer) -> None:
    async with client_of(server) as operator:
        await operator.ping()
        await operator.config_set("maxclients", 1)
        redis = connect(server.url)
        with pytest.raises(StorageUnavailableError):
            await JobQueue(redis, QueueLimits()).waiting_ids()
        await operator.config_set("maxclients", 100)

        assert await JobQueue(redis, QueueLimits()).waiting_ids() == []
        await redis.aclose()


async def test_more_commands_at_once_than_connections_all_come_through(redis: Client) -> None:
    queue = JobQueue(redis, QueueLimits(running_per_user=1000))
    await queue.open_epoch()

    async with asyncio.TaskGroup() as group:
        for number in range(300):
            job = job_of(str(number), number, number, Operation.CREATE, "en", prompt="a fox")
            group.create_task(queue.enqueue(job, NOW))

    assert await redis.llen(keys.QUEUE) == 300
    assert (await redis.info("clients"))["connected_clients"] < 110


async def test_a_bot_survives_a_redis_that_refuses_and_says_so(
    state_dir: Path, server: RedisServer
) -> None:
    begin, end, named = STATES["NOREPLICAS"]
    async with open_sandbox() as (sandbox, control), client_of(server) as operator:
        ann = await control.make_user("Ann")
        async with Bot(sandbox, state_dir, IMGBOT_REDIS_URL=server.url) as bot:
            await operator.execute_command(*begin.split())
            await control.say(ann, "a fox")
            await eventually(bot.health, lambda checks: named in checks["redis"])
            await bot.until_logged(f"Redis takes no write: {named}")
            await operator.execute_command(*end.split())
            await control.wait_message(ann.id, lambda message: bool(message.photo_id))
            await eventually(bot.health, lambda checks: named not in checks["redis"])

            assert bot.is_running
            assert "Traceback" not in bot.log
