"""`imgbot cluster`: what it writes on a server of files, what it undoes, and what it judges."""

import socket
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from imgbot.config.setting_types import Address
from imgbot.domain.errors import ConfigError, StorageUnavailableError
from imgbot.domain.findings import Severity
from imgbot.ops.cluster import command, node
from imgbot.ops.cluster.command import Machine
from imgbot.ops.cluster.plan import ClusterPlan, checked, plan_of
from imgbot.ops.doctor.cluster import cluster_lines, judge_cluster
from imgbot.ops.install import command as install_command
from imgbot.ops.install.release import InstallError
from imgbot.ops.installation import Layout
from imgbot.ops.service import ServiceError
from imgbot.storage.server.cluster import ClusterState, RedisState
from imgbot.storage.server.record import InSyncRecord

FIRST, SECOND, THIRD = ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
TOKEN = "123456789:" + "T" * 35


class Server:
    """A server of files, on which the service and the network are played."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.layout = Layout(root)
        self.ran: list[str] = []
        self.state = state_of(primary_at(FIRST))
        self.restarts: list[Exception | None] = []
        played = {"look": self._look, "restart": self._restart, "require_replica": self._require}
        for name, replacement in played.items():
            monkeypatch.setattr(command, name, replacement)
        monkeypatch.setattr(install_command, "_run", self._run)

    async def _look(self, _url: object) -> ClusterState:
        return self.state

    async def _require(self, _url: object, primary: Address, *, is_there: bool) -> None:
        self.ran.append(f"{primary}: {is_there}")

    def _restart(self, unit: str) -> None:
        self.ran.append(f"restart {unit}")
        if self.restarts and (error := self.restarts.pop(0)):
            raise error

    def _run(self, words: tuple[str, ...]) -> None:
        self.ran.append(" ".join(words))

    def install(self) -> None:
        layout = self.layout
        for folder in (layout.unit.parent, layout.credentials, layout.program, layout.current):
            folder.mkdir(parents=True, exist_ok=True)
        layout.unit.touch()
        layout.environment_file.touch()
        layout.token.write_text(TOKEN)

    @property
    def files(self) -> dict[str, int]:
        paths = [path for path in self.layout.unit.parents[3].rglob("*") if path.is_file()]
        return {path.name: path.stat().st_mode & 0o777 for path in paths}

    def machine(self, *, is_dry_run: bool = False) -> Machine:
        return Machine(self.layout, is_dry_run=is_dry_run)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server(tmp_path, monkeypatch)
    server.install()
    return server


def test_the_bot_that_runs_becomes_the_leader(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    before = server.files
    server.machine(is_dry_run=True).init(ADDRESSES)
    assert (server.files, server.ran) == (before, [])
    # A secret that is not used.
    assert "redis+sentinel" not in capsys.readouterr().out

    server.machine().init(ADDRESSES)

    layout, url = server.layout, server.layout.redis_url.read_text().strip()
    plan = plan_of(url)
    assert plan.addresses == ADDRESSES
    added = {name: mode for name, mode in server.files.items() if name not in before}
    private = {"redis.conf": 0o600, "sentinel.conf": 0o600, "redis-url": 0o600}
    open_ones = ("imgbot-cluster@.service", "addresses.conf", "cluster.conf")
    assert added == private | dict.fromkeys(open_ones, 0o644)
    assert "min-replicas-to-write 0\n" in (layout.cluster / "redis.conf").read_text()
    assert f"monitor imgbot {FIRST} 6379 2\n" in (layout.cluster / "sentinel.conf").read_text()
    assert f"IPAddressAllow={' '.join(ADDRESSES)}\n" in layout.cluster_drop_in.read_text()
    # Until the second server joins, there is no replica to wait for.
    assert server.ran[0].endswith("imgbot redis-cli SET img:alone 1")
    assert server.ran[-1] == "restart imgbot.service"
    # The secret is shown once, at the end, to be entered elsewhere.
    *steps, last = capsys.readouterr().out.splitlines()
    assert not any(plan.password in line for line in steps)
    assert last == url
    # Once more, it changes nothing and says the same.
    server.ran.clear()
    server.machine().init(ADDRESSES)
    assert (server.ran, capsys.readouterr().out.splitlines()[-1]) == ([], last)
    with pytest.raises(InstallError, match="another cluster"):
        server.machine().init((FIRST, SECOND, "127.0.0.5"))


def test_a_redis_without_room_on_its_disk_stays_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").touch()
    usage = Mock(side_effect=[Mock(free=free) for free in (0, 64 << 10, 1 << 30)])
    slept = Mock()
    monkeypatch.setattr(node.shutil, "disk_usage", usage)
    monkeypatch.setattr(node.time, "sleep", slept)
    monkeypatch.setattr(node.os, "execv", Mock(side_effect=SystemExit))

    with pytest.raises(SystemExit):
        node.become_server("redis", tmp_path, tmp_path / "conf")

    assert (usage.call_count, slept.call_count) == (3, 2)


def test_what_does_not_start_leaves_the_bot_as_it_was(server: Server) -> None:
    before = server.files
    server.restarts = [ServiceError("the service does not start")]

    with pytest.raises(ServiceError, match="does not start"):
        server.machine().init(ADDRESSES)

    assert server.files == before
    assert server.ran[-1] == "restart imgbot.service"


def test_the_leader_leaves_last_and_serves_alone_again(server: Server) -> None:
    before = server.files
    server.machine().init(ADDRESSES)
    server.state = state_of(primary_at(FIRST), replica_of())
    with pytest.raises(InstallError, match="handover"):
        server.machine().leave()

    server.state = state_of(primary_at(FIRST))
    server.ran.clear()
    # As a witness keeps it.
    record = server.layout.data / "record" / "appendonlydir"
    record.mkdir(parents=True)
    (record / "manifest").touch()
    server.machine().leave()

    assert server.files == before
    # A bot whose Redis is gone would wait for it before it ends.
    assert server.ran[0] == "systemctl stop imgbot.service"
    assert server.ran[-1] == "restart imgbot.service"


def test_a_handover_waits_until_the_sentinels_know_the_replica(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.machine().init(ADDRESSES)
    leader = f"7-abc {socket.gethostname()}"
    server.state = state_of(primary_at(FIRST, leader=leader), replica_of())
    answers = [StorageUnavailableError("NOGOODSLAVE No suitable replica to promote")]

    def stop(*_: object) -> None:
        server.state = state_of(primary_at(FIRST, leader="8-def other"), replica_of())

    async def fail_over(_url: object) -> bool:
        if answers:
            raise answers.pop()
        server.state = state_of(primary_at(SECOND, leader="8-def other"))
        return True

    monkeypatch.setattr(command, "supervisor_of", Mock(return_value=1))
    monkeypatch.setattr(command.os, "kill", stop)
    monkeypatch.setattr(command, "fail_over", fail_over)

    server.machine().hand_over()

    assert capsys.readouterr().out.splitlines()[-1].startswith("its Redis is the primary")


def test_a_server_without_everything_is_promoted_by_consent(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.machine().init(ADDRESSES)
    record = InSyncRecord(0.0, frozenset({f"{SECOND}:6379"}))
    register = AsyncMock(read=AsyncMock(return_value=record))
    is_reached = AsyncMock(return_value=True)
    monkeypatch.setattr(command, "Register", Mock(return_value=register))
    monkeypatch.setattr(command, "is_reachable", is_reached)
    monkeypatch.setattr(command, "promote", AsyncMock(return_value=True))
    since = "1970-01-01T00:00:00Z"
    with pytest.raises(InstallError, match=f"{SECOND}:6379 is up"):
        server.machine().promote(since)
    is_reached.return_value = False
    for machine in (server.machine(is_dry_run=True), server.machine()):
        with pytest.raises(InstallError, match=f"--accept-loss-since {since}"):
            machine.promote("1970-01-01T00:00:01Z")
    server.machine(is_dry_run=True).promote(since)
    register.change.assert_not_called()

    server.machine().promote(since)

    register.change.assert_awaited_once_with(record, [f"{FIRST}:6379"])
    # The witness has nothing to lead with.
    path = server.layout.cluster / "sentinel.conf"
    path.write_text(path.read_text().replace(f"bind {FIRST}", f"bind {THIRD}"))
    with pytest.raises(InstallError, match="is the witness"):
        server.machine().promote(since)


@pytest.mark.parametrize("addresses", [(SECOND, FIRST, THIRD), ADDRESSES])
def test_a_standby_follows_the_primary_of_now(
    server: Server, monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, str, str]
) -> None:
    monkeypatch.setattr(Machine, "_put_program", Mock())
    monkeypatch.setattr(command, "_follow", AsyncMock())
    with pytest.raises(InstallError, match="cluster init"):
        server.machine().join()
    # The second server has led before, and the first one is gone.
    server.layout.redis_url.write_text(ClusterPlan(addresses, "pw").url)
    server.state = state_of(primary_at(SECOND))
    data = server.layout.data / "redis/appendonlydir"
    data.mkdir(parents=True)
    with pytest.raises(InstallError, match="sudo rm"):
        server.machine().join()

    data.rmdir()
    with pytest.raises(InstallError, match=f"on {THIRD}: sudo ./imgbot cluster witness"):
        server.machine().join()
    monkeypatch.setattr(command, "_check_record", AsyncMock())
    server.machine().join()

    conf = (server.layout.cluster / "redis.conf").read_text()
    assert f"replicaof {SECOND} 6379\n" in conf
    assert "min-replicas-to-write 1\n" in conf


@pytest.mark.parametrize(
    "words", [[], ["10.0.0.1"], ["a", "b", "c"], ["10.0.0.1", "10.0.0.1", "10.0.0.2"]]
)
def test_three_addresses_are_asked_for(words: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"10\.0\.0\.1 10\.0\.0\.2 10\.0\.0\.3"):
        checked(words)


@pytest.mark.parametrize(
    "url",
    ["redis://h/0", "redis+sentinel://:pw@a,b,c/imgbot", "redis+sentinel://10.0.0.1/imgbot", ""],
)
def test_only_the_address_of_such_a_cluster_is_its_secret(url: str) -> None:
    with pytest.raises(ConfigError, match="imgbot cluster init"):
        plan_of(url)


def test_an_address_of_another_machine_is_refused(server: Server) -> None:
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1 is no address of this machine"):
        server.machine().init(("192.0.2.1", SECOND, THIRD))


REPLICA = {"ip": SECOND, "port": 6379, "state": "online", "offset": 90, "lag": 1}
SENTINELS = {Address(each, 26379): "OK 3 usable Sentinels" for each in ADDRESSES}


def primary_at(address: str, **changes: Any) -> RedisState:
    info = {"role": "master", "valkey_version": "9.1.2", "aof_enabled": 1, "slave0": REPLICA,
            "master_repl_offset": 100}  # fmt: skip
    config = {"min-replicas-to-write": "1"}
    about: dict[str, Any] = {"info": info, "config": config, "leader": "7-abc debian"}
    return RedisState(Address(address, 6379), **about | changes)


_REPLICA_INFO = {"role": "slave", "valkey_version": "9.1.2", "aof_enabled": 1}


def replica_of(**changes: Any) -> RedisState:
    about: dict[str, Any] = {"info": dict(_REPLICA_INFO)}
    return RedisState(Address(SECOND, 6379), **about | changes)


def state_of(
    *servers: RedisState,
    sentinels: Mapping[Address, str] = MappingProxyType({}),
    record: str | None = f"1800000000.000 {FIRST}:6379 {SECOND}:6379",
) -> ClusterState:
    return ClusterState(servers, sentinels, record, servers[0].address)


INFO = primary_at(FIRST).info


@pytest.mark.parametrize(
    ("servers", "sentinels", "says"),
    [
        ((primary_at(FIRST), replica_of()), SENTINELS, {}),
        (
            (primary_at(FIRST), replica_of()),
            SENTINELS | {Address(THIRD, 26379): ""},
            {"warning": "no Sentinel answers at 127.0.0.4:26379"},
        ),
        (
            (primary_at(FIRST), replica_of()),
            dict.fromkeys(SENTINELS, "NOQUORUM 1 usable Sentinels"),
            {"wrong": "no quorum"},
        ),
        (
            (primary_at(FIRST, info={**INFO, "slave0": None}),),
            SENTINELS,
            {"warning": "if it fails, the bot waits"},
        ),
        (
            (primary_at(FIRST, info={**INFO, "slave0": {**REPLICA, "lag": 9}}), replica_of()),
            SENTINELS,
            {"warning": "the replica is away"},
        ),
        (
            (primary_at(FIRST, config={"min-replicas-to-write": "0"}), replica_of()),
            SENTINELS,
            {"wrong": "min-replicas-to-write is not 1"},
        ),
        ((primary_at(FIRST, leader=""), replica_of()), SENTINELS, {"wrong": "no bot leads"}),
        ((primary_at(FIRST), replica_of(skew_s=-1.5)), SENTINELS, {"wrong": "-1.5 s off"}),
        (
            (primary_at(FIRST), replica_of(info={**_REPLICA_INFO, "aof_enabled": 0})),
            SENTINELS,
            {"wrong": "no append-only file"},
        ),
        (
            (primary_at(FIRST), replica_of(info={**_REPLICA_INFO, "valkey_version": "9.0.1"})),
            SENTINELS,
            {"wrong": "9.0.1, 9.1.2"},
        ),
        ((replica_of(),), SENTINELS, {"wrong": "no Redis is the primary"}),
    ],
)
def test_what_is_wrong_with_a_cluster_is_said(
    servers: tuple[RedisState, ...], sentinels: dict[Address, str], says: dict[str, str]
) -> None:
    found = {
        finding.level.value: finding.text
        for finding in judge_cluster(state_of(*servers, sentinels=sentinels))
        if finding.level is not Severity.OK
    }

    assert found.keys() == says.keys()
    assert all(words in found[level] for level, words in says.items())


ALONE, OUTDATED = f"1800000000 {FIRST}:6379", f"1800000000 {SECOND}:6379"
FORGOTTEN = {**_REPLICA_INFO, "slave_priority": 0}


@pytest.mark.parametrize(
    ("record", "replica", "level", "says"),
    [
        (None, replica_of(), Severity.WRONG, "the record does not answer"),
        ("", replica_of(), Severity.WRONG, "the witness has no record"),
        (ALONE, replica_of(), Severity.WARNING, f"{SECOND}:6379 lacks what {FIRST}:6379 has"),
        (OUTDATED, replica_of(), Severity.WRONG, f"{FIRST}:6379 lacks what {SECOND}:6379 has"),
        (None, replica_of(info=FORGOTTEN), Severity.WRONG, "the record does not answer"),
        (f"{ALONE} {SECOND}:6379", replica_of(info=FORGOTTEN), Severity.WARNING, "priority 0"),
    ],
)
def test_what_is_wrong_with_the_record_is_said(
    record: str | None, replica: RedisState, level: Severity, says: str
) -> None:
    servers = (primary_at(FIRST), replica)
    (finding,) = judge_cluster(state_of(*servers, sentinels=SENTINELS, record=record))

    assert finding.level is level
    assert says in finding.text


def test_the_server_that_is_waited_for_is_named() -> None:
    found = judge_cluster(state_of(RedisState(Address(FIRST, 6379)), replica_of(), record=ALONE))

    [finding] = (
        each for each in found if f"{SECOND}:6379 lacks what {FIRST}:6379 has" in each.text
    )
    assert "imgbot cluster promote" in finding.advice


def test_the_state_is_shown_in_lines() -> None:
    leads = primary_at(FIRST, leader="7-abc debian 1800000000.000 9.2")
    shown = cluster_lines(state_of(leads, replica_of(skew_s=0.25), sentinels=SENTINELS))

    assert shown[0] == "leader    debian (epoch 7) since 2027-01-15T08:00:00Z"
    recorded = f"in sync: {FIRST}:6379, {SECOND}:6379 since 2027-01-15T08:00:00Z"
    assert shown[1] == f"record    {recorded}"
    assert "10 bytes behind, last heard 1 s ago" in shown[3]
    assert "clock +0.250 s" in shown[3]
    # A bot of the release before says no more.
    assert cluster_lines(state_of(primary_at(FIRST), record=ALONE))[:2] == [
        "leader    debian (epoch 7)",
        f"record    only {FIRST}:6379 has everything since 2027-01-15T08:00:00Z",
    ]
