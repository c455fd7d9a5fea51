"""The `rendering` and `delivering` steps: fetch the result, convert it, show it, end the job."""

import asyncio
import functools
import json
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import cast

from imgbot.domain import marked_area, retry
from imgbot.domain.errors import (
    ChatGoneError,
    ChatMovedError,
    FloodWaitError,
    ImgbotError,
    MessageGoneError,
    PictureShownError,
    ProviderError,
    ProviderErrorKind,
    TransientError,
    UserError,
    WorkerLostError,
)
from imgbot.domain.job import (
    InputPhoto,
    Job,
    State,
    is_billed,
    is_paid,
    variant_number,
    with_changes,
)
from imgbot.domain.operations import OPERATIONS, Operation
from imgbot.domain.prompt_options import is_short, with_negative
from imgbot.domain.remix import undone_part
from imgbot.domain.texts import buttons, has_text, t
from imgbot.domain.texts.captions import drawing_lines, edit_names
from imgbot.files import copy_file
from imgbot.jobs import inputs
from imgbot.jobs.context import (
    Advance,
    Ended,
    Outcome,
    Snooze,
    StepContext,
    conclude,
    give_up,
    move,
)
from imgbot.jobs.poll import next_poll
from imgbot.painter import steps
from imgbot.providers.protocol import Output, Recovery, service_of
from imgbot.storage import job_codec, results
from imgbot.telegram.messenger import ChatTarget, cut
from imgbot.telegram.rate_limiter import OptionalCall
from imgbot.telemetry import events

_LOSSES = 3
_LONG_WAIT_S = 30.0
"""A shorter wait, which the status message has announced, is not worth another message."""

_CAPTION_WORDS = 600
"""Characters of the prompt that a caption repeats; Telegram takes 1024 in all."""

_UNKNOWN_WORDS = 120
_STICKER_BEGUN = "sticker"
_SHOWN = "shown"
"""Fact of a picture that is shown in its chat, but not in the inline message yet."""
_LABEL_WORDS = 40
_CUT_OUT = frozenset({Operation.STICKER, Operation.REMOVE_BACKGROUND})
_NEARLY = 0.97
"""Fraction of a scale that counts as reached: sides are rounded."""


_ShownPicture = tuple[int, InputPhoto | None]
"""Id of the message that shows the end (0: none), and the Telegram file of its picture."""
_NOT_SHOWN: _ShownPicture = 0, None


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
        raise _NotFetchedError(Snooze(job, decision.delay_s, _fetch_again, may_wake=False))
    # The file of an earlier attempt will do as well.
    if not await asyncio.to_thread(_recall, context, job, raw):
        raise _NotFetchedError(await _make_again(context, job, output, decision))


async def _fetch_output(context: StepContext, job: Job, output: Output, raw: Path) -> None:
    if output.path and not inputs.is_own_file(context, output.path):
        raise ProviderError(ProviderErrorKind.EXPIRED, "the picture's file is gone")
    await context.routing.provider_of(job).fetch(output, raw)


async def _fetch_again(context: StepContext, job: Job) -> Outcome:
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


async def deliver(context: StepContext, job: Job, failures: int = 0) -> Outcome:
    """Show the picture or send the sentence, then end the job.

    `failures` deliveries of its picture failed: its chat refused it, or for no known reason.
    """
    begun = time.monotonic()
    outcome = job.progress.outcome or State.FAILED
    if outcome is State.DELIVERED and not inputs.is_own_file(context, job.progress.file):
        # The disk was lost, or the file is on another machine.
        return Advance(await move(context, job, State.RENDERING, file="", tries=0))
    try:
        job, shown = await _show_once(context, job, outcome)
        if job.request.operation is Operation.STICKER and outcome is State.DELIVERED:
            job = await _send_sticker(context, job, shown[0])
        if job.request.inline_id:
            await _show_inline(context, job, shown[1])
    except Exception as error:  # noqa: BLE001 -- most are raised again
        await _note_refusal(context, job, error)
        return await _after_failure(context, job, error, failures)
    await finish(context, job, outcome, shown)
    events.stage_took("deliver", time.monotonic() - begun)
    await _notify_ready(context, job, outcome, shown[0])
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
    if isinstance(error, ChatGoneError) and is_made:
        # It may take messages again in a moment: the bot was muted, blocked, a topic closed.
        return _deliver_again(job, UserError("chat_refused"), failures)
    if isinstance(error, PictureShownError):
        # Redis lost its last second, and with it that the job was delivered, or has asked.
        shown_id = await context.status_messages.ensure(job, "")
        end = State.FAILED if marked_area.is_previewed(job) else State.DELIVERED
        await finish(context, job, end, (shown_id, None))
        return Ended()
    if isinstance(error, MessageGoneError | ChatMovedError | ChatGoneError):
        moved = await _move_to_another_message(context, job, error)
        if moved is not None:
            return Advance(moved)
        await finish(
            context, job, State.FAILED if is_made else job.progress.outcome or State.FAILED
        )
        if is_made:
            # It has no result, by which it could be found and forgotten.
            await asyncio.to_thread(context.originals.remove, job.id)
        return Ended()
    if isinstance(error, ImgbotError) or not is_made:
        raise error
    return _deliver_again(job, error, failures)


