"""Runner on a real Redis, with steps of its own: no claimed job is left without a task."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest

from imgbot.aio import cancel_and_wait_current
from imgbot.domain.errors import (
    FloodWaitError,
    StaleJobError,
    StorageUnavailableError,
    TransientError,
)
from imgbot.domain.job import Job, State
from imgbot.domain.operations import Operation
from imgbot.jobs import runner as runner_module, step_table
from imgbot.jobs.context import Step, StepContext, conclude
from imgbot.jobs.outcomes import Ended, FailedDelivery, OrderTurn, Outcome, Snooze, Wake
from imgbot.jobs.runner import Runner
from imgbot.jobs.status_messages import StatusMessages
from imgbot.storage import keys
from imgbot.storage.client import Client
from tests.fixtures.jobs import job_of
from tests.fixtures.waiting import eventually
from tests.integration.test_recovery import NOW, open_queue, tools_of


async def never() -> str:
    """As a wake-up that is lost."""
    await asyncio.Event().wait()
    return ""


async def end(context: StepContext, job: Job) -> Outcome:
    """End the job without a word."""
    ended = await conclude(context, job, State.FAILED, "went_wrong")
    await context.queue.finish(ended.job, State.FAILED, NOW)
    return Ended()


@pytest.fixture
async def context(redis: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StepContext:
    """Dependencies of a runner that looks around often; one job waits."""
    monkeypatch.setattr(runner_module, "_TICK_S", 0.2)
    queue = await open_queue(redis)
    await queue.enqueue(job_of("7", 1, 1, Operation.CREATE, "en"), NOW)
    routes = cast("Any", Mock(services=[], is_orphaned=Mock(return_value=False)))
    context = tools_of(queue, redis, routes, tmp_path, "installation")
    object.__setattr__(context, "status_messages", AsyncMock(nudge=Mock(), discard=Mock()))
    object.__setattr__(context, "pool", Mock(size=1))
    return context


@asynccontextmanager
async def serving(
    context: StepContext,
    monkeypatch: pytest.MonkeyPatch,
    step: Step,
    capacity: int = 10,
    *,
    is_busy: bool = True,
) -> AsyncGenerator[Runner]:
    """Run jobs by this step, while others order all the time."""
    monkeypatch.setattr(step_table, "STEPS", dict.fromkeys(State, step))
    runner = Runner(context, lambda: capacity)

    async def order_for_ever() -> None:
        while True:
            context.queue.wakeup.set()
            await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(runner.run(context.draining, drain_s=0.5, order_s=0))
        others = group.create_task(order_for_ever() if is_busy else never())
        try:
            yield runner
        finally:
            await cancel_and_wait_current(others)
            context.draining.set()
            await task


async def until_ended(redis: Client) -> None:
    await eventually(lambda: redis.exists(f"{keys.JOB}7"), lambda count: not count)


async def test_a_job_whose_claim_was_not_answered_is_run_while_others_order(
    context: StepContext, redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = context.queue
    claim = queue.claim

    async def lose_the_first(now_ms: int, *_: object) -> Job | None:
        monkeypatch.setattr(queue, "claim", claim)
        await claim(now_ms)
        raise StorageUnavailableError("Redis does not answer")

    monkeypatch.setattr(queue, "claim", lose_the_first)
    async with serving(context, monkeypatch, end):
        await until_ended(redis)


async def test_a_step_that_fails_after_a_move_is_taken_again_as_it_is_stored(
    context: StepContext, redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions: list[int] = []

    async def fail_once(context: StepContext, job: Job) -> Outcome:
        versions.append(job.version)
        if len(versions) == 1:
            await context.queue.move(job, State.SUBMITTING, tries=1)
            raise TransientError("no worker starts", 0.01)
        return await end(context, job)

    async with serving(context, monkeypatch, fail_once):
        await until_ended(redis)

    assert versions == [1, 2]


async def test_a_job_whose_task_keeps_failing_is_tried_again_and_reported(
    context: StepContext, redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "backoff_s", Mock(return_value=0.0))
    steps = AsyncMock(side_effect=StaleJobError("7: stale"))

    async with serving(context, monkeypatch, steps) as runner:
        await eventually(AsyncMock(side_effect=lambda: runner.unattended))
        steps.side_effect = end
        await until_ended(redis)
        await eventually(AsyncMock(side_effect=lambda: not runner.unattended))


async def test_a_cancellation_acts_though_its_wake_up_is_lost(
    context: StepContext, redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context.queue, "next_wakeup", never)
    outcomes: list[State | None] = []

    async def wait_for_long(context: StepContext, job: Job) -> Outcome:
        outcomes.append(job.progress.outcome)
        return await end(context, job) if job.progress.outcome else Snooze(job, 3600)

    async with serving(context, monkeypatch, wait_for_long):
        await eventually(AsyncMock(side_effect=lambda: outcomes))
        await context.queue.cancel("7", 1, NOW)
        await until_ended(redis)

    assert outcomes == [None, State.CANCELLED]


async def test_an_order_keeps_its_turn_when_it_is_woken_and_not_when_it_is_cancelled(
    context: StepContext, redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []
    turn = OrderTurn(Mock(), Mock(), {})

    async def upload(context: StepContext, job: Job) -> Outcome:
        taken.append("cancelled" if job.is_cancelled else "upload")
        return (
            await end(context, job) if job.progress.outcome else await take_turn(context, job, turn)
        )

    async def take_turn(_: StepContext, job: Job, turn: OrderTurn) -> Outcome:
        taken.append("turn")
        return Snooze(job, 3600, turn, wake_on=frozenset({Wake.CANCEL}))

    monkeypatch.setitem(step_table.RESUMED, OrderTurn, take_turn)
    async with serving(context, monkeypatch, upload):
        for turns in (1, 2):
            await eventually(AsyncMock(side_effect=partial(taken.count, "turn")), turns.__eq__)
            if turns == 1:
                await context.queue.wake("7")
        await context.queue.cancel("7", 1, NOW)
        await until_ended(redis)

    assert taken == ["upload", "turn", "turn", "cancelled"]


async def test_a_delivery_is_taken_up_again_after_its_pause(
    context: StepContext, redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail_once(context: StepContext, job: Job) -> Outcome:
        if job.state is not State.DELIVERING:
            return await conclude(context, job, State.FAILED, "went_wrong")
        return Snooze(job, 0.01, FailedDelivery(1), wake_on=frozenset())

    async def end_at_last(context: StepContext, job: Job, _: FailedDelivery) -> Outcome:
        return await end(context, job)

    monkeypatch.setitem(step_table.RESUMED, FailedDelivery, end_at_last)
    async with serving(context, monkeypatch, fail_once):
        await until_ended(redis)


async def test_a_job_that_waits_for_an_outage_to_end_goes_on_when_it_has(
    context: StepContext,
    redis: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail_once(context: StepContext, job: Job) -> Outcome:
        if "Telegram is away" in caplog.text:
            return await end(context, job)
        raise TransientError("Telegram is away", 3600)

    async def is_waiting() -> bool:
        return "Telegram is away" in caplog.text

    async with serving(context, monkeypatch, fail_once, is_busy=False) as runner:
        await eventually(is_waiting)
        runner.wake()
        await until_ended(redis)


async def test_an_odd_failure_of_an_optional_edit_ends_no_job(
    context: StepContext, redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "_HINT_AFTER_S", 0.0)
    edit = AsyncMock(side_effect=RuntimeError("the handler is closed"))
    messenger = Mock(send_text=AsyncMock(return_value=5), edit_text=edit, has_room=Mock())
    status = StatusMessages(context.queue, messenger, lambda: NOW, AsyncMock(return_value=0.0))
    object.__setattr__(context, "status_messages", status)
    # It waits at first, which its message tells.
    await status.announce(cast("Job", await context.queue.job("7")))

    async def order(context: StepContext, job: Job) -> Outcome:
        if edit.await_count == 0:
            return Snooze(job, 0.05)
        await status.hint_progress(job, 0.5)
        return await end(context, job)

    async with serving(context, monkeypatch, order):
        await until_ended(redis)

    assert edit.await_count == 2
    assert await redis.hgetall(keys.ENDED) == {"create.failed": "1"}


@pytest.mark.parametrize("is_claimed", [False, True])
async def test_a_job_of_another_release_is_set_aside_and_the_others_are_served(
    context: StepContext, redis: Client, monkeypatch: pytest.MonkeyPatch, *, is_claimed: bool
) -> None:
    await context.queue.enqueue(job_of("8", 2, 2, Operation.CREATE, "en"), NOW)
    if is_claimed:
        await context.queue.claim(NOW)
    await redis.hset(f"{keys.JOB}7", "operation", "sing")

    async def deliver(context: StepContext, job: Job) -> Outcome:
        if job.state is not State.DELIVERING:
            return await conclude(context, job, State.FAILED, "went_wrong")
        await context.queue.finish(job, job.progress.outcome or State.FAILED, NOW)
        return Ended()

    async with serving(context, monkeypatch, deliver):
        await eventually(lambda: redis.keys(f"{keys.JOB}*"), lambda left: not left)

    stored = await redis.hmget(f"{keys.DEAD_JOB}7", ["operation", "reason"])
    assert stored == ["sing", "unreadable"]
    assert await redis.hgetall(keys.ENDED) == {"create.failed": "1", "create.dead": "1"}


@pytest.mark.parametrize(
    ("state", "flood_s"), [(State.SUBMITTING, 0), (State.SUBMITTING, 20), (State.DELIVERING, 3600)]
)
async def test_jobs_that_wait_for_long_leave_room_for_others(
    context: StepContext,
    redis: Client,
    monkeypatch: pytest.MonkeyPatch,
    state: State,
    flood_s: float,
) -> None:
    for number in range(2, 5):
        await context.queue.enqueue(job_of(f"{number}", number, -5, Operation.CREATE, "en"), NOW)
    monkeypatch.setattr(runner_module, "_WAITING_PER_CHAT", 2)
    waiting: set[str] = set()

    async def wait_in_the_group(context: StepContext, job: Job) -> Outcome:
        if job.request.chat_id > 0:
            return await end(context, job)
        if job.state is not state:
            return await conclude(context, job, State.FAILED, "went_wrong")
        waiting.add(job.id)
        if flood_s:
            raise FloodWaitError("Telegram asks to wait", flood_s)
        return Snooze(job, 3600)

    async with serving(context, monkeypatch, wait_in_the_group, capacity=2) as runner:
        await until_ended(redis)
        await eventually(AsyncMock(side_effect=lambda: waiting == {"2", "3"}))
        await context.queue.enqueue(job_of("8", 8, 8, Operation.CREATE, "en"), NOW)
        await eventually(lambda: redis.exists(f"{keys.JOB}8"), lambda count: not count)
        await eventually(AsyncMock(side_effect=lambda: len(runner.jobs) == 2))
        running, capacity = len(runner.jobs), runner.capacity

    assert waiting == {"2", "3"}
    assert (running, capacity) == (2, 4)
    assert await redis.lrange(keys.QUEUE, 0, -1) == ["4"]


@pytest.mark.parametrize("is_busy", [True, False])
async def test_as_many_jobs_wait_for_long_as_there_are_places(
    context: StepContext, redis: Client, monkeypatch: pytest.MonkeyPatch, *, is_busy: bool
) -> None:
    # Without others, only the job that gives way tells that there is room.
    monkeypatch.setattr(runner_module, "_TICK_S", 0.2 if is_busy else 3600.0)
    for number in (8, 9):
        await context.queue.enqueue(
            job_of(f"{number}", number, number, Operation.CREATE, "en"), NOW
        )
    waiting: list[str] = []
    nudge = cast("Mock", context.status_messages.nudge)

    async def wait_for_long(_: StepContext, job: Job) -> Outcome:
        nudge.reset_mock()
        waiting.append(job.id)
        return Snooze(job, 3600)

    async with serving(context, monkeypatch, wait_for_long, capacity=1, is_busy=is_busy):
        both = AsyncMock(side_effect=lambda: len(waiting) == 2)
        await eventually(both)
        # Each round of the claim loop ends with it.
        rounds = 3 if is_busy else 1
        await eventually(AsyncMock(side_effect=lambda: nudge.call_count >= rounds))

    assert waiting == ["7", "8"]
    assert await redis.lrange(keys.QUEUE, 0, -1) == ["9"]
