"""How much room is left, in bytes and in files."""

import os
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from imgbot.ops.resource_usage import disk_problem


@pytest.mark.parametrize(
    ("files", "free", "said"),
    [(1_000_000, 12, "12 free inodes"), (1_000_000, 900_000, ""), (0, 0, "")],
    ids=["used up", "plenty", "made as they are needed"],
)
def test_a_disk_without_inodes_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int, free: int, said: str
) -> None:
    room = {"f_frsize": 4096, "f_blocks": 10**9, "f_bfree": 10**9, "f_bavail": 10**9}
    seen = SimpleNamespace(**room, f_files=files, f_favail=free)
    monkeypatch.setattr(os, "statvfs", Mock(return_value=seen))

    found = disk_problem(tmp_path)

    assert found.startswith(said)
    assert bool(found) is bool(said)
