"""Lease, durability and failover on a primary, a replica, three Sentinels and their record."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.asyncio.sentinel import MasterNotFoundError

from imgbot.config.setting_types import Address, ClusterUrl
from imgbot.domain.errors import FencedError, StorageUnavailableError, TransientError
from imgbot.domain.findings import Severity
from imgbot.jobs.reach import Reach
from imgbot.ops.doctor.cluster import judge_cluster
from imgbot.sandbox.bot_process import free_port
from imgbot.storage import keys
from imgbot.storage.client import Client, connect
from imgbot.storage.lease import Lease
from imgbot.storage.persistence import Persistence
from imgbot.storage.server.cluster import forget_missing, look, promote, require_replica
from imgbot.storage.server.durability import wait_until_reachable
from imgbot.storage.server.guard import Guard
from imgbot.storage.server.record import Register
from tests.fixtures.valkey_cluster import PASSWORD, ValkeyCluster
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[ValkeyCluster]:
    async with ValkeyCluster(tmp_path) as servers:
        yield servers


@dataclass(frozen=True, slots=True)
class Part:
    """What a bot of a cluster runs: its client, guard, durability and lease."""

    redis: Client
    register: Register
    persistence: Persistence
    lease: Lease

    async def members(self) -> set[str]:
        """The servers that the record names, by the last digits of their addresses."""
        record = await self.register.read()
        return set(record.members) if record else set()


@asynccontextmanager
async def open_part(servers: ValkeyCluster) -> AsyncIterator[Part]:
    async with servers.client() as redis, asyncio.TaskGroup() as group:
        register = Register(ClusterUrl.parse(servers.url))
        guarding = group.create_task(Guard(redis, register).run())
        persistence = Persistence(redis, register)
        part = Part(redis, register, persistence, Lease(redis, persistence))
        try:
            yield part
        finally:
            guarding.cancel()
            await register.aclose()


@asynccontextmanager
async def open_leader(servers: ValkeyCluster) -> AsyncIterator[Part]:
    """A bot that leads, in sync with its replica."""
    async with open_part(servers) as part, asyncio.TaskGroup() as group:
        await part.lease.take()
        assert await part.members() == servers.addresses("a", "b")
        keeping = group.create_task(part.lease.keep())
        try:
            yield part
        finally:
            keeping.cancel()


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


async def test_what_takes_seconds_begins_before_the_lease_ends(servers: ValkeyCluster) -> None:
    async with open_part(servers) as part, asyncio.TaskGroup() as group:

        async def recorded() -> set[str]:
            await part.redis.set(keys.LEADER, "1-another host", px=2900)
            return await part.members()

        assert await recorded() == set()
        taking = group.create_task(part.lease.take())
        await eventually(recorded, lambda found: found == servers.addresses("a", "b"))
        assert part.lease.is_standby
        taking.cancel()


async def test_it_goes_on_alone_at_the_new_primary(servers: ValkeyCluster, tmp_path: Path) -> None:
    async with open_leader(servers) as leader:
        calls = await leader.redis.info("commandstats")
        before = calls["cmdstat_waitaof"]["calls"]
        # The first has a wait of its own; one more serves all who ask while it is under way.
        async with asyncio.TaskGroup() as jobs:
            for _ in range(50):
                jobs.create_task(leader.persistence.persist())
        calls = await leader.redis.info("commandstats")
        assert calls["cmdstat_waitaof"]["calls"] == before + 2

        servers.kill("a")
        await servers.until_led_by("b")
        await eventually(lambda: persisted(leader), what="a write that is acknowledged")
        assert await leader.members() == servers.addresses("b")
        # It starts again as its file says, which asks for a replica.
        servers.kill("b")
        servers.start("b")
        await eventually(lambda: persisted(leader), what="a write after its restart")
        # The former primary comes back as the replica.
        servers.start("a")
        await eventually(leader.members, lambda found: found == servers.addresses("a", "b"))
        await leader.persistence.persist()

        # By their files they follow, and may be promoted, also under a release without a record.
        async def files() -> str:
            return "".join((tmp_path / name / "conf").read_text() for name in "ab")

        await eventually(files, lambda text: text.count("replica-priority 90") == 2)
        assert (await files()).count(f'primaryauth "{PASSWORD}"') == 2


async def test_a_server_that_lacks_something_never_leads(servers: ValkeyCluster) -> None:
    async with open_leader(servers) as leader:
        servers.kill("b")
        await eventually(lambda: persisted(leader), lambda done: not done, what="a refusal")
        await eventually(lambda: persisted(leader), what="a leader alone")
        assert await leader.members() == servers.addresses("a")
        await leader.redis.set("img:test", "on the first server alone")
        await leader.persistence.persist()
        servers.kill("a")
    servers.start("b")
    async with open_part(servers) as standby, asyncio.TaskGroup() as group:
        taking = group.create_task(standby.lease.take())
        # As long as a failover takes.
        await eventually(lambda: servers.seen_by("s1"), lambda told: "o_down" in told["flags"])
        await asyncio.wait([taking], timeout=8.0)
        assert standby.lease.is_standby
        assert (await servers.info("b"))["role"] == "slave"
        [first] = servers.addresses("a")
        assert f"only {first} has everything" in standby.lease.state
        with pytest.raises(StorageUnavailableError, match=f"only {first} has everything"):
            await wait_until_reachable(
                standby.redis, deadline_s=0, explain=standby.persistence.explain
            )

        servers.start("a")
        await taking
        assert await standby.redis.get("img:test") == "on the first server alone"
        keeping = group.create_task(standby.lease.keep())
        await eventually(standby.members, lambda found: found == servers.addresses("a", "b"))
        keeping.cancel()


async def test_nobody_copies_a_server_that_lacks_something(servers: ValkeyCluster) -> None:
    url = ClusterUrl.parse(servers.url)
    async with open_leader(servers) as leader:
        servers.kill("b")
        await eventually(lambda: persisted(leader), lambda done: not done, what="a refusal")
        await eventually(lambda: persisted(leader), what="a leader alone")
        await leader.redis.set("img:test", "on the first server alone")
        servers.kill("a")
    servers.start("b")
    await eventually(lambda: servers.info("b"), what="an answer")
    second = Address("127.0.0.1", servers.ports["b"])
    # By force, while no bot is there that would keep it from that.
    await eventually(lambda: promote(url, second), what="the second server as the primary")
    servers.start("a")
    await eventually(lambda: servers.info("a"), lambda told: told.get("role") == "slave")
    async with open_part(servers) as standby:
        # The first server leads again, by itself.
        await standby.lease.take()
        assert await standby.redis.get("img:test") == "on the first server alone"


async def test_a_server_with_everything_leads_though_it_lost_its_link_long_ago(
    servers: ValkeyCluster,
) -> None:
    async with open_leader(servers):
        pass
    async with Redis(port=servers.ports["b"], password=PASSWORD) as replica:
        # As a network that is cut for over half a minute, while no bot is there.
        await replica.config_set("masterauth", "wrong")
        async with Redis(port=servers.ports["a"], password=PASSWORD) as primary:
            await primary.execute_command("CLIENT", "KILL", "TYPE", "REPLICA")
        link = "master_link_down_since_seconds"
        await eventually(lambda: servers.info("b"), lambda told: int(str(told.get(link, 0))) > 32)
    servers.kill("a")
    await eventually(lambda: servers.seen_by("s1"), lambda told: "o_down" in told["flags"])

    async with open_part(servers) as standby:
        await standby.lease.take()
        assert await standby.members() == servers.addresses("b")


async def test_what_has_left_as_planned_is_not_wrong(servers: ValkeyCluster) -> None:
    url = ClusterUrl.parse(servers.url)
    async with open_leader(servers) as leader:
        primary = Address("127.0.0.1", servers.ports["a"])
        await require_replica(url, primary, is_there=False)
        servers.kill("b")
        servers.kill("s2")
        await forget_missing(url)
        await eventually(lambda: persisted(leader), what="a leader alone")

        (finding,) = judge_cluster(await look(url))

    assert finding.level is Severity.WARNING
    assert "has left, or has not joined yet" in finding.text
    assert "imgbot cluster join" in finding.advice


async def test_the_record_is_changed_by_one_at_a_time(servers: ValkeyCluster) -> None:
    url = ClusterUrl.parse(servers.url)
    first, second = Register(url), Register(url)
    before = await first.change(None, ["10.0.0.1:6379", "10.0.0.2:6379"])
    assert await second.read() == before

    alone = await second.change(before, ["10.0.0.2:6379"])

    with pytest.raises(StorageUnavailableError, match="changed meanwhile"):
        await first.change(before, ["10.0.0.1:6379"])
    servers.kill("w")
    servers.start("w")
    await eventually(lambda: read(first), lambda found: found == alone, what="the same record")
    await first.aclose()
    await second.aclose()


async def read(register: Register) -> object:
    with suppress(StorageUnavailableError):
        return await register.read()


async def test_without_the_witness_nothing_is_acknowledged_alone(servers: ValkeyCluster) -> None:
    async with open_leader(servers) as leader:
        servers.kill("w")
        await leader.persistence.persist()
        servers.kill("b")
        await eventually(
            lambda: state_of(leader), lambda state: "the witness does not answer" in state
        )
        assert not await persisted(leader)

        servers.start("w")
        await eventually(lambda: persisted(leader), what="a leader alone")


async def test_a_replica_that_is_back_in_a_moment_stays_in_the_record(
    servers: ValkeyCluster,
) -> None:
    """As one that connects again to a primary that has started again, or had a full disk."""
    async with open_part(servers) as part:
        await part.lease.take()
        servers.signal("b", signal.SIGSTOP)
        async with Redis(port=servers.ports["a"], password=PASSWORD) as primary:
            await primary.execute_command("CLIENT", "KILL", "TYPE", "REPLICA")

        with pytest.raises(StorageUnavailableError, match="the replica is away"):
            await part.persistence.observe()

        assert await part.members() == servers.addresses("a", "b")
        servers.signal("b", signal.SIGCONT)


async def state_of(part: Part) -> str:
    return part.persistence.state


async def persisted(part: Part) -> bool:
    """Whether a write is acknowledged."""
    try:
        await part.redis.incr("img:test:count")
        await part.persistence.persist()
    except StorageUnavailableError:
        return False
    return True


async def test_a_leader_ends_where_its_last_writes_are_lost(servers: ValkeyCluster) -> None:
    async with open_part(servers) as part:
        redis, persistence = part.redis, part.persistence
        await part.lease.take()
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


async def test_the_side_cut_off_takes_no_writes(servers: ValkeyCluster) -> None:
    async with open_part(servers) as part:
        redis, persistence = part.redis, part.persistence
        await part.lease.take()
        for name in ("b", "s2", "s3"):
            servers.signal(name, signal.SIGSTOP)
        servers.kill("b")

        with pytest.raises(StorageUnavailableError, match="most Sentinels do not name"):
            await persistence.observe()

        # Telegram gets no confirmation of what only this side knows.
        for write in (redis.incr("img:test"), persistence.persist()):
            with pytest.raises(StorageUnavailableError, match="too few of its replicas"):
                await write
        assert await part.members() == servers.addresses("a", "b")


async def test_a_bot_that_stands_by_does_not_stop_the_writes_of_the_leader(
    servers: ValkeyCluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sees_one = servers.url
    for name in ("s2", "s3"):
        sees_one = sees_one.replace(f":{servers.ports[name]}", f":{free_port()}")
    async with open_leader(servers) as leader, connect(sees_one) as standby:
        redis = leader.redis
        servers.kill("b")
        # Most Sentinels name its primary.
        await eventually(lambda: took(redis), lambda is_taken: not is_taken, what="a refusal")
        await eventually(lambda: took(redis), what="a write")

        register = Register(ClusterUrl.parse(sees_one))
        async with asyncio.TaskGroup() as group:
            lease = Lease(standby, Persistence(standby, register))
            standing_by = group.create_task(lease.take())
            await eventually(lambda: is_logged(caplog, "standing by: 1-"))

            assert await took(redis)
            standing_by.cancel()
        await register.aclose()


async def is_logged(caplog: pytest.LogCaptureFixture, words: str) -> bool:
    return words in caplog.text


async def test_a_primary_that_was_frozen_takes_no_writes(servers: ValkeyCluster) -> None:
    async with open_part(servers) as part:
        redis = part.redis
        await part.persistence.observe()
        servers.signal("a", signal.SIGSTOP)
        await servers.until_led_by("b")
        servers.signal("a", signal.SIGCONT)
        # As another connection does, while that of the commands still leads to the former one.
        await eventually(lambda: primary_by(redis), lambda found: found == servers.ports["b"])

        with suppress(StorageUnavailableError):
            await part.persistence.observe()

        await redis.ping()
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


@dataclass
class Place:
    """What the network of a machine reaches, and what its bot makes of that."""

    telegram: bool = True
    provider: bool = True
    is_standby: bool = False
    is_in_sync: bool = True
    is_full: bool = False
    now_s: float = 0.0
    handed_over: int = 0

    def reach(self, redis: Client, port: int) -> Reach:
        # Any address of this machine but that of loopback, which does not count.
        urls = lambda: ("http://127.0.0.1:1", f"http://0.0.0.0:{port if self.provider else 1}")  # noqa: E731

        async def ask() -> bool:
            return self.telegram

        def hand_over() -> None:
            self.handed_over += 1

        return Reach(
            redis=redis, ask_telegram=ask, providers=urls,
            is_standby=lambda: self.is_standby, is_in_sync=lambda: self.is_in_sync,
            disk_problem=lambda: "0 MB left" if self.is_full else "",
            hand_over=hand_over, now_s=lambda: self.now_s,
        )  # fmt: skip


NOTHING = {"telegram": False, "provider": False}


@pytest.mark.parametrize(
    ("leads", "stands_by", "after_s", "count"),
    [
        (NOTHING, {}, 10.0, 1),
        (NOTHING, {}, 9.9, 0),
        ({"telegram": False}, {}, 10.0, 0),
        ({"provider": False}, {}, 10.0, 0),
        (NOTHING | {"is_in_sync": False}, {}, 10.0, 0),
        (NOTHING, {"telegram": False}, 10.0, 0),
        (NOTHING, {"provider": False}, 10.0, 0),
    ],
)
async def test_who_reaches_nothing_lets_who_reaches_all_lead(
    leads: dict[str, bool], stands_by: dict[str, bool], after_s: float, count: int, redis: Client
) -> None:
    leader, standby = Place(), Place(**stands_by, is_standby=True)
    async with await asyncio.start_server(lambda _, writer: writer.close(), "0.0.0.0") as server:
        port = server.sockets[0].getsockname()[1]
        leading, standing = leader.reach(redis, port), standby.reach(redis, port)
        # It was the standby itself until now.
        leader.is_standby = True
        await leading.step()
        await redis.pexpire(keys.REACHES, 0)
        leader.is_standby = False
        for name, is_so in leads.items():
            setattr(leader, name, is_so)
        await standing.step()

        leader.now_s = after_s
        await leading.step()
        # Once in five minutes at most, by whichever of the two.
        standby.is_standby, standby.telegram, standby.provider = False, False, False
        leader.is_standby = leader.telegram = leader.provider = True
        await leading.step()
        standby.now_s = 60.0
        await standing.step()

    assert (leader.handed_over, standby.handed_over) == (count, 1 - count)


@pytest.mark.parametrize(("is_there_room", "count"), [(True, 1), (False, 0)])
async def test_a_leader_with_a_full_disk_lets_one_with_room_lead(
    is_there_room: bool,
    count: int,
    redis: Client,
) -> None:
    leader, standby = Place(is_full=True), Place(is_standby=True, is_full=not is_there_room)
    async with await asyncio.start_server(lambda _, writer: writer.close(), "0.0.0.0") as server:
        port = server.sockets[0].getsockname()[1]
        await standby.reach(redis, port).step()

        await leader.reach(redis, port).step()

    assert leader.handed_over == count
