"""Command line of imgbot. Each command imports its own part, so that --help is instant."""

from __future__ import annotations

import argparse
import os
import sys
import tomllib
from contextlib import suppress

from imgbot.domain.errors import (
    EX_CONFIG,
    FULL,
    ConfigError,
    ImgbotError,
    flatten,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    # A tenth of what --help takes.
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Any, NoReturn

    from imgbot.config.settings import Settings
    from imgbot.config.sources import SettingsSource


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0 as asked, 78 configuration, 1 anything else."""
    _replace_closed_streams()
    options = _parser().parse_args(argv)
    if options.is_asking_version:
        return _flushed(_show_version(is_verbose=options.is_verbose))
    if options.command is None:
        return _run_bot(options)
    arguments = {name: getattr(options, name) for name in options.names}
    return _flushed(_run_command(options.run, arguments))


def _replace_closed_streams() -> None:
    """Reopen streams that the caller closed; otherwise the next file would take their place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _flushed(status: int) -> int:
    """Write out what was printed; return the exit status, 1 where that is not possible."""
    try:
        sys.stdout.flush()
    except OSError as error:
        # A reader such as `head` has had enough.
        if not isinstance(error, BrokenPipeError):
            _refuse(str(error.strerror))
    else:
        return status
    # Otherwise the interpreter would try again when it exits, and report it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


class _Parser(argparse.ArgumentParser):
    """Ends with 78 where an argument is wrong: 2 has other meanings here, and systemd knows 78."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EX_CONFIG, f"{self.prog}: {message}\n")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        super().exit(_flushed(status), message)


def _show_version(*, is_verbose: bool) -> int:
    from imgbot.version import version

    print(f"imgbot {version()}")
    return _run_command("imgbot.ops.install.release:parts", {}) if is_verbose else 0


def _parser() -> argparse.ArgumentParser:
    # By its path: importlib.resources would take longer than all the rest.
    with open(f"{os.path.dirname(__file__)}/cli.toml", "rb") as file:  # noqa: PTH120, PTH123
        tables = tomllib.load(file)
    about = tables.pop("imgbot")
    parser = _Parser(prog="imgbot", description=about["description"], epilog=about["epilog"])
    _add_arguments(parser, about["arguments"])
    commands = parser.add_subparsers(dest="command", metavar="command")
    for command, about in tables.items():
        run, arguments = about.pop("run"), about.pop("arguments", {})
        its_parser = commands.add_parser(command, **about)
        its_parser.set_defaults(run=run, names=_add_arguments(its_parser, arguments))
    return parser


def _add_arguments(parser: argparse.ArgumentParser, arguments: Mapping[str, Any]) -> list[str]:
    """Add arguments; return the names of their values."""
    types, names = {"int": int, "float": float}, list[str]()
    for name, about in arguments.items():
        if "type" in about:
            about["type"] = _number_of(types[about["type"]], about.pop("range", None))
        if isinstance(about.get("metavar"), list):
            about["metavar"] = tuple(about["metavar"])
        names.append(parser.add_argument(name, **about).dest)
    return names


def _number_of(kind: type[float], bounds: Sequence[float] | None) -> Callable[[str], float]:
    """Return a parser of numbers that refuses those out of bounds."""
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


def _run_command(run: str, arguments: dict[str, Any]) -> int:
    """Run a command of the operator; a refusal is one sentence, not a stack trace."""
    try:
        return _call(run, arguments)
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("imgbot.sandbox"):
            raise
        return _refuse(
            "the sandbox is not installed here; run this where imgbot was installed from, or run "
            "`imgbot install --with-sandbox` there"
        )
    except ImgbotError as error:
        return _refuse(str(error), error.exit_status)
    except BrokenPipeError:
        return 1
    except OSError as error:
        if status := _flushed(0):
            return status
        why = error.strerror or str(error) or type(error).__name__
        return _refuse(f"{error.filename}: {why}" if error.filename is not None else why)
    except KeyboardInterrupt:
        return _refuse("interrupted; run it again to finish")


def _call(run: str, arguments: dict[str, Any]) -> int:
    import asyncio
    from importlib import import_module

    module, _, function = run.partition(":")
    done = getattr(import_module(module), function)(**arguments)
    if asyncio.iscoroutine(done):
        done = asyncio.run(done)
    if isinstance(done, list):
        sys.stdout.writelines(f"{line}\n" for line in done)
        return 0
    return done or 0


def _refuse(sentence: str, status: int = 1) -> int:
    print(f"imgbot: {sentence}", file=sys.stderr)
    return status


def _run_bot(options: argparse.Namespace) -> int:
    import gc

    # Nothing of what is imported is ever garbage: looking for it takes a sixth of the time.
    gc.disable()
    from imgbot.config.sources import SettingsSource

    overrides: dict[str, object] = {
        "IMGBOT_WORKERS": options.workers,
        "IMGBOT_USERS": options.users,
    }
    source = SettingsSource(os.environ, overrides)
    try:
        settings = source.read()
    except ConfigError as error:
        return _refuse(str(error), EX_CONFIG)
    return _serve(settings, source)


def _serve(settings: Settings, source: SettingsSource) -> int:
    """Start logs, lock, pool, Redis and event loop, in the order of their dependencies."""
    from imgbot.ops import state_directory
    from imgbot.ops.state_directory import instance_lock
    from imgbot.painter.pool import Pool, stop_helpers
    from imgbot.storage.server.process import RedisServer
    from imgbot.telemetry import events, logs

    logs.set_up(level=settings.log_level, secrets=settings.secrets)
    try:
        # The bots of a cluster may be on one machine, where its lease tells them apart.
        token = "" if settings.is_clustered else settings.token.get_secret_value()
        with instance_lock(settings.state_dir, token):
            state_directory.check_usable(settings.state_dir)
            pool = Pool(settings.worker_count, on_restart=events.worker_replaced)
            # The forkserver must start from a quiet process: no loop, no threads yet.
            pool.start()
            server = None
            if settings.redis_url is None:
                server = RedisServer(settings.state_dir, memory_bytes=settings.redis_memory_bytes)
                # It loads its data while this process imports the rest.
                server.spawn()
            serve, run = _import_bot()
            try:
                return int(run(serve(settings, source.read, pool, server)))
            finally:
                stop_helpers()
    except Exception as error:  # noqa: BLE001 -- the last place where it can be logged
        return _log_end(error, settings.state_dir)


def _import_bot() -> tuple[Any, Any]:
    """Import what serves, which a refused start need not wait for."""
    import gc

    from imgbot.telegram.lazy_models import import_aiogram

    import_aiogram()
    import uvloop

    from imgbot.supervisor import serve

    gc.freeze()
    # Most of what a step makes is gone soon after it: the default looks for it every 700 objects.
    gc.set_threshold(20_000)
    gc.enable()
    return serve, uvloop.run


def _log_end(error: Exception, state_dir: Path) -> int:
    """Log why the bot ended; return the exit status."""
    from imgbot.ops.resource_usage import disk_problem
    from imgbot.telemetry import events

    leaves = flatten(error)
    ours = [each for each in leaves if isinstance(each, ImgbotError)]
    # A wrong setting explains the errors beside it.
    known = sorted(ours, key=lambda each: not isinstance(each, ConfigError))
    known += [each for each in leaves if isinstance(each, OSError) and each.errno in FULL]
    if not known:
        events.critical("stopped by an unexpected error", exc_info=error)
        return 1
    if isinstance(known[0], ConfigError):
        events.error("%s", known[0])
        return EX_CONFIG
    events.error("; ".join(filter(None, (str(known[0]), disk_problem(state_dir)))))
    return 1
