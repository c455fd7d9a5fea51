"""The `submitting` step: prepare, upload, store the submit record, order, recover if in doubt.

The submit record is stored right before the paid submit, after the uploads. If the answer to a
submit is lost, the task is looked up, or ordered again under an idempotency key, or the job stops.
"""

import time
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import replace

from imgbot.domain import retry
from imgbot.domain.errors import (
    ProviderError,
    ProviderErrorKind,
    StorageUnavailableError,
    TransientError,
    UserError,
)
from imgbot.domain.holds import Hold
from imgbot.domain.job import Changes, Job, State, with_changes
from imgbot.domain.poll_schedule import CensoredDuration
from imgbot.domain.redrawing import drawn_from
from imgbot.domain.texts import t
from imgbot.jobs import inputs
from imgbot.jobs.context import StepContext, conclude, give_up, move
from imgbot.jobs.hooks import run_before_choice
from imgbot.jobs.outcomes import (
    Advance,
    LostAnswer,
    OrderSlot,
    OrderTurn,
    Outcome,
    RepeatedOrder,
    Snooze,
    Wake,
)
from imgbot.jobs.poll import caption_facts, next_poll, stored
from imgbot.jobs.provider_routing import BUILTIN, REFUSES_SERVICE, Choice
from imgbot.jobs.recovery import SEARCHED_MS, Action, Answer, Unknown, decide
from imgbot.providers.protocol import (
    Accepted,
    Done,
    GenerationRequest,
    Provider,
    Recovery,
    Ticket,
    chosen_model,
)
from imgbot.telegram.messenger import cut
from imgbot.telemetry import events

_SYNC_AGAIN_S = 1.0
_STAND_BY_S = 30.0
_SLOT_WAIT_S = 30.0
_SLOT_WAKES = frozenset({Wake.CANCEL, Wake.HOOK, Wake.SLOT})
_SHOWN_WORDS = 200
_JUST_BEFORE = 0.98
"""Lower bound of the duration of a picture that came with the answer to its submit."""

_CLOSED = retry.GiveUp(State.FAILED, "provider_closed", is_billed=False)
_DOWN = retry.GiveUp(State.FAILED, "provider_down", is_billed=False)


async def submit(context: StepContext, job: Job) -> Outcome:
    """Order the picture, once, at a provider that is available."""
    if job.progress.submit_ms:
        # Adopted with a submit record and without a ticket: it may have been paid for.
        return await _recover(context, job, is_foreign=True)
    _check_model(context, job)
    if job.request.awaits_picture:
        job = await _with_picture(context, job)
    # The chat may have refused such a picture since the job was admitted.
    await context.users.check_allowed(job.request)
    resolved = await run_before_choice(context.hooks, context, job)
    if isinstance(resolved, Advance):
        return resolved
    job = resolved
    choice = _choose(context, job)
    if choice.provider is None:
        return await _wait_for_provider(context, job, choice)
    begun = time.monotonic()
    order = await inputs.build_request(context, job, choice.provider)
    events.stage_took("prepare", time.monotonic() - begun)
    # Nothing is paid for in a chat that does not take even this. It is on its way already.
    await context.status_messages.ensure(job, "")
    return await order_in_slot(context, job, OrderSlot(choice.provider, order))


def _choose(context: StepContext, job: Job) -> Choice:
    # Words alone are free and exact at the engine; no model could add anything.
    if job.request.is_lettering_alone and (engine := context.routing.get(BUILTIN)):
        return Choice(engine)
    return context.routing.choose(job.request.operation, job.progress.provider, time.monotonic())


def _check_model(context: StepContext, job: Job) -> None:
    """Raise UserError if the operation, or the model that the user chose, is no longer offered."""
    if not context.routing.is_offered(job.request.operation):
        raise UserError("operation_withdrawn", charge="no")
    if not (model := job.request.model):
        return
    models = context.routing.models(job.request.operation)
    if not chosen_model(models, model):
        title = model.rpartition("/")[2]
        usual = next(iter(models.values())).title or t(job.request.language, "model_usual")
        raise UserError("model_withdrawn", model=title, usual=usual, charge="no")