def _deliver_again(job: Job, error: Exception, failures: int) -> Snooze:
    """Pause before the picture is delivered again; after the last attempt, raise the error."""
    failures += 1
    if failures == retry.DELIVERY_ATTEMPTS:
        raise error
    delay_s = retry.backoff_s(failures, cap_s=30)
    reason = f"the delivery failed ({type(error).__name__}: {error})"
    events.job_waits(job, TransientError(reason), delay_s)
    return Snooze(job, delay_s, functools.partial(deliver, failures=failures), may_wake=False)


async def _move_to_another_message(
    context: StepContext, job: Job, error: ImgbotError
) -> Job | None:
    """Have the end shown in a new message; None where there is nobody to show it to."""
    if isinstance(error, ChatMovedError):
        changes: dict[str, int] = {"chat_id": error.chat_id, "reply_to": 0}
    elif isinstance(error, MessageGoneError) and job.progress.tries < _LOSSES:
        changes = {"tries": job.progress.tries + 1}
    else:
        # A user who deletes each message has answered, too.
        return None
    context.status_messages.forget(job.id)
    return await move(context, job, State.DELIVERING, message_id=0, **changes)


async def _notify_ready(context: StepContext, job: Job, outcome: State, message_id: int) -> None:
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
        message_id if job.request.chat_id > 0 else job.request.reply_to,
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


def _record_of(
    context: StepContext, job: Job, outcome: State, shown: _ShownPicture
) -> dict[str, str]:
    """Return what is stored of a picture, or of a request that may be repeated."""
    message_id, picture = shown
    if retry.is_repeatable(job, outcome) or _choices(context, job):
        return results.to_hash(job, None, "", message_id)
    if outcome is not State.DELIVERED or job.request.operation is Operation.COMPARE:
        return {}
    provider = context.routing.get(job.progress.provider)
    is_able = provider is not None and job.request.operation in provider.offers
    model = context.routing.model_of(job, provider) if is_able else ""
    offer = provider.offer(job.request.operation, model) if is_able else None
    return results.to_hash(
        job,
        picture,
        success_caption(with_changes(job, note="", ignored="")),
        message_id,
        model=model or (offer and offer.model) or service_of(job.progress.provider),
        takes_seed=offer is not None and offer.takes_seed,
    )


async def finish(
    context: StepContext, job: Job, outcome: State, shown: _ShownPicture = _NOT_SHOWN
) -> None:
    """Finish the job in Redis, with what the buttons under its last message need."""
    if job.request.inline_id and _SHOWN not in job.progress.facts:
        # It ended otherwise than by a picture that was shown.
        text = t(job.request.language, "guest_ready")
        text = text if outcome is State.DELIVERED else failure_text(job)
        await context.messenger.edit_inline(job.request.inline_id, text)
    result, has_cost = _record_of(context, job, outcome, shown), is_billed(job)
    await context.queue.finish(
        job,
        outcome,
        context.now_ms(),
        result,
        shown[1] if result else None,
        is_billed=has_cost,
        status=events.status_of(job, outcome),
    )
    events.job_finished(job, outcome, context.now_ms())
    if outcome is State.DEAD:
        context.alarm.set()
    if has_cost:
        events.picture_charged(job)


async def _show(context: StepContext, job: Job, outcome: State) -> _ShownPicture:
    place = ChatTarget(job.request.chat_id, job.request.thread_id, job.request.reply_to)
    if outcome is not State.DELIVERED:
        return await _show_failure(context, job, place)
    message_id = await context.status_messages.ensure(job, t(job.request.language, "job_ready"))
    async with context.status_messages.lock_final(job):
        picture = await context.messenger.edit_to_picture(
            place,
            message_id,
            Path(job.progress.file),
            is_photo=job.progress.facts.get("kind") == "photo",
            is_hidden="hidden" in job.progress.facts or job.request.is_of_hidden,
            caption=success_caption(job),
            rows=_buttons(context, job),
        )
    return message_id, picture


