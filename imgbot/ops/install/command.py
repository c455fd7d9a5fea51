"""`imgbot install` and `imgbot uninstall`: each step is printed, then carried out.

What is already as it should be needs no step, and every step may be repeated. The link `current`
is moved when all that it needs is there: a step that fails leaves the running service as it is.
"""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from imgbot.domain.errors import EX_CONFIG, ConfigError
from imgbot.domain.operations import Operation
from imgbot.files import replace_file
from imgbot.ops import dns
from imgbot.ops.doctor.command import examine_provider
from imgbot.ops.formatting import say, telling_seconds
from imgbot.ops.install.answers import (
    Answers,
    CheckProvider,
    InstallOptions,
    gather,
    may_write_drop_in,
    placeholders,
)
from imgbot.ops.install.release import (
    InstallError,
    Release,
    check_python,
    copy_release,
    running_release,
)
from imgbot.ops.installation import (
    BACKUP_TIMER,
    BACKUP_UNITS,
    CLUSTER_UNIT,
    CLUSTER_UNITS,
    UNIT,
    Layout,
    replace_link,
    set_variable,
    shipped,
    umask,
)
from imgbot.ops.service import ServiceError, further_bots, has_systemd, restart, started_s
from imgbot.ops.status.command import NoStatusError, fetch_status, find_service

_RELEASE = re.compile(r"[0-9][0-9A-Za-z.+]*-[0-9a-f]{8}")
_LIST_OPERATIONS = """
try:
    from imgbot.domain.operations import Operation
except ImportError:
    from imgbot.job import Operation
print(*Operation)
"""
"""Program for the Python of a release, 0.1.0 or later."""
_SETTING_IS_WRONG = (
    "Restarting will not help: the error line says which setting to change. Settings: sudoedit "
    "/etc/imgbot/imgbot.env, then sudo systemctl restart imgbot"
)


class Steps:
    """Prints each step and carries it out, unless it is a dry run."""

    def __init__(self, *, is_dry_run: bool) -> None:
        self._is_dry_run = is_dry_run
        self.count = 0

    def take(self, says: str, work: Callable[..., object], *arguments: object) -> None:
        """Do `work`; `says` is its description, without a secret. Raises InstallError."""
        self.count += 1
        say(f"[{self.count}] {says}")
        if self._is_dry_run:
            return
        try:
            # Root's umask may be strict, but the service must be able to read the program.
            with umask(0o022), telling_seconds():
                work(*arguments)
        except OSError as error:
            raise InstallError(
                f"could not {says}: {error.strerror}; fix that and run it again"
            ) from error

    def run(self, *words: str) -> None:
        self.take(f"run {' '.join(words)}", _run, words)

    def make_folder(self, path: Path, mode: int) -> None:
        self.take(f"create the folder {path} (mode {mode:04o})", _make_folder, path, mode)

    def write(self, what: str, path: Path, text: str, mode: int) -> None:
        self.take(f"write {what}: {path} (mode {mode:04o})", replace_file, path, text, mode)

    def link(self, path: Path, target: str) -> None:
        self.take(f"link {path} to {target}", replace_link, path, target)

    def remove(self, path: Path) -> None:
        self.take(f"remove {path}", _remove, path)

    def remove_all(self, paths: Iterable[Path]) -> None:
        """Remove those that exist."""
        for path in filter(os.path.lexists, paths):
            self.remove(path)


def _run(words: tuple[str, ...]) -> None:
    made = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
    if made.returncode:
        raise InstallError(f"`{' '.join(words)}` failed: {made.stderr.strip()[:500]}")


def _make_folder(path: Path, mode: int) -> None:
    path.mkdir(parents=True, exist_ok=True)
    # Root will run what is in it, so nobody else may own it.
    os.chown(path, os.geteuid(), os.getegid())
    path.chmod(mode)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def run_install(*, is_rolling_back: bool, **given: Any) -> None:
    """Install, or become the release that served before."""
    options = InstallOptions(**given)
    layout = Layout()
    if is_rolling_back:
        roll_back(options, layout)
    with nullcontext() if options.is_dry_run else alone(layout, "install"):
        install(options, layout, examine_provider)


