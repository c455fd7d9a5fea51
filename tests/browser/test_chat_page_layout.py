"""The chat page itself: who sees what, at which size, and what it offers."""

import re
import socket
import struct
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenWindow
from tests.browser.demo import Demo
from tests.fixtures.browser import DESKTOP, PHONE, SCROLLS_SIDEWAYS, STICKS_OUT, natural_size
from tests.fixtures.photos import photo_path
from tests.fixtures.sandbox import Control

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_two_people_see_their_own_chats_only(
    control: Control, open_window: OpenWindow
) -> None:
    ann, bob = [await control.make_user(name) for name in ("Ann", "Bob")]
    hers, his = await open_window(ann), await open_window(bob)

    await hers.say("a calm sea")
    await his.say("/limits")
    await hers.picture("a calm sea")
    await his.answer("Requests left").wait_for()

    await expect(hers.own).to_have_text([re.compile("a calm sea")])
    await expect(his.own).to_have_text([re.compile("/limits")])
    await expect(hers.answers).to_have_count(1)
    await expect(his.answers).to_have_count(1)
    for chat, person in ((hers, ann), (his, bob)):
        items = chat.page.get_by_test_id("chat-list-item")
        await expect(items).to_have_count(1)
        await expect(items).to_have_attribute("data-chat-id", str(person.id))


async def test_two_edits_by_replies_and_one_step_back(
    control: Control, open_window: OpenWindow
) -> None:
    chat = await open_window(await control.make_user("Ann"), **PHONE)
    await chat.attach(photo_path("astronaut"))
    await chat.say("warmer")
    before = await natural_size(await chat.picture("✏️ warmer"))
    sizes = []
    for words, change in (("warmer", "crop to 16:9"), ("crop to 16:9", "rotate right")):
        answer = chat.answer(f"✏️ {words}")
        height_px = await answer.evaluate("answer => answer.offsetHeight")
        await answer.get_by_test_id("message-text").tap()
        reply = answer.get_by_role("button", name="Reply", exact=True)
        await expect(reply).to_be_visible()
        # A button that moves under a finger is not pressed.
        assert await answer.evaluate("answer => answer.offsetHeight") == height_px
        await reply.tap()
        await chat.say(change)
        sizes.append(await natural_size(await chat.picture(f"✏️ {change}")))
    cropped, turned = sizes
    await chat.press("Undo")

    await expect(chat.answers).to_have_count(4)
    assert before[0] == before[1]
    assert turned == cropped[::-1]
    assert await natural_size(await chat.picture("✏️ crop to 16:9")) == cropped
    await expect(chat.answers.last).to_contain_text("✏️ crop to 16:9")
    await expect(chat.own.get_by_test_id("reply-quote")).to_have_count(2)


async def test_the_lightbox_shows_the_full_picture(
    control: Control, open_window: OpenWindow
) -> None:
    chat = await open_window(await control.make_user("Ann"))
    await chat.attach(photo_path("astronaut"))
    await chat.send()
    await expect(chat.answers).to_have_count(1)

    await chat.own.get_by_test_id("message-photo").click()
    box = chat.page.get_by_test_id("lightbox")
    image = box.locator("img")
    await expect(image).to_have_js_property("complete", value=True)
    assert await natural_size(image) == (512, 512)
    await expect(image).to_be_in_viewport(ratio=1)
    await image.click()
    await expect(image).to_have_js_property("width", value=512)
    await chat.page.keyboard.press("Escape")

    await expect(box).to_have_count(0)


async def test_the_commands_menu(control: Control, open_window: OpenWindow) -> None:
    chat = await open_window(await control.make_user("Ann"))
    items = chat.page.get_by_test_id("command-item")

    await chat.page.get_by_role("button", name="Commands").click()
    names = ("create", "edit", "merge", "retouch", "upscale", "cancel", "help")
    await expect(items).to_contain_text([f"/{name}" for name in names])
    await items.filter(has_text="/help").click()
    await chat.answer("I draw what you describe, and edit photos.").wait_for()
    await chat.composer.press_sequentially("/up")
    await expect(items).to_have_count(1)
    await chat.composer.press("Tab")

    await expect(chat.composer).to_have_value("/upscale ")


