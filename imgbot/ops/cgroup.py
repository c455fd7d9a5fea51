"""CPU and memory of the whole unit, supervisor and workers, from its own control group.

The process collector of prometheus_client sees the supervisor alone. Where there is no
unified control group (a container, an old kernel) these figures are absent; `processes`
adds up what each process uses.
"""

import os
from collections.abc import Iterator
from pathlib import Path

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
    # The page cache is given back whenever somebody needs it: it is not memory in use.
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
