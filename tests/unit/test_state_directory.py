"""The state directory: filled by a restore, closed to others, with room left on its disk."""

import os
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from imgbot.domain.errors import ConfigError
from imgbot.ops import state_directory
from imgbot.ops.resource_usage import disk_problem
from imgbot.ops.state_directory import instance_lock


@pytest.mark.parametrize("name", ["loadtest.json", "lock", "moved", "redis", "restore.part"])
def test_what_is_a_places_own_comes_with_no_backup(tmp_path: Path, name: str) -> None:
    unpacked, here = tmp_path / "unpacked", tmp_path / "here"
    (unpacked / name).mkdir(parents=True)
    (unpacked / "pictures").mkdir()
    (here / name).mkdir(parents=True)
    (here / name / "mine").touch()

    state_directory.replace_state(unpacked, here)

    assert sorted(path.name for path in here.iterdir()) == sorted([name, "pictures"])
    assert (here / name / "mine").exists()


@pytest.mark.parametrize("name", ["lock", "moved"])
def test_a_link_in_the_way_of_roots_own_file_leads_nowhere(tmp_path: Path, name: str) -> None:
    victim = tmp_path / "passwd"
    victim.write_text("root")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / name).symlink_to(victim)

    with suppress(ConfigError), instance_lock(tmp_path / "state", ""):
        state_directory.mark_moved(tmp_path / "state", "imgbot.tar.gz")

    assert victim.read_text() == "root"


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
