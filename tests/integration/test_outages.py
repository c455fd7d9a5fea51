"""Outages of Telegram and of Redis: answers come late, and nothing is thrown away."""

import os
import re
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from imgbot.domain.texts import t
from imgbot.features.albums.store import ALBUM, ALBUMS
from imgbot.storage import keys
from tests.fixtures.bot import PAID
from tests.fixtures.processes import redis_of
from tests.fixtures.redis_servers import filled
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, is_picture, jpeg, open_owned

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@asynccontextmanager
async def full_redis(stage: Stage) -> AsyncGenerator[None]:
    """Fill the bot's Redis; the bot says so, and that it has room again."""
    begin = len(stage.bot.log)
    async with stage.bot.redis() as redis, filled(redis):
        yield
        await stage.bot.until_logged("Redis is short of memory", begin=begin)
    await stage.bot.until_logged("Redis has room again", begin=begin)


async def told_of_silence(stage: Stage) -> list[str]:
    return [text for text in await stage.owner.said(rests=False) if "was not responding" in text]


async def test_outages_of_telegram_and_gateways_cost_no_message_and_no_job(stage: Stage) -> None:
    bob = await stage.user()
    outage = {"error_code": 502, "description": "Bad Gateway"}
    await bob.control.fault("sendMessage", "error", times=5, **outage)
    for method in ("getUpdates", "editMessageMedia"):
        await bob.control.fault(method, "gateway", error_code=502)

    assert (await bob.ask("/start")).text.startswith("Hi!")
    assert (await bob.order("a fox")).text == "a fox"


async def test_a_file_that_telegram_lost_is_said_in_words(stage: Stage) -> None:
    bob = await stage.user()
    await bob.control.fault("download", "error", times=1, error_code=404, description="Not Found")

    await bob.files(("a.jpg", b"\xff\xd8\xff" + bytes(90)), caption="hat")
    reply = await bob.wait(lambda m: "no longer has" in m.text)

    assert "send it again" in reply.text


async def test_a_wrong_address_of_the_provider_is_the_operators_to_mend(tmp_path: Path) -> None:
    closed = t("en", "provider_closed")
    async for stage in open_owned(tmp_path, **PAID):
        bob = await stage.user()
        await stage.bot.stop()
        right = stage.bot.settings["IMGBOT_PROVIDER_URL"]
        stage.bot.settings["IMGBOT_PROVIDER_URL"] = f"{right}/v9"
        await stage.bot.start()

        failed = await bob.ask("a fox", fits=lambda m: closed in m.text)
        alert = await stage.owner.wait(lambda m: m.text.startswith("🔴"))
        stage.bot.settings["IMGBOT_PROVIDER_URL"] = right
        await stage.bot.stop()
        await stage.bot.start()
        await bob.click(failed, "Try again", is_picture)

        assert t("en", "charge_no") in failed.text
        assert alert.text.startswith("🔴 simulated doesn't know the address or the model")
        assert "IMGBOT_PROVIDER_URL" in alert.text
        assert await stage.charges() == 1


async def test_a_full_redis_is_said_in_words_and_survived(stage: Stage) -> None:
    bob = await stage.user()
    first = await bob.say("/start")
    await bob.wait()
    silences = len(await told_of_silence(stage))
    async with full_redis(stage):
        replies = [(await bob.ask(words)).text for words in ("a fox", "/create", "/start")]
        # A refusal is said though it cannot be remembered.
        await bob.control.edit(bob.person, first, "a crow")
        edited = await bob.wait(lambda m: "edits to messages" in m.text)
        checked = (await stage.bot.health())["redis"]
        # It is told once: it was in another test, if it has not been over for long enough.
        await stage.owner.wait(lambda m: m.text.startswith("🔴 Redis is short of memory: "))
    result = await bob.order("a second fox")

    assert "out of memory" in replies[0]
    # It asks for words, and could not remember that it did.
    assert "out of memory" in replies[1]
    assert replies[2].startswith("Hi!")
    assert edited.text == t("en", "edited_message")
    assert re.match(r"Redis is short of memory: \d+ of \d+ MB used", checked)
    assert re.search(r"IMGBOT_REDIS_MEMORY_MB=\d+", checked)
    assert "IMGBOT_QUEUE_LIMIT" in checked
    assert result.text == "a second fox"
    assert (await stage.bot.health())["redis"] == ""
    # It answered all the time.
    assert len(await told_of_silence(stage)) == silences


async def test_an_album_is_told_of_a_full_redis(stage: Stage) -> None:
    bob = await stage.user()
    async with stage.bot.redis() as redis:
        await bob.photos(jpeg("cat", (320, 240)), jpeg("astronaut", (320, 240)), caption="collage")
        # Complete, but not handled yet.
        (name,) = await eventually(lambda: redis.zrange(ALBUMS, 0, -1))
        await eventually(lambda: redis.llen(f"{ALBUM}{name}"), lambda count: count == 2)
        async with full_redis(stage):
            await bob.wait(lambda m: "out of memory" in m.text)


async def test_a_redis_that_hangs_is_said_soon_and_when_it_is_back(stage: Stage) -> None:
    bob, bot = await stage.user(), stage.bot
    redis, before = redis_of(bot.pid), len(bot.log)
    os.kill(redis, signal.SIGSTOP)
    try:
        await bob.say("/start")
        for words in (
            "is not handled yet: Redis does not answer",
            "no job can be claimed: Redis does not answer",
            "the queue was not measured: Redis does not answer",
        ):
            await bot.until_logged(words, begin=before)
        checked = (await bot.health())["redis"]
    finally:
        os.kill(redis, signal.SIGCONT)
    await bob.wait()
    await bot.until_logged("Redis answers again", begin=before)

    assert checked == "no answer in 3 s"
    assert (await bot.health())["redis"] == ""


async def test_one_talkative_chat_leaves_room_for_the_others(stage: Stage) -> None:
    talker, quiet = await stage.user("Talker"), await stage.user("Quiet")
    # More than it may be answered at once, and than may wait besides.
    for _ in range(80):
        await talker.say("/help")

    await quiet.ask("/start")
    await talker.wait(lambda m: "faster than I can read" in m.text)


async def test_pictures_can_be_called_off_while_redis_is_full(stage: Stage) -> None:
    bob = await stage.user()
    own = f"{keys.USER_JOBS}{bob.id}"
    async with stage.bot.redis() as redis:
        for number in range(4):
            await bob.say(f"fox {number} [[sim:slow=3600]]")
        # More than are made for one person at once: some wait.
        await eventually(lambda: redis.llen(keys.QUEUE))
        await eventually(lambda: redis.zcard(own), lambda count: count == 4)
        async with full_redis(stage):
            for left in (3, 2, 1, 0):
                # The next one must not be said to the same picture.
                await bob.say("/cancel")
                await eventually(lambda: redis.zcard(own), lambda n, left=left: n == left)

        assert await redis.keys(f"{keys.JOB}*") == []
