"""Flood limits."""

from typing import Any

import pytest

from tests.fixtures.bot_api import BotApi, Setup
from tests.fixtures.sandbox import Clock


@pytest.fixture
def clock() -> Clock:
    """The sandbox's clock, which stands still: a slow machine leaves no more room in a limit."""
    return Clock(lambda: 1_800_000_000.0)


BOT_API = {"said": "hello", "flood": True}


async def send_many(api: BotApi, chat_id: int, count: int) -> list[dict[str, Any]]:
    """Answers of messages sent one after the other, accepted or not."""
    return [(await api.raw("sendMessage", chat_id=chat_id, text=f"{i}"))[1] for i in range(count)]


async def test_a_burst_in_a_private_chat_is_held_back(setup: Setup, clock: Clock) -> None:
    _, api, anna = setup

    answers = await send_many(api, anna.id, 22)
    clock.offset_s += 3
    after = await send_many(api, anna.id, 1)

    assert sum(answer["ok"] for answer in answers) == 20
    refused = answers[-1]
    assert refused["error_code"] == 429
    wait_s = refused["parameters"]["retry_after"]
    assert refused["description"] == f"Too Many Requests: retry after {wait_s}"
    assert 1 <= wait_s <= 3
    assert after[0]["ok"]


async def test_a_group_gets_twenty_a_minute(setup: Setup, clock: Clock) -> None:
    control, api, anna = setup
    group = await control.make_group("Friends", [anna])

    answers = await send_many(api, group, 21)
    clock.offset_s += 2
    too_early = await send_many(api, group, 1)
    clock.offset_s += 2
    after = await send_many(api, group, 1)

    assert [answer["ok"] for answer in answers] == [True] * 20 + [False]
    assert answers[-1]["parameters"]["retry_after"] == 3
    assert (too_early[0]["ok"], after[0]["ok"]) == (False, True)
