"""Usage per process group, read from a /proc made for the test."""

import os
from pathlib import Path

import psutil
import pytest

from imgbot.ops.resource_usage import ProcessGroup, ProcessUsage, usage_by_part

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
BOT = 10


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    (tmp_path / "stat").write_text("btime 1\n")
    # It ended after it was listed.
    (tmp_path / "77").mkdir()
    return tmp_path


def _run(
    proc: Path, pid: int, parent: int, command: str, *, own_s: int = 0, ended_s: int = 0
) -> Path:
    """A process that used so much itself, and whose ended children used so much."""
    folder = proc / str(pid)
    folder.mkdir()
    own, ended = own_s * TICKS_PER_S // 2, ended_s * TICKS_PER_S // 2
    fields = ["S", parent, *[0] * 9, own, own, ended, ended, *[0] * 4, pid, 0, 3, *[0] * 20]
    (folder / "stat").write_text(f"{pid} ({command}) {' '.join(map(str, fields))}\n")
    (folder / "statm").write_text("9 3 0 0 0 0 0\n")
    (folder / "cmdline").write_text(command)
    return folder


def test_each_process_is_counted_where_it_belongs(proc: Path) -> None:
    _run(proc, BOT, 1, "imgbot) R 1 (x", own_s=8, ended_s=2)
    _run(proc, 11, BOT, "redis-server", own_s=4)
    _run(proc, 12, 11, "its rewrite")
    _run(proc, 13, BOT, "python3", ended_s=6)
    _run(proc, 14, 13, "python3", own_s=2)
    _run(proc, 99, 1, "redis-server", own_s=1000)

    used = usage_by_part(BOT)

    page3 = 3 * PAGE_BYTES
    assert used == {
        ProcessGroup.BOT: ProcessUsage(1, 10.0, page3),
        ProcessGroup.REDIS: ProcessUsage(2, 4.0, 2 * page3),
        ProcessGroup.WORKERS: ProcessUsage(2, 8.0, 2 * page3),
    }


def test_shared_memory_is_counted_in_shares(proc: Path) -> None:
    for pid, parent, kib in ((BOT, 1, 100), (13, BOT, 30), (14, 13, 20)):
        rollup = f"ffff-ffff ---p 0 0 0 [rollup]\nRss: 999 kB\nPss: {kib} kB\nSwap: 0 kB\n"
        (_run(proc, pid, parent, "python3") / "smaps_rollup").write_text(rollup)

    used = usage_by_part(BOT)

    assert used[ProcessGroup.BOT].memory_bytes == 100 * 1024
    assert used[ProcessGroup.WORKERS].memory_bytes == 50 * 1024
