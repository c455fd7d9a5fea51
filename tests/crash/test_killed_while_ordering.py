"""kill -9 around the call that costs money: made once, and found again without its answer."""

from pathlib import Path

from tests.crash.test_supervisor_killed import field_is_set
from tests.fixtures.bot import Bot
from tests.fixtures.sandbox import open_sandbox, picture
from tests.fixtures.waiting import eventually


async def test_what_was_only_uploaded_is_ordered_once_after_the_restart(state_dir: Path) -> None:
    async with open_sandbox() as (sandbox, control):
        preset = sandbox.presets["fal"]
        settings = {
            "IMGBOT_PROVIDER": "fal",
            "IMGBOT_PROVIDER_URL": f"fal={preset.base_url}",
            "FAL_KEY": preset.key,
        }
        await control.post(
            "provider/fal", {"duration_s": [0.2, 0.4], "marks": "[[sim:stalled_upload]]"}
        )
        async with Bot(sandbox, state_dir, **settings) as bot:
            person = await control.make_user("Bob")
            await control.send_photos(person, [picture(320, 240)], caption="make it winter")

            async def uploads() -> list[object]:
                return preset.view()["uploads"]

            await eventually(uploads, what="an upload that is not answered")
            assert await field_is_set(bot, "intent_ms") == []
            await bot.kill()
            await control.post("provider/fal", {"marks": ""})
            await bot.start()
            await control.wait_message(person.id, lambda m: bool(m.is_outgoing and m.photo_id))

        assert len(preset.ledger.charges) == 1
        assert len(preset.ledger.tasks) == 1


async def test_what_was_ordered_is_found_in_the_providers_list_after_the_restart(
    state_dir: Path,
) -> None:
    async with open_sandbox() as (sandbox, control):
        preset = sandbox.presets["replicate"]
        settings = {
            "IMGBOT_PROVIDER": "replicate",
            "IMGBOT_PROVIDER_URL": f"replicate={preset.base_url}",
            "REPLICATE_API_TOKEN": preset.key,
        }
        await control.post("provider/replicate", {"duration_s": [0.2, 0.4]})
        async with Bot(sandbox, state_dir, **settings) as bot:
            person = await control.make_user("Bob")
            await control.say(person, "a fox [[sim:stalled_submit]]")

            async def ledger() -> list[object]:
                return list(preset.ledger.charges)

            await eventually(ledger, what="an order that is not answered")
            await bot.kill()
            await bot.start()
            await control.wait_message(person.id, lambda m: bool(m.is_outgoing and m.photo_id))
            assert "in the provider's list" in bot.log

        assert len(preset.ledger.charges) == 1
        assert len(preset.ledger.tasks) == 1
