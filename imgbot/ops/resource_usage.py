"""CPU, memory and disk that the bot uses: of its unit, of its processes, and what is left.

The process collector of prometheus_client sees the supervisor alone. Where there is no unified
control group (a container, an old kernel), the figures of the unit are absent; those of the
processes need /proc alone, and say which part uses what.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class CgroupCollector(Collector):
    """Reads the files of the control group at each scrape; register it with the registry."""

    def __init__(
        self, proc: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")
    ) -> None:
        self._folder = _own_folder(proc, mount)

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("imgbot_cpu_cores", "Cores that may be used.", _cores(self._folder))
        yield GaugeMetricFamily(
            "imgbot_memory_limit_bytes",
            "Memory that may be used: MemoryMax, or all that the machine has.",
            _memory_limit(self._folder),
        )
        if self._folder is None:
            return
        cpu = _fields(self._folder / "cpu.stat")
        if "usage_usec" in cpu:
            yield CounterMetricFamily(
                "imgbot_cgroup_cpu_seconds",
                "CPU time of the whole unit.",
                cpu["usage_usec"] / 1_000_000,
            )
        yield from _memory(self._folder)


def _memory(folder: Path) -> Iterator[Metric]:
    current = _number(folder / "memory.current")
    if current is None:
        return
    # The page cache is released on demand: it is not memory in use.
    cache = _fields(folder / "memory.stat").get("inactive_file", 0)
    yield GaugeMetricFamily(
        "imgbot_cgroup_memory_bytes", "Memory of the whole unit.", max(0, current - cache)
    )
    limit = _number(folder / "memory.max")
    if limit is not None:
        yield GaugeMetricFamily("imgbot_cgroup_memory_max_bytes", "MemoryMax of the unit.", limit)
    events = _fields(folder / "memory.events")
    if "oom_kill" in events:
        yield CounterMetricFamily(
            "imgbot_cgroup_oom_kills", "Processes killed for want of memory.", events["oom_kill"]
        )


def _own_folder(proc: Path, mount: Path) -> Path | None:
    for line in _lines(proc):
        if line.startswith("0::/"):
            folder = mount / line.removeprefix("0::/")
            # The root group has no figures of its own; they would be the machine's.
            return folder if (folder / "memory.current").exists() else None
    return None


def _cores(folder: Path | None) -> float:
    cores = float(len(os.sched_getaffinity(0)))
    text = _first_line(folder / "cpu.max") if folder is not None else ""
    quota, _, period = text.partition(" ")
    if quota.isdecimal() and period.isdecimal() and int(period):
        return min(cores, int(quota) / int(period))
    return cores


def _memory_limit(folder: Path | None) -> int:
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = _number(folder / "memory.max") if folder is not None else None
    return machine if limit is None else min(machine, limit)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []


def _first_line(path: Path) -> str:
    return next(iter(_lines(path)), "")


def _number(path: Path) -> int | None:
    text = _first_line(path)
    return int(text) if text.isdecimal() else None


def _fields(path: Path) -> dict[str, int]:
    pairs = (line.partition(" ") for line in _lines(path))
    return {name: int(value) for name, _, value in pairs if value.isdecimal()}


class ProcessGroup(StrEnum):
    """Purpose of a process."""

    BOT = "bot"
    WORKERS = "workers"  # with the server that forks them
    REDIS = "redis"


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """Usage of all processes of one group; `cpu_s` includes their ended children."""

    processes: int = 0
    cpu_s: float = 0.0
    memory_bytes: int = 0


class ProcessesCollector(Collector):
    """Prometheus collector over the process tree below this process."""

    def collect(self) -> Iterator[Metric]:
        used = usage_by_part(os.getpid())
        count = GaugeMetricFamily("imgbot_processes", "Processes.", labels=["part"])
        cpu = CounterMetricFamily("imgbot_processes_cpu_seconds", "CPU time.", labels=["part"])
        memory = GaugeMetricFamily(
            "imgbot_processes_memory_bytes", "Proportional set size (PSS).", labels=["part"]
        )
        for part, usage in used.items():
            count.add_metric([part], usage.processes)
            cpu.add_metric([part], usage.cpu_s)
            memory.add_metric([part], usage.memory_bytes)
        yield from (count, cpu, memory)


def usage_by_part(root: int) -> Mapping[ProcessGroup, ProcessUsage]:
    """Return the usage of a process and its descendants; a group without processes uses nothing."""
    used = dict.fromkeys(ProcessGroup, ProcessUsage())
    groups: dict[int, ProcessGroup] = {}
    for process in _tree(root):
        # One that has ended since it was listed is not counted.
        with suppress(psutil.NoSuchProcess), process.oneshot():
            group = groups[process.pid] = (
                ProcessGroup.BOT if process.pid == root else _group_of(process, groups)
            )
            cpu_s, memory_bytes = sum(process.cpu_times()[:4]), _memory_bytes(process)
            usage = used[group]
            used[group] = ProcessUsage(
                usage.processes + 1, usage.cpu_s + cpu_s, usage.memory_bytes + memory_bytes
            )
    return used


def _tree(root: int) -> list[psutil.Process]:
    """Return a process and its descendants, each parent before its children."""
    try:
        process = psutil.Process(root)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _group_of(process: psutil.Process, groups: Mapping[int, ProcessGroup]) -> ProcessGroup:
    # A Redis that rewrites its file forks, and its child may bear another name.
    is_below_redis = groups.get(process.ppid()) is ProcessGroup.REDIS
    if is_below_redis or process.name().startswith(("redis", "valkey")):
        return ProcessGroup.REDIS
    return ProcessGroup.WORKERS


def _memory_bytes(process: psutil.Process) -> int:
    """Return the proportional set size, or the resident one if that cannot be read."""
    try:
        return process.memory_full_info().pss
    except (psutil.Error, OSError, AttributeError):  # the last two: a kernel without smaps
        return process.memory_info().rss


LEAST_FREE_BYTES = 64 << 20
"""With less, Redis and the pictures on their way fill the disk within minutes."""

LEAST_FREE_FILES = 500
"""Inodes; a job has some ten files at a time."""


def place_of(folder: Path) -> Path:
    """Return the folder itself, or the nearest one above it that exists."""
    for place in (folder, *folder.parents):
        if place.exists():
            return place
    return Path("/")


def free_files(folder: Path) -> int | None:
    """Return the number of free inodes, None where the file system has no fixed number."""
    found = os.statvfs(folder)
    return found.f_favail if found.f_files else None


def disk_problem(folder: Path) -> str:
    """Say in a sentence that the disk is full, or nearly; empty when it is not."""
    place = place_of(folder)
    free_bytes, files = shutil.disk_usage(place).free, free_files(place)
    if free_bytes < LEAST_FREE_BYTES:
        return f"{free_bytes >> 20} MB left in {folder}; free some space, see `imgbot doctor`"
    if files is not None and files < LEAST_FREE_FILES:
        return f"{files} free inodes in {folder}; remove some files, see `imgbot doctor`"
    return ""
