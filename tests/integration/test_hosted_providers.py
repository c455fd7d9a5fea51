"""The bot on two hosted providers: from a message to the bill."""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.fixtures.bot import Bot
from tests.fixtures.hosted_provider import hosted_settings
from tests.fixtures.sandbox import Message, open_sandbox
from tests.fixtures.waiting import eventually
from tests.integration.stage import OWNER_ID, Stage, is_picture, jpeg

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

NAMES = ("maker", "enlarger")
PHOTO = jpeg("cat", (320, 240))


@dataclass(frozen=True, slots=True)
class Hosted:
    """A bot on one provider, upscaling at another, with webhooks; the built-in engine stands in."""

    stage: Stage

    @property
    def bot(self) -> Bot:
        return self.stage.bot

    async def mark(self, name: str, marks: str) -> None:
        await self.stage.control.post(f"provider/{name}", {"marks": marks})

    async def view(self, name: str) -> Any:
        return await self.stage.control.get(f"provider/{name}")

    async def charges(self) -> tuple[int, int]:
        """What the maker and the enlarger have charged."""
        maker, enlarger = [len((await self.view(name))["ledger"]) for name in NAMES]
        return maker, enlarger


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hosted(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hosted]:
    async with open_hosted(tmp_path_factory.mktemp("hosted")) as hosted:
        yield hosted


@asynccontextmanager
async def open_hosted(
    folder: Path, *, is_public: bool = True, **settings: str
) -> AsyncGenerator[Hosted]:
    (state_dir := folder / "state").mkdir()
    async with open_sandbox(providers=NAMES) as (sandbox, control):
        (maker, its_key), (enlarger, other_key) = [
            hosted_settings(provider, folder) for provider in sandbox.providers.values()
        ]
        bot = Bot(
            sandbox,
            state_dir,
            IMGBOT_PROVIDER=f"{maker}, upscale={enlarger}",
            IMGBOT_ADMINS=str(OWNER_ID),
            **{"IMGBOT_PROVIDER_FALLBACK": "builtin"} | its_key | other_key | settings,
        )
        bot.constants = {
            # The next order of the same words comes later than that.
            "imgbot.jobs.recovery._SETTLED_S": 1.0,
            # A provider that is out stays so until its test lets it serve.
            "imgbot.domain.order_pace._FIRST_PAUSE_S": 600.0,
        }
        if is_public:
            bot.settings["IMGBOT_PUBLIC_URL"] = f"http://127.0.0.1:{bot.http_port}"
        for name in NAMES:
            await control.post(f"provider/{name}", {"duration_s": [0.2, 0.4]})
        async with bot:
            stage = Stage(bot, control, sandbox)
            await stage.user("Owner")
            # A bot may not speak first.
            await stage.owner.ask("/start")
            yield Hosted(stage)
            assert bot.is_running, bot.log[-4000:]
        assert (await control.calls())["violations"] == []
        keys = [provider.key for provider in sandbox.providers.values()]
        assert not [key for key in (sandbox.token, *keys) if key in bot.log]


async def test_five_actions_are_made_and_charged_once_each(hosted: Hosted) -> None:
    anna = await hosted.stage.user("Anna")
    begun, (made, enlarged) = await hosted.view("maker"), await hosted.charges()

    await anna.order("a calm lake at dawn 16:9")
    for words in ("make it winter", "/retouch", "/upscale x2"):
        await anna.order(words, PHOTO)
    await anna.order("both at sea", PHOTO, jpeg("astronaut", (320, 240)))

    maker, enlarger = await hosted.view("maker"), await hosted.view("enlarger")
    tasks = maker["tasks"][len(begun["tasks"]) :]
    assert [task["operation"] for task in tasks] == ["create", "edit", "retouch", "merge"]
    assert {task["status"] for task in tasks} == {"succeeded"}
    assert await hosted.charges() == (made + 4, enlarged + 1)
    sent = str(maker["requests"]) + str(enlarger["requests"])
    assert hosted.stage.sandbox.token not in sent
    assert "/file/bot" not in sent


