"""A request that failed is ordered again by a button: as it was, once, and by its user alone."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.fixtures.hostile import assert_undisturbed
from tests.fixtures.sandbox import Message
from tests.integration.stage import Stage, User, is_picture, jpeg, open_group, open_stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

RETRY = "🔁 Try again"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async for stage in open_stage(tmp_path_factory.mktemp("repeating")):
        yield stage
        await assert_undisturbed(stage.bot, stage.control)


async def failure(user: User, text: str, *photos: bytes) -> Message:
    """Send a request that the provider fails to serve; return the message that tells it."""
    control, failed = user.control, t("en", "provider_failed")
    await control.set_provider(marks="[[sim:fail]]")
    told = await user.ask(text, *photos, fits=lambda message: message.text.startswith(failed))
    await control.set_provider(marks="")
    return told


async def forget_taps(stage: Stage) -> None:
    """Let the next press of a button count, as seconds later."""
    async with stage.bot.redis() as redis:
        await redis.delete(*await redis.keys(f"{keys.ONCE}tap.*"))


@pytest.mark.parametrize(
    ("text", "order", "photos"),
    [("a fox, 16:9 --seed 7", "create a fox", ()), ("a red hat", "edit a red hat", ("cat",))],
)
async def test_a_failed_request_is_ordered_again_once(
    stage: Stage, text: str, order: str, photos: tuple[str, ...]
) -> None:
    user = await stage.user()
    failed = await failure(user, text, *map(jpeg, photos))
    before = await stage.orders()

    answers = await user.toasts(failed, *[failed.button(RETRY)["callback_data"]] * 2)
    picture = await user.wait(is_picture, after=0)
    await forget_taps(stage)
    late = await user.press_again(failed, failed.button(RETRY)["callback_data"])
    [told, *_] = [each for each in await user.heard() if each.id == failed.id]

    assert answers == [t("en", "accepted_short"), t("en", "tapped_already")]
    assert late == [t("en", "tapped_already")]
    assert await stage.orders() == [*before, order]
    assert picture.reply_to == failed.reply_to
    assert told.text == failed.text
    receipt = (await user.click(await user.unfold(picture), "ℹ️")).text
    assert ("Seed: 7\n" in receipt) is (not photos)


@pytest.mark.parametrize("mark", ["moderated", "expired"])
async def test_what_may_still_be_made_or_would_be_refused_again_has_no_button(
    stage: Stage, mark: str
) -> None:
    user = await stage.user()

    await user.say(f"a fox [[sim:{mark}]]")
    [told] = await user.heard()

    assert told.buttons == []


async def test_only_its_user_repeats_a_request_that_is_still_known(stage: Stage) -> None:
    ann, mallory = await open_group(stage)
    failed = await failure(ann, "/create a fox")

    stranger = await mallory.toast(failed, RETRY)
    async with stage.bot.redis() as redis:
        job_id = failed.button(RETRY)["callback_data"].partition(":")[2]
        assert await redis.delete(f"{keys.RESULT}{job_id}")
    forgotten = await ann.toast(failed, RETRY)

    assert stranger == t("en", "not_your_button")
    assert forgotten == t("en", "request_gone")
    assert await ann.results() == []
