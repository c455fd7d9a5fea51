"""A conversation on the chat page, on a phone and in a wide window, by real touches and clicks."""

from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from tests.browser.conftest import OpenWindow
from tests.fixtures.browser import DESKTOP, PHONE, ChatPage, natural_size
from tests.fixtures.photos import photo_path
from tests.fixtures.sandbox import Control

pytestmark = pytest.mark.asyncio(loop_scope="module")

_SWIPE_PX = 90


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
