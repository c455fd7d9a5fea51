"""More orders than the queue takes: said once, as a toast on a press, and for no longer."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.fixtures.hostile import assert_undisturbed
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, User, jpeg, open_stage, title

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

FULL = "The bot is very busy right now. Try again in a couple of minutes."
MANY = "You already have 1 in line. Wait for one of them, or cancel one: /cancel"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Two pictures at once and two waiting, of each person one."""
    settings = {
        "IMGBOT_QUEUE_LIMIT": "2",
        "IMGBOT_WORKERS": "1",
        "IMGBOT_JOBS_PER_WORKER": "2",
        "IMGBOT_PER_USER": "waiting=1, running=1",
    }
    async for stage in open_stage(tmp_path_factory.mktemp("crowd"), **settings):
        yield stage
        await assert_undisturbed(stage.bot, stage.control)


async def test_too_many_waiting_is_said_once_and_as_a_toast(stage: Stage) -> None:
    ann = await stage.user("Ann")
    cat = await ann.order("a cat")
    await occupy(ann)

    for _ in range(10):
        await ann.say("another one")
    toast = await ann.toast(cat, "Again")
    answers = await ann.said(rests=False)
    await call_off(ann)

    assert [text for text in answers if "🎨" not in text and "⏳" not in text] == ["a cat", MANY]
    assert toast == MANY


async def test_a_full_queue_is_said_once_and_as_a_toast(stage: Stage) -> None:
    ann, bob, carl = [await stage.user(name) for name in ("Ann", "Bob", "Carl")]
    cat = await carl.order("a cat")
    await occupy(ann)
    await occupy(bob)

    for _ in range(10):
        await carl.say("another one")
    await carl.photos(jpeg("cat"), caption="a hat")
    toast = await carl.toast(cat, "Again")
    refused = await carl.said(rests=False)
    await call_off(ann)
    await call_off(bob)
    await carl.say("a dog")

    assert refused == ["a cat", FULL]
    assert toast == FULL
    assert await carl.said() == ["a cat", FULL, "a dog"]


@pytest.mark.parametrize(
    ("photos", "words", "caption", "order"),
    [
        (["cat"], "a hat", "✏️ a hat", "edit a hat"),
        (["cat", "astronaut"], "both at sea", "🧩 Merged 2 photos", "merge both at sea"),
    ],
)
async def test_a_refused_message_is_handled_again_by_a_button_and_once(
    stage: Stage, photos: list[str], words: str, caption: str, order: str
) -> None:
    ann, bob, carl = [await stage.user(name) for name in ("Ann", "Bob", "Carl")]
    await occupy(ann)
    await occupy(bob)
    refusal = await carl.ask(words, *map(jpeg, photos))
    before = await stage.orders()

    press = refusal.button("🔁")["callback_data"]
    still_full = await carl.toasts(refusal, press)
    await call_off(ann)
    await call_off(bob)
    async with stage.bot.redis() as redis:
        await redis.delete(*await redis.keys(f"{keys.ONCE}tap.*"))
    answers = await carl.toasts(refusal, press, press)
    shown = await carl.heard()
    late = await carl.press_again(shown[-1], press)

    assert still_full == [FULL]
    assert answers == [t("en", "accepted_short"), t("en", "tapped_already")]
    assert [title(message) for message in shown] == [caption]
    assert (await stage.orders())[len(before) :] == [order]
    assert late == [t("en", "request_gone")]


async def test_variants_that_do_not_fit_are_told_of(stage: Stage) -> None:
    ann = await stage.user("Ann")

    await ann.say("a fox, 4 variants")
    answers = await ann.said()

    # How many fit depends on whether the first was claimed by then: as many as are made.
    fewer = [text for text in answers if text.startswith("I'll make ")]
    made = [text for text in answers if text.endswith(" · a fox")]
    assert [int(text.split()[2]) for text in fewer] == [len(made)]
    assert MANY not in answers


async def occupy(user: User) -> None:
    """Give a user one picture under way and one in the line."""
    async with user.stage.bot.redis() as redis:
        await user.say("a fox [[sim:slow=60]]")
        await eventually(lambda: redis.hget(keys.ACTIVE, str(user.id)), lambda n: n == "1")
        await user.say("a lighthouse at night [[sim:slow=60]]")
        await eventually(lambda: redis.zcard(f"{keys.USER_JOBS}{user.id}"), lambda n: n == 2)


async def call_off(user: User) -> None:
    """Take both back."""
    for _ in range(2):
        await user.say("/cancel")
    async with user.stage.bot.redis() as redis:
        await eventually(
            lambda: redis.exists(f"{keys.USER_JOBS}{user.id}"), lambda found: not found
        )
