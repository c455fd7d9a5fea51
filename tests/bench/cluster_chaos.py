"""What dies, what happens, and how many seconds it takes: a cluster under load, scene by scene.

`make cluster-chaos RUNS=100`, or `python -m tests.bench.cluster_chaos 3 frozen disk` for some of
the scenes, three times each. Whatever happens: one charge and one picture for each request.
"""

import argparse
import asyncio
import signal
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgbot.config.setting_types import ClusterUrl
from imgbot.storage.server.cluster import fail_over
from tests.crash.test_supervisor_killed import all_pictures
from tests.fixtures.machines import Machine, Machines, open_machines
from tests.fixtures.sandbox import Control
from tests.fixtures.waiting import eventually

_BEFORE, _AFTER = 5, 3
"""Requests that wait when it happens, and those that come then."""

_DISK_MB = 500


@dataclass(frozen=True, slots=True)
class Scene:
    """Something that happens to a cluster, how long it lasts, and what it is on."""

    says: str
    happens: Callable[[Machines], Coroutine[Any, Any, None]]
    hold_s: float = 12.0
    clocks: tuple[str, str] = ("", "")
    """How far those of the leader and of the standby are ahead, for libfaketime."""
    has_small_disk: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """Longest wait for an answer, seconds until all was done, and whether another machine led."""

    answered_s: float
    done_s: float
    has_moved: bool


async def act(scene: Scene) -> Outcome:
    """Play a scene. Raises AssertionError for a promise that is broken."""
    with tempfile.TemporaryDirectory() as name, _disk(Path(name), scene):
        async with (
            open_machines(Path(name), scene.clocks) as cluster,
            Control(cluster.sandbox.url) as control,
        ):
            try:
                return await _act(scene, cluster, control)
            except BaseException:
                for machine in cluster.all:
                    print(machine.logs, flush=True)
                raise


async def _act(scene: Scene, cluster: Machines, control: Control) -> Outcome:
    await control.set_provider(duration_s=[0.6, 0.9])
    people = [await control.make_user(f"P{number}") for number in range(_BEFORE + _AFTER)]
    for person in people[:_BEFORE]:
        await control.say(person, "a fox")
    await eventually(lambda: _charges(control), what="an order")
    begun_s = time.monotonic()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(_longest_wait_s(control, scene.hold_s))
        group.create_task(scene.happens(cluster))
        await asyncio.sleep(0.05)
        for person in people[_BEFORE:]:
            await control.say(person, "a fox")
    has_moved = cluster.standby.has_led
    await cluster.mend()
    await eventually(
        lambda: all_pictures(control, people),
        lambda counts: all(count >= 1 for count in counts),
        what="a picture for everybody",
    )
    done_s = time.monotonic() - begun_s
    await cluster.until_complete()
    ledger = (await control.provider())["ledger"]
    charged = [entry["client_id"] for entry in ledger]
    assert len(charged) == len(set(charged)) == len(people), charged
    assert await all_pictures(control, people) == [1] * len(people)
    assert (await control.calls())["violations"] == []
    return Outcome(asking.result(), done_s, has_moved)


async def _longest_wait_s(control: Control, hold_s: float) -> float:
    """Ask twice a second; return how long the unluckiest has waited for an answer."""

    async def ask() -> float:
        asked_s, asker = time.monotonic(), await control.make_user("Asker")
        await control.say(asker, "/limits")
        await control.wait_message(asker.id)
        return time.monotonic() - asked_s

    until_s = time.monotonic() + hold_s
    async with asyncio.TaskGroup() as group:
        asked: list[asyncio.Task[float]] = []
        while time.monotonic() < until_s:
            asked.append(group.create_task(ask()))
            await asyncio.sleep(0.5)
    return max(each.result() for each in asked)


async def _charges(control: Control) -> int:
    return len((await control.provider())["ledger"])


@contextmanager
def _disk(folder: Path, scene: Scene) -> Iterator[None]:
    """Give the leader a small disk of its own, where the scene fills it."""
    if not scene.has_small_disk:
        yield
        return
    state = folder / "m1" / "state"
    state.mkdir(parents=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", str(state)], check=True
    )
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(state)], check=True)


