"""CPU, memory and disk that the bot uses: of its control group, of its processes, and what is left.

Where there is no unified control group (a container, an old kernel), its figures are absent; those
of the processes need /proc alone, and say which part uses what.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import psutil
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from imgbot.files import text_of


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


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """Usage of the machine; None: unknown."""

    source: str = "unknown"
    """`unit`: the control group's figures; `processes`: the sum over them; or `unknown`."""
    cpu_s: float | None = None
    """Of the whole, since its start."""
    cores: float | None = None
    """Number that may be used."""
    memory_bytes: float | None = None
    memory_limit_bytes: float | None = None
    """Limit: the unit's, or all memory of the machine."""
    has_limit: bool = False
    """True if the unit has a limit of its own."""
    parts_bytes: Mapping[str, float] = field(default_factory=dict[str, float])
    """Memory of the bot, its workers, its Redis."""


class ResourceCollector(Collector):
    """Reads the control group and the process tree, for the status and at each scrape."""

    def __init__(
        self, proc: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")
    ) -> None:
        self._folder = _own_folder(proc, mount)

    def usage(self) -> ResourceUsage:
        """Prefer the figures of the unit's control group; else add up those of the processes."""
        unit, parts = _unit_figures(self._folder), usage_by_part(os.getpid())
        is_of_unit = "cgroup_memory_bytes" in unit
        memory_bytes = sum(part.memory_bytes for part in parts.values())
        return ResourceUsage(
            source="unit" if is_of_unit else "processes",
            cpu_s=unit.get("cgroup_cpu_seconds", sum(part.cpu_s for part in parts.values())),
            cores=unit["cpu_cores"],
            memory_bytes=unit.get("cgroup_memory_bytes", memory_bytes),
            memory_limit_bytes=unit["memory_limit_bytes"],
            has_limit="cgroup_memory_max_bytes" in unit,
            parts_bytes={name: part.memory_bytes for name, part in parts.items()},
        )

    def collect(self) -> Iterator[Metric]:
        for name, value in _unit_figures(self._folder).items():
            is_counter = name.endswith(("_seconds", "_kills"))
            kind = CounterMetricFamily if is_counter else GaugeMetricFamily
            yield kind(f"imgbot_{name}", _UNIT_METRICS[name], value)
        count = GaugeMetricFamily("imgbot_processes", "Processes.", labels=["part"])
        cpu = CounterMetricFamily("imgbot_processes_cpu_seconds", "CPU time.", labels=["part"])
        memory = GaugeMetricFamily(
            "imgbot_processes_memory_bytes", "Proportional set size (PSS).", labels=["part"]
        )
        for part, usage in usage_by_part(os.getpid()).items():
            count.add_metric([part], usage.processes)
            cpu.add_metric([part], usage.cpu_s)
            memory.add_metric([part], usage.memory_bytes)
        yield from (count, cpu, memory)


_UNIT_METRICS = {
    "cpu_cores": "Cores that may be used.",
    "memory_limit_bytes": "Memory that may be used: MemoryMax, or all that the machine has.",
    "cgroup_cpu_seconds": "CPU time of the whole unit.",
    "cgroup_memory_bytes": "Memory of the whole unit.",
    "cgroup_memory_max_bytes": "MemoryMax of the unit.",
    "cgroup_oom_kills": "Processes killed for want of memory.",
}


def _unit_figures(folder: Path | None) -> dict[str, float]:
    cores, machine_bytes = float(len(os.sched_getaffinity(0))), psutil.virtual_memory().total
    found: dict[str, float] = {"cpu_cores": cores, "memory_limit_bytes": machine_bytes}
    if folder is None:
        return found
    quota, _, period = text_of(folder / "cpu.max").strip().partition(" ")
    if quota.isdecimal() and period.isdecimal() and int(period):
        found["cpu_cores"] = min(cores, int(quota) / int(period))
    limit = text_of(folder / "memory.max").strip()
    if limit.isdecimal():
        found["cgroup_memory_max_bytes"] = int(limit)
        found["memory_limit_bytes"] = min(machine_bytes, int(limit))
    if usec := _fields(folder / "cpu.stat").get("usage_usec"):
        found["cgroup_cpu_seconds"] = usec / 1_000_000
    if (current := text_of(folder / "memory.current").strip()).isdecimal():
        # The page cache is released on demand: it is not memory in use.
        cache = _fields(folder / "memory.stat").get("inactive_file", 0)
        found["cgroup_memory_bytes"] = max(0, int(current) - cache)
    if (kills := _fields(folder / "memory.events").get("oom_kill")) is not None:
        found["cgroup_oom_kills"] = kills
    return found


def _own_folder(proc: Path, mount: Path) -> Path | None:
    for line in text_of(proc).splitlines():
        if line.startswith("0::/"):
            folder = mount / line.removeprefix("0::/")
            # The root group has no figures of its own; they would be the machine's.
            return folder if (folder / "memory.current").exists() else None
    return None


def _fields(path: Path) -> dict[str, int]:
    pairs = (line.partition(" ") for line in text_of(path).splitlines())
    return {name: int(value) for name, _, value in pairs if value.isdecimal()}


def usage_by_part(root: int) -> Mapping[ProcessGroup, ProcessUsage]:
    """Return the usage of a process and its descendants; a group without processes uses nothing."""
    used = dict.fromkeys(ProcessGroup, ProcessUsage())
    groups: dict[int, ProcessGroup] = {}
    try:
        top = psutil.Process(root)
        tree = [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return used
    # Each parent comes before its children.
    for process in tree:
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


def nearest_folder(folder: Path) -> Path:
    """Return the folder itself, or the nearest one above it that exists."""
    return next(place for place in (folder, *folder.parents, Path("/")) if place.exists())


def disk_problem(folder: Path) -> str:
    """Say in a sentence that the disk is full, or nearly; empty when it is not."""
    disk = os.statvfs(nearest_folder(folder))
    free_bytes = disk.f_bavail * disk.f_frsize
    if free_bytes < LEAST_FREE_BYTES:
        return f"{free_bytes >> 20} MB left in {folder}; free some space"
    # A file system without a fixed number of inodes says that it has none.
    if disk.f_files and disk.f_favail < LEAST_FREE_FILES:
        return f"{disk.f_favail} free inodes in {folder}; remove some files"
    return ""
