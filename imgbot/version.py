"""Version of the program: of the commit that is checked out, else what its build has written.

Tags are the source of truth. The build executes this file alone: standard library only.
"""

import functools
import os

_FOLDER = os.path.dirname(__file__)  # noqa: PTH120 -- `imgbot --help` would pay for pathlib
BUILT = f"{_FOLDER}/version.txt"
"""Written by every build (pyproject.toml) and by `imgbot install`."""

_UNTAGGED = "0.2.0.dev"
"""All builds before the first tag were called 0.1.0."""


@functools.cache
def version() -> str:
    """Return it as PEP 440 has it: 0.2.0 at the tag v0.2.0, 0.3.0.dev7+g1a2b3c4 after it."""
    if os.path.exists(f"{_FOLDER}/../.git"):  # noqa: PTH110
        described = _git(
            *("describe", "--tags", "--long", "--always", "--abbrev=7"),
            *("--match=v[0-9]*.[0-9]*.[0-9]*", "--exclude=v*[a-z]*", "--dirty=.dirty"),
        )
        if described:
            return of_commit(described, _git("rev-list", "--count", "HEAD"))
    try:
        with open(BUILT, encoding="ascii") as file:  # noqa: PTH123
            return file.read().strip()
    except OSError:
        return f"{_UNTAGGED}0"


def of_commit(described: str, count: str) -> str:
    """Return the version of what `git describe` says; `count` is of all commits up to it."""
    # v0.2.0-7-g1a2b3c4.dirty; without a tag, the commit alone
    tag, _, rest = described.partition("-")
    distance, _, commit = rest.partition("-g")
    if not commit:
        return f"{_UNTAGGED}{count or 0}+g{described}"
    major, minor, _patch = tag.removeprefix("v").split(".")
    if distance == "0" and not commit.endswith(".dirty"):
        return tag.removeprefix("v")
    return f"{major}.{int(minor) + 1}.0.dev{distance}+g{commit}"


def _git(*arguments: str) -> str:
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
