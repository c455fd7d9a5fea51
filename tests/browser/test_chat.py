"""The chat page over a sandbox without a bot: what it shows, as Telegram would."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.fixtures.browser import DESKTOP, PHONE
from tests.fixtures.chat_stage import ChatStage, open_chat_stage, row
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
async def stage(browser: Browser) -> AsyncIterator[ChatStage]:
    async with open_chat_stage(browser) as opened:
        yield opened


@pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_an_album_is_one_bubble_and_a_late_item_joins_it(
    stage: ChatStage, device: dict[str, Any]
) -> None:
    async with stage.window(**device) as chat:
        sent = await stage.control.send_photos(
            stage.anna, [picture()] * 5, caption="put them together"
        )
        album = chat.page.locator(".row").filter(has_text="put them together")
        await expect(album.get_by_test_id("message-photo")).to_have_count(5)
        await stage.control.send_late(stage.anna, sent[0], picture(color="red"))

        await expect(album.get_by_test_id("message-photo")).to_have_count(6)
        await expect(chat.page.locator(".album")).to_have_count(1)
        words = await album.get_by_test_id("message-text").bounding_box()
        photos = await album.locator(".album").bounding_box()
        assert words is not None
        assert photos is not None
        assert words["y"] >= photos["y"] + photos["height"]
        assert chat.problems == []


async def test_a_quoted_line_leads_to_the_original(stage: ChatStage) -> None:
    photo = await stage.photo()
    for i in range(30):
        await stage.control.say(stage.anna, f"word {i}")
    await stage.control.say(stage.anna, "redder", reply_to=photo["message_id"])
    await stage.control.say(stage.anna, "word", reply_to=2 + 5, quote="word 4")
    async with stage.window() as chat:
        quotes = chat.page.get_by_test_id("reply-quote")
        await expect(quotes).to_have_text(["imgbotPhoto", "Youword 4"])
        await expect(quotes.first.locator("img")).to_have_count(1)
        original = row(chat, photo["message_id"])
        await expect(original).not_to_be_in_viewport()

        await quotes.first.click()

        await expect(original).to_be_in_viewport()
        assert chat.problems == []


async def test_a_button_waits_for_its_answer_and_shows_it(stage: ChatStage) -> None:
    rows = [["◀", "3 / 20", "▶"], ["Send here"]]
    keyboard = [[{"text": text, "callback_data": text} for text in texts] for texts in rows]
    await stage.photo(reply_markup={"inline_keyboard": keyboard})
    async with stage.window() as chat:
        await expect(chat.page.locator(".keyboard-row")).to_have_count(2)
        for show_alert, shown in ((False, "toast"), (True, "alert")):
            await chat.press("▶")
            await expect(chat.button("▶")).to_have_attribute("aria-busy", "true")
            query = (await stage.api.call("getUpdates", timeout=10, offset=-1))[-1][
                "callback_query"
            ]
            await stage.api.call(
                "answerCallbackQuery",
                callback_query_id=query["id"],
                text="the last one",
                show_alert=show_alert,
            )
            await expect(chat.page.get_by_test_id(shown)).to_contain_text("the last one")
            await expect(chat.button("▶")).not_to_have_attribute("aria-busy", "true")
        assert chat.problems == []


async def test_a_document_has_a_name_a_size_and_a_download(stage: ChatStage) -> None:
    file = ("notes.txt", b"w" * 2048)
    await stage.api.call("sendDocument", {"document": file}, chat_id=stage.anna.id)
    async with stage.window() as chat:
        bubble = chat.page.get_by_test_id("message-document")
        await expect(bubble).to_contain_text("notes.txt")
        await expect(bubble).to_contain_text("2 kB")
        async with chat.page.expect_download() as download:
            await bubble.get_by_role("link").click()

        found = await (await download.value).path()
        assert found.read_bytes() == file[1]
        assert chat.problems == []


async def test_spoilers_open_when_they_are_pressed(stage: ChatStage) -> None:
    await stage.photo(has_spoiler=True)
    hidden = "<tg-spoiler>a fox</tg-spoiler>"
    await stage.api.call("sendMessage", chat_id=stage.anna.id, text=hidden, parse_mode="HTML")
    async with stage.window() as chat:
        spoilers = chat.page.get_by_role("button", name="Hidden")
        await expect(spoilers).to_have_count(2)
        await expect(chat.page.locator(".photo.veiled")).to_have_count(1)

        await spoilers.first.click()
        await spoilers.click()

        await expect(spoilers).to_have_count(0)
        await expect(chat.page.locator(".photo.veiled")).to_have_count(0)
        await expect(chat.page.get_by_test_id("lightbox")).to_have_count(0)
        assert chat.problems == []


async def test_what_the_bot_does_is_told_in_the_chat_and_in_the_list(stage: ChatStage) -> None:
    async with stage.window(**DESKTOP) as chat:
        item = chat.page.get_by_test_id("chat-list-item")
        await expect(chat.own).to_have_count(1)
        await stage.api.call("sendChatAction", chat_id=stage.anna.id, action="upload_photo")
        await expect(chat.status).to_have_text("sending a photo")
        await expect(item).to_contain_text("sending a photo…")

        await stage.photo(caption="done")

        await expect(item).to_contain_text("done")
        await expect(chat.status).not_to_have_text("sending a photo")
        assert chat.problems == []


async def test_edits_are_marked_and_the_deleted_is_gone(stage: ChatStage) -> None:
    first = await stage.control.say(stage.anna, "a dog")
    answer = await stage.api.call("sendMessage", chat_id=stage.anna.id, text="soon gone")
    async with stage.window() as chat:
        await expect(chat.bubbles).to_have_count(3)
        await stage.control.edit(stage.anna, first, "a fox")
        await stage.api.call(
            "deleteMessage", chat_id=stage.anna.id, message_id=answer["message_id"]
        )

        await expect(chat.bubbles).to_have_count(2)
        await expect(row(chat, first.id)).to_contain_text("a fox")
        await expect(row(chat, first.id)).to_contain_text("edited")
        assert chat.problems == []


async def test_a_group_that_moved_takes_no_more_words(stage: ChatStage) -> None:
    group = await stage.control.make_group("Friends", [stage.anna], is_basic=True)
    await stage.control.say(stage.anna, "hello", chat_id=group)
    async with stage.window(group, **DESKTOP) as chat:
        await expect(chat.composer).to_be_visible()
        await stage.control.migrate(group)

        await expect(chat.composer).to_be_hidden()
        await expect(chat.bubbles.last).to_have_text("The group became a supergroup")
        items = chat.page.get_by_test_id("chat-list-item")
        await expect(items.filter(has_text="Friends")).to_have_count(2)
        assert chat.problems == []


async def test_everything_that_can_be_pressed_has_a_name(stage: ChatStage) -> None:
    await stage.control.send_photos(stage.anna, [picture(), picture()], spoiler=True)
    await stage.control.send_documents(
        stage.anna, [("a.png", picture(kind="PNG")), ("b.txt", b"words")]
    )
    keyboard = {"inline_keyboard": [[{"text": "▶", "callback_data": "n"}]]}
    await stage.photo(reply_markup=keyboard)
    await stage.control.say(stage.anna, "more", reply_to=2)
    async with stage.window(**DESKTOP) as chat:
        await expect(chat.own.last).to_contain_text("more")
        await chat.attach(photo_path("cat"))

        assert await chat.page.evaluate(_NAMELESS) == []
        assert chat.problems == []
