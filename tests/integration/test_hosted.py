"""The bot on hosted providers, played by the sandbox: from a message to the bill."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from imgbot.sandbox.server import Sandbox
from imgbot.storage import keys
from tests.fixtures.bot import Bot
from tests.fixtures.sandbox import Control, Message, Person, open_sandbox
from tests.fixtures.waiting import eventually
from tests.integration.stage import jpeg, picture_in, result_for

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PHOTO = jpeg("cat", (320, 240))


@dataclass(frozen=True, slots=True)
class Hosted:
    """A bot on Replicate, upscaling at fal, with webhooks; the built-in engine stands in."""

    bot: Bot
    control: Control
    sandbox: Sandbox
    admin: Person

    async def mark(self, name: str, marks: str) -> None:
        await self.control.post(f"provider/{name}", {"marks": marks})

    async def view(self, name: str) -> Any:
        return await self.control.get(f"provider/{name}")

    async def says(self, person: Person, text: str) -> Message:
        """Wait for a message, new or changed, with these words in it."""
        return await self.control.wait_message(person.id, lambda m: text in m.text)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hosted(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hosted]:
    async with open_hosted(tmp_path_factory.mktemp("hosted")) as hosted:
        yield hosted


@pytest_asyncio.fixture(loop_scope="module")
async def lone(tmp_path: Path) -> AsyncIterator[Hosted]:
    """One whose provider may be put out of service: that lasts."""
    async with open_hosted(tmp_path) as hosted:
        yield hosted


@asynccontextmanager
async def open_hosted(state_dir: Path, *, is_public: bool = True) -> AsyncGenerator[Hosted]:
    async with open_sandbox() as (sandbox, control):
        admin = await control.make_user("Olga", language_code="en")
        urls = {name: sandbox.presets[name].base_url for name in ("replicate", "fal")}
        bot = Bot(
            sandbox,
            state_dir,
            IMGBOT_PROVIDER="replicate",
            IMGBOT_PROVIDER_UPSCALE="fal",
            IMGBOT_PROVIDER_FALLBACK="builtin",
            IMGBOT_PROVIDER_URL=", ".join(f"{name}={url}" for name, url in urls.items()),
            IMGBOT_ADMINS=str(admin.id),
            REPLICATE_API_TOKEN=sandbox.presets["replicate"].key,
            FAL_KEY=sandbox.presets["fal"].key,
        )
        # The next order of the same words comes later than that.
        bot.constants = {"imgbot.jobs.recovery._SETTLED_S": 1.0}
        if is_public:
            bot.settings["IMGBOT_PUBLIC_URL"] = f"http://127.0.0.1:{bot.http_port}"
        for name in urls:
            await control.post(f"provider/{name}", {"duration_s": [0.2, 0.4]})
        async with bot:
            # A bot may not speak first.
            await control.say(admin, "/start")
            await control.wait_message(admin.id)
            yield Hosted(bot, control, sandbox, admin)
            assert bot.is_running, bot.log[-4000:]
        assert (await control.calls())["violations"] == []
        keys = [sandbox.presets[name].key for name in urls]
        assert not [key for key in (sandbox.token, *keys) if key in bot.log]


@pytest.fixture
def control(hosted: Hosted) -> Control:
    return hosted.control


async def test_five_actions_are_made_and_charged_once_each(
    hosted: Hosted, control: Control
) -> None:
    person = await control.make_user("Anna", language_code="en")
    earlier = {name: await hosted.view(name) for name in ("replicate", "fal")}

    await control.say(person, "a calm lake at dawn 16:9")
    await result_for(control, person)
    for words in ("make it winter", "/retouch", "/upscale x2"):
        after = await control.last_seq()
        await control.send_photos(person, [PHOTO], caption=words)
        await result_for(control, person, after)
    after = await control.last_seq()
    await control.send_photos(person, [PHOTO, jpeg("astronaut", (320, 240))], caption="both at sea")
    await result_for(control, person, after)

    replicate, fal = await hosted.view("replicate"), await hosted.view("fal")
    tasks = replicate["tasks"][len(earlier["replicate"]["tasks"]) :]
    assert [task["operation"] for task in tasks] == ["create", "edit", "retouch", "merge"]
    assert {task["status"] for task in tasks} == {"succeeded"}
    assert len(replicate["ledger"]) == len(earlier["replicate"]["ledger"]) + 4
    assert len(fal["ledger"]) == len(earlier["fal"]["ledger"]) + 1
    sent = str(replicate["requests"]) + str(fal["requests"])
    assert hosted.sandbox.token not in sent
    assert "/file/bot" not in sent


async def test_an_enlargement_above_the_limits_is_ordered_smaller_and_told_so(
    hosted: Hosted, control: Control
) -> None:
    person = await control.make_user("Anna", language_code="en")
    earlier = len((await hosted.view("fal"))["ledger"])

    large = ("large.jpg", jpeg("cat", (2560, 1920)))
    await control.send_documents(person, [large], caption="/upscale x4")
    shown = await result_for(control, person)
    size = (await picture_in(control, shown)).size

    assert shown.text == "🔍 Enlarged ×3.6, the maximum for this picture"
    assert size == (9164, 6872)
    assert len((await hosted.view("fal"))["ledger"]) == earlier + 1


async def test_a_lost_answer_is_found_by_the_webhook_and_paid_once(
    hosted: Hosted, control: Control
) -> None:
    person = await control.make_user("Boris", language_code="en")
    before = len((await hosted.view("replicate"))["ledger"])

    await control.say(person, "a red fox [[sim:drop_after_accept]] [[sim:unlisted]]")
    await result_for(control, person)

    assert len((await hosted.view("replicate"))["ledger"]) == before + 1
    assert "submit confirmed by webhook" in hosted.bot.log


async def test_without_webhooks_a_lost_answer_is_found_in_the_providers_list(
    tmp_path: Path,
) -> None:
    async with open_hosted(tmp_path, is_public=False) as hosted:
        control = hosted.control
        person = await control.make_user("Boris", language_code="en")

        await control.say(person, "a red fox [[sim:500_after_accept]]")
        await result_for(control, person)
        # The same once more is another order, whatever the list shows of the first.
        after = await control.last_seq()
        await control.say(person, "a red fox [[sim:500_after_accept]]")
        await result_for(control, person, after)
        await hosted.mark("fal", "[[sim:drop_after_accept]]")
        after = await control.last_seq()
        await control.send_photos(person, [PHOTO], caption="/upscale x2")
        await result_for(control, person, after)

        assert len((await hosted.view("replicate"))["ledger"]) == 2
        assert len((await hosted.view("fal"))["ledger"]) == 1
        assert hosted.bot.log.count("in the provider's list") == 3


async def test_a_forged_webhook_is_refused_and_changes_nothing(
    hosted: Hosted, control: Control
) -> None:
    person = await control.make_user("Clara", language_code="en")

    await control.say(person, "a green hill [[sim:forged_webhook]]")
    await result_for(control, person)

    # The picture does not wait for the forgery to be told.
    await eventually(
        lambda: hosted.bot.get("/metrics"),
        lambda text: 'imgbot_provider_hooks_total{verdict="forged"} 0.0' not in text,
        what="the forgery counted",
    )


async def test_moderation_is_a_refusal_and_goes_nowhere_else(
    hosted: Hosted, control: Control
) -> None:
    person = await control.make_user("Dina", language_code="en")

    await control.say(person, "something bad [[sim:moderated]]")
    message = await hosted.says(person, "breaks its rules")

    assert "Nothing was charged." in message.text
    assert not message.photo_id


async def test_without_credit_the_stand_in_takes_over_and_the_owner_hears_of_it(
    lone: Hosted,
) -> None:
    control = lone.control
    person = await control.make_user("Erik", language_code="en")
    before = len((await lone.view("replicate"))["ledger"])

    await lone.mark("replicate", "[[sim:402]]")
    await control.say(person, "a blue bird")
    result = await result_for(control, person)
    await lone.says(lone.admin, "its credit is used up")
    await lone.mark("replicate", "")

    assert "a backup service made this picture" in result.text
    assert len((await lone.view("replicate"))["ledger"]) == before
    up = await eventually(
        lambda: lone.bot.get("/metrics"),
        lambda text: 'imgbot_provider_up{provider="replicate"} 0.0' in text,
        what="the metric of the provider that is out",
    )
    assert 'imgbot_provider_up{provider="builtin"} 1.0' in up


async def test_a_larger_scale_is_charged_at_its_own_price(hosted: Hosted, control: Control) -> None:
    person = await control.make_user("Zoe", language_code="en")

    for scale in (2, 4):
        after = await control.last_seq()
        await control.send_photos(person, [PHOTO], caption=f"/upscale x{scale}")
        await result_for(control, person, after)

    async def charged() -> bool:
        async with hosted.bot.redis() as redis:
            days = [await redis.hgetall(key) async for key in redis.scan_iter(f"{keys.SPEND}*")]
        return [day.get(f"user:{person.id}") for day in days] == ["240000"]

    await eventually(charged)