async def _send_sticker(context: StepContext, job: Job, message_id: int) -> Job:
    """Send the sticker in reply to its picture, at most once: a message cannot become one.

    Where it may not have arrived, that is told; the button under the picture makes another.
    """
    request, facts = job.request, job.progress.facts
    place = ChatTarget(request.chat_id, request.thread_id, message_id)
    if _STICKER_BEGUN not in facts:
        begun = {**facts, _STICKER_BEGUN: 1}
        job = await move(context, job, State.DELIVERING, facts=begun)
        path = Path(job.progress.file).with_name(inputs.STICKER)
        rows = buttons.under_sticker(request.language, job.id)
        try:
            sent_id = await context.messenger.send_sticker(place, path, rows)
        except FloodWaitError:
            # It was not sent: the delivery is repeated.
            await move(context, job, State.DELIVERING, facts=facts)
            raise
        except (ImgbotError, OSError) as error:
            events.warning("%s: its sticker was not sent: %s", events.name_of(job), error)
        else:
            # A reply to it is about the picture.
            await context.results.note_ready(request.chat_id, sent_id, job.id)
            return job
    with suppress(ImgbotError):
        await context.messenger.send_text(place, t(request.language, "sticker_unsure"), [])
    return job


async def _show_once(context: StepContext, job: Job, outcome: State) -> tuple[Job, _ShownPicture]:
    """Show the end; if an inline message is to follow, the picture is not uploaded again for it."""
    if stored := job.progress.facts.get(_SHOWN):
        message_id, picture = json.loads(str(stored))
        return job, (message_id, next(iter(job_codec.unpack([picture]))))
    shown = await _show(context, job, outcome)
    if job.request.inline_id and shown[1]:
        facts = {**job.progress.facts, _SHOWN: json.dumps([shown[0], job_codec.pack(shown[1])])}
        job = await move(context, job, State.DELIVERING, facts=facts)
    return job, shown


async def _show_inline(context: StepContext, job: Job, picture: InputPhoto | None) -> None:
    """Show a picture in the inline message, too, by the file that was uploaded.

    Where its chat takes no pictures, that says where it is.
    """
    inline_id, messenger = job.request.inline_id, context.messenger
    caption = success_caption(with_changes(job, note=""))
    if picture and not await messenger.edit_inline(inline_id, caption, picture):
        await messenger.edit_inline(inline_id, t(job.request.language, "guest_ready"))


def _choices(context: StepContext, job: Job) -> tuple[Operation, ...]:
    """Operations that may be ordered instead; the engine changes no more of a whole picture."""
    is_engine = context.routing.primary(Operation.EDIT).is_deterministic
    is_in_vain = is_engine and job.progress.reason == marked_area.UNKNOWN
    return () if is_in_vain else marked_area.choices(job)


async def _show_failure(context: StepContext, job: Job, place: ChatTarget) -> _ShownPicture:
    """Show why there is no picture; or a question about an area, with what shows it."""
    text, language = failure_text(job), job.request.language
    rows = buttons.retry(language, job.id) if retry.is_repeatable(job, State.FAILED) else []
    rows = buttons.area(language, job.id, _choices(context, job)) or rows
    message_id = await context.status_messages.ensure(job, text)
    preview = inputs.preview_of(context, job.id)
    # With a mark on it, a photo cannot be judged.
    is_hidden = job.request.is_of_hidden or context.guard_of(job.request) == "blur"
    async with context.status_messages.lock_final(job):
        if marked_area.is_previewed(job) and inputs.is_own_file(context, str(preview)):
            await context.messenger.edit_to_picture(
                place, message_id, preview, text, rows, is_photo=True, is_hidden=is_hidden
            )
        else:
            await context.messenger.edit_text(place, message_id, text, rows)
    return message_id, None


