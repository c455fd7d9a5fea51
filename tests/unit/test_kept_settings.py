"""Settings out of a backup, on a server that has none yet."""

import errno
import os
from pathlib import Path

import pytest

from imgbot.ops.backup.settings import put_settings
from imgbot.ops.installation import umask


def test_a_fresh_server_gets_folders_that_the_service_can_use(tmp_path: Path) -> None:
    unpacked, etc = tmp_path / "unpacked", tmp_path / "etc/imgbot"
    (unpacked / "credentials").mkdir(parents=True)
    (unpacked / "imgbot.env").write_text("IMGBOT_USERS=90\n")
    (unpacked / "credentials/bot-token").write_text("x")
    environ = {
        "IMGBOT_ENVIRONMENT_FILE": str(etc / "imgbot.env"),
        "CREDENTIALS_DIRECTORY": str(etc / "credentials"),
    }

    with umask(0o077):
        put_settings(environ, unpacked, ())

    modes = {path: path.stat().st_mode & 0o777 for path in (etc, *etc.rglob("*"))}
    assert modes == {
        etc: 0o755,
        etc / "imgbot.env": 0o644,
        etc / "credentials": 0o700,
        etc / "credentials/bot-token": 0o600,
    }


_WITHOUT = "IMGBOT_USERS=90\n"
_SECRET = "export MINE_KEY=one\nIMGBOT_TOKEN=1:x\n"


@pytest.mark.parametrize(
    ("backup", "here", "is_same"),
    [
        (_WITHOUT, _WITHOUT, True),
        (_WITHOUT, _WITHOUT + _SECRET, True),
        (_WITHOUT, "IMGBOT_USERS=60\n" + _SECRET, False),
        (_WITHOUT + _SECRET, _WITHOUT + _SECRET, True),
        (_WITHOUT + _SECRET, _WITHOUT, False),
        (_WITHOUT + _SECRET, _WITHOUT + _SECRET.replace("one", "two"), False),
    ],
    ids=["equal", "equal but for secrets", "another", "secrets", "no secrets here", "another key"],
)
def test_secrets_that_a_backup_has_left_out_make_no_difference(
    tmp_path: Path, backup: str, here: str, is_same: bool
) -> None:
    unpacked, file = tmp_path / "unpacked", tmp_path / "imgbot.env"
    unpacked.mkdir()
    (unpacked / "imgbot.env").write_text(backup)
    file.write_text(here)

    said = put_settings({"IMGBOT_ENVIRONMENT_FILE": str(file)}, unpacked, ["MINE_KEY"])

    differs = "" if is_same else ": the one in the backup differs"
    assert said == [f"{file} was kept{differs}"]
    assert file.read_text() == here


def test_half_a_file_is_not_left_for_the_next_restore_to_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked, file = tmp_path / "unpacked", tmp_path / "imgbot.env"
    unpacked.mkdir()
    (unpacked / "imgbot.env").write_text(_WITHOUT)

    def fill_the_disk(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fill_the_disk)

    said = put_settings({"IMGBOT_ENVIRONMENT_FILE": str(file)}, unpacked, ())

    assert said == [f"{file} was not restored: No space left on device"]
    assert list(tmp_path.iterdir()) == [unpacked]
