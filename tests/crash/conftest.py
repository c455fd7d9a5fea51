"""A bot that many of these tests kill, and everything it talks to."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.bot import Bot, with_simulated_provider
from tests.support.sandbox import Control, open_sandbox

Sandboxed = tuple[Bot, Control]


@pytest.fixture
async def sandboxed(state_dir: Path) -> AsyncIterator[Sandboxed]:
    """A running bot whose pictures are ordered over HTTP and take less than a second."""
    async with open_sandbox() as (sandbox, control):
        await control.set_provider(duration_s=[0.6, 0.9])
        async with Bot(sandbox, state_dir, **with_simulated_provider(sandbox)) as bot:
            yield bot, control
