"""Command line of imgbot. Each command imports its own part, so that --help is instant."""

import argparse
import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from imgbot.domain.errors import EX_CONFIG, ConfigError, ImgbotError, flatten
from imgbot.version import version

if TYPE_CHECKING:
    from imgbot.config.settings import Settings
    from imgbot.config.sources import SettingsSource

_Argument = tuple[Sequence[str], Mapping[str, Any]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0 as asked, 78 configuration, 1 anything else."""
    options = _parser().parse_args(argv)
    command = _COMMANDS.get(options.command)
    return _run_command(command, options) if command else _run_bot(options)


@dataclass(frozen=True, slots=True)
class _Command:
    """One command: its help, its arguments and the function that runs it.

    The function returns the exit status, or None for 0.
    """

    run: Callable[[argparse.Namespace], int | None]
    help: str
    arguments: Sequence[_Argument] = ()
    is_exclusive: bool = False
    """Only one of the arguments may be given."""
    description: str | None = None
    epilog: str | None = None


class _Parser(argparse.ArgumentParser):
    """Ends with 78 where an argument is wrong: 2 has other meanings here, and systemd knows 78."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EX_CONFIG, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="imgbot",
        description="A Telegram bot that makes pictures. Without a command it runs the bot.",
        epilog="Settings are environment variables; the README lists them.",
    )
    parser.add_argument("--version", action="version", version=f"imgbot {version()}")
    for names, about in _BOT_ARGUMENTS:
        parser.add_argument(*names, **about)
    commands = parser.add_subparsers(dest="command", metavar="command")
    for name, command in _COMMANDS.items():
        sub = commands.add_parser(
            name, help=command.help, description=command.description, epilog=command.epilog
        )
        group = sub.add_mutually_exclusive_group() if command.is_exclusive else sub
        for names, about in command.arguments:
            group.add_argument(*names, **about)
    return parser


def _argument(*names: str, **about: Any) -> _Argument:
    return names, about


def _flag(name: str, about: str) -> _Argument:
    return (name,), {"action": "store_true", "help": about}


