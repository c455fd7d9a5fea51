"""The chat page over a sandbox without a bot: what a person does on it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.fixtures.browser import DESKTOP
from tests.fixtures.chat_stage import ChatStage, open_chat_stage, row
from tests.fixtures.photos import photo_path
from tests.fixtures.sandbox import picture
from tests.fixtures.waiting import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

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


@pytest_asyncio.fixture(loop_scope="module")
async def stage(browser: Browser) -> AsyncIterator[ChatStage]:
    async with open_chat_stage(browser) as opened:
        yield opened


async def test_a_message_is_passed_on_by_its_menu(stage: ChatStage) -> None:
    bob = await stage.control.make_user("Bob")
    group = await stage.control.make_group("Friends", [stage.anna, bob])
    theirs = await stage.control.say(bob, "a fox in the snow", chat_id=group)
    async with stage.window(group, **DESKTOP) as chat:
        await row(chat, theirs.id).locator(".bubble").click(button="right")
        await chat.page.get_by_role("menuitem", name="Forward").click()
        await chat.page.get_by_role("menuitem", name="imgbot").click()

        await expect(chat.own.last).to_contain_text("Forwarded from Bob")
        await expect(chat.own.last).to_contain_text("a fox in the snow")
        assert chat.problems == []
    sent = (await stage.control.messages(stage.anna.id))[-1]
    assert sent.raw["forward_origin"]["sender_user"] == bob.raw


async def test_a_forced_reply_opens_the_field_for_it(stage: ChatStage) -> None:
    group = await stage.control.make_group("Friends", [stage.anna])
    asked = await stage.control.say(stage.anna, "/edit", chat_id=group)
    async with stage.window(group) as chat:
        await expect(chat.own).to_have_count(1)
        answer = await stage.api.call(
            "sendMessage",
            chat_id=group,
            text="What shall I change?",
            reply_parameters={"message_id": asked.id},
            reply_markup={
                "force_reply": True,
                "selective": True,
                "input_field_placeholder": "warmer, with snow",
            },
        )
        await expect(chat.composer).to_have_attribute("placeholder", "warmer, with snow")
        await chat.say("redder")
        await expect(chat.own).to_have_count(2)

        await expect(chat.composer).to_have_attribute("placeholder", "Message")
        assert chat.problems == []
    sent = (await stage.control.messages(group))[-1]
    assert (sent.text, sent.reply_to) == ("redder", answer["message_id"])


async def test_inline_results_are_offered_and_sent_via_the_bot(stage: ChatStage) -> None:
    photo = await stage.photo()
    group = await stage.control.make_group("Friends", [stage.anna])
    result = {"type": "photo", "id": "1", "photo_file_id": photo["photo"][-1]["file_id"]}
    await stage.api.call("getUpdates", offset=-1)
    name = (await stage.control.state())["bot"]["username"]
    async with stage.window(group) as chat:
        await chat.composer.fill(f"@{name} fox")
        query = None
        async with asyncio.timeout(PATIENCE_S):
            while query is None:
                updates = await stage.api.call("getUpdates", timeout=5, offset=-1)
                query = updates[-1].get("inline_query")
        await stage.api.call("answerInlineQuery", inline_query_id=query["id"], results=[result])
        await chat.page.get_by_test_id("inline-result").click()

        await expect(chat.own.last.get_by_test_id("via-bot")).to_have_text(f"via @{name}")
        await expect(chat.composer).to_have_value("")
        assert chat.problems == []
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
        assert chat.problems == []
    _, *photos, first, second = await stage.control.messages(stage.anna.id)
    assert [message.has_spoiler for message in photos] == [True, True]
    assert photos[0].media_group_id == photos[1].media_group_id
    assert first.media_group_id == second.media_group_id != photos[0].media_group_id
    assert await stage.control.file(first.document_id or "") == files[0].read_bytes()


async def test_a_pasted_picture_is_sent_with_its_words(stage: ChatStage) -> None:
    async with stage.window() as chat:
        await chat.composer.evaluate(_PASTE, list(picture(40, 30, kind="PNG")))
        await expect(chat.page.get_by_test_id("attachment")).to_have_count(1)
        await chat.say("make it larger")
        await expect(chat.page.get_by_test_id("message-photo")).to_have_count(1)
        assert chat.problems == []
    sent = (await stage.control.messages(stage.anna.id))[-1]
    assert (sent.text, sent.photo_id is not None) == ("make it larger", True)


async def test_selected_words_are_quoted_in_the_reply(stage: ChatStage) -> None:
    answer = await stage.api.call("sendMessage", chat_id=stage.anna.id, text="a fox and a dog")
    async with stage.window(**DESKTOP) as chat:
        bubble = row(chat, answer["message_id"])
        await bubble.hover()
        await bubble.get_by_test_id("message-text").evaluate(_SELECT, [2, 5])
        await bubble.get_by_role("button", name="Reply").click()
        await chat.say("redder")
        await expect(chat.own.last.get_by_test_id("reply-quote")).to_have_text("imgbotfox")
        assert chat.problems == []
    sent = (await stage.control.messages(stage.anna.id))[-1]
    assert (sent.quote, sent.reply_to) == ("fox", answer["message_id"])