async def _kill_leader(cluster: Machines) -> None:
    assert cluster.leader.bot
    await cluster.leader.bot.kill()


async def _kill_redis(*machines: Machine) -> None:
    for machine in machines:
        machine.kill("redis")
    # As soon as its unit does.
    await asyncio.sleep(0.3)
    for machine in machines:
        machine.start("redis")


async def _lose_redis(cluster: Machines) -> None:
    cluster.leader.kill("redis")


async def _freeze(cluster: Machines) -> None:
    cluster.leader.signal(signal.SIGSTOP)


async def _cut(one: Machine, *others: Machine) -> None:
    one.cut(*others)


async def _fill_disk(cluster: Machines) -> None:
    """Leave no room on the leader's disk; systemd starts its Redis again, ever later."""
    full = cluster.leader.folder / "state" / "full"
    with full.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    # As its unit does; once the other Redis is the primary, this one stays.
    for delay_s in (0.2, 0.5, 1.0, 2.2, 4.7):
        if not await asyncio.to_thread(cluster.leader.wait, "redis", 10.0):
            break
        await asyncio.sleep(delay_s)
        cluster.leader.start("redis")
    full.unlink()


async def _hand_over(cluster: Machines) -> None:
    bot = cluster.leader.bot
    assert bot
    bot.signal(signal.SIGUSR1)
    await bot.wait()
    await fail_over(ClusterUrl.parse(cluster.plan.url))


SCENES = {
    "process": Scene("the leader's process is killed", _kill_leader),
    "machine": Scene("the leader's machine dies", lambda on: on.leader.power_off()),
    "redis": Scene(
        "its Redis alone is killed, and starts again", lambda on: _kill_redis(on.leader)
    ),
    "lost-redis": Scene("its Redis alone is killed, and stays away", _lose_redis),
    "both-redis": Scene(
        "both Redis are killed, and start again", lambda on: _kill_redis(on.leader, on.standby)
    ),
    "standby": Scene("the standby's machine dies", lambda on: on.standby.power_off()),
    "witness": Scene("the witness dies", lambda on: on.witness.power_off()),
    "leader-standby": Scene(
        "no network between leader and standby", lambda on: _cut(on.leader, on.standby)
    ),
    "leader-witness": Scene(
        "no network between leader and witness", lambda on: _cut(on.leader, on.witness)
    ),
    "standby-witness": Scene(
        "no network between standby and witness", lambda on: _cut(on.standby, on.witness)
    ),
    "split": Scene(
        "the leader is cut off from both, and reaches Telegram",
        lambda on: _cut(on.leader, on.standby, on.witness),
        hold_s=20.0,
    ),
    "frozen": Scene("the leader's machine is frozen for 60 s, and wakes", _freeze, hold_s=60.0),
    "clock": Scene(
        "the standby's clock is 5 s ahead, and the leader's machine dies",
        lambda on: on.leader.power_off(),
        clocks=("", "+5s"),
    ),
    "clock-leader": Scene(
        "the leader's clock is 5 s ahead, and its machine dies",
        lambda on: on.leader.power_off(),
        clocks=("+5s", ""),
    ),
    "disk": Scene("the leader's disk is full", _fill_disk, hold_s=25.0, has_small_disk=True),
    "handover": Scene("planned: handover", _hand_over),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=int, default=1, nargs="?")
    parser.add_argument("scenes", nargs="*", default=[*SCENES])
    options = parser.parse_args()
    seen: dict[str, list[Outcome]] = defaultdict(list)
    for run in range(options.runs):
        for name in options.scenes:
            outcome = asyncio.run(act(SCENES[name]))
            seen[name].append(outcome)
            print(f"{run + 1} {name}: {outcome}", flush=True)
    print("| what dies | seconds without an answer (median, longest) | the other leads |")
    print("|---|---|---|")
    for name, outcomes in seen.items():
        times = sorted(each.answered_s for each in outcomes)
        median_s = times[len(times) // 2]
        moved = sum(each.has_moved for each in outcomes)
        print(f"| {SCENES[name].says} | {median_s:.1f}, {times[-1]:.1f} | {moved}/{len(times)} |")


if __name__ == "__main__":
    main()
