"""A Redis of the operator's own that hangs, or is full, just when the bot takes its jobs over."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.scripts import script
from tests.crash.test_parts_killed import children_named
from tests.fixtures.bot import Bot
from tests.fixtures.redis_servers import filled, hanging_proxy
from tests.fixtures.sandbox import Control, open_sandbox
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture
async def sandboxed(state_dir: Path, redis: Client) -> AsyncIterator[tuple[Bot, Control]]:
    """The bot is not started yet, and nothing is in its Redis."""
    assert await redis.dbsize() == 0
    async with open_sandbox() as (sandbox, control):
        yield Bot(sandbox, state_dir), control


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
    bot.constants = {"imgbot.supervisor.REDIS_TIMEOUT_S": 0}

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
    await eventually(lambda: is_logged(bot, "Telegram is not usable yet"))
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
        await eventually(lambda: is_logged(bot, "status, health and metrics at"))
        checks = await bot.health()
        await bot.kill()

    assert checks["redis"]


async def is_logged(bot: Bot, words: str) -> bool:
    return words in bot.log


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
