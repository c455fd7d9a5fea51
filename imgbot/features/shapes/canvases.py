"""Larger canvases in the steps of a job: what is new there is the marked area of an inpainting.

Where nothing but the engine can fill it, it continues even edges, and refuses others before
anything is ordered.
"""

from functools import partial
from pathlib import Path

from imgbot.domain.job import Changes, Job, State
from imgbot.domain.operations import Operation
from imgbot.features.shapes.words import Canvas, canvas_in
from imgbot.jobs import inputs
from imgbot.jobs.context import StepContext, move
from imgbot.painter import steps
from imgbot.providers.protocol import GenerationRequest, Provider

_AREA = "canvas.png"
_FILL = "Continue the scene seamlessly into the masked area. Remove all borders and seams."
_SOFTEN = "strong blur"
"""For the engine: on the canvas, the photo is mirrored."""


async def put_on_canvas(context: StepContext, job: Job) -> Job:
    """Return a change that needs a larger canvas as an inpainting, where that does it best.

    A model that edits, without one that inpaints, does more than the engine would, and a shape
    whose background is blurred is done for any photo.
    """
    request, primary = job.request, context.routing.primary
    is_change = request.operation is Operation.EDIT and len(request.sources) == 1
    canvas = canvas_in(request.prompt) if is_change else None
    if canvas is None:
        return job
    is_engine = primary(Operation.INPAINT).is_deterministic
    if is_engine and (canvas.ratio or not primary(Operation.EDIT).is_deterministic):
        return job
    if context.routing.price_micro(Operation.INPAINT, 2) > job.charge.reserved_micro:
        return job
    inputs.remove_sources(context, job.id)
    changes: Changes = {"operation": Operation.INPAINT, "sent": _SOFTEN if is_engine else _FILL}
    changes |= {"base": "", "lost": "", "model": ""}
    return await move(context, job, State.SUBMITTING, **changes)


def _canvas_of(job: Job) -> Canvas | None:
    return canvas_in(job.request.prompt) if job.request.is_on_canvas else None


async def grow(context: StepContext, job: Job, _: int, target: Path) -> bool:
    """Write the photo of such a job on its canvas, and what is new there as a mask."""
    if (canvas := _canvas_of(job)) is None:
        return False
    parent, photo = job.request.parent, target.with_name("photo")
    original = context.originals.find(parent) if parent else None
    run = partial(
        context.pool.run,
        steps.grow_canvas,
        str(original or photo),
        str(target),
        str(target.with_name(_AREA)),
        about="growing a canvas",
        sides=canvas.sides,
        ratio=canvas.ratio,
        is_even=context.routing.primary(Operation.INPAINT).is_deterministic,
    )
    download = partial(context.download, job.request.sources[0].file_id, photo)
    if original is None:
        await download()
    await (run() if original else inputs.if_short_again(run, download))
    return True


async def with_mask(
    context: StepContext, job: Job, provider: Provider, order: GenerationRequest
) -> GenerationRequest:
    if _canvas_of(job) is None:
        return order
    return await inputs.masked(context, order, provider, inputs.folder_of(context, job.id) / _AREA)
