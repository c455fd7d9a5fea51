"""`imgbot cluster`: each step is printed, then carried out, as `imgbot install` does.

The first server's data stay where they are: the append-only file of the bot's own Redis becomes
that of a service, which a second server replicates; a third one has a Sentinel, and a vote.
"""

import asyncio
import os
import secrets
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from imgbot.config.setting_types import Address, ClusterUrl
from imgbot.config.settings import Settings
from imgbot.config.sources import NO_TOKEN, SettingsSource
from imgbot.domain.errors import ConfigError, StorageUnavailableError
from imgbot.ops.cluster.plan import (
    REDIS_PORT,
    SENTINEL_PORT,
    ClusterPlan,
    check_is_here,
    checked,
    plan_of,
)
from imgbot.ops.doctor.cluster import SETTINGS_LINE, cluster_lines, judge_cluster
from imgbot.ops.doctor.command import Report
from imgbot.ops.formatting import say
from imgbot.ops.install.answers import Answers, read_secret
from imgbot.ops.install.command import (
    Steps,
    check_root_and_systemd,
    put_cluster_unit,
    put_files,
    put_program,
    rollback_target,
    switch,
    tidy,
    with_drop_in,
)
from imgbot.ops.install.release import InstallError, check_python, running_release
from imgbot.ops.installation import (
    CLUSTER_UNITS,
    RECORD_UNIT,
    REDIS_UNIT,
    SENTINEL_UNIT,
    UNIT,
    Layout,
    environ_of_service,
)
from imgbot.ops.service import ServiceError, is_active, restart
from imgbot.ops.state_directory import supervisor_of
from imgbot.storage import keys
from imgbot.storage.client import connect
from imgbot.storage.server.cluster import (
    SILENCE,
    ClusterState,
    RedisState,
    fail_over,
    forget_missing,
    is_reachable,
    look,
    promote,
    require_replica,
)
from imgbot.storage.server.guard import Guard
from imgbot.storage.server.record import InSyncRecord, Register

_T = TypeVar("_T")
_URL = "IMGBOT_REDIS_URL"
_SYNC_S, _LOOK_EVERY_S = 120.0, 0.05
_HANDOVER_S = 150.0
"""The leader serves on until its orders are answered that could not be recovered."""


def manage(
    action: str,
    addresses: list[str],
    *,
    secret_file: str | None,
    accept_loss_since: str | None,
    is_dry_run: bool,
) -> int:
    """Do what the operator asks; return the exit status. Raises ImgbotError."""
    if addresses and action != "init":
        raise ConfigError(f"cluster {action}", "takes no address")
    machine = Machine(Layout(), is_dry_run=is_dry_run)
    if action == "status":
        return machine.show_status()
    if not is_dry_run:
        check_root_and_systemd(f"cluster {action}")
    actions: dict[str, Callable[[], None]] = {
        "init": lambda: machine.init(checked(addresses)),
        "join": machine.join,
        "witness": lambda: machine.witness(secret_file),
        "handover": machine.hand_over,
        "promote": lambda: machine.promote(accept_loss_since),
        "leave": machine.leave,
    }
    actions[action]()
    if is_dry_run:
        say("nothing is changed")
    return 0


