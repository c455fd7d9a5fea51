"""Words and photos that come late, or beside the question: never taken for its answer."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from tests.fixtures.bot import Bot, with_simulated_provider
from tests.fixtures.sandbox import Clock, open_sandbox, picture
from tests.integration.stage import Stage, User, has_buttons, is_picture

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PHOTO, OTHER = picture(), picture(color="red")
CLOCK = Clock()
LATER_S = 16 * 60.0
"""After this a question has expired."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    state_dir = tmp_path_factory.mktemp("late") / "state"
    state_dir.mkdir()
    async with open_sandbox(now=CLOCK, flood=False) as (sandbox, control):
        await control.set_provider(duration_s=[0.2, 0.4])
        async with Bot(sandbox, state_dir, **with_simulated_provider(sandbox)) as bot:
            yield Stage(bot, control, sandbox)
        assert (await control.calls())["violations"] == []


@pytest_asyncio.fixture(loop_scope="module")
async def anna(stage: Stage) -> User:
    CLOCK.offset_s = 0.0
    return await stage.user("Anna")


async def last_orders(stage: Stage, count: int = 1) -> list[str]:
    return sorted((await stage.orders())[-count:])


async def test_words_after_an_album_with_a_caption_are_a_request(stage: Stage, anna: User) -> None:
    await anna.photos(PHOTO, OTHER, caption="collage")
    await anna.say("a fox")
    await anna.heard()

    assert await last_orders(stage, 2) == ["create a fox", "merge collage"]


async def test_words_long_after_an_album_are_a_request(stage: Stage, anna: User) -> None:
    await anna.photos(PHOTO, OTHER)
    # The bot was away meanwhile, and gets both at once.
    CLOCK.offset_s = 30.0
    await anna.order("a fox")
    asked = await anna.wait(lambda m: m.text.startswith("2 photos"))

    assert await last_orders(stage) == ["create a fox"]
    assert asked.buttons


BESIDE = {
    "a new request for a retouch": ("/retouch", False, "add 2 hats", "edit add 2 hats"),
    "a new request for an enlargement": ("/upscale", False, "add 2 hats", "edit add 2 hats"),
    "words that hand the photo over": ("/retouch", False, "Here it is", "retouch"),
    "a new request for a size": ("/upscale", True, "add 2 hats", "edit add 2 hats"),
    "the size over another photo": ("/upscale", True, "4, please", "upscale"),
}


@pytest.mark.parametrize(
    ("command", "has_photo", "caption", "ordered"), BESIDE.values(), ids=BESIDE
)
async def test_a_captioned_photo_answers_a_question_or_is_a_request_of_its_own(
    stage: Stage, anna: User, command: str, caption: str, ordered: str, *, has_photo: bool
) -> None:
    question = await anna.ask(command, *[PHOTO] * has_photo)
    await anna.order(caption, OTHER)

    asked = "ask_scale" if has_photo else f"ask_{command[1:]}_photo"
    assert question.text == t("en", asked)
    assert await last_orders(stage) == [ordered]


async def test_words_about_a_photo_of_long_ago_are_asked_about_not_ordered(
    stage: Stage, anna: User
) -> None:
    before = len(await stage.orders())
    await anna.ask("", PHOTO, fits=has_buttons)
    CLOCK.offset_s = LATER_S
    expired = await anna.ask("make it blue")
    # Said once; what comes then is a request like any other.
    await anna.order("a blue fox")

    assert expired.text == t("en", "question_expired", minutes=15)
    assert (await stage.orders())[before:] == ["create a blue fox"]


async def test_a_new_idea_after_a_question_of_long_ago_is_drawn(stage: Stage, anna: User) -> None:
    await anna.ask("", PHOTO, fits=has_buttons)
    CLOCK.offset_s = LATER_S
    await anna.order("a blue fox by the sea")

    assert await last_orders(stage) == ["create a blue fox by the sea"]


@pytest.mark.parametrize("later_s", [60.0, LATER_S])
async def test_words_right_after_an_album_are_about_it_whatever_was_asked_before(
    stage: Stage, anna: User, later_s: float
) -> None:
    await anna.ask("", PHOTO, fits=has_buttons)
    CLOCK.offset_s = later_s
    await anna.photos(PHOTO, OTHER)
    await anna.order("collage")

    assert await last_orders(stage) == ["merge collage"]


async def test_a_question_of_long_ago_is_neither_answered_nor_called_off(
    stage: Stage, anna: User
) -> None:
    bob = await stage.user()
    for user in (anna, bob):
        await user.ask("/retouch")
    CLOCK.offset_s = LATER_S

    asked = await anna.ask("", PHOTO, fits=has_buttons)
    cancelled = await bob.ask("/cancel")

    assert asked.text == t("en", "ask_photo_action")
    assert cancelled.text == t("en", "cancel_nothing")
    assert not is_picture(asked)