async def _with_picture(context: StepContext, job: Job) -> Job:
    """Return the job with the picture that was being made. Raises UserError if there is none."""
    result = await context.results.result(job.request.parent)
    if result is None or result.picture is None:
        title = t(job.request.language, f"title_{job.request.operation}")
        words = cut(job.request.prompt, _SHOWN_WORDS) or title
        raise UserError("picture_never_came", words=words, charge="no")
    # It may have been drawn anew meanwhile, with other words.
    base, lost = drawn_from(result) if job.request.base else ("", "")
    changes: Changes = {"sources": (result.picture,), "base": base, "lost": lost}
    return await move(context, job, State.SUBMITTING, **changes)


async def order_in_slot(context: StepContext, job: Job, at: OrderSlot) -> Outcome:
    """Order as soon as the provider takes one more task, at the least busy of its servers."""
    count, order = context.slots.count, at.order
    provider = context.routing.least_busy(at.provider, job.progress.provider, count)
    if not context.slots.acquire(job.id, provider):
        at = OrderSlot(provider, order)
        return Snooze(job, _SLOT_WAIT_S, at, wake_on=_SLOT_WAKES)
    try:
        with context.routing.asking(provider.name):
            order = await provider.upload(order)
        fields = await provider.fields_of(order) if provider.is_searchable else {}
    except ProviderError as error:
        # Nothing was ordered yet, so that nothing can be lost, or be in doubt.
        kind = error.kind if error.kind in retry.REFUSALS else ProviderErrorKind.UNAVAILABLE
        refusal = ProviderError(kind, str(error), retry_after_s=error.retry_after_s)
        return await _refused(context, job, provider, retry.judged(refusal))
    return await order_in_turn(context, job, OrderTurn(provider, order, fields))


async def order_in_turn(context: StepContext, job: Job, at: OrderTurn) -> Outcome:
    """Order as soon as the provider's limit of orders allows it."""
    routing, provider = context.routing, at.provider
    if not routing.is_resumed(provider.name):
        reduced = await context.paces.stored(provider.name, context.now_ms())
        routing.resume(provider.name, reduced, time.monotonic())
    now_s = time.monotonic()
    turn = routing.turn(provider.name, now_s, at.turn)
    if turn.at_s > now_s:
        # Only in a pause that the provider asked for does the job leave its place to others.
        wait_s = turn.at_s - now_s
        wait_s = min(wait_s, _SLOT_WAIT_S) if turn.is_taken else wait_s
        return Snooze(job, wait_s, replace(at, turn=turn), wake_on=frozenset({Wake.CANCEL}))
    if context.draining.is_set():
        return Advance(job)
    # Else only the answer to the submit can tell what became of it.
    is_recovered = provider.recovery is not Recovery.NONE or context.webhooks.can_recover(provider)
    if context.slots.is_closed and not is_recovered:
        return Snooze(job, _SLOT_WAIT_S)
    with nullcontext() if is_recovered else context.slots.awaiting(job.id):
        intended = await _record_submit(context, job, provider, at.order, at.fields)
        if not intended.progress.submit_ms:
            return Snooze(intended, _SYNC_AGAIN_S)
        return await _order(context, intended, provider, at.order)


async def _order(
    context: StepContext, job: Job, provider: Provider, order: GenerationRequest
) -> Outcome:
    begun = time.monotonic()
    try:
        context.check_lease()
        with context.routing.asking(provider.name):
            answer = await provider.submit(order)
    except ProviderError as error:
        refusal = retry.judged(error)
        if refusal.kind is ProviderErrorKind.RATE_LIMITED:
            await _slow_down(context, provider, refusal, sent_s=begun)
        return await _refused(context, job, provider, refusal)
    except TransientError:
        # It is without effect: nothing was ordered, and there is nothing to recover.
        await move(context, job, State.SUBMITTING, submit_ms=0, provider="")
        raise
    # An answer that is the picture took as long as the picture.
    stage = "provider" if isinstance(answer, Done) else "submit"
    events.stage_took(stage, time.monotonic() - begun)
    return await _accepted(context, job, provider, answer, context.now_ms())


