"""Pictures that take their time: the status message on the page while they are made."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenWindow
from tests.fixtures.sandbox import Control

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEMO = ("--provider", "simulated")


async def test_the_status_message_becomes_the_picture(
    control: Control, open_window: OpenWindow
) -> None:
    chat = await open_window(await control.make_user("Ann"))
    await chat.say("a lighthouse [[sim:slow=1]]")
    await chat.button("Cancel").wait_for()
    place = await chat.answers.get_attribute("data-message-id")

    await chat.picture("a lighthouse")

    await expect(chat.answers).to_have_count(1)
    await expect(chat.answers).to_have_attribute("data-message-id", place or "")
    await expect(chat.button("Cancel")).to_have_count(0)


async def test_cancel_by_the_button_of_the_status_message(
    control: Control, open_window: OpenWindow
) -> None:
    chat = await open_window(await control.make_user("Ann"))
    await chat.say("a lighthouse [[sim:slow=600]]")

    await chat.press("Cancel")

    await chat.answer("Cancelled.").wait_for()
    await expect(chat.page.get_by_test_id("toast")).to_have_text("Cancelling…")
    await expect(chat.answers).to_have_count(1)
    await expect(chat.page.get_by_test_id("inline-button")).to_have_count(0)
