"""What a backup says of providers' files, before it is believed."""

from pathlib import Path

import pytest

from imgbot.ops.backup.settings import kept_by, put


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

    said = put({"IMGBOT_PROVIDER": path}, kept_by({"provider_files": {path: files}}), unpacked)

    assert said == []
    assert not (tmp_path / "etc").exists()


@pytest.mark.parametrize("said", [None, [], "x", {}])
def test_a_backup_that_says_nothing_of_them_has_none(said: object) -> None:
    assert kept_by({"provider_files": said}) == {}


def test_a_file_that_the_backup_lacks_is_said(tmp_path: Path) -> None:
    path = str(tmp_path / "mine.toml")

    [sentence] = put({"IMGBOT_PROVIDER": path}, {path: ["mine.toml"]}, tmp_path / "unpacked")

    assert sentence == f"{path} was not restored: No such file or directory"
