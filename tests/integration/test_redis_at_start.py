"""A Redis of the operator's own that hangs, or is full, just when the bot takes its jobs over."""

import os
import signal
import time

import pytest

from imgbot.features.albums.store import ALBUMS
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.scripts import script
from imgbot.storage.server.process import RedisServer
from tests.crash.test_parts_killed import children_named
from tests.fixtures.bot import SOON, Bot
from tests.fixtures.redis_servers import client_of, filled, hanging_proxy
from tests.fixtures.sandbox import Control
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.slow


UNREADABLE = [
    ("hset", "img:stars:77", "paid:stx1", "50 50 1764500000000 gift"),
    ("hset", "img:stars:78", "balance", "10.5", "job:1", "5"),
    ("zadd", "img:star-refunds", 1, "abc"),
    ("hset", "img:forgotten", "log.soon", "1"),
    ("zadd", "img:deferred", 1, "77"),
    ("zadd", "img:deferred:77", 5, '{"update": 1}'),
    ("zadd", "img:albums", 1, "77.1"),
    ("rpush", "img:album:77.1", "{}"),
    ("hset", "img:incidents", "provider.x", "yesterday"),
    # At its age one of 1970 might be deleted before it is read.
    ("zadd", "img:ended-jobs", int(time.time() * 1000), '{"words": "a fox"}'),
    ("hset", "img:active", "abc", "x"),
]


async def test_an_entry_that_cannot_be_read_costs_itself(
    sandboxed: tuple[Bot, Control],
) -> None:
    bot, control = sandboxed
    person = await control.make_user("Ann")
    bot.settings |= {"IMGBOT_STARS": "picture=5, free=9, pack=50", "IMGBOT_ADMINS": "5"}
    bot.constants = SOON
    async with RedisServer(bot.state_dir, port=0) as server, client_of(server) as redis:
        for command in UNREADABLE:
            await redis.execute_command(*command)

    async with bot, bot.redis() as kept:
        await control.say(person, "a fox")
        await control.wait_message(person.id, lambda m: bool(m.photo_id))
        for _, key, *_ in UNREADABLE:
            if key not in {keys.DEFERRED, ALBUMS}:
                await bot.until_logged(f"{key} has an entry that cannot be read")
        metrics = await bot.get("/metrics")
        assert "a fox" not in bot.log
        assert await kept.exists("img:album:77.1") == 0
        assert await kept.hlen("img:stars:77") == 1
    assert "\nimgbot_entries_unreadable_total 1" in metrics


@pytest.mark.parametrize("key", [keys.OWNER, script("open_epoch").sha])
async def test_one_that_hangs_for_a_moment_is_asked_again(
    sandboxed: tuple[Bot, Control], redis_url: str, key: str
) -> None:
    bot, control = sandboxed
    person = await control.make_user("Ann")

    async with hanging_proxy(redis_url, key) as url:
        bot.settings["IMGBOT_REDIS_URL"] = url
        async with bot:
            await control.say(person, "a fox")
            await control.wait_message(person.id, lambda m: bool(m.photo_id))

    assert "Redis is not usable yet (Redis does not answer)" in bot.log
    assert "Traceback" not in bot.log


async def test_one_that_goes_on_hanging_ends_the_start_with_a_sentence(
    sandboxed: tuple[Bot, Control], redis_url: str
) -> None:
    bot, _ = sandboxed
    bot.constants = {"imgbot.wiring.startup.REDIS_TIMEOUT_S": 0}

    async with hanging_proxy(redis_url, script("open_epoch").sha, times=1000) as url:
        bot.settings["IMGBOT_REDIS_URL"] = url
        await bot.launch()
        status = await bot.wait()

    assert status == 1
    assert bot.log.strip().splitlines()[-1].endswith("Redis does not answer")
    assert "Traceback" not in bot.log


async def test_the_embedded_one_is_started_again_and_shown_while_telegram_is_waited_for(
    sandboxed: tuple[Bot, Control],
) -> None:
    bot, control = sandboxed
    person = await control.make_user("Ann")
    await control.fault("getMe", "error", times=1000, error_code=502, description="Bad Gateway")
    await bot.launch()
    await bot.until_logged("Telegram is not usable yet")
    [server] = children_named(bot, "redis-server") + children_named(bot, "valkey-server")

    os.kill(server, signal.SIGSTOP)
    frozen = (await bot.health())["redis"]
    os.kill(server, signal.SIGKILL)
    await eventually(bot.health, lambda checks: not checks["redis"])
    await control.clear_faults()
    await control.say(person, "a fox")
    await control.wait_message(person.id, lambda m: bool(m.photo_id))
    await bot.stop()

    assert frozen == "no answer in 3 s"
    assert "Traceback" not in bot.log


async def test_one_that_hangs_at_the_start_is_shown(
    sandboxed: tuple[Bot, Control], redis_url: str
) -> None:
    bot, _ = sandboxed
    async with hanging_proxy(redis_url, "HELLO", times=1000) as url:
        bot.settings["IMGBOT_REDIS_URL"] = url
        await bot.launch()
        await bot.until_logged("status, health and metrics at")
        checks = await bot.health()
        await bot.kill()

    assert checks["redis"]


async def test_one_that_is_full_is_worked_off(
    sandboxed: tuple[Bot, Control], redis: Client, redis_url: str
) -> None:
    bot, control = sandboxed
    bot.settings["IMGBOT_REDIS_URL"] = redis_url
    person = await control.make_user("Ann")
    # It belongs to this bot already.
    async with bot:
        pass

    async with filled(redis), bot:
        await control.say(person, "a fox")
        told = await control.wait_message(person.id)

    assert "out of memory" in told.text
