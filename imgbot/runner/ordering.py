"""From `submitting` to a ticket: prepare, upload, note the intent, order, if in doubt find out.

The intent is stored right before the paid submit, after the uploads. Where a submit's answer is
lost, the task is looked up, or ordered again under a key that cannot be charged twice, or the job
stops.
"""

import asyncio
import time
from dataclasses import replace
from typing import Any

from imgbot import retry, telemetry
from imgbot.errors import ProviderError, ProviderErrorKind, TransientError
from imgbot.job import Job, State
from imgbot.learning import Span
from imgbot.providers.protocol import Accepted, Done, Order, Provider, Recovery, uploaded
from imgbot.runner import hooks
from imgbot.runner.routing import REFUSES_SERVICE, Choice
from imgbot.runner.tools import Tools
from imgbot.tasks import pause

_SYNC_AGAIN_S = 1.0
_STAND_BY_S = 30.0
_JUST_BEFORE = 0.98
"""A picture that came with its order was not there a moment before."""

_CLOSED = retry.GiveUp(State.FAILED, "provider_closed", is_billed=False)
_DOWN = retry.GiveUp(State.FAILED, "provider_down", is_billed=False)
_LOOK_UP_AFTER_S = (1.0, 4.0, 10.0)
"""Longer in sum than an order is on its way to a server that answers at all."""


async def submit(tools: Tools, job: Job, nudged: asyncio.Event) -> Job:
    """Order the picture, once, at whoever serves."""
    if job.intent_ms:
        # Adopted with the intent and without a ticket: it may have been paid for.
        return await _recover(tools, job, nudged)
    choice = tools.routes.choose(job.operation, job.provider, time.monotonic())
    if choice.provider is None:
        return await _stand_by(tools, job, choice, nudged)
    provider = choice.provider
    begun = time.monotonic()
    order = await tools.order_for(job, provider)
    telemetry.stage_took("prepare", time.monotonic() - begun)
    if not await tools.places.take(job.id, provider, nudged, tools.draining):
        return await _look_again(tools, job, nudged)
    try:
        with tools.routes.asking(provider.name):
            order = await uploaded(provider, order)
    except ProviderError as error:
        return await _refused(tools, job, provider, error, nudged)
    await provider.turn()
    if tools.draining.is_set():
        return await _look_again(tools, job, nudged)
    intended = await _intend(tools, job, provider)
    if not intended.intent_ms:
        return intended
    try:
        if _is_last_word(tools, provider):
            tools.unanswered.add(job.id)
        return await _order(tools, intended, provider, order, nudged)
    finally:
        tools.unanswered.discard(job.id)


def _is_last_word(tools: Tools, provider: Provider) -> bool:
    """Whether nothing but its answer could tell what became of an order."""
    return provider.recovery is Recovery.NONE and not tools.hooks.may_reveal(provider)


async def _order(
    tools: Tools, job: Job, provider: Provider, order: Order, nudged: asyncio.Event
) -> Job:
    begun = time.monotonic()
    try:
        with tools.routes.asking(provider.name):
            answer = await provider.submit(order)
    except ProviderError as error:
        return await _refused(tools, job, provider, error, nudged)
    telemetry.stage_took("submit", time.monotonic() - begun)
    return await _accepted(tools, job, provider, answer, tools.now_ms())


async def _intend(tools: Tools, job: Job, provider: Provider) -> Job:
    """Store that the order is about to be made, and with whom; without an intent it is not."""
    is_stand_in = tools.routes.is_fallback(job.operation, provider.name)
    job = await tools.move(
        job,
        State.SUBMITTING,
        intent_ms=tools.now_ms(),
        provider=provider.name,
        order_id=tools.order_id_of(job),
        price_micro=provider.offers[job.operation].price_at(job.scale),
        note="stand_in_note" if is_stand_in else job.note,
    )
    if job.is_cancelled:
        # Nothing was ordered: without the intent, nothing is charged.
        return await tools.move(job, State.SUBMITTING, intent_ms=0)
    try:
        await tools.queue.persist()
    except TransientError as error:
        # Nothing was ordered: without the intent there is nothing to find out later.
        telemetry.job_waits(job.id, error, _SYNC_AGAIN_S)
        job = await tools.move(job, State.SUBMITTING, intent_ms=0, provider="")
        await pause(_SYNC_AGAIN_S, tools.draining)
    return job


