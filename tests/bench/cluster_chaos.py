"""What happens to a cluster under load, and what its users see of it, scene by scene.

`make cluster-chaos RUNS=10`, or `python -m tests.bench.cluster_chaos 3 frozen disk` for some of the
scenes, three times each; `seed-7` is a scene with two failures drawn at random, `--seeds 20` are
twenty of them. Prints a table. Whatever happens: each order is charged at most once and ends in
one picture or one reason, and what users have set is kept; else the logs are kept, and it fails.
"""

import argparse
import asyncio
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.cluster_load import Figures, Load
from tests.fixtures.machines import Machine, Machines, open_machines

GAP_S = 12.0
_BEFORE_S, _AFTER_S = 6.0, 8.0
"""For which orders come before anything happens, and after all is mended."""

_DISK_MB = 500

ACTS: Mapping[str, Callable[..., Awaitable[None]]] = {
    "off": Machine.power_off,
    "on": Machine.power_on,
    "kill": Machine.kill,
    "lose": Machine.lose,
    "freeze": Machine.freeze,
    "wake": Machine.wake,
    "cut": Machine.cut,
    "heal": Machine.heal,
    "offline": Machine.go_offline,
    "online": Machine.go_online,
    "fill": Machine.fill,
    "free": Machine.free,
    "handover": Machine.hand_over,
}


@dataclass(frozen=True, slots=True)
class Scene:
    """What happens to a cluster: `steps` like "0 off standby; 18 off leader", with the seconds.

    The machines have the names of what they are at its begin. After `until_s` all is mended.
    """

    says: str
    steps: str
    until_s: float
    is_up: bool = True
    """At each moment a machine that has everything is up, with a majority: pictures go on."""
    clocks: tuple[str, str] = ("", "")
    """How far those of the leader and of the standby are ahead, for libfaketime."""

    @property
    def has_small_disks(self) -> bool:
        return " fill " in self.steps


_ONE_FAILURE = {
    "process": Scene("the leader's process is killed", "0 kill leader bot", 15),
    "machine": Scene("the leader's machine dies", "0 off leader", 20),
    "redis": Scene("its Redis alone is killed, and starts again", "0 kill leader redis", 10),
    "lost-redis": Scene("its Redis alone is killed, and stays away", "0 lose leader redis", 15),
    "both-redis": Scene(
        "both Redis are killed, and start again", "0 kill leader redis; 0 kill standby redis", 12
    ),
    "standby": Scene("the standby's machine dies", "0 off standby", 20),
    "away": Scene("the standby's machine is away for 75 s", "0 off standby; 75 on standby", 85),
    "witness": Scene("the witness dies", "0 off witness", 15),
    "leader-standby": Scene("no network between leader and standby", "0 cut leader standby", 20),
    "leader-witness": Scene("no network between leader and witness", "0 cut leader witness", 15),
    "standby-witness": Scene("no network between standby and witness", "0 cut standby witness", 15),
    "split": Scene(
        "the leader is cut off from both, and reaches Telegram", "0 cut leader standby witness", 20
    ),
    "frozen": Scene("the leader's machine is frozen for 60 s, and wakes", "0 freeze leader", 60),
    "clock": Scene(
        "the standby's clock is 5 s ahead, and the leader's machine dies",
        "0 off leader", 25, clocks=("", "+5s"),
    ),
    "clock-leader": Scene(
        "the leader's clock is 5 s ahead, and its machine dies",
        "0 off leader", 25, clocks=("+5s", ""),
    ),
    "disk": Scene("the leader's disk is full for 15 s", "0 fill leader; 15 free leader", 25),
    "offline": Scene(
        "the leader reaches neither Telegram nor a provider for 30 s",
        "0 offline leader; 30 online leader", 35,
    ),
    "handover": Scene("planned: handover", "0 handover leader", 10),
}  # fmt: skip