@contextmanager
def alone(layout: Layout, command: str) -> Generator[None]:
    """Keep a second installation out. Raises InstallError where nothing can be installed now."""
    check_root_and_systemd(command)
    layout.program.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(layout.program.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise InstallError(
            "another installation is at work on this server; wait until it has ended, then run "
            f"this again: sudo imgbot {command}"
        ) from None
    finally:
        os.close(folder)


def install(options: InstallOptions, layout: Layout, check: CheckProvider) -> None:
    """Install, upgrade, or find that nothing is to be done.

    Raises ConfigError for a wrong token or setting, InstallError and ServiceError for the rest;
    a refusal before the first step has changed nothing.
    """
    if options.is_dry_run:
        answers, username = placeholders(options, layout), ""
    else:
        answers, username = gather(options, layout, check)
    answers = with_drop_in(answers, layout, is_dry_run=options.is_dry_run)
    release = running_release(layout, with_sandbox=options.with_sandbox)
    check_python(release.python)
    is_fresh = _is_fresh(layout)
    rollback = rollback_target(release.name, layout, is_fresh=is_fresh)
    kept = {release.name, rollback, _target(layout.current)}
    steps = Steps(is_dry_run=options.is_dry_run)
    put_files(steps, release, answers, layout)
    switch(steps, release.name, rollback, layout)
    is_restarting = bool(steps.count) or not is_fresh
    tidy(steps, kept, layout)
    if is_restarting:
        steps.run("systemctl", "daemon-reload")
        steps.run("systemctl", "enable", "--quiet", UNIT)
        steps.run("systemctl", "enable", "--quiet", "--now", BACKUP_TIMER)
        # A start resumes: what is in Redis waits, what runs is drained.
        steps.take(f"restart {UNIT} and wait until it is ready", _restart, rollback, layout)
    if options.is_dry_run:
        say("nothing is changed")
        return
    layout.pending.unlink(missing_ok=True)
    if not steps.count:
        say(f"imgbot {release.version} is installed and running; nothing to do")
        return
    say(_next_steps(release.version, username, rollback))
    for file in {options.token_file, options.key_file} - {None, "-"}:
        say(f"note: {file} still contains a secret and is no longer needed")


def with_drop_in(answers: Answers, layout: Layout, *, is_dry_run: bool) -> Answers:
    """Add the drop-in that DNS needs, if it is missing and may be written."""
    drop_in = dns.drop_in_for(layout)
    is_needed = drop_in not in {"", _text(layout.dns_drop_in)}
    if is_needed and (is_dry_run or may_write_drop_in(layout)):
        return replace(answers, drop_in=drop_in)
    return answers


def put_files(steps: Steps, release: Release, answers: Answers, layout: Layout) -> None:
    """Copy the program and write secrets, settings and the unit, where they differ."""
    put_program(steps, release, layout)
    secrets = {name: (secret, f"the key {name}") for name, secret in answers.keys.items()}
    if answers.token is not None:
        secrets = {layout.token.name: (answers.token, "the token"), **secrets}
    if secrets or not layout.environment_file.exists():
        steps.make_folder(layout.settings, 0o755)
    if secrets:
        steps.make_folder(layout.credentials, 0o700)
    for name, (secret, what) in secrets.items():
        steps.write(what, layout.credentials / name, f"{secret}\n", 0o600)
    if answers.token is None and (_mode(layout.token) or 0) & 0o077:
        says = f"make {layout.token} readable by root only (mode 0600)"
        steps.take(says, layout.token.chmod, 0o600)
    _put_settings(steps, answers.provider, layout)
    _put_unit(steps, answers.drop_in, layout)


def put_program(steps: Steps, release: Release, layout: Layout) -> None:
    folder = layout.program / release.name
    # A release that runs from its place has nowhere to be copied from.
    if release.files and not folder.is_dir():
        steps.make_folder(layout.program, 0o755)
        says = f"copy imgbot {release.version} and its libraries to {folder}"
        steps.take(says, copy_release, release, folder)


def _put_unit(steps: Steps, drop_in: str, layout: Layout) -> None:
    unit = shipped(UNIT).read_text(encoding="utf-8")
    if _text(layout.unit) != unit:
        steps.write("the unit", layout.unit, unit, 0o644)
    for path in layout.backup_units:
        if _text(path) != (unit := shipped(path.name).read_text(encoding="utf-8")):
            steps.write("a unit for backups", path, unit, 0o644)
    if layout.cluster_unit.exists():
        put_cluster_unit(steps, layout)
    if drop_in:
        if not layout.drop_ins.is_dir():
            steps.make_folder(layout.drop_ins, 0o755)
        steps.write("the drop-in for DNS", layout.dns_drop_in, drop_in, 0o644)


def put_cluster_unit(steps: Steps, layout: Layout) -> None:
    unit = shipped(CLUSTER_UNIT).read_text(encoding="utf-8")
    if _text(layout.cluster_unit) != unit:
        steps.write("the unit of the cluster", layout.cluster_unit, unit, 0o644)


def _put_settings(steps: Steps, provider: str | None, layout: Layout) -> None:
    mine = _text(layout.environment_file)
    text = shipped("imgbot.env").read_text(encoding="utf-8") if mine is None else mine
    if provider is not None:
        text = set_variable(text, "IMGBOT_PROVIDER", provider)
    if text != mine:
        # It may hold a secret, and be closed to others for that.
        mode = _mode(layout.environment_file) or 0o644
        steps.write("the settings", layout.environment_file, text, mode)


def switch(steps: Steps, name: str, rollback: str | None, layout: Layout) -> None:
    """Make a release the one that runs, keeping the link to the one before."""
    if _target(layout.current) == name:
        return
    previous = _target(layout.previous)
    if rollback is not None and rollback != previous:
        steps.link(layout.previous, rollback)
    elif rollback is None and previous is not None:
        steps.remove(layout.previous)
    steps.link(layout.pending, name)
    steps.link(layout.current, name)


def rollback_target(name: str, layout: Layout, *, is_fresh: bool) -> str | None:
    """Return the last other release that served, to which `--rollback` will lead."""
    current, previous = _target(layout.current), _target(layout.previous)
    # One that was slow to start may serve by now, though nobody waited for it any more.
    has_served = current != _target(layout.pending) or is_fresh
    if current not in {None, name} and has_served:
        return current
    return previous if previous != name else None


def tidy(steps: Steps, kept: set[str | None], layout: Layout) -> None:
    """Link the command; remove the releases that are not `kept`, and what earlier ones left."""
    command, mine = str(layout.current / "bin/imgbot"), layout.command
    is_ours = not os.path.lexists(mine) or mine.is_symlink()
    # Somebody else's file of that name is left alone, and a package's command needs none before it.
    if is_ours and _link(mine) != command and not layout.packaged_command.exists():
        steps.link(mine, command)
    if not layout.program.is_dir():
        return
    for folder in sorted(layout.program.iterdir()):
        if _RELEASE.fullmatch(folder.name) and folder.name not in kept:
            steps.remove(folder)


def _is_fresh(layout: Layout) -> bool:
    """True if the service was started after what an installation writes was last written."""
    started = started_s(UNIT)
    if started is None:
        return False
    paths = (layout.unit, layout.dns_drop_in, layout.credentials, layout.token, layout.current)
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
    return Path(_link(link)).name or None


def _link(path: Path) -> str:
    return str(path.readlink()) if path.is_symlink() else ""


def check_jobs(release: Path) -> None:
    """Raise InstallError if there are jobs of operations that an older release does not know.

    It would read them, and end at every start.
    """
    command = [str(release / "bin/python3"), "-I", "-c", _LIST_OPERATIONS]
    known = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()  # noqa: S603
    unknown = [each for each in Operation if each not in known] if known else []
    if not unknown:
        return
    try:
        jobs = fetch_status(find_service(os.environ))["jobs"] or {}
    except (NoStatusError, ConfigError):
        say(
            f"note: the bot does not answer; {release.name} will not start while there are jobs "
            f"of an operation that it does not know: {', '.join(unknown)}"
        )
        return
    left = {each: sum(states.values()) for each, states in jobs.items() if each not in known}
    if left:
        counts = ", ".join(f"{count} {each}" for each, count in left.items())
        raise InstallError(
            f"{release.name} would not start: it does not know these jobs: {counts}. Send /pause "
            "to the bot, wait until `imgbot status` shows none of them, and run this again"
        )


def roll_back(options: InstallOptions, layout: Layout) -> None:
    """Become the release that served before this one, and let it install itself.

    Raises ConfigError for an argument that does not go with it, InstallError for the rest.
    """
    given = {"--token-file": options.token_file, "--provider": options.provider}
    for option, value in {**given, "--key-file": options.key_file}.items():
        if value is not None:
            raise ConfigError(option, "--rollback keeps the stored token and all settings")
    program = layout.previous / "bin/imgbot"
    if not program.exists():
        raise InstallError("there is no release to go back to: no other one has run here")
    check_jobs(layout.previous.resolve())
    # By its own path, not by the link, which is about to be moved.
    path = str(program.resolve())
    try:
        rest = ["--dry-run"] if options.is_dry_run else []
        os.execv(path, [path, "install", *rest])  # noqa: S606 -- no shell, by design
    except OSError as error:
        raise InstallError(
            f"{path} does not start ({error.strerror}): is its Python still installed? "
            "Install the older file again"
        ) from error


def uninstall(*, is_dry_run: bool, is_purging: bool, layout: Layout | None = None) -> None:
    """Remove the service and the program; the data stays and is named, unless purged."""
    layout, steps = layout or Layout(), Steps(is_dry_run=is_dry_run)
    with nullcontext() if is_dry_run else alone(layout, "uninstall"):
        if others := " ".join(further_bots()):
            way = f"sudo systemctl disable --now {others}"
            raise InstallError(f"the program runs further bots, too; to stop them for good: {way}")
        _remove_service(steps, layout)
        data = [layout.settings, layout.data, layout.private_data]
        if is_purging:
            steps.remove_all(data)
        try:
            # At the end, for without it none of the rest could be repeated.
            steps.remove_all([layout.program])
        except KeyboardInterrupt:
            raise InstallError(f"interrupted; to finish: sudo rm -r {layout.program}") from None
    done = "nothing is changed" if is_dry_run else "imgbot has been removed"
    say(done if steps.count else "there is nothing to remove")
    if kept := " ".join(str(path) for path in data if os.path.lexists(path) and not is_purging):
        say(f"kept: {kept}; to remove that, too: sudo rm -r {kept}")


def _remove_service(steps: Steps, layout: Layout) -> None:
    is_installed = layout.unit.exists()
    backups = layout.backup_units
    kinds = (layout.unit, [UNIT]), (layout.cluster_unit, CLUSTER_UNITS), (backups[0], BACKUP_UNITS)
    for path, units in kinds:
        if path.exists():
            # Stopping drains: running work is finished, or waits in the data.
            steps.run("systemctl", "disable", "--now", *units)
    cluster = (layout.cluster, layout.cluster_unit, layout.cluster_drop_ins)
    steps.remove_all([layout.unit, layout.drop_ins, *backups, *cluster])
    if layout.command.is_symlink():
        # Else it is somebody else's program, which an installation has left alone, too.
        steps.remove(layout.command)
    if is_installed:
        steps.run("systemctl", "daemon-reload")


def check_root_and_systemd(command: str) -> None:
    if os.geteuid() != 0:
        raise InstallError(f"this needs root: sudo imgbot {command}")
    if not has_systemd():
        raise InstallError(
            "systemd does not run on this machine; start the bot with your own service manager: "
            "IMGBOT_TOKEN=… imgbot"
        )


def _restart(rollback: str | None, layout: Layout) -> None:
    try:
        restart(UNIT)
    except ServiceError as error:
        if dns.SETTING in str(error):
            raise ServiceError(f"{error}\nto let it through: {dns.advice(layout)}") from None
        if error.service_status == EX_CONFIG:
            raise ServiceError(f"{error}\n{_SETTING_IS_WRONG}") from None
        hint = f"\nto go back to {rollback}, which worked: sudo imgbot install --rollback"
        raise ServiceError(f"{error}{hint if rollback else ''}") from None


def _next_steps(version: str, username: str, rollback: str | None) -> str:
    name = f"@{username}" if username else "the bot"
    lines = [
        f"imgbot {version} is running as {name}. Next:",
        f"  send /start to {name} in Telegram",
        "  imgbot status                     show its status",
        "  journalctl -u imgbot -f           follow its log",
        "  sudoedit /etc/imgbot/imgbot.env   change settings; then sudo systemctl restart imgbot",
        "  sudo imgbot scale 10              use ten workers, at once",
    ]
    if rollback is not None:
        lines.append(f"  sudo imgbot install --rollback    go back to {rollback}")
    return "\n".join(lines)
