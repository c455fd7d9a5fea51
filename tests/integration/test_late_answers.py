"""Words and photos that come late, or beside the question: never taken for its answer."""

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from tests.fixtures.bot import Bot, with_simulated_provider
from tests.fixtures.sandbox import Clock, Person, open_sandbox, picture
from tests.integration.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PHOTOS = [picture(), picture(color="red")]
CLOCK = Clock()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory):
    state_dir = tmp_path_factory.mktemp("late") / "state"
    state_dir.mkdir()
    async with open_sandbox(now=CLOCK, flood=False) as (sandbox, control):
        await control.set_provider(duration_s=[0.2, 0.4])
        async with Bot(sandbox, state_dir, **with_simulated_provider(sandbox)) as bot:
            yield Stage(bot, control, sandbox)
        assert (await control.calls())["violations"] == []


@pytest_asyncio.fixture(loop_scope="module")
async def anna(stage: Stage) -> Person:
    CLOCK.offset_s = 0.0
    return await stage.control.make_user("Anna")


async def ordered(stage: Stage, count: int) -> list[tuple[str, str]]:
    """The operations and words of the last orders."""
    tasks = (await stage.control.provider())["tasks"][-count:]
    return sorted((task["operation"], task["words"]) for task in tasks)


async def test_words_after_an_album_with_a_caption_are_a_request(
    stage: Stage, anna: Person
) -> None:
    await stage.control.send_photos(anna, PHOTOS, caption="collage")
    await stage.control.say(anna, "a fox")
    await stage.control.wait_message(anna.id, lambda m: bool(m.photo_id) and m.text == "a fox")
    await stage.control.wait_message(anna.id, lambda m: bool(m.photo_id) and m.text != "a fox")

    assert await ordered(stage, 2) == [("create", "a fox"), ("merge", "collage")]


async def test_words_long_after_an_album_are_a_request(stage: Stage, anna: Person) -> None:
    await stage.control.send_photos(anna, PHOTOS)
    # It was away meanwhile, and gets both at once.
    CLOCK.offset_s = 30.0
    await stage.control.say(anna, "a fox")
    await stage.control.wait_message(anna.id, lambda m: bool(m.photo_id) and m.text == "a fox")
    asked = await stage.control.wait_message(anna.id, lambda m: m.text.startswith("2 photos"))

    assert await ordered(stage, 1) == [("create", "a fox")]
    assert asked.buttons


@pytest.mark.parametrize(
    ("command", "question"),
    [("/retouch", "ask_retouch_photo"), ("/upscale", "ask_upscale_photo")],
)
async def test_a_photo_with_words_of_its_own_is_a_new_request(
    stage: Stage, anna: Person, command: str, question: str
) -> None:
    await stage.control.say(anna, command)
    await stage.control.wait_message(anna.id, lambda m: m.text == t("en", question))
    await stage.control.send_photos(anna, PHOTOS[:1], caption="add 2 hats")
    await stage.control.wait_message(anna.id, lambda m: bool(m.photo_id))

    assert await ordered(stage, 1) == [("edit", "add 2 hats")]


async def test_words_that_only_hand_the_photo_over_ask_for_nothing_else(
    stage: Stage, anna: Person
) -> None:
    await stage.control.say(anna, "/retouch")
    await stage.control.wait_message(anna.id, lambda m: m.text == t("en", "ask_retouch_photo"))
    await stage.control.send_photos(anna, PHOTOS[:1], caption="Here it is")
    await stage.control.wait_message(anna.id, lambda m: bool(m.photo_id or m.document_id))

    assert await ordered(stage, 1) == [("retouch", "")]


