"""The same change on each photo of an album: ordered at once or not at all, in their order."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.crash.test_supervisor_killed import field_is_set
from tests.fixtures.bot import Bot, with_simulated_provider
from tests.fixtures.sandbox import Message, open_sandbox
from tests.fixtures.waiting import eventually
from tests.integration.stage import (
    BOT_NAME,
    Stage,
    User,
    has_buttons,
    is_picture,
    jpeg,
    open_group,
    open_stage,
    source_of,
)

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PHOTOS = [jpeg("cat"), jpeg("astronaut"), jpeg("cat", (300, 500))]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def few(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot that makes four pictures a day for a user."""
    folder = tmp_path_factory.mktemp("few")
    async for stage in open_stage(folder, IMGBOT_PER_USER="pictures=4"):
        yield stage


async def results_of(user: User, count: int) -> list[Message]:
    """So many pictures by their numbers."""
    found = await eventually(user.results, lambda found: len(found) == count)
    return sorted(found, key=lambda each: each.text)


async def counted(user: User) -> int:
    """Requests of a user that count in their limit: one for each picture."""
    async with user.stage.bot.redis() as redis:
        return int(await redis.get(f"{keys.RATE_LIMIT}{user.id}") or 0)


@pytest.mark.parametrize(
    ("caption", "order"),
    [
        ("each in black and white", "edit in black and white"),
        ("все в чёрно-белое", "edit все в чёрно-белое"),
        ("same for all: black and white", "edit same for all: black and white"),
        ("на каждом убери фон", "removebg"),
        ("remove the background", "removebg"),
    ],
)
async def test_each_photo_gets_what_is_asked_for_and_is_answered(
    anna: User, caption: str, order: str
) -> None:
    sent = await anna.photos(*PHOTOS, caption=caption)
    results = await results_of(anna, 3)

    assert [each.text[:4] for each in results] == ["1/3 ", "2/3 ", "3/3 "]
    assert [await source_of(anna.stage, each) for each in results] == [
        each.photo_unique_id for each in sent
    ]
    assert [each.reply_to for each in results] == [each.id for each in sent]
    assert [each.id for each in results] == sorted(each.id for each in results)
    assert (await anna.stage.orders())[-3:] == [order] * 3


async def test_a_wish_for_each_is_no_part_of_the_photos_collected_before(anna: User) -> None:
    await anna.ask("", *PHOTOS, fits=has_buttons)
    sent = await anna.photos(*PHOTOS[:2], caption="each in black and white")
    results = await results_of(anna, 2)

    assert [each.reply_to for each in results] == [each.id for each in sent]


@pytest.mark.parametrize(("label", "count", "title"), [("Each", 3, "3/3 · ✏️"), ("All", 1, "🧩")])
async def test_words_that_may_mean_both_are_asked_about(
    bob: User, label: str, count: int, title: str
) -> None:
    question = await bob.ask("make it darker", *PHOTOS, fits=has_buttons)
    asked = await bob.results()
    await bob.click(question, label, is_picture)
    results = await results_of(bob, count)

    assert question.text == t("en", "ask_each", count=3)
    assert await counted(bob) == count
    assert asked == []
    assert results[-1].text.startswith(title)


@pytest.mark.parametrize("caption", ["keep the text", "make this darker"])
@pytest.mark.parametrize(("label", "count", "title"), [("Each", 2, "2/2 · ✏️"), ("All", 1, "🧩")])
async def test_two_photos_that_are_no_original_and_its_copy_are_asked_about(
    anna: User, caption: str, label: str, count: int, title: str
) -> None:
    charges = await anna.stage.charges()
    asks = t("en", "ask_each", count=2)
    question = await anna.ask(caption, *PHOTOS[:2], fits=lambda each: each.text == asks)
    asked = await anna.stage.charges()
    await anna.click(question, label, is_picture)
    results = await results_of(anna, count)

    assert asked == charges
    assert await counted(anna) == count
    assert results[-1].text.startswith(title)
    assert await anna.stage.charges() == charges + count


@pytest.mark.parametrize(
    ("caption", "order"),
    [
        ("put me in front of this", "merge put me in front of this"),
        ("рядом", "merge рядом"),
        ("make it darker", "edit make it darker"),
    ],
)
async def test_a_second_photo_is_merged_with_the_one_before_where_its_words_need_both(
    anna: User, caption: str, order: str
) -> None:
    await anna.ask("", PHOTOS[0], fits=has_buttons)

    await anna.order(caption, PHOTOS[1])

    assert (await anna.stage.orders())[-1] == order


@pytest.mark.parametrize("caption", ["each side by side", "make them all one picture"])
async def test_a_merge_that_names_each_is_a_merge(bob: User, caption: str) -> None:
    assert (await bob.order(caption, *PHOTOS)).text.startswith("🧩 Merged 3 photos")
    assert len(await bob.results()) == 1


async def test_a_limit_that_not_all_fit_in_is_told_before_anything_is_ordered(few: Stage) -> None:
    user = await few.user()
    await user.photos(*PHOTOS, caption="each in black and white")
    made = await results_of(user, 3)

    refused = await user.ask("each in sepia", *PHOTOS)
    orders = await few.orders()
    last = await user.order("a fox")

    assert len(made) == 3
    assert refused.text == t("en", "too_many_together", count=3)
    assert len(orders) == 3
    assert last.text == "a fox"


async def test_in_a_topic_each_is_answered_there(simulated_stage: Stage) -> None:
    ann, _ = await open_group(simulated_stage, is_forum=True)
    await ann.photos(*PHOTOS, caption=f"{BOT_NAME} all in black and white", thread_id=7)
    results = await results_of(ann, 3)

    assert {each.raw["message_thread_id"] for each in results} == {7}


async def test_killed_in_the_middle_each_is_charged_and_shown_once(state_dir: Path) -> None:
    async with open_sandbox() as (sandbox, control):
        await control.set_provider(duration_s=[1.0, 2.0])
        bot = Bot(sandbox, state_dir, **with_simulated_provider(sandbox))
        async with bot:
            person = await control.make_user("Bob")
            photos = [jpeg("cat", (200 + 10 * n, 300)) for n in range(5)]
            await control.send_photos(person, photos, caption="each in black and white")
            for moment in ("id", "intent_ms", "ticket"):
                await eventually(lambda moment=moment: field_is_set(bot, moment), what=moment)
                await bot.kill()
                await bot.start()

            async def shown() -> list[str]:
                found = await control.messages(person.id)
                return sorted(m.text[:3] for m in found if m.is_outgoing and m.photo_id)

            await eventually(shown, lambda found: len(found) >= 5, what="five pictures")
            async with bot.redis() as redis:
                await eventually(lambda: redis.keys(f"{keys.JOB}*"), lambda left: not left)
            ledger = (await control.provider())["ledger"]

            assert await shown() == ["1/5", "2/5", "3/5", "4/5", "5/5"]
            charged = Counter(each["client_id"] for each in ledger)
            assert len(charged) == sum(charged.values()) == 5
