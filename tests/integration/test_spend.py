"""Money in Redis: reserved, charged or released, once."""

import asyncio
from typing import Any

import pytest

from imgbot.domain.holds import AT_END, Hold
from imgbot.domain.job import FREE_END, Job, State, with_changes
from imgbot.domain.operations import Operation
from imgbot.storage import keys
from imgbot.storage.client import Client, Value
from imgbot.storage.dead_letters import DeadLetters, ProblemJob
from imgbot.storage.job_queue import Admission, JobQueue, QueueLimits
from imgbot.storage.spend import Day, Spend
from tests.fixtures.jobs import job_of

NOW = 1_800_000_000_000
TODAY, TOMORROW = "2027-01-15", "2027-01-16"
PRICE = 40_000


def job(job_id: str, user_id: int = 1, **changes: Any) -> Job:
    told: dict[str, Any] = {"price_micro": PRICE, "spend_day": TODAY, **changes}
    return job_of(job_id, user_id, user_id, Operation.CREATE, "en", prompt="a fox", **told)


async def open_queue(
    redis: Client, daily: int | None = None, per_user: int | None = None
) -> JobQueue:
    caps = QueueLimits(500, 100, 100, daily_micro=daily, daily_micro_per_user=per_user)
    queue = JobQueue(redis, caps)
    await queue.open_epoch()
    return queue


async def day(redis: Client, now_ms: int = NOW) -> Day:
    return (await Spend(redis, QueueLimits(), 0).week(now_ms))[0]


async def submitted(queue: JobQueue, job_id: str = "1", **changes: Any) -> Job:
    """Admit a job and take it as far as a provider's ticket."""
    await queue.enqueue(job(job_id, **changes), NOW)
    claimed = await queue.claim(NOW)
    assert claimed is not None
    one = await queue.move(claimed, State.SUBMITTING, submit_ms=NOW, provider="painter")
    return await queue.move(one, State.POLLING, ticket={"id": "t"})


async def ended(queue: JobQueue, one: Job, outcome: State, *, is_billed: bool) -> Job:
    told = {"outcome": outcome, "submit_ms": NOW * is_billed}
    one = await queue.move(one, State.DELIVERING, **told)
    await queue.finish(one, outcome, NOW)
    return one


async def test_fifty_at_once_before_a_ceiling_for_ten(redis: Client) -> None:
    queue = await open_queue(redis, daily=10 * PRICE + PRICE - 1)

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(queue.enqueue(job(str(number), number), NOW)) for number in range(50)
        ]
    verdicts = sorted(task.result().verdict for task in tasks)

    assert verdicts == ["budget"] * 40 + ["ok"] * 10
    assert (await day(redis)).total == 10 * PRICE
    assert await redis.llen(keys.QUEUE) == 10
    assert len(await redis.keys(f"{keys.JOB}*")) == 10


async def test_a_users_own_ceiling_is_theirs_alone(redis: Client) -> None:
    queue = await open_queue(redis, daily=100 * PRICE, per_user=2 * PRICE)

    verdicts = [
        (await queue.enqueue(job(str(number), user_id), NOW)).verdict
        for number, user_id in enumerate([1, 1, 1, 2])
    ]
    spend = Spend(redis, queue.caps, 0)

    assert verdicts == ["ok", "ok", "user_budget", "ok"]
    assert await spend.left_of_user(1, NOW) == 0
    assert await spend.left_of_user(2, NOW) == PRICE
    assert await spend.left_of_user(3, NOW) == 2 * PRICE
    assert await spend.spent_today(NOW) == 3 * PRICE
    assert 0 < await redis.ttl(keys.SPEND + TODAY) <= 40 * 86_400


async def test_what_is_free_is_ordered_though_more_than_the_budget_is_spent(redis: Client) -> None:
    await (await open_queue(redis)).enqueue(job("1"), NOW)
    lowered = await open_queue(redis, daily=PRICE - 1, per_user=PRICE - 1)

    free = await lowered.enqueue(job("2", price_micro=0), NOW)
    paid = await lowered.enqueue(job("3"), NOW)

    assert [free.verdict, paid.verdict] == ["ok", "budget"]


async def test_at_midnight_it_begins_anew_and_an_old_job_ends_on_its_own_day(redis: Client) -> None:
    queue = await open_queue(redis, daily=PRICE)
    one = await submitted(queue, "1")
    before = await queue.enqueue(job("2"), NOW)

    after = await queue.enqueue(job("2", spend_day=TOMORROW), NOW)
    await ended(queue, one, State.DELIVERED, is_billed=True)
    tomorrow, today = (await Spend(redis, QueueLimits(), 86_400).week(NOW))[:2]

    assert [before.verdict, after.verdict] == ["budget", "ok"]
    assert (today.name, today.charged, today.reserved) == (TODAY, PRICE, 0)
    assert (tomorrow.name, tomorrow.charged, tomorrow.reserved) == (TOMORROW, 0, PRICE)


