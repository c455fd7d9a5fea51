"""Plan of an installation: facts about the server, and the steps that follow from them.

Looking is read only; planning is pure, and what is already as it should be needs no step.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imgbot.ops.install.release import (
    ENVIRONMENT_FILE,
    UNIT_FILE,
    Release,
    check_python,
    running_release,
    verify,
)
from imgbot.ops.install.steps import (
    MakeFolder,
    PutLink,
    PutRelease,
    Remove,
    RunCommand,
    SetMode,
    Step,
    WriteFile,
)
from imgbot.ops.installation import UNIT, Layout, set_variable, shipped
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


def plan_install(facts: InstallationFacts, layout: Layout) -> tuple[Step, ...]:
    """Plan an installation, an upgrade or a way back; empty if nothing is to be done.

    The order is such that a step that fails leaves the service that runs as it is: the link
    `current` is moved when all that it needs is there.
    """
    steps = [*_program(facts, layout), *_settings(facts, layout), *_switch(facts, layout)]
    if steps or not facts.is_fresh:
        # A start goes on where the last one was: what is in Redis waits, what runs is drained.
        steps += [
            RunCommand(("systemctl", "daemon-reload")),
            RunCommand(("systemctl", "enable", "--quiet", UNIT)),
            RunCommand(("systemctl", "restart", "--no-block", UNIT)),
        ]
    return (*steps, *_tidy(facts, layout))


def _program(facts: InstallationFacts, layout: Layout) -> Iterator[Step]:
    release = facts.release
    if not facts.is_in_place:
        yield MakeFolder(layout.program, 0o755)
        yield PutRelease(release, layout.program / release.name)


def _settings(facts: InstallationFacts, layout: Layout) -> Iterator[Step]:
    secrets = dict(facts.new_keys)
    if facts.new_token is not None:
        secrets = {layout.token.name: facts.new_token, **secrets}
    if secrets or facts.environment is None:
        yield MakeFolder(layout.settings, 0o755)
    if secrets:
        yield MakeFolder(layout.credentials, 0o700)
    for name, secret in secrets.items():
        what = "the token" if name == layout.token.name else f"the key {name}"
        yield WriteFile(layout.credentials / name, f"{secret}\n", 0o600, what)
    if (
        facts.new_token is None
        and facts.stored_token_mode is not None
        and facts.stored_token_mode & 0o077
    ):
        yield SetMode(layout.token, 0o600)
    yield from _environment(facts, layout)
    if facts.unit != facts.shipped_unit:
        yield WriteFile(layout.unit, facts.shipped_unit, 0o644, "the unit")


def _environment(facts: InstallationFacts, layout: Layout) -> Iterator[Step]:
    shipped, mine = facts.shipped_environment, facts.environment
    text = shipped if mine is None else mine
    if facts.provider is not None:
        text = set_variable(text, "IMGBOT_PROVIDER", facts.provider)
    if text != mine:
        yield WriteFile(layout.environment_file, text, facts.environment_mode, "the settings")
    if mine not in {None, shipped} and facts.example != shipped:
        yield WriteFile(layout.example, shipped, 0o644, "all settings with their defaults")


def plan_rollback(facts: InstallationFacts) -> str | None:
    """Return the last other release that served, to which the one to be installed leads back."""
    if facts.current not in {None, facts.release.name} and _has_served(facts):
        return facts.current
    return facts.previous if facts.previous != facts.release.name else None


def _has_served(facts: InstallationFacts) -> bool:
    # One that was slow to start may serve by now, though nobody waited for it any more.
    return facts.current != facts.pending or facts.is_fresh


def _switch(facts: InstallationFacts, layout: Layout) -> Iterator[Step]:
    if facts.current != facts.release.name:
        back = plan_rollback(facts)
        if back is not None and back != facts.previous:
            yield PutLink(layout.previous, back)
        elif back is None and facts.previous is not None:
            yield Remove(layout.previous)
        yield PutLink(layout.pending, facts.release.name)
        yield PutLink(layout.current, facts.release.name)


def _tidy(facts: InstallationFacts, layout: Layout) -> Iterator[Step]:
    command = str(layout.current / "bin/imgbot")
    # A file of somebody else's under that name is left alone.
    if facts.command is None or (facts.command and facts.command != command):
        yield PutLink(layout.command, command)
    kept = {facts.release.name, facts.current, plan_rollback(facts)}
    for name in facts.releases:
        if name not in kept:
            yield Remove(layout.program / name)


def plan_uninstall(layout: Layout, present: frozenset[str], *, purge: bool) -> tuple[Step, ...]:
    """Plan a removal; `present` are the paths that exist. The data stays, unless purged."""
    steps: list[Step] = []
    if str(layout.unit) in present:
        # Stopping drains: what is under way is finished or waits in the data.
        steps.append(RunCommand(("systemctl", "disable", "--now", UNIT)))
    gone = [layout.unit, layout.drop_ins, layout.command, layout.program, *layout.caches]
    if purge:
        gone += [layout.settings, layout.data, layout.private_data]
    steps += [Remove(path) for path in gone if str(path) in present]
    if str(layout.unit) in present:
        steps.append(RunCommand(("systemctl", "daemon-reload")))
    return tuple(steps)
