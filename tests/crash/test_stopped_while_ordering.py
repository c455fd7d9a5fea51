"""A stop comes while a provider makes a picture that nobody could ask it about later."""

import base64
from pathlib import Path

from tests.crash.test_supervisor_killed import field_is_set
from tests.fakes.scripted_server import open_script
from tests.fixtures.bot import Bot
from tests.fixtures.sandbox import open_sandbox, picture
from tests.fixtures.waiting import eventually

PICTURE = base64.b64encode(picture(320, 240)).decode()


async def test_the_stop_waits_for_what_is_paid_for(state_dir: Path) -> None:
    async with open_sandbox() as (sandbox, control), open_script() as script:
        script.on("POST /v1/images/generations", {"data": [{"b64_json": PICTURE}]})
        script.delay_s = 2.0
        settings = {
            "IMGBOT_PROVIDER": "openai",
            "IMGBOT_PROVIDER_URL": f"openai={script.url}/v1",
            "OPENAI_API_KEY": "sk-1",
        }
        bot = Bot(sandbox, state_dir, **settings)
        # What everything else is given at a stop.
        bot.constants = {"imgbot.supervisor.DRAIN_S": 0.1}
        await bot.start()
        person = await control.make_user("Bob")
        await control.say(person, "a fox")
        await eventually(lambda: field_is_set(bot, "intent_ms"), what="an order is on its way")

        assert await bot.stop() == 0
        async with bot:
            await control.wait_message(person.id, lambda message: bool(message.photo_id))

        assert len(script.asked) == 1
