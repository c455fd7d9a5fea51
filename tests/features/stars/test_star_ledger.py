"""Stars in Redis: paid once, held, spent or given back once, whatever is repeated."""

import asyncio
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest

from imgbot.domain.errors import TelegramRefusedError, TransientError, UserError
from imgbot.domain.job import Job, State, with_changes
from imgbot.domain.operations import OFFERED, Operation
from imgbot.features.stars.ledger import STARS, StarLedger, StarPayment, star_holds
from imgbot.features.stars.paying import StarTerms, failure_note
from imgbot.features.stars.payments import StarTransfer
from imgbot.features.stars.reconciler import StarReconciler
from imgbot.features.stars.settings import StarPrices
from imgbot.jobs.submit import _held_for_order
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.dead_letters import DeadLetters, ProblemJob
from imgbot.storage.job_queue import Admission, JobQueue
from imgbot.storage.persistence import Persistence
from tests.fixtures.redis_servers import filled
from tests.integration.test_spend import NOW, PRICE, TODAY, TOMORROW, ended, job, open_queue

USER = 1
PAID = StarPayment("charge", 250, 300, NOW)
WITHOUT_PICTURE = State.FAILED, State.CANCELLED, State.DEAD


async def open_ledger(redis: Client, *payments: StarPayment) -> tuple[JobQueue, StarLedger]:
    queue, ledger = await open_queue(redis), StarLedger(redis)
    for payment in payments:
        await ledger.credit(USER, payment)
    return queue, ledger


async def figures(ledger: StarLedger, day: str = TODAY) -> tuple[int, int, int, int]:
    """Balance, held, spent, and free pictures of the day; what does not add up fails."""
    account = await ledger.account(USER, day)
    assert account.difference == 0
    return account.balance, account.held, account.spent, account.free_used


async def ordered(queue: JobQueue, job_id: str, free: int = 0, **changes: Any) -> Admission:
    one = job(job_id, USER, **changes)
    return await queue.enqueue(one, NOW, star_holds(5, free, one))


async def finished(queue: JobQueue, outcome: State) -> Job:
    claimed = await queue.claim(NOW)
    assert claimed is not None
    return await ended(queue, claimed, outcome, is_billed=False)


@pytest.mark.parametrize(
    ("outcome", "is_billed", "free", "back", "wanted"),
    [
        (State.DELIVERED, True, 0, 0, (295, 0, 5, 0)),
        *((each, True, 0, 0, (295, 0, 5, 0)) for each in WITHOUT_PICTURE),
        *((each, False, 0, 0, (300, 0, 0, 0)) for each in WITHOUT_PICTURE),
        # More was held than the order costs.
        (State.DELIVERED, True, 0, 2, (297, 0, 3, 0)),
        (State.DELIVERED, True, 0, 9, (300, 0, 0, 0)),
        (State.CANCELLED, True, 0, 2, (297, 0, 3, 0)),
        (State.FAILED, False, 0, 2, (300, 0, 0, 0)),
        (State.DELIVERED, True, 1, 2, (300, 0, 0, 1)),
        (State.CANCELLED, True, 1, 0, (300, 0, 0, 1)),
        (State.CANCELLED, False, 1, 0, (300, 0, 0, 0)),
    ],
)
async def test_stars_are_held_and_then_spent_or_given_back_once(
    redis: Client,
    outcome: State,
    free: int,
    back: int,
    wanted: tuple[int, int, int, int],
    *,
    is_billed: bool,
) -> None:
    queue, ledger = await open_ledger(redis, PAID, PAID)
    assert await figures(ledger) == (300, 0, 0, 0)

    assert [(await ordered(queue, "7", free)).verdict for _ in range(2)] == ["ok", "duplicate"]
    assert await figures(ledger) == ((300, 0, 0, 1) if free else (295, 5, 0, 0))
    claimed = await queue.claim(NOW)
    assert claimed is not None
    held = claimed.charge.holds
    held = tuple(e._replace(back=min(back, -e.amount)) if e.spent_in else e for e in held)
    told = {"outcome": outcome, "holds": held, "submit_ms": NOW * is_billed}
    over = await queue.move(claimed, State.DELIVERING, **told)
    # The answer to the first is lost.
    for _ in range(2):
        await queue.finish(over, outcome, NOW)

    assert await figures(ledger) == wanted
    assert await redis.hget(f"{STARS}{USER}", "job:7") is None
    spent = await redis.hgetall(keys.SPEND + TODAY)
    charge = str(PRICE) if is_billed else None
    assert (spent.get("charged"), spent.get(f"user:{USER}")) == (charge, charge)
    assert not spent.keys() & {"reserved", f"reserved:{USER}", f"pictures:{USER}"}
    assert (await ordered(queue, "7")).verdict == "duplicate"


