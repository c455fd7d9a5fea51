"""Limits: of Telegram per chat and per poller, of a user's requests; and what is counted once."""

import asyncio
import time
from itertools import accumulate
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest
from aiogram.exceptions import TelegramBadRequest, TelegramConflictError, TelegramRetryAfter
from aiogram.methods import (
    AnswerInlineQuery,
    EditMessageText,
    GetUpdates,
    RefundStarPayment,
    SendMessage,
    SendPhoto,
)
from hypothesis import given, strategies as st

from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import Dialogue
from imgbot.bot.messages import BotIdentity
from imgbot.bot.policy import AccessPolicy
from imgbot.bot.requests import Requests
from imgbot.domain.errors import TelegramRefusedError
from imgbot.domain.texts import t
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.job_queue import JobQueue, QueueLimits
from imgbot.storage.rate_limit import RateLimit
from imgbot.storage.results import ResultStore
from imgbot.storage.spend import Spend
from imgbot.storage.update_ledger import UpdateLedger
from imgbot.storage.users import UserStore
from imgbot.telegram import update_dispatcher
from imgbot.telegram.messenger import ChatTarget, Messenger
from imgbot.telegram.polling_health import PollingHealth, UpdateConflict
from imgbot.telegram.rate_limiter import Bucket, FloodGate, OptionalCall, is_worth_it, max_wait
from tests.simulation.loop import Loop

NOW = 1_800_000_000_000


@given(
    st.lists(st.floats(0, 9), min_size=1, max_size=50),
    st.sampled_from([(1.0, 5), (0.3, 18), (27.0, 3)]),
    st.floats(0, 300),
)
def test_no_stretch_of_time_has_more_calls_than_its_limit(
    gaps_s: list[float], limit: tuple[float, int], closed_s: float
) -> None:
    per_s, burst = limit
    bucket, calls = Bucket(per_s, burst), list[float]()
    bucket.close(closed_s)
    for asked_s in accumulate(gaps_s):
        at_s = max([asked_s, *calls])
        calls.append(at_s + bucket.wait_s(at_s))
        bucket.take(calls[-1])

    assert calls[0] == pytest.approx(max(gaps_s[0], closed_s))
    for first, begin_s in enumerate(calls):
        for count, end_s in enumerate(calls[first:], 1):
            assert count <= burst + per_s * (end_s - begin_s) + 1e-6
    # None waits longer than it must.
    assert len(calls) > burst or calls[-1] == pytest.approx(max(sum(gaps_s), closed_s))


async def test_calls_that_wait_are_not_made_after_a_429() -> None:
    gate, sent = FloodGate(), list[str]()

    async def request(bot: Any, method: Any) -> Any:
        sent.append(method.text)
        await asyncio.sleep(0)  # until all of them are made, or wait
        if method.text == "2":
            raise TelegramRetryAfter(method, "Too Many Requests", 30)

    async def call(number: int) -> float:
        try:
            await gate(request, cast("Any", None), SendMessage(chat_id=1, text=str(number)))
        except TelegramRetryAfter as error:
            return error.retry_after
        return 0

    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(call(number)) for number in range(5)]

    assert sent == list("012")
    assert [call.result() > 0 for call in calls] == [False, False, True, True, True]


async def test_a_limited_chat_is_remembered_however_many_others_are_called() -> None:
    gate, method = FloodGate(), SendMessage(chat_id=1, text="a fox")
    request = AsyncMock(side_effect=TelegramRetryAfter(method, "Too Many Requests", 300))

    with pytest.raises(TelegramRetryAfter), max_wait(5.0):
        await gate(request, cast("Any", None), method)
    for chat in range(2, 10_000):
        gate.has_room(OptionalCall.BROADCAST, chat, 0.0)
    with pytest.raises(TelegramRetryAfter), max_wait(5.0):
        await gate(request, cast("Any", None), method)

    assert request.await_count == 1


async def test_inline_queries_of_many_users_do_not_wait_for_each_other() -> None:
    gate, request = FloodGate(), AsyncMock()

    with max_wait(1.0):
        for number in range(20):
            answer = AnswerInlineQuery(inline_query_id=str(number), results=[])
            await gate(request, cast("Any", None), answer)

    assert request.await_count == 20


async def test_a_limit_in_a_chat_of_others_holds_up_nothing_else() -> None:
    gate, sent = FloodGate(), list[str]()
    limited, other = (EditMessageText(text="a", inline_message_id=each) for each in ("a", "b"))
    refund = RefundStarPayment(user_id=1, telegram_payment_charge_id="c")

    async def request(bot: Any, method: Any) -> Any:
        sent.append(method.__api_method__)
        if method is limited:
            raise TelegramRetryAfter(method, "Too Many Requests", 300)

    with max_wait(1.0):
        for method in (limited, limited):
            with pytest.raises(TelegramRetryAfter):
                await gate(request, cast("Any", None), method)
        for method in (other, refund):
            await gate(request, cast("Any", None), method)

    assert sent == ["editMessageText", "editMessageText", "refundStarPayment"]


