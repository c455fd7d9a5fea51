"""The five actions on the chat page, with real photographs."""

import io
import re

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import expect

from tests.browser.conftest import OpenWindow
from tests.fixtures.browser import ChatPage, natural_size
from tests.fixtures.photos import photo_path
from tests.fixtures.sandbox import Control

pytestmark = pytest.mark.asyncio(loop_scope="module")

CAT = photo_path("cat")
CAT_SIZE = (451, 300)
ASTRONAUT = photo_path("astronaut")


@pytest_asyncio.fixture(loop_scope="module")
async def chat(control: Control, open_window: OpenWindow) -> ChatPage:
    """The chat of somebody who has just come."""
    return await open_window(await control.make_user("Ann"))


async def test_create_by_button_and_words(chat: ChatPage) -> None:
    await chat.start()
    await chat.press("Create a picture")
    await chat.answer("What shall I draw?").wait_for()

    await chat.say("an autumn forest at sunset")

    photo = await chat.picture("an autumn forest at sunset")
    assert min(await natural_size(photo)) >= 512
    for label in ("Again", "Edit", "×2", "×4"):
        await expect(chat.button(label)).to_be_visible()


async def test_edit_by_a_photo_with_a_caption(chat: ChatPage, control: Control) -> None:
    await chat.attach(ASTRONAUT)
    await chat.composer.fill("black and white")
    await chat.send()

    photo = await chat.picture("✏️ black and white")
    address = await photo.get_attribute("src") or ""
    content = await control.file(address.rpartition("/")[2])
    channels = Image.open(io.BytesIO(content)).convert("RGB").resize((64, 64)).split()
    assert max(map(_difference, channels, channels[1:])) <= 3


async def test_merge_two_photos_of_one_message(chat: ChatPage) -> None:
    await chat.attach(CAT, ASTRONAUT)
    await chat.send()
    await expect(chat.own.get_by_test_id("message-photo")).to_have_count(2)
    await chat.answer(re.compile("^2 photos")).wait_for()

    await chat.press("Merge")

    photo = await chat.picture("🧩 Photos merged: 2")
    assert min(await natural_size(photo)) >= 300


async def test_retouch_by_the_button_under_a_photo(chat: ChatPage) -> None:
    await chat.attach(CAT)
    await chat.send()

    await chat.press("Retouch")

    assert await natural_size(await chat.picture("✨ This photo is good as it is")) == CAT_SIZE


async def test_upscale_by_the_button_under_a_photo(chat: ChatPage) -> None:
    await chat.attach(CAT)
    await chat.send()

    await chat.press("×2")

    photo = await chat.picture("🔍 Enlarged ×2")
    assert await natural_size(photo) == tuple(2 * side for side in CAT_SIZE)


async def test_upscale_a_file_that_was_sent_as_it_is(chat: ChatPage) -> None:
    await chat.start()
    await chat.press("Upscale")
    await chat.answer("Send the picture to make larger.").wait_for()
    await chat.attach(CAT)
    await chat.page.get_by_test_id("send-as-file").check()
    await chat.send()
    await expect(chat.own.get_by_test_id("message-document")).to_contain_text(CAT.name)
    await chat.answer("How many times larger?").wait_for()

    await chat.press("×4")

    photo = await chat.picture("🔍 Enlarged ×4")
    assert await natural_size(photo) == tuple(4 * side for side in CAT_SIZE)


async def test_edit_a_result_by_a_reply(chat: ChatPage) -> None:
    await chat.say("a calm sea")
    await chat.picture("a calm sea")
    await chat.answer("a calm sea").hover()
    await chat.answer("a calm sea").get_by_role("button", name="Reply").click()

    await chat.say("much warmer")

    await chat.picture("✏️ much warmer")
    await expect(chat.own.last.get_by_test_id("reply-quote")).to_contain_text("a calm sea")
    await expect(chat.answers.get_by_test_id("message-photo")).to_have_count(2)


async def test_edit_by_the_button_under_a_result(chat: ChatPage) -> None:
    await chat.say("a green valley")
    await chat.picture("a green valley")
    await chat.press("Edit")
    await chat.answer("What shall I do with it?").wait_for()

    await chat.say("rotate right")

    await chat.picture("✏️ rotate right")


async def test_cancel_leaves_the_dialogue(chat: ChatPage) -> None:
    await chat.say("/merge")
    await chat.answer("Send 2 to 10 photos").wait_for()

    await chat.say("/cancel")

    await chat.answer("All right, forgotten.").wait_for()
    await expect(chat.answers.last.get_by_test_id("inline-button")).to_have_count(6)


def _difference(one: Image.Image, other: Image.Image) -> int:
    pairs = zip(one.tobytes(), other.tobytes(), strict=True)
    return max(abs(a - b) for a, b in pairs)