_TWO_FAILURES = {
    "bots": Scene(
        "the leader's process is killed, then that of the new leader",
        "0 kill leader bot; 12 kill standby bot", 30,
    ),
    "crossed": Scene(
        "the leader's process is killed; then no network between the new leader and its primary",
        "0 kill leader bot; 14 cut leader standby", 40,
    ),
    "machine-bot": Scene(
        "the leader's machine dies, then the process of the new leader",
        "0 off leader; 15 kill standby bot", 35,
    ),
    "both-machines": Scene(
        "the leader's machine dies and returns, then that of the new leader dies",
        "0 off leader; 20 on leader; 35 off standby", 50,
    ),
    "stale": Scene(
        "standby away, the leader's machine dies; the standby returns alone, then the leader",
        "0 off standby; 18 off leader; 21 on standby; 45 on leader", 55, is_up=False,
    ),
    "away-die": Scene(
        "standby away, the leader's machine dies and returns, then the standby",
        "0 off standby; 18 off leader; 35 on leader; 50 on standby", 55, is_up=False,
    ),
    "return-die": Scene(
        "standby away; 2 s after its return the leader's machine dies",
        "0 off standby; 20 on standby; 22 off leader; 45 on leader", 55, is_up=False,
    ),
    "cut-20": Scene(
        "no network between leader and standby for 20 s, then the leader's machine dies",
        "0 cut leader standby; 20 off leader; 45 on leader", 55, is_up=False,
    ),
    "cut-48": Scene(
        "no network between leader and standby for 48 s, then the leader's machine dies",
        "0 cut leader standby; 48 off leader; 73 on leader", 83, is_up=False,
    ),
    "cut-20-heal": Scene(
        "the same for 20 s, 10 s after which the leader's machine dies",
        "0 cut leader standby; 20 heal leader standby; 30 off leader", 50,
    ),
    "cut-48-heal": Scene(
        "the same for 48 s, 10 s after which the leader's machine dies",
        "0 cut leader standby; 48 heal leader standby; 58 off leader", 78,
    ),
    "cut-twice": Scene(
        "no network between leader and standby, twice; then the leader's machine dies",
        "0 cut leader standby; 15 heal leader standby; 25 cut leader standby;"
        " 40 off leader; 60 on leader", 70, is_up=False,
    ),
    "witness-bot": Scene(
        "witness away, the leader's process is killed", "0 off witness; 10 kill leader bot", 30
    ),
    "witness-standby": Scene(
        "witness away, the standby's machine dies and returns",
        "0 off witness; 10 off standby; 35 on standby", 45, is_up=False,
    ),
    "witness-leader": Scene(
        "witness away, the leader's machine dies; the witness returns",
        "0 off witness; 10 off leader; 35 on witness", 55, is_up=False,
    ),
    "link-standby": Scene(
        "no network between leader and witness, the standby's machine dies and returns",
        "0 cut leader witness; 10 off standby; 35 on standby", 45, is_up=False,
    ),
    "link-leader": Scene(
        "no network between standby and witness, the leader's machine dies and returns",
        "0 cut standby witness; 10 off leader; 35 on leader", 45, is_up=False,
    ),
    "power-leader": Scene(
        "all three without power; the leader is back 30 s after the others",
        "0 off leader; 0 off standby; 0 off witness; 5 on standby; 5 on witness; 35 on leader",
        45, is_up=False,
    ),
    "power-standby": Scene(
        "all three without power; the standby is back 30 s after the others",
        "0 off leader; 0 off standby; 0 off witness; 5 on leader; 5 on witness; 35 on standby",
        45, is_up=False,
    ),
    "power-witness": Scene(
        "all three without power; the witness is back 30 s after the others",
        "0 off leader; 0 off standby; 0 off witness; 5 on leader; 5 on standby; 35 on witness",
        45, is_up=False,
    ),
    "disks": Scene(
        "the leader's disk is full for 15 s, and later the standby's",
        "0 fill leader; 15 free leader; 35 fill standby; 50 free standby", 60,
    ),
    "frozen-standby": Scene(
        "the leader's machine is frozen, that of the new leader dies; the first one wakes",
        "0 freeze leader; 20 off standby; 35 wake leader; 55 on standby", 65, is_up=False,
    ),
    "clock-cut": Scene(
        "the leader's clock is 5 s ahead; cut off from the standby for 20 s, then its machine dies",
        "0 cut leader standby; 20 heal leader standby; 30 off leader", 50, clocks=("+5s", ""),
    ),
}  # fmt: skip

SCENES = _ONE_FAILURE | _TWO_FAILURES

_NAMES = ("leader", "standby", "witness")
_FAILURES = (
    *((f"off {name}", f"on {name}") for name in _NAMES),
    *((f"freeze {name}", f"wake {name}") for name in _NAMES),
    *((f"fill {name}", f"free {name}") for name in ("leader", "standby")),
    *((f"kill {name} {part}", "") for name in ("leader", "standby") for part in ("bot", "redis")),
    *((f"cut {one}", f"heal {one}") for one in (
        "leader standby", "leader witness", "standby witness",
        "leader standby witness", "standby leader witness", "witness leader standby",
    )),
)  # fmt: skip
"""Each with what undoes it."""


def drawn(seed: int) -> Scene:
    """Draw two different failures; each begins within half a minute, and lasts as long at most."""
    dice = random.Random(seed)
    steps: list[tuple[int, str]] = []
    for failure, undo in dice.sample(_FAILURES, 2):
        begin_s = dice.randint(0, 30)
        steps.append((begin_s, failure))
        if undo:
            steps.append((begin_s + dice.randint(3, 30), undo))
    timeline = "; ".join(f"{at_s} {words}" for at_s, words in sorted(steps))
    return Scene(f"drawn: {timeline}", timeline, until_s=65, is_up=False)


