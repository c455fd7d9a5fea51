"""`imgbot install` and `imgbot uninstall`: look, plan, then print or carry out."""

import os
import pwd
from collections.abc import Mapping, Sequence
from pathlib import Path

from imgbot.domain.errors import EX_CONFIG, ConfigError
from imgbot.ops.install.answers import (
    Account,
    CheckProvider,
    InstallOptions,
    Tell,
    gather,
    placeholders,
)
from imgbot.ops.install.plan import Step, inspect, plan_install, plan_rollback, plan_uninstall
from imgbot.ops.install.release import InstallError
from imgbot.ops.installation import UNIT, Layout, umask
from imgbot.ops.service import ServiceError, has_systemd, show, wait_until_ready

_SETTING_IS_WRONG = (
    "Restarting will not help: the error line says which setting to change. Settings: sudoedit "
    "/etc/imgbot/imgbot.env, then sudo systemctl restart imgbot"
)


def install(options: InstallOptions, tell: Tell, layout: Layout, check: CheckProvider) -> None:
    """Install, upgrade, or find that nothing is to be done.

    Raises ConfigError for a wrong token or setting, InstallError and ServiceError for the rest;
    a refusal before the first step has changed nothing.
    """
    if options.is_dry_run:
        answers, account = placeholders(options, layout), None
    else:
        _check_root_and_systemd("install")
        answers, account = gather(options, layout, tell, check)
    facts = inspect(layout, answers, with_sandbox=options.with_sandbox)
    steps, version = plan_install(facts, layout), facts.release.version
    if options.is_dry_run:
        _print(steps, f"imgbot {version}", tell)
        return
    if not steps:
        layout.pending.unlink(missing_ok=True)
        tell(f"imgbot {version} is installed and running; nothing to do")
        return
    before, rollback = show(UNIT).invocation, plan_rollback(facts)
    _carry_out(steps, tell)
    if any(step.is_command for step in steps):
        tell("waiting until the service is ready …")
        _wait(before, rollback)
    layout.pending.unlink(missing_ok=True)
    tell(_next_steps(version, account, rollback))
    for file in {options.token_file, options.key_file} - {None, "-"}:
        tell(f"note: {file} still contains a secret and is no longer needed")


def roll_back(options: InstallOptions, layout: Layout) -> None:
    """Become the release that served before this one, and let it install itself.

    Raises ConfigError for an argument that does not go with it, InstallError for the rest.
    """
    given = {"--token-file": options.token_file, "--provider": options.provider}
    for option, value in {**given, "--key-file": options.key_file}.items():
        if value is not None:
            raise ConfigError(
                option,
                "--rollback keeps the stored token and all settings; to change them "
                f"afterwards: sudo imgbot install {option} {value}",
            )
    program = layout.previous / "bin/imgbot"
    if not program.exists():
        raise InstallError("there is no release to go back to: no other one has run here")
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


def uninstall(layout: Layout, tell: Tell, *, is_dry_run: bool, purge: bool) -> None:
    """Remove the service and the program; the data stays and is named, unless purged."""
    if not is_dry_run:
        _check_root_and_systemd("uninstall")
    watched = (
        *(layout.unit, layout.drop_ins, layout.command, layout.program, *layout.caches),
        *(layout.settings, layout.data, layout.private_data),
    )
    present = frozenset(str(path) for path in watched if os.path.lexists(path))
    if not layout.command.is_symlink():
        # Somebody else's program, which an installation has left alone, too.
        present -= {str(layout.command)}
    steps = plan_uninstall(layout, present, purge=purge)
    if is_dry_run:
        _print(steps, "removing imgbot", tell)
    else:
        _carry_out(steps, tell)
        tell("imgbot has been removed" if steps else "there is nothing to remove")
    data = layout.private_data if str(layout.private_data) in present else layout.data
    kept = [(data, "jobs and pictures"), (layout.settings, "settings, token and keys")]
    for path, what in kept:
        if str(path) in present and not purge:
            tell(f"kept: {path} ({what}); --purge removes it, too")


def home_of_caller(environ: Mapping[str, str]) -> Path | None:
    """Return the home of whoever became root by sudo; None where nobody did."""
    try:
        return Path(pwd.getpwnam(environ["SUDO_USER"]).pw_dir)
    except KeyError:
        return None


def _check_root_and_systemd(command: str) -> None:
    if os.geteuid() != 0:
        raise InstallError(f"this needs root: sudo imgbot {command}")
    if not has_systemd():
        raise InstallError(
            "systemd does not run on this machine; start the bot with your own service manager: "
            "IMGBOT_TOKEN=… imgbot"
        )


def _wait(before: str, rollback: str | None) -> None:
    try:
        wait_until_ready(UNIT, before)
    except ServiceError as error:
        if error.exit_status == EX_CONFIG:
            raise ServiceError(f"{error}\n{_SETTING_IS_WRONG}") from None
        hint = f"\nto go back to {rollback}, which worked: sudo imgbot install --rollback"
        raise ServiceError(f"{error}{hint if rollback else ''}") from None


def _carry_out(steps: Sequence[Step], tell: Tell) -> None:
    # Whatever root's umask is: the service must be able to read the program.
    with umask(0o022):
        for number, step in enumerate(steps, 1):
            tell(f"[{number}/{len(steps)}] {step.says}")
            try:
                step.carry_out()
            except OSError as error:
                raise InstallError(
                    f"could not {step.says}: {error.strerror}; fix that and run it again"
                ) from error


def _print(steps: Sequence[Step], what: str, tell: Tell) -> None:
    tell(f"{what} would take {len(steps)} step{'s' * (len(steps) > 1)}; nothing is changed:")
    for number, step in enumerate(steps, 1):
        tell(f"[{number}/{len(steps)}] {step.says}")


def _next_steps(version: str, account: Account | None, rollback: str | None) -> str:
    name = f"@{account.username}" if account is not None and account.username else "the bot"
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
