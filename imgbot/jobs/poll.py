"""`polling`: wait as the pace says, ask, and tell the person how it goes."""

import asyncio
from dataclasses import dataclass

from imgbot.aio import sleep_or_event
from imgbot.domain import retry
from imgbot.domain.duration_model import CensoredDuration
from imgbot.domain.errors import ProviderError
from imgbot.domain.job import Job, State
from imgbot.domain.texts import t
from imgbot.jobs.context import StepContext
from imgbot.jobs.submit import facts_of, order_again, stored
from imgbot.providers.protocol import Done, Pending
from imgbot.telemetry import events as telemetry


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the provider said to a question that was put at this age of the job."""

    said: Pending | Done | retry.GiveUp
    age_ms: int


async def poll(context: StepContext, job: Job, nudged: asyncio.Event) -> Job:
    """Ask once, when it is time or somebody nudges."""
    age_s = context.age_ms(job) / 1000
    if context.poll_scheduler.is_exhausted(job.tries, age_s):
        return await context.conclude(job, State.DEAD, "exhausted")
    wait_s = await context.poll_scheduler.wait_s(context.kind_of(job), job.tries, age_s)
    await sleep_or_event(wait_s, nudged, context.draining)
    if context.draining.is_set():
        return job
    if nudged.is_set():
        nudged.clear()
        job = await context.move(job, State.POLLING)
        if job.is_cancelled:
            return job
    answer = await _ask(context, job, nudged)
    return job if answer is None else await _follow(context, job, answer)


async def _follow(context: StepContext, job: Job, answer: _Answer) -> Job:
    match answer.said:
        case retry.GiveUp(reason="provider_lost") as decision:
            return await order_again(context, job) or await context.give_up(job, decision)
        case retry.GiveUp() as decision:
            return await context.give_up(job, decision)
        case Pending() as pending:
            await _tell_progress(context, job, pending, answer.age_ms)
            return await context.move(
                job, State.POLLING, tries=job.tries + 1, pending_ms=answer.age_ms
            )
        case Done() as done:
            return await _done(context, job, done, answer.age_ms)


async def _done(context: StepContext, job: Job, done: Done, age_ms: int) -> Job:
    took_s = (context.now_ms() - job.intent_ms) / 1000
    telemetry.stage_took("provider", took_s)
    telemetry.provider_task_done(job, took_s)
    context.slots.release(job.id)
    ticket = {**job.ticket, "outputs": stored(done)}
    facts = {**job.facts, **facts_of(done)}
    moved = await context.move(job, State.RENDERING, ticket=ticket, tries=0, facts=facts)
    if job.accepted_ms:
        span = CensoredDuration(job.pending_ms / 1000, age_ms / 1000)
        await context.poll_scheduler.learn(context.kind_of(job), span)
    return moved


async def _ask(context: StepContext, job: Job, nudged: asyncio.Event) -> _Answer | None:
    """Ask until there is an answer; None when something else has to be looked at first."""
    failures = 0
    while True:
        if delay_s := context.poll_scheduler.next_slot_s():
            await sleep_or_event(delay_s, nudged, context.draining)
        if nudged.is_set() or context.draining.is_set():
            return None
        age_ms, provider = context.age_ms(job), context.provider_of(job)
        ticket = {**job.ticket, "target": str(context.target_of(job.id))}
        try:
            with context.routing.asking(provider.name):
                return _Answer(await provider.poll(ticket), age_ms)
        except ProviderError as error:
            telemetry.provider_failed(job, error.kind, str(error))
            decision = retry.after_poll(error, failures, age_ms / 1000)
        if isinstance(decision, retry.GiveUp):
            return _Answer(decision, age_ms)
        failures += 1
        await sleep_or_event(decision.delay_s, nudged, context.draining)


async def _tell_progress(context: StepContext, job: Job, answer: Pending, age_ms: int) -> None:
    if context.poll_scheduler.is_slow(job.tries + 1, age_ms / 1000):
        if not context.poll_scheduler.is_slow(job.tries, job.pending_ms / 1000):
            await context.status_messages.update(job, t(job.language, "job_slow"))
    else:
        await context.status_messages.hint_progress(job, answer.progress or 0.0)