async def test_exact_letters_are_put_on_what_was_paid_for_and_alone_cost_nothing(
    hosted: Hosted,
) -> None:
    anna = await hosted.stage.user("Anna")
    made, _ = await hosted.charges()

    shown = await anna.order('a calm lake with the text "HELLO"')
    edited = await anna.order('caption the photo "Summer"', PHOTO)

    sent = str((await hosted.view("maker"))["requests"])
    assert "a calm lake" in sent
    assert "HELLO" not in sent
    assert (await hosted.charges())[0] == made + 1
    assert "word for word: HELLO" in (await anna.click(await anna.unfold(shown), "ℹ️")).text
    for picture in (shown, edited):
        assert (await anna.image(picture)).convert("L").getextrema()[1] == 255
    assert "backup service" not in edited.text


async def test_an_enlargement_above_the_limits_is_ordered_smaller_and_told_so(
    hosted: Hosted,
) -> None:
    anna = await hosted.stage.user("Anna")
    _, earlier = await hosted.charges()

    shown = await anna.convert("large.jpg", jpeg("cat", (2560, 1920)), "/upscale x4")

    assert shown.text.startswith("🔍 Enlarged ×3.6, the maximum for this picture\n")
    assert (await anna.image(shown)).size == (9164, 6872)
    assert (await hosted.charges())[1] == earlier + 1


async def test_a_lost_answer_is_found_by_the_webhook_and_paid_once(hosted: Hosted) -> None:
    boris = await hosted.stage.user("Boris")
    before, _ = await hosted.charges()

    await boris.order("a red fox [[sim:drop_after_accept]] [[sim:unlisted]]")

    assert (await hosted.charges())[0] == before + 1
    assert "submit confirmed by webhook" in hosted.bot.log


async def test_without_webhooks_a_lost_answer_is_found_in_the_providers_list(
    tmp_path: Path,
) -> None:
    async with open_hosted(tmp_path, is_public=False) as hosted:
        boris = await hosted.stage.user("Boris")

        # The same once more is another order, whatever the list shows of the first.
        for _ in range(2):
            await boris.order("a red fox [[sim:500_after_accept]]")
        await hosted.mark("enlarger", "[[sim:drop_after_accept]]")
        await boris.order("/upscale x2", PHOTO)

        assert await hosted.charges() == (2, 1)
        assert hosted.bot.log.count("in the provider's list") == 3


async def test_a_forged_webhook_is_refused_and_changes_nothing(hosted: Hosted) -> None:
    clara = await hosted.stage.user("Clara")

    await clara.order("a green hill [[sim:forged_webhook]]")

    # The picture does not wait for the forgery to be told.
    await eventually(
        lambda: hosted.bot.get("/metrics"),
        lambda text: 'imgbot_provider_hooks_total{verdict="forged"} 0.0' not in text,
        what="the forgery counted",
    )


async def test_moderation_is_a_refusal_and_goes_nowhere_else(hosted: Hosted) -> None:
    dina = await hosted.stage.user("Dina")

    message = await dina.ask(
        "something bad [[sim:moderated]]", fits=lambda m: "breaks its rules" in m.text
    )

    assert "Nothing was charged." in message.text
    assert not message.photo_id


async def test_a_refusal_for_now_slows_the_orders_down(hosted: Hosted) -> None:
    dora = await hosted.stage.user("Dora")
    before, _ = await hosted.charges()

    await dora.order("a grey owl [[sim:429=1]]")

    assert (await hosted.charges())[0] == before + 1
    assert "provider maker: slowed down to 0.50 orders per second" in hosted.bot.log


@pytest.mark.parametrize("fallback", ["builtin", ""])
async def test_a_refusal_for_an_hour_is_served_elsewhere_or_told(
    tmp_path: Path, fallback: str
) -> None:
    async with open_hosted(tmp_path, IMGBOT_PROVIDER_FALLBACK=fallback) as hosted:
        erik = await hosted.stage.user("Erik")
        await hosted.mark("maker", "[[sim:429=1]] [[sim:retry_after=3600]]")

        answers = [
            await erik.ask(words, fits=lambda m: is_picture(m) or is_uncharged(m))
            for words in ("a blue bird", "a red bird")
        ]
        await eventually(
            lambda: hosted.bot.get("/metrics"),
            lambda text: 'imgbot_provider_up{provider="maker"} 0.0' in text,
            what="the metric of the provider that is out",
        )

        for answer in answers:
            assert is_picture(answer) == bool(fallback)
        assert await hosted.charges() == (0, 0)


