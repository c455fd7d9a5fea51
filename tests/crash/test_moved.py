"""A bot with work under way moves to another state directory: one picture and one charge each."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from imgbot.sandbox.server import Sandbox
from tests.crash.test_supervisor_killed import (
    ask_for_pictures,
    expect_one_each,
    field_is_set,
)
from tests.support.bot import Bot, with_simulated_provider
from tests.support.sandbox import Control, open_sandbox
from tests.support.waiting import PATIENCE_S, eventually


@dataclass(frozen=True, slots=True)
class Ended:
    status: int
    said: str


async def run(bot: Bot, *arguments: str) -> Ended:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "imgbot", *arguments),
        env=bot.environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE_S):
        output, _ = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, output.decode())


@dataclass(frozen=True, slots=True)
class Move:
    """An old place, a new one, and the file between them."""

    control: Control
    old: Bot
    new: Bot
    file: Path


def bot_at(folder: Path, sandbox: Sandbox, **settings: str) -> Bot:
    state_dir = folder / "state"
    state_dir.mkdir(parents=True)
    settings = with_simulated_provider(sandbox) | {"IMGBOT_RUNNING_PER_USER": "1"} | settings
    return Bot(sandbox, state_dir, **settings)


@pytest.fixture
async def move(tmp_path: Path) -> AsyncIterator[Move]:
    async with open_sandbox() as (sandbox, control):
        await control.set_provider(duration_s=[2.0, 3.0])
        old, new = bot_at(tmp_path / "old", sandbox), bot_at(tmp_path / "new", sandbox)
        yield Move(control, old, new, tmp_path / "imgbot.tar.gz")
        for bot in (old, new):
            assert bot.secrets_in_log() == []
            if bot.is_running:
                await bot.stop()


async def some_wait_and_some_run(move: Move) -> None:
    """Five people with a picture each under way, and one of them with two that wait."""
    await eventually(
        lambda: field_is_set(move.old, "state", "polling"),
        lambda found: len(found) >= 3,
        what="jobs that are asked for",
    )
    await eventually(
        lambda: field_is_set(move.old, "state", "queued"),
        lambda found: len(found) >= 2,
        what="jobs that wait",
    )


async def test_a_stopped_bot_goes_on_elsewhere(move: Move) -> None:
    control = move.control
    await move.old.start()
    people = await ask_for_pictures(control, 5, "a fox [[sim:slow=4]]")
    for words in ("a crow", "an owl"):
        await control.say(people[0], words)
    await control.say(people[1], "/quiet")
    await some_wait_and_some_run(move)

    made = await run(move.old, "backup", "--stop", str(move.file))
    put = await run(move.new, "restore", str(move.file))
    refused = await run(move.old)
    await move.new.start()

    assert (made.status, put.status) == (0, 0), made.said + put.said
    assert "7 jobs under way" in made.said
    assert move.file.stat().st_mode & 0o777 == 0o600
    assert (refused.status, "moved" in refused.said) == (78, True)
    await expect_each(move, people, [3, 1, 1, 1, 1])
    async with move.new.redis() as redis:
        assert await redis.hget(f"img:user:{people[1].id}", "is_quiet") == "1"


async def expect_each(move: Move, people: list, counts: list[int]) -> None:
    from tests.crash.test_supervisor_killed import all_pictures

    control = move.control
    await eventually(
        lambda: all_pictures(control, people),
        lambda seen: seen == counts,
        what="as many pictures as were asked for",
    )
    async with move.new.redis() as redis:
        await eventually(lambda: redis.keys("rq:job:*"), lambda keys: not keys, what="no job left")
        assert await redis.hgetall("img:active") == {}
        assert await redis.llen("rq:queue:img_queue") == 0
    ledger = (await control.provider())["ledger"]
    assert len({entry["client_id"] for entry in ledger}) == len(ledger) == sum(counts)
    assert await all_pictures(control, people) == counts
