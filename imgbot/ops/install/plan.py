"""Plan of an installation: facts about the server, and the steps that follow from them.

Looking is read only; planning is pure, and what is already as it should be needs no step.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from imgbot.files import replace_file
from imgbot.ops.install.release import (
    ENVIRONMENT_FILE,
    InstallError,
    Release,
    check_python,
    copy_release,
    running_release,
    verify,
)
from imgbot.ops.installation import UNIT, Layout, replace_link, set_variable, shipped
from imgbot.ops.service import started_s

_RELEASE = re.compile(r"[0-9][0-9A-Za-z.+]*-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of the operator; None or empty for what stays unchanged."""

    token: str | None = field(default=None, repr=False)
    keys: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Key of a provider by its variable."""
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class InstallationFacts:
    """One server before an installation."""

    release: Release
    answers: Answers
    shipped_unit: str
    shipped_environment: str
    stored_token_mode: int | None = None
    """None: there is no token yet."""
    unit: str | None = None
    environment: str | None = field(default=None, repr=False)
    """Text of the environment file, None without one; it may hold a secret."""
    environment_mode: int = 0o644
    example: str | None = None
    """Text of the shipped environment file that lies beside it."""
    releases: tuple[str, ...] = ()
    is_in_place: bool = False
    """The release is among them, and complete."""
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
    releases = layout.program.iterdir() if layout.program.is_dir() else ()
    return InstallationFacts(
        release=release,
        answers=answers,
        shipped_unit=shipped(UNIT).read_text(encoding="utf-8"),
        shipped_environment=shipped(ENVIRONMENT_FILE).read_text(encoding="utf-8"),
        stored_token_mode=_mode(layout.token),
        unit=_text(layout.unit),
        environment=_text(layout.environment_file),
        environment_mode=_mode(layout.environment_file) or 0o644,
        example=_text(layout.example),
        releases=tuple(sorted(path.name for path in releases if _RELEASE.fullmatch(path.name))),
        # A release that runs from its place has nowhere to be copied from.
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
    paths = (layout.unit, layout.credentials, layout.token, layout.current)
    # systemd gives whole seconds.
    return all(path.lstat().st_mtime <= started + 1.0 for path in paths if os.path.lexists(path))


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        return None


def _target(link: Path) -> str | None:
    return link.readlink().name if link.is_symlink() else None


def _command(path: Path) -> str | None:
    if path.is_symlink():
        return str(path.readlink())
    return "" if path.exists() else None


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the server; it may be repeated."""

    says: str
    """Description in one line, without a secret."""
    carry_out: Callable[[], object] = field(repr=False, compare=False)
    """Does it. Raises InstallError, OSError."""
    is_command: bool = False


def make_folder(path: Path, mode: int) -> Step:
    return Step(f"create the folder {path} (mode {mode:04o})", partial(_make_folder, path, mode))


def _make_folder(path: Path, mode: int) -> None:
    path.mkdir(parents=True, exist_ok=True)
    # Whoever owned it before: root will run what is in it.
    os.chown(path, os.geteuid(), os.getegid())
    path.chmod(mode)


def put_release(release: Release, folder: Path) -> Step:
    says = f"copy imgbot {release.version} and its libraries to {folder}"
    return Step(says, partial(copy_release, release, folder))


def write_file(path: Path, text: str, mode: int, what: str) -> Step:
    says = f"write {what}: {path} (mode {mode:04o})"
    return Step(says, partial(replace_file, path, text, mode))


def put_link(path: Path, target: str) -> Step:
    def carry_out() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_link(path, target)

    return Step(f"link {path} to {target}", carry_out)


def remove(path: Path) -> Step:
    return Step(f"remove {path}", partial(_remove, path))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def run_command(*words: str) -> Step:
    return Step(f"run {' '.join(words)}", partial(_run_command, words), is_command=True)


def _run_command(words: tuple[str, ...]) -> None:
    made = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
    if made.returncode:
        raise InstallError(f"`{' '.join(words)}` failed: {made.stderr.strip()[:500]}")