def test_results_go_first_and_nothing_optional_while_calls_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate, sent, rooms = FloodGate(), list[str](), list[bool]()

    async def request(bot: Any, method: Any) -> Any:
        sent.append(method.__api_method__)
        rooms.append(gate.has_room(OptionalCall.READY, 99, 0.0))

    async def call(method: Any) -> None:
        await gate(request, cast("Any", None), method)

    async def call_all() -> None:
        messages = [SendMessage(chat_id=chat, text="a fox") for chat in range(1, 8)]
        async with asyncio.TaskGroup() as group:
            for method in (*messages, SendPhoto(chat_id=8, photo="id")):
                group.create_task(call(method))

    # A machine that halts for a moment gives several turns at once: the clock is that of the loop.
    loop = Loop()
    monkeypatch.setattr(time, "monotonic", loop.time)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(call_all())

    assert sent == [*["sendMessage"] * 3, "sendPhoto", *["sendMessage"] * 4]
    assert rooms == [True] * 3 + [False] * 4 + [True]


@pytest.mark.parametrize(
    ("call", "fill", "age_s", "expected"),
    [
        (OptionalCall.READY, 0.05, 20, True),
        (OptionalCall.READY, 0.15, 20, False),
        (OptionalCall.READY, 0.15, 120, True),
        (OptionalCall.PLACE, 0.15, 3, True),
        (OptionalCall.PLACE, 0.7, 30, False),
        (OptionalCall.PLACE, 0.7, 300, True),
        (OptionalCall.PLACE, 0.8, 3600, False),
        (OptionalCall.PROGRESS, 0.15, 2, False),
    ],
)
def test_optional_calls_are_made_by_room_and_age(
    call: OptionalCall, fill: float, age_s: float, *, expected: bool
) -> None:
    assert is_worth_it(call, fill, age_s) is expected


async def test_an_edit_that_changes_nothing_has_succeeded() -> None:
    unmodified = TelegramBadRequest(GetUpdates(), "Bad Request: message is not modified: …")
    bot: Any = Mock(edit_message_text=AsyncMock(side_effect=unmodified))

    await Messenger(bot).edit_text(ChatTarget(1), 2, "a fox", [])

    bot.edit_message_text.side_effect = TelegramBadRequest(GetUpdates(), "Bad Request: odd")
    with pytest.raises(TelegramRefusedError):
        await Messenger(bot).edit_text(ChatTarget(1), 2, "a fox", [])


def test_another_poller_is_reported_after_three_conflicts() -> None:
    health, rivals = PollingHealth(), list[UpdateConflict | None]()
    for _ in range(3):
        error = TelegramConflictError(GetUpdates(), "terminated by other getUpdates request")
        health.delay_after(error, 1.0)
        rivals.append(health.rival)

    assert rivals == [None, None, UpdateConflict.POLLER]


async def test_variants_end_at_the_users_limit(redis: Client) -> None:
    queue, send_text = JobQueue(redis, QueueLimits()), AsyncMock()
    await queue.open_epoch()
    users = UserStore(redis)
    requests = Requests(
        queue,
        users,
        ResultStore(redis),
        RateLimit(redis, max_requests=1),
        Spend(redis, queue.caps, 0),
        AccessPolicy(frozenset(), frozenset(), False, False, lambda *_: 0),
    )
    context = RequestContext(update_id=7, user_id=1, chat_id=1, language="en")
    messenger, identity = Mock(send_text=send_text), BotIdentity(1, "bot")
    dialogue = Dialogue(context, Mock(), messenger, users, identity, lambda: NOW)

    await requests.create(dialogue, "a fox --n 4")

    assert [job.id for job in await queue.jobs_of(1)] == ["7", "7-2"]
    assert send_text.await_args_list[0].args[1] == t("en", "variants_fewer", taken=2, count=4)


async def test_handled_updates_share_keys(redis: Client) -> None:
    ledger, own = UpdateLedger(redis), range(900_000_250, 900_000_750)
    for update_id in own:
        await ledger.mark_handled(update_id, "1")

    assert len(await redis.keys(f"{keys.HANDLED}*")) == 2
    assert all([await ledger.is_handled(update_id) for update_id in own])
    assert not any([await ledger.is_handled(one) for one in (own[0] - 1, own[-1] + 1)])


async def test_a_choice_outlasts_the_wait_of_its_update(redis: Client) -> None:
    await UserStore(redis).once("cancel.7", "5")

    assert await redis.ttl(f"{keys.ONCE}cancel.7") > update_dispatcher._FLOOD_GIVE_UP_S
