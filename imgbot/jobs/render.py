"""The `rendering` step: fetch the result and convert it to what Telegram takes."""

import asyncio
import functools
import time
from pathlib import Path
from typing import cast

from imgbot.domain import retry
from imgbot.domain.errors import ProviderError, ProviderErrorKind, UserError, WorkerLostError
from imgbot.domain.job import Job, State, is_paid, with_changes
from imgbot.domain.operations import Operation
from imgbot.files import copy_file
from imgbot.jobs import inputs
from imgbot.jobs.context import StepContext, conclude, give_up, move
from imgbot.jobs.outcomes import Advance, FailedFetch, Outcome, Snooze, Wake
from imgbot.jobs.poll import next_poll
from imgbot.painter import steps
from imgbot.providers.protocol import Output, Recovery
from imgbot.telemetry import events

_CUT_OUT = frozenset({Operation.STICKER, Operation.REMOVE_BACKGROUND})


class _NotFetchedError(Exception):
    """Result that is not there (yet); `outcome` is that of the step."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


async def render(context: StepContext, job: Job) -> Outcome:
    """Fetch the result and convert it to what Telegram takes; both are on disk afterwards."""
    try:
        return await _render(context, job)
    except _NotFetchedError as error:
        return error.outcome


async def _render(context: StepContext, job: Job) -> Outcome:
    begun = time.monotonic()
    folder = await inputs.open_folder(context, job.id)
    raw = folder / inputs.RESULT
    await _fetch(context, job, raw)
    raw, job = await _letter(context, job, raw)
    is_sticker = job.request.operation is Operation.STICKER
    is_cut_out = job.request.operation in _CUT_OUT
    ready = await _prepare(context, job, raw, on_white=is_cut_out and not job.request.is_file)
    verdict = await _judge(context, job, ready)
    is_hidden = verdict != "safe"
    if is_hidden:
        if _is_refused(context, job, verdict):
            return await _refuse(context, job)
        # Only a photo can be hidden.
        ready = await _prepare(context, with_changes(job, is_file=False), raw, on_white=True)
        if ready.kind != "photo":
            return await _refuse(context, job)
    else:
        ready = await _keep_file(context, job, raw, ready)
    if is_sticker:
        paths = str(raw), str(folder / inputs.STICKER)
        await context.pool.run(steps.make_sticker, *paths, about="making a sticker")
    events.stage_took("render", time.monotonic() - begun)
    return Advance(await _move_to_delivery(context, job, ready, is_hidden=is_hidden))


async def _keep_file(
    context: StepContext, job: Job, raw: Path, ready: steps.Deliverable
) -> steps.Deliverable:
    """Keep the file behind a photo's button; return what shows the result."""
    if ready.original_suffix and job.request.operation is not Operation.COMPARE:
        await asyncio.to_thread(context.originals.keep, raw, job.id, ready.original_suffix)
    is_cut_out = job.request.operation in _CUT_OUT
    if (
        is_cut_out
        and ready.kind == "photo"
        and not await asyncio.to_thread(context.originals.find, job.id)
    ):
        # Without the file behind its button, a preview alone would lose the transparency.
        return await _prepare(context, job, raw)
    return ready


async def _move_to_delivery(
    context: StepContext, job: Job, ready: steps.Deliverable, *, is_hidden: bool
) -> Job:
    facts = {**job.progress.facts, "kind": ready.kind, "size": f"{ready.width}x{ready.height}"}
    if job.progress.side_px:
        facts["factor"] = round(max(ready.width, ready.height) / job.progress.side_px, 2)
    if is_hidden:
        facts["hidden"] = 1
    return await move(
        context,
        job,
        State.DELIVERING,
        file=ready.path,
        outcome=State.DELIVERED,
        reason="",
        facts=facts,
        note=ready.note or job.request.note,
        lettering=job.progress.lettering,
        tries=0,
    )


async def _judge(context: StepContext, job: Job, ready: steps.Deliverable) -> str:
    """Return what the guard says of a result: safe, unsafe, or unknown where it cannot tell."""
    if context.guard_of(job.request) not in {"blur", "refuse"}:
        return "safe"
    try:
        verdict = await context.pool.run(steps.judge, ready.path, about="judging a picture")
    except (UserError, MemoryError, WorkerLostError) as error:
        events.step_failed(error, job)
        return "unknown"
    # A change may keep what its source was hidden for, and only be harder to judge.
    return "unknown" if verdict == "safe" and job.request.is_of_hidden else verdict


def _is_refused(context: StepContext, job: Job, verdict: str) -> bool:
    is_sticker = job.request.operation is Operation.STICKER
    return is_sticker or (verdict == "unsafe" and context.guard_of(job.request) == "refuse")


