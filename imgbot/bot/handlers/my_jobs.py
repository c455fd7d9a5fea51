"""Jobs and limits of a user: /queue, /limits, /quiet."""

from dataclasses import replace

from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import RequestContext
from imgbot.bot.requests import RequestService
from imgbot.domain.job import Job, State
from imgbot.domain.texts import buttons, dollars, in_time, t
from imgbot.domain.texts.buttons import Keyboard

_SHOWN = 10
_TITLE = 40


async def handle_queue(_: Message, context: RequestContext, service: RequestService) -> None:
    """/queue: active jobs, each with a button that cancels it."""
    text, rows = await _queue(context, service)
    await service.reply_text(context, text, rows)


async def on_queue_callback(
    callback: CallbackQuery, argument: str, context: RequestContext, service: RequestService
) -> str:
    """Refresh the list; returns the answer to the callback."""
    if argument != str(context.user_id):
        return "not_your_button"
    text, rows = await _queue(context, service)
    if callback.message is not None:
        await service.edit_text(context, callback.message.message_id, text, rows)
    return ""


async def _queue(context: RequestContext, service: RequestService) -> tuple[str, Keyboard]:
    jobs = await service.store.job_reads.jobs_shown_to(context.user_id)
    if not jobs:
        return t(context.language, "queue_empty"), []
    shown = jobs[:_SHOWN]
    places = await service.store.job_reads.places([job.id for job in shown])
    lines = [t(context.language, "queue_title", count=len(jobs))]
    for number, (job, place) in enumerate(zip(shown, places, strict=True), 1):
        title = _title(job)
        lines.append(f"{number}. {title} — {_standing(context.language, job, place)}")
    if len(jobs) > _SHOWN:
        lines.append(t(context.language, "queue_more", count=len(jobs) - _SHOWN))
    rows = buttons.cancel([job.id for job in shown])
    return "\n".join(lines), [*rows, [buttons.refresh(context.language, context.user_id)]]


def _title(job: Job) -> str:
    words = job.request.prompt or t(job.request.language, f"title_{job.request.operation}")
    return words if len(words) <= _TITLE else f"{words[: _TITLE - 1]}…"


def _standing(language: str, job: Job, place: int) -> str:
    if job.is_cancelled:
        return t(language, "queue_cancelling")
    if job.state is State.QUEUED and place:
        return t(language, "queue_place", place=place)
    return t(language, "queue_working")


async def handle_limits(_: Message, context: RequestContext, service: RequestService) -> None:
    """/limits: remaining requests, and the time of the reset."""
    verdict = await service.store.limit.peek(context.user_id)
    jobs = await service.store.job_reads.jobs_shown_to(context.user_id)
    waiting = sum(job.state is State.QUEUED for job in jobs)
    caps = service.store.queue.caps
    text = t(
        context.language,
        "limits",
        remaining=verdict.remaining,
        limit=service.store.limit.max_requests,
        window=in_time(context.language, service.store.limit.window_s),
        waiting=waiting,
        waiting_limit=caps.waiting_per_user,
        running_limit=caps.running_per_user,
    )
    if verdict.wait_s:
        wait = in_time(context.language, verdict.wait_s)
        text += "\n" + t(context.language, "limits_again", wait=wait)
    await service.reply_text(context, "\n".join([text, *await _money(context, service)]))


async def _money(context: RequestContext, service: RequestService) -> list[str]:
    """Lines of /limits: the user's remaining budget for today, and an exhausted daily total."""
    spend, caps, now_ms = service.store.spend, service.store.queue.caps, service.now_ms()
    language, wait = context.language, in_time(context.language, spend.resumes_in_s(now_ms))
    lines: list[str] = []
    if caps.daily_micro_per_user is not None:
        left = dollars(await spend.left_of_user(context.user_id, now_ms))
        limit = dollars(caps.daily_micro_per_user)
        lines.append(t(language, "limits_money", left=left, limit=limit, wait=wait))
    if caps.daily_micro is not None:
        price = service.policy.least_price_micro
        spent = await spend.spent_today(now_ms)
        if price and spent + price > caps.daily_micro:
            lines.append(t(language, "limits_budget", wait=wait))
    return lines


async def handle_quiet(_: Message, context: RequestContext, service: RequestService) -> None:
    """/quiet: switch the notification sound for results that took long."""
    # A redelivered update must not switch it back.
    wanted = "0" if context.preferences.is_quiet else "1"
    choice = await service.store.users.choose_once(f"quiet.{context.request}", wanted)
    is_quiet = choice == "1"
    liked = replace(context.preferences, is_quiet=is_quiet)
    await service.store.users.set_preference(context.user_id, liked)
    await service.reply(context, "quiet_on" if is_quiet else "quiet_off")
