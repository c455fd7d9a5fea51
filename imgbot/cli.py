"""argv → one command. Each command imports its own part, so that --help is instant."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from imgbot.domain.errors import EX_CONFIG
from imgbot.ops import commands as operating
from imgbot.ops.loadtest.arguments import loadtest_arguments
from imgbot.version import version

if TYPE_CHECKING:
    from imgbot.config.settings import Settings
    from imgbot.config.sources import SettingsSource


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0 as asked, 78 configuration, 1 anything else."""
    options = _parser().parse_args(argv)
    command = _COMMANDS.get(options.command)
    return command.run(options) if command else _run(options)


@dataclass(frozen=True, slots=True)
class _Command:
    """One command: its line in --help, its arguments, what it does."""

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


class _Parser(argparse.ArgumentParser):
    """Ends with 78 where an argument is wrong: 2 says other things here, and systemd knows 78."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EX_CONFIG, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="imgbot",
        description="A Telegram bot that makes pictures. Without a command it serves.",
        epilog="Settings are environment variables; the README lists them.",
    )
    parser.add_argument("--version", action="version", version=f"imgbot {version()}")
    parser.add_argument("--workers", type=int, metavar="N", help="how many workers exactly")
    parser.add_argument(
        "--users", type=int, metavar="N", help="size for so many users: one worker per 30"
    )
    parser.add_argument(
        "--accept-volatile-redis",
        action="store_true",
        help="run on a Redis that may lose jobs, for a trial",
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    for name, command in _COMMANDS.items():
        command.arguments(commands.add_parser(name, help=command.help))
    return parser


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8090, help="of the chat page (default 8090)")
    parser.add_argument(
        "--provider",
        default="builtin",
        help="who makes the pictures: builtin (default), simulated, or a real provider played by "
        "the sandbox: replicate-sim, fal-sim, kie-sim, bfl-sim, wavespeed-sim, openai-sim, "
        "comfyui-sim",
    )
    parser.add_argument(
        "--kill-after",
        type=float,
        metavar="SECONDS",
        help="kill the bot (SIGKILL) so long after each start, to see that nothing is lost",
    )


def _demo(options: argparse.Namespace) -> int:
    from imgbot.sandbox.demo import main as demo

    return demo(options.port, options.provider, options.kill_after)


_COMMANDS = {
    "demo": _Command(
        help="chat with the bot in a browser; needs nothing", arguments=_demo_arguments, run=_demo
    ),
    "status": _Command(
        help="how the running service stands",
        arguments=operating.status_arguments,
        run=operating.status,
    ),
    "doctor": _Command(
        help="examine the installation, and say what mends it; or check a provider's file",
        arguments=operating.doctor_arguments,
        run=operating.doctor,
    ),
    "redis-cli": _Command(
        help="send a command to the bot's Redis, wherever that is",
        arguments=operating.redis_cli_arguments,
        run=operating.redis_cli,
    ),
    "backup": _Command(
        help="copy everything that must outlive the server into one file",
        arguments=operating.backup_arguments,
        run=operating.backup,
    ),
    "restore": _Command(
        help="put such a file back, here or on another server",
        arguments=operating.restore_arguments,
        run=operating.restore,
    ),
    "install": _Command(
        help="put this program on this server as a service, or upgrade it",
        arguments=operating.install_arguments,
        run=operating.install,
    ),
    "scale": _Command(
        help="another number of workers for the bot that runs",
        arguments=operating.scale_arguments,
        run=operating.scale,
    ),
    "reload": _Command(
        help="have the bot that runs read its settings again",
        arguments=operating.reload_arguments,
        run=operating.reload,
    ),
    "prometheus-config": _Command(
        help="write what Prometheus and Grafana need into a folder",
        arguments=operating.prometheus_arguments,
        run=operating.prometheus_config,
    ),
    "loadtest": _Command(
        help="test this machine under the load of so many users",
        arguments=loadtest_arguments,
        run=operating.loadtest,
    ),
    "uninstall": _Command(
        help="remove the service; the data stays",
        arguments=operating.uninstall_arguments,
        run=operating.uninstall,
    ),
}


def _run(options: argparse.Namespace) -> int:
    from imgbot.config.sources import SettingsSource
    from imgbot.domain.errors import ConfigError

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
    """Logs, locks, pool, then the loop: each before what depends on it."""
    import uvloop

    from imgbot.imaging.pool import Pool, stop_helpers
    from imgbot.ops import state_dir as state
    from imgbot.ops.lock import InstanceLock
    from imgbot.telemetry import events as telemetry, logs

    logs.set_up(level=settings.log_level, style=settings.log_format, secrets=settings.secrets)
    try:
        with InstanceLock(settings.state_dir, settings.token.get_secret_value()):
            state.check(settings.state_dir)
            pool = Pool(settings.worker_count, on_restart=telemetry.worker_replaced)
            # The forkserver must start from a quiet process: no loop, no threads yet.
            pool.start()
            # Two seconds of imports, which a refused start need not spend.
            from imgbot.telegram.lazy_models import import_aiogram

            import_aiogram()
            from imgbot.supervisor import serve

            try:
                uvloop.run(serve(settings, source.read, pool))
            finally:
                stop_helpers()
    except Exception as error:  # noqa: BLE001 -- the last place where it can be told
        return _tell(error)
    return 0


def _tell(error: Exception) -> int:
    from imgbot.domain.errors import ConfigError, ImgbotError, flatten
    from imgbot.telemetry import events as telemetry

    ours = [each for each in flatten(error) if isinstance(each, ImgbotError)]
    # A wrong setting explains the errors beside it.
    known = sorted(ours, key=lambda each: not isinstance(each, ConfigError))
    if not known:
        telemetry.crashed(error)
        return 1
    telemetry.stopped_by(known[0])
    return EX_CONFIG if isinstance(known[0], ConfigError) else 1