async def _refuse(context: StepContext, job: Job) -> Outcome:
    """Tell that a result is not shown, and what it cost."""
    charge = "yes" if is_paid(job) else "no"
    return await conclude(context, job, State.FAILED, "guard_refused_picture", charge=charge)


async def _letter(context: StepContext, job: Job, raw: Path) -> tuple[Path, Job]:
    """Put the words on a fetched result; if that fails it is shown without, for it may be paid for.

    Once written, the picture with its words stays: a repeated step finds it.
    """
    target = raw.with_name(inputs.LETTERED)
    if not job.progress.lettering or await asyncio.to_thread(target.exists):
        return (target if job.progress.lettering else raw), job
    letter = functools.partial(
        context.pool.run,
        steps.letter,
        job.request.prompt,
        str(raw),
        str(target),
        about="lettering",
    )
    try:
        await inputs.if_short_again(letter, functools.partial(_fetch_whole, context, job, raw))
    except (UserError, MemoryError, WorkerLostError) as error:
        events.step_failed(error, job)
        return raw, with_changes(job, lettering="", note="lettering_failed")
    return target, job


async def _prepare(
    context: StepContext, job: Job, raw: Path, *, on_white: bool = False
) -> steps.Deliverable:
    """Convert a result for Telegram; if that fails, it is sent as it is, for it may be paid for."""
    paths, about = (str(raw), str(raw.with_name("ready"))), "preparing a result"
    prepare = functools.partial(
        context.pool.run,
        steps.prepare,
        *paths,
        about=about,
        as_file=job.request.is_file,
        on_white=on_white,
    )
    try:
        again = functools.partial(_fetch_whole, context, job, raw)
        return await inputs.if_short_again(prepare, again)
    except (UserError, MemoryError, WorkerLostError) as error:
        events.step_failed(error, job)
        return await context.pool.run(steps.as_it_is, *paths, about=about)


async def _fetch_whole(context: StepContext, job: Job, raw: Path) -> None:
    """Fetch a result once more that may have come short: half of it is no result."""
    await asyncio.to_thread(raw.unlink, missing_ok=True)
    await _fetch(context, job, raw)


async def _fetch(context: StepContext, job: Job, raw: Path) -> None:
    """Fetch the result. Raises _NotFetchedError where there is none (yet)."""
    outputs = cast("list[dict[str, str]]", job.progress.ticket["outputs"])
    output = Output(**outputs[0])
    try:
        await _fetch_output(context, job, output, raw)
    except ProviderError as error:
        events.provider_failed(job, error.kind, str(error))
        decision = retry.after_fetch(error, job.progress.tries)
    else:
        return
    if isinstance(decision, retry.TryAgain):
        raise _NotFetchedError(
            Snooze(job, decision.delay_s, FailedFetch(), wake_on=frozenset({Wake.DRAIN}))
        )
    # The file of an earlier attempt will do as well.
    if not await asyncio.to_thread(_recall, context, job, raw):
        raise _NotFetchedError(await _make_again(context, job, output, decision))


async def _fetch_output(context: StepContext, job: Job, output: Output, raw: Path) -> None:
    if output.path and not inputs.is_own_file(context, output.path):
        raise ProviderError(ProviderErrorKind.EXPIRED, "the picture's file is gone")
    await context.routing.provider_of(job).fetch(output, raw)


async def fetch_again(context: StepContext, job: Job, _: FailedFetch) -> Outcome:
    return Advance(await move(context, job, State.RENDERING, tries=job.progress.tries + 1))


def _recall(context: StepContext, job: Job, raw: Path) -> bool:
    """Restore the result from the original, if need be; False if there is neither."""
    # The original bears its words already.
    target = raw.with_name(inputs.LETTERED) if job.progress.lettering else raw
    original = None if raw.exists() or target.exists() else context.originals.find(job.id)
    if original is not None:
        copy_file(original, target)
    return raw.exists() or target.exists()


async def _make_again(
    context: StepContext, job: Job, output: Output, decision: retry.GiveUp
) -> Outcome:
    """Poll or order again for a local result that is gone, as long as nothing is paid twice."""
    if not output.path:
        return await give_up(context, job, decision)
    receipt = {name: value for name, value in job.progress.ticket.items() if name != "outputs"}
    if receipt:
        moved = await move(
            context, job, State.POLLING, ticket=receipt, tries=0, accepted_ms=0, pending_ms=0
        )
        return await next_poll(context, moved)
    if context.routing.provider_of(job).recovery is Recovery.REPEAT:
        # The submit record stays: it is the same order under the same key.
        return Advance(await move(context, job, State.SUBMITTING, ticket={}, tries=0))
    return await give_up(context, job, retry.GiveUp(State.DEAD, "result_missing"))