class Machine:
    """This machine, as a member of a cluster, or one that becomes a member."""

    def __init__(self, layout: Layout, *, is_dry_run: bool = False) -> None:
        self._layout, self._is_dry_run = layout, is_dry_run
        self._steps = Steps(is_dry_run=is_dry_run)

    def init(self, addresses: tuple[str, str, str]) -> None:
        """Turn the bot that runs here into the leader of a cluster. Raises InstallError."""
        layout, own = self._layout, addresses[0]
        stored = self._stored()
        if stored.redis_address:
            plan = plan_of(stored.redis_address)
            if plan.addresses != addresses:
                raise InstallError("this server is in another cluster: sudo imgbot cluster leave")
        else:
            plan = ClusterPlan(addresses, secrets.token_hex(24))
        if not layout.unit.exists() or not layout.current.exists():
            raise InstallError("the bot is not installed here: sudo imgbot install")
        check_is_here(own)
        if not stored.redis_address:
            # Until the second server joins, there is no replica to wait for.
            self._steps.run(str(layout.command), "redis-cli", "SET", keys.ALONE, "1")
            conf = plan.redis_conf(own, own, stored.redis_memory_bytes, has_replica=False)
            self._put_member(plan, own, {"redis": conf, "sentinel": plan.sentinel_conf(own, own)})
            try:
                self._start_member()
            except (InstallError, ServiceError):
                say("it does not work: going back")
                self._remove_member()
                restart(UNIT)
                raise
        if not self._is_dry_run:
            say(_next_after_init(plan))

    def join(self) -> None:
        """Become the standby of the cluster that the settings name. Raises InstallError."""
        layout, stored = self._layout, self._stored()
        plan = self._plan(stored.redis_address)
        url = ClusterUrl.parse(plan.url)
        state = asyncio.run(look(url))
        primary = self._primary_of(state, plan)
        # The first one may have handed over, and left.
        own = plan.addresses[int(primary == plan.addresses[0])]
        check_is_here(own)
        if not is_active(REDIS_UNIT):
            self._check_may_follow(stored.state_dir)
            asyncio.run(_check_record(url))
        answers = with_drop_in(Answers(), layout, is_dry_run=self._is_dry_run)
        self._put_program(answers)
        conf = plan.redis_conf(own, primary, stored.redis_memory_bytes, has_replica=True)
        self._put_member(plan, own, {"redis": conf, "sentinel": plan.sentinel_conf(own, primary)})
        self._steps.run("systemctl", "daemon-reload")
        self._steps.run("systemctl", "enable", "--quiet", "--now", REDIS_UNIT, SENTINEL_UNIT)
        says = "wait until the data are here"
        self._steps.take(says, lambda: asyncio.run(_follow(plan, own)))
        self._start_member()
        say("This server stands by. Look at all: sudo imgbot cluster status")
        if state.primary and state.primary.lead.host == socket.gethostname():
            say("note: both servers have the same name; change one: hostnamectl hostname NAME")

    def witness(self, secret_file: str | None) -> None:
        """Run the third Sentinel and the record here. Raises InstallError, ConfigError."""
        layout = self._layout
        prompt = f"{_URL}, as `imgbot cluster init` has printed it (not shown): "
        if secret_file is None and layout.redis_url.exists():
            plan = plan_of(layout.redis_url.read_text(encoding="utf-8").strip())
        else:
            plan = read_secret(secret_file, prompt, plan_of)
        own = plan.addresses[2]
        check_is_here(own)
        primary = self._primary_of(asyncio.run(look(ClusterUrl.parse(plan.url))), plan)
        release = running_release(layout)
        check_python(release.python)
        put_program(self._steps, release, layout)
        switch(self._steps, release.name, None, layout)
        tidy(self._steps, {release.name}, layout)
        configs = {"sentinel": plan.sentinel_conf(own, primary), "record": plan.record_conf(own)}
        self._put_member(plan, own, configs)
        self._steps.run("systemctl", "daemon-reload")
        self._steps.run("systemctl", "enable", "--now", SENTINEL_UNIT, RECORD_UNIT)
        say("This server is the witness. Look at all: sudo imgbot cluster status")

    def show_status(self) -> int:
        url = self._stored().redis_address
        if not url:
            say("no cluster: this bot has a Redis of its own")
            return 0
        state = asyncio.run(look(ClusterUrl.parse(url)))
        report = Report(judge_cluster(state))
        say("\n".join([*cluster_lines(state), report.text()]))
        return report.exit_status

    def hand_over(self) -> None:
        """Have the other machine lead, and its Redis be the primary, as before an upgrade."""
        stored = self._stored()
        url = ClusterUrl.parse(self._plan(stored.redis_address).url)
        self._steps.take("hand over", lambda: asyncio.run(self._move(url, stored.state_dir)))

    def promote(self, accepted: str | None) -> None:
        """Have this server lead that lacks something. Raises InstallError."""
        plan = self._plan(self._stored().redis_address)
        url, own = ClusterUrl.parse(plan.url), Address(self._own(), REDIS_PORT)
        if own.host not in plan.addresses[:2]:
            raise InstallError("this server is the witness: it has no data")
        record = asyncio.run(_record_without(own, url, accepted))
        says = "have this server lead"
        self._steps.take(says, lambda: asyncio.run(_promote(url, own, record)))

    def leave(self) -> None:
        """Undo what made this machine a member; its data stay. Raises InstallError."""
        plan = self._plan(self._stored().redis_address)
        url = ClusterUrl.parse(plan.url)
        state = asyncio.run(look(url))
        own = self._own()
        is_primary = state.primary is not None and state.primary.address.host == own
        if is_primary and len([each for each in state.servers if each.info]) > 1:
            raise InstallError(
                "this server has the primary, and another one its replica: on that one, first: "
                "sudo imgbot cluster leave; or here: sudo imgbot cluster handover"
            )
        is_bot_stopping = not is_primary and self._layout.unit.exists()
        if is_primary:
            # A bot whose Redis is gone would wait for it before it ends.
            self._steps.run("systemctl", "stop", UNIT)
        elif is_bot_stopping:
            # Two bots with the same token would take each other's updates.
            self._steps.run("systemctl", "disable", "--now", UNIT)
        self._remove_member()
        if is_primary:
            self._steps.take(f"restart {UNIT} and wait until it is ready", restart, UNIT)
        else:
            has_data = own in plan.addresses[:2]
            says = "have the others go on without it"
            self._steps.take(says, lambda: asyncio.run(_forget(url, has_data=has_data)))
        if is_bot_stopping:
            say(f"the bot is stopped here; data and settings stay: {self._layout.data}")

    def _stored(self) -> Settings:
        """Read the settings of the installed service."""
        environ = environ_of_service(os.environ, self._layout.settings, self._layout.data)
        return SettingsSource(environ, NO_TOKEN).read()

    def _plan(self, url: str) -> ClusterPlan:
        if not url:
            raise InstallError(
                "this server is in no cluster; first, on the server with the bot: "
                "sudo imgbot cluster init LEADER STANDBY WITNESS, which says what to do next"
            )
        return plan_of(url)

    def _own(self) -> str:
        """Return the address of this machine in its cluster."""
        path = self._layout.cluster / "sentinel.conf"
        if not path.exists():
            raise InstallError("this server is no member of the cluster")
        return path.read_text(encoding="utf-8").split()[1]

    def _primary_of(self, state: ClusterState, plan: ClusterPlan) -> str:
        if state.primary is not None:
            return state.primary.address.host
        first = Address(plan.addresses[0], SENTINEL_PORT)
        raise InstallError(
            f"no Sentinel and primary answer at {first}: is the first server up, and do its "
            f"firewall and the network let {REDIS_PORT} and {SENTINEL_PORT} through?"
        )

    def _check_may_follow(self, state_dir: Path) -> None:
        """Raise InstallError if data would be lost here by following another server."""
        if is_active(UNIT):
            raise InstallError(f"a bot runs here: sudo systemctl disable --now {UNIT}")
        data = state_dir / "redis" / "appendonlydir"
        if data.exists():
            raise InstallError(
                f"{data} has the data of a bot, which would be replaced by those of the cluster; "
                f"if they are not needed: sudo rm -r {data.parent}"
            )

    def _put_program(self, answers: Answers) -> None:
        layout, steps = self._layout, self._steps
        if not self._is_dry_run and not layout.token.exists():
            raise InstallError(
                "the settings are missing; on the first server: "
                f"{SETTINGS_LINE.format('THIS-SERVER')}"
            )
        release = running_release(layout)
        check_python(release.python)
        rollback = rollback_target(release.name, layout, is_fresh=True)
        put_files(steps, release, answers, layout)
        switch(steps, release.name, rollback, layout)
        tidy(steps, {release.name, rollback}, layout)

    def _put_member(self, plan: ClusterPlan, own: str, configs: dict[str, str]) -> None:
        """Write what the units of a member need; the servers change their own copies."""
        layout, steps = self._layout, self._steps
        if not layout.cluster.is_dir():
            steps.make_folder(layout.cluster, 0o700)
        for part, text in configs.items():
            path = layout.cluster / f"{part}.conf"
            if not path.exists():
                steps.write(f"the configuration of {part} at {own}", path, text, 0o600)
        if not layout.redis_url.exists():
            steps.make_folder(layout.settings, 0o755)
            steps.make_folder(layout.credentials, 0o700)
            steps.write("the address of the Sentinels", layout.redis_url, f"{plan.url}\n", 0o600)
        put_cluster_unit(steps, layout)
        allow = f"[Service]\nIPAddressAllow={' '.join(plan.addresses)}\n"
        self._put_drop_in(layout.cluster_drop_ins / "addresses.conf", allow)
        if "redis" in configs:
            units = f"{REDIS_UNIT} {SENTINEL_UNIT}"
            after = f"[Unit]\nWants={units}\nAfter={units}\n"
            self._put_drop_in(layout.cluster_drop_in, f"{after}{allow}")

    def _put_drop_in(self, path: Path, text: str) -> None:
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            self._steps.make_folder(path.parent, 0o755)
            self._steps.write("the drop-in for the cluster", path, text, 0o644)

    def _start_member(self) -> None:
        steps = self._steps
        steps.run("systemctl", "daemon-reload")
        steps.run("systemctl", "enable", "--quiet", UNIT, REDIS_UNIT, SENTINEL_UNIT)
        # Its own Redis ends with the bot; the service starts after that, with the same data.
        steps.take(f"restart {UNIT} and wait until it is ready", restart, UNIT)

    def _remove_member(self) -> None:
        layout, steps = self._layout, self._steps
        steps.run("systemctl", "disable", "--now", *CLUSTER_UNITS)
        steps.remove_all([layout.redis_url, layout.cluster_drop_in, layout.cluster])
        steps.remove_all([layout.cluster_unit, layout.cluster_drop_ins])
        # Another cluster's would keep the bot here from leading.
        steps.remove_all([layout.data / "record"])
        steps.run("systemctl", "daemon-reload")

    async def _move(self, url: ClusterUrl, state_dir: Path) -> None:
        before = await look(url)
        primary = before.primary
        if primary is None or not primary.leader or not primary.replicas:
            raise InstallError("there is nobody to hand over to: sudo imgbot cluster status")
        began_s, host = time.monotonic(), primary.lead.host
        if host != socket.gethostname():
            say(f"{host} leads already")
            return
        pid = supervisor_of(state_dir)
        if not pid:
            raise InstallError(f"the bot that leads is not to be found with {state_dir}")
        os.kill(pid, signal.SIGUSR1)
        other = partial(_other_leader, url, primary.leader)
        leader = await _until(other, "no other bot took over", _HANDOVER_S)
        say(f"{leader} leads after {time.monotonic() - began_s:.1f} s")
        if primary.address.host != self._own():
            return
        began_s = time.monotonic()
        # Sentinels learn only every ten seconds that a replica has caught up.
        await _until(lambda: fail_over(url), "the Sentinels do not move the primary")
        await _until(lambda: _other_primary(url, primary.address), "the Redis did not move")
        say(f"its Redis is the primary after {time.monotonic() - began_s:.1f} s")