def plan_install(facts: InstallationFacts, layout: Layout) -> tuple[Step, ...]:
    """Plan an installation, an upgrade or a rollback; empty if nothing is to be done.

    The order is such that a step that fails leaves the running service as it is: the link
    `current` is moved when all that it needs is there.
    """
    steps = [*_program(facts, layout), *_settings(facts, layout), *_switch(facts, layout)]
    if steps or not facts.is_fresh:
        # A start resumes: what is in Redis waits, what runs is drained.
        steps += [
            run_command("systemctl", "daemon-reload"),
            run_command("systemctl", "enable", "--quiet", UNIT),
            run_command("systemctl", "restart", "--no-block", UNIT),
        ]
    return (*steps, *_tidy(facts, layout))


def _program(facts: InstallationFacts, layout: Layout) -> Iterator[Step]:
    if not facts.is_in_place:
        yield make_folder(layout.program, 0o755)
        yield put_release(facts.release, layout.program / facts.release.name)


def _settings(facts: InstallationFacts, layout: Layout) -> Iterator[Step]:
    token = facts.answers.token
    secrets = {name: (secret, f"the key {name}") for name, secret in facts.answers.keys.items()}
    if token is not None:
        secrets = {layout.token.name: (token, "the token"), **secrets}
    if secrets or facts.environment is None:
        yield make_folder(layout.settings, 0o755)
    if secrets:
        yield make_folder(layout.credentials, 0o700)
    for name, (secret, what) in secrets.items():
        yield write_file(layout.credentials / name, f"{secret}\n", 0o600, what)
    if token is None and (facts.stored_token_mode or 0) & 0o077:
        says = f"make {layout.token} readable by root only (mode 0600)"
        yield Step(says, partial(layout.token.chmod, 0o600))
    yield from _environment(facts, layout)
    if facts.unit != facts.shipped_unit:
        yield write_file(layout.unit, facts.shipped_unit, 0o644, "the unit")


def _environment(facts: InstallationFacts, layout: Layout) -> Iterator[Step]:
    default, mine = facts.shipped_environment, facts.environment
    text = default if mine is None else mine
    if facts.answers.provider is not None:
        text = set_variable(text, "IMGBOT_PROVIDER", facts.answers.provider)
    if text != mine:
        yield write_file(layout.environment_file, text, facts.environment_mode, "the settings")
    if mine not in {None, default} and facts.example != default:
        yield write_file(layout.example, default, 0o644, "all settings with their defaults")


def plan_rollback(facts: InstallationFacts) -> str | None:
    """Return the last other release that served, to which `--rollback` will lead."""
    if facts.current not in {None, facts.release.name} and _has_served(facts):
        return facts.current
    return facts.previous if facts.previous != facts.release.name else None


def _has_served(facts: InstallationFacts) -> bool:
    # One that was slow to start may serve by now, though nobody waited for it any more.
    return facts.current != facts.pending or facts.is_fresh


def _switch(facts: InstallationFacts, layout: Layout) -> Iterator[Step]:
    if facts.current == facts.release.name:
        return
    back = plan_rollback(facts)
    if back is not None and back != facts.previous:
        yield put_link(layout.previous, back)
    elif back is None and facts.previous is not None:
        yield remove(layout.previous)
    yield put_link(layout.pending, facts.release.name)
    yield put_link(layout.current, facts.release.name)


def _tidy(facts: InstallationFacts, layout: Layout) -> Iterator[Step]:
    command = str(layout.current / "bin/imgbot")
    # Somebody else's file of that name is left alone.
    if facts.command is None or (facts.command and facts.command != command):
        yield put_link(layout.command, command)
    kept = {facts.release.name, facts.current, plan_rollback(facts)}
    yield from (remove(layout.program / name) for name in facts.releases if name not in kept)


def plan_uninstall(layout: Layout, present: frozenset[str], *, purge: bool) -> tuple[Step, ...]:
    """Plan a removal; `present` are the paths that exist. The data stays, unless purged."""
    is_installed = str(layout.unit) in present
    gone = [layout.unit, layout.drop_ins, layout.command, layout.program, *layout.caches]
    if purge:
        gone += [layout.settings, layout.data, layout.private_data]
    # Stopping drains: running work is finished, or waits in the data.
    before = [run_command("systemctl", "disable", "--now", UNIT)] if is_installed else []
    after = [run_command("systemctl", "daemon-reload")] if is_installed else []
    return (*before, *(remove(path) for path in gone if str(path) in present), *after)
