"""CPU and memory of the bot, its workers and its Redis, each by what the kernel says of it.

The control group knows the whole alone, and not on every kernel; this is known wherever
there is /proc. Memory is the proportional share: what workers share is counted once.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class ProcessGroup(StrEnum):
    """What a process of the unit is for."""

    BOT = "bot"
    WORKERS = "workers"  # with the server that forks them
    REDIS = "redis"


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """Of all processes of one part; `cpu_s` holds that of their ended children."""

    processes: int = 0
    cpu_s: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int
    command: str
    cpu_s: float
    resident_bytes: int


class ProcessesCollector(Collector):
    """Looks at the process tree below `root` (this process) at each scrape."""

    def __init__(self, root: int | None = None, proc: Path = Path("/proc")) -> None:
        self._root = root
        self._proc = proc

    def collect(self) -> Iterator[Metric]:
        used = usage_by_part(self._root or os.getpid(), self._proc)
        count = GaugeMetricFamily("imgbot_processes", "Processes.", labels=["part"])
        cpu = CounterMetricFamily("imgbot_processes_cpu_seconds", "CPU time.", labels=["part"])
        memory = GaugeMetricFamily(
            "imgbot_processes_memory_bytes", "Memory, what is shared in shares.", labels=["part"]
        )
        for part, usage in used.items():
            count.add_metric([part], usage.processes)
            cpu.add_metric([part], usage.cpu_s)
            memory.add_metric([part], usage.memory_bytes)
        yield from (count, cpu, memory)


def usage_by_part(root: int, proc: Path = Path("/proc")) -> Mapping[ProcessGroup, ProcessUsage]:
    """Return what a process and all below it use; a part without processes uses nothing."""
    used = dict.fromkeys(ProcessGroup, ProcessUsage())
    for process, part in _parts(root, _processes(proc)):
        usage = used[part]
        used[part] = replace(
            usage,
            processes=usage.processes + 1,
            cpu_s=usage.cpu_s + process.cpu_s,
            memory_bytes=usage.memory_bytes + _memory_bytes(proc, process),
        )
    return used


def _parts(root: int, processes: Mapping[int, _Process]) -> Iterator[tuple[_Process, ProcessGroup]]:
    children: dict[int, list[int]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process.pid)
    waiting = [(root, ProcessGroup.BOT)] if root in processes else []
    while waiting:
        pid, part = waiting.pop()
        yield processes[pid], part
        below = children.get(pid, ())
        waiting.extend((child, _part_of(processes[child], part)) for child in below)


def _part_of(process: _Process, parent: ProcessGroup) -> ProcessGroup:
    # A Redis that rewrites its file forks, and its child may bear another name.
    if parent is ProcessGroup.REDIS or process.command.startswith(("redis", "valkey")):
        return ProcessGroup.REDIS
    return ProcessGroup.WORKERS


def _processes(proc: Path) -> dict[int, _Process]:
    found: dict[int, _Process] = {}
    for folder in proc.iterdir():
        if folder.name.isdecimal() and (process := _read(int(folder.name), folder / "stat")):
            found[process.pid] = process
    return found


def _read(pid: int, stat: Path) -> _Process | None:
    try:
        text = stat.read_text(encoding="utf-8", errors="replace")
    except OSError:
        # It has ended since the folder was listed.
        return None
    # The command may itself hold spaces and brackets.
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    ticks = sum(map(int, fields[11:15]))
    resident_bytes = int(fields[21]) * _PAGE_BYTES
    return _Process(
        pid, int(fields[1]), head.partition("(")[2], ticks / _TICKS_PER_S, resident_bytes
    )


def _memory_bytes(proc: Path, process: _Process) -> int:
    """Return its share of memory; where that may not be read, all that it holds."""
    try:
        with (proc / str(process.pid) / "smaps_rollup").open(encoding="ascii") as lines:
            for line in lines:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return process.resident_bytes
