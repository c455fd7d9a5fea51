"""The `delivering` step: show the picture or the sentence, then end the job."""

import asyncio
import functools
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from imgbot.domain import retry
from imgbot.domain.buttons import Keyboard
from imgbot.domain.errors import (
    ChatGoneError,
    ChatMovedError,
    ImgbotError,
    MessageGoneError,
    PictureShownError,
    TransientError,
    UserError,
)
from imgbot.domain.job import Changes, Job, State, is_billed, with_changes
from imgbot.domain.operations import OPERATIONS, Operation
from imgbot.domain.result_buttons import RETRY, drawn_anew, under_result
from imgbot.domain.texts import t
from imgbot.jobs import inputs
from imgbot.jobs.captions import failure_text, success_caption
from imgbot.jobs.context import StepContext, move
from imgbot.jobs.hooks import EndOffer, ShownEnd, run_after_shown
from imgbot.jobs.outcomes import Advance, Ended, FailedDelivery, Outcome, Snooze
from imgbot.providers.protocol import service_of
from imgbot.telegram.messenger import ChatTarget
from imgbot.telegram.rate_limiter import OptionalCall
from imgbot.telemetry import events

_LOSSES = 3
_LONG_WAIT_S = 30.0
"""A shorter wait, which the status message has announced, is not worth another message."""


async def deliver(context: StepContext, job: Job, resumed: FailedDelivery | None = None) -> Outcome:
    """Show the picture or send the sentence, then end the job."""
    begun = time.monotonic()
    outcome = job.progress.outcome or State.FAILED
    if outcome is State.DELIVERED and not inputs.is_own_file(context, job.progress.file):
        # The disk was lost, or the file is on another machine.
        return Advance(await move(context, job, State.RENDERING, file="", tries=0))
    try:
        job = await _show_once(context, job, outcome)
    except Exception as error:  # noqa: BLE001 -- most are raised again
        await _note_refusal(context, job, error)
        return await _after_failure(context, job, error, resumed.failures if resumed else 0)
    await finish(context, job, outcome)
    events.stage_took("deliver", time.monotonic() - begun)
    await _notify_ready(context, job, outcome)
    return Ended()


async def _note_refusal(context: StepContext, job: Job, error: Exception) -> None:
    """Remember what the job's chat does not take."""
    if isinstance(error, ChatGoneError):
        await context.users.note_closed(job.request.chat_id, job.request.thread_id)
    elif isinstance(error, UserError) and error.reason.endswith("_forbidden"):
        await context.users.note_forbidden(job.request.chat_id, error.reason)


async def _after_failure(
    context: StepContext, job: Job, error: Exception, failures: int
) -> Outcome:
    """Show the end elsewhere or later, or end the job unseen; else raise the error."""
    is_made = job.progress.outcome is State.DELIVERED
    if isinstance(error, PictureShownError):
        return await _end_late(context, job)
    if isinstance(error, ChatGoneError) and is_made:
        # It may take messages again in a moment: the bot was muted, blocked, a topic closed.
        return _deliver_again(job, UserError("chat_refused"), failures)
    if isinstance(error, MessageGoneError | ChatMovedError | ChatGoneError):
        return await _show_elsewhere(context, job, error)
    if isinstance(error, ImgbotError) or not is_made:
        raise error
    return _deliver_again(job, error, failures)


async def _end_late(context: StepContext, job: Job) -> Ended:
    """End a job that was shown; Redis has lost that with the last second of its writes."""
    message_id, offer = await context.status_messages.ensure(job, ""), _offer(context, job)
    end = State.FAILED if offer and offer.picture else State.DELIVERED
    await finish(context, with_changes(job, message_id=message_id), end, is_late=True)
    return Ended()


def _deliver_again(job: Job, error: Exception, failures: int) -> Snooze:
    """Pause before the picture is delivered again; after the last attempt, raise the error."""
    failures += 1
    if failures == retry.DELIVERY_ATTEMPTS:
        raise error
    delay_s = retry.backoff_s(failures, cap_s=30)
    reason = f"the delivery failed ({type(error).__name__}: {error})"
    events.job_waits(job, TransientError(reason), delay_s)
    return Snooze(job, delay_s, FailedDelivery(failures), wake_on=frozenset())


