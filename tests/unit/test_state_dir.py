"""The state directory: filled by a restore, closed to others, with room left on its disk."""

import os
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from imgbot.domain.errors import ConfigError
from imgbot.ops import state_dir as state
from imgbot.ops.resource_usage import disk_problem
from imgbot.ops.state_dir import instance_lock


@pytest.mark.parametrize("name", ["loadtest.json", "lock", "moved", "redis", "restore.part"])
def test_what_is_a_places_own_comes_with_no_backup(tmp_path: Path, name: str) -> None:
    unpacked, here = tmp_path / "unpacked", tmp_path / "here"
    (unpacked / name).mkdir(parents=True)
    (unpacked / "pictures").mkdir()
    (here / name).mkdir(parents=True)
    (here / name / "mine").touch()

    state.put(unpacked, here)

    assert sorted(path.name for path in here.iterdir()) == sorted([name, "pictures"])
    assert (here / name / "mine").exists()


_SERVICE = 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_root_wrote_is_the_services_and_nothing_behind_a_link_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, roots = tmp_path / "private", tmp_path / "etc"
    for folder in (private / "jobs", roots):
        folder.mkdir(parents=True)
        (folder / "passwd").touch()
    (private / "link").symlink_to(roots / "passwd")
    (tmp_path / "state").symlink_to(private)
    os.chown(private, _SERVICE, _SERVICE)
    chown, swapped = os.chown, private / "jobs"

    def swap_and_chown(*given: Any, **named: Any) -> None:
        # The owner of the folder, between the look at a path and its use.
        if not swapped.is_symlink():
            swapped.rename(private / "old")
            swapped.symlink_to(roots)
        chown(*given, **named)

    state.chown_to_service(tmp_path / "state")
    given = {path.name: path.lstat().st_uid for path in private.rglob("*")}
    for path in (swapped, swapped / "passwd"):
        chown(path, 0, 0)
    monkeypatch.setattr(os, "chown", swap_and_chown)
    state.chown_to_service(tmp_path / "state")

    assert given == {"jobs": _SERVICE, "passwd": _SERVICE, "link": _SERVICE}
    assert swapped.is_symlink()
    assert (roots.stat().st_uid, (roots / "passwd").stat().st_uid) == (0, 0)


@pytest.mark.parametrize("name", ["lock", "moved"])
def test_a_link_in_the_way_of_roots_own_file_leads_nowhere(tmp_path: Path, name: str) -> None:
    victim = tmp_path / "passwd"
    victim.write_text("root")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / name).symlink_to(victim)

    with suppress(ConfigError), instance_lock(tmp_path / "state", ""):
        state.mark_moved(tmp_path / "state", "imgbot.tar.gz")

    assert victim.read_text() == "root"


@pytest.mark.parametrize("trouble", ["a link", "open to others", "somebody else's"])
def test_a_folder_that_somebody_else_has_made_is_not_taken_for_ours(
    tmp_path: Path, trouble: str
) -> None:
    made, named = tmp_path / "made", tmp_path / "named"
    made.mkdir(mode=0o700)
    match trouble:
        case "a link":
            named.symlink_to(made)
        case "open to others":
            made.rename(named).chmod(0o770)
        case _ if os.geteuid() == 0:
            os.chown(made.rename(named), _SERVICE, _SERVICE)
        case _:
            pytest.skip("only root can give a folder away")

    with pytest.raises(ConfigError, match="IMGBOT_STATE_DIR"), state.anchored(named, is_ours=True):
        pass


def test_an_anchored_folder_is_the_same_one_whatever_its_name_leads_to(tmp_path: Path) -> None:
    made, other = tmp_path / "made", tmp_path / "other"
    for folder in (made, other):
        folder.mkdir(mode=0o700)

    with state.anchored(made, is_ours=True) as anchored:
        made.rename(tmp_path / "aside")
        made.symlink_to(other)
        (anchored / "file").touch()

    assert (tmp_path / "aside/file").exists()
    assert list(other.iterdir()) == []


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