def _run_command(command: _Command, options: argparse.Namespace) -> int:
    """Run a command of the operator; a refusal is one sentence, not a stack trace."""
    try:
        return command.run(options) or 0
    except ImgbotError as error:
        print(f"imgbot: {error}", file=sys.stderr)
        return EX_CONFIG if isinstance(error, ConfigError) else 1
    except OSError as error:
        why = error.strerror or str(error) or type(error).__name__
        where = f"{error.filename}: " if error.filename is not None else ""
        print(f"imgbot: {where}{why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("imgbot: interrupted; run it again to finish", file=sys.stderr)
        return 1


def _print(line: str) -> None:
    # At once: the next step may take a minute, or be a refusal on the other stream.
    print(line, flush=True)


def _print_result(work: Coroutine[Any, Any, list[str]]) -> None:
    import asyncio

    _print("\n".join(asyncio.run(work)))


def _require_sandbox() -> None:
    """Raise ImgbotError where an installation left the sandbox out."""
    from imgbot.ops.installation import has_sandbox

    if not has_sandbox():
        raise ImgbotError(
            "the sandbox is not installed here; run this where imgbot was installed from, or run "
            "`imgbot install --with-sandbox` there"
        )


def _demo(options: argparse.Namespace) -> int:
    _require_sandbox()
    from imgbot.sandbox.demo import main as demo

    return demo(options.port, options.provider, options.kill_after)


def _status(options: argparse.Namespace) -> int:
    from imgbot.ops.status.command import main as status

    return status(is_watching=options.watch, is_json=options.json)


def _doctor(options: argparse.Namespace) -> int:
    import asyncio

    if options.provider:
        from imgbot.providers.factory import dry_run_spec

        _print_result(dry_run_spec(options.provider))
        return 0
    from imgbot.ops.doctor import command

    found = asyncio.run(command.run_checks(os.environ, is_fixing=options.fix))
    show = command.as_json if options.json else command.as_text
    print(show(found.findings, found.mended, found.secrets))
    return command.exit_status(found.findings)


def _redis_cli(options: argparse.Namespace) -> None:
    from imgbot.ops.backup.redis_access import ask_redis

    _print_result(ask_redis(os.environ, options.command_words or ["PING"]))


def _backup(options: argparse.Namespace) -> None:
    from pathlib import Path

    from imgbot.ops.backup.command import BackupOptions, backup

    wish = BackupOptions(
        Path(options.file),
        is_stopping=options.stop,
        has_secrets=options.with_secrets,
        has_pictures=not options.without_pictures,
    )
    _print_result(backup(os.environ, wish))


def _restore(options: argparse.Namespace) -> None:
    from pathlib import Path

    from imgbot.ops.backup.restore import restore

    _print_result(restore(os.environ, Path(options.file), is_forced=options.force))


def _install(options: argparse.Namespace) -> int | None:
    from imgbot.ops.doctor.command import examine_provider
    from imgbot.ops.install import command
    from imgbot.ops.installation import Layout

    wish = command.InstallOptions(
        options.token_file,
        options.provider,
        options.key_file,
        options.dry_run,
        with_sandbox=options.with_sandbox,
    )
    if options.rollback:
        return command.roll_back(wish, Layout())
    return command.install(wish, _print, Layout(), examine_provider)


def _uninstall(options: argparse.Namespace) -> int | None:
    from imgbot.ops.install import command
    from imgbot.ops.installation import Layout

    layout = Layout(home=command.home_of_caller(os.environ))
    return command.uninstall(layout, _print, is_dry_run=options.dry_run, purge=options.purge)


def _scale(options: argparse.Namespace) -> int | None:
    from imgbot.ops.service import scale

    return scale(options.number, os.environ, _print)


def _reload(_options: argparse.Namespace) -> int | None:
    from imgbot.ops.service import reload

    return reload(os.environ, _print)


def _prometheus_config(options: argparse.Namespace) -> None:
    from pathlib import Path

    from imgbot.ops.installation import write_prometheus_config
    from imgbot.ops.status.command import target_of

    target = str(target_of(os.environ).address)
    _print("\n".join(write_prometheus_config(Path(options.folder), target)))


def _loadtest(options: argparse.Namespace) -> int:
    _require_sandbox()
    from imgbot.ops.loadtest.bench import LoadTestOptions
    from imgbot.ops.loadtest.command import main as test

    low_s, high_s = options.picture_seconds
    wish = LoadTestOptions(
        users=options.simulated_users,
        workers=options.simulated_workers,
        minutes=options.minutes,
        provider=options.provider,
        picture_s=(low_s, high_s),
        is_resizing=options.resize,
    )
    return test(wish, is_json=options.json)


_BOT_ARGUMENTS = (
    _argument("--workers", type=int, metavar="N", help="number of worker processes"),
    _argument(
        "--users",
        type=int,
        metavar="N",
        help="number of users to size for: one worker per 30 users, at least 5",
    ),
    _flag("--accept-volatile-redis", "run on a Redis that may lose jobs, for a trial"),
)

_JSON = _flag("--json", "print JSON, for scripts")
_DRY_RUN = _flag("--dry-run", "print every step, change nothing")

_COMMANDS = {
    "demo": _Command(
        _demo,
        "chat with the bot in a browser; needs no token and no key",
        [
            _argument(
                "--port", type=int, default=8090, help="port of the chat page (default 8090)"
            ),
            _argument(
                "--provider",
                default="builtin",
                help="image provider: builtin (default), simulated, or a preset played by the "
                "sandbox: replicate-sim, fal-sim, kie-sim, bfl-sim or wavespeed-sim",
            ),
            _argument(
                "--kill-after",
                type=float,
                metavar="SECONDS",
                help="kill the bot (SIGKILL) that long after each start, to see that no job is "
                "lost",
            ),
        ],
    ),
    "status": _Command(
        _status,
        "show the status of the running service",
        [_flag("--watch", "keep running and refresh the screen"), _JSON],
        is_exclusive=True,
        epilog="Asks the service at IMGBOT_HTTP, from the environment or /etc/imgbot/imgbot.env; "
        "needs no token. Exit status: 0 normal or attention, 2 critical, 3 no answer, "
        "78 IMGBOT_HTTP is wrong, 1 anything else.",
    ),
    "doctor": _Command(
        _doctor,
        "check the installation and say how to fix it, or check a provider file",
        [
            _argument(
                "--provider",
                metavar="FILE",
                help="check a provider file instead and print its requests without sending any: "
                "a TOML file, or the name of a preset",
            ),
            _flag("--fix", "fix what is safe: delete a webhook, restrict access to secrets"),
            _JSON,
        ],
    ),
    "redis-cli": _Command(
        _redis_cli,
        "send one command to the bot's Redis",
        [_argument("command_words", metavar="COMMAND", nargs=argparse.REMAINDER)],
        description="Sends one command to the Redis that the bot uses, embedded or external, and "
        "prints the reply as redis-cli does: imgbot redis-cli LLEN rq:queue:img_queue",
    ),
    "backup": _Command(
        _backup,
        "write jobs, users, pictures and settings to one file",
        [
            _argument("file", metavar="FILE", help="file to write, like imgbot.tar.gz"),
            _flag("--stop", "stop the bot first, and keep it from starting here again"),
            _flag(
                "--with-secrets",
                "include the token and the keys: anyone who can read the file controls the bot",
            ),
            _flag(
                "--without-pictures",
                "leave out the finished pictures kept for the button “As a file”",
            ),
        ],
        description="Writes everything that must outlive the server to one file: jobs, "
        "preferences, history, pictures, settings. The bot may keep running.",
        epilog="To move a bot: `backup --stop FILE` here, `restore FILE` there. A bot stopped this "
        "way does not start here again, because two bots with the same jobs would submit them "
        "twice.",
    ),
    "restore": _Command(
        _restore,
        "restore a backup, here or on another server",
        [
            _argument("file", metavar="FILE", help="file written by `imgbot backup`"),
            _flag("--force", "replace the data that is here already; it is lost"),
        ],
        description="Restores a backup, here or on another server; its jobs are then resumed. The "
        "bot must not run, neither here nor on the old server.",
        epilog="After `backup --stop` every job resumes where it was. After a backup of a bot that "
        "kept running, a job that was not submitted then is looked up at its provider first, or "
        "repeated under the same key, or stops and says so: nothing is paid twice.",
    ),
    "install": _Command(
        _install,
        "install or upgrade the service on this server",
        [
            _argument(
                "--token-file",
                metavar="FILE",
                help="file with the bot's token, - for stdin (default: keep the stored token, "
                "else prompt for it)",
            ),
            _argument(
                "--provider",
                metavar="NAME",
                help="image provider, as IMGBOT_PROVIDER (default: keep the setting, else prompt)",
            ),
            _argument(
                "--key-file",
                metavar="FILE",
                help="file with the provider's key, - for stdin (after the token, if both come "
                "from it; default: prompt for a missing key)",
            ),
            _DRY_RUN,
            _flag("--with-sandbox", "install what `imgbot demo` and `imgbot loadtest` need, too"),
            _flag("--rollback", "go back to the previous release"),
        ],
    ),
    "scale": _Command(
        _scale,
        "change the number of workers of a running bot",
        [_argument("number", type=int, metavar="N", help="number of workers")],
    ),
    "reload": _Command(
        _reload,
        "make a running bot read its settings again",
        epilog="As a service: sudo systemctl reload imgbot, which does this.",
    ),
    "prometheus-config": _Command(
        _prometheus_config,
        "write the Prometheus and Grafana files into a folder",
        [_argument("folder", metavar="DIR", help="target folder, like /etc/prometheus")],
    ),
    "loadtest": _Command(
        _loadtest,
        "test this machine under load",
        [
            _argument(
                "--users",
                dest="simulated_users",
                type=int,
                nargs="+",
                default=[300],
                metavar="N",
                help="number of simulated users; several numbers run one after the other "
                "(default 300)",
            ),
            _argument(
                "--workers",
                dest="simulated_workers",
                type=int,
                metavar="N",
                help="number of workers (default: one per 30 users, at least 5)",
            ),
            _argument(
                "--minutes",
                type=float,
                default=5.0,
                metavar="M",
                help="duration of each run (default 5)",
            ),
            _argument(
                "--provider",
                default="simulated",
                metavar="NAME",
                help="image provider: simulated (default), builtin, or a preset played by the "
                "sandbox, like replicate-sim",
            ),
            _argument(
                "--picture-seconds",
                type=float,
                nargs=2,
                default=[10.0, 30.0],
                metavar=("LOW", "HIGH"),
                help="how long the provider takes for a picture (default 10 30)",
            ),
            _flag(
                "--resize",
                "run the same requests three times: to warm up, without and with workers being "
                "added and removed; reports the delay this causes",
            ),
            _JSON,
        ],
        description="Simulates that many users on this machine and reports whether the guide's "
        "criteria are met. It uses a Telegram, a Redis, a folder and a token of its own, removed "
        "afterwards; your bot may keep running, only CPU time is shared.",
        epilog="Each user sends one request per quarter of an hour (one worker per 30 users, a "
        "picture in less than 30 s), and one more in the peak, the last fifth of the time. "
        "Exit status: 0 the criteria are met and nothing was lost or doubled, 2 they are not, "
        "78 an argument is wrong, 130 interrupted, 1 anything else.",
    ),
    "uninstall": _Command(
        _uninstall,
        "remove the service and keep its data",
        [_DRY_RUN, _flag("--purge", "remove settings, token, jobs and pictures as well")],
    ),
}


def _run_bot(options: argparse.Namespace) -> int:
    from imgbot.config.sources import SettingsSource

    overrides: dict[str, object] = {
        "IMGBOT_WORKERS": options.workers,
        "IMGBOT_USERS": options.users,
        "IMGBOT_ACCEPT_VOLATILE_REDIS": options.accept_volatile_redis or None,
    }
    source = SettingsSource(os.environ, overrides)
    try:
        settings = source.read()
    except ConfigError as error:
        print(f"imgbot: {error}", file=sys.stderr)
        return EX_CONFIG
    return _serve(settings, source)


def _serve(settings: "Settings", source: "SettingsSource") -> int:
    """Start logs, lock, pool, Redis and event loop, in the order of their dependencies."""
    from imgbot.imaging.pool import Pool, stop_helpers
    from imgbot.ops import state_dir as state
    from imgbot.ops.state_dir import InstanceLock
    from imgbot.storage.server.process import RedisServer
    from imgbot.telemetry import events as telemetry, logs

    logs.set_up(level=settings.log_level, style=settings.log_format, secrets=settings.secrets)
    try:
        with InstanceLock(settings.state_dir, settings.token.get_secret_value()):
            state.check(settings.state_dir)
            pool = Pool(settings.worker_count, on_restart=telemetry.worker_replaced)
            # The forkserver must start from a quiet process: no loop, no threads yet.
            pool.start()
            server = None
            if settings.redis_url is None:
                server = RedisServer(settings.state_dir, memory_bytes=settings.redis_memory_bytes)
                # It loads its data while this process imports the rest.
                server.spawn()
            serve, run = _import_bot()
            try:
                run(serve(settings, source.read, pool, server))
            finally:
                stop_helpers()
    except Exception as error:  # noqa: BLE001 -- the last place where it can be logged
        return _log_end(error)
    return 0


def _import_bot() -> tuple[Any, Any]:
    """Import what serves, which a refused start need not wait for."""
    import gc

    # Nothing of what is imported is ever garbage: looking for it takes a sixth of the time.
    gc.disable()
    from imgbot.telegram.lazy_models import import_aiogram

    import_aiogram()
    import uvloop

    from imgbot.supervisor import serve

    gc.freeze()
    gc.enable()
    return serve, uvloop.run


def _log_end(error: Exception) -> int:
    """Log why the bot ended; return the exit status."""
    from imgbot.telemetry import events as telemetry

    ours = [each for each in flatten(error) if isinstance(each, ImgbotError)]
    # A wrong setting explains the errors beside it.
    known = sorted(ours, key=lambda each: not isinstance(each, ConfigError))
    if not known:
        telemetry.crashed(error)
        return 1
    telemetry.stopped_by(known[0])
    return EX_CONFIG if isinstance(known[0], ConfigError) else 1
