"""CPU time and memory of the bot, its workers and its Redis.

The control group gives the total alone, and not on every kernel; this works wherever there is
/proc. Memory is the proportional set size: pages that workers share are counted once.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

import psutil
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


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
    """Return the proportional set size, the resident one where that may not be read."""
    try:
        return process.memory_full_info().pss
    except (psutil.Error, OSError, AttributeError):  # the last two: a kernel without smaps
        return process.memory_info().rss