def scene_of(name: str) -> Scene:
    kind, _, seed = name.partition("-")
    return drawn(int(seed)) if kind == "seed" else SCENES[name]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures of a scene, and what explains them."""

    figures: Figures
    has_moved: bool
    """Another machine led."""
    remarks: list[str]
    """Of a broken promise: where the logs are, and each order that is not good."""


async def act(scene: Scene) -> Outcome:
    """Play a scene."""
    with tempfile.TemporaryDirectory() as name, _disks(Path(name), scene):
        async with open_machines(Path(name), scene.clocks) as cluster:
            load = Load(cluster.sandbox)
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(load.watch())
                ordering = group.create_task(load.keep_ordering())
                await load.begin()
                await asyncio.sleep(_BEFORE_S)
                await _play(scene, cluster)
                has_moved = cluster.standby.has_led
                await cluster.mend()
                await asyncio.sleep(_AFTER_S)
                load.end()
                ordering.cancel()
                is_complete = await _is_complete(cluster)
                await load.settle(cluster.plan.url)
                watching.cancel()
            figures = await load.figures(is_complete=is_complete)
            remarks = [f"logs: {_keep_logs(cluster)}", *load.oddities()] if figures.broken else []
            return Outcome(figures, has_moved, remarks)


async def _is_complete(cluster: Machines) -> bool:
    try:
        await cluster.until_complete()
    except AssertionError:
        return False
    return True


async def _play(scene: Scene, cluster: Machines) -> None:
    machines = dict(zip(_NAMES, cluster.all, strict=True))
    clock = asyncio.get_running_loop().time
    begun_s = clock()
    for step in scene.steps.split("; "):
        at_s, verb, *words = step.split()
        await asyncio.sleep(begun_s + float(at_s) - clock())
        await ACTS[verb](*(machines.get(word, word) for word in words))
    await asyncio.sleep(begun_s + scene.until_s - clock())


def _keep_logs(cluster: Machines) -> Path:
    kept = Path(tempfile.mkdtemp(prefix="cluster-chaos-"))
    for machine in cluster.all:
        for log in machine.logs:
            shutil.copy(log, kept / f"m{machine.number}-{log.name}")
    return kept


@contextmanager
def _disks(folder: Path, scene: Scene) -> Iterator[None]:
    """Give leader and standby small disks of their own, where the scene fills them."""
    states = [folder / f"m{number}" / "state" for number in (1, 2)] if scene.has_small_disks else []
    for state in states:
        state.mkdir(parents=True)
        words = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", str(state)]
        subprocess.run(words, check=True)
    try:
        yield
    finally:
        for state in states:
            subprocess.run(["umount", "--lazy", str(state)], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=int, default=1, nargs="?")
    parser.add_argument("scenes", nargs="*")
    parser.add_argument("--seeds", type=int, default=0, help="so many scenes drawn at random")
    options = parser.parse_args()
    seeds = [f"seed-{number + 1}" for number in range(options.seeds)]
    names = [*options.scenes, *seeds] or [*SCENES]
    seen: dict[str, Figures] = {}
    for run in range(options.runs):
        for name in names:
            outcome = asyncio.run(act(scene_of(name)))
            print(f"{run + 1} {name}: {outcome.figures}", *outcome.remarks, sep="\n", flush=True)
            seen[name] = seen.get(name, Figures()) + outcome.figures
    print(*table(seen), sep="\n")
    return int(any(figures.broken for figures in seen.values()))


def table(seen: Mapping[str, Figures]) -> list[str]:
    """The figures in Markdown; bold is what must not be."""
    rows = [
        ["what happens", *(name.replace("_", " ") for name in Figures.names())],
        ["---"] * (len(Figures.names()) + 1),
    ]
    for name, figures in seen.items():
        scene = scene_of(name)
        bad = {*figures.broken, *(_not_served(figures) if scene.is_up else ())}
        cells = [f"{getattr(figures, each)}" for each in Figures.names()]
        marked = (f"**{cell}**" if each in bad else cell
                  for each, cell in zip(Figures.names(), cells, strict=True))  # fmt: skip
        rows.append([f"{name}: {scene.says}", *marked])
    return [f"| {' | '.join(row)} |" for row in rows]


def _not_served(figures: Figures) -> list[str]:
    """Names of the figures that are too high where a machine was up all the time."""
    most = {"refused": 0, "longest_gap_s": GAP_S}
    return [name for name, limit in most.items() if getattr(figures, name) > limit]


if __name__ == "__main__":
    sys.exit(main())
