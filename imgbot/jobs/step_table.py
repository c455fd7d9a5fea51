"""Steps of a job: by its state, by the point at which it resumes, and after an error."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from imgbot.domain.errors import (
    FULL,
    ChatGoneError,
    ConfigError,
    FencedError,
    ProviderError,
    StaleJobError,
    TransientError,
    UserError,
    WorkerLostError,
)
from imgbot.domain.job import Changes, Job, State, UnreadableJob, is_billed, is_paid
from imgbot.domain.redrawing import redrawn
from imgbot.domain.texts import t
from imgbot.jobs import deliver, poll, render, submit
from imgbot.jobs.context import Step, StepContext, conclude, move
from imgbot.jobs.outcomes import (
    Advance,
    Ended,
    FailedDelivery,
    FailedFetch,
    FailedPoll,
    LostAnswer,
    OrderSlot,
    OrderTurn,
    Outcome,
    PollTurn,
    RepeatedOrder,
    ResumePoint,
)
from imgbot.jobs.status_messages import CHAT_CLOSED
from imgbot.providers.protocol import Cancelled
from imgbot.storage.dead_letters import GIVEN_UP
from imgbot.storage.job_queue import CANCELLED, CANCELLED_LATE
from imgbot.telemetry import events

P = TypeVar("P", bound=ResumePoint)
_Row = tuple[type[ResumePoint], Callable[[StepContext, Job, Any], Awaitable[Outcome]]]

STEPS: Mapping[State, Step] = {
    State.SUBMITTING: submit.submit,
    State.POLLING: poll.poll,
    State.RENDERING: render.render,
    State.DELIVERING: deliver.deliver,
}


def _row(point: type[P], step: Callable[[StepContext, Job, P], Awaitable[Outcome]]) -> _Row:
    return point, step


RESUMED = dict(
    [
        _row(OrderSlot, submit.order_in_slot),
        _row(OrderTurn, submit.order_in_turn),
        _row(LostAnswer, submit.look_for_task),
        _row(RepeatedOrder, submit.repeat_order),
        _row(PollTurn, poll.poll_in_turn),
        _row(FailedPoll, poll.poll),
        _row(FailedFetch, render.fetch_again),
        _row(FailedDelivery, deliver.deliver),
    ]
)
"""Rest of a step, by the point at which a job resumes."""

_FREE = {"charge": "no"}


async def take_step(context: StepContext, job: Job, point: ResumePoint | None = None) -> Outcome:
    """Resume a job, by default with the step of its state; what is raised ends it in words.

    Raises TransientError, FencedError, StaleJobError, ConfigError.
    """
    try:
        if point:
            return await RESUMED[type(point)](context, job, point)
        return await _step_of(context, job)(context, job)
    except (TransientError, FencedError, StaleJobError, ConfigError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise TransientError("the disk is full") from error
        # What the step stored before it failed counts: a stale view could not be ended.
        stored = await context.queue.job(job.id)
        return await after_error(context, stored or job, error)


def _step_of(context: StepContext, job: Job) -> Step:
    """Return the step of the job's state, or of its end if it cannot or must not go on."""
    if isinstance(job, UnreadableJob) and job.progress.outcome in {None, State.DELIVERED}:
        events.error("%s: set aside, cannot be read: %s", events.name_of(job), job.fault)
        return partial(conclude, outcome=State.DEAD, reason="unreadable", **_charge(job))
    if job.state is not State.DELIVERING:
        if context.routing.is_orphaned(job):
            return partial(conclude, outcome=State.DEAD, reason="provider_gone")
        if job.is_cancelled:
            return _cancel
    return STEPS[job.state]


async def _cancel(context: StepContext, job: Job) -> Advance:
    """End a cancelled job; one that is paid for goes on, until its provider says how it ended."""
    is_late = job.state is not State.POLLING or await _ask_to_cancel(context, job)
    # The reason tells whether the user or an admin asked for it.
    stored = await context.queue.job(job.id)
    reason = (stored and stored.progress.reason) or CANCELLED
    if reason == CANCELLED and job.progress.ticket and is_paid(job):
        reason = CANCELLED_LATE if is_late else CANCELLED
        changes: Changes = {"is_cancelled": False, "reason": reason, "note": CANCELLED_LATE}
        job = await move(context, job, job.state, **changes)
        if is_late:
            await context.status_messages.update(job, t(job.request.language, reason))
        return Advance(job)
    charge = _charge(job)
    if reason == GIVEN_UP:
        return await conclude(context, job, State.FAILED, GIVEN_UP, **(charge or _FREE))
    return await conclude(context, job, State.CANCELLED, reason, **charge)


async def _ask_to_cancel(context: StepContext, job: Job) -> bool:
    """Ask the provider to cancel a task; True if that is too late, or if it cannot."""
    try:
        answer = await context.routing.provider_of(job).cancel(job.progress.ticket)
    except ProviderError as error:
        events.provider_failed(job, error.kind, str(error))
        return False
    return answer is not Cancelled.ACCEPTED


def _charge(job: Job) -> dict[str, str]:
    """Charge to report where an order may have been paid for."""
    return {"charge": "maybe"} if is_billed(job) else {}


async def after_error(context: StepContext, job: Job, error: Exception) -> Outcome:
    """Turn what a step raised into the job's end, which the user reads in a sentence."""
    if job.state is State.DELIVERING and job.progress.outcome is not State.DELIVERED:
        # Not even the sentence can be sent: the job must end all the same.
        events.step_failed(error, job)
        await deliver.finish(context, job, job.progress.outcome or State.FAILED)
        return Ended()
    if changes := redrawn(job, error):
        context.slots.release(job.id)
        return Advance(await move(context, job, State.SUBMITTING, **changes))
    outcome, reason, facts = _end_of(job, error)
    return await conclude(context, job, outcome, reason, **facts)


def _end_of(job: Job, error: Exception) -> tuple[State, str, Mapping[str, str | int | float]]:
    charge = _charge(job)
    if isinstance(error, ChatGoneError):
        return State.CANCELLED, CHAT_CLOSED, charge
    if job.state is State.RENDERING and is_billed(job):
        events.step_failed(error, job)
        return State.DEAD, "result_unusable", charge
    if isinstance(error, UserError):
        is_made = job.state is State.DELIVERING and is_billed(job)
        return State.DEAD if is_made else State.FAILED, error.reason, {**error.facts, **charge}
    if isinstance(error, MemoryError):
        return State.FAILED, "picture_too_much_memory", charge
    if isinstance(error, WorkerLostError):
        # Only a step that never ends is known to be its picture's doing.
        reason = "worker_lost" if error.reason == "hung" else "worker_killed"
        return State.FAILED, reason, charge or _FREE
    events.step_failed(error, job)
    # With a submit record, money may be in it: an operator has to look at it.
    return State.DEAD if job.progress.submit_ms else State.FAILED, "went_wrong", charge
