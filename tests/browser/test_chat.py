"""The chat page over a sandbox without a bot: what it shows, as Telegram would."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.fixtures.browser import DESKTOP, PHONE
from tests.fixtures.chat_window import ChatDesk, open_desk, row
from tests.fixtures.photos import photo_path
from tests.fixtures.sandbox import picture

pytestmark = pytest.mark.asyncio(loop_scope="module")

_NAMELESS = """
() => [...document.querySelectorAll("button, a, input, textarea")]
  .filter((element) => element.checkVisibility() && !element.ariaHidden)
  .filter((element) => !(element.ariaLabel || element.textContent.trim() || element.labels?.length
    || element.querySelector("img[alt]:not([alt=''])")))
  .map((element) => element.outerHTML)
"""


@pytest_asyncio.fixture(loop_scope="module")
async def desk(browser: Browser) -> AsyncIterator[ChatDesk]:
    async with open_desk(browser) as opened:
        yield opened


@pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_an_album_is_one_bubble_and_a_late_item_joins_it(
    desk: ChatDesk, device: dict[str, Any]
) -> None:
    async with desk.window(**device) as chat:
        sent = await desk.control.send_photos(
            desk.anna, [picture()] * 5, caption="put them together"
        )
        album = chat.page.locator(".row").filter(has_text="put them together")
        await expect(album.get_by_test_id("message-photo")).to_have_count(5)
        await desk.control.send_late(desk.anna, sent[0], picture(color="red"))

        await expect(album.get_by_test_id("message-photo")).to_have_count(6)
        await expect(chat.page.locator(".album")).to_have_count(1)
        words = await album.get_by_test_id("message-text").bounding_box()
        photos = await album.locator(".album").bounding_box()
        assert words is not None
        assert photos is not None
        assert words["y"] >= photos["y"] + photos["height"]
        assert chat.problems == []


async def test_a_quoted_line_leads_to_the_original(desk: ChatDesk) -> None:
    photo = await desk.photo()
    for i in range(30):
        await desk.control.say(desk.anna, f"word {i}")
    await desk.control.say(desk.anna, "redder", reply_to=photo["message_id"])
    await desk.control.say(desk.anna, "word", reply_to=2 + 5, quote="word 4")
    async with desk.window() as chat:
        quotes = chat.page.get_by_test_id("reply-quote")
        await expect(quotes).to_have_text(["imgbotPhoto", "Youword 4"])
        await expect(quotes.first.locator("img")).to_have_count(1)
        original = row(chat, photo["message_id"])
        await expect(original).not_to_be_in_viewport()

        await quotes.first.click()

        await expect(original).to_be_in_viewport()
        assert chat.problems == []


async def test_a_button_waits_for_its_answer_and_shows_it(desk: ChatDesk) -> None:
    rows = [["◀", "3 / 20", "▶"], ["Send here"]]
    keyboard = [[{"text": text, "callback_data": text} for text in texts] for texts in rows]
    await desk.photo(reply_markup={"inline_keyboard": keyboard})
    async with desk.window() as chat:
        await expect(chat.page.locator(".keyboard-row")).to_have_count(2)
        for show_alert, shown in ((False, "toast"), (True, "alert")):
            await chat.press("▶")
            await expect(chat.button("▶")).to_have_attribute("aria-busy", "true")
            query = (await desk.api.call("getUpdates", timeout=10, offset=-1))[-1]["callback_query"]
            await desk.api.call(
                "answerCallbackQuery",
                callback_query_id=query["id"],
                text="the last one",
                show_alert=show_alert,
            )
            await expect(chat.page.get_by_test_id(shown)).to_contain_text("the last one")
            await expect(chat.button("▶")).not_to_have_attribute("aria-busy", "true")
        assert chat.problems == []


async def test_a_document_has_a_name_a_size_and_a_download(desk: ChatDesk) -> None:
    file = ("notes.txt", b"w" * 2048)
    await desk.api.call("sendDocument", {"document": file}, chat_id=desk.anna.id)
    async with desk.window() as chat:
        bubble = chat.page.get_by_test_id("message-document")
        await expect(bubble).to_contain_text("notes.txt")
        await expect(bubble).to_contain_text("2 kB")
        async with chat.page.expect_download() as download:
            await bubble.get_by_role("link").click()

        found = await (await download.value).path()
        assert found.read_bytes() == file[1]
        assert chat.problems == []


async def test_spoilers_open_when_they_are_pressed(desk: ChatDesk) -> None:
    await desk.photo(has_spoiler=True)
    hidden = "<tg-spoiler>a fox</tg-spoiler>"
    await desk.api.call("sendMessage", chat_id=desk.anna.id, text=hidden, parse_mode="HTML")
    async with desk.window() as chat:
        spoilers = chat.page.get_by_role("button", name="Hidden")
        await expect(spoilers).to_have_count(2)
        await expect(chat.page.locator(".photo.veiled")).to_have_count(1)

        await spoilers.first.click()
        await spoilers.click()

        await expect(spoilers).to_have_count(0)
        await expect(chat.page.locator(".photo.veiled")).to_have_count(0)
        await expect(chat.page.get_by_test_id("lightbox")).to_have_count(0)
        assert chat.problems == []


async def test_what_the_bot_does_is_told_in_the_chat_and_in_the_list(desk: ChatDesk) -> None:
    async with desk.window(**DESKTOP) as chat:
        item = chat.page.get_by_test_id("chat-list-item")
        await expect(chat.own).to_have_count(1)
        await desk.api.call("sendChatAction", chat_id=desk.anna.id, action="upload_photo")
        await expect(chat.status).to_have_text("sending a photo")
        await expect(item).to_contain_text("sending a photo…")

        await desk.photo(caption="done")

        await expect(item).to_contain_text("done")
        await expect(chat.status).not_to_have_text("sending a photo")
        assert chat.problems == []


async def test_edits_are_marked_and_the_deleted_is_gone(desk: ChatDesk) -> None:
    first = await desk.control.say(desk.anna, "a dog")
    answer = await desk.api.call("sendMessage", chat_id=desk.anna.id, text="soon gone")
    async with desk.window() as chat:
        await expect(chat.bubbles).to_have_count(3)
        await desk.control.edit(desk.anna, first, "a fox")
        await desk.api.call("deleteMessage", chat_id=desk.anna.id, message_id=answer["message_id"])

        await expect(chat.bubbles).to_have_count(2)
        await expect(row(chat, first.id)).to_contain_text("a fox")
        await expect(row(chat, first.id)).to_contain_text("edited")
        assert chat.problems == []


async def test_a_group_that_moved_takes_no_more_words(desk: ChatDesk) -> None:
    group = await desk.control.make_group("Friends", [desk.anna], is_basic=True)
    await desk.control.say(desk.anna, "hello", chat_id=group)
    async with desk.window(group, **DESKTOP) as chat:
        await expect(chat.composer).to_be_visible()
        await desk.control.migrate(group)

        await expect(chat.composer).to_be_hidden()
        await expect(chat.bubbles.last).to_have_text("The group became a supergroup")
        items = chat.page.get_by_test_id("chat-list-item")
        await expect(items.filter(has_text="Friends")).to_have_count(2)
        assert chat.problems == []


async def test_everything_that_can_be_pressed_has_a_name(desk: ChatDesk) -> None:
    await desk.control.send_photos(desk.anna, [picture(), picture()], spoiler=True)
    await desk.control.send_documents(
        desk.anna, [("a.png", picture(kind="PNG")), ("b.txt", b"words")]
    )
    keyboard = {"inline_keyboard": [[{"text": "▶", "callback_data": "n"}]]}
    await desk.photo(reply_markup=keyboard)
    await desk.control.say(desk.anna, "more", reply_to=2)
    async with desk.window(**DESKTOP) as chat:
        await expect(chat.own.last).to_contain_text("more")
        await chat.attach(photo_path("cat"))

        assert await chat.page.evaluate(_NAMELESS) == []
        assert chat.problems == []
