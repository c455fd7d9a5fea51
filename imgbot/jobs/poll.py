"""The `polling` step: ask the provider once, then wait for the next turn or go on."""

from dataclasses import replace
from typing import Any

from imgbot.domain import retry
from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.domain.job import Job, State, with_changes
from imgbot.domain.poll_schedule import CensoredDuration
from imgbot.domain.texts import t
from imgbot.jobs import inputs
from imgbot.jobs.context import StepContext, conclude, give_up, move
from imgbot.jobs.outcomes import Advance, FailedPoll, Outcome, PollTurn, Snooze
from imgbot.providers.protocol import Done, Recovery
from imgbot.storage.job_queue import CANCELLED
from imgbot.telemetry import events


async def next_poll(context: StepContext, job: Job) -> Outcome:
    """Pause until the job's next poll is due."""
    age_s = context.age_ms(job.progress.ordered_ms) / 1000
    kind = context.routing.kind_of(job)
    wait_s = await context.poll_scheduler.wait_s(kind, age_s)
    return Snooze(job, wait_s)


async def poll(context: StepContext, job: Job, resumed: FailedPoll | None = None) -> Outcome:
    """Ask the provider when the budget of all jobs has a turn."""
    turn = PollTurn(resumed.failures if resumed else 0)
    if delay_s := context.poll_scheduler.next_slot_s():
        return Snooze(job, delay_s, turn)
    return await poll_in_turn(context, job, turn)


async def poll_in_turn(context: StepContext, job: Job, turn: PollTurn) -> Outcome:
    age_ms, provider = context.age_ms(job.progress.ordered_ms), context.routing.provider_of(job)
    try:
        with context.routing.asking(provider.name):
            answer = await provider.poll(job.progress.ticket)
    except ProviderError as error:
        events.provider_failed(job, error.kind, str(error))
        decision = retry.after_poll(error, turn.failures, age_ms / 1000)
        if isinstance(decision, retry.TryAgain):
            await _tell_progress(context, job, age_ms)
            return Snooze(job, decision.delay_s, FailedPoll(turn.failures + 1))
        if job.progress.reason and error.kind is ProviderErrorKind.FAILED:
            # It was cancelled in time.
            ended = replace(decision, outcome=State.CANCELLED, reason=CANCELLED)
            return await give_up(context, job, ended)
        again = await _order_again(context, job) if decision.reason == "provider_lost" else None
        return again or await give_up(context, job, decision)
    if isinstance(answer, Done):
        return Advance(await _done(context, job, answer, age_ms))
    await _tell_progress(context, job, age_ms, answer.progress or 0.0)
    if context.poll_scheduler.is_exhausted(age_ms / 1000):
        return await conclude(context, job, State.DEAD, "exhausted")
    # Not stored: after a restart, the age alone tells when to ask.
    return await next_poll(context, with_changes(job, pending_ms=age_ms))


async def _done(context: StepContext, job: Job, done: Done, age_ms: int) -> Job:
    took_s = (context.now_ms() - job.progress.submit_ms) / 1000
    events.stage_took("provider", took_s)
    events.provider_task_done(job, took_s)
    context.slots.release(job.id)
    ticket = {**job.progress.ticket, "outputs": stored(done)}
    facts = {**job.progress.facts, **caption_facts(done), "took_ms": round(took_s * 1000)}
    moved = await move(context, job, State.RENDERING, ticket=ticket, tries=0, facts=facts)
    if job.progress.accepted_ms:
        span = CensoredDuration(job.progress.pending_ms / 1000, age_ms / 1000)
        await context.poll_scheduler.learn(context.routing.kind_of(job), span)
    return moved


async def _tell_progress(
    context: StepContext, job: Job, age_ms: int, progress: float = 0.0
) -> None:
    if context.poll_scheduler.is_slow(age_ms / 1000):
        await context.status_messages.update(job, t(job.request.language, "job_slow"))
    else:
        await context.status_messages.hint_progress(job, progress)


async def _order_again(context: StepContext, job: Job) -> Advance | None:
    """Go back to the order of a task that cost nothing and is proven to be gone; else None."""
    provider = context.routing.provider_of(job)
    is_free = not job.charge.price_micro and provider.recovery is Recovery.LOOK_UP
    if not is_free or job.progress.lost_orders >= retry.LOST_ORDERS:
        return None
    try:
        ticket = await provider.look_up(inputs.order_id_of(context, job))
    except ProviderError as error:
        events.provider_failed(job, error.kind, str(error))
        return None
    if ticket is not None:
        return None
    moved = await move(
        context,
        job,
        State.SUBMITTING,
        ticket={},
        submit_ms=0,
        accepted_ms=0,
        pending_ms=0,
        provider="",
        tries=0,
        lost_orders=job.progress.lost_orders + 1,
    )
    return Advance(moved)


def stored(answer: Done) -> list[dict[str, str]]:
    """Outputs as a ticket keeps them."""
    return [{"url": output.url, "path": output.path} for output in answer.outputs]


def caption_facts(answer: Done) -> dict[str, Any]:
    """Facts for the caption: which words of the prompt were applied, as far as it is known."""
    facts = {"did": answer.applied, "unknown": answer.unrecognised, "nearest": answer.suggestions}
    return {name: ", ".join(parts) for name, parts in facts.items() if parts}
