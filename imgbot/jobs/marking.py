"""Marked photos: of two, one may be the other with an area drawn on it; found out before an order.

The area is a file of the job. Where it is in doubt, the job ends with a question, at no cost.
"""

from imgbot.domain import marked_area
from imgbot.domain.job import Changes, Job, Request, State
from imgbot.domain.operations import Operation
from imgbot.jobs import inputs
from imgbot.jobs.context import StepContext, move
from imgbot.jobs.outcomes import Advance
from imgbot.painter.steps import DrawnArea


async def resolve(context: StepContext, job: Job) -> Job | Advance:
    """Return the job as one of an area, or as one without; or its end as a question."""
    is_merge = job.request.operation is Operation.MERGE
    if is_merge and not marked_area.may_be_about_area(job.request.prompt):
        return job
    found = await inputs.find_area(context, job, is_ordered=not is_merge)
    if reason := _reason_of(job.request, found):
        return await _of_area(context, job, found, reason)
    return job if is_merge else await _without_area(context, job)


def _reason_of(request: Request, found: DrawnArea) -> str:
    """Return that an area is marked, or why to ask; empty if the job is about none."""
    is_elsewhere = found.reason == marked_area.ELSEWHERE
    is_merge = request.operation is Operation.MERGE
    is_other = is_elsewhere and is_merge and not marked_area.points(request.prompt)
    reason = "" if is_other else found.reason
    return reason or (marked_area.MISSING if marked_area.needs_area(request.prompt) else "")


async def _of_area(context: StepContext, job: Job, found: DrawnArea, reason: str) -> Job | Advance:
    request = job.request
    changes: Changes = {"operation": Operation.INPAINT, "base": ""}
    # The first photo is the one to be changed; of another version, that is what was sent.
    is_merge = request.operation is Operation.MERGE
    if found.is_swapped if is_merge else reason == marked_area.ELSEWHERE:
        inputs.remove_sources(context, job.id)
        changes |= {"sources": request.sources[::-1], "parent": ""}
    if reason != marked_area.FOUND:
        return await _ask(context, job, reason, changes)
    price_micro = context.routing.price_micro(Operation.INPAINT, request.scale, request.model)
    if price_micro > job.charge.reserved_micro:
        return await _ask(context, job, marked_area.SHORT, changes)
    changes["model"] = ""
    return await move(context, job, State.SUBMITTING, **changes)


async def _ask(context: StepContext, job: Job, reason: str, changes: Changes) -> Advance:
    """End the job as a question, unless it was cancelled meanwhile."""
    stored = await context.queue.job(job.id)
    if stored is not None and stored.is_cancelled:
        # Its end says so; a question would not.
        return Advance(stored)
    changes |= {"outcome": State.FAILED, "reason": reason, "tries": 0, "facts": {"charge": "no"}}
    return Advance(await move(context, job, State.DELIVERING, **changes))


async def _without_area(context: StepContext, job: Job) -> Job:
    """Return the job as it is without a picture that its photo was sent in reply to."""
    inputs.remove_sources(context, job.id)
    photo = job.request.sources[1]
    has_words = job.request.operation is Operation.EDIT
    return await move(
        context,
        job,
        State.SUBMITTING,
        sources=(photo,),
        parent=await context.results.job_of_picture(photo),
        prompt=job.request.prompt if has_words else "",
        base="",
    )
