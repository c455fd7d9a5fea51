"""Groups and topics that end, mute the bot or change while it is asked or at work."""

import pytest

from tests.fixtures.sandbox import picture
from tests.integration.conftest import BOT_NAME, Stage, heard, open_group

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("undisturbed"),
]


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
    simulated_stage.sandbox.state.chats[group].threads.discard(7)
    shown = await heard(simulated_stage, ann, group)

    assert len(shown) > before
    assert all("message_thread_id" not in m.raw for m in shown)


async def test_a_topic_deleted_during_the_work_costs_no_picture(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage, is_forum=True)
    await control.say(ann, "/create a fox [[sim:slow=2]]", chat_id=group, thread_id=7)
    status = await control.wait_message(group)

    await control.delete(status)
    simulated_stage.sandbox.state.chats[group].threads.discard(7)
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

    assert not [m for m in shown if m.photo_id or m.document_id]
    assert "Traceback" not in simulated_stage.bot.log[before:]


async def test_a_command_read_after_the_bot_was_kicked_is_let_go(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage)
    await control.fault("getUpdates", "delay", delay_s=1.0)
    await control.say(ann, "/start")

    for words in ("/create", "/help", "/create a fox"):
        await control.say(ann, words, chat_id=group)
    await control.send_photos(ann, [picture()] * 2, caption=f"{BOT_NAME} collage", chat_id=group)
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
