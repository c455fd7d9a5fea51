"""A picture in words: what asks for it, what is sent, what the button draws."""

import base64
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image

from imgbot.domain.operations import Operation
from imgbot.domain.texts import t
from imgbot.domain.words import read
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.reading import Talk
from imgbot.features.describe.describing import ROW, TOPIC
from tests.fakes.scripted_server import Script, open_script
from tests.fixtures.sandbox import picture
from tests.integration.stage import Stage, User, open_group, open_stage

LOOP = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
PATH = "POST /v1/chat/completions"
PROMPT = "a lake at dawn, mist, soft light"
SHOWN = f"{PROMPT}\n\nFor those who can't see it: a lake."


def says(**content: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": json.dumps(content)}}]}


GOOD = says(prompt=PROMPT, alt="a lake.")


@dataclass(frozen=True, slots=True)
class Described:
    """The bot, and the chat server that it asks."""

    stage: Stage
    server: Script


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def described(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Described]:
    async with open_script() as server:
        chat = {"IMGBOT_CHAT": f"{server.url}/v1 small-1"}
        async for stage in open_stage(tmp_path_factory.mktemp("describe"), **chat):
            await stage.control.set_provider(duration_s=[0, 0])
            yield Described(stage, server)


@pytest_asyncio.fixture(loop_scope="module")
async def bob(described: Described) -> User:
    described.server.asked.clear()
    described.server.on(PATH, GOOD)
    return await described.stage.user("Bob")


@pytest.mark.parametrize(
    ("text", "is_asked"),
    [
        ("опиши", True),
        ("Опишите это фото, пожалуйста", True),
        ("какой промпт нужен для такой картинки?", True),
        ("describe this, please", True),
        ("What prompt would make this?", True),
        ("alt text for this photo", True),
        ("describe a dragon", False),
        ("опиши дракона", False),
        ("describe it as a painting", False),
        ("prompt for a dragon", False),
    ],
)
@pytest.mark.parametrize("operation", [Operation.CREATE, None])
def test_only_words_about_this_picture_ask(
    text: str, operation: Operation | None, *, is_asked: bool
) -> None:
    found = read(text, ChatState((ChatPicture("p", operation, ("a fox",)),)), [ROW])

    assert (isinstance(found, Talk) and found.topic == TOPIC) is is_asked


@pytest.mark.parametrize("language", ["en", "ru"])
class TestAsked:
    pytestmark = LOOP

    async def test_a_picture_is_sent_small_and_its_words_are_drawn_by_a_button(
        self, described: Described, language: str
    ) -> None:
        bob = await described.stage.user("Bob", language=language)
        described.server.asked.clear()
        described.server.on(PATH, GOOD)
        before = await described.stage.orders()
        # A caption asks, too: it orders no change.
        words = {"en": "describe this", "ru": "опиши"}[language]
        answer = await bob.ask(words, picture(1600, 1200))
        [asked] = described.server.asked
        text, photo = json.loads(asked.body)["messages"][1]["content"]
        encoded = photo["image_url"]["url"].removeprefix("data:image/jpeg;base64,")
        shown = Image.open(io.BytesIO(base64.b64decode(encoded)))

        assert json.loads(text["text"]) == {"language": language}
        assert max(shown.size) <= 1024
        assert answer.text == f"{PROMPT}\n\n{t(language, 'described_alt', alt='a lake.')}"
        assert await described.stage.orders() == before
        await bob.click(answer, t(language, "button_drawit"), lambda each: each.photo_id)
        assert (await described.stage.orders())[len(before) :] == [f"create {PROMPT}"]


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_what_the_model_writes_orders_one_picture(described: Described, bob: User) -> None:
    described.server.on(PATH, says(prompt="a lake, 3 variants", alt="a lake."))
    answer = await bob.ask("describe this", picture(1600, 1200))
    before = await described.stage.orders()
    await bob.click(answer, t("en", "button_drawit"), lambda each: each.photo_id)
    await bob.heard()

    assert (await described.stage.orders())[len(before) :] == ["create a lake, 3 variants"]


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "content",
    [
        says(prompt="", alt="a lake"),
        says(prompt="x" * 900, alt="a lake"),
        says(prompt=["a"], alt="a lake"),
        b"<html>",
    ],
)
async def test_an_answer_that_is_none_costs_nothing_and_is_said(
    described: Described, bob: User, content: Any
) -> None:
    described.server.on(PATH, content)
    await bob.photos(picture(1600, 1200))
    await bob.wait(lambda each: each.buttons)

    assert (await bob.ask("describe")).text == t("en", "describe_failed")
    # Three in a row are a pause of the server.
    described.server.on(PATH, GOOD)
    other = await described.stage.user("Ann")
    await other.ask("describe", picture(1600, 1200))


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_what_was_asked_for_is_not_asked_again_after_a_crash(
    described: Described, bob: User
) -> None:
    await bob.photos(picture(1600, 1200))
    await bob.wait(lambda each: each.buttons)
    described.server.held.clear()
    await bob.say("describe")
    while not described.server.asked:
        await described.stage.bot.health()
    await described.stage.bot.kill()
    described.server.held.set()
    await described.stage.bot.start()

    assert await bob.wait(lambda each: each.text == t("en", "describe_failed"))
    assert len(described.server.asked) == 1


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_in_a_group_only_who_asked_may_draw(described: Described) -> None:
    described.server.on(PATH, GOOD)
    ann, bob = await open_group(described.stage)
    answer = await ann.ask("@imgbot_sandbox_bot describe this", picture(1600, 1200))

    assert answer.text == SHOWN
    assert await bob.toast(answer, "Draw it") == t("en", "not_your_button")


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_a_model_that_takes_no_pictures_is_asked_about_words_all_the_same(
    described: Described, bob: User
) -> None:
    fox = await bob.unfold(await bob.order("a fox"))
    described.server.on(PATH, b"", status=400)
    for _ in range(4):
        assert (await bob.ask("describe", picture())).text == t("en", "describe_failed")
    asked = len(described.server.asked)
    await bob.toast(fox, "✨ Say more")

    assert (asked, len(described.server.asked)) == (3, 4)
    # It is left alone for a while.
    await described.stage.bot.kill()
    await described.stage.bot.start()
