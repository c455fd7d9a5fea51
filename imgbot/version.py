"""Version of the program: of the release that this is, or of what lies between two.

The build executes this file alone: standard library only.
"""

import functools
import os

RELEASE = "1.0.0"
"""Of the latest release, or of the first one while it has no tag; written nowhere else."""

_FOLDER = os.path.dirname(__file__)  # noqa: PTH120 -- `imgbot --help` would pay for pathlib
BUILT = f"{_FOLDER}/version.txt"
"""Version and commit: written by every build (wheel_build.py) and by `imgbot install`."""


@functools.cache
def version() -> str:
    """Return it as PEP 440 has it: 1.0.0 up to the tag v1.0.0, 1.1.0.dev7+g1a2b3c4 after it."""
    described = git(
        *("describe", "--tags", "--long", "--abbrev=7", f"--match=v{RELEASE}", "--dirty=.dirty")
    )
    if described:
        return of_commit(described)
    # What a checkout's build has written is older than its commit.
    return RELEASE if git("rev-parse", "HEAD") else _built()[0] or RELEASE


@functools.cache
def commit() -> str:
    """Return the name of the commit, empty where neither git nor a build knows it."""
    return git("rev-parse", "HEAD") or _built()[1]


def of_commit(described: str) -> str:
    """Return the version of what `git describe` says: v1.0.0-7-g1a2b3c4.dirty."""
    tag, distance, name = described.removeprefix("v").split("-")
    if distance == "0" and not name.endswith(".dirty"):
        return tag
    major, minor, _patch = tag.split(".")
    return f"{major}.{int(minor) + 1}.0.dev{distance}+{name}"


def git(*arguments: str) -> str:
    """Return what git says of this checkout, empty where there is none."""
    if not os.path.exists(f"{_FOLDER}/../.git"):  # noqa: PTH110
        return ""
    import subprocess  # noqa: PLC0415

    # Git itself refuses a checkout that somebody else owns, unless told by these where it is.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", f"{_FOLDER}/..", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 -- the words of this module
            command, env=environ, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _built() -> tuple[str, str]:
    try:
        with open(BUILT, encoding="ascii") as file:  # noqa: PTH123
            return file.readline().strip(), file.readline().strip()
    except OSError:
        return "", ""
