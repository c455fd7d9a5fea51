"""The commands of an operator's day: doctor, backup, restore. Each imports its part as it runs."""

import argparse
import os
import sys
from collections.abc import Coroutine
from typing import Any

from imgbot.errors import EX_CONFIG


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
        return _rehearse(options.provider)
    from imgbot.checkup import check_up
    from imgbot.ops.doctor import report

    found = asyncio.run(check_up(os.environ, is_fixing=options.fix))
    show = report.as_json if options.json else report.as_text
    print(show(found.findings, found.mended, found.secrets))
    return report.exit_status(found.findings)


def _rehearse(provider: str) -> int:
    """Check a provider's file and rehearse it; 78 if it cannot be used."""
    import asyncio

    from imgbot.errors import ConfigError
    from imgbot.providers.opening import rehearse

    try:
        lines = asyncio.run(rehearse(provider))
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
        help="without the finished pictures kept for the button “original file”",
    )


def backup(options: argparse.Namespace) -> int:
    from pathlib import Path

    from imgbot import moving

    wish = moving.Wish(
        Path(options.file),
        is_stopping=options.stop,
        has_secrets=options.with_secrets,
        has_pictures=not options.without_pictures,
    )
    return _carry_out(moving.backup(os.environ, wish))


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

    from imgbot import moving

    return _carry_out(moving.restore(os.environ, Path(options.file), is_forced=options.force))


def _carry_out(work: Coroutine[Any, Any, list[str]]) -> int:
    """Run it and print what it says; 78 for a wrong setting, 1 where it cannot be done."""
    import asyncio

    from imgbot.errors import ConfigError, ImgbotError

    try:
        lines = asyncio.run(work)
    except ConfigError as error:
        print(f"imgbot: {error}", file=sys.stderr)
        return EX_CONFIG
    except ImgbotError as error:
        print(f"imgbot: {error}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0
