"""A bot that is told to stop and cannot: it ends all the same, and says where it hung."""

import sys
from pathlib import Path

import pytest

from tests.fixtures.bot import Bot
from tests.fixtures.sandbox import open_sandbox

# The program as it is, but for its patience and for one part that never ends.
PROGRAM = """
import asyncio, sys, threading
from imgbot.cli import main
from imgbot.ops import lifecycle as last_resort

async def never_ends(*_):
    await asyncio.Event().wait()

def waits_for_nothing():
    threading.Event().wait()

if __name__ == "__main__":
    last_resort.LIMIT_S = 1.0
    if {is_thread}:
        threading.Thread(target=waits_for_nothing).start()
    else:
        from imgbot.telegram.update_poller import UpdatePoller
        UpdatePoller._confirm = never_ends
    sys.exit(main())
"""


@pytest.mark.parametrize("is_thread", [False, True], ids=["task", "thread"])
async def test_a_stop_that_hangs_is_ended_and_says_where(
    state_dir: Path, *, is_thread: bool
) -> None:
    program = state_dir.parent / "hanging.py"
    program.write_text(PROGRAM.format(is_thread=is_thread))
    async with open_sandbox() as (sandbox, control):
        bot = Bot(sandbox, state_dir)
        sound, bot.command = bot.command, [sys.executable, str(program)]
        await bot.start()
        assert await bot.stop() == 1
        assert "the stop hangs" in bot.log
        assert ("waits_for_nothing" if is_thread else "never_ends") in bot.log
        assert bot.secrets_in_log() == []

        bot.command = sound
        async with bot:
            person = await control.make_user("Bob")
            await control.say(person, "a red forest")
            await control.wait_message(person.id, lambda message: bool(message.photo_unique_id))
