"""Files replaced whole, and one line of an environment file changed."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from imgbot.config.sources import read_environment_file
from imgbot.files import anchored, as_owner, open_plain, replace_file
from imgbot.ops.installation import replace_link, set_variable


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "IMGBOT_WORKERS=10\n"),
        ("IMGBOT_WORKERS=5\n", "IMGBOT_WORKERS=10\n"),
        ("A=1\nexport IMGBOT_WORKERS = 5\nB=2\n", "A=1\nIMGBOT_WORKERS=10\nB=2\n"),
        (
            "# How many.\n#IMGBOT_WORKERS=5\n\nB=2",
            "# How many.\n#IMGBOT_WORKERS=5\nIMGBOT_WORKERS=10\n\nB=2\n",
        ),
        ("IMGBOT_WORKERS=5\nA=1\nIMGBOT_WORKERS=6\n", "A=1\nIMGBOT_WORKERS=10\n"),
        ("IMGBOT_WORKERS_X=1\n", "IMGBOT_WORKERS_X=1\nIMGBOT_WORKERS=10\n"),
    ],
    ids=["empty", "set", "exported", "offered", "twice", "another"],
)
def test_one_line_is_changed_and_all_others_stay(before: str, after: str) -> None:
    assert set_variable(before, "IMGBOT_WORKERS", "10") == after


def test_the_shipped_file_with_a_number_means_that_number(tmp_path: Path) -> None:
    shipped = (Path(__file__).parents[2] / "systemd/imgbot.env").read_text()
    path = tmp_path / "imgbot.env"

    path.write_text(set_variable(shipped, "IMGBOT_WORKERS", "10"))

    assert read_environment_file(path) == {"IMGBOT_WORKERS": "10"}


def test_a_file_is_replaced_whole_with_its_mode_or_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")

    replace_file(path, "new", 0o600)
    with pytest.raises(UnicodeEncodeError):
        replace_file(path, "\ud800", 0o644)

    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    # Nothing is left beside it.
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_root_acts_as_the_owner_of_a_folder(tmp_path: Path) -> None:
    # Nobody but root reaches the folder by its name, as with /var/lib/private.
    (closed := tmp_path / "closed").mkdir(mode=0o700)
    (folder := closed / "folder").mkdir()
    (secret := tmp_path / "secret").write_text("root's")
    secret.chmod(0o600)
    (folder / "link").symlink_to(secret)
    os.chown(folder, 1, 2)
    before = os.geteuid(), os.getegid(), os.getgroups()

    with anchored(folder) as here, suppress(KeyError):
        folder.rename(closed / "renamed")
        folder.symlink_to(tmp_path)
        with as_owner(here):
            replace_file(here / "note", "new", 0o640)
            with pytest.raises(PermissionError):
                (here / "link").read_text()
            with ThreadPoolExecutor() as others, pytest.raises(PermissionError):
                others.submit((here / "link").read_text).result()
            raise KeyError

    facts = (closed / "renamed/note").stat()
    assert (facts.st_uid, facts.st_gid, facts.st_mode & 0o777) == (1, 2, 0o640)
    assert (os.geteuid(), os.getegid(), os.getgroups()) == before
    assert secret.read_text() == "root's"


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_only_a_regular_file_is_opened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file"
    {"link": lambda: path.symlink_to(__file__), "pipe": lambda: os.mkfifo(path)}.get(
        kind, path.mkdir
    )()

    with pytest.raises(OSError, match=r"symbolic link|not a regular file|Is a directory"):
        open_plain(path)


def test_a_link_is_moved_and_never_missing(tmp_path: Path) -> None:
    link = tmp_path / "current"

    replace_link(link, "one")
    replace_link(link, "two")

    assert str(link.readlink()) == "two"
