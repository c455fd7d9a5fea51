"""Marked photos in the steps of a job: the area is found before an order, and ordered with it.

The area is a file of the job. Where it is in doubt, the job ends with a question, at no cost.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

from imgbot.domain.buttons import ButtonAction, one_of
from imgbot.domain.errors import UserError
from imgbot.domain.job import Changes, InputPhoto, Job, Request, State, with_changes
from imgbot.domain.operations import Operation
from imgbot.features.marks import words
from imgbot.jobs import inputs
from imgbot.jobs.context import StepContext, move
from imgbot.jobs.hooks import EndOffer, Hooks
from imgbot.jobs.outcomes import Advance
from imgbot.painter import steps
from imgbot.painter.steps import DrawnArea
from imgbot.providers.protocol import GenerationRequest, Provider

AREA = ButtonAction("area", (one_of(Operation.INPAINT, Operation.EDIT), str))
_AREA, _PREVIEW = "area.png", "area.jpg"
_COMPARED, _WITHIN_MS = 4, 1_800_000
"""Pictures before a photo that are compared with it, and how long before it they were shown."""


async def resolve(context: StepContext, job: Job) -> Job | Advance:
    """Return the job as one of an area, or as one without; or its end as a question."""
    request, is_merge = job.request, job.request.operation is Operation.MERGE
    if not words.may_be_marked(request):
        is_copy = words.may_be_copy(request)
        if is_copy and (original := await _original(context, job)):
            inputs.remove_sources(context, job.id)
            parent = await context.results.job_of_picture(original)
            changes: Changes = {"sources": (original, *request.sources), "parent": parent}
            # As if it had been sent in reply.
            return await resolve(context, await move(context, job, State.SUBMITTING, **changes))
        if (is_merge or is_copy) and words.needs_area(request.prompt):
            raise UserError(words.MANY if is_merge else words.ALONE, charge="no")
        return job
    if is_merge and not words.may_be_about_area(request.prompt):
        return job
    found = await _find(context, job, is_ordered=not is_merge)
    if reason := _reason_of(job.request, found):
        return await _of_area(context, job, found, reason)
    return job if is_merge else await _without_area(context, job)


async def _original(context: StepContext, job: Job) -> InputPhoto | None:
    """Return the latest picture that the job's photo shows with an area marked on it.

    A clear mark counts before others: drawn on the original, a photo differs from results, too.
    """
    possible: InputPhoto | None = None
    folder, prompt = await inputs.open_folder(context, job.id), job.request.prompt
    targets = str(folder / _AREA), str(folder / _PREVIEW)
    compare = partial(context.pool.run, steps.find_drawn_area, about="looking for an original")
    for number, photo in enumerate(await _before(context, job), 1):
        pair = with_changes(job, sources=(*job.request.sources, *[photo] * number))
        try:
            drawn, plain = [await inputs.checked_photo(context, pair, each) for each in (0, number)]
        except UserError:
            # It cannot be read any more; the job's own photo is refused where it is used.
            continue
        found = await compare(str(plain), str(drawn), *targets)
        is_marked = not found.is_swapped and found.reason not in {"", words.ELSEWHERE}
        if is_marked and found.reason == words.FOUND:
            return photo
        if is_marked and words.points(prompt):
            possible = possible or photo
    return possible


async def _before(context: StepContext, job: Job) -> Sequence[InputPhoto]:
    """Return the latest pictures of the chat before the job's photo, the newest first."""
    request, found = job.request, dict[str, InputPhoto]()
    for recent in await context.results.recent(f"{request.chat_id}.{request.thread_id}"):
        is_near = 0 <= job.created_ms - recent.at_ms <= _WITHIN_MS
        if not is_near or recent.job_id == job.id:
            continue
        made = await context.results.results([recent.job_id])
        shown = [each.picture for each in made if each.picture]
        found |= {each.unique_id: each for each in (*shown, *recent.photos) if each.file_id}
    found.pop(request.sources[0].unique_id, None)
    return list(found.values())[:_COMPARED]


def _reason_of(request: Request, found: DrawnArea) -> str:
    """Return that an area is marked, or why to ask; empty if the job is about none."""
    is_elsewhere = found.reason == words.ELSEWHERE
    is_merge = request.operation is Operation.MERGE
    is_other = is_elsewhere and is_merge and not words.points(request.prompt)
    reason = "" if is_other else found.reason
    return reason or (words.MISSING if words.needs_area(request.prompt) else "")


async def _of_area(context: StepContext, job: Job, found: DrawnArea, reason: str) -> Job | Advance:
    request = job.request
    changes: Changes = {"operation": Operation.INPAINT, "base": ""}
    # The first photo is the one to be changed; of another version, that is what was sent.
    is_merge = request.operation is Operation.MERGE
    if found.is_swapped if is_merge else reason == words.ELSEWHERE:
        inputs.remove_sources(context, job.id)
        changes |= {"sources": request.sources[::-1], "parent": ""}
    if reason != words.FOUND:
        return await _ask(context, job, reason, changes)
    price_micro = context.routing.price_micro(Operation.INPAINT, request.scale, request.model)
    if price_micro > job.charge.reserved_micro:
        return await _ask(context, job, words.SHORT, changes)
    changes["model"] = ""
    return await move(context, job, State.SUBMITTING, **changes)


async def _find(context: StepContext, job: Job, *, is_ordered: bool) -> DrawnArea:
    """Find the area that is drawn on one of the job's two photos, and write it with a preview.

    It is on the second one if `is_ordered`. Raises as `inputs.build_request` does.
    """
    folder = await inputs.open_folder(context, job.id)
    photos = await inputs.checked_photos(context, job, len(job.request.sources))
    paths = map(str, (*photos, folder / _AREA, folder / _PREVIEW))
    run, about = context.pool.run, "finding a marked area"
    return await run(steps.find_drawn_area, *paths, about=about, is_ordered=is_ordered)


async def _with_mask(
    context: StepContext, job: Job, provider: Provider, order: GenerationRequest
) -> GenerationRequest:
    """Return the order with the area as its provider takes it; it is found again if it is gone."""
    if job.request.operation is not Operation.INPAINT or job.request.is_on_canvas:
        return order
    area = inputs.folder_of(context, job.id) / _AREA
    if not await asyncio.to_thread(area.exists):
        await _find(context, job, is_ordered=True)
    return await inputs.masked(context, order, provider, area)


def _offer(context: StepContext, job: Job) -> EndOffer | None:
    """Return what the question offers, with the area that it is about."""
    choices, language = words.choices(job), job.request.language
    # The engine changes no more of a whole picture.
    is_engine = context.routing.primary(Operation.EDIT).is_deterministic
    if not choices or (is_engine and job.progress.reason == words.UNKNOWN):
        return None
    rows = [[AREA.button(language, each, job.id, key=f"area_{each}")] for each in choices]
    is_shown = Operation.INPAINT in choices
    return EndOffer(rows, inputs.folder_of(context, job.id) / _PREVIEW if is_shown else None)


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


HOOKS = Hooks(
    before_choice=(resolve,),
    before_submit=(_with_mask,),
    offers=(_offer,),
    failure_notes=(words.removal_hint,),
)
