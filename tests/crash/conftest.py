"""A bot that many of these tests kill or move, and everything it talks to."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fixtures.bot import Bot, with_simulated_provider
from tests.fixtures.moving import Move, bot_at
from tests.fixtures.sandbox import Control, open_sandbox

Sandboxed = tuple[Bot, Control]


@pytest.fixture
async def sandboxed(state_dir: Path) -> AsyncIterator[Sandboxed]:
    """A running bot whose pictures are ordered over HTTP and take less than a second."""
    async with open_sandbox() as (sandbox, control):
        await control.set_provider(duration_s=[0.6, 0.9])
        async with Bot(sandbox, state_dir, **with_simulated_provider(sandbox)) as bot:
            yield bot, control


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