async def test_without_credit_the_stand_in_takes_over_and_the_owner_hears_of_it(
    tmp_path: Path,
) -> None:
    # The provider stays out of service.
    async with open_hosted(tmp_path) as hosted:
        erik = await hosted.stage.user("Erik")

        await hosted.mark("maker", "[[sim:402]]")
        result = await erik.order("a blue bird")
        await hosted.stage.owner.wait(lambda m: "its credit is used up" in m.text)
        await hosted.mark("maker", "")

        assert "a backup service made this picture" in result.text
        assert await hosted.charges() == (0, 0)
        metrics = await eventually(
            lambda: hosted.bot.get("/metrics"),
            lambda text: 'imgbot_provider_up{provider="maker"} 0.0' in text,
            what="the metric of the provider that is out",
        )
        assert 'imgbot_provider_up{provider="builtin"} 1.0' in metrics


def is_uncharged(message: Message) -> bool:
    return "Nothing was charged" in message.text


async def test_the_only_provider_without_credit_is_critical_and_has_its_remedies(
    tmp_path: Path,
) -> None:
    async with open_hosted(tmp_path, IMGBOT_PROVIDER_FALLBACK="") as hosted:
        owner, erik = hosted.stage.owner, await hosted.stage.user("Erik")

        async def press(label: str, yes: str) -> str:
            """Press a remedy of the alert, and confirm it; return the alert's text after that."""
            await owner.toast(alert, label)
            await owner.toast(await owner.control.message(owner.id, alert.id), yes)
            return (await owner.control.message(owner.id, alert.id)).text

        await hosted.mark("maker", "[[sim:402]]")
        refused = [await erik.ask(f"a blue bird {n}", fits=is_uncharged) for n in range(3)]
        alert = await owner.wait(lambda m: "its credit is used up" in m.text)
        status = json.loads(await hosted.bot.get("/status.json"))
        tried = await press("Try now", "Yes, try now")
        refused_again = await erik.ask("a red bird", fits=is_uncharged)
        stood_in = await press("built-in engine", "Yes, until the restart")
        drawn = await erik.order("a green bird")
        await hosted.mark("maker", "")
        await press("Try now", "Yes, try now")
        served = await erik.order("a calm lake at dawn")

        assert status["level"] == "critical"
        [problem] = [each for each in status["problems"] if each["level"] == "critical"]
        assert problem["what"].startswith("maker says that its credit is used up. Requests")
        assert [button["text"] for button in alert.buttons] == [
            "⏸ Pause new requests",
            "🎨 Let the built-in engine stand in",
            "🔄 Try now",
        ]
        assert not any(message.photo_id for message in (*refused, refused_again))
        assert tried.endswith(t("en", "fix_try_done"))
        assert stood_in.endswith(t("en", "fix_fallback_done"))
        assert "a backup service made this picture" in drawn.text
        assert "backup" not in served.text
        assert await hosted.charges() == (1, 0)
        # As many lines as orders that failed, and each says whose it was.
        warned = re.findall(
            rf"warning imgbot: job \d+ \(create, user {erik.id}\): failed after .+", hosted.bot.log
        )
        assert len(warned) == 4


async def test_a_larger_scale_is_charged_at_its_own_price(hosted: Hosted) -> None:
    zoe = await hosted.stage.user("Zoe")

    for scale in (2, 4):
        await zoe.order(f"/upscale x{scale}", PHOTO)

    async def charged() -> bool:
        async with hosted.bot.redis() as redis:
            days = [await redis.hgetall(key) async for key in redis.scan_iter(f"{keys.SPEND}*")]
        return [day.get(f"user:{zoe.id}") for day in days] == ["240000"]

    await eventually(charged)