def _buttons(context: StepContext, job: Job) -> buttons.Keyboard:
    if job.request.operation is Operation.COMPARE:
        return []
    is_created = job.request.operation is Operation.CREATE
    suggested = _parts(job, "nearest") if is_created else []
    rows = buttons.under_result(
        job.request.language,
        job.id,
        is_photo=job.progress.facts.get("kind") == "photo" and "hidden" not in job.progress.facts,
        is_change=results.is_change(job.request),
        # A deterministic provider makes the same picture of the same request, except for create.
        is_created=is_created,
        is_varied=is_created or not context.routing.provider_of(job).is_deterministic,
        extras=_extras(context, job),
    )
    return [*_anew(job), *buttons.drawings(job.request.prompt, job.id, suggested), *rows]


def _extras(context: StepContext, job: Job) -> list[str]:
    is_created = job.request.operation is Operation.CREATE
    is_written_out = is_created and context.has_chat_model and is_short(job.request.prompt)
    more = ["more"] if is_written_out else []
    return more + (["models"] if len(context.routing.models(job.request.operation)) > 1 else [])


def _anew(job: Job) -> buttons.Keyboard:
    """Return the button for what a change left out, if the picture can be drawn anew with it."""
    request, undone = job.request, _parts(job, "unknown")
    if request.operation is not Operation.EDIT or not (request.base and undone):
        return []
    words = undone_part(request.prompt, undone)[:_LABEL_WORDS]
    return buttons.drawn_anew(request.language, job.id, words)


def success_caption(job: Job) -> str:
    """Caption of a result: the prompt, what was applied, what was not understood."""
    request, facts = job.request, job.progress.facts
    spec, parts = OPERATIONS[request.operation], _parts(job, "did")
    own_key = spec.captions.get(parts[0]) if len(parts) == 1 else None
    key = own_key or f"caption_{request.operation}"
    words = _shortened(with_negative(request.prompt, request.negative))
    factor = float(facts.get("factor", request.scale))
    if spec.has_scale and factor < request.scale * _NEARLY:
        key += "_less"
    count, scale = len(request.sources), f"{factor:.2g}"
    title = t(request.language, key, words=words, count=count, scale=scale)
    lines = [f"{job.variant} · {title}" if job.variant else title]
    did = edit_names(request.language, parts)
    # A prompt that was applied to the letter need not be repeated.
    is_said = request.operation is Operation.EDIT and _normalised(did) == _normalised(words)
    if did and spec.lists_changes and not own_key and not is_said:
        lines.append(t(request.language, "caption_did", did=did))
    drawn = drawing_lines(request.language, request.prompt, parts, _parts(job, "unknown"))
    lines += drawn
    unknown = str(facts.get("unknown", ""))
    if unknown and not drawn:
        key = "caption_unknown_nearest" if "nearest" in facts else "caption_unknown"
        nearest = facts.get("nearest", "")
        lines.append(t(request.language, key, words=unknown[:_UNKNOWN_WORDS], nearest=nearest))
    # Of several variants the first names them.
    if request.ignored and variant_number(job.id) == 1:
        lines.append(t(request.language, "caption_ignored", flags=_shortened(request.ignored)))
    if "hidden" in facts:
        lines += ["", t(request.language, "guard_hidden")]
    if request.note and has_text(request.note):
        lines += ["", t(request.language, request.note)]
    return "\n".join(lines)


def _normalised(words: str) -> list[str]:
    """Words without "and" and punctuation: "warmer and brighter" equals "warmer, brighter"."""
    return [word for word in re.findall(r"\w+", words.lower()) if word not in {"и", "and"}]


def _parts(job: Job, name: str) -> list[str]:
    return [part for part in str(job.progress.facts.get(name, "")).split(", ") if part]


def failure_text(job: Job) -> str:
    """Sentence that says why there is no picture, and what is known of its charge."""
    language, reason = job.request.language, job.progress.reason
    key = reason if has_text(reason) else "went_wrong"
    facts = dict(job.progress.facts)
    charge = facts.pop("charge", "")
    try:
        text = t(language, key, **facts)
    except KeyError:
        # A sentence without its facts says less than the plain one.
        return t(language, "went_wrong")
    is_free = job.charge.price_micro == 0 and charge != "yes"
    if charge and not is_free:
        text = f"{text} {t(language, f'charge_{charge}')}"
    # To a question nothing was ordered, and it offers to order.
    stars = 0 if marked_area.choices(job) else job.charge.stars
    if is_paid(job):
        key, stars = "stars_spent", stars - min(stars, job.charge.stars_back)
    else:
        key = "stars_given_back"
    return f"{text} {t(language, key, stars=stars)}" if stars else text


def _shortened(words: str) -> str:
    short = cut(words, _CAPTION_WORDS)
    return short if short == words else short + "…"
