"""Named photos: what gives a name, what is ordered with it, what is kept, and how it goes."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from imgbot.domain.operations import Operation
from imgbot.domain.texts import t
from imgbot.domain.words import read
from imgbot.domain.words.chat import ABOUT_PHOTO, ChatPicture, ChatState
from imgbot.domain.words.reading import Talk
from imgbot.features.named_photos.words import NAMING, ORDERING, ROW, order_with, without_names
from imgbot.storage.users import UserStore
from tests.fixtures.bot import PAID
from tests.fixtures.sandbox import Message
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
)

LOOP = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
NAMES = ("Аня", "Рекс", "Павел", "Роза", "Баба Нюра", "Rex")
FOX = ChatPicture("p", Operation.CREATE, ("a fox",))


@pytest.mark.parametrize(
    ("text", "is_name"),
    [
        ("это Аня", True),
        ("Это наш Рекс!", True),
        ("this is Captain Rex", True),
        ("remember this as rex", True),
        ("запомни: это баба Нюра", True),
        ("это Аня?", False),
        ("это аня", False),
        ("это красиво", False),
        ("this is great", False),
        ("This is Great", False),
        ("this is Rex and Bob", False),
        ("Rex is a dinosaur", False),
        ("remember this as a painting", False),
        ("это <b>Аня</b>", False),
        (f"remember this as {'x' * 60}", False),
        ("this is \u202eRex", False),
    ],
)
def test_only_a_name_is_one(text: str, *, is_name: bool) -> None:
    found = read(text, ChatState((FOX,), replied="p"), [ROW])

    assert (isinstance(found, Talk) and found.topic == NAMING) is is_name


def test_without_a_reply_a_drawn_picture_gets_a_name_by_a_command_alone() -> None:
    found = [read(each, ChatState((FOX,)), [ROW]) for each in ("this is Rex", "remember it as Rex")]

    assert [isinstance(each, Talk) and each.topic for each in found] == ["", NAMING]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Аня на Луне", ["Аня"]),
        ("аню в космосе", ["Аня"]),
        ("нарисуй Аню с Рексом", ["Аня", "Рекс"]),
        ("Павла на рыбалке", ["Павел"]),
        ("бабу Нюру на мотоцикле", ["Баба Нюра"]),
        ("нарисуй Розу в саду", ["Роза"]),
        ("rex in a spaceship", ["Rex"]),
        ("Rex's birthday party", ["Rex"]),
        ("add Rex here", ["Rex"]),
        ("нарисуй розу в саду", []),
        ("Анна на Луне", []),
        ("T-Rex in a forest", []),
        ("рексона на столе", []),
        ("спасибо, Рекс", []),
        ("где Аня?", []),
        ("это Аня?", []),
        ("удали Аню", []),
        ("сделай открытку «С днём рождения, Аня!»", []),
        ("подпиши внизу: Аня", []),
        ("Rex in a hat with the text “Rose”", ["Rex"]),
        ("how much is Rex on the moon?", []),
    ],
)
def test_names_order_in_all_their_cases(text: str, names: list[str]) -> None:
    found = order_with(text, NAMES)

    assert [*(found.names if found and found.is_sure else ())] == names
    assert not found or found.is_sure


@pytest.mark.parametrize(
    "text", ["Роза в саду", "Rex is a dinosaur", "Аня — красавица", "don't draw Rex"]
)
def test_what_may_mean_something_else_is_asked(text: str) -> None:
    found = order_with(text, NAMES)

    assert found is not None
    assert not found.is_sure


@pytest.mark.parametrize(
    ("text", "is_ordered"),
    [("надень на Рекса шляпу", False), ("Рекс в лесу", True), ("добавь Рекса", True)],
)
@pytest.mark.parametrize("is_photo", [True, False])
def test_a_change_of_the_picture_that_shows_them_is_one(
    text: str, *, is_ordered: bool, is_photo: bool
) -> None:
    made = ChatPicture("p", Operation.EDIT, ("Рекс на Луне",))
    chat = ABOUT_PHOTO if is_photo else ChatState((made,))
    found = read(text, replace(chat, names=NAMES), [ROW])

    assert (isinstance(found, Talk) and found.topic == ORDERING) is is_ordered


def test_the_engine_reads_no_names() -> None:
    texts = ["Рекс акварелью", "Rex, darker", "Rex", "Rex, text “Rex”"]

    found = [without_names(each, NAMES) for each in texts]
    assert found == ["акварелью", "darker", "Rex", "text “Rex”"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    soon = {"imgbot.features.named_photos.CHECK_EVERY_S": 0.2}
    async for each in open_stage(tmp_path_factory.mktemp("named"), soon, **PAID):
        await each.control.set_provider(duration_s=[0, 0])
        yield each


async def named(user: User, name: str, photo: str = "cat", *, by: str = "this is") -> Message:
    """Give a photo a name, and agree to what is asked; return the last answer."""
    answer = await user.ask(f"{by} {name}", jpeg(photo, (320, 240)))
    label = t("en", "button_keepname", name=name)
    return await user.click(answer, label) if answer.buttons else answer


def copies(user: User) -> list[Path]:
    return sorted((user.stage.bot.state_dir / "named").glob(f"{user.id}.*"))


async def kept(user: User) -> list[str]:
    async with user.stage.bot.redis() as redis:
        return [*(await UserStore(redis).profile(user.id)).named]


async def sent(user: User) -> dict[str, object]:
    return (await user.control.provider())["tasks"][-1]


class TestNamed:
    pytestmark = LOOP

    @pytest.mark.parametrize(
        ("language", "says", "name", "order"),
        [("en", "this is", "Rex", "Rex on the moon"), ("ru", "это", "Аня", "Аню на Луне")],
    )
    async def test_the_first_is_asked_about_and_then_ordered_with(
        self, stage: Stage, language: str, says: str, name: str, order: str
    ) -> None:
        bob = await stage.user("Bob", language=language)
        before = await stage.charges()
        [photo] = await bob.photos(jpeg("cat", (320, 240)))
        await bob.wait(has_buttons)
        question = await bob.ask(f"{says} {name}", reply_to=photo.id)
        assert question.text == t(language, "named_ask_first", name=name)
        assert await kept(bob) == []
        done = await bob.click(question, t(language, "button_keepname", name=name))
        assert done.text == t(language, "named_done", name=name)
        result = await bob.order(order)

        assert order in result.text
        assert (await sent(bob))["words"] == (
            f"Image 1 shows {name}. Keep the look of who or what is shown. {order}"
        )
        assert await stage.charges() == before + 1
        assert len(copies(bob)) == 1

    async def test_two_names_are_merged_and_a_reply_adds_to_its_picture(self, stage: Stage) -> None:
        bob = await stage.user("Bob")
        await named(bob, "Rex")
        # The question comes once.
        assert (await named(bob, "Ann", "astronaut")).text == t("en", "named_done", name="Ann")
        both = await bob.order("Rex and Ann at the beach")
        task = await sent(bob)
        moon = await bob.order("draw an empty moon")
        beside = await bob.order("add Rex here", reply_to=moon.id)

        assert both.text.startswith("🧩")
        assert task["operation"] == "merge"
        assert "Image 1 shows Rex. Image 2 shows Ann." in str(task["words"])
        assert beside.text.startswith("🧩")
        assert "Image 2 shows Rex." in str((await sent(bob))["words"])

    async def test_a_caption_adds_to_its_photo(self, stage: Stage) -> None:
        bob = await stage.user("Bob")
        await named(bob, "Rex")
        beside = await bob.order("add Rex here", jpeg("astronaut", (320, 240)))

        assert beside.text.startswith("🧩")
        assert "Image 2 shows Rex." in str((await sent(bob))["words"])
        await bob.order("give Rex a hat", jpeg("cat", (320, 240)))
        assert (await sent(bob))["words"] == "give Rex a hat"

    async def test_the_copy_is_used_when_telegram_has_lost_the_file(self, stage: Stage) -> None:
        bob = await stage.user("Bob")
        await named(bob, "Rex")
        await bob.control.fault(
            "getFile", "error", times=9, error_code=400, description="wrong file_id"
        )
        result = await bob.order("Rex on the moon")
        await bob.control.clear_faults()

        assert "Rex on the moon" in result.text

    async def test_a_result_that_is_forwarded_orders_nothing(self, stage: Stage) -> None:
        bob = await stage.user("Bob")
        await named(bob, "Rex")
        result = await bob.order("Rex on the moon")
        before = await stage.charges()
        asked = await bob.after(bob.control.forward(bob.person, [result]), has_buttons)

        assert asked.text == t("en", "ask_photo_action")
        assert await stage.charges() == before

    async def test_another_photo_takes_the_name_when_that_is_agreed(self, stage: Stage) -> None:
        bob = await stage.user("Bob")
        await named(bob, "Rex")
        [first] = copies(bob)
        question = await bob.ask("this is REX", jpeg("astronaut", (320, 240)))
        assert question.text == t("en", "named_ask_other", name="Rex")
        done = await bob.click(question, t("en", "button_keepname", name="Rex"))
        assert done.text == t("en", "named_done", name="Rex")
        await eventually(lambda: first not in copies(bob), what="the former copy goes", within_s=20)

        assert await kept(bob) == ["Rex"]

    async def test_a_sixth_is_refused_and_one_is_deleted_in_settings(self, stage: Stage) -> None:
        bob = await stage.user("Bob")
        known = ["Rex", "Ann", "Leo", "Kim", "Tom"]
        for name in known:
            await named(bob, name)
        refused = await named(bob, "Zoe")
        assert refused.text == t("en", "named_full", names=", ".join(known), limit=5)
        listed = await bob.press(await bob.ask("/settings"), t("en", "button_names"))
        await bob.press(listed, "🗑 Leo")

        assert await kept(bob) == ["Rex", "Ann", "Kim", "Tom"]
        assert len(copies(bob)) == 1  # all are of one photo
        assert (await named(bob, "Zoe")).text == t("en", "named_done", name="Zoe")

    async def test_a_word_counts_with_a_capital_letter_and_is_asked_about(
        self, stage: Stage
    ) -> None:
        bob = await stage.user("Bob")
        await named(bob, "Rex")
        question = await bob.ask("this is Rose", jpeg("astronaut", (320, 240)))
        assert question.text == t("en", "named_ask_word", name="Rose")
        await bob.click(question, t("en", "button_keepname", name="Rose"))
        await bob.order("draw a rose in a garden")
        assert (await sent(bob))["operation"] == "create"
        before = await stage.charges()
        question = await bob.ask("Rose in a garden")
        assert question.text == t("en", "named_ask_which", names="Rose")
        assert await stage.charges() == before
        await bob.click(question, t("en", "button_withname", names="Rose"), is_picture)

        assert "Image 1 shows Rose." in str((await sent(bob))["words"])

    async def test_a_name_alone_and_one_that_is_gone_order_nothing(self, stage: Stage) -> None:
        bob = await stage.user("Bob")
        await named(bob, "Rex")
        before = await stage.charges()
        assert (await bob.ask("Rex")).text == t("en", "named_how", name="Rex")
        question = await bob.ask("Rex is a dinosaur")
        await bob.press(await bob.ask("/names"), "🗑 Rex")
        pressed = await bob.toast(question, t("en", "button_withname", names="Rex"))

        assert pressed == t("en", "named_gone")
        assert copies(bob) == []
        assert await stage.charges() == before

    async def test_in_a_group_each_has_their_own_and_no_photo_is_shown(self, stage: Stage) -> None:
        ann, bob = await open_group(stage)
        await named(bob.within(bob.id), "Rex")
        theirs = await bob.order(f"{BOT_NAME} Rex on the moon")
        task = await sent(bob)
        await ann.order(f"{BOT_NAME} draw Rex on the moon")

        assert "Image 1 shows Rex." in str(task["words"])
        assert (await sent(ann))["operation"] == "create"
        assert (await ann.ask("/undo", reply_to=theirs.id)).text == t("en", "undo_nothing")
        assert (await ann.ask("/compare", reply_to=theirs.id)).text == t("en", "compare_nothing")

    async def test_what_is_kept_is_told_exported_and_forgotten_with_its_copy(
        self, stage: Stage
    ) -> None:
        bob = await stage.user("Bob")
        await named(bob, "Rex")
        assert t("en", "privacy_named") in (await bob.ask("/privacy")).text
        export = await bob.ask("/my_data", fits=is_picture)
        data = json.loads(await bob.control.file(export.document_id or ""))
        assert "named:Rex" in data[f"img:user:{bob.id}"]
        question = await bob.ask("/forget_me")
        await bob.press(question, t("en", "button_forget"))
        await eventually(lambda: copies(bob) == [], what="the copy goes")

        assert await kept(bob) == []

    async def test_kills_after_each_step_name_once_and_charge_once(self, stage: Stage) -> None:
        bob, bot = await stage.user("Bob"), stage.bot
        before = await stage.charges()
        question = await bob.ask("this is Rex", jpeg("cat", (320, 240)))
        await bob.control.press(bob.person, question, question.button("Remember")["callback_data"])
        await bot.kill()
        await bot.start()
        await eventually(lambda: kept(bob), ["Rex"].__eq__)
        await bob.control.set_provider(duration_s=[30, 30])
        await bob.say("Rex on the moon")

        async def orders() -> int:
            return len([each for each in await stage.orders() if "Rex on the moon" in each])

        known = await orders()
        await eventually(orders, lambda count: count > known or count)
        await bot.kill()
        await bot.start()
        await bob.control.set_provider(duration_s=[0, 0])
        stage.finish_tasks()
        result = await bob.wait(is_picture)

        assert "Rex on the moon" in result.text
        assert await stage.charges() == before + 1
        assert len(await bob.results()) == 1
