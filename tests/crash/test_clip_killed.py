"""The bot dies at each step of a clip: it is asked about, charged and shown once."""

from functools import partial
from pathlib import Path

from imgbot.storage import keys
from tests.crash.test_supervisor_killed import field_is_set
from tests.fixtures.bot import Bot, with_simulated_provider
from tests.fixtures.clips import is_clip
from tests.fixtures.sandbox import finish_tasks, open_sandbox, picture
from tests.fixtures.waiting import eventually


async def test_killed_at_each_step_it_is_charged_and_shown_once(state_dir: Path) -> None:
    async with open_sandbox() as (sandbox, control):
        await control.set_provider(duration_s=[300, 300])
        bot = Bot(sandbox, state_dir, **with_simulated_provider(sandbox))
        async with bot:
            bob = await control.make_user("Bob")
            await control.send_photos(bob, [picture(320, 240)], caption="make it move")
            question = await control.wait_message(bob.id, lambda each: bool(each.buttons))
            await bot.kill()
            # The answer to the edit that shows the clip is lost, and it is repeated.
            await control.fault("editMessageMedia", "drop_after", times=1)
            await control.fault("editMessageMedia", "delay", times=2, delay_s=1.0)
            await control.press(bob, question, question.buttons[0]["callback_data"])
            await bot.start()
            for field, value in (("id", None), ("ticket", None), ("state", "delivering")):
                await eventually(partial(field_is_set, bot, field, value), what=field)
                await bot.kill()
                await bot.start()
                if field == "ticket":
                    finish_tasks(sandbox)
            async with bot.redis() as redis:
                await eventually(lambda: redis.keys(f"{keys.JOB}*"), lambda left: not left)
            shown = [each for each in await control.messages(bob.id) if is_clip(each)]

            assert len(shown) == len((await control.provider())["ledger"]) == 1
            assert (await control.calls())["violations"] == []
