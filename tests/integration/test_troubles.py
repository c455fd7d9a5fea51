"""Troubles of Telegram and of Redis: answers come late, and nothing is thrown away."""

import pytest
import pytest_asyncio

from tests.integration.conftest import Stage, open_stage
from tests.support.sandbox import picture
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory):
    async for stage in open_stage(tmp_path_factory.mktemp("troubles"), is_simulated=True):
        yield stage


async def test_an_outage_of_telegram_costs_no_message(stage: Stage) -> None:
    control = stage.control
    person = await control.make_user("Bob")
    await control.fault("sendMessage", "error", times=5, error_code=502, description="Bad Gateway")

    await control.say(person, "/start")
    reply = await control.wait_message(person.id)

    assert reply.text.startswith("Hi!")


async def test_a_deleted_status_message_is_replaced_by_the_picture(stage: Stage) -> None:
    control = stage.control
    person = await control.make_user("Bob")

    await control.say(person, "a fox [[sim:slow=2]]")
    status = await control.wait_message(person.id)
    await control.delete(status)
    result = await control.wait_message(person.id, lambda m: bool(m.photo_id))

    assert result.id != status.id
    assert "a step failed" not in stage.bot.log


async def test_a_file_that_telegram_lost_is_said_in_words(stage: Stage) -> None:
    control = stage.control
    person = await control.make_user("Bob")
    await control.fault("download", "error", times=1, error_code=404, description="Not Found")

    await control.send_documents(person, [("a.jpg", b"\xff\xd8\xff" + bytes(90))], caption="hat")
    reply = await control.wait_message(person.id, lambda m: "no longer keeps" in m.text)

    assert "send it again" in reply.text


async def test_a_blocked_bot_costs_nothing_more(stage: Stage) -> None:
    control = stage.control
    person = await control.make_user("Bob")
    before = len((await control.provider())["ledger"])
    await control.say(person, "/start")
    await control.wait_message(person.id)

    await control.say(person, "a fox [[sim:slow=1]]")
    await control.block(person)

    async with stage.bot.redis() as redis:
        await eventually(lambda: redis.keys("rq:job:*"), lambda keys: not keys)
    assert len((await control.provider())["ledger"]) - before <= 1


async def test_words_about_a_photo_are_counted_like_any_request(stage: Stage) -> None:
    control = stage.control
    person = await control.make_user("Bob")
    key = f"rate_limit:{person.id}"

    await control.send_photos(person, [picture()])
    await control.wait_message(person.id, lambda m: bool(m.buttons))
    await control.say(person, "a hat")
    await control.wait_message(person.id, lambda m: bool(m.photo_id))

    async with stage.bot.redis() as redis:
        assert await redis.get(key) == "1"


async def test_a_full_redis_is_said_in_words_and_survived(stage: Stage) -> None:
    control = stage.control
    person = await control.make_user("Bob")
    async with stage.bot.redis() as redis:
        limit = (await redis.config_get("maxmemory"))["maxmemory"]
        await redis.config_set("maxmemory", "1mb")
        await control.say(person, "a fox")
        reply = await control.wait_message(person.id)
        await redis.config_set("maxmemory", str(limit))
    after = await control.last_seq()
    await control.say(person, "a second fox")
    result = await control.wait_message(person.id, lambda m: bool(m.photo_id), 30, after=after)

    assert "out of memory" in reply.text
    assert result.text == "a second fox"


async def test_one_talkative_chat_leaves_room_for_the_others(stage: Stage) -> None:
    control = stage.control
    talker, quiet = await control.make_user("Talker"), await control.make_user("Quiet")
    for _ in range(60):
        await control.say(talker, "/help")

    await control.say(quiet, "/start")
    await control.wait_message(quiet.id)
    warned = await control.wait_message(talker.id, lambda m: "faster than I can read" in m.text)

    assert warned.chat_id == talker.id


async def test_odd_updates_stop_nobody(stage: Stage) -> None:
    control = stage.control
    person = await control.make_user("Bob")

    await control.push_update({"message": {"chat": {"id": [1]}, "text": "x"}})
    await control.push_update({"callback_query": {"id": 5, "data": {}, "message": []}})
    await control.push_update({"message": None})
    await control.say(person, "/start")
    reply = await control.wait_message(person.id)

    assert reply.text.startswith("Hi!")
