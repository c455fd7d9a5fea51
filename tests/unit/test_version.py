"""The version says which commit is running, wherever it runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imgbot import version


@pytest.mark.parametrize(
    ("described", "count", "expected"),
    [
        ("7adbb06", "321", "0.2.0.dev321+g7adbb06"),
        ("7adbb06.dirty", "321", "0.2.0.dev321+g7adbb06.dirty"),
        ("v0.2.0-0-g7adbb06", "400", "0.2.0"),
        ("v0.2.0-0-g7adbb06.dirty", "400", "0.3.0.dev0+g7adbb06.dirty"),
        ("v1.9.3-172-g7adbb06", "400", "1.10.0.dev172+g7adbb06"),
    ],
)
def test_a_commit_has_a_version(described: str, count: str, expected: str) -> None:
    assert version.of_commit(described, count) == expected


class Checkout:
    """The file alone, as a build runs it, in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.file = root / "imgbot" / "version.py"
        self.file.parent.mkdir()
        shutil.copyfile(version.__file__, self.file)

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        command = ["git", "-C", str(self.root), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def version(self, **environ: str) -> str:
        code = f"import runpy; print(runpy.run_path({str(self.file)!r})['version']())"
        return subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **environ},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()


def test_a_checkout_is_its_commit_and_another_repository_around_is_not(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    checkout.git("init", "--quiet")
    checkout.git("commit", "--quiet", "--allow-empty", "--message=one")
    elsewhere = {"GIT_DIR": str(checkout.root / "elsewhere")}
    assert checkout.version(**elsewhere).startswith("0.2.0.dev1+g")

    checkout.git("tag", "v0.2.0")
    assert checkout.version() == "0.2.0"

    inner = checkout.root / "inner"
    inner.mkdir()
    assert Checkout(inner).version() == "0.2.0.dev0"

    # Without git the version is the one of the build.
    (checkout.file.parent / "version.txt").write_text("0.2.0.dev172+g7adbb06\n")
    assert checkout.version(PATH=str(checkout.root)) == "0.2.0.dev172+g7adbb06"