@pytest.mark.parametrize(
    ("price_micro", "is_stand_in", "back"),
    [(0, True, 7), (0, False, 2), (60_000, True, 1), (90_000, False, 0)],
)
def test_a_user_pays_for_what_is_ordered_and_no_more_than_is_held(
    price_micro: int, is_stand_in: bool, back: int
) -> None:
    terms = StarTerms(StarPrices(5, (), 1, per_usd=100), cast("Any", None), lambda _: False)
    context = cast("Any", SimpleNamespace(holds=[terms.holds]))
    held = with_changes(
        job("7", USER), holds=tuple(terms.holds(job("7", USER, price_micro=70_000)))
    )
    holds = _held_for_order(context, held, price_micro, is_stand_in=is_stand_in)
    assert sum(each.back for each in holds) == back


@pytest.mark.parametrize(("operation", "is_free"), [("create", True), ("animate", False)])
def test_free_pictures_are_no_clips(operation: str, *, is_free: bool) -> None:
    terms = StarTerms(StarPrices(5, (), 2, per_usd=100), cast("Any", None), lambda _: False)
    ordered = with_changes(job("7", USER), operation=Operation(operation))
    assert ("free" in {each.name for each in terms.holds(ordered)}) is is_free


async def test_a_dead_job_that_is_delivered_after_all_costs_nothing(redis: Client) -> None:
    queue, ledger = await open_ledger(redis, PAID)
    await ordered(queue, "7")
    await finished(queue, State.DEAD)
    [dead] = await queue.jobs(["7"], keys.DEAD_JOB)
    letters = DeadLetters(redis, queue)

    assert await letters.give_up(ProblemJob(dead, NOW, is_dead=True), NOW) == "ok"
    revived = await queue.job("7")
    assert revived is not None
    await queue.finish(revived, State.DELIVERED, NOW)

    assert await figures(ledger) == (300, 0, 0, 0)


async def test_free_pictures_come_first_and_anew_each_day_and_again_for_a_failure(
    redis: Client,
) -> None:
    queue, ledger = await open_ledger(redis, StarPayment("charge", 12, 12, NOW))

    verdicts = [(await ordered(queue, str(number), free=2)).verdict for number in range(4)]
    assert verdicts == ["ok"] * 4
    assert await ordered(queue, "9", free=2) == Admission("stars", 2)
    assert await figures(ledger) == (2, 10, 0, 2)
    assert await figures(ledger, TOMORROW) == (2, 10, 0, 0)

    await finished(queue, State.FAILED)
    assert await figures(ledger) == (2, 10, 0, 1)
    assert (await ordered(queue, "10", free=2)).verdict == "ok"
    await finished(queue, State.DELIVERED)
    assert (await ordered(queue, "11", free=2, spend_day=TOMORROW)).verdict == "ok"
    # One of yesterday that fails does not make a free one today.
    await finished(queue, State.DELIVERED)
    await finished(queue, State.DELIVERED)
    await finished(queue, State.FAILED)
    assert await figures(ledger, TOMORROW) == (2, 0, 10, 1)


async def test_fifty_orders_at_once_spend_no_star_twice(redis: Client) -> None:
    queue, ledger = await open_ledger(redis, StarPayment("charge", 52, 52, NOW))

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ordered(queue, str(number))) for number in range(50)]

    assert [task.result().verdict for task in tasks].count("ok") == 10
    assert await figures(ledger) == (2, 50, 0, 0)


async def test_without_a_price_the_queue_touches_no_ledger(redis: Client) -> None:
    queue, _ = await open_ledger(redis)
    await queue.enqueue(job("7", USER), NOW, star_holds(0, 1, job("7", USER)))
    await finished(queue, State.DELIVERED)
    assert await redis.keys(f"{STARS}*") == []


