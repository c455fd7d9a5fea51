"""Looking at processes from outside, and waiting for them to end."""

import contextlib
import os
import select
from pathlib import Path

from tests.support.waiting import PATIENCE_S


def children_of(parent: int) -> dict[int, str]:
    """All descendants of a process, with their command lines."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                status = (folder / "stat").read_text()
                parents[int(folder.name)] = int(status.rpartition(")")[2].split()[1])
    found: dict[int, str] = {}
    wanted = {parent}
    while wanted:
        wanted = {child for child, owner in parents.items() if owner in wanted}
        for child in wanted:
            with contextlib.suppress(OSError):
                found[child] = (Path("/proc") / str(child) / "cmdline").read_text()
    return found


def is_gone(pid: int) -> bool:
    """Wait for a process of anybody's to end."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], PATIENCE_S)[0])
    finally:
        os.close(descriptor)


def pss_mib(pid: int) -> float:
    """A process's fair share of memory; 0 when it is gone."""
    with contextlib.suppress(OSError):
        for line in (Path("/proc") / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0