async def _show_elsewhere(context: StepContext, job: Job, error: ImgbotError) -> Outcome:
    """Have the end shown in a new message, or end the job where there is nobody to show it to."""
    changes: Changes = {}
    if isinstance(error, ChatMovedError):
        changes = {"message_id": 0, "chat_id": error.chat_id, "reply_to": 0}
    elif isinstance(error, MessageGoneError) and job.progress.tries < _LOSSES:
        changes = {"message_id": 0, "tries": job.progress.tries + 1}
    if changes:
        context.status_messages.forget(job.id)
        return Advance(await move(context, job, State.DELIVERING, **changes))
    # A user who deletes each message has answered, too.
    is_made = job.progress.outcome is State.DELIVERED
    end = State.FAILED if is_made else job.progress.outcome or State.FAILED
    await finish(context, with_changes(job, message_id=0), end)
    if is_made:
        # It has no result, by which it could be found and forgotten.
        await asyncio.to_thread(context.originals.remove, job.id)
    return Ended()


async def _notify_ready(context: StepContext, job: Job, outcome: State) -> None:
    """Send a message of its own after a long wait: an edit notifies nobody."""
    waited_s = (context.now_ms() - job.created_ms) / 1000
    if waited_s < _LONG_WAIT_S or outcome is State.CANCELLED:
        return
    if job.request.operation is Operation.STICKER and outcome is State.DELIVERED:
        return
    if not context.messenger.has_room(OptionalCall.READY, job.request.chat_id, waited_s):
        return
    place = ChatTarget(
        job.request.chat_id,
        job.request.thread_id,
        job.progress.message_id if job.request.chat_id > 0 else job.request.reply_to,
    )
    key = "ready" if outcome is State.DELIVERED else "ready_without"
    # Best effort: twice would be worse than not at all.
    with suppress(ImgbotError):
        if (
            await context.queue.newest_of(job.user_id)
            or (await context.users.preferences(job.user_id)).is_quiet
        ):
            return
        line_id = await context.messenger.send_text(place, t(job.request.language, key), [])
        if outcome is State.DELIVERED:
            # A reply to this message is about the picture.
            await context.results.note_ready(job.request.chat_id, line_id, job.id)


def _caption(context: StepContext, job: Job) -> str:
    notes = (note(job) for note in context.hooks.caption_notes)
    return "\n".join([success_caption(job), *filter(None, notes)])


def _result_of(context: StepContext, job: Job, outcome: State) -> Job | None:
    """Return what is stored of a picture, or of a request that may be repeated."""
    if outcome is not State.DELIVERED:
        return job if retry.is_repeatable(job, outcome) or _offer(context, job) else None
    if OPERATIONS[job.request.operation].is_final:
        return None
    charge, provider = job.charge, context.routing.get(job.progress.provider)
    model, takes_seed = "", False
    if provider is not None and job.request.operation in provider.offers:
        ordered = context.routing.model_of(job, provider)
        offer = provider.offer(job.request.operation, ordered)
        model, takes_seed = ordered or offer.model, offer.takes_seed
    return with_changes(
        job,
        caption=_caption(context, with_changes(job, note="", ignored="")),
        order_model=model or service_of(job.progress.provider),
        takes_seed=takes_seed,
        price_micro=charge.price_micro if is_billed(job) else 0,
        holds=tuple(each for each in charge.holds if each.spent_in),
    )


async def finish(context: StepContext, job: Job, outcome: State, *, is_late: bool = False) -> None:
    """Finish the job in Redis, with what the buttons under its last message need."""
    store = functools.partial(_store_features, context)
    failure = "" if outcome is State.DELIVERED else _failure(context, job)
    end = ShownEnd(job, outcome, is_late, failure, store)
    await run_after_shown(context.hooks, end)
    job = end.job
    result = _result_of(context, job, outcome)
    status = events.status_of(job, outcome)
    await context.queue.finish(job, outcome, context.now_ms(), result, status=status)
    events.job_finished(job, outcome, context.now_ms())
    if outcome is State.DEAD:
        context.alarm.set()
    if is_billed(job):
        events.picture_charged(job)


