"""Job steps alone: the end after a failure, and the checks around orders, polls and webhooks."""

import asyncio
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest

from imgbot.domain.errors import UserError, WorkerLostError
from imgbot.domain.job import Job, State, with_changes
from imgbot.domain.operations import Operation
from imgbot.domain.texts import has_text
from imgbot.jobs import inputs
from imgbot.jobs.context import Advance, Snooze, StepContext
from imgbot.jobs.poll import poll
from imgbot.jobs.provider_routing import Choice, ProviderSlots
from imgbot.jobs.runner import after_error
from imgbot.jobs.submit import submit
from imgbot.jobs.webhooks import Webhooks
from imgbot.providers.protocol import Pending
from tests.fixtures.jobs import job_of


def _job(state: State, **fields: Any) -> Job:
    return job_of("1", 1, 1, Operation.EDIT, "en", state=state, **fields)


NEW = _job(State.SUBMITTING)
PAID = _job(State.RENDERING, intent_ms=1)
MADE = _job(State.DELIVERING, intent_ms=1, outcome=State.DELIVERED)


def _context(**parts: Any) -> StepContext:
    async def move(job: Job, state: State, _due_ms: int, **changes: Any) -> Job:
        return with_changes(job, state=state, **changes)

    queue = SimpleNamespace(move=move)
    context = Mock(queue=queue, now_ms=lambda: 0, folder=Path(), draining=asyncio.Event())
    context.configure_mock(**parts)
    return cast("StepContext", context)


@pytest.mark.parametrize(
    ("job", "error", "end"),
    [
        (NEW, WorkerLostError("edit", "killed"), (State.FAILED, "worker_killed", "no")),
        (NEW, WorkerLostError("edit", "hung"), (State.FAILED, "worker_lost", "no")),
        (NEW, MemoryError(), (State.FAILED, "picture_too_much_memory", None)),
        (NEW, UserError("picture_truncated"), (State.FAILED, "picture_truncated", None)),
        (PAID, WorkerLostError("prepare", "hung"), (State.DEAD, "result_unusable", "maybe")),
        (MADE, UserError("result_refused"), (State.DEAD, "result_refused", "maybe")),
        (PAID, MemoryError(), (State.DEAD, "result_unusable", "maybe")),
        (PAID, UserError("result_not_a_picture"), (State.DEAD, "result_unusable", "maybe")),
    ],
)
async def test_a_failed_step_ends_a_job_with_its_true_reason(
    job: Job, error: Exception, end: tuple[State, str, str | None]
) -> None:
    ended = await after_error(_context(), job, error)

    assert isinstance(ended, Advance)
    progress = ended.job.progress
    assert (progress.outcome, progress.reason, progress.facts.get("charge")) == end
    assert has_text(progress.reason)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A provider that takes one task at a time."""
    monkeypatch.setattr(inputs, "build_request", AsyncMock())
    provider = Mock(max_concurrent=1, submit=AsyncMock(), upload=AsyncMock(), throttle=AsyncMock())
    provider.poll = AsyncMock(return_value=Pending())
    provider.name = "one at a time"
    return provider


def _routing(provider: Any) -> Mock:
    return Mock(
        choose=Mock(return_value=Choice(provider)),
        provider_of=Mock(return_value=provider),
        asking=Mock(return_value=nullcontext()),
    )


async def test_a_job_waits_for_a_slot_of_its_provider(provider: Any) -> None:
    slots = ProviderSlots()
    slots.adopt("another", provider.name)

    outcome = await submit(_context(routing=_routing(provider), slots=slots), NEW)

    assert isinstance(outcome, Snooze)
    assert outcome.until is slots.freed
    provider.submit.assert_not_awaited()
    slots.release("another")
    assert slots.freed.is_set()
    assert slots.acquire("1", provider)


async def test_no_order_is_made_once_the_bot_drains(provider: Any) -> None:
    context = _context(routing=_routing(provider), slots=ProviderSlots())
    context.draining.set()

    outcome = await submit(context, NEW)

    assert outcome == Advance(NEW)
    provider.submit.assert_not_awaited()


async def test_a_task_that_never_ends_is_a_dead_letter(provider: Any) -> None:
    scheduler = Mock(is_exhausted=Mock(return_value=True), is_slow=Mock(return_value=False))
    scheduler.next_slot_s.return_value = 0.0
    context = _context(
        routing=_routing(provider), poll_scheduler=scheduler, status_messages=AsyncMock()
    )

    outcome = await poll(context, _job(State.POLLING, intent_ms=1, ticket={"id": "t"}))

    assert isinstance(outcome, Advance)
    progress = outcome.job.progress
    assert (progress.outcome, progress.reason) == (State.DEAD, "exhausted")


@pytest.mark.parametrize(
    ("ticket", "told", "is_right", "kept"),
    [
        ({}, {"id": "t"}, True, {"id": "t"}),
        ({"id": "t"}, {"id": "t"}, True, {}),
        ({"id": "t"}, {"id": "of another task"}, True, None),
        ({}, None, True, None),
        ({}, {"id": "t"}, False, None),
    ],
    ids=["ticket", "wake-up", "another task", "bad signature", "bad secret"],
)
async def test_a_webhook_is_believed_by_its_secret_signature_and_task(
    ticket: dict[str, str], told: dict[str, str] | None, is_right: bool, kept: dict[str, str] | None
) -> None:
    job, store = _job(State.POLLING, provider="fal", ticket=ticket), AsyncMock()
    hooked = Mock(ticket_of_hook=AsyncMock(return_value=told))
    webhooks = Webhooks(
        "https://bot.example",
        b"key",
        cast("Any", Mock(store_and_wake=store)),
        cast("Any", Mock(job=AsyncMock(return_value=job))),
        Mock(return_value=hooked),
        lambda: 0,
    )
    secret = webhooks.url_for("1").rpartition("/")[2] if is_right else "0" * 32

    is_taken = await webhooks.handle("1", secret, {}, b"{}")

    assert is_taken is (kept is not None)
    assert [call.args for call in store.await_args_list] == ([] if kept is None else [("1", kept)])
