"""Two places for one bot, the file between them, and the commands that move it."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from imgbot.sandbox.server import Sandbox
from tests.support.bot import Bot, with_simulated_provider
from tests.support.sandbox import Control
from tests.support.waiting import PATIENCE_S


@dataclass(frozen=True, slots=True)
class Ended:
    """A command's exit status, and what it said on both streams."""

    status: int
    said: str


async def run(bot: Bot, *arguments: str) -> Ended:
    """Run a command of the program at a bot's place."""
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
    """A bot whose people have one picture made at a time; it is not started yet."""
    state_dir = folder / "state"
    state_dir.mkdir(parents=True)
    settings = with_simulated_provider(sandbox) | {"IMGBOT_RUNNING_PER_USER": "1"} | settings
    return Bot(sandbox, state_dir, **settings)