async def _until(
    probe: Callable[[], Awaitable[_T | None]], otherwise: str, wait_s: float = 30.0
) -> _T:
    """Return the first answer that is true. Raises ServiceError."""
    until_s = time.monotonic() + wait_s
    while time.monotonic() < until_s:
        with suppress(StorageUnavailableError, *SILENCE):
            if found := await probe():
                return found
        await asyncio.sleep(_LOOK_EVERY_S)
    raise ServiceError(f"{otherwise} within {wait_s:.0f} s: sudo imgbot cluster status")


async def _other_leader(url: ClusterUrl, former: str) -> str:
    primary = (await look(url)).primary
    return primary.lead.host if primary and primary.leader != former else ""


async def _other_primary(url: ClusterUrl, former: Address) -> bool:
    primary = (await look(url)).primary
    return primary is not None and primary.address != former


async def _check_record(url: ClusterUrl) -> None:
    """Raise InstallError without a witness that knows which server has everything."""
    async with aclosing(Register(url)) as register:
        try:
            record = await register.read()
        except StorageUnavailableError as error:
            record, why = None, str(error)
        else:
            why = f"the witness has no record yet: does the bot run at {url.servers[0].host}?"
    if record is None:
        raise InstallError(f"{why}; first, on {url.witness.host}: sudo ./imgbot cluster witness")


