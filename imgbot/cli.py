"""Command line of imgbot. Each command imports its own part, so that --help is instant."""

from __future__ import annotations

import argparse
import os
import sys
import tomllib
from contextlib import suppress

from imgbot.domain.errors import EX_CONFIG, ConfigError, ImgbotError, flatten

TYPE_CHECKING = False
if TYPE_CHECKING:
    # A tenth of what --help takes.
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from typing import Any, NoReturn

    from imgbot.config.settings import Settings
    from imgbot.config.sources import SettingsSource

    _Argument = tuple[Sequence[str], Mapping[str, Any]]
    _Command = tuple[
        Callable[[argparse.Namespace], int | None], Sequence[_Argument], dict[str, str]
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0 as asked, 78 configuration, 1 anything else."""
    options = _parser().parse_args(argv)
    if options.command is None:
        return _run_bot(options)
    return _run_command(_COMMANDS[options.command], options)


class _Parser(argparse.ArgumentParser):
    """Ends with 78 where an argument is wrong: 2 has other meanings here, and systemd knows 78."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EX_CONFIG, f"{self.prog}: {message}\n")


class _PrintVersion(argparse.Action):
    """Asks for the version only when it is wanted: in a checkout that takes git."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from imgbot.version import version

        print(f"imgbot {version()}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    # By its path: importlib.resources would take longer than all the rest.
    with open(f"{os.path.dirname(__file__)}/cli.toml", "rb") as file:  # noqa: PTH120, PTH123
        tables = tomllib.load(file)
    about = tables.pop("imgbot")
    parser = _Parser(prog="imgbot", description=about["description"], epilog=about["epilog"])
    parser.add_argument(
        "--version", action=_PrintVersion, nargs=0, help="show program's version number and exit"
    )
    _add_arguments(parser, about["arguments"])
    commands = parser.add_subparsers(dest="command", metavar="command")
    for name, about in tables.items():
        arguments = about.pop("arguments", {})
        _add_arguments(commands.add_parser(name, **about), arguments)
    return parser


def _add_arguments(parser: argparse.ArgumentParser, arguments: Mapping[str, Any]) -> None:
    types = {"int": int, "float": float}
    for name, about in arguments.items():
        if "type" in about:
            about["type"] = _number_of(types[about["type"]], about.pop("range", None))
        if isinstance(about.get("metavar"), list):
            about["metavar"] = tuple(about["metavar"])
        parser.add_argument(name, **about)


def _number_of(kind: type[float], bounds: Sequence[float] | None) -> Callable[[str], float]:
    """Return what makes a number of an argument, and refuses one out of bounds."""
    if bounds is None:
        return kind
    low, high = bounds
    sentence = f"write {'a whole' if kind is int else 'a'} number from {low:g} to {high:g}"

    def number(text: str) -> float:
        with suppress(ValueError):
            if low <= (value := kind(text)) <= high:
                return value
        raise argparse.ArgumentTypeError(sentence)

    return number


def _run_command(
    run: Callable[[argparse.Namespace], int | None], options: argparse.Namespace
) -> int:
    """Run a command of the operator; a refusal is one sentence, not a stack trace."""
    try:
        return run(options) or 0
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

        _print("\n".join(dry_run_spec(options.provider)))
        return 0
    from imgbot.ops.doctor import command

    found = asyncio.run(command.run_checks(os.environ, is_fixing=options.fix))
    print(found.json() if options.json else found.text())
    return found.exit_status


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

    return command.uninstall(Layout(), _print, is_dry_run=options.dry_run, purge=options.purge)


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

    target = str(target_of(os.environ).addresses[0])
    _print("\n".join(write_prometheus_config(Path(options.folder), target)))


def _loadtest(options: argparse.Namespace) -> int:
    _require_sandbox()
    from imgbot.ops.loadtest.command import main as test
    from imgbot.ops.loadtest.run import LoadTestOptions

    low_s, high_s = options.picture_seconds
    wish = LoadTestOptions(
        users=options.simulated_users,
        workers=options.simulated_workers,
        minutes=options.minutes,
        provider=options.provider,
        picture_s=(low_s, high_s),
        think_s=options.closed_loop,
        faults=options.faults.split(",") if options.faults else (),
        is_resizing=options.resize,
    )
    return test(wish, is_json=options.json, svg=options.svg)


_COMMANDS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "demo": _demo,
    "status": _status,
    "doctor": _doctor,
    "redis-cli": _redis_cli,
    "backup": _backup,
    "restore": _restore,
    "install": _install,
    "scale": _scale,
    "reload": _reload,
    "prometheus-config": _prometheus_config,
    "loadtest": _loadtest,
    "uninstall": _uninstall,
}


def _run_bot(options: argparse.Namespace) -> int:
    import gc

    # Nothing of what is imported is ever garbage: looking for it takes a sixth of the time.
    gc.disable()
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


def _serve(settings: Settings, source: SettingsSource) -> int:
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
        telemetry.critical("stopped by an unexpected error", exc_info=error)
        return 1
    telemetry.error("%s", known[0])
    return EX_CONFIG if isinstance(known[0], ConfigError) else 1
