"""The demo from the first window to Ctrl-C, and through the death of its bot."""

import os
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from imgbot.ops.status.command import Target, fetch_status, find_service
from tests.browser.conftest import OpenWindow
from tests.browser.demo import Demo
from tests.fixtures.browser import natural_size
from tests.fixtures.processes import is_gone
from tests.fixtures.sandbox import Control

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def demo(browser: Browser) -> AsyncIterator[Demo]:
    """A demo that nobody has seen yet."""
    async with Demo() as running:
        yield running


async def test_from_the_first_visit_to_ctrl_c_which_leaves_nothing_behind(
    open_window: OpenWindow, demo: Demo
) -> None:
    chat = await open_window()
    await expect(chat.page.get_by_test_id("person")).to_have_count(1)
    await expect(chat.bubbles).to_have_count(0)
    await chat.start()
    await chat.answer("Hi! I draw what you describe").wait_for()
    await expect(chat.page.get_by_test_id("inline-button")).to_contain_text(
        ["Create a picture", "Edit", "Merge", "Retouch", "Upscale"]
    )
    await expect(chat.page.get_by_test_id("start-button")).to_have_count(0)
    wishes = chat.page.get_by_test_id("wish").filter(visible=True)
    await expect(wishes).to_have_count(3)
    await expect(wishes.nth(1)).to_be_disabled()
    await wishes.first.click()
    await chat.picture("a red fox in the snow")
    await expect(wishes).to_have_count(2)
    await expect(wishes.first).to_be_enabled()
    # Whoever has something in mind needs no more proposals.
    await chat.say("a calm sea")
    await chat.picture("a calm sea")
    await expect(wishes).to_have_count(0)
    found = find_service({"IMGBOT_ENVIRONMENT_FILE": "/dev/null"}).addresses
    [address] = [each for each in found if str(each) in demo.status_url]
    assert fetch_status(Target((address,)))["provider"] == "builtin"
    family = demo.family()
    names = " ".join(family.values())
    assert all(part in names for part in ("imgbot", "redis-server", "forkserver"))

    status = await demo.interrupt()

    assert status == 0
    assert all(is_gone(pid) for pid in family)
    assert list(demo.temporary.iterdir()) == []
    assert demo.log == ""
    await chat.page.get_by_text("Connection lost.").wait_for()
    # From here on the page is right to complain.
    chat.problems.clear()


async def test_the_bot_comes_back_after_kill_9(open_window: OpenWindow, demo: Demo) -> None:
    chat = await open_window()
    killed = demo.bot_pid
    await expect(chat.status).to_have_text("bot")

    async with Control(demo.url) as control:
        # Its successor cannot begin, so that there is time to see that the bot is away.
        await control.fault("getMe", "error", times=1000, error_code=502)
        os.kill(killed, signal.SIGKILL)
        await expect(chat.status).to_contain_text("bot is offline")
        await chat.say("a winter night with stars")
        await control.clear_faults()

    photo = await chat.picture("a winter night with stars")
    await expect(chat.status).to_have_text("bot")
    assert min(await natural_size(photo)) >= 512
    await expect(chat.answers).to_have_count(1)
    assert demo.bot_pid != killed
    # What the killed one left lies in the demo's own folder, and goes with it.
    folders = {path.name.rpartition("-")[0] for path in demo.temporary.iterdir()}
    assert folders == {"imgbot-demo", "imgbot-sandbox"}
