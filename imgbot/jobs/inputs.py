"""Inputs of a provider's order, and the files of a job."""

import asyncio
import math
import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from imgbot.domain.errors import UserError
from imgbot.domain.job import Job, State
from imgbot.domain.operations import OPERATIONS, Operation
from imgbot.files import copy_file, make_folder
from imgbot.jobs.context import StepContext
from imgbot.painter import steps
from imgbot.providers.protocol import GenerationRequest, InputLimits, Provider

RESULT = "result"
"""File name of a result as fetched from its provider."""
TARGET = "made.jpg"
"""File name of a picture that comes within a provider's answer."""
_SCALES = (2, 4)
_MAY_BE_SHORT = frozenset({"picture_truncated", "picture_not_a_picture", "result_not_a_picture"})

T = TypeVar("T")


def folder_of(context: StepContext, job_id: str) -> Path:
    return context.folder / job_id


async def open_folder(context: StepContext, job_id: str) -> Path:
    """Return the job's folder, which is made first if there is none."""
    folder = folder_of(context, job_id)
    if not os.path.isdir(folder):  # noqa: ASYNC240, PTH112 -- one stat
        await asyncio.to_thread(make_folder, folder)
    return folder


def is_own_file(context: StepContext, path: str) -> bool:
    """Return true if a file exists and is one of a job, after following links.

    Only these are ever sent: Redis holds the path, and is not trusted with the choice.
    """
    own = f"{os.path.realpath(context.folder)}/"
    return os.path.isfile(path) and os.path.realpath(path).startswith(own)  # noqa: PTH113 -- stats


def target_file(context: StepContext, job_id: str) -> Path:
    """File for a picture that comes within a provider's answer."""
    return folder_of(context, job_id) / TARGET


def progress_of(context: StepContext, job_id: str) -> float:
    """Progress of a picture made on this machine, 0 to 1; 0 while unknown."""
    try:
        return float(target_file(context, job_id).with_suffix(".jpg.progress").read_text())
    except (OSError, ValueError):
        return 0.0


def remove_files(context: StepContext, job: Job) -> None:
    """Remove a finished job's folder, unless its result may yet be redelivered."""
    folder = folder_of(context, job.id)
    # A result that was fetched may be gone at its provider.
    is_fetched = job.progress.outcome is State.DEAD and (folder / RESULT).exists()
    if not is_fetched and not is_to_be_kept(job):
        shutil.rmtree(folder, ignore_errors=True)


def is_to_be_kept(job: Job) -> bool:
    """True if a finished job's folder has the only copy of a result that may yet be redelivered."""
    outputs = cast("list[dict[str, str]]", job.progress.ticket.get("outputs", []))
    return job.progress.outcome is State.DEAD and any(output.get("path") for output in outputs)


def order_id_of(context: StepContext, job: Job) -> str:
    """Id of the job at its provider."""
    return job.progress.order_id or f"{context.installation}-{job.id}"


async def build_request(context: StepContext, job: Job, provider: Provider) -> GenerationRequest:
    """Download and check the job's photos, and convert them to what the provider takes.

    Files of an earlier attempt are reused. Raises UserError (not a picture, too many),
    WorkerLostError, TransientError.
    """
    model = context.routing.model_of(job, provider)
    offer = provider.offer(job.request.operation, model)
    inputs, scale, side_px = offer.inputs, job.request.scale, 0
    # What is marked in a photo is ordered as a mask; the second photo only shows it.
    is_marked = job.request.operation is Operation.INPAINT
    count = 1 if is_marked else len(job.request.sources)
    if count > inputs.max_count:
        raise UserError("too_many_for_service", limit=inputs.max_count)
    await open_folder(context, job.id)
    photos = await checked_photos(context, job, count)
    if OPERATIONS[job.request.operation].has_scale:
        size = await context.pool.run(steps.size_of, str(photos[0]), about="measuring a picture")
        scale, limit_px = plan_enlargement(size, scale, offer.scales, inputs.max_side_px)
        inputs = replace(inputs, max_side_px=limit_px)
        side_px = max(size)
    pictures = [await _fitted(context, path, inputs) for path in photos]
    order = GenerationRequest(
        job_id=order_id_of(context, job),
        operation=job.request.operation,
        prompt=job.request.sent or job.request.prompt,
        is_drawn=bool(job.request.base),
        negative=job.request.negative,
        pictures=tuple(pictures),
        scale=scale,
        side_px=side_px,
        ratio=job.request.ratio,
        seed=job.request.seed,
        target=target_file(context, job.id),
        hook_url=context.webhooks.url_for(job.id),
        model=model and offer.model,
    )
    for hook in context.hooks.before_submit:
        order = await hook(context, job, provider, order)
    if is_marked and order.mask is None:
        # It would change the whole photo.
        raise UserError("went_wrong", charge="no")
    return order


