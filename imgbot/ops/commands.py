"""The commands of an operator's day. Each imports its own part as it runs."""

import argparse
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from imgbot.domain.errors import EX_CONFIG


def status_arguments(parser: argparse.ArgumentParser) -> None:
    look = parser.add_mutually_exclusive_group()
    look.add_argument("--watch", action="store_true", help="stay, and show it live")
    look.add_argument("--json", action="store_true", help="print the document, for scripts")
    parser.epilog = (
        "Asks the service at IMGBOT_HTTP, from the environment or /etc/imgbot/imgbot.env; needs no "
        "token. Exit status: 0 normal or attention, 2 critical, 3 nobody answers, 78 IMGBOT_HTTP "
        "is wrong, 1 anything else."
    )


def status(options: argparse.Namespace) -> int:
    from imgbot.ops.status.command import main as show

    return show(is_watching=options.watch, is_json=options.json)


def doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--provider",
        metavar="FILE",
        help="check and rehearse a provider's file instead, without sending anything: a TOML "
        "file, or the name of a provider whose file comes with imgbot",
    )
    parser.add_argument(
        "--fix",
        action="store_true",
        help="mend what is safe: delete a webhook, close secrets to others",
    )
    parser.add_argument("--json", action="store_true", help="for scripts")


def doctor(options: argparse.Namespace) -> int:
    """Examine the installation; 1 if anything is wrong."""
    import asyncio

    if options.provider:
        return _dry_run(options.provider)
    from imgbot.ops.doctor import report
    from imgbot.ops.doctor.command import run_checks

    found = asyncio.run(run_checks(os.environ, is_fixing=options.fix))
    show = report.as_json if options.json else report.as_text
    print(show(found.findings, found.mended, found.secrets))
    return report.exit_status(found.findings)


def _dry_run(provider: str) -> int:
    """Check a provider's file and rehearse it; 78 if it cannot be used."""
    import asyncio

    from imgbot.domain.errors import ConfigError
    from imgbot.providers.factory import dry_run_spec

    try:
        lines = asyncio.run(dry_run_spec(provider))
    except ConfigError as error:
        print(f"imgbot: {error}", file=sys.stderr)
        return EX_CONFIG
    print("\n".join(lines))
    return 0


def backup_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Copies everything that must outlive the server into one file: jobs, preferences, "
        "history, pictures, settings. The bot may run meanwhile."
    )
    parser.epilog = (
        "To move a bot: `backup --stop FILE` here, `restore FILE` there. The bot that was stopped "
        "does not start here again, for two bots with the same jobs would order them twice."
    )
    parser.add_argument("file", metavar="FILE", help="what to write, like imgbot.tar.gz")
    parser.add_argument(
        "--stop", action="store_true", help="stop the bot first, and keep it from starting here"
    )
    parser.add_argument(
        "--with-secrets",
        action="store_true",
        help="the token and the keys, too: whoever reads the file then has the bot",
    )
    parser.add_argument(
        "--without-pictures",
        action="store_true",
        help="without the finished pictures kept for the button “As a file”",
    )


def backup(options: argparse.Namespace) -> int:
    from pathlib import Path

    from imgbot.ops.backup.command import BackupOptions, backup as make

    wish = BackupOptions(
        Path(options.file),
        is_stopping=options.stop,
        has_secrets=options.with_secrets,
        has_pictures=not options.without_pictures,
    )
    return _run_work(make(os.environ, wish))


def restore_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Puts a backup back, here or on another server, which goes on with the jobs that waited. "
        "The bot must not run, neither here nor at the old place."
    )
    parser.epilog = (
        "After `backup --stop` every job goes on where it was. After a backup of a bot that went "
        "on, a job that was not ordered then is looked up at its provider first, or repeated "
        "under the same key, or stops and says so: nothing is paid twice."
    )
    parser.add_argument("file", metavar="FILE", help="what `imgbot backup` has written")
    parser.add_argument(
        "--force", action="store_true", help="replace what is here already; it is lost"
    )


def restore(options: argparse.Namespace) -> int:
    from pathlib import Path

    from imgbot.ops.backup.restore import restore as put

    return _run_work(put(os.environ, Path(options.file), is_forced=options.force))


def redis_cli_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Sends one command to the bot's Redis, wherever that is, and prints the answer as "
        "redis-cli does: imgbot redis-cli LLEN rq:queue:img_queue"
    )
    parser.add_argument("command_words", metavar="COMMAND", nargs=argparse.REMAINDER)


