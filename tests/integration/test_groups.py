"""Groups and topics: silent unless spoken to, and answers in the right place."""

from typing import Any

import pytest

from tests.fixtures.sandbox import KINDS, picture
from tests.integration.conftest import BOT_NAME, Stage, heard, open_group
from tests.integration.test_actions import jpeg

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("undisturbed"),
]


UNADDRESSED: dict[str, dict[str, Any]] = {
    "words": {"text": "a fox in the forest"},
    "words-like-a-settings": {"text": "16:9"},
    "mention-of-another": {"text": "@another_bot draw a fox"},
    "longer-name": {"text": f"{BOT_NAME}2 draw a fox"},
    "address-in-a-link": {"text": f"https://t.me/{BOT_NAME}"},
    "email": {"text": "write to me@imgbot_sandbox_bot.com"},
    "command-of-another-bot": {"text": "/create@another_bot a fox"},
    "start-of-another-bot": {"text": "/start@another_bot"},
    "unknown-command": {"text": "/roll 20"},
    "slash": {"text": "and/or /"},
    **{kind: {"extra": content} for kind, content in KINDS.items()},
}


@pytest.mark.parametrize("case", UNADDRESSED)
async def test_without_being_addressed_the_bot_is_silent(simulated_stage: Stage, case: str) -> None:
    control, ann, _, group = await open_group(simulated_stage)

    await control.send(ann, chat_id=group, **UNADDRESSED[case])

    assert await heard(simulated_stage, ann, group) == []


async def test_photos_of_others_are_none_of_its_business(simulated_stage: Stage) -> None:
    control, ann, bob, group = await open_group(simulated_stage)

    await control.send_photos(ann, [picture()], chat_id=group)
    await control.send_photos(ann, [picture()], caption="look!", chat_id=group)
    await control.send_photos(bob, [picture(), picture(color="red")], caption="us", chat_id=group)
    await control.send_documents(bob, [("a.pdf", b"%PDF")], chat_id=group)

    assert await heard(simulated_stage, ann, group) == []


async def test_a_busy_group_that_was_read_late_hears_no_complaint(simulated_stage: Stage) -> None:
    """People talk with each other there: how fast is not the bot's business."""
    control, ann, _, group = await open_group(simulated_stage)
    await control.fault("getUpdates", "delay", times=2, delay_s=1.5)
    await control.say(ann, "/start")

    for number in range(60):
        await control.say(ann, f"chatter {number}", chat_id=group)
    await control.say(ann, f"/create{BOT_NAME} a fox", chat_id=group)
    await control.wait_message(group, lambda m: bool(m.photo_id))

    assert [m.text for m in await heard(simulated_stage, ann, group)] == ["a fox"]


ADDRESSED = {
    "command": "/create a fox",
    "command-with-name": f"/create{BOT_NAME} a fox",
    "command-in-capitals": f"/create{BOT_NAME.upper()} a fox",
    "mention-first": f"{BOT_NAME} a fox",
    "mention-with-comma": f"{BOT_NAME}, a fox",
    "mention-last": f"a fox {BOT_NAME}",
    "mention-in-capitals": f"{BOT_NAME.upper()} a fox",
    "mention-in-the-middle": f"a {BOT_NAME} fox",
    "command-and-mention": f"/create {BOT_NAME} a fox",
}


@pytest.mark.parametrize("words", ADDRESSED.values(), ids=ADDRESSED)
async def test_a_mentioned_bot_draws_without_its_name(simulated_stage: Stage, words: str) -> None:
    control, ann, _, group = await open_group(simulated_stage)

    asked = await control.say(ann, words, chat_id=group)
    [result] = await heard(simulated_stage, ann, group)

    assert result.text == "a fox"
    assert result.photo_id
    assert result.reply_to == asked.id


async def test_in_privacy_mode_commands_and_replies_work(simulated_stage: Stage) -> None:
    control, ann, bob, group = await open_group(simulated_stage, hears_all=False)

    await control.say(ann, "/create a fox", chat_id=group)
    [fox] = await heard(simulated_stage, ann, group)
    await control.say(bob, "a hat", chat_id=group, reply_to=fox.id)
    shown = await heard(simulated_stage, ann, group)

    assert [m.text for m in shown] == ["a fox", "✏️ a hat"]


async def test_a_mention_alone_is_asked_for_words(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage)

    await control.say(ann, BOT_NAME, chat_id=group)
    [answer] = await heard(simulated_stage, ann, group)

    assert answer.text.startswith("Tell me in words what to draw.")


async def test_a_mention_in_reply_to_anothers_photo_edits_it(simulated_stage: Stage) -> None:
    control, ann, bob, group = await open_group(simulated_stage)
    [photo] = await control.send_photos(ann, [jpeg("cat")], chat_id=group)

    await control.say(bob, f"{BOT_NAME} a hat", chat_id=group, reply_to=photo.id)
    [result] = await heard(simulated_stage, ann, group)

    assert result.text.startswith("✏️ a hat")


async def test_a_photo_with_a_mention_in_its_caption_is_edited(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage)

    await control.send_photos(ann, [jpeg("cat")], caption=f"{BOT_NAME} a hat", chat_id=group)
    [result] = await heard(simulated_stage, ann, group)

    assert result.text.startswith("✏️ a hat")