async def _slow_down(
    context: StepContext, provider: Provider, error: ProviderError, sent_s: float
) -> None:
    now_s = time.monotonic()
    per_s = context.routing.slow_down(provider.name, sent_s, now_s, error.retry_after_s)
    if per_s is not None:
        events.info("provider %s: slowed down to %.2f orders per second", provider.name, per_s)
        with suppress(StorageUnavailableError):
            await context.paces.keep(provider.name, per_s, context.now_ms())


async def _record_submit(
    context: StepContext,
    job: Job,
    provider: Provider,
    order: GenerationRequest,
    fields: Mapping[str, str],
) -> Job:
    """Store the submit record; a job returned without one (`submit_ms` 0) is not ordered yet."""
    price_micro = _price_of(job, provider, order)
    is_alone = job.request.is_lettering_alone
    is_stand_in = is_alone or context.routing.is_fallback(job.request.operation, provider.name)
    job = await move(
        context,
        job,
        State.SUBMITTING,
        submit_ms=context.now_ms(),
        provider=provider.name,
        order_id=inputs.order_id_of(context, job),
        order_model=provider.offer(job.request.operation, order.model).model,
        order_fields=fields,
        price_micro=price_micro,
        holds=_held_for_order(context, job, price_micro, is_stand_in=is_stand_in),
        side_px=order.side_px,
        model=order.model or job.request.model,
        lettering=order.lettering,
        note="stand_in_note" if is_stand_in and not is_alone else job.request.note,
    )
    if job.is_cancelled:
        # Nothing was ordered: without the record, nothing is charged.
        return await move(context, job, State.SUBMITTING, submit_ms=0)
    try:
        await context.queue.persistence.persist()
    except TransientError as error:
        # Nothing was ordered: without the record, there is nothing to recover later.
        events.job_waits(job, error, _SYNC_AGAIN_S)
        job = await move(context, job, State.SUBMITTING, submit_ms=0, provider="")
    return job


def _price_of(job: Job, provider: Provider, order: GenerationRequest) -> int:
    """Price of the order; of a model that the user chose, no more than at admission."""
    price_micro = provider.offer(job.request.operation, order.model).price_at(order.scale)
    return min(price_micro, job.charge.reserved_micro) if order.model else price_micro


def _held_for_order(
    context: StepContext, job: Job, price_micro: int, *, is_stand_in: bool
) -> tuple[Hold, ...]:
    """Return the job's holds, with what is held of a balance beyond the price of what is ordered.

    A stand-in that costs nothing is free.
    """
    held, priced = job.charge.holds, with_changes(job, price_micro=price_micro)
    needed = {each.field: each.amount for holds_of in context.holds for each in holds_of(priced)}
    if is_stand_in and not price_micro:
        needed = dict.fromkeys((each.field for each in held), 0)
    return tuple(
        each._replace(back=max(needed.get(each.field, each.amount) - each.amount, 0))
        if each.spent_in
        else each
        for each in held
    )


async def _wait_for_provider(context: StepContext, job: Job, choice: Choice) -> Outcome:
    """No provider serves at the moment: wait a while, or give up."""
    if choice.is_permanent:
        return await give_up(context, job, _CLOSED)
    if job.progress.tries >= retry.SUBMIT_ATTEMPTS or choice.wait_s > retry.PATIENCE_S:
        return await give_up(context, job, _DOWN)
    job = await move(context, job, State.SUBMITTING, tries=job.progress.tries + 1)
    return Snooze(job, min(choice.wait_s, _STAND_BY_S))


