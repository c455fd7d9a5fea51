"""Table of the steps: the function that does the work of each state.

A step returns an outcome (`Advance`, `Snooze`, `Ended`); pauses are the runner's.
"""

from collections.abc import Mapping

from imgbot.domain.errors import ProviderError, UserError, WorkerLostError
from imgbot.domain.job import Job, State, is_billed
from imgbot.jobs.context import Advance, Ended, Outcome, Step, StepContext, conclude
from imgbot.jobs.deliver import deliver, finish, render
from imgbot.jobs.poll import poll
from imgbot.jobs.submit import submit
from imgbot.storage.dead_letters import GIVEN_UP
from imgbot.telemetry import events as telemetry

STEPS: Mapping[State, Step] = {
    State.SUBMITTING: submit,
    State.POLLING: poll,
    State.RENDERING: render,
    State.DELIVERING: deliver,
}

_FREE = {"charge": "no"}


async def take_step(context: StepContext, job: Job) -> Outcome:
    """Do the work of the job's state, or cancel the job if that was asked for."""
    if job.state is not State.DELIVERING:
        if context.routing.is_orphaned(job):
            return await conclude(context, job, State.DEAD, "provider_gone")
        if job.is_cancelled:
            return await _cancel(context, job)
    return await STEPS[job.state](context, job)


async def _cancel(context: StepContext, job: Job) -> Advance:
    if job.state is State.POLLING:
        try:
            await context.routing.provider_of(job).cancel(job.progress.ticket)
        except ProviderError as error:
            telemetry.provider_failed(job, error.kind, str(error))
    # The reason tells whether the user or an admin asked for it.
    stored = await context.job_reads.job(job.id)
    charge = _charge(job)
    if stored is not None and stored.progress.reason == GIVEN_UP:
        return await conclude(context, job, State.FAILED, GIVEN_UP, **(charge or _FREE))
    return await conclude(context, job, State.CANCELLED, "cancelled", **charge)


def _charge(job: Job) -> dict[str, str]:
    """Charge to be told of where an order may have been paid for."""
    return {"charge": "maybe"} if is_billed(job) else {}


async def after_error(context: StepContext, job: Job, error: Exception) -> Outcome:
    """Turn what a step raised into the job's end, which the user reads in a sentence."""
    if job.state is State.DELIVERING and job.progress.outcome is not State.DELIVERED:
        # Not even the sentence can be sent: the job must end all the same.
        telemetry.job_step_failed(job.id, error)
        await finish(context, job, job.progress.outcome or State.FAILED)
        return Ended()
    outcome, reason, facts = _end_of(job, error)
    return await conclude(context, job, outcome, reason, **facts)


def _end_of(job: Job, error: Exception) -> tuple[State, str, Mapping[str, str | int | float]]:
    charge = _charge(job)
    # A redelivered job has no price any longer: its death was charged.
    if job.state is State.RENDERING and is_billed(job):
        telemetry.job_step_failed(job.id, error)
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
    telemetry.job_step_failed(job.id, error)
    # With a submit record, money may be in it: an operator has to look at it.
    return State.DEAD if job.progress.intent_ms else State.FAILED, "went_wrong", charge
