"""The version says which commit is running, wherever it runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imgbot import version


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        ("v0.2.0-0-g7adbb06", "0.2.0"),
        ("v0.2.0-0-g7adbb06.dirty", "0.3.0.dev0+g7adbb06.dirty"),
        ("v1.9.3-172-g7adbb06", "1.10.0.dev172+g7adbb06"),
    ],
)
def test_a_commit_has_a_version(described: str, expected: str) -> None:
    assert version.of_commit(described) == expected


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

    def version(self, **environ: str) -> list[str]:
        code = (
            f"import runpy; found = runpy.run_path({str(self.file)!r}); "
            "print(found['version'](), found['commit']())"
        )
        return subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **environ},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()


def test_a_checkout_is_its_commit_and_another_repository_around_is_not(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    checkout.git("init", "--quiet")
    checkout.git("commit", "--quiet", "--allow-empty", "--message=one")
    built = checkout.file.parent / "version.txt"
    built.write_text("0.9.0\n7adbb06\n")
    elsewhere, release = {"GIT_DIR": str(checkout.root / "elsewhere")}, version.RELEASE
    first = checkout.git("rev-parse", "HEAD")
    assert checkout.version(**elsewhere) == [release, first]

    checkout.git("tag", f"v{release}")
    assert checkout.version() == [release, first]
    checkout.git("commit", "--quiet", "--allow-empty", "--message=two")
    [later, second] = checkout.version()
    assert later == version.of_commit(f"v{release}-1-g{second[:7]}")

    inner = checkout.root / "inner"
    inner.mkdir()
    assert Checkout(inner).version() == [release]

    # Without git they are those of the build.
    assert checkout.version(PATH=str(checkout.root)) == ["0.9.0", "7adbb06"]