async def test_a_photo_with_words_is_a_new_request_while_a_size_is_awaited(
    stage: Stage, anna: Person
) -> None:
    await stage.control.send_photos(anna, PHOTOS[:1], caption="/upscale")
    await stage.control.wait_message(anna.id, lambda m: m.text == t("en", "ask_scale"))
    await stage.control.send_photos(anna, PHOTOS[1:], caption="add 2 hats")
    await stage.control.wait_message(anna.id, lambda m: bool(m.photo_id))

    assert await ordered(stage, 1) == [("edit", "add 2 hats")]


async def test_a_size_over_another_photo_still_answers_the_question(
    stage: Stage, anna: Person
) -> None:
    await stage.control.send_photos(anna, PHOTOS[:1], caption="/upscale")
    await stage.control.wait_message(anna.id, lambda m: m.text == t("en", "ask_scale"))
    await stage.control.send_photos(anna, PHOTOS[1:], caption="4, please")
    await stage.control.wait_message(anna.id, lambda m: bool(m.photo_id or m.document_id))

    assert (await ordered(stage, 1))[0][0] == "upscale"


async def test_words_about_a_photo_of_long_ago_are_asked_about_not_ordered(
    stage: Stage, anna: Person
) -> None:
    before = len((await stage.control.provider())["tasks"])
    await stage.control.send_photos(anna, PHOTOS[:1])
    await stage.control.wait_message(anna.id, lambda m: bool(m.buttons))
    CLOCK.offset_s = 16 * 60.0
    await stage.control.say(anna, "make it blue")
    expired = t("en", "question_expired", minutes=15)
    await stage.control.wait_message(anna.id, lambda m: m.text == expired)
    # Said once; what comes then is a request like any other.
    await stage.control.say(anna, "a blue fox")
    await stage.control.wait_message(anna.id, lambda m: bool(m.photo_id))

    assert len((await stage.control.provider())["tasks"]) == before + 1
    assert await ordered(stage, 1) == [("create", "a blue fox")]


async def test_a_new_idea_after_a_question_of_long_ago_is_drawn(stage: Stage, anna: Person) -> None:
    await stage.control.send_photos(anna, PHOTOS[:1])
    await stage.control.wait_message(anna.id, lambda m: bool(m.buttons))
    CLOCK.offset_s = 16 * 60.0
    await stage.control.say(anna, "a blue fox by the sea")
    await stage.control.wait_message(anna.id, lambda m: bool(m.photo_id))

    assert await ordered(stage, 1) == [("create", "a blue fox by the sea")]


@pytest.mark.parametrize("later_s", [60.0, 16 * 60.0])
async def test_words_right_after_an_album_are_about_it_whatever_was_asked_before(
    stage: Stage, anna: Person, later_s: float
) -> None:
    await stage.control.send_photos(anna, PHOTOS[:1])
    await stage.control.wait_message(anna.id, lambda m: bool(m.buttons))
    CLOCK.offset_s = later_s
    await stage.control.send_photos(anna, PHOTOS)
    await stage.control.say(anna, "collage")
    await stage.control.wait_message(anna.id, lambda m: bool(m.photo_id) and m.is_outgoing)

    assert await ordered(stage, 1) == [("merge", "collage")]


async def test_a_photo_after_a_question_of_long_ago_is_a_photo_by_itself(
    stage: Stage, anna: Person
) -> None:
    await stage.control.say(anna, "/retouch")
    await stage.control.wait_message(anna.id)
    CLOCK.offset_s = 16 * 60.0
    await stage.control.send_photos(anna, PHOTOS[:1])
    asked = await stage.control.wait_message(anna.id, lambda m: bool(m.buttons))

    assert asked.text == t("en", "ask_photo_action")


async def test_a_question_of_long_ago_is_not_what_is_called_off(stage: Stage, anna: Person) -> None:
    await stage.control.say(anna, "/retouch")
    await stage.control.wait_message(anna.id)
    CLOCK.offset_s = 16 * 60.0
    await stage.control.say(anna, "/cancel")

    await stage.control.wait_message(anna.id, lambda m: m.text == t("en", "cancel_nothing"))
