"""A job's life as a table: which function does the work of which state.

Each step returns the job in its next state. `delivering` returns the very job it was
given when that has ended.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from imgbot.domain.errors import ProviderError, UserError, WorkerLostError
from imgbot.domain.job import Job, State, is_billed
from imgbot.jobs import deliver as showing, poll as asking, submit as ordering
from imgbot.jobs.context import StepContext
from imgbot.storage.dead_letters import GIVEN_UP
from imgbot.telemetry import events as telemetry

Step = Callable[[StepContext, Job, asyncio.Event], Awaitable[Job]]

STEPS: Mapping[State, Step] = {
    State.SUBMITTING: ordering.submit,
    State.POLLING: asking.poll,
    State.RENDERING: showing.render,
    State.DELIVERING: showing.deliver,
}

_FREE = {"charge": "no"}


async def take_step(context: StepContext, job: Job, nudged: asyncio.Event) -> Job:
    """Do what the job's state asks for, or call it off if its person wants that."""
    if job.state is not State.DELIVERING:
        if context.is_orphaned(job):
            return await context.conclude(job, State.DEAD, "provider_gone")
        if job.is_cancelled:
            return await _cancel(context, job)
    return await STEPS[job.state](context, job, nudged)


async def _cancel(context: StepContext, job: Job) -> Job:
    if job.state is State.POLLING:
        try:
            await context.provider_of(job).cancel(job.ticket)
        except ProviderError as error:
            telemetry.provider_failed(job, error.kind, str(error))
    # Who called it off, the person or the operator, is stored with the wish.
    stored = await context.job_reads.job(job.id)
    charge = _charge(job)
    if stored is not None and stored.reason == GIVEN_UP:
        return await context.conclude(job, State.FAILED, GIVEN_UP, **(charge or _FREE))
    return await context.conclude(job, State.CANCELLED, "cancelled", **charge)


def _charge(job: Job) -> dict[str, str]:
    """Return what is to be said of money where an order may have been paid for."""
    return {"charge": "maybe"} if is_billed(job) else {}


async def after_error(context: StepContext, job: Job, error: Exception) -> Job:
    """Turn what a step raised into an end with a sentence."""
    if job.state is State.DELIVERING and job.outcome is not State.DELIVERED:
        # Even the sentence cannot be said: the job must end all the same.
        telemetry.job_step_failed(job.id, error)
        await showing.finish(context, job, job.outcome or State.FAILED)
        return job
    # A redelivered job has no price any longer: its death was charged.
    if job.state is State.RENDERING and is_billed(job):
        telemetry.job_step_failed(job.id, error)
        return await context.conclude(job, State.DEAD, "result_unusable", **_charge(job))
    if isinstance(error, UserError):
        is_made = job.state is State.DELIVERING and is_billed(job)
        outcome = State.DEAD if is_made else State.FAILED
        return await context.conclude(job, outcome, error.reason, **error.facts, **_charge(job))
    if isinstance(error, MemoryError):
        return await context.conclude(job, State.FAILED, "picture_too_much_memory", **_charge(job))
    if isinstance(error, WorkerLostError):
        # Only a step that never ends is known to be its picture's doing.
        reason = "worker_lost" if error.reason == "hung" else "worker_killed"
        return await context.conclude(job, State.FAILED, reason, **(_charge(job) or _FREE))
    telemetry.job_step_failed(job.id, error)
    # With an intent money may be in it: that is one for the operator to look at.
    outcome = State.DEAD if job.intent_ms else State.FAILED
    return await context.conclude(job, outcome, "went_wrong", **_charge(job))
