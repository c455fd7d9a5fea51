"""Lease, durability and failover on a primary, a replica and three Sentinels."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.asyncio.sentinel import MasterNotFoundError

from imgbot.domain.errors import FencedError, StorageUnavailableError, TransientError
from imgbot.sandbox.bot_process import free_port
from imgbot.storage import keys
from imgbot.storage.client import Client, connect
from imgbot.storage.lease import Lease
from imgbot.storage.persistence import Persistence
from tests.fixtures.valkey_cluster import PASSWORD, ValkeyCluster
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[ValkeyCluster]:
    async with ValkeyCluster(tmp_path) as servers:
        yield servers


async def test_one_lease_one_leader(servers: ValkeyCluster) -> None:
    async with servers.client() as redis, servers.client() as other:
        clock = [0.0]
        first = Lease(redis, Persistence(redis), lambda: clock[0])
        second = Lease(other, Persistence(other))
        await first.take()
        assert str(await redis.get(keys.LEADER)).startswith(f"{redis.epoch} ")
        first.check()
        clock[0] = 6.0
        with pytest.raises(TransientError):
            first.check()

        async with asyncio.TaskGroup() as group:
            # As a clock that is set back an hour leaves it.
            await redis.pexpire(keys.LEADER, 3_600_000)
            waiting = group.create_task(second.take())
            await eventually(lambda: redis.pttl(keys.LEADER), lambda left_ms: left_ms <= 9000)
            await redis.call("close_epoch")
            await waiting
        with pytest.raises(FencedError):
            await first.keep()
        assert second.locked_s(120.0) > 130.0


async def test_a_client_finds_the_new_primary(servers: ValkeyCluster) -> None:
    async with servers.client() as redis:
        persistence = Persistence(redis)
        lease = Lease(redis, persistence)
        await lease.take()
        await persistence.persist(is_paid=True)
        calls = await redis.info("commandstats")
        assert calls["cmdstat_waitaof"]["calls"] == 2
        # The first has a wait of its own; one more serves all who ask while it is under way.
        async with asyncio.TaskGroup() as jobs:
            for _ in range(50):
                jobs.create_task(persistence.persist(is_paid=True))
        calls = await redis.info("commandstats")
        assert calls["cmdstat_waitaof"]["calls"] == 4

        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(lease.keep())
            servers.kill("a")
            await servers.until_led_by("b")
            # Without its replica it takes writes, as most Sentinels name it, but no money.
            await eventually(lambda: took(redis), what="a write")
            assert not persistence.is_guarded
            with pytest.raises(StorageUnavailableError):
                await persistence.persist(is_paid=True)
            await persistence.persist()
            # The former primary comes back as the replica.
            servers.start("a")
            await eventually(lambda: is_guarded(persistence), what="a replica")
            await persistence.persist(is_paid=True)
            keeping.cancel()


async def test_a_leader_ends_where_its_last_writes_are_lost(servers: ValkeyCluster) -> None:
    async with servers.client() as redis:
        persistence = Persistence(redis)
        await Lease(redis, persistence).take()
        async with Redis(port=servers.ports["a"], password=PASSWORD) as primary:
            await primary.config_set("min-replicas-to-write", 0)
            servers.signal("b", signal.SIGSTOP)
            await primary.execute_command("CLIENT", "KILL", "TYPE", "REPLICA")
        await redis.set("img:test", "only on the first server")
        servers.kill("a")
        servers.signal("b", signal.SIGCONT)
        await servers.until_led_by("b")

        async def refusal() -> type[Exception]:
            try:
                await redis.get("img:test")
            except (FencedError, StorageUnavailableError) as error:
                return type(error)
            return Exception

        with suppress(StorageUnavailableError):
            await persistence.persist()
            pytest.fail("what was lost was confirmed")
        await eventually(refusal, lambda found: found is FencedError, what="its end")


async def took(redis: Client) -> bool:
    try:
        return bool(await redis.incr("img:test"))
    except StorageUnavailableError:
        return False


async def is_guarded(persistence: Persistence) -> bool:
    return persistence.is_guarded


async def test_the_side_cut_off_takes_no_writes(servers: ValkeyCluster) -> None:
    async with servers.client() as redis:
        persistence = Persistence(redis)
        await redis.ping()
        for name in ("b", "s2", "s3"):
            servers.signal(name, signal.SIGSTOP)
        servers.kill("b")

        await persistence.observe_replica()

        # Telegram gets no confirmation of what only this side knows.
        for write in (redis.incr("img:test"), persistence.persist()):
            with pytest.raises(StorageUnavailableError, match="too few of its replicas"):
                await write


async def test_a_bot_that_stands_by_does_not_stop_the_writes_of_the_leader(
    servers: ValkeyCluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sees_one = servers.url
    for name in ("s2", "s3"):
        sees_one = sees_one.replace(f":{servers.ports[name]}", f":{free_port()}")
    standby = connect(sees_one)
    async with servers.client() as redis, standby, asyncio.TaskGroup() as group:
        lease = Lease(redis, Persistence(redis))
        await lease.take()
        keeping = group.create_task(lease.keep())
        servers.kill("b")
        # Most Sentinels name its primary.
        await eventually(lambda: took(redis), lambda is_taken: not is_taken, what="a refusal")
        await eventually(lambda: took(redis), what="a write")

        standing_by = group.create_task(Lease(standby, Persistence(standby)).take())
        await eventually(lambda: is_logged(caplog, "standing by: 1-"))

        assert await took(redis)
        keeping.cancel()
        standing_by.cancel()


async def is_logged(caplog: pytest.LogCaptureFixture, words: str) -> bool:
    return words in caplog.text


async def test_a_primary_that_was_frozen_takes_no_writes(servers: ValkeyCluster) -> None:
    async with servers.client() as redis:
        await redis.ping()
        servers.signal("a", signal.SIGSTOP)
        await servers.until_led_by("b")
        servers.signal("a", signal.SIGCONT)
        # As another connection does, while that of the commands still leads to the former one.
        await eventually(lambda: primary_by(redis), lambda found: found == servers.ports["b"])

        await Persistence(redis).observe_replica()

        assert redis.primary == ("127.0.0.1", servers.ports["b"])
    port = servers.ports["a"]
    async with Redis(port=port, password=PASSWORD, decode_responses=True) as former:
        assert await former.config_get("min-replicas-to-write") == {"min-replicas-to-write": "1"}


async def primary_by(redis: Client) -> int:
    """The port of the primary, as the Sentinels say."""
    assert redis.sentinels
    try:
        return (await redis.sentinels.get_master_address())[1]
    except MasterNotFoundError:
        return 0