async def _look_again(tools: Tools, job: Job, nudged: asyncio.Event) -> Job:
    """Somebody nudged, or the program stops: see how the job stands now."""
    if not nudged.is_set():
        return job
    nudged.clear()
    return await tools.move(job, State.SUBMITTING)


async def _stand_by(tools: Tools, job: Job, choice: Choice, nudged: asyncio.Event) -> Job:
    """Nobody serves at the moment: wait a while, or say so."""
    if choice.is_hopeless:
        return await tools.give_up(job, _CLOSED)
    if job.tries >= retry.SUBMIT_ATTEMPTS:
        return await tools.give_up(job, _DOWN)
    job = await tools.move(job, State.SUBMITTING, tries=job.tries + 1)
    await pause(min(choice.wait_s, _STAND_BY_S), nudged, tools.draining)
    return await _look_again(tools, job, nudged)


async def _refused(
    tools: Tools, job: Job, provider: Provider, error: ProviderError, nudged: asyncio.Event
) -> Job:
    telemetry.provider_failed(replace(job, provider=provider.name), error.kind, str(error))
    if tools.routes.refused(provider.name, error.kind, time.monotonic()):
        telemetry.provider_out(provider.name, error.kind)
        tools.alarm.set()
    if error.kind is ProviderErrorKind.SUBMIT_UNKNOWN:
        return await _recover(tools, job, nudged)
    tools.places.free(job.id)
    may_pass_on = error.kind in REFUSES_SERVICE and job.tries < retry.SUBMIT_ATTEMPTS
    is_first = not tools.routes.is_fallback(job.operation, provider.name)
    if may_pass_on and tools.routes.other(job.operation, provider.name):
        # No task exists: somebody else may have it, at once if the chosen one has just refused.
        decision: retry.TryAgain | retry.GiveUp = retry.TryAgain(
            0.0 if is_first else retry.backoff_s(job.tries)
        )
    else:
        decision = retry.after_submit(error, job.tries)
    if isinstance(decision, retry.GiveUp):
        return await tools.give_up(job, decision)
    # Without the intent, a restart in the pause has nothing to solve.
    refused_by = provider.name if error.kind in REFUSES_SERVICE else ""
    job = await tools.move(
        job, State.SUBMITTING, intent_ms=0, tries=job.tries + 1, provider=refused_by
    )
    if decision.delay_s:
        await pause(decision.delay_s, nudged, tools.draining)
    return await _look_again(tools, job, nudged)


async def _accepted(
    tools: Tools, job: Job, provider: Provider, answer: Accepted | Done, accepted_ms: int = 0
) -> Job:
    tools.routes.taken(provider.name)
    if isinstance(answer, Accepted):
        return await tools.move(
            job, State.POLLING, ticket=answer.ticket, tries=0, accepted_ms=accepted_ms
        )
    tools.places.free(job.id)
    moved = await tools.move(
        job,
        State.RENDERING,
        ticket={"outputs": stored(answer)},
        tries=0,
        facts=_facts(answer),
    )
    if accepted_ms:
        took_s = (accepted_ms - job.intent_ms) / 1000
        telemetry.provider_made(job, took_s)
        await tools.pace.learn(tools.kind_of(job), Span(took_s * _JUST_BEFORE, took_s))
    return moved


async def _recover(tools: Tools, job: Job, nudged: asyncio.Event) -> Job:
    """Find out what became of an order whose answer was lost."""
    provider = tools.provider_of(job)
    match provider.recovery:
        case Recovery.REPEAT if job.tries < retry.SUBMIT_ATTEMPTS:
            return await _repeat(tools, job, provider)
        case Recovery.LOOK_UP:
            return await _look_up(tools, job, provider)
        case Recovery.NONE if tools.hooks.may_reveal(provider):
            return await _await_hook(tools, job, nudged)
        case _:
            return await tools.end(job, State.DEAD, "submit_unknown")


