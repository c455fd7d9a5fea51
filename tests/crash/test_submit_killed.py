"""The bot dies or stops around the call that costs money: made once, and not lost."""

import base64
import signal
from pathlib import Path

import pytest

from tests.crash.test_supervisor_killed import field_is_set
from tests.fakes.scripted_server import Script, open_script
from tests.fixtures.bot import Bot, with_simulated_provider
from tests.fixtures.drawings import drawn, loop, stored
from tests.fixtures.hosted_provider import hosted_settings
from tests.fixtures.photos import load_photo
from tests.fixtures.sandbox import Message, open_sandbox, picture
from tests.fixtures.waiting import eventually

CAT = load_photo("cat")
MARKED = [stored(CAT), stored(drawn(CAT, loop(0.45, 0.45, 0.2)))]
WIDER = [stored(CAT)]
AREAS, MOMENTS = ("area", "canvas"), ("uploaded", "ordered")
PICTURE = base64.b64encode(picture(320, 240)).decode()


def is_made(message: Message) -> bool:
    return bool(message.is_outgoing and message.photo_id)


@pytest.mark.parametrize(
    ("mark", "reached", "said", "album"),
    [
        # Only uploaded: ordered after the restart.
        ("[[sim:stalled_upload]]", "uploads", "", [picture(320, 240)]),
        # Ordered, the answer lost: found after the restart.
        ("[[sim:stalled_submit]]", "ledger", "in the provider's list", []),
        # Likewise, of an area that was found before.
        ("[[sim:stalled_upload]]", "uploads", "", MARKED),
        ("[[sim:stalled_submit]]", "ledger", "in the provider's list", MARKED),
        # And of what is new on a larger canvas.
        ("[[sim:stalled_upload]]", "uploads", "", WIDER),
        ("[[sim:stalled_submit]]", "ledger", "in the provider's list", WIDER),
    ],
    ids=["only uploaded", "ordered", *(f"{each} {at}" for each in AREAS for at in MOMENTS)],
)
async def test_what_was_under_way_is_ordered_once(
    state_dir: Path, mark: str, reached: str, said: str, album: list[bytes]
) -> None:
    async with open_sandbox(providers=["maker"]) as (sandbox, control):
        provider = sandbox.providers["maker"]
        file, key = hosted_settings(provider, state_dir.parent)
        path = "provider/maker"
        await control.post(path, {"duration_s": [0.2, 0.4], "marks": mark})
        bot = Bot(sandbox, state_dir, IMGBOT_PROVIDER=file, **key)
        bot.constants = {"imgbot.jobs.recovery._SETTLED_S": 1.0}
        async with bot:
            person = await control.make_user("Bob")
            if album:
                words = "wider" if album is WIDER else "make it winter"
                await control.send_photos(person, album, caption=words)
            else:
                await control.say(person, "a fox")
            await eventually(
                lambda: control.get(path), lambda view: view[reached], what="no answer"
            )
            # What is written right before the order is not there while pictures are uploaded.
            noted = await field_is_set(bot, "intent_ms")
            await bot.kill()
            await control.post(path, {"marks": ""})
            await bot.start()
            await control.wait_message(person.id, is_made)

        assert bool(noted) is (reached == "ledger")
        assert said in bot.log
        assert len(provider.ledger.charges) == len(provider.ledger.tasks) == 1
        if album in (MARKED, WIDER):
            [task] = provider.ledger.tasks
            share = 0.3 if album is WIDER else 0.1
            assert (task.operation, round(task.area, 1)) == ("inpaint", share)


async def test_a_stop_serves_on_until_what_nobody_could_ask_about_later_is_answered(
    state_dir: Path,
) -> None:
    async with open_sandbox() as (sandbox, control), open_script() as script:
        script.on("POST /v1/images/generations", {"data": [{"b64_json": PICTURE}]})
        script.held.clear()
        settings = {
            "IMGBOT_PROVIDER": "openai",
            "IMGBOT_PROVIDER_URL": f"openai={script.url}/v1",
            "OPENAI_API_KEY": "sk-1",
        }
        bot = Bot(sandbox, state_dir, **settings)
        # What everything else is given at a stop.
        bot.constants = {"imgbot.supervisor.DRAIN_S": 0.1}
        await bot.start()
        bob, ann = await control.make_user("Bob"), await control.make_user("Ann")
        await control.say(bob, "a fox")
        await eventually(lambda: field_is_set(bot, "intent_ms"), what="an order is on its way")

        bot.signal(signal.SIGTERM)
        await bot.until_logged("serving on until 1 submits are answered")
        await control.say(ann, "/limits")
        await control.wait_message(ann.id)
        await control.say(ann, "an owl")
        await bot.until_logged("claimed", begin=bot.log.index("serving on"))
        assert _orders(script) == 1
        script.held.set()
        assert await bot.wait() == 0
        assert _orders(script) == 1

        async with bot:
            await control.wait_message(bob.id, is_made)
            await control.wait_message(ann.id, is_made)
        assert _orders(script) == 2


def _orders(script: Script) -> int:
    """How many were asked for: the catalogue of models is asked as well."""
    return sum(each.method == "POST" for each in script.asked)


async def test_orders_end_at_the_provider_that_is_no_longer_chosen(state_dir: Path) -> None:
    async with open_sandbox() as (sandbox, control):
        await control.set_provider(duration_s=[3.0, 3.0])
        bot = Bot(sandbox, state_dir, **with_simulated_provider(sandbox))
        await bot.start()
        bob = await control.make_user("Bob")
        await control.say(bob, "a fox")
        await eventually(
            control.provider, lambda view: view["ledger"], what="an order is under way"
        )
        await bot.stop()

        # By a file of settings, which names no provider any longer.
        for name in ("IMGBOT_PROVIDER", "IMGBOT_PROVIDER_URL"):
            del bot.settings[name]
        async with bot:
            await control.wait_message(bob.id, is_made)
            await control.say(bob, "a red boat")
            await eventually(
                lambda: control.messages(bob.id),
                lambda shown: sum(map(is_made, shown)) == 2,
                what="a picture by the built-in engine",
            )

        assert "simulated is no longer chosen; 1 orders are asked for there" in bot.log
        assert len((await control.provider())["ledger"]) == 1
