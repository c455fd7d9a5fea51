"""Whole conversations on the chat page, on a phone and in a wide window, by real clicks."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from tests.browser.conftest import OpenWindow
from tests.browser.demo import Demo
from tests.fixtures.browser import DESKTOP, PHONE, ChatPage, natural_size, open_page
from tests.fixtures.photos import photo_path, save_photo
from tests.fixtures.sandbox import Control

pytestmark = pytest.mark.asyncio(loop_scope="module")

_SWIPE_PX = 90
_SMALL = (160, 106)


@dataclass(frozen=True, slots=True)
class Window:
    """A person's window, with a finger or a mouse in it."""

    chat: ChatPage
    has_touch: bool

    async def answer_to(self, bubble: Locator, words: str) -> None:
        """Reply to a message, as one does on such a device."""
        await bubble.scroll_into_view_if_needed()
        if self.has_touch:
            await self._swipe(bubble)
        else:
            await bubble.hover()
            await bubble.get_by_role("button", name="Reply").click()
        await self.chat.say(words)

    async def _swipe(self, bubble: Locator) -> None:
        box = await bubble.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        session = await self.chat.page.context.new_cdp_session(self.chat.page)
        for kind, moved in (("Start", 0), ("Move", 20), ("Move", 60), ("Move", _SWIPE_PX)):
            points = [{"x": x - moved, "y": y}]
            await session.send(
                "Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points}
            )
        await session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest_asyncio.fixture(loop_scope="module", params=[PHONE, DESKTOP], ids=["390", "1280"])
async def window(
    control: Control, open_window: OpenWindow, request: pytest.FixtureRequest
) -> Window:
    """The window of a new user, on a phone and on a wide screen."""
    chat = await open_window(await control.make_user("Ann"), **request.param)
    return Window(chat, request.param is PHONE)


@pytest_asyncio.fixture(loop_scope="module")
async def phone(control: Control, open_window: OpenWindow) -> ChatPage:
    """The window of a new user on a phone."""
    return await open_window(await control.make_user("Ann"), **PHONE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slow_demo() -> AsyncIterator[Demo]:
    """A demo whose pictures can be told to take their time."""
    async with Demo("--provider", "simulated") as running:
        yield running
        assert running.log == ""


async def test_an_album_with_a_caption_becomes_one_picture(window: Window, tmp_path: Path) -> None:
    chat = window.chat
    sizes = {"upright": (300, 500), "small": (200, 160)}
    for name in sizes:
        (tmp_path / name).mkdir()
    more = [Path(save_photo("cat", tmp_path / name, size)) for name, size in sizes.items()]
    await chat.attach(photo_path("cat"), photo_path("astronaut"), *more)

    await chat.say("collage")

    photo = await chat.picture("🧩 Photos merged: 4")
    assert min(await natural_size(photo)) >= 512
    await expect(chat.page.locator(".album").get_by_test_id("message-photo")).to_have_count(4)
    await expect(chat.answer("Photos merged")).to_contain_text("Done: collage")
    await expect(chat.answers).to_have_count(1)
    await expect(photo).to_be_in_viewport()


async def test_two_edits_by_replies_and_one_step_back(window: Window) -> None:
    chat = window.chat
    await chat.attach(photo_path("astronaut"))
    await chat.say("warmer")
    first = await chat.picture("✏️ warmer")
    before = await natural_size(first)

    await window.answer_to(chat.answer("✏️ warmer"), "crop to 16:9")
    second = await chat.picture("✏️ crop to 16:9")
    cropped = await natural_size(second)
    await window.answer_to(chat.answer("✏️ crop to 16:9"), "rotate right")
    turned = await natural_size(await chat.picture("✏️ rotate right"))
    await chat.press("Undo")

    await expect(chat.answers).to_have_count(4)
    assert before[0] == before[1]
    assert turned == cropped[::-1]
    shown = await chat.picture("✏️ crop to 16:9")
    assert await natural_size(shown) == cropped
    await expect(chat.answers.last).to_contain_text("✏️ crop to 16:9")
    await expect(chat.own.get_by_test_id("reply-quote")).to_have_count(2)


async def test_a_picture_under_way_is_cancelled(browser: Browser, slow_demo: Demo) -> None:
    async with Control(slow_demo.url) as control:
        person = await control.make_user("Ann")
        query = f"?user={person.id}&chat={person.id}"
        async with open_page(browser, slow_demo.url, query, **DESKTOP) as chat:
            await chat.say("a lighthouse [[sim:slow=600]]")
            await chat.button("Cancel").wait_for()
            await chat.say("/queue")
            line = chat.answer("Your pictures in progress: 1")
            await expect(line).to_contain_text("1. a lighthouse")

            await chat.press("✖️ 1")

            await chat.answer("Cancelled.").wait_for()
            await chat.press("Refresh")
            await chat.answer("You have no pictures in progress.").wait_for()
            await expect(chat.page.get_by_test_id("inline-button")).to_have_count(0)
            assert chat.problems == []


async def test_a_small_photo_becomes_four_times_larger(phone: ChatPage, tmp_path: Path) -> None:
    chat = phone
    await chat.attach(Path(save_photo("cat", tmp_path, _SMALL)))
    await chat.send()

    await chat.press("×4")

    photo = await chat.picture("🔍 Enlarged ×4")
    assert await natural_size(photo) == tuple(4 * side for side in _SMALL)


async def test_the_history_is_turned_page_by_page(phone: ChatPage) -> None:
    chat = phone
    made = ("a red barn", "an owl, linocut", "sailing boats")
    addresses: list[str | None] = []
    for words in made:
        await chat.say(words)
        addresses.append(await (await chat.picture(words)).get_attribute("src"))
    await chat.say("/history")
    await chat.button("1 / 3").wait_for()

    for place, words in (("2 / 3", made[1]), ("3 / 3", made[0])):
        await chat.press("▶")
        await expect(chat.button(place)).to_be_visible()
        await expect(chat.answers.last).to_contain_text(words)

    await expect(chat.answers).to_have_count(4)
    await expect(chat.button("▶")).to_have_count(0)
    shown = await chat.answers.last.get_by_test_id("message-photo").get_attribute("src")
    assert shown == addresses[0]
    await chat.press("◀")
    await expect(chat.button("2 / 3")).to_be_visible()
