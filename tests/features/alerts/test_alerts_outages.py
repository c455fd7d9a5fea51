"""Alerts over outages and a kill: told later if need be, once, and never too many."""

import asyncio
import functools
import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from imgbot.aio import cancel_and_wait_current
from imgbot.domain.errors import ProviderErrorKind, StorageUnavailableError
from imgbot.features.alerts.store import ALARM, AlertStore, Notice
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.telemetry.health import ProviderState
from tests.features.alerts.stage import CALM, SETTING, AlertStage, open_alert_stage
from tests.fixtures.redis_servers import filled
from tests.fixtures.waiting import eventually
from tests.integration.stage import open_owned

pytestmark = pytest.mark.slow

OVER = "🟢 Redis has room again: "


@pytest.fixture
async def alerts(redis: Client) -> AsyncIterator[AlertStage]:
    async with open_alert_stage(redis) as alerts:
        yield alerts


async def test_while_telegram_is_away_what_is_to_be_told_waits(alerts: AlertStage) -> None:
    await alerts.control.fault("sendMessage", "error", times=4, error_code=502)
    await alerts.look(silence_s=130.0)
    nothing = await alerts.told()
    await alerts.look(31, silence_s=1.0)
    await alerts.look(31)
    told = await alerts.told()
    alerts.restart()
    await alerts.look(31)

    assert nothing == []
    # Both in one: it began, and it is over.
    [both] = told
    assert both.startswith("🔴 Telegram hasn't delivered any messages for 2 min.")
    assert "\n\n🟢 Messages are coming in from Telegram again." in both
    assert await alerts.told() == told


async def test_an_administrator_who_has_no_chat_keeps_nothing_from_the_others(
    alerts: AlertStage,
) -> None:
    await alerts.control.block(alerts.owner)
    await alerts.look(providers={"painter": ProviderState(ProviderErrorKind.AUTH)})
    await alerts.look(31)

    assert await alerts.told() == []
    assert len(await alerts.told(alerts.ivan)) == 1
    assert await alerts.redis.keys(f"{ALARM}*") == []


async def test_what_cannot_be_told_for_long_stays_small(alerts: AlertStage) -> None:
    await alerts.control.fault("sendMessage", "error", times=10, error_code=502)
    for _ in range(60):
        await alerts.look(60, silence_s=130.0, is_patient=True)
        await alerts.look(60, silence_s=1.0, is_patient=True)
        await alerts.look(60, silence_s=1.0, is_patient=True)

    assert await alerts.redis.llen(f"{ALARM}{alerts.owner.id}") == 20


async def test_redis_that_was_away_is_told_when_it_is_back(alerts: AlertStage) -> None:
    async with asyncio.TaskGroup() as group:
        alerts.is_away = True
        with pytest.raises(StorageUnavailableError):
            await alerts.alarms.evaluate_once()
        running = group.create_task(alerts.alarms.run())
        while alerts.alarms._away_since_s is None:  # noqa: ASYNC110 -- nothing else tells
            await asyncio.sleep(0)
        alerts.now_s += 300
        alerts.is_away = False
        alerts.alarms._alarm.set()
        told = await alerts.control.wait_message(alerts.owner.id)
        await cancel_and_wait_current(running)

    assert told.text.startswith("🟢 Redis was not responding for 5 minutes and is back.")


async def test_a_full_redis_is_told_once_and_keeps_no_other_alert_back(
    alerts: AlertStage,
) -> None:
    await alerts.control.fault("sendMessage", "error", times=1, error_code=502)
    async with filled(alerts.redis):
        for _ in range(3):
            await alerts.look(31)
        begun = await alerts.told()
        alerts.restart()
        await alerts.look(31, providers={"painter": ProviderState(ProviderErrorKind.AUTH)})
    for _ in range(4):
        await alerts.look(31)
    told = await alerts.told()

    assert len(begun) == 1
    assert begun[0].startswith("🔴 Redis is short of memory: ")
    assert SETTING.search(begun[0])
    assert [text[:24] for text in told[1:]] == ["🟡 painter rejects its key. "[:24], OVER[:24]]
    assert len(await alerts.told(alerts.ivan)) == 3


async def test_a_notice_that_another_process_stores_is_told_without_a_restart(
    alerts: AlertStage,
) -> None:
    await alerts.look()
    notice = json.dumps(["incident_rival_over", {}])
    await alerts.redis.rpush(f"{ALARM}{alerts.owner.id}", notice)
    await alerts.look(15)

    assert len(await alerts.told()) == 1


async def test_a_repeated_batch_neither_repeats_nor_drops_a_notice(
    alerts: AlertStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = Client._exchange

    async def exchange_twice(client: Client, *batch: Any) -> list[Any]:
        """As if the answers had been lost with their connection."""
        await exchange(client, *batch)
        return await exchange(client, *batch)

    monkeypatch.setattr(Client, "_exchange", exchange_twice)
    notices = [Notice("incident_redis_was_away", {"wait_s": 60 * n}) for n in (2, 2, *range(3, 9))]
    await AlertStore(alerts.redis).record({}, [], notices, [alerts.owner.id])
    for _ in range(3):
        await alerts.look()

    told = "".join(await alerts.told())
    assert re.findall(r"for (\d) min", told) == list("22345678")


async def test_what_nobody_foresaw_does_not_end_the_alarms(
    alerts: AlertStage, caplog: pytest.LogCaptureFixture
) -> None:
    facts = replace(CALM, providers={"painter": ProviderState(ProviderErrorKind.AUTH)})
    # Less than the alarms can read.
    alerts.facts = replace(facts, providers=cast("Any", None))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(alerts.alarms.run())
        await eventually(
            alerts.redis.time, lambda _: "alerts could not be evaluated" in caplog.text
        )
        alerts.facts = facts
        alerts.alarms._alarm.set()
        told = await alerts.control.wait_message(alerts.owner.id, lambda m: "painter" in m.text)
        await cancel_and_wait_current(running)

    assert told.text.startswith("🟡 painter rejects its key.")


async def test_the_running_bot_tells_its_owner_once_over_a_kill(tmp_path: Path) -> None:
    async for stage in open_owned(tmp_path):
        owner, bot = stage.owner, stage.bot
        await (await stage.user("Anna")).say("a fox [[sim:402]]")
        await owner.wait(lambda m: "credit" in m.text)
        # A kill between the saying and its note would say it twice: better than never.
        async with bot.redis() as redis:
            untold = functools.partial(redis.exists, f"{ALARM}{owner.id}")
            await eventually(untold, lambda found: not found)
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
        await owner.wait(lambda m: "Job 99" in m.text)

        said = await owner.said(rests=False)
        credit, death = [text for text in said if text[0] in "🔴🟡"]
        assert credit.startswith("🔴 simulated says that its credit is used up.")
        assert death.startswith("🟡 Job 99 at ")