def redis_cli(options: argparse.Namespace) -> int:
    from imgbot.ops.backup.redis_access import ask_redis

    return _run_work(ask_redis(os.environ, options.command_words or ["PING"]))


def install_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help="where the bot's token is, - for stdin; else it is asked for, or the stored one kept",
    )
    parser.add_argument(
        "--provider",
        metavar="NAME",
        help="who makes the pictures, as IMGBOT_PROVIDER; else it is asked for, or stays",
    )
    parser.add_argument(
        "--key-file",
        metavar="FILE",
        help="where the provider's key is, - for stdin (after the token, if both come from it); "
        "else a key that is missing is asked for",
    )
    parser.add_argument("--dry-run", action="store_true", help="print every step, change nothing")
    parser.add_argument(
        "--rollback", action="store_true", help="go back to the release that served before this one"
    )


def install(options: argparse.Namespace) -> int:
    from imgbot.ops.doctor.command import examine_provider
    from imgbot.ops.install import command
    from imgbot.ops.install.layout import Layout

    wish = command.Wish(options.token_file, options.provider, options.key_file, options.dry_run)
    if options.rollback:
        return _operated(lambda: command.roll_back(wish, Layout()))
    return _operated(lambda: command.install(wish, _say, Layout(), examine_provider))


def uninstall_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="print every step, change nothing")
    parser.add_argument(
        "--purge", action="store_true", help="remove settings, token, jobs and pictures, too"
    )


def uninstall(options: argparse.Namespace) -> int:
    from imgbot.ops.install import command
    from imgbot.ops.install.layout import Layout

    layout = Layout(home=command.home_of_caller(os.environ))
    return _operated(
        lambda: command.uninstall(layout, _say, is_rehearsal=options.dry_run, purge=options.purge)
    )


def scale_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", type=int, metavar="N", help="how many workers")


def scale(options: argparse.Namespace) -> int:
    from imgbot.ops.scale import scale as change

    return _operated(lambda: change(options.number, os.environ, _say))


def reload_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "As a service: sudo systemctl reload imgbot, which does this."


def reload(options: argparse.Namespace) -> int:  # noqa: ARG001 -- every command is given them
    from imgbot.ops.scale import reload as change

    return _operated(lambda: change(os.environ, _say))


def prometheus_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="where to, like /etc/prometheus")


def prometheus_config(options: argparse.Namespace) -> int:
    from pathlib import Path

    from imgbot.ops.packaged_files import write_prometheus_config
    from imgbot.ops.status.command import target_of

    def act() -> None:
        target = str(target_of(os.environ).address)
        _say("\n".join(write_prometheus_config(Path(options.folder), target)))

    return _operated(act)


def loadtest(options: argparse.Namespace) -> int:
    """Test under load; the status of the criteria, or that of what stopped it."""
    from imgbot.ops.loadtest.command import main as test
    from imgbot.ops.loadtest.options import LoadTestOptions

    def act() -> int:
        low_s, high_s = options.picture_seconds
        wish = LoadTestOptions(
            users=options.people,
            workers=options.lanes,
            minutes=options.minutes,
            provider=options.provider,
            picture_s=(low_s, high_s),
            is_resizing=options.resize,
        )
        return test(wish, is_json=options.json)

    return _operated(act)


def _run_work(work: Coroutine[Any, Any, list[str]]) -> int:
    """Run it and print what it says."""
    import asyncio

    return _operated(lambda: _say("\n".join(asyncio.run(work))))


def _say(line: str) -> None:
    # At once: what comes after may take a minute, or be a refusal on the other stream.
    print(line, flush=True)


def _operated(act: Callable[[], int | None]) -> int:
    """Do something for the operator; what stops it is a sentence, not a stack.

    Returns the exit status: what `act` gives, 0 where it gives none.
    """
    from imgbot.domain.errors import ConfigError, ImgbotError

    try:
        return act() or 0
    except ImgbotError as error:
        print(f"imgbot: {error}", file=sys.stderr)
        return EX_CONFIG if isinstance(error, ConfigError) else 1
    except OSError as error:
        print(f"imgbot: {_sentence(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("imgbot: stopped in the middle; run it again to finish", file=sys.stderr)
        return 1


def _sentence(error: OSError) -> str:
    """Say what the system refused, and to what file, as far as it says either."""
    why = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {why}" if error.filename is not None else why
