"""kill -9 while a picture is on its way to the provider: nothing was ordered, so it is, once."""

from pathlib import Path

from tests.crash.test_supervisor_killed import field_is_set
from tests.support.bot import Bot
from tests.support.sandbox import open_sandbox, picture
from tests.support.waiting import eventually


async def test_what_was_only_uploaded_is_ordered_once_after_the_restart(state_dir: Path) -> None:
    async with open_sandbox() as (sandbox, control):
        simulator = sandbox.simulators["fal"]
        settings = {
            "IMGBOT_PROVIDER": "fal",
            "IMGBOT_PROVIDER_URL": f"fal={simulator.base_url}",
            "FAL_KEY": simulator.key,
        }
        await control.post(
            "provider/fal", {"duration_s": [0.2, 0.4], "marks": "[[sim:stalled_upload]]"}
        )
        async with Bot(sandbox, state_dir, **settings) as bot:
            person = await control.make_user("Bob")
            await control.send_photos(person, [picture(320, 240)], caption="make it winter")

            async def uploads() -> list[object]:
                return simulator.view()["uploads"]

            await eventually(uploads, what="an upload that is not answered")
            assert await field_is_set(bot, "intent_ms") == []
            await bot.kill()
            await control.post("provider/fal", {"marks": ""})
            await bot.start()
            await control.wait_message(person.id, lambda m: bool(m.is_outgoing and m.photo_id))

        assert len(simulator.book.ledger) == 1
        assert len(simulator.book.tasks) == 1