async def test_a_lost_reservation_heals_and_a_right_one_stays(redis: Client) -> None:
    queue = await open_queue(redis)
    await ended(queue, await submitted(queue, "1"), State.DELIVERED, is_billed=True)
    running = await submitted(queue, "2")
    await queue.enqueue(job("3", user_id=2), NOW)
    await queue.enqueue(job("4", user_id=2, spend_day=TOMORROW), NOW)
    right = await day(redis)
    # A job of each that was lost without its end, and a day without any.
    await queue.enqueue(job("5"), NOW)
    await queue.enqueue(job("6", user_id=3), NOW)
    await redis.delete(keys.JOB + "5", keys.JOB + "6", keys.SPEND + TOMORROW)
    leaking = await day(redis)

    mended = await queue.fsck(NOW, [TODAY])
    healed = await day(redis)
    again = await queue.fsck(NOW, [TODAY])
    await ended(queue, running, State.DELIVERED, is_billed=True)

    assert leaking.reserved == 4 * PRICE
    assert (mended, again) == ((2, 0, 2, mended.slots), (0, 0, 0, []))
    assert (healed.reserved, healed.charged) == (right.reserved, right.charged)
    assert {user: micro for user, micro in healed.users.items() if micro} == right.users
    assert (await day(redis, NOW + 86_400_000)).users == {2: PRICE}
    assert 0 < await redis.ttl(keys.SPEND + TOMORROW) <= 40 * 86_400
    assert (await day(redis)).total == right.total


async def test_a_job_admitted_while_the_books_are_read_keeps_its_reservation(
    redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = await open_queue(redis)
    await queue.enqueue(job("1"), NOW)
    call = redis.call

    async def late_call(name: str, **values: Value) -> list[object]:
        if name == "fsck":
            monkeypatch.setattr(redis, "call", call)
            await queue.enqueue(job("2"), NOW)
        return await call(name, **values)

    monkeypatch.setattr(redis, "call", late_call)
    mended = await queue.fsck(NOW, [TODAY])

    assert mended == (0, 0, 0, [])
    assert (await day(redis)).reserved == 2 * PRICE


async def test_a_dead_job_that_was_billed_counts_once_and_for_good(redis: Client) -> None:
    queue = JobQueue(redis, QueueLimits(daily_pictures_per_user=9))
    await queue.open_epoch()
    await ended(queue, await submitted(queue), State.DEAD, is_billed=True)
    [dead] = await queue.jobs(["1"], keys.DEAD_JOB)
    before = await redis.hgetall(keys.SPEND + TODAY)

    letters = DeadLetters(redis, queue)
    assert await letters.give_up(ProblemJob(dead, NOW, is_dead=True), NOW) == "ok"
    [revived] = await queue.jobs(["1"])
    await queue.finish(revived, State.FAILED, NOW)

    assert (before["charged"], before["pictures:1"]) == (str(PRICE), "1")
    assert await redis.hgetall(keys.SPEND + TODAY) == before


async def test_a_new_limit_is_a_row(redis: Client) -> None:
    queue = await open_queue(redis)
    row = Hold("songs", keys.SPEND + TODAY, "songs:1", 2, AT_END, limit=3)

    verdicts = [
        await queue.enqueue(job("1"), NOW, [row]),
        await queue.enqueue(job("2"), NOW, [row]),
    ]
    claimed = await queue.claim(NOW)
    assert claimed is not None
    await ended(queue, claimed, State.FAILED, is_billed=False)
    given_back = await redis.hget(keys.SPEND + TODAY, "songs:1")
    again = await queue.enqueue(job("3"), NOW, [row])

    assert (verdicts, given_back, again.verdict) == (
        [Admission("ok", 1), Admission("songs", 2)],
        None,
        "ok",
    )


async def test_a_quota_of_pictures_counts_what_was_made(redis: Client) -> None:
    caps = QueueLimits(daily_pictures_per_user=2, daily_pictures_per_group=3)
    queue = JobQueue(redis, caps)
    await queue.open_epoch()

    async def order(number: int, user_id: int, chat_id: int, **changes: Any) -> str:
        one = with_changes(job(str(number), user_id), chat_id=chat_id, price_micro=0, **changes)
        return (await queue.enqueue(one, NOW)).verdict

    own = [await order(number, 1, 1) for number in range(3)]
    for state in (State.FAILED, State.DELIVERED):
        claimed = await queue.claim(NOW)
        assert claimed is not None
        begun = await queue.move(claimed, State.SUBMITTING, submit_ms=NOW)
        await ended(queue, begun, state, is_billed=False)
    again = [await order(number, 1, 1) for number in (10, 11)]
    in_group = [await order(20 + user_id, user_id, -5) for user_id in (2, 3, 4, 5)]
    # One of three that are ordered together is not ordered without the others.
    first = await queue.enqueue(with_changes(job("29", 6), price_micro=0), NOW, together=3)
    # A comparison is no further picture: it takes none, and gives none back.
    compared = await order(30, 1, 1, operation=Operation.COMPARE)
    assert await queue.cancel("30", 1, NOW) == "ok"
    await queue.finish((await queue.jobs(["30"]))[0], State.CANCELLED, NOW)
    left = await Spend(redis, caps, 0).pictures_left(1, NOW)

    assert own == ["ok", "ok", "user_pictures"]
    assert again == ["ok", "user_pictures"]
    assert in_group == ["ok", "ok", "ok", "group_pictures"]
    assert (compared, left, first.verdict) == ("ok", 0, "user_pictures")


async def test_what_is_made_once_more_free_is_within_no_limit_of_its_user(redis: Client) -> None:
    caps = QueueLimits(daily_micro=9 * PRICE, daily_micro_per_user=PRICE, daily_pictures_per_user=1)
    queue, verdicts = await open_queue(redis), list[str]()
    queue.caps = caps
    for each in ("1", f"1{FREE_END}", "2"):
        ordered = with_changes(job(each), price_micro=PRICE)
        verdicts.append((await queue.enqueue(ordered, NOW)).verdict)

    assert verdicts == ["ok", "ok", "user_budget"]