@pytest.mark.parametrize(
    ("device", "language"), [(PHONE, "ru"), (DESKTOP, "en")], ids=["phone", "desktop"]
)
async def test_everything_fits(
    control: Control, open_window: OpenWindow, device: dict[str, Any], language: str
) -> None:
    person = await control.make_user("Ann", language_code=language)
    chat = await open_window(person, locale=language, **device)
    await chat.start()
    await chat.say("an endless word: " + "m" * 300)
    await expect(chat.answers.get_by_test_id("message-photo")).to_have_count(1)
    await chat.attach(photo_path("cat"), photo_path("astronaut"))
    await chat.send()
    await expect(chat.answers).to_have_count(3)

    assert await chat.page.evaluate(STICKS_OUT) == []
    assert await chat.page.evaluate(SCROLLS_SIDEWAYS) == []
    # A phone shows the chat alone, a wide window the list beside it.
    await expect(chat.page.get_by_test_id("chat-list-item")).to_be_visible(
        visible=device is DESKTOP
    )
    await expect(chat.composer).to_be_in_viewport(ratio=1)
    await expect(chat.page.get_by_test_id("composer-send")).to_be_in_viewport(ratio=1)
    await expect(chat.answers.last).to_be_in_viewport(ratio=1)


async def test_a_phone_shows_the_list_or_the_chat(
    control: Control, open_window: OpenWindow
) -> None:
    person = await control.make_user("Ann")
    chat = await open_window(person, **PHONE)
    items = chat.page.get_by_test_id("chat-list-item")
    await expect(chat.composer).to_be_visible()
    await expect(items).to_be_hidden()

    await chat.page.get_by_test_id("back").click()
    await expect(items).to_be_visible()
    await expect(chat.composer).to_be_hidden()
    await items.click()
    await expect(chat.composer).to_be_visible()
    await chat.page.go_back()

    await expect(items).to_be_visible()
    await expect(chat.composer).to_be_hidden()


async def test_a_new_user_speaks_the_chosen_language(
    control: Control, open_window: OpenWindow
) -> None:
    chat = await open_window(await control.make_user("Ann"))
    await chat.page.get_by_test_id("new-person").click()
    form = chat.page.get_by_role("dialog")
    await form.get_by_label("Name", exact=True).fill("Вера")
    await form.get_by_label("Language").select_option("ru")
    await form.get_by_role("button", name="Create").click()

    await chat.start()

    await chat.answer("Привет").wait_for()
    people = [user for user in (await control.state())["users"] if user["first_name"] == "Вера"]
    assert [user["language_code"] for user in people] == ["ru"]


async def test_a_blocked_bot_is_shown_after_a_reload(
    control: Control, open_window: OpenWindow
) -> None:
    chat = await open_window(await control.make_user("Ann"))
    await chat.start()
    await chat.page.get_by_role("button", name="More", exact=True).click()
    await chat.page.get_by_role("menuitem").click()
    unblock = chat.page.get_by_role("button", name="Unblock the bot")
    await unblock.wait_for()

    await chat.page.reload()
    await unblock.wait_for()
    await expect(chat.composer).to_be_hidden()
    await unblock.click()
    await chat.say("/help")

    await chat.answer("I draw what you describe, and edit photos.").wait_for()


async def test_browsers_that_leave_at_once_leave_no_trace(control: Control, demo: Demo) -> None:
    host, _, port = demo.url.removeprefix("http://").partition(":")
    for _ in range(20):
        with socket.create_connection((host, int(port))) as connection:
            # Closing now resets the connection, as a browser that is closed does.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(f"GET /control/events HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

    await control.state()

    assert demo.log == ""