async def _refused(
    context: StepContext, job: Job, provider: Provider, error: ProviderError
) -> Outcome:
    events.provider_failed(with_changes(job, provider=provider.name), error.kind, str(error))
    asked_s = error.retry_after_s or 0.0
    asked_s = asked_s if asked_s > retry.LONG_REFUSAL_S else 0.0
    now_s = time.monotonic()
    if context.routing.record_refusal(provider.name, job, error.kind, now_s, asked_s):
        events.error("provider %s is out of service: %s", provider.name, error.kind)
        context.alarm.set()
    if error.kind is ProviderErrorKind.SUBMIT_UNKNOWN:
        return await _recover(context, job)
    context.slots.release(job.id)
    may_pass_on = error.kind in REFUSES_SERVICE and job.progress.tries < retry.SUBMIT_ATTEMPTS
    if may_pass_on and context.routing.other(job.request.operation, provider.name):
        # No task exists: another provider may serve, at once if the chosen one has just refused.
        tries = job.progress.tries
        may_hurry = context.routing.may_hurry(job.request.operation, provider.name, tries)
        decision: retry.TryAgain | retry.GiveUp = retry.TryAgain(
            0.0 if may_hurry else retry.backoff_s(tries)
        )
    else:
        decision = retry.after_submit(error, job.progress.tries)
    if isinstance(decision, retry.GiveUp):
        return await give_up(context, job, decision)
    # Without the record, a restart in the pause has nothing to recover.
    refused_by = provider.name if error.kind in REFUSES_SERVICE else ""
    changes: Changes = {"submit_ms": 0, "tries": job.progress.tries + 1, "provider": refused_by}
    job = await move(context, job, State.SUBMITTING, **changes)
    return Snooze(job, decision.delay_s)


async def _accepted(
    context: StepContext,
    job: Job,
    provider: Provider,
    answer: Accepted | Done,
    accepted_ms: int = 0,
) -> Outcome:
    context.routing.record_success(provider.name, job)
    if isinstance(answer, Accepted):
        if provider.is_searchable or context.webhooks.can_recover(provider):
            # First: nobody notes it later for a job that is resumed with its ticket.
            await _is_own(context, job, answer.ticket)
        job = await move(
            context,
            job,
            State.POLLING,
            ticket=answer.ticket,
            order_fields={},
            tries=0,
            accepted_ms=accepted_ms,
        )
        return await next_poll(context, job)
    context.slots.release(job.id)
    took_s = (accepted_ms - job.progress.submit_ms) / 1000 if accepted_ms else 0
    moved = await move(
        context,
        job,
        State.RENDERING,
        ticket={"outputs": stored(answer)},
        tries=0,
        facts={**caption_facts(answer), "took_ms": round(took_s * 1000)},
    )
    if accepted_ms:
        events.provider_task_done(job, took_s)
        await context.poll_scheduler.learn(
            context.routing.kind_of(job), CensoredDuration(took_s * _JUST_BEFORE, took_s)
        )
    return Advance(moved)


async def _recover(context: StepContext, job: Job, *, is_foreign: bool = False) -> Outcome:
    """Find out what became of an order whose answer was lost; a foreign one may yet be made."""
    provider = context.routing.provider_of(job)
    # Its task may be alive; after a restart it holds none.
    context.slots.adopt(job.id, provider.name)
    unknown = Unknown(
        provider.recovery,
        job.progress.tries,
        age_s=0.0,
        is_hooked=context.webhooks.can_recover(provider),
        is_searchable=provider.is_searchable and bool(job.progress.order_fields),
        is_foreign=is_foreign,
    )
    return await _resolve(context, job, unknown)


async def _resolve(context: StepContext, job: Job, unknown: Unknown) -> Outcome:
    age_s = max(unknown.age_s, (context.now_ms() - job.progress.submit_ms) / 1000)
    submit_s = context.routing.provider_of(job).submit_s
    locked_s = context.locked_s(submit_s) if unknown.is_foreign else 0.0
    decision = decide(replace(unknown, age_s=age_s, locked_s=locked_s))
    match decision.action:
        case Action.ASK:
            # However far the clock is set back meanwhile.
            waited = replace(unknown, age_s=age_s + decision.wait_s)
            return Snooze(job, decision.wait_s, LostAnswer(waited))
        case Action.REPEAT:
            return Snooze(job, decision.wait_s, RepeatedOrder(), wake_on=frozenset({Wake.DRAIN}))
        case Action.ORDER_AGAIN:
            # It has refused nothing: the chosen provider is asked again, and no stand-in.
            changes: Changes = {"submit_ms": 0, "tries": job.progress.tries + 1, "provider": ""}
            return Advance(await move(context, job, State.SUBMITTING, **changes))
        case Action.SET_ASIDE:
            return await conclude(context, job, State.DEAD, "submit_unknown")


