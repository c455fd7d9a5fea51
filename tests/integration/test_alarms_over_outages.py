"""Alarms over outages and a kill: told later if need be, once, and never too many."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from imgbot.aio import cancel_and_wait_current
from imgbot.domain.errors import ProviderErrorKind, StorageUnavailableError
from imgbot.storage import keys
from tests.fixtures.alerts import CALM, SETTING, Watchtower, open_watchtower
from tests.fixtures.redis_servers import filled
from tests.fixtures.sandbox import Control, Person
from tests.fixtures.waiting import eventually
from tests.integration.conftest import open_stage

pytestmark = pytest.mark.slow

OVER = "🟢 Redis has room again: "


@pytest.fixture
async def tower(real_redis: Redis) -> AsyncIterator[Watchtower]:
    async with open_watchtower(real_redis) as tower:
        yield tower


async def test_while_telegram_is_away_what_is_to_be_told_waits(tower: Watchtower) -> None:
    await tower.control.fault("sendMessage", "error", times=4, error_code=502)
    await tower.look(silence_s=130.0)
    nothing = await tower.told()
    await tower.look(31, silence_s=1.0)
    await tower.look(31)
    told = await tower.told()
    tower.restart()
    await tower.look(31)

    assert nothing == []
    # Both in one: it began, and it is over.
    [both] = told
    assert both.startswith("🔴 Telegram has handed over no messages for 2 min.")
    assert "\n\n🟢 Messages come in from Telegram again." in both
    assert await tower.told() == told


async def test_an_administrator_who_has_no_chat_keeps_nothing_from_the_others(
    tower: Watchtower,
) -> None:
    await tower.control.block(tower.owner)
    await tower.look(providers={"painter": ProviderErrorKind.AUTH})
    await tower.look(31)

    assert await tower.told() == []
    assert len(await tower.told(tower.ivan)) == 1
    assert await tower.redis.keys(f"{keys.ALARM}*") == []


async def test_what_cannot_be_told_for_long_stays_small(tower: Watchtower) -> None:
    await tower.control.fault("sendMessage", "error", times=10, error_code=502)
    for _ in range(60):
        await tower.look(60, silence_s=130.0, is_patient=True)
        await tower.look(60, silence_s=1.0, is_patient=True)
        await tower.look(60, silence_s=1.0, is_patient=True)

    assert await tower.redis.llen(f"{keys.ALARM}{tower.owner.id}") == 20


async def test_redis_that_was_away_is_told_when_it_is_back(tower: Watchtower) -> None:
    async with asyncio.TaskGroup() as group:
        tower.is_away = True
        with pytest.raises(StorageUnavailableError):
            await tower.alarms.evaluate_once()
        running = group.create_task(tower.alarms.run())
        while tower.alarms._away_since_s is None:  # noqa: ASYNC110 -- nothing else tells
            await asyncio.sleep(0)
        tower.now_s += 300
        tower.is_away = False
        tower.alarms._alarm.set()
        told = await tower.control.wait_message(tower.owner.id)
        await cancel_and_wait_current(running)

    assert told.text.startswith("🟢 Redis did not answer for 5 minutes and is back.")


async def test_a_full_redis_is_told_once_though_nothing_can_be_stored_in_it(
    tower: Watchtower,
) -> None:
    await tower.control.fault("sendMessage", "error", times=1, error_code=502)
    async with filled(tower.redis):
        for _ in range(3):
            await tower.look(31)
        begun = await tower.told()
        # Something else goes wrong, which can be told when it can be stored.
        await tower.look(31, providers={"painter": ProviderErrorKind.AUTH})
        same = await tower.told()
    for _ in range(4):
        await tower.look(31)
    over = await tower.told()

    assert len(begun) == 1
    assert begun[0].startswith("🔴 The memory of Redis is full: ")
    assert SETTING.search(begun[0])
    assert same == begun
    assert [text[:24] for text in over[1:]] == ["🔴 painter refuses its key. "[:24], OVER[:24]]
    assert len(await tower.told(tower.ivan)) == 3


async def test_a_full_redis_keeps_nothing_back_that_waited_in_it_before(tower: Watchtower) -> None:
    await tower.control.fault("sendMessage", "error", times=4, error_code=502)
    await tower.look(silence_s=130.0)
    async with filled(tower.redis):
        for _ in range(3):
            await tower.look(31, providers={"painter": ProviderErrorKind.AUTH})
        told = await tower.told()

    assert "🔴 Telegram has handed over no messages" in "".join(told)
    assert "painter" not in "".join(told)


async def test_what_nobody_foresaw_does_not_end_the_alarms(
    tower: Watchtower, caplog: pytest.LogCaptureFixture
) -> None:
    facts = replace(CALM, providers={"painter": ProviderErrorKind.AUTH})
    # Less than the alarms can read.
    tower.facts = replace(facts, provider_names=cast("Any", None))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(tower.alarms.run())
        await eventually(tower.redis.time, lambda _: "alerts could not be evaluated" in caplog.text)
        tower.facts = facts
        tower.alarms._alarm.set()
        told = await tower.control.wait_message(tower.owner.id, lambda m: "painter" in m.text)
        await cancel_and_wait_current(running)

    assert told.text.startswith("🔴 painter refuses its key.")


async def heard(control: Control, person: Person, words: str) -> str:
    return (await control.wait_message(person.id, lambda m: words in m.text)).text


async def test_the_running_bot_tells_its_owner_once_over_a_kill(tmp_path: Path) -> None:
    owner = Person(5_000_000_001, "Owner", {})
    async for stage in open_stage(tmp_path, is_simulated=True, IMGBOT_ADMINS=str(owner.id)):
        control, bot = stage.control, stage.bot
        assert (await control.make_user("Owner")).id == owner.id
        await control.say(owner, "/start")
        await control.wait_message(owner.id)
        anna = await control.make_user("Anna")
        await control.say(anna, "a fox [[sim:402]]")
        credit = await heard(control, owner, "credit")
        # A kill between the saying and its note would say it twice: better than never.
        async with bot.redis() as redis:
            await eventually(
                lambda: redis.exists(f"{keys.ALARM}{owner.id}"), lambda found: not found
            )
        for _ in range(2):
            await bot.kill()
            await bot.start()
        # One more, so that it is known when the bot has looked at everything again.
        async with bot.redis() as redis:
            dead = {"id": "99", "user_id": "7", "chat_id": "7", "operation": "create"}
            record = dead | {"state": "delivering", "language": "en", "provider": "painter"}
            for name, value in record.items():
                await redis.hset(f"{keys.DEAD_JOB}99", name, value)
            await redis.zadd(keys.DEAD, {"99": round(time.time() * 1000)})
        await heard(control, owner, "Job 99")

        told = [m.text for m in await control.messages(owner.id) if m.text.startswith("🔴")]
        assert credit.startswith("🔴 simulated says that its credit is used up.")
        assert [text[:12] for text in told] == [credit[:12], "🔴 Job 99 at "[:12]]
