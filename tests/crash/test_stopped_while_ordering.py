"""A stop comes while a provider makes a picture that nobody could ask it about later."""

import sys
from pathlib import Path

from tests.crash.test_supervisor_killed import field_is_set
from tests.support.bot import Bot
from tests.support.sandbox import open_sandbox
from tests.support.waiting import eventually

# The program as it is, but for what everything else is given at a stop.
PROGRAM = """
import sys
from imgbot import supervisor
from imgbot.cli import main

if __name__ == "__main__":
    supervisor.DRAIN_S = 0.1
    sys.exit(main())
"""


async def test_the_stop_waits_for_what_is_paid_for(state_dir: Path) -> None:
    program = state_dir.parent / "hasty.py"
    program.write_text(PROGRAM)
    async with open_sandbox() as (sandbox, control):
        simulator = sandbox.simulators["openai"]
        settings = {
            "IMGBOT_PROVIDER": "openai",
            "IMGBOT_PROVIDER_URL": f"openai={simulator.base_url}{simulator.api_path}",
            "OPENAI_API_KEY": simulator.key,
        }
        await control.post("provider/openai", {"duration_s": [3.0, 3.0]})
        bot = Bot(sandbox, state_dir, **settings)
        bot.command = [sys.executable, str(program)]
        await bot.start()
        person = await control.make_user("Bob")
        await control.say(person, "a fox")
        await eventually(lambda: field_is_set(bot, "intent_ms"), what="an order is on its way")

        assert await bot.stop() == 0
        async with bot:
            await control.wait_message(person.id, lambda message: bool(message.photo_id))

        assert len(simulator.book.ledger) == 1