def plan_enlargement(
    size: tuple[int, int], scale: int, scales: frozenset[int], max_side_px: int
) -> tuple[int, int]:
    """Plan an upscale whose result keeps our limits and whose source keeps the provider's.

    Return the scale, and the limit in pixels for the source's longer side (0 is no limit).
    UserError upscale_large_already, if it would hardly become larger.
    """
    side_px = max(size)
    # Headroom of a provider's result: providers round sides, some up to a multiple of 16.
    most = min(math.sqrt(63 * steps.MEGAPIXEL / (size[0] * size[1])), steps.SIDE_LIMIT_PX / side_px)
    wanted = min(scale, most)
    ordered = min(scales or _SCALES, key=lambda known: abs(known - wanted))
    limits = [max_side_px] if max_side_px else []
    if ordered > most:
        limits.append(int(side_px * most / ordered))
    limit_px = min(limits, default=0)
    # Less is not worth the price of an upscale.
    if min(limit_px or side_px, side_px) * ordered < side_px * 1.1:
        raise UserError("upscale_large_already")
    return ordered, limit_px


async def masked(
    context: StepContext, order: GenerationRequest, provider: Provider, area: Path
) -> GenerationRequest:
    """Return the order with an area as its provider takes it."""
    form = provider.offer(order.operation, order.model or "").inputs.mask
    paths, about = (str(area), str(order.pictures[0])), "fitting a mask"
    fitted = await context.pool.run(steps.fit_mask, *paths, about=about, mask=form)
    return replace(order, mask=Path(fitted))


def remove_sources(context: StepContext, job_id: str) -> None:
    """Remove the photos that were downloaded: the job will have others under their names."""
    for photo in folder_of(context, job_id).glob("source-*"):
        photo.unlink()


async def checked_photos(context: StepContext, job: Job, count: int) -> list[Path]:
    """Return that many of the job's photos, downloaded and checked; raises as `build_request`."""
    found = [await checked_photo(context, job, index) for index in range(count)]
    for hook in context.hooks.check_photo:
        for photo in found:
            await hook(job, photo)
    return found


async def _fitted(context: StepContext, picture: Path, inputs: InputLimits) -> Path:
    if not (inputs.max_side_px or inputs.max_bytes or "png" not in inputs.formats):
        return picture
    fitted = await context.pool.run(
        steps.fit,
        str(picture),
        about="fitting a picture",
        max_side_px=inputs.max_side_px,
        max_bytes=inputs.max_bytes,
        takes_png="png" in inputs.formats,
    )
    return Path(fitted)


async def checked_photo(context: StepContext, job: Job, index: int) -> Path:
    """Return one of the job's photos, downloaded and checked; raises as `build_request`."""
    folder = folder_of(context, job.id)
    stem = folder / f"source-{index}"
    for suffix in (".jpg", ".png"):
        if stem.with_suffix(suffix).exists():
            return stem.with_suffix(suffix)
    raw = folder / f"raw-{index}"
    is_own = await _take_original(context, job, index, raw)
    options: dict[str, Any] = {"is_own": is_own}
    if OPERATIONS[job.request.operation].has_scale:
        # The scale is computed from this size, at a repeated order, too.
        options["keep_megapixels"] = steps.RESULT_LIMIT_MEGAPIXELS
    check = partial(
        context.pool.run, steps.check, str(raw), str(stem), about="checking a picture", **options
    )
    if is_own:
        picture = await check()
    else:
        download = partial(context.download, job.request.sources[index].file_id, raw)
        await download()
        picture = await if_short_again(check, download)
    raw.unlink(missing_ok=True)
    return Path(picture)


async def if_short_again(
    read: Callable[[], Awaitable[T]], download: Callable[[], Awaitable[object]]
) -> T:
    """Read a picture; download it once more if it may have come short, without a length."""
    try:
        return await read()
    except UserError as error:
        if error.reason not in _MAY_BE_SHORT:
            raise
    await download()
    return await read()


async def _take_original(context: StepContext, job: Job, index: int, target: Path) -> bool:
    """Use a result of this bot at its original size: Telegram keeps a smaller photo of it."""
    for hook in context.hooks.source:
        if await hook(context, job, index, target):
            return True
    # Of two photos, the first one is what the second one may be drawn on.
    parent = job.request.parent if index == 0 else ""
    original = context.originals.find(parent) if parent else None
    if original is None or original.stat().st_size > steps.RESULT_LIMIT_BYTES:
        return False
    await asyncio.to_thread(copy_file, original, target)
    return True
