"""Plays seeds, and makes the first one that fails smaller: `python -m tests.simulation --help`."""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, fields
from functools import partial

from imgbot.telegram.lazy_models import import_aiogram
from tests.simulation import marks
from tests.simulation.bugs import BUGS
from tests.simulation.plan import Plan, plan_of
from tests.simulation.world import play

_AT_ONCE = 20
_SMALLER_RUNS = 150


@dataclass
class Tally:
    """What came of some seeds: those that failed, their number, jobs and marks."""

    failed: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    seeds: int = 0
    jobs: int = 0
    marks: Counter[str] = field(default_factory=Counter[str])

    def add(self, other: "Tally") -> None:
        self.failed += other.failed
        self.seeds += other.seeds
        self.jobs += other.jobs
        self.marks += other.marks


def play_seeds(seeds: Sequence[int], bug: str = "") -> Tally:
    """Play seeds, the first of them twice: both runs are to be the same."""
    tally = Tally()
    marks.REACHED.clear()
    with BUGS[bug].patched() if bug else nullcontext():
        for seed in seeds:
            report = play(plan_of(seed))
            tally.seeds += 1
            tally.jobs += report.jobs
            if report.violations:
                tally.failed.append((seed, report.violations[0]))
                if bug:
                    break
            elif seed == seeds[0] and play(plan_of(seed)).trace != report.trace:
                tally.failed.append((seed, "two runs differ"))
    tally.marks.update(marks.REACHED)
    return tally


def play_all(first: int, count: int, processes: int) -> Tally:
    """Play many seeds, in several processes."""
    tally = Tally()
    chunks = [
        range(at, min(at + _AT_ONCE, first + count)) for at in range(first, first + count, _AT_ONCE)
    ]
    with multiprocessing.get_context("fork").Pool(processes, maxtasksperchild=20) as pool:
        for each in pool.imap_unordered(play_seeds, chunks):
            tally.add(each)
            for seed, violation in each.failed:
                print(f"seed {seed}: {violation}", flush=True)
    return tally


def smaller(plan: Plan) -> Plan:
    """The smallest plan found that still fails in the same way."""
    kind, runs = _kind_of(plan), 0
    found = True
    while found and runs < _SMALLER_RUNS:
        found = False
        for each in plan.smaller():
            runs += 1
            if _kind_of(each) == kind:
                plan, found = each, True
                break
            if runs >= _SMALLER_RUNS:
                break
    return plan


def _kind_of(plan: Plan) -> str:
    violations = play(plan).violations
    return "".join(each for each in violations[0] if not each.isdigit()) if violations else ""


def explain(seed: int, bug: str) -> bool:
    """Replay a seed, print a smaller plan that fails, and all that happens in it."""
    with BUGS[bug].patched() if bug else nullcontext():
        plan = plan_of(seed)
        report = play(plan)
        if not report.violations:
            print(f"seed {seed} holds: trace {report.trace}, {report.jobs} jobs")
            return True
        plan = smaller(plan)
        report = play(plan, keeps_lines=True)
        print(*report.lines, sep="\n")
        for each in fields(plan):
            if each.repr:
                print(f"{each.name}: {getattr(plan, each.name)}")
        is_same = play(plan).trace == report.trace
        print(f"trace {report.trace}{'' if is_same else ', and another one in a second run'}")
    return False


def detect(names: Sequence[str], most: int, processes: int) -> bool:
    """Print at which seed each bug is found; whether all are."""
    find = partial(_find, most)
    with multiprocessing.get_context("fork").Pool(processes, maxtasksperchild=1) as pool:
        found = list(pool.imap(find, names, chunksize=1))
    print(f"{sum(found)} of {len(found)} bugs are found")
    return all(found)


def _find(most: int, name: str) -> bool:
    began_s = time.process_time()
    failed = play_seeds(range(most), name).failed
    seed, violation = failed[0] if failed else ("", "NOT FOUND")
    took_s = time.process_time() - began_s
    print(f"{name:30} seed {seed:>3} {took_s:4.0f} s  {violation[:90]}", flush=True)
    return bool(failed)


def main() -> int:
    parser = argparse.ArgumentParser("tests.simulation")
    parser.add_argument("--seeds", type=int, default=200, help="how many are played")
    parser.add_argument("--first", type=int, default=0, help="the first one")
    parser.add_argument("--seed", type=int, help="replay this one, and make it smaller")
    parser.add_argument("--bug", default="", choices=["", *BUGS], help="with this bug put in")
    parser.add_argument("--bugs", nargs="*", choices=[*BUGS, []], help="find these bugs, or all")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    told = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Sets of texts are in the same order in each run then.
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])
    import_aiogram()
    if told.seed is not None:
        return not explain(told.seed, told.bug)
    if told.bugs is not None:
        return not detect(told.bugs or list(BUGS), told.seeds, told.processes)
    began_s = time.perf_counter()
    tally = play_all(told.first, told.seeds, told.processes)
    took_s = time.perf_counter() - began_s
    for name, count in sorted(tally.marks.items()):
        print(f"{count:7} {name}")
    print(
        f"{tally.seeds} seeds, {tally.jobs} jobs, {len(tally.failed)} failed, {took_s:.0f} s: "
        f"{60 * tally.seeds / took_s:.0f} seeds a minute"
    )
    return bool(tally.failed)


if __name__ == "__main__":
    sys.exit(main())