async def look_for_task(context: StepContext, job: Job, lost: LostAnswer) -> Outcome:
    found = await _find(context, job, context.routing.provider_of(job))
    if isinstance(found, Answer):
        unknown = replace(lost.unknown, questions=lost.unknown.questions + 1, answer=found)
        return await _resolve(context, job, unknown)
    moved = await move(context, job, State.POLLING, ticket=found, order_fields={}, tries=0)
    return await next_poll(context, moved)


async def _find(context: StepContext, job: Job, provider: Provider) -> Ticket | Answer:
    """Ticket of an order whose answer was lost, from a webhook or its provider."""
    ticket = (
        await context.queue.hook_ticket(job.id) if context.webhooks.can_recover(provider) else None
    )
    if ticket and await _is_own(context, job, ticket):
        events.info("job %s: submit confirmed by webhook after a lost response", job.id)
        return ticket
    try:
        with context.routing.asking(provider.name):
            if provider.recovery is Recovery.LOOK_UP:
                return await provider.look_up(inputs.order_id_of(context, job)) or Answer.ABSENT
            if provider.is_searchable:
                return await _search(context, job, provider) or Answer.NONE
    except ProviderError as error:
        events.provider_failed(job, error.kind, str(error))
        is_clueless = error.kind is ProviderErrorKind.LOST and provider.recovery is Recovery.LOOK_UP
        return Answer.NEVER if is_clueless else Answer.NONE
    return Answer.NONE


async def _search(context: StepContext, job: Job, provider: Provider) -> Ticket | None:
    if context.now_ms() - job.progress.ordered_ms > SEARCHED_MS:
        return None
    for ticket in await provider.search(
        job.request.operation,
        job.progress.order_fields,
        job.progress.submit_ms,
        context.routing.model_of(job, provider),
    ):
        if await _is_own(context, job, ticket):
            found = "job %s: submit found in the provider's list after a lost response"
            events.info(found, job.id)
            return ticket
    return None


async def _is_own(context: StepContext, job: Job, ticket: Ticket) -> bool:
    """Claim a task for the job; False if it is that of another job with the same order."""
    return await context.queue.own_task(f"{job.progress.provider}.{ticket['id']}", job.id)


async def repeat_order(context: StepContext, job: Job, _: RepeatedOrder) -> Outcome:
    """Order again under the same key; the record stays, for the first order may be alive."""
    provider = context.routing.provider_of(job)
    model = context.routing.model_of(job, provider)
    if model and provider.offer(job.request.operation, model).model != model:
        # Another model is another order.
        return await conclude(context, job, State.DEAD, "submit_unknown")
    if job.request.awaits_picture:
        job = await _with_picture(context, job)
    order = await inputs.build_request(context, job, provider)
    job = await move(context, job, State.SUBMITTING, tries=job.progress.tries + 1)
    try:
        with context.routing.asking(provider.name):
            order = await provider.upload(order)
            context.check_lease()
            answer = await provider.submit(order)
    except ProviderError as error:
        events.provider_failed(job, error.kind, str(error))
        decision = retry.after_submit(error, job.progress.tries)
        is_open = error.kind is ProviderErrorKind.SUBMIT_UNKNOWN
        if is_open or isinstance(decision, retry.TryAgain):
            return Advance(job)
        # This order was refused; the fate of the first one is unknown.
        return await conclude(context, job, State.DEAD, "submit_unknown")
    return await _accepted(context, job, provider, answer)