async def _store_features(
    context: StepContext, job: Job, features: Mapping[str, Mapping[str, Any]]
) -> Job:
    return await move(context, job, State.DELIVERING, features=features)


async def _show(context: StepContext, job: Job, outcome: State) -> Job:
    place = ChatTarget(job.request.chat_id, job.request.thread_id, job.request.reply_to)
    if outcome is not State.DELIVERED:
        return await _show_failure(context, job, place)
    message_id = await context.status_messages.ensure(job, t(job.request.language, "job_ready"))
    async with context.status_messages.lock_final(job):
        picture = await context.messenger.edit_to_picture(
            place,
            message_id,
            Path(job.progress.file),
            kind=str(job.progress.facts.get("kind", "")),
            is_hidden=_is_hidden(job),
            caption=_caption(context, job),
            rows=_buttons(context, job),
        )
    return with_changes(job, message_id=message_id, shown=(picture,) if picture else ())


async def _show_once(context: StepContext, job: Job, outcome: State) -> Job:
    """Show the end; if something is to follow, the picture is not uploaded again for it."""
    if outcome is State.DELIVERED and job.progress.shown:
        return job
    job = await _show(context, job, outcome)
    shown, hooks = job.progress.shown, context.hooks.after_shown
    if shown and any(hook.concerns(job, outcome) for hook in hooks):
        return await move(context, job, State.DELIVERING, shown=shown)
    return job


def _offer(context: StepContext, job: Job) -> EndOffer | None:
    """Return what is offered in place of a picture."""
    return next(filter(None, (offer(context, job) for offer in context.hooks.offers)), None)


def _failure(context: StepContext, job: Job) -> str:
    """Return the sentence on why there is no picture, and what follows it.

    An offer is followed by no notes: what it asks about was not ordered.
    """
    notes = () if _offer(context, job) else context.hooks.failure_notes
    return " ".join([failure_text(job), *filter(None, (note(job) for note in notes))])


async def _show_failure(context: StepContext, job: Job, place: ChatTarget) -> Job:
    """Show why there is no picture, or what is offered in its place."""
    again = [RETRY.button(job.request.language, job.id)]
    plain = EndOffer([again] if retry.is_repeatable(job, State.FAILED) else [])
    offered = _offer(context, job) or plain
    rows, preview = offered.rows, offered.picture
    text = _failure(context, job)
    message_id = await context.status_messages.ensure(job, text)
    # It may be a photo with something drawn on it, which cannot be judged.
    is_unjudged_hidden = any(hides(job.request) for hides in context.hooks.hides_unjudged)
    is_hidden = job.request.is_of_hidden or is_unjudged_hidden
    async with context.status_messages.lock_final(job):
        if preview and inputs.is_own_file(context, str(preview)):
            shown = place, message_id, preview, text, rows
            await context.messenger.edit_to_picture(*shown, kind="photo", is_hidden=is_hidden)
        else:
            await context.messenger.edit_text(place, message_id, text, rows)
    return with_changes(job, message_id=message_id)


def _is_hidden(job: Job) -> bool:
    return "hidden" in job.progress.facts or job.request.is_of_hidden


def _buttons(context: StepContext, job: Job) -> Keyboard:
    if OPERATIONS[job.request.operation].is_final:
        return []
    is_created = job.request.operation is Operation.CREATE
    rows = under_result(
        job.request.language,
        job,
        context.result_buttons,
        is_photo=job.progress.facts.get("kind") == "photo" and not _is_hidden(job),
        # A deterministic provider makes the same picture of the same request, except for create.
        is_varied=is_created or not context.routing.provider_of(job).is_deterministic,
    )
    return [*drawn_anew(job), *rows]
