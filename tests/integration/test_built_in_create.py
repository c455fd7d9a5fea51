"""Captions of pictures that the built-in engine creates: what was drawn, and what was not."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from tests.fixtures.bot import SOON
from tests.integration.stage import OWNER_ID, Stage, User, is_picture, open_stage, title

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Stage, User]]:
    """The built-in engine; its first user is the administrator."""
    folder = tmp_path_factory.mktemp("created")
    async for stage in open_stage(folder, SOON, is_simulated=False, IMGBOT_ADMINS=str(OWNER_ID)):
        yield stage, await stage.owner()


@pytest.fixture
def stage(served: tuple[Stage, User]) -> Stage:
    return served[0]


@pytest.fixture
def owner(served: tuple[Stage, User]) -> User:
    return served[1]


async def test_an_administrator_alone_is_told_once_how_to_plug_in_a_provider(
    stage: Stage, owner: User
) -> None:
    guest = await stage.user()

    captions = [(await each.order("a fox in a forest")).text for each in (guest, owner, owner)]

    hint = t("en", "engine_hint")
    assert captions == ["a fox in a forest", f"a fox in a forest\n\n{hint}", "a fox in a forest"]
    assert "sudo imgbot install --provider replicate" in hint
    assert "IMGBOT_" not in hint


async def test_the_caption_says_what_was_not_drawn_and_a_button_orders_what_can_be(
    stage: Stage,
) -> None:
    bob, anna = await stage.user(), await stage.user(language="ru")

    english = await bob.order("Pushkin on a motorcycle in the city at night")
    russian = await anna.order("Пушкин на мотоцикле в ночном городе")
    instead = await bob.click(english, "car", is_picture)
    styled = await bob.click(english, "watercolour", is_picture)

    assert english.text.splitlines()[1:] == [
        "Drawn: “in the city at night”",
        "Not drawn: “Pushkin on a motorcycle”",
    ]
    assert russian.text.splitlines()[2] == "Не нарисовано: «Пушкин на мотоцикле»"
    assert [button["text"] for button in russian.buttons][:2] == ["🖌 велосипед", "🖌 машина"]
    assert instead.text == "in the city at night, car"
    assert "🖌" not in instead.buttons[0]["text"]
    assert title(styled) == "Pushkin on a motorcycle in the city at night, watercolour"


async def test_a_forged_suggestion_orders_nothing(stage: Stage) -> None:
    bob, eve = await stage.user(), await stage.user("Eve")
    made = await bob.order("a dragon")
    job = made.button("watercolour")["callback_data"].rpartition(".")[2]

    assert await bob.toasts(made, f"draw:nothing.{job}") == [t("en", "unknown_button")]
    assert await eve.toasts(1, f"draw:cat.{job}") != [t("en", "accepted_short")]
    assert len(await bob.results()) == 1
    assert await eve.results() == []
