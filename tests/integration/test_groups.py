"""Groups and topics: silent unless spoken to, in the right place, also when the group changes."""

from typing import Any

import pytest
import pytest_asyncio

from tests.integration.conftest import Stage
from tests.integration.test_actions import jpeg
from tests.support.hostile import assert_undisturbed, said_by_bot
from tests.support.sandbox import KINDS, Message, Person, picture

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOT = "@imgbot_sandbox_bot"


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def undisturbed(simulated_stage: Stage):
    yield
    await assert_undisturbed(simulated_stage.bot, simulated_stage.control)


async def open_group(stage: Stage, *, hears_all: bool = True, **fields: Any):
    """A group of two, and what is asked of it most."""
    control = stage.control
    ann, bob = await control.make_user("Ann"), await control.make_user("Bob")
    group = await control.make_group("Friends", [ann, bob], **fields)
    if hears_all:
        await control.set_privacy(group, on=False)
    return control, ann, bob, group


async def heard(stage: Stage, person: Person, group: int) -> list[Message]:
    return await said_by_bot(stage.bot, stage.control, person, group)


def pictures(messages: list[Message]) -> list[Message]:
    return [message for message in messages if message.photo_id or message.document_id]


UNADDRESSED: dict[str, dict[str, Any]] = {
    "words": {"text": "a fox in the forest"},
    "words-like-a-settings": {"text": "16:9"},
    "mention-of-another": {"text": "@another_bot draw a fox"},
    "longer-name": {"text": f"{BOT}2 draw a fox"},
    "address-in-a-link": {"text": f"https://t.me/{BOT}"},
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
    await control.say(ann, f"/create{BOT} a fox", chat_id=group)
    await control.wait_message(group, lambda m: bool(m.photo_id))

    assert [m.text for m in await heard(simulated_stage, ann, group)] == ["a fox"]


ADDRESSED = {
    "command": "/create a fox",
    "command-with-name": f"/create{BOT} a fox",
    "command-in-capitals": f"/create{BOT.upper()} a fox",
    "mention-first": f"{BOT} a fox",
    "mention-with-comma": f"{BOT}, a fox",
    "mention-last": f"a fox {BOT}",
    "mention-in-capitals": f"{BOT.upper()} a fox",
    "mention-in-the-middle": f"a {BOT} fox",
    "command-and-mention": f"/create {BOT} a fox",
}


@pytest.mark.parametrize("words", ADDRESSED.values(), ids=ADDRESSED)
async def test_who_is_addressed_draws_without_the_name(simulated_stage: Stage, words: str) -> None:
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

    await control.say(ann, BOT, chat_id=group)
    [answer] = await heard(simulated_stage, ann, group)

    assert answer.text.startswith("Tell me in words what to draw.")


async def test_a_mention_in_reply_to_anothers_photo_edits_it(simulated_stage: Stage) -> None:
    control, ann, bob, group = await open_group(simulated_stage)
    [photo] = await control.send_photos(ann, [jpeg("cat")], chat_id=group)

    await control.say(bob, f"{BOT} a hat", chat_id=group, reply_to=photo.id)
    [result] = await heard(simulated_stage, ann, group)

    assert result.text.startswith("✏️ a hat")


async def test_a_photo_with_a_mention_in_its_caption_is_edited(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage)

    await control.send_photos(ann, [jpeg("cat")], caption=f"{BOT} a hat", chat_id=group)
    [result] = await heard(simulated_stage, ann, group)

    assert result.text.startswith("✏️ a hat")


async def test_an_album_with_a_mention_is_merged_whole(simulated_stage: Stage) -> None:
    """Only its first photo says that it is for the bot; another's photos come in between."""
    control, ann, bob, group = await open_group(simulated_stage)
    album = [jpeg("cat", (200 + n, 200)) for n in range(4)]

    sent = await control.send_photos(ann, album[:2], caption=f"{BOT} side by side", chat_id=group)
    await control.send_photos(bob, album[:2], chat_id=group)
    await control.send_late(ann, sent[0], album[2])
    await control.send_late(ann, sent[0], album[3])
    [result] = await heard(simulated_stage, ann, group)

    assert result.text == "🧩 Photos merged: 4"


async def test_a_late_photo_of_an_album_in_a_group_still_joins(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage)
    album = [jpeg("cat", (200 + n, 200)) for n in range(3)]
    # As many as she may have under way at once are in front: the merge waits.
    for number in range(3):
        await control.say(ann, f"fox {number} [[sim:slow=3]]")

    sent = await control.send_photos(ann, album[:2], caption=f"{BOT} collage", chat_id=group)
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

    await control.say(ann, f"/help{BOT}", chat_id=group, thread_id=7)
    shown = await heard(simulated_stage, ann, group)

    assert len(pictures(shown)) == 3
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


@pytest.mark.parametrize("words", ["/create a fox", "/create", "/help", "/history"])
async def test_where_the_topic_is_gone_the_answer_comes_to_the_group(
    simulated_stage: Stage, words: str
) -> None:
    control, ann, _, group = await open_group(simulated_stage, is_forum=True)
    await control.say(ann, "/create a cat", chat_id=group)
    before = len(await heard(simulated_stage, ann, group))

    await control.fault("getUpdates", "delay", delay_s=1.0)
    await control.say(ann, "/start")
    await control.say(ann, words, chat_id=group, thread_id=7)
    simulated_stage.sandbox.world.chats[group].threads.discard(7)
    shown = await heard(simulated_stage, ann, group)

    assert len(shown) > before
    assert all("message_thread_id" not in m.raw for m in shown)


async def test_a_topic_deleted_during_the_work_costs_no_picture(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage, is_forum=True)
    await control.say(ann, "/create a fox [[sim:slow=2]]", chat_id=group, thread_id=7)
    status = await control.wait_message(group)

    await control.delete(status)
    simulated_stage.sandbox.world.chats[group].threads.discard(7)
    [result] = await heard(simulated_stage, ann, group)

    assert result.photo_id


MUTED = {
    "muted": "Bad Request: not enough rights to send text messages to the chat",
    "topic-closed": "Bad Request: TOPIC_CLOSED",
    "write-forbidden": "Bad Request: CHAT_WRITE_FORBIDDEN",
}


@pytest.mark.parametrize("reason", MUTED)
@pytest.mark.parametrize("words", ["/create", "/create a fox"], ids=["question", "order"])
async def test_where_the_bot_may_not_write_it_gives_up_quietly(
    simulated_stage: Stage, reason: str, words: str
) -> None:
    control, ann, _, group = await open_group(simulated_stage)
    fault = {"chat_id": group, "error_code": 400, "description": MUTED[reason]}
    await control.fault("sendMessage", "error", times=50, **fault)

    await control.say(ann, words, chat_id=group)
    shown = await heard(simulated_stage, ann, group)
    await control.clear_faults()

    assert shown == []


@pytest.mark.parametrize("reason", ["kicked", "deleted"])
async def test_a_group_without_the_bot_ends_its_job_quietly(
    simulated_stage: Stage, reason: str
) -> None:
    control, ann, _, group = await open_group(simulated_stage)
    await control.say(ann, "/create a fox [[sim:slow=1]]", chat_id=group)
    await control.wait_message(group)
    before = len(simulated_stage.bot.log)

    await control.close_chat(group, reason)
    shown = await heard(simulated_stage, ann, group)

    assert pictures(shown) == []
    assert "Traceback" not in simulated_stage.bot.log[before:]


async def test_a_command_read_after_the_bot_was_kicked_is_let_go(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage)
    await control.fault("getUpdates", "delay", delay_s=1.0)
    await control.say(ann, "/start")

    for words in ("/create", "/help", "/create a fox"):
        await control.say(ann, words, chat_id=group)
    await control.send_photos(ann, [picture()] * 2, caption=f"{BOT} collage", chat_id=group)
    await control.close_chat(group, "kicked")

    assert await heard(simulated_stage, ann, group) == []


async def test_a_group_that_became_a_supergroup_before_the_order(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage, is_basic=True)

    new = await control.migrate(group)
    await control.say(ann, "/create a fox", chat_id=new)

    assert [m.text for m in await heard(simulated_stage, ann, new)] == ["a fox"]


async def test_a_group_that_became_a_supergroup_during_the_work(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage, is_basic=True)
    await control.say(ann, "/create a fox [[sim:slow=1]]", chat_id=group)
    await control.wait_message(group)

    new = await control.migrate(group)
    shown = await heard(simulated_stage, ann, new)

    assert [bool(m.photo_id) for m in shown] == [True]
    assert shown[0].text.startswith("a fox")


@pytest.mark.parametrize("words", ["/create", "/create a fox", "/help"])
async def test_a_group_that_became_a_supergroup_before_the_bot_read_it(
    simulated_stage: Stage, words: str
) -> None:
    control, ann, _, group = await open_group(simulated_stage, is_basic=True)
    await control.fault("getUpdates", "delay", delay_s=1.0)
    await control.say(ann, "/start")

    await control.say(ann, words, chat_id=group)
    new = await control.migrate(group)
    await heard(simulated_stage, ann, group)

    assert await heard(simulated_stage, ann, new) != []


async def test_a_dialogue_in_private_does_not_leak_into_the_group(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage)
    await control.say(ann, "/upscale")
    await control.wait_message(ann.id)

    await control.say(ann, f"{BOT} a fox", chat_id=group)

    assert [m.text for m in await heard(simulated_stage, ann, group)] == ["a fox"]


async def test_edited_messages_of_a_group_are_met_with_silence(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage)
    chatter = await control.say(ann, "hello", chat_id=group)

    await control.edit(ann, chatter, f"{BOT} a fox")

    assert await heard(simulated_stage, ann, group) == []


async def test_a_picture_sent_inline_into_a_group_is_no_request(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage)
    await control.say(ann, "a lighthouse")
    await control.wait_message(ann.id, lambda m: bool(m.photo_id))
    offers = await control.ask_inline(ann, "light", chat_id=group)

    await control.choose_inline(offers, offers.results[0]["id"], group)

    assert await heard(simulated_stage, ann, group) == []
