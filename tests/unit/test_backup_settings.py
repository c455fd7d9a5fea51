"""Settings and own providers' files out of a backup, on a server that has none yet."""

import errno
import os
from pathlib import Path

import pytest

from imgbot.config.sources import read_environment_file
from imgbot.ops.backup.settings import put_providers, put_settings
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


@pytest.mark.parametrize("form", ["{}", "export {}", "X='\\'\n{}"])
def test_root_runs_no_command_of_a_backup_before_somebody_has_read_it(
    tmp_path: Path, form: str
) -> None:
    file = tmp_path / "imgbot.env"
    (unpacked := tmp_path / "unpacked").mkdir()
    (unpacked / "imgbot.env").write_text(form.format("IMGBOT_BACKUP_TO=touch /tmp/x # '"))

    said = put_settings({"IMGBOT_ENVIRONMENT_FILE": str(file)}, unpacked, ())

    assert not read_environment_file(file).get("IMGBOT_BACKUP_TO")
    assert said[1:] == [f"read the last lines of {file}: they stop its commands"]


def test_half_a_file_is_not_left_for_the_next_restore_to_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked, file = tmp_path / "unpacked", tmp_path / "imgbot.env"
    unpacked.mkdir()
    (unpacked / "imgbot.env").write_text("IMGBOT_USERS=90\n")

    def fill_the_disk(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fill_the_disk)

    said = put_settings({"IMGBOT_ENVIRONMENT_FILE": str(file)}, unpacked, ())

    assert said == [f"{file} was not restored: No space left on device"]
    assert list(tmp_path.iterdir()) == [unpacked]


@pytest.mark.parametrize(
    "files",
    [
        *(None, "mine.toml", [1], ["other.toml"], ["mine.toml", "../up.json"]),
        *(["mine.toml", "/etc/abs.json"], ["mine.toml", "passwd"], ["../mine.toml"]),
    ],
    ids=["none", "text", "number", "another", "above", "absolute", "no workflow", "file above"],
)
def test_what_leads_elsewhere_is_not_put_there(tmp_path: Path, files: object) -> None:
    unpacked, own = tmp_path / "unpacked", tmp_path / "etc" / "own"
    (unpacked / "settings/providers/0").mkdir(parents=True)
    for number in ("0", "1"):
        (unpacked / "settings/providers/0" / number).write_text("hostile")
    path = str(own / "mine.toml")

    for listed in ({path: files}, files):
        about = {"provider_files": listed}
        assert put_providers({"IMGBOT_PROVIDER": path}, about, unpacked) == []
    assert not (tmp_path / "etc").exists()


def test_a_file_that_the_backup_lacks_is_said(tmp_path: Path) -> None:
    path = str(tmp_path / "mine.toml")
    about = {"provider_files": {path: ["mine.toml"]}}

    [sentence] = put_providers({"IMGBOT_PROVIDER": path}, about, tmp_path / "unpacked")

    assert sentence == f"{path} was not restored: No such file or directory"