async def test_an_album_with_a_mention_is_merged_whole(simulated_stage: Stage) -> None:
    """Only its first photo says that it is for the bot; another's photos come in between."""
    control, ann, bob, group = await open_group(simulated_stage)
    album = [jpeg("cat", (200 + n, 200)) for n in range(4)]

    sent = await control.send_photos(
        ann, album[:2], caption=f"{BOT_NAME} side by side", chat_id=group
    )
    await control.send_photos(bob, album[:2], chat_id=group)
    await control.send_late(ann, sent[0], album[2])
    await control.send_late(ann, sent[0], album[3])
    [result] = await heard(simulated_stage, ann, group)

    assert result.text == "🧩 Photos merged: 4"


async def test_a_late_photo_of_an_album_in_a_group_still_joins(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage)
    album = [jpeg("cat", (200 + n, 200)) for n in range(3)]
    # As many as one user may have under way at once are in front: the merge waits.
    for number in range(3):
        await control.say(ann, f"fox {number} [[sim:slow=3]]")

    sent = await control.send_photos(ann, album[:2], caption=f"{BOT_NAME} collage", chat_id=group)
    await control.wait_message(group)
    await control.send_late(ann, sent[0], album[2])
    [result] = await heard(simulated_stage, ann, group)

    assert result.text == "🧩 Photos merged: 3"


async def test_a_question_is_answered_by_a_reply_only(simulated_stage: Stage) -> None:
    control, ann, bob, group = await open_group(simulated_stage)
    after = await control.last_seq()
    asked = await control.say(ann, "/create", chat_id=group)
    question = await control.wait_message(group, after=after)

    await control.say(ann, "dinner at eight?", chat_id=group)
    await control.say(bob, "yes", chat_id=group)
    silent = await heard(simulated_stage, ann, group)
    await control.say(ann, "a fox", chat_id=group, reply_to=question.id)
    shown = await heard(simulated_stage, ann, group)

    assert question.force_reply is not None
    assert question.force_reply["selective"]
    assert question.reply_to == asked.id
    assert [m.id for m in silent] == [question.id]
    assert [m.text for m in shown[1:]] == ["a fox"]


async def test_two_people_are_asked_independently(simulated_stage: Stage) -> None:
    control, ann, bob, group = await open_group(simulated_stage)
    await control.say(ann, "/create", chat_id=group)
    await control.say(bob, "/upscale", chat_id=group)
    [create, upscale] = await heard(simulated_stage, ann, group)

    await control.send_photos(bob, [jpeg("cat")], chat_id=group, reply_to=upscale.id)
    await control.say(ann, "a fox", chat_id=group, reply_to=create.id)
    shown = await heard(simulated_stage, ann, group)

    assert [m.text for m in shown[2:]] == ["How many times larger?", "a fox"]


async def test_help_in_a_group_stays_in_the_group(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage, is_forum=True)

    await control.say(ann, f"/help{BOT_NAME}", chat_id=group, thread_id=7)
    shown = await heard(simulated_stage, ann, group)

    assert len([m for m in shown if m.photo_id]) == 3
    assert {m.raw.get("message_thread_id") for m in shown} == {7}


async def test_answer_and_picture_stay_in_the_topic(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage, is_forum=True)

    await control.say(ann, "/create", chat_id=group, thread_id=7)
    await control.say(ann, "/create a fox [[sim:slow=2]]", chat_id=group, thread_id=8)
    await control.say(ann, "/create a cat", chat_id=group)
    shown = await heard(simulated_stage, ann, group)

    topics = {m.text: m.raw.get("message_thread_id") for m in shown}
    assert topics == {
        "What shall I draw? Say it in words.": 7,
        "a fox [[sim:slow=2]]": 8,
        "a cat": None,
    }


async def test_a_dialogue_in_private_does_not_leak_into_the_group(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage)
    await control.say(ann, "/upscale")
    await control.wait_message(ann.id)

    await control.say(ann, f"{BOT_NAME} a fox", chat_id=group)

    assert [m.text for m in await heard(simulated_stage, ann, group)] == ["a fox"]


async def test_edited_messages_of_a_group_are_met_with_silence(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage)
    chatter = await control.say(ann, "hello", chat_id=group)

    await control.edit(ann, chatter, f"{BOT_NAME} a fox")

    assert await heard(simulated_stage, ann, group) == []


async def test_a_picture_sent_inline_into_a_group_is_no_request(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage)
    await control.say(ann, "a lighthouse")
    await control.wait_message(ann.id, lambda m: bool(m.photo_id))
    offers = await control.ask_inline(ann, "light", chat_id=group)

    await control.choose_inline(offers, offers.results[0]["id"], group)

    assert await heard(simulated_stage, ann, group) == []


async def test_a_question_after_a_press_is_for_the_user_who_pressed(simulated_stage: Stage) -> None:
    """It answers the bot's own message: without a mention no client would show it as asked."""
    control, ann, _, group = await open_group(simulated_stage)
    await control.say(ann, "/create a fox", chat_id=group)
    [fox] = await heard(simulated_stage, ann, group)

    await control.click(ann, fox, "Edit")
    _, question = await heard(simulated_stage, ann, group)
    await control.say(ann, "a hat", chat_id=group, reply_to=question.id)
    shown = await heard(simulated_stage, ann, group)

    assert question.text.startswith("Ann, this is for you:\nWhat shall I do with it?")
    assert question.force_reply is not None
    assert question.force_reply["selective"]
    [mention] = question.raw["entities"]
    assert (mention["type"], mention["offset"], mention["length"]) == ("text_mention", 0, 3)
    assert mention["user"]["id"] == ann.id
    assert [m.text for m in shown[2:]] == ["✏️ a hat"]
