"""Facts about the server before an installation; read only."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imgbot.ops.install.checksums import verify
from imgbot.ops.install.release import (
    ENVIRONMENT_FILE,
    UNIT_FILE,
    Release,
    check_python,
    running_release,
)
from imgbot.ops.installation import UNIT, Layout, shipped
from imgbot.ops.service import started_s

_RELEASE = re.compile(r"[0-9][0-9A-Za-z.+]*-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of the operator; None or empty for what stays unchanged."""

    token: str | None = field(default=None, repr=False)
    keys: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class InstallationFacts:
    """One server before an installation; `new_token` is what to store, None to keep what is.

    `new_keys` (variable → key of a provider) and `provider` are what to store besides.
    """

    release: Release
    shipped_unit: str
    shipped_environment: str
    new_token: str | None = field(default=None, repr=False)
    new_keys: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    provider: str | None = None
    stored_token_mode: int | None = None
    """None: there is no token yet."""
    unit: str | None = None
    environment: str | None = field(default=None, repr=False)
    """The text of the settings' file, None without one; it may hold a secret."""
    environment_mode: int = 0o644
    example: str | None = None
    """Text of the shipped settings' file that lies beside it."""
    releases: tuple[str, ...] = ()
    is_in_place: bool = False
    """The release is among them, and whole."""
    current: str | None = None
    previous: str | None = None
    pending: str | None = None
    command: str | None = None
    """Target of /usr/local/bin/imgbot; empty for a file that is not ours."""
    is_fresh: bool = False
    """The service runs, and was started after what an installation writes was last written."""


def inspect(layout: Layout, answers: Answers, *, with_sandbox: bool = False) -> InstallationFacts:
    """Look at the server. Raises InstallError if what is running cannot be installed."""
    release = running_release(layout, with_sandbox=with_sandbox)
    check_python(release.python)
    return InstallationFacts(
        release=release,
        shipped_unit=shipped(UNIT_FILE).read_text(encoding="utf-8"),
        shipped_environment=shipped(ENVIRONMENT_FILE).read_text(encoding="utf-8"),
        new_token=answers.token,
        new_keys=answers.keys,
        provider=answers.provider,
        stored_token_mode=_mode(layout.token),
        unit=_text(layout.unit),
        environment=_text(layout.environment_file),
        environment_mode=_mode(layout.environment_file) or 0o644,
        example=_text(layout.example),
        releases=tuple(sorted(_releases(layout.program))),
        # One that runs from its place has nowhere to be copied from.
        is_in_place=not release.files or verify(layout.program / release.name),
        current=_target(layout.current),
        previous=_target(layout.previous),
        pending=_target(layout.pending),
        command=_command(layout.command),
        is_fresh=_is_fresh(layout),
    )


def _is_fresh(layout: Layout) -> bool:
    started = started_s(UNIT)
    if started is None:
        return False
    written = (
        _written_s(path) for path in (layout.unit, layout.credentials, layout.token, layout.current)
    )
    # systemd gives whole seconds.
    return max(written) <= started + 1.0


def _written_s(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        return None


def _releases(program: Path) -> list[str]:
    if not program.is_dir():
        return []
    return [path.name for path in program.iterdir() if _RELEASE.fullmatch(path.name)]


def _target(link: Path) -> str | None:
    return link.readlink().name if link.is_symlink() else None


def _command(path: Path) -> str | None:
    if path.is_symlink():
        return str(path.readlink())
    return "" if path.exists() else None
