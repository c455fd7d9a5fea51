"""A bot that many of these tests kill or move, and everything it talks to."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from imgbot.sandbox.server import Sandbox
from tests.fixtures.bot import Bot, with_simulated_provider
from tests.fixtures.sandbox import Control, finish_tasks, open_sandbox

Sandboxed = tuple[Bot, Control]


@dataclass(frozen=True, slots=True)
class Move:
    """An old place, a new one, and the file between them."""

    sandbox: Sandbox
    control: Control
    old: Bot
    new: Bot
    file: Path

    def finish_tasks(self) -> None:
        finish_tasks(self.sandbox)


@pytest.fixture
async def sandboxed(state_dir: Path) -> AsyncIterator[Sandboxed]:
    """A running bot whose pictures are ordered over HTTP and take less than a second."""
    async with open_sandbox() as (sandbox, control):
        await control.set_provider(duration_s=[0.6, 0.9])
        async with Bot(sandbox, state_dir, **with_simulated_provider(sandbox)) as bot:
            yield bot, control


@pytest.fixture
async def move(tmp_path: Path) -> AsyncIterator[Move]:
    """Two bots that are not started yet; a user has one picture made at a time."""
    async with open_sandbox() as (sandbox, control):
        await control.set_provider(duration_s=[0.2, 0.4])
        settings = with_simulated_provider(sandbox) | {"IMGBOT_PER_USER": "running=1"}
        folders = [tmp_path / name / "state" for name in ("old", "new")]
        for folder in folders:
            folder.mkdir(parents=True)
        old, new = (Bot(sandbox, folder, **settings) for folder in folders)
        yield Move(sandbox, control, old, new, tmp_path / "imgbot.tar.gz")
        for bot in (old, new):
            assert bot.secrets_in_log() == []
            if bot.is_running:
                await bot.stop()