async def _follow(plan: ClusterPlan, own: str) -> None:
    """Wait until the Redis here has all data; from then on the primary wants it to be there."""
    url = ClusterUrl.parse(plan.url)
    redis, register = connect(plan.url), Register(url)
    guard = Guard(redis, register)

    async def primary_with_replica() -> RedisState | None:
        await guard.step()
        primary = (await look(url)).primary
        near = (each for each in primary.replicas if each.get("ip") == own) if primary else ()
        is_here = any(each.get("state") == "online" for each in near)
        return primary if is_here else None

    async with aclosing(redis), aclosing(register), aclosing(guard):
        primary = await _until(primary_with_replica, "the data did not come", _SYNC_S)
    # The leader takes writes alone while the replica is away; a restart must not begin so.
    await require_replica(url, primary.address, is_there=True)


async def _forget(url: ClusterUrl, *, has_data: bool) -> None:
    """Let the others go on without this member; with its data the replica goes."""
    if has_data and (primary := (await look(url)).primary) is not None:
        with suppress(StorageUnavailableError):
            await require_replica(url, primary.address, is_there=False)
    await forget_missing(url)


async def _record_without(own: Address, url: ClusterUrl, accepted: str | None) -> InSyncRecord:
    """Return the record that does not name this server, if the loss since then is accepted.

    Raises InstallError, StorageUnavailableError.
    """
    async with aclosing(Register(url)) as register:
        record = await register.read()
    if record is None or str(own) in record.members:
        raise InstallError("this server has everything: it leads once it can, by itself")
    [other] = record.members
    if await is_reachable(url, other):
        raise InstallError(f"{other} is up, and has everything: nothing needs to be given up")
    since = datetime.fromtimestamp(record.since_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if accepted != since:
        raise InstallError(
            f"this server lacks what was accepted since {since}, which {other} has: start "
            "that one. If it is gone for good, switch it off, and give that up: "
            f"sudo imgbot cluster promote --accept-loss-since {since}"
        )
    return record


async def _promote(url: ClusterUrl, own: Address, record: InSyncRecord) -> None:
    async with aclosing(Register(url)) as register:
        await register.change(record, [str(own)])
    await _until(lambda: promote(url, own), "the Sentinels do not name this server", _SYNC_S)


def _next_after_init(plan: ClusterPlan) -> str:
    first, second, third = plan.addresses
    return (
        f"This server, {first}, leads. Next, with ./imgbot as it was installed from:\n"
        f"  here: {SETTINGS_LINE.format(second)}\n"
        f"  on {third}: sudo ./imgbot cluster witness, and enter the secret below\n"
        f"  on {second}: sudo ./imgbot cluster join\n"
        f"{plan.url}"
    )
