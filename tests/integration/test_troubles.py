"""Troubles of Telegram and of Redis: answers come late, and nothing is thrown away."""

import json
import os
import re
import signal

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from tests.fixtures.bot import SOON, Bot
from tests.fixtures.processes import children_of
from tests.fixtures.redis_servers import filled
from tests.fixtures.sandbox import picture
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, open_stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


# The sandbox counts its people from this.
OWNER_ID = 5_000_000_001
FULL = "Redis: its memory is full"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("troubles")
    async for stage in open_stage(folder, SOON, is_simulated=True, IMGBOT_ADMINS=str(OWNER_ID)):
        owner = await stage.control.make_user("Owner")
        assert owner.id == OWNER_ID
        # Nobody can be told anything before they have spoken with the bot.
        await stage.control.say(owner, "/start")
        await stage.control.wait_message(owner.id)
        yield stage


async def check_of_redis(stage: Stage) -> str:
    """What /healthz says is wrong with Redis; empty when it is well."""
    return json.loads(await stage.bot.get("/healthz"))["checks"]["redis"].get("detail", "")


async def told_of_silence(stage: Stage) -> list[str]:
    texts = [message.text for message in await stage.control.messages(OWNER_ID)]
    return [text for text in texts if "was not responding" in text]


async def test_an_outage_of_telegram_costs_no_message(stage: Stage) -> None:
    control = stage.control
    person = await control.make_user("Bob")
    await control.fault("sendMessage", "error", times=5, error_code=502, description="Bad Gateway")

    await control.say(person, "/start")
    reply = await control.wait_message(person.id)

    assert reply.text.startswith("Hi!")


async def test_a_file_that_telegram_lost_is_said_in_words(stage: Stage) -> None:
    control = stage.control
    person = await control.make_user("Bob")
    await control.fault("download", "error", times=1, error_code=404, description="Not Found")

    await control.send_documents(person, [("a.jpg", b"\xff\xd8\xff" + bytes(90))], caption="hat")
    reply = await control.wait_message(person.id, lambda m: "no longer has" in m.text)

    assert "send it again" in reply.text


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
    silences = len(await told_of_silence(stage))
    async with stage.bot.redis() as redis:
        limit = (await redis.config_get("maxmemory"))["maxmemory"]
        await redis.config_set("maxmemory", "1mb")
        replies = []
        for words in ("a fox", "/create", "/start"):
            after = await control.last_seq()
            await control.say(person, words)
            replies.append((await control.wait_message(person.id, after=after)).text)
        checked = await check_of_redis(stage)
        told = await control.wait_message(OWNER_ID, lambda m: m.text.startswith("🔴"))
        await eventually(lambda: said_since(stage.bot, 0), lambda log: FULL in log)
        await redis.config_set("maxmemory", str(limit))
    after = await control.last_seq()
    await control.say(person, "a second fox")
    result = await control.wait_message(person.id, lambda m: bool(m.photo_id), after=after)
    await eventually(lambda: said_since(stage.bot, 0), lambda log: "Redis has room again" in log)

    assert "out of memory" in replies[0]
    # It asks for words, and could not remember that it did.
    assert "out of memory" in replies[1]
    assert replies[2].startswith("Hi!")
    assert re.match(r"its memory is full \(\d+ of 1 MB\)", checked)
    assert re.search(r"IMGBOT_REDIS_MEMORY_MB=\d+", checked)
    assert "IMGBOT_QUEUE_LIMIT" in checked
    assert told.text.startswith("🔴 Redis is out of memory")
    assert result.text == "a second fox"
    assert await check_of_redis(stage) == ""
    # It answered all the time.
    assert len(await told_of_silence(stage)) == silences


async def test_a_refusal_is_said_though_a_full_redis_cannot_remember_it(stage: Stage) -> None:
    control = stage.control
    person = await control.make_user("Bob")
    words = await control.say(person, "/start")
    await control.wait_message(person.id)
    async with stage.bot.redis() as redis:
        limit = (await redis.config_get("maxmemory"))["maxmemory"]
        await redis.config_set("maxmemory", "1mb")
        await control.edit(person, words, "a crow")
        told = await control.wait_message(person.id, lambda m: "edits to messages" in m.text)
        await redis.config_set("maxmemory", str(limit))

    assert told.text == t("en", "edited_message")


async def test_a_redis_that_hangs_is_said_soon_and_when_it_is_back(stage: Stage) -> None:
    control, bot = stage.control, stage.bot
    person = await control.make_user("Bob")
    children = children_of(bot.pid)
    [redis] = [pid for pid, command in children.items() if re.search("(redis|valkey)-s", command)]
    before = len(bot.log)
    os.kill(redis, signal.SIGSTOP)
    try:
        await control.say(person, "/start")
        for words in (
            "is not handled yet: Redis does not answer",
            "no job can be claimed: Redis does not answer",
            "the queue was not measured: Redis does not answer",
        ):
            await eventually(lambda: said_since(bot, before), lambda log, w=words: w in log)
        checked = await check_of_redis(stage)
    finally:
        os.kill(redis, signal.SIGCONT)
    await control.wait_message(person.id)
    await eventually(lambda: said_since(bot, before), lambda log: "Redis answers again" in log)

    assert checked == "no answer in 3 s"
    assert await check_of_redis(stage) == ""


async def said_since(bot: Bot, begin: int) -> str:
    return bot.log[begin:]


async def test_one_talkative_chat_leaves_room_for_the_others(stage: Stage) -> None:
    control = stage.control
    talker, quiet = await control.make_user("Talker"), await control.make_user("Quiet")
    for _ in range(60):
        await control.say(talker, "/help")

    await control.say(quiet, "/start")
    await control.wait_message(quiet.id)
    warned = await control.wait_message(talker.id, lambda m: "faster than I can read" in m.text)

    assert warned.chat_id == talker.id


async def test_pictures_can_be_called_off_while_redis_is_full(stage: Stage) -> None:
    control = stage.control
    person = await control.make_user("Bob")
    async with stage.bot.redis() as redis:
        for number in range(4):
            await control.say(person, f"fox {number} [[sim:slow=3600]]")
        # More than are made for one person at once: some wait.
        await eventually(lambda: redis.hget("img:waiting", str(person.id)))
        await eventually(lambda: redis.zcard(f"img:mine:{person.id}"), lambda n: n == 4)
        async with filled(redis):
            for left in (3, 2, 1, 0):
                # The next one must not be said to the same picture.
                await control.say(person, "/cancel")
                await eventually(
                    lambda: redis.zcard(f"img:mine:{person.id}"), lambda n, left=left: n == left
                )

        assert await redis.keys("rq:job:*") == []


async def test_a_gateway_in_front_of_telegram_ends_neither_bot_nor_job(stage: Stage) -> None:
    control = stage.control
    person = await control.make_user("Bob")
    for method in ("getUpdates", "editMessageMedia"):
        await control.fault(method, "gateway", error_code=502)

    await control.say(person, "a fox")
    result = await control.wait_message(person.id, lambda m: bool(m.photo_id))

    assert result.text == "a fox"
