"""The state directory as a backup leaves it and a restore fills it."""

from pathlib import Path

import pytest

from imgbot.ops import state


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
