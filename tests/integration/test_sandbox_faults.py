"""Flood limits and scripted faults."""

from typing import Any

import httpx
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


async def test_edits_count_and_answers_do_not(setup: Setup) -> None:
    control, api, anna = setup
    sent = await api.call("sendMessage", chat_id=anna.id, text="hello")
    place: dict[str, Any] = {"chat_id": anna.id, "message_id": sent["message_id"]}
    edits = [(await api.raw("editMessageText", **place, text=f"{i}"))[1] for i in range(22)]

    query_id = await control.press(anna, sent["message_id"], "x")
    await api.call("answerCallbackQuery", callback_query_id=query_id)

    assert edits[-1]["error_code"] == 429


async def test_a_scripted_error_strikes_as_often_as_told(setup: Setup) -> None:
    control, api, anna = setup
    await control.fault("sendMessage", "error", times=2, error_code=502, description="Bad Gateway")

    await api.call("getMe")
    answers = await send_many(api, anna.id, 3)

    assert [answer.get("error_code") for answer in answers] == [502, 502, None]
    assert len(await control.messages(anna.id)) == 2


@pytest.mark.parametrize(("kind", "messages"), [("drop_before", 1), ("drop_after", 2)])
async def test_a_connection_is_cut_before_or_after_the_method_acts(
    setup: Setup, kind: str, messages: int
) -> None:
    control, api, anna = setup
    await control.fault("sendMessage", kind)

    with pytest.raises(httpx.TransportError):
        await api.raw("sendMessage", chat_id=anna.id, text="x")

    assert len(await control.messages(anna.id)) == messages


async def test_faults_can_be_cleared_and_are_checked(setup: Setup) -> None:
    control, api, _ = setup
    await control.fault("getMe", "error", times=5)
    await control.clear_faults()

    await api.call("getMe")
    with pytest.raises(AssertionError, match="kind"):
        await control.fault("getMe", "earthquake")
    with pytest.raises(AssertionError, match="delay"):
        await control.fault("getMe", "delay", delay=3)
