"""CPU and memory of a process and all that it started, where no control group counts them."""

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_MOST_PROCESSES = 1000
"""More than the pool may have, by far; a tree that is larger is not ours."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What is used of the machine; None: not known."""

    source: str = "unknown"
    """`unit`: the control group's figures; `processes`: the sum over them; or `unknown`."""
    cpu_s: float | None = None
    """Of all processes, since their start."""
    cores: float | None = None
    """How many may be used."""
    memory_bytes: float | None = None
    memory_limit_bytes: float | None = None


def usage_of_tree(proc: Path = Path("/proc"), root: int = 0) -> Usage:
    """Add up the process `root` (0: this one) and its descendants; shared memory counts once."""
    tree = _tree(proc, root or os.getpid())
    if not tree:
        return Usage()
    memory = [_memory_bytes(proc / str(pid)) for pid in tree]
    known = [size for size in memory if size is not None]
    return Usage(
        source="processes",
        cpu_s=sum(tree.values()) / _TICKS_PER_S,
        cores=float(len(os.sched_getaffinity(0))),
        memory_bytes=sum(known) if known else None,
    )


def machine_memory_bytes(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Return how much memory the machine has."""
    return _kib_field(meminfo, "MemTotal:")


def _tree(proc: Path, root: int) -> dict[int, int]:
    """Return the processes of a tree with the ticks that each has used."""
    children: dict[int, list[int]] = defaultdict(list)
    ticks: dict[int, int] = {}
    for stat in proc.glob("[0-9]*/stat"):
        # The command's name, in parentheses, may hold anything.
        fields = _text(stat).rpartition(")")[2].split()
        if len(fields) < 15:
            continue
        pid = int(stat.parent.name)
        children[int(fields[1])].append(pid)
        # Its own and those of the children that have ended: nothing is lost, nothing counted twice.
        ticks[pid] = sum(int(value) for value in fields[11:15])
    found: dict[int, int] = {}
    wanted = [root]
    while wanted and len(found) < _MOST_PROCESSES:
        pid = wanted.pop()
        if pid in ticks and pid not in found:
            found[pid] = ticks[pid]
            wanted += children[pid]
    return found


def _memory_bytes(folder: Path) -> int | None:
    """Return a process's proportional share, else what is resident."""
    share = _kib_field(folder / "smaps_rollup", "Pss:")
    return share if share is not None else _kib_field(folder / "status", "VmRSS:")


def _kib_field(path: Path, name: str) -> int | None:
    for line in _text(path).splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
