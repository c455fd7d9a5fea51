"""`imgbot install` and `imgbot uninstall`: look, plan, then print or carry out."""

import os
import pwd
from collections.abc import Mapping, Sequence
from pathlib import Path

from imgbot.domain.errors import EX_CONFIG, ConfigError
from imgbot.ops.install.answers import Account, Examine, Tell, Wish, gather, rehearsed
from imgbot.ops.install.plan import Step, inspect, plan_install, plan_rollback, plan_uninstall
from imgbot.ops.install.release import InstallError
from imgbot.ops.installation import UNIT, Layout, umask
from imgbot.ops.service import ServiceError, has_systemd, show, wait_until_ready

_SETTING_IS_WRONG = (
    "another start cannot help: the line of an error says what to change. Settings: sudoedit "
    "/etc/imgbot/imgbot.env, then sudo systemctl restart imgbot"
)


def install(wish: Wish, tell: Tell, layout: Layout, examine: Examine) -> None:
    """Install, upgrade, or find that nothing is to be done.

    Raises ConfigError for a wrong token or setting, InstallError and ServiceError for the rest;
    a refusal before the first step has changed nothing.
    """
    if wish.is_rehearsal:
        facts = inspect(layout, rehearsed(wish, layout), with_sandbox=wish.with_sandbox)
        steps = plan_install(facts, layout)
        tell(f"imgbot {facts.release.version} would take {len(steps)} steps; nothing is changed:")
        _print(steps, tell)
        return
    _refuse_without("install")
    answers, account = gather(wish, layout, tell, examine)
    facts = inspect(layout, answers, with_sandbox=wish.with_sandbox)
    steps = plan_install(facts, layout)
    if not steps:
        layout.pending.unlink(missing_ok=True)
        tell(f"imgbot {facts.release.version} is installed and serves; nothing to do")
        return
    before = show(UNIT).invocation
    _carry_out(steps, tell)
    back = plan_rollback(facts)
    if any(step.is_command for step in steps):
        tell("waiting until it serves …")
        _wait(before, back)
    layout.pending.unlink(missing_ok=True)
    tell(_what_next(facts.release.version, account, back))
    for file in {wish.token_file, wish.key_file} - {None, "-"}:
        tell(f"note: {file} still holds a secret, and is not needed any more")


def roll_back(wish: Wish, layout: Layout) -> None:
    """Become the release that served before this one, and let it install itself.

    Raises ConfigError for an argument that does not go with it, InstallError for the rest.
    """
    given = {"--token-file": wish.token_file, "--provider": wish.provider}
    for option, value in {**given, "--key-file": wish.key_file}.items():
        if value is not None:
            raise ConfigError(
                option,
                "--rollback keeps the token that is stored, and all settings; for others, "
                f"afterwards: sudo imgbot install {option} {value}",
            )
    program = layout.previous / "bin/imgbot"
    if not program.exists():
        raise InstallError("there is no release to go back to: no other one has served here")
    # By its own path, not by the link, which is about to be moved.
    path = str(program.resolve())
    try:
        rest = ["--dry-run"] if wish.is_rehearsal else []
        os.execv(path, [path, "install", *rest])  # noqa: S606 -- no shell, by design
    except OSError as error:
        raise InstallError(
            f"{path} does not start ({error.strerror}): is its Python still there? "
            "Install the older file again"
        ) from error


def uninstall(layout: Layout, tell: Tell, *, is_rehearsal: bool, purge: bool) -> None:
    """Remove the service and the program; the data stays and is named, unless purged."""
    if not is_rehearsal:
        _refuse_without("uninstall")
    watched = (
        *(layout.unit, layout.drop_ins, layout.command, layout.program, *layout.caches),
        *(layout.settings, layout.data, layout.private_data),
    )
    present = frozenset(str(path) for path in watched if os.path.lexists(path))
    if not layout.command.is_symlink():
        # A program of somebody else's, which an installation has left alone, too.
        present -= {str(layout.command)}
    steps = plan_uninstall(layout, present, purge=purge)
    if is_rehearsal:
        tell(f"removing imgbot would take {len(steps)} steps; nothing is changed:")
        _print(steps, tell)
    elif steps:
        _carry_out(steps, tell)
        tell("imgbot is removed")
    else:
        tell("there is nothing to remove")
    data = layout.private_data if str(layout.private_data) in present else layout.data
    kept = [(data, "jobs and pictures"), (layout.settings, "settings, token and keys")]
    for path, what in kept:
        if str(path) in present and not purge:
            tell(f"kept: {path} ({what}); `--purge` removes it, too")


def home_of_caller(environ: Mapping[str, str]) -> Path | None:
    """Return the home of whoever became root by sudo; None where nobody did."""
    try:
        return Path(pwd.getpwnam(environ["SUDO_USER"]).pw_dir)
    except KeyError:
        return None


def _refuse_without(command: str) -> None:
    """Refuse without what every step needs."""
    if os.geteuid() != 0:
        raise InstallError(f"only root can do that: sudo imgbot {command}")
    if not has_systemd():
        raise InstallError(
            "this machine is not run by systemd; start the bot by what runs it: "
            "IMGBOT_TOKEN=… imgbot"
        )


def _wait(before: str, back: str | None) -> None:
    try:
        wait_until_ready(UNIT, before)
    except ServiceError as error:
        if error.exit_status == EX_CONFIG:
            raise ServiceError(f"{error}\n{_SETTING_IS_WRONG}") from None
        hint = f"\ngo back to {back}, which served before: sudo imgbot install --rollback"
        raise ServiceError(f"{error}{hint if back else ''}") from None


def _carry_out(steps: Sequence[Step], tell: Tell) -> None:
    # Whatever root's shell says: the service must be able to read the program.
    with umask(0o022):
        for number, step in enumerate(steps, 1):
            tell(f"[{number}/{len(steps)}] {step.says}")
            try:
                step.carry_out()
            except OSError as error:
                raise InstallError(
                    f"could not {step.says}: {error.strerror}; mend that and run it again"
                ) from error


def _print(steps: Sequence[Step], tell: Tell) -> None:
    for number, step in enumerate(steps, 1):
        tell(f"[{number}/{len(steps)}] {step.says}")


def _what_next(version: str, account: Account | None, before: str | None) -> str:
    name = f"@{account.username}" if account is not None and account.username else "the bot"
    lines = [
        f"imgbot {version} serves {name}. Next:",
        f"  say /start to {name} in Telegram",
        "  imgbot status                     how it stands",
        "  journalctl -u imgbot -f           what it does",
        "  sudoedit /etc/imgbot/imgbot.env   its settings; then sudo systemctl restart imgbot",
        "  sudo imgbot scale 10              ten workers, at once",
    ]
    if before is not None:
        lines.append(f"  sudo imgbot install --rollback    back to {before}")
    return "\n".join(lines)
