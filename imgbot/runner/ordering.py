"""From `submitting` to a ticket: prepare, note the intent, order, and if in doubt find out.

The intent is stored before the paid submit. Where a submit's answer is lost, the task is
looked up, or ordered again under a key that cannot be charged twice, or the job stops.
"""

import asyncio
import time
from typing import Any

from imgbot import retry, telemetry
from imgbot.errors import ProviderError, ProviderErrorKind, TransientError
from imgbot.job import Job, State
from imgbot.providers.protocol import Accepted, Done, Order, Recovery
from imgbot.runner.tools import Tools
from imgbot.tasks import pause

_SYNC_AGAIN_S = 1.0
_LOOK_UP_AFTER_S = (1.0, 4.0, 10.0)
"""Longer in sum than an order is on its way to a server that answers at all."""


async def submit(tools: Tools, job: Job, nudged: asyncio.Event) -> Job:
    """Order the picture, once."""
    begun = time.monotonic()
    order = await tools.order_for(job)
    telemetry.stage_took("prepare", time.monotonic() - begun)
    if job.intent_ms:
        # Adopted with the intent and without a ticket: it may have been paid for.
        return await _recover(tools, job, order)
    if tools.draining.is_set():
        return job
    provider = tools.provider_of(job).name
    job = await tools.move(job, State.SUBMITTING, intent_ms=tools.now_ms(), provider=provider)
    if job.is_cancelled:
        # Nothing was ordered: without the intent, nothing is charged.
        return await tools.move(job, State.SUBMITTING, intent_ms=0)
    try:
        await tools.queue.persist()
    except TransientError as error:
        # Nothing was ordered: without the intent there is nothing to find out later.
        telemetry.job_waits(job.id, error, _SYNC_AGAIN_S)
        job = await tools.move(job, State.SUBMITTING, intent_ms=0)
        await pause(_SYNC_AGAIN_S, tools.draining)
        return job
    begun = time.monotonic()
    try:
        answer = await tools.provider_of(job).submit(order)
    except ProviderError as error:
        return await _refused(tools, job, order, error, nudged)
    telemetry.stage_took("submit", time.monotonic() - begun)
    return await _accepted(tools, job, answer, tools.now_ms())


async def _refused(
    tools: Tools, job: Job, order: Order, error: ProviderError, nudged: asyncio.Event
) -> Job:
    telemetry.provider_failed(job.id, error.kind, str(error))
    if error.kind is ProviderErrorKind.SUBMIT_UNKNOWN:
        return await _recover(tools, job, order)
    decision = retry.after_submit(error, job.tries)
    if isinstance(decision, retry.GiveUp):
        return await tools.give_up(job, decision)
    # No task exists: without the intent, a restart in the pause has nothing to solve.
    job = await tools.move(job, State.SUBMITTING, intent_ms=0, tries=job.tries + 1)
    await pause(decision.delay_s, nudged, tools.draining)
    nudged.clear()
    return job


async def _accepted(tools: Tools, job: Job, answer: Accepted | Done, accepted_ms: int = 0) -> Job:
    if isinstance(answer, Accepted):
        return await tools.move(
            job, State.POLLING, ticket=answer.ticket, tries=0, accepted_ms=accepted_ms
        )
    return await tools.move(
        job,
        State.RENDERING,
        ticket={"outputs": stored(answer)},
        tries=0,
        facts=_facts(answer),
    )


async def _recover(tools: Tools, job: Job, order: Order) -> Job:
    match tools.provider_of(job).recovery:
        case Recovery.REPEAT if job.tries < retry.SUBMIT_ATTEMPTS:
            return await _repeat(tools, job, order)
        case Recovery.LOOK_UP:
            return await _look_up(tools, job)
        case _:
            return await tools.end(job, State.DEAD, "submit_unknown")


async def _repeat(tools: Tools, job: Job, order: Order) -> Job:
    """Order again under the same key; the intent stays, for the first order may be alive."""
    if job.tries:
        await pause(retry.backoff_s(job.tries), tools.draining)
        if tools.draining.is_set():
            return job
    job = await tools.move(job, State.SUBMITTING, tries=job.tries + 1)
    try:
        answer = await tools.provider_of(job).submit(order)
    except ProviderError as error:
        telemetry.provider_failed(job.id, error.kind, str(error))
        decision = retry.after_submit(error, job.tries)
        is_open = error.kind is ProviderErrorKind.SUBMIT_UNKNOWN
        if is_open or isinstance(decision, retry.TryAgain):
            return job
        # This order was refused; of the first one nobody knows.
        return await tools.end(job, State.DEAD, "submit_unknown")
    return await _accepted(tools, job, answer)


async def _look_up(tools: Tools, job: Job) -> Job:
    is_known = False
    for delay_s in _LOOK_UP_AFTER_S:
        await pause(delay_s, tools.draining)
        if tools.draining.is_set():
            return job
        try:
            ticket = await tools.provider_of(job).look_up(job.id)
        except ProviderError as error:
            telemetry.provider_failed(job.id, error.kind, str(error))
            is_known = False
            continue
        if ticket is not None:
            return await tools.move(job, State.POLLING, ticket=ticket, tries=0)
        is_known = True
    if is_known and job.tries < retry.SUBMIT_ATTEMPTS:
        return await tools.move(job, State.SUBMITTING, intent_ms=0, tries=job.tries + 1)
    return await tools.end(job, State.DEAD, "submit_unknown")


def stored(answer: Done) -> list[dict[str, str]]:
    """Return the outputs as a ticket keeps them."""
    return [{"url": output.url, "path": output.path} for output in answer.outputs]


def _facts(answer: Done) -> dict[str, Any]:
    """Return what the caption will say of the words, as far as the provider tells."""
    told = {"did": answer.did, "unknown": answer.unknown, "nearest": answer.nearest}
    return {name: ", ".join(parts) for name, parts in told.items() if parts}