async def _await_hook(tools: Tools, job: Job, nudged: asyncio.Event) -> Job:
    """If the order was taken, its webhook will say so, and name the task."""
    ticket = await tools.hooks.ticket_for(job.id)
    if ticket is not None:
        telemetry.order_revealed(job.id)
        return await tools.move(job, State.POLLING, ticket=ticket, tries=0)
    wait_s = (job.intent_ms + hooks.WAIT_MS - tools.now_ms()) / 1000
    if wait_s <= 0:
        return await tools.end(job, State.DEAD, "submit_unknown")
    await pause(wait_s, nudged, tools.draining)
    return await _look_again(tools, job, nudged)


async def _repeat(tools: Tools, job: Job, provider: Provider) -> Job:
    """Order again under the same key; the intent stays, for the first order may be alive."""
    order = await tools.order_for(job, provider)
    if job.tries:
        await pause(retry.backoff_s(job.tries), tools.draining)
        if tools.draining.is_set():
            return job
    job = await tools.move(job, State.SUBMITTING, tries=job.tries + 1)
    try:
        with tools.routes.asking(provider.name):
            answer = await provider.submit(await uploaded(provider, order))
    except ProviderError as error:
        telemetry.provider_failed(job, error.kind, str(error))
        decision = retry.after_submit(error, job.tries)
        is_open = error.kind is ProviderErrorKind.SUBMIT_UNKNOWN
        if is_open or isinstance(decision, retry.TryAgain):
            return job
        # This order was refused; of the first one nobody knows.
        return await tools.end(job, State.DEAD, "submit_unknown")
    return await _accepted(tools, job, provider, answer)


async def _look_up(tools: Tools, job: Job, provider: Provider) -> Job:
    is_known = False
    for delay_s in _LOOK_UP_AFTER_S:
        await pause(delay_s, tools.draining)
        if tools.draining.is_set():
            return job
        try:
            with tools.routes.asking(provider.name):
                ticket = await provider.look_up(tools.order_id_of(job))
        except ProviderError as error:
            telemetry.provider_failed(job, error.kind, str(error))
            is_known = False
            continue
        if ticket is not None:
            return await tools.move(job, State.POLLING, ticket=ticket, tries=0)
        is_known = True
    if is_known and job.tries < retry.SUBMIT_ATTEMPTS:
        # It has refused nothing: whoever was chosen is asked again, and no stand-in.
        return await tools.move(
            job, State.SUBMITTING, intent_ms=0, tries=job.tries + 1, provider=""
        )
    return await tools.end(job, State.DEAD, "submit_unknown")


async def order_again(tools: Tools, job: Job) -> Job | None:
    """Go back to the order of a task that cost nothing and is proven to be gone; else None."""
    provider = tools.provider_of(job)
    is_free = not job.price_micro and provider.recovery is Recovery.LOOK_UP
    if not is_free or job.lost_orders >= retry.LOST_ORDERS:
        return None
    try:
        ticket = await provider.look_up(tools.order_id_of(job))
    except ProviderError as error:
        telemetry.provider_failed(job, error.kind, str(error))
        return None
    if ticket is not None:
        return None
    return await tools.move(
        job,
        State.SUBMITTING,
        ticket={},
        intent_ms=0,
        accepted_ms=0,
        pending_ms=0,
        provider="",
        tries=0,
        lost_orders=job.lost_orders + 1,
    )


def stored(answer: Done) -> list[dict[str, str]]:
    """Return the outputs as a ticket keeps them."""
    return [{"url": output.url, "path": output.path} for output in answer.outputs]


def _facts(answer: Done) -> dict[str, Any]:
    """Return what the caption will say of the words, as far as the provider tells."""
    told = {"did": answer.did, "unknown": answer.unknown, "nearest": answer.nearest}
    return {name: ", ".join(parts) for name, parts in told.items() if parts}
