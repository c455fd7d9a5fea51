"""The `rendering` step: fetch the result and convert it to what Telegram takes."""

import asyncio
import functools
import time
from pathlib import Path
from typing import cast

from imgbot.domain import retry
from imgbot.domain.errors import ProviderError, ProviderErrorKind, UserError, WorkerLostError
from imgbot.domain.job import Job, State, is_paid
from imgbot.domain.operations import OPERATIONS, Operation
from imgbot.files import copy_file
from imgbot.jobs import inputs
from imgbot.jobs.context import StepContext, conclude, give_up, move
from imgbot.jobs.hooks import Refused, Rendered, run_after_render
from imgbot.jobs.outcomes import Advance, FailedFetch, NotFetchedError, Outcome, Snooze, Wake
from imgbot.jobs.poll import next_poll
from imgbot.painter import steps
from imgbot.providers.protocol import Output, Recovery
from imgbot.telemetry import events

_CUT_OUT = frozenset({Operation.STICKER, Operation.REMOVE_BACKGROUND})
_FORMER = "former"
"""File name of a copy of the original of an earlier delivery."""


async def render(context: StepContext, job: Job) -> Outcome:
    """Fetch the result and convert it to what Telegram takes; both are on disk afterwards."""
    try:
        return await _render(context, job)
    except NotFetchedError as error:
        return error.outcome


async def _render(context: StepContext, job: Job) -> Outcome:
    begun = time.monotonic()
    raw = await inputs.open_folder(context, job.id) / inputs.RESULT
    picture = await _fetch(context, job, raw)
    preparation = _Preparation(context, job, raw)
    rendered = Rendered(
        job, picture, preparation.fetch_again, preparation.run, is_former=picture != raw
    )
    changed = await run_after_render(context.hooks, rendered)
    if isinstance(changed, Refused):
        charge = "yes" if is_paid(job) else "no"
        return await conclude(context, job, State.FAILED, changed.reason, charge=charge)
    ready = await changed.ready()
    if not changed.is_hidden:
        ready = await _keep_file(context, changed, ready, preparation)
    events.stage_took("render", time.monotonic() - begun)
    return Advance(await _move_to_delivery(context, changed, ready))


class _Preparation:
    """Conversion of a job's result for Telegram; what was converted for a hook is used again."""

    def __init__(self, context: StepContext, job: Job, raw: Path) -> None:
        self._context, self._job, self._raw = context, job, raw
        self._done: dict[tuple[Path, bool], steps.Deliverable] = {}

    async def run(self, rendered: Rendered) -> steps.Deliverable:
        """Convert a picture; a cut-out without a file of its own, and what is hidden, on white."""
        picture, is_hidden = rendered.picture, rendered.is_hidden
        is_file = self._job.request.is_file and not is_hidden
        is_cut_out = self._job.request.operation in _CUT_OUT
        if (picture, is_hidden) not in self._done:
            on_white = is_hidden or (is_cut_out and not is_file)
            done = await self.convert(picture, is_file=is_file, on_white=on_white)
            self._done[picture, is_hidden] = done
        return self._done[picture, is_hidden]

    async def convert(self, picture: Path, *, is_file: bool, on_white: bool) -> steps.Deliverable:
        """Convert a picture; if that fails, it is sent as it is, for it may be paid for."""
        run, about = self._context.pool.run, "preparing a result"
        paths = str(picture), str(picture.with_name("ready"))
        if OPERATIONS[self._job.request.operation].makes_clip:
            check = functools.partial(run, steps.check_clip, *paths, about=about)
            return await inputs.if_short_again(check, self.fetch_again)
        options = {"as_file": is_file, "on_white": on_white}
        prepare = functools.partial(run, steps.prepare, *paths, about=about, **options)
        try:
            return await inputs.if_short_again(prepare, self.fetch_again)
        except (UserError, MemoryError, WorkerLostError) as error:
            events.step_failed(error, self._job)
            return await run(steps.as_it_is, *paths, about=about)

    async def fetch_again(self) -> None:
        """Fetch a result once more that may have come short: half of it is no result."""
        await asyncio.to_thread(self._raw.unlink, missing_ok=True)
        if await _fetch(self._context, self._job, self._raw) != self._raw:
            # It is that of an earlier delivery, with what hooks have changed: the step begins anew.
            raise NotFetchedError(await fetch_again(self._context, self._job, FailedFetch()))


async def _keep_file(
    context: StepContext, rendered: Rendered, ready: steps.Deliverable, preparation: _Preparation
) -> steps.Deliverable:
    """Keep the file behind a photo's button; return what shows the result."""
    job, picture, suffix = rendered.job, rendered.picture, ready.original_suffix
    if suffix and not OPERATIONS[job.request.operation].is_final:
        await asyncio.to_thread(context.originals.keep, picture, job.id, suffix)
    if job.request.operation not in _CUT_OUT or ready.kind != "photo":
        return ready
    if await asyncio.to_thread(context.originals.find, job.id):
        return ready
    # Without the file behind its button, a preview alone would lose the transparency.
    is_file = job.request.is_file
    return await preparation.convert(picture, is_file=is_file, on_white=False)


async def _move_to_delivery(
    context: StepContext, rendered: Rendered, ready: steps.Deliverable
) -> Job:
    job = rendered.job
    facts = {**job.progress.facts, "kind": ready.kind, "size": f"{ready.width}x{ready.height}"}
    if job.progress.side_px:
        facts["factor"] = round(max(ready.width, ready.height) / job.progress.side_px, 2)
    if rendered.is_hidden:
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


async def _fetch(context: StepContext, job: Job, raw: Path) -> Path:
    """Fetch the result, and return its file. Raises NotFetchedError where there is none (yet)."""
    outputs = cast("list[dict[str, str]]", job.progress.ticket["outputs"])
    output = Output(**outputs[0])
    try:
        await _fetch_output(context, job, output, raw)
    except ProviderError as error:
        events.provider_failed(job, error.kind, str(error))
        decision = retry.after_fetch(error, job.progress.tries)
    else:
        return raw
    if isinstance(decision, retry.TryAgain):
        raise NotFetchedError(
            Snooze(job, decision.delay_s, FailedFetch(), wake_on=frozenset({Wake.DRAIN}))
        )
    # The file of an earlier attempt will do as well.
    if found := await asyncio.to_thread(_recalled, context, job, raw):
        return found
    raise NotFetchedError(await _make_again(context, job, output, decision))


async def _fetch_output(context: StepContext, job: Job, output: Output, raw: Path) -> None:
    if output.path and not inputs.is_own_file(context, output.path):
        raise ProviderError(ProviderErrorKind.EXPIRED, "the picture's file is gone")
    await context.routing.provider_of(job).fetch(output, raw)


async def fetch_again(context: StepContext, job: Job, _: FailedFetch) -> Outcome:
    return Advance(await move(context, job, State.RENDERING, tries=job.progress.tries + 1))


def _recalled(context: StepContext, job: Job, raw: Path) -> Path | None:
    """Return the result of an earlier attempt, else what was delivered before, if it is there."""
    former = raw.with_name(_FORMER)
    original = None if raw.exists() or former.exists() else context.originals.find(job.id)
    if original is not None:
        copy_file(original, former)
    return next((path for path in (raw, former) if path.exists()), None)


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
