"""Alerts in the administrators' chats: in words, once per incident and its end, over restarts."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from imgbot.domain.errors import ProviderErrorKind
from imgbot.features.alerts.store import INCIDENTS
from imgbot.storage.client import Client
from imgbot.telemetry.health import BudgetState, ProviderState
from imgbot.telemetry.thresholds import Indicator
from tests.features.alerts.stage import AlertStage, level_of, open_alert_stage


@pytest.fixture
async def alerts(redis: Client) -> AsyncIterator[AlertStage]:
    async with open_alert_stage(redis) as alerts:
        yield alerts


async def test_a_figure_that_stays_bad_fires_once_and_resolves_once(alerts: AlertStage) -> None:
    await alerts.look(**level_of(Indicator.QUEUE_JOBS, 140))
    at_first = await alerts.told()
    for _ in range(4):
        await alerts.look(30)
    told = await alerts.told()
    for _ in range(6):
        await alerts.look(30, **level_of(Indicator.QUEUE_JOBS, 3))

    assert at_first == []
    assert [text[:2] for text in told] == ["🔴 "]
    assert (await alerts.told())[1:] == ["🟢 The queue is back to normal: 3 waiting."]
    assert len(await alerts.told(alerts.ivan)) == 2


async def test_a_restart_neither_repeats_nor_forgets(alerts: AlertStage) -> None:
    out = {"painter": ProviderState(ProviderErrorKind.NO_CREDIT)}
    await alerts.look(providers=out)
    alerts.restart()
    # Whether it serves by now nobody has seen yet.
    for _ in range(20):
        await alerts.look(60, providers={"painter": ProviderState(is_proven=False)})
    in_between = await alerts.told()
    alerts.restart()
    for _ in range(10):
        await alerts.look(60, providers={"painter": ProviderState()})

    assert len(in_between) == 1
    assert in_between[0].startswith("🟡 painter says that its credit is used up.")
    assert (await alerts.told())[1:] == ["🟢 painter is accepting requests again."]
    assert await alerts.redis.hgetall(INCIDENTS) == {}


async def test_a_provider_that_comes_and_goes_is_one_incident(alerts: AlertStage) -> None:
    for _ in range(30):
        await alerts.look(60, providers={"painter": ProviderState(ProviderErrorKind.UNAVAILABLE)})
        await alerts.look(60, providers={"painter": ProviderState()})

    [told] = await alerts.told()
    assert "IMGBOT_PROVIDER_FALLBACK" in told


async def test_a_provider_that_is_not_set_up_any_longer_is_forgotten(alerts: AlertStage) -> None:
    await alerts.look(providers={"painter": ProviderState(ProviderErrorKind.AUTH)})
    alerts.restart()
    await alerts.look(60, providers={"builtin": ProviderState(is_proven=False)})

    assert len(await alerts.told()) == 1
    assert await alerts.redis.hgetall(INCIDENTS) == {}


async def test_the_days_money_is_told_once_and_the_new_day_too(alerts: AlertStage) -> None:
    money = BudgetState(970_000, 1_000_000, 40_000, 7200)
    await alerts.look(budget=replace(money, spent_micro=960_000))
    # Reserved for a moment, and free again.
    await alerts.look(30, budget=money)
    await alerts.look(30, budget=replace(money, spent_micro=930_000))
    before = await alerts.told()
    for _ in range(5):
        # A picture that is called off frees a bit of it, and the next one takes it.
        await alerts.look(60, budget=money)
        await alerts.look(60, budget=money)
        await alerts.look(60, budget=replace(money, spent_micro=930_000))
    used_up = await alerts.told()
    for _ in range(10):
        await alerts.look(60, budget=replace(money, spent_micro=0))

    assert before == []
    assert len(used_up) == 1
    assert used_up[0].startswith(
        "🟡 Today's budget is used up: $0.97 of $1.00 is spent or reserved."
    )
    assert "until it renews in 2 hours.\nThe budget is set by IMGBOT_DAILY_BUDGET." in used_up[0]
    assert (await alerts.told())[1:] == [
        "🟢 Paid pictures are available again: $0.00 of $1.00 is spent or reserved."
    ]


async def test_deaths_are_told_once_and_again_after_a_quiet_hour(alerts: AlertStage) -> None:
    def death(number: int) -> dict[str, Any]:
        return {"dead_job": str(number), "dead_ms": alerts.facts.now_ms, "dead": number + 1}

    for number in range(5):
        await alerts.look(600, dead_provider="painter", **death(number))
    first = await alerts.told()
    await alerts.look(3600)
    quiet = await alerts.told()
    await alerts.look(60, **death(9))

    assert len(first) == 1
    assert first[0].startswith("🟡 Job 0 at painter ended without a picture")
    assert quiet[1:] == ["🟢 No new jobs with an unknown outcome. Still listed in /stuck: 5"]
    assert (await alerts.told())[2].startswith("🟡 Job 9 at painter")
