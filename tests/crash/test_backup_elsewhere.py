"""Backups that leave the machine by commands of the operator, and come back for a rehearsal."""

import gzip
import re
import time
from pathlib import Path

import pytest

from imgbot.telemetry.thresholds import THRESHOLDS
from tests.crash.conftest import Move
from tests.fixtures.bot import Bot
from tests.fixtures.commands import COMMAND, document_of, run, run_in
from tests.fixtures.waiting import eventually


def sends_to(bot: Bot, place: Path) -> None:
    bot.settings["IMGBOT_BACKUP_TO"] = f"cat > {place}"
    bot.settings["IMGBOT_BACKUP_FROM"] = f"cat {place}"


async def has_problem(bot: Bot, name: str) -> bool:
    return name in [problem["name"] for problem in (await document_of(bot))["problems"]]


async def is_well(bot: Bot, name: str) -> bool:
    return not await has_problem(bot, name)


def made_in_2023(backup: Path) -> bytes:
    """The same backup with another time of the same length in its manifest."""
    changed, count = re.subn(
        rb'("taken_ms": )\d{13}\b', rb"\g<1>1700000000000", gzip.decompress(backup.read_bytes())
    )
    assert count == 1
    return gzip.compress(changed)


async def test_a_backup_is_sent_away_and_read_back_once_a_week(move: Move, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere.tar.gz"
    sends_to(move.old, place)
    await move.old.start()

    first, second = await run(move.old, "backup"), await run(move.old, "backup")
    await move.old.stop()
    put = await run(move.new, "restore", str(place))

    assert (first.status, second.status, put.status) == (0, 0, 0), first.said + put.said
    assert "was read back" in first.said
    assert "was read back" not in second.said


@pytest.mark.parametrize(
    ("fetches", "reason"),
    [
        ("true", "is no good: "),
        ("head -c 700 {place}", "is no good: "),
        ("yes", "is no good: "),
        ("cat {foreign}", "the backup is of bot 987654321"),
        ("cat {old}", "too old"),
    ],
)
async def test_what_cannot_be_read_back_is_a_problem_until_it_can(
    move: Move, tmp_path: Path, fetches: str, reason: str
) -> None:
    place, foreign, old = (tmp_path / name for name in ("place", "foreign", "late"))
    move.new.settings["IMGBOT_TOKEN"] = "987654321:" + "C" * 35
    await run(move.new, "backup", str(foreign))
    await move.old.start()
    await run(move.old, "backup", str(old))
    old.write_bytes(made_in_2023(old))
    sends_to(move.old, place)
    move.old.settings["IMGBOT_BACKUP_FROM"] = fetches.format(place=place, foreign=foreign, old=old)

    bad = await run(move.old, "backup")
    assert (bad.status, reason in bad.said, "Traceback" in bad.said) == (1, True, False), bad.said
    sends_to(move.old, place)
    good = await run(move.old, "backup")

    assert (good.status, "was read back" in good.said) == (0, True), good.said
    assert not await has_problem(move.old, "rehearsal")


async def test_a_command_that_fails_sent_nothing_and_both_are_problems_in_time(move: Move) -> None:
    unset = await run(move.old, "backup")
    move.old.settings["IMGBOT_BACKUP_TO"] = "head -c 10 >/dev/null; exit 3"
    await move.old.start()
    failed = await run(move.old, "backup")
    at_first = await has_problem(move.old, "backup")
    late_ms = int((time.time() - THRESHOLDS["backup"].attention) * 1000)
    await run(
        move.old, "redis-cli", "HSET", "img:backups", "backup", str(late_ms), "rehearsal", "0"
    )
    for problem in ("backup", "rehearsal"):
        await eventually(lambda each=problem: has_problem(move.old, each), what="the problem")
    sends_to(move.old, move.file)
    mended = await run(move.old, "backup")

    assert (unset.status, "IMGBOT_BACKUP_TO" in unset.said) == (78, True), unset.said
    assert (failed.status, "status 3" in failed.said) == (1, True), failed.said
    assert "Traceback" not in failed.said
    assert not at_first
    assert mended.status == 0, mended.said
    for problem in ("backup", "rehearsal"):
        await eventually(lambda each=problem: is_well(move.old, each), what="its end")


async def test_a_backup_to_stdout_is_the_file_alone(move: Move) -> None:
    await move.old.start()

    told = await run(move.old, "backup", "--stop", "-")
    status, _, error = await run_in(
        move.old.environ, "/bin/sh", "-c", f"{' '.join(COMMAND)} backup - > {move.file}"
    )
    await move.old.stop()
    put = await run(move.new, "restore", str(move.file))

    assert (told.status, "--stop FILE" in told.said) == (1, True), told.said
    assert (status, "Redis key" in error, put.status) == (0, True, 0), error + put.said
