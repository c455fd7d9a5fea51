"""Version of the program: of the commit that is checked out, else what its build has written.

Tags are the source of truth. The build executes this file alone: standard library only.
"""

import functools
import os
import re
import subprocess
from pathlib import Path

BUILT = Path(__file__).with_name("version.txt")
"""Written by every build (pyproject.toml) and by `imgbot install`."""

_CHECKOUT = Path(__file__).parents[1]
_TAGGED = re.compile(r"v(\d+)\.(\d+)\.(\d+)-(\d+)-g([0-9a-f]+(?:\.dirty)?)")
_UNTAGGED = "0.2.0.dev"
"""All builds before the first tag were called 0.1.0."""


@functools.cache
def version() -> str:
    """Return it as PEP 440 has it: 0.2.0 at the tag v0.2.0, 0.3.0.dev7+g1a2b3c4 after it."""
    if (_CHECKOUT / ".git").exists():
        described = _git(
            *("describe", "--tags", "--long", "--always", "--abbrev=7"),
            *("--match=v[0-9]*.[0-9]*.[0-9]*", "--exclude=v*[a-z]*", "--dirty=.dirty"),
        )
        if described:
            return of_commit(described, _git("rev-list", "--count", "HEAD"))
    try:
        return BUILT.read_text(encoding="ascii").strip()
    except OSError:
        return f"{_UNTAGGED}0"


def of_commit(described: str, count: str) -> str:
    """Return the version of what `git describe` says; `count` is of all commits up to it."""
    found = _TAGGED.fullmatch(described)
    if found is None:
        return f"{_UNTAGGED}{count or 0}+g{described}"
    major, minor, patch, distance, commit = found.groups()
    if distance == "0" and not commit.endswith(".dirty"):
        return f"{major}.{minor}.{patch}"
    return f"{major}.{int(minor) + 1}.0.dev{distance}+g{commit}"


def _git(*arguments: str) -> str:
    # Git itself refuses a checkout that somebody else owns, unless told by these where it is.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 -- the words of this module
            ["git", "-C", str(_CHECKOUT), *arguments],  # noqa: S607
            env=environ,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