@pytest.mark.parametrize("operation", Operation)
async def test_every_operation_that_a_provider_may_make_has_its_price(operation: Operation) -> None:
    price = {Operation.INPAINT: 30_000}.get(operation, 0)
    prices = StarPrices(5, (), per_usd=1000)
    terms = StarTerms(prices, cast("Any", None), lambda user_id: user_id != USER)
    wanted = max(5, price // 1000) if operation in OFFERED else 0
    assert terms.price_of(USER, operation, price) == wanted
    assert terms.price_of(USER + 1, operation, price) == 0


@pytest.mark.parametrize(
    ("reason", "ordered_ms", "told"),
    [
        ("went_wrong", 0, "Your 5 🪙 are back on your balance."),
        ("cancelled", NOW, "It cost you 3 🪙."),
    ],
)
def test_a_failure_tells_what_becomes_of_the_stars(reason: str, ordered_ms: int, told: str) -> None:
    changes = {"outcome": State.FAILED, "reason": reason, "submit_ms": ordered_ms}
    one = job("7", USER)
    held = tuple(each._replace(back=2 * bool(each.spent_in)) for each in star_holds(5, 0, one))
    assert failure_note(with_changes(one, holds=held, **changes)) == told


async def test_payments_that_buy_nothing_and_of_banned_users_are_to_be_refunded(
    redis: Client,
) -> None:
    _, ledger = await open_ledger(redis)
    await redis.sadd(keys.BANNED, str(USER))
    banned = [await ledger.credit(USER, PAID) for _ in range(2)]
    await redis.srem(keys.BANNED, str(USER))
    nothing = await ledger.credit(USER, StarPayment("other", 50, 0, NOW))
    # Its refund was told before the payment.
    early = await ledger.take_back(USER, "third", NOW, is_refunded=True)
    late = await ledger.credit(USER, StarPayment("third", 50, 50, NOW))

    assert (banned, nothing, early, late) == (["refused", "known"], "refused", "ok", "known")
    # The clock may be set back meanwhile.
    assert await ledger.refunds_due(NOW - 50_000_000) == [(USER, "charge"), (USER, "other")]
    assert await figures(ledger) == (0, 0, 0, 0)


async def test_an_external_refund_of_spent_stars_is_a_debt(redis: Client) -> None:
    queue, ledger = await open_ledger(redis, PAID)
    await ordered(queue, "7")
    await finished(queue, State.DELIVERED)

    unused = await ledger.take_back(USER, "charge", NOW, is_unused=True)
    told = [await ledger.take_back(USER, "charge", NOW, is_refunded=True) for _ in range(2)]

    assert (unused, told) == ("used", ["ok", "known"])
    assert await figures(ledger) == (-5, 0, 5, 0)
    assert await ordered(queue, "8") == Admission("stars", -5)
    assert await ledger.refunds_due(NOW) == []
    await ledger.credit(USER, StarPayment("next", 50, 50, NOW))
    assert (await ordered(queue, "8")).verdict == "ok"


def reconciler_of(
    redis: Client, ledger: StarLedger, payments: Any, *, is_on: bool = True
) -> StarReconciler:
    return StarReconciler(
        ledger, payments, Persistence(redis), lambda: NOW, lambda _: TODAY, is_on=is_on
    )


async def test_a_refund_whose_answer_is_lost_is_made_again_and_a_refused_one_later(
    redis: Client,
) -> None:
    paid, other = replace(PAID, is_monthly=True), StarPayment("other", 50, 50, NOW)
    _, ledger = await open_ledger(redis, paid, other)
    payments = AsyncMock(**{"cancel_subscription.side_effect": [TransientError("lost"), True]})
    reconciler = reconciler_of(redis, ledger, payments)
    assert await ledger.take_back(USER, "charge", NOW) == "ok"
    assert await ledger.take_back(USER, "unheard-of", NOW) == "unknown"

    # Telegram's message about a refund ends it: what it may leave undone comes before it.
    await reconciler._refund()
    payments.refund.assert_not_awaited()
    payments.refund.side_effect = TransientError("no answer")
    await reconciler._refund()
    assert await ledger.refunds_due(NOW - 50_000_000) == [(USER, "charge")]
    payments.refund.side_effect = TelegramRefusedError("BALANCE_TOO_LOW")
    await reconciler._refund()
    assert await ledger.refunds_due(NOW) == []
    assert await ledger.refunds_refused(NOW) == [(USER, "charge")]
    assert await ledger.refunds_due(NOW + 3_600_000) == [(USER, "charge")]
    await ledger.postpone_refund(USER, "charge", NOW)
    payments.refund.side_effect = None
    await reconciler._refund()

    assert [call.args for call in payments.refund.call_args_list] == [(USER, "charge")] * 3
    assert payments.cancel_subscription.await_count == 2
    assert {each.end for each in (await ledger.account(USER)).payments} == {"cancelled", ""}
    assert await ledger.refunds_due(NOW + 3_600_000) == []
    assert await figures(ledger) == (50, 0, 0, 0)


async def test_a_full_redis_sells_nothing_and_settles_all(redis: Client) -> None:
    queue, ledger = await open_ledger(redis, PAID)
    await ordered(queue, "7")
    payments = AsyncMock()
    payments.refund.side_effect = [TelegramRefusedError("BALANCE_TOO_LOW"), None]
    reconciler = reconciler_of(redis, ledger, payments)

    async with filled(redis):
        with pytest.raises(UserError, match="storage_full"):
            await ordered(queue, "8")
        assert await ledger.credit(USER, StarPayment("other", 50, 50, NOW)) == "ok"
        assert await ledger.take_back(USER, "charge", NOW) == "ok"
        await ledger.credit(2, StarPayment("nothing", 50, 0, NOW))
        # A refund that is refused, and cannot be put off, delays no other.
        await reconciler._refund()
        await finished(queue, State.FAILED)

    assert await ledger.refunds_due(NOW) == [(USER, "charge")]
    assert await figures(ledger) == (50, 0, 0, 0)


async def test_of_who_has_paid_nothing_only_free_pictures_of_today_are_kept(redis: Client) -> None:
    queue, ledger = await open_ledger(redis)
    await ledger.credit(2, PAID)
    await redis.hset(f"{STARS}2", "free_day", TODAY)
    await ordered(queue, "7", free=1)

    known = [[user async for user, _ in ledger.settle(day)] for day in (TODAY, TOMORROW)]
    kept = [await redis.exists(f"{STARS}{user}") for user in (USER, 2)]

    assert [sorted(users) for users in known] == [[USER, 2], [USER, 2]]
    assert kept == [0, 1]


async def test_the_ledger_learns_from_telegrams_list_and_settles_what_was_left(
    redis: Client, caplog: pytest.LogCaptureFixture
) -> None:
    queue, ledger = await open_ledger(redis, PAID)
    told = [
        StarTransfer(USER, "charge", 250, NOW, "pack.250.300", is_refund=False),
        StarTransfer(USER, "missed", 50, NOW, "pack.50.50", is_refund=False),
        StarTransfer(2, "gone", 50, NOW, "pack.50.50", is_refund=False),
        StarTransfer(2, "gone", 50, NOW, "pack.50.50", is_refund=True),
        StarTransfer(3, "other", 50, NOW, "something", is_refund=False),
        StarTransfer(3, "short", 40, NOW, "pack.50.50", is_refund=False),
    ]
    payments = AsyncMock()
    payments.transfers = partial(_page, told)
    reconciler = reconciler_of(redis, ledger, payments)
    # One that cannot be read ends without its Stars.
    for number, outcome in enumerate(("delivered", "failed")):
        await ordered(queue, str(number))
        await redis.rename(keys.JOB + str(number), f"lost{number}")
        await redis.set(keys.TOMBSTONE + str(number), outcome)
    await ordered(queue, "7")

    # Where nothing is sold any longer, no list is read.
    await reconciler_of(redis, ledger, payments, is_on=False).compare()
    assert await figures(ledger) == (290, 5, 5, 0)
    for _ in range(2):
        await reconciler.compare()
        assert await figures(ledger) == (340, 5, 5, 0)
    assert (await ledger.account(2)).balance == 0
    assert await ledger.refunds_due(NOW) == [(3, "short")]
    assert "payment other of user 3 is for no pack" in caplog.text
    assert await ledger.transfers_read() == 6
    assert "missed of user 1 was missing" in caplog.text

    # Another bot's list is shorter than what was read; a balance was changed by hand.
    await ledger.set_transfers_read(1000)
    await redis.hincrby(f"{STARS}{USER}", "balance", 7)
    await reconciler.compare()
    assert await ledger.transfers_read() == 6
    assert "the Stars of user 1 do not add up: -7 missing" in caplog.text


async def _page(told: list[StarTransfer], offset: int) -> tuple[int, list[StarTransfer]]:
    page = told[offset : offset + 2]
    return len(page), page
