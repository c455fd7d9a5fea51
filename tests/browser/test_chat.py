"""The chat page over a sandbox without a bot: what it shows and what it sends."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from tests.fixtures.bot_api import BotApi
from tests.fixtures.browser import DESKTOP, PHONE, ChatPage, open_page
from tests.fixtures.photos import photo_path
from tests.fixtures.sandbox import Control, Message, Person, open_sandbox, picture
from tests.fixtures.waiting import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

_NAMELESS = """
() => [...document.querySelectorAll("button, a, input, textarea")]
  .filter((element) => element.checkVisibility() && !element.ariaHidden)
  .filter((element) => !(element.ariaLabel || element.textContent.trim() || element.labels?.length
    || element.querySelector("img[alt]:not([alt=''])")))
  .map((element) => element.outerHTML)
"""

_PASTE = """
(element, bytes) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], "pasted.png", { type: "image/png" }));
  element.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
}
"""
_SELECT = """
(element, [start, end]) =>
  getSelection().setBaseAndExtent(element.firstChild, start, element.firstChild, end)
"""


@dataclass(frozen=True, slots=True)
class ChatStage:
    """`anna` has said hello; the test itself is the bot, through `api`."""

    control: Control
    api: BotApi
    anna: Person
    browser: Browser

    @asynccontextmanager
    async def window(self, chat_id: int | None = None, **device: Any) -> AsyncGenerator[ChatPage]:
        """Anna's window on a chat, the one with the bot if no other is named."""
        query = f"?user={self.anna.id}&chat={chat_id or self.anna.id}"
        async with open_page(self.browser, self.control.url, query, **device) as chat:
            yield chat
            assert chat.problems == []

    async def say(self, text: str, **fields: Any) -> Message:
        return await self.control.say(self.anna, text, **fields)

    async def answer(self, text: str, *, chat_id: int | None = None, **values: Any) -> int:
        """A message from the bot to Anna; return its id."""
        chat_id = chat_id or self.anna.id
        return (await self.api.call("sendMessage", text=text, chat_id=chat_id, **values))[
            "message_id"
        ]

    async def photo(self, **values: Any) -> dict[str, Any]:
        """A photo from the bot to Anna."""
        files = {"photo": ("a.jpg", picture())}
        return await self.api.call("sendPhoto", files, chat_id=self.anna.id, **values)

    async def group(self, *others: Person, **fields: Any) -> int:
        return await self.control.make_group("Friends", [self.anna, *others], **fields)

    async def asked(self, kind: str) -> dict[str, Any]:
        """The latest update, once it is a query of this kind."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                updates = await self.api.call("getUpdates", timeout=5, offset=-1)
                if query := updates[-1].get(kind):
                    return query


def row(chat: ChatPage, message_id: int) -> Locator:
    """The place of one message on the page."""
    return chat.page.locator(f'[data-message-id="{message_id}"]')


@pytest_asyncio.fixture(loop_scope="module")
async def stage(browser: Browser) -> AsyncIterator[ChatStage]:
    async with (
        open_sandbox(flood=False) as (sandbox, control),
        BotApi(sandbox.url, sandbox.token) as api,
    ):
        anna = await control.make_user("Anna", username="anna")
        await control.say(anna, "hello")
        yield ChatStage(control, api, anna, browser)


async def test_an_album_is_one_bubble_and_a_late_item_joins_it(stage: ChatStage) -> None:
    async with stage.window(**PHONE) as chat:
        sent = await stage.control.send_photos(stage.anna, [picture()] * 5, caption="together")
        album = chat.page.locator(".row").filter(has_text="together")
        await expect(album.get_by_test_id("message-photo")).to_have_count(5)
        await stage.control.send_late(stage.anna, sent[0], picture(color="red"))

        await expect(album.get_by_test_id("message-photo")).to_have_count(6)
        await expect(chat.page.locator(".album")).to_have_count(1)
        words = await album.get_by_test_id("message-text").bounding_box()
        photos = await album.locator(".album").bounding_box()
        assert words
        assert photos
        assert words["y"] >= photos["y"] + photos["height"]


async def test_a_quoted_line_leads_to_the_original(stage: ChatStage) -> None:
    photo = await stage.photo()
    for i in range(30):
        await stage.say(f"word {i}")
    await stage.say("redder", reply_to=photo["message_id"])
    await stage.say("word", reply_to=2 + 5, quote="word 4")
    async with stage.window() as chat:
        quotes = chat.page.get_by_test_id("reply-quote")
        await expect(quotes).to_have_text(["imgbotPhoto", "Youword 4"])
        await expect(quotes.first.locator("img")).to_have_count(1)
        original = row(chat, photo["message_id"])
        await expect(original).not_to_be_in_viewport()

        await quotes.first.click()

        await expect(original).to_be_in_viewport()


async def test_a_button_waits_for_its_answer_and_shows_it(stage: ChatStage) -> None:
    rows = [["◀", "3 / 20", "▶"], ["Send here"]]
    keyboard = [[{"text": text, "callback_data": text} for text in texts] for texts in rows]
    await stage.photo(reply_markup={"inline_keyboard": keyboard})
    async with stage.window() as chat:
        await expect(chat.page.locator(".keyboard-row")).to_have_count(2)
        for show_alert, shown in ((False, "toast"), (True, "alert")):
            await chat.press("▶")
            await expect(chat.button("▶")).to_have_attribute("aria-busy", "true")
            query = await stage.asked("callback_query")
            answer = {"text": "the last one\nof twenty", "show_alert": show_alert}
            await stage.api.call("answerCallbackQuery", callback_query_id=query["id"], **answer)
            await expect(chat.page.get_by_test_id(shown)).to_contain_text("the last one")
            await expect(chat.button("▶")).not_to_have_attribute("aria-busy", "true")
        assert "the last one\nof" in await chat.page.get_by_test_id("alert").inner_text()


async def test_a_document_has_a_name_a_size_and_a_download(stage: ChatStage) -> None:
    file = ("notes.txt", b"w" * 2048)
    await stage.api.call("sendDocument", {"document": file}, chat_id=stage.anna.id)
    async with stage.window() as chat:
        bubble = chat.page.get_by_test_id("message-document")
        await expect(bubble).to_contain_text("notes.txt")
        await expect(bubble).to_contain_text("2 kB")
        async with chat.page.expect_download() as download:
            await bubble.get_by_role("link").click()
        assert (await (await download.value).path()).read_bytes() == file[1]


async def test_spoilers_open_when_they_are_pressed(stage: ChatStage) -> None:
    await stage.photo(has_spoiler=True)
    await stage.answer("a fox", entities=[{"type": "spoiler", "offset": 0, "length": 5}])
    async with stage.window() as chat:
        spoilers = chat.page.get_by_role("button", name="Hidden")
        await expect(spoilers).to_have_count(2)
        await expect(chat.page.locator(".photo.veiled")).to_have_count(1)

        await spoilers.first.click()
        await spoilers.click()

        await expect(spoilers).to_have_count(0)
        await expect(chat.page.locator(".photo.veiled")).to_have_count(0)
        await expect(chat.page.get_by_test_id("lightbox")).to_have_count(0)


async def test_edits_and_deletions_of_the_chat_show_at_once(stage: ChatStage) -> None:
    first, gone = await stage.say("a dog"), await stage.answer("soon gone")
    async with stage.window(**DESKTOP) as chat:
        item = chat.page.get_by_test_id("chat-list-item")
        await expect(chat.bubbles).to_have_count(3)
        await stage.photo(caption="done")
        await expect(item).to_contain_text("done")

        await stage.control.edit(stage.anna, first, "a fox")
        await stage.api.call("deleteMessage", chat_id=stage.anna.id, message_id=gone)

        await expect(chat.bubbles).to_have_count(3)
        await expect(row(chat, first.id)).to_contain_text("a fox")
        await expect(row(chat, first.id)).to_contain_text("edited")


async def test_a_group_that_moved_takes_no_more_words(stage: ChatStage) -> None:
    group = await stage.group(is_basic=True)
    await stage.say("hello", chat_id=group)
    async with stage.window(group, **DESKTOP) as chat:
        await expect(chat.composer).to_be_visible()
        await stage.control.migrate(group)

        await expect(chat.composer).to_be_hidden()
        await expect(chat.bubbles.last).to_have_text("The group became a supergroup")
        items = chat.page.get_by_test_id("chat-list-item")
        await expect(items.filter(has_text="Friends")).to_have_count(2)


async def test_everything_that_can_be_pressed_has_a_name(stage: ChatStage) -> None:
    await stage.control.send_photos(stage.anna, [picture(), picture()], spoiler=True)
    files = [("a.png", picture(kind="PNG")), ("b.txt", b"words")]
    await stage.control.send_documents(stage.anna, files)
    await stage.photo(reply_markup={"inline_keyboard": [[{"text": "▶", "callback_data": "n"}]]})
    await stage.say("more", reply_to=2)
    async with stage.window(**DESKTOP) as chat:
        await expect(chat.own.last).to_contain_text("more")
        await chat.attach(photo_path("cat"))

        assert await chat.page.evaluate(_NAMELESS) == []


async def test_a_recording_goes_as_a_voice_message(stage: ChatStage, tmp_path: Path) -> None:
    recording = tmp_path / "words.oga"
    recording.write_bytes(b"OggS")
    async with stage.window(**PHONE) as chat:
        await chat.attach(recording)
        await chat.send()
        await expect(chat.own.last).to_contain_text("Voice message")
    [*_, sent] = await stage.control.messages(stage.anna.id)

    assert sent.raw["voice"]["mime_type"] == "audio/ogg"


async def test_a_message_is_passed_on_by_its_menu(stage: ChatStage) -> None:
    bob = await stage.control.make_user("Bob")
    group = await stage.group(bob)
    theirs = await stage.control.say(bob, "a fox in the snow", chat_id=group)
    async with stage.window(group, **DESKTOP) as chat:
        await row(chat, theirs.id).locator(".bubble").click(button="right")
        for item in ("Forward", "imgbot"):
            await chat.page.get_by_role("menuitem", name=item).click()

        await expect(chat.own.last).to_contain_text("Forwarded from Bob")
        await expect(chat.own.last).to_contain_text("a fox in the snow")
    sent = (await stage.control.messages(stage.anna.id))[-1]
    assert sent.raw["forward_origin"]["sender_user"] == bob.raw


async def test_a_forced_reply_opens_the_field_for_it(stage: ChatStage) -> None:
    group = await stage.group()
    asked = await stage.say("/edit", chat_id=group)
    async with stage.window(group) as chat:
        await expect(chat.own).to_have_count(1)
        markup = {"force_reply": True, "selective": True, "input_field_placeholder": "with snow"}
        reply = {"message_id": asked.id}
        answer = await stage.answer(
            "What?", chat_id=group, reply_parameters=reply, reply_markup=markup
        )
        await expect(chat.composer).to_have_attribute("placeholder", "with snow")
        await chat.say("redder")
        await expect(chat.own).to_have_count(2)
        await expect(chat.composer).to_have_attribute("placeholder", "Message")
    sent = (await stage.control.messages(group))[-1]
    assert (sent.text, sent.reply_to) == ("redder", answer)


async def test_inline_results_are_offered_and_sent_via_the_bot(stage: ChatStage) -> None:
    photo = await stage.photo()
    group = await stage.group()
    result = {"type": "photo", "id": "1", "photo_file_id": photo["photo"][-1]["file_id"]}
    await stage.api.call("getUpdates", offset=-1)
    name = (await stage.control.state())["bot"]["username"]
    async with stage.window(group) as chat:
        await chat.composer.fill(f"@{name} fox")
        query = await stage.asked("inline_query")
        await stage.api.call("answerInlineQuery", inline_query_id=query["id"], results=[result])
        await chat.page.get_by_test_id("inline-result").click()

        await expect(chat.own.last.get_by_test_id("via-bot")).to_have_text(f"via @{name}")
        await expect(chat.composer).to_have_value("")
    assert query["query"] == "fox"


async def test_several_files_go_as_an_album_or_as_files(stage: ChatStage) -> None:
    files = [photo_path("cat"), photo_path("astronaut")]
    async with stage.window() as chat:
        await chat.attach(*files)
        await chat.page.get_by_test_id("send-hidden").check()
        await chat.say("together")
        await expect(chat.page.locator(".photo.veiled")).to_have_count(2)
        await chat.attach(*files)
        await chat.page.get_by_test_id("send-as-file").check()
        await chat.say("as they are")
        await expect(chat.page.get_by_test_id("message-document")).to_have_count(2)
    _, *photos, first, second = await stage.control.messages(stage.anna.id)
    assert all(message.raw["has_media_spoiler"] for message in photos)
    assert photos[0].media_group_id == photos[1].media_group_id
    assert first.media_group_id == second.media_group_id != photos[0].media_group_id
    assert await stage.control.file(first.document_id or "") == files[0].read_bytes()


async def test_a_pasted_picture_and_a_quote_of_selected_words_are_sent(stage: ChatStage) -> None:
    answer = await stage.answer("a fox and a dog")
    async with stage.window(**DESKTOP) as chat:
        await chat.composer.evaluate(_PASTE, list(picture(40, 30, kind="PNG")))
        await expect(chat.page.get_by_test_id("attachment")).to_have_count(1)
        await chat.say("make it larger")
        await expect(chat.page.get_by_test_id("message-photo")).to_have_count(1)

        bubble = row(chat, answer)
        await bubble.hover()
        await bubble.get_by_test_id("message-text").evaluate(_SELECT, [2, 5])
        await bubble.get_by_role("button", name="Reply").click()
        await chat.say("redder")
        await expect(chat.own.last.get_by_test_id("reply-quote")).to_have_text("imgbotfox")
    pasted, quoting = (await stage.control.messages(stage.anna.id))[-2:]
    assert (pasted.text, pasted.photo_id is not None) == ("make it larger", True)
    assert (quoting.quote, quoting.reply_to) == ("fox", answer)
