"""What a person has on its way and may still do: /queue, /limits, /quiet."""

from dataclasses import replace

from aiogram.types import CallbackQuery, Message

from imgbot.conversation.desk import RequestService
from imgbot.conversation.visit import RequestContext
from imgbot.job import Job, State
from imgbot.texts import buttons, dollars, in_time, t
from imgbot.texts.buttons import Keyboard

_SHOWN = 10
_TITLE = 40


async def handle_queue(_: Message, visit: RequestContext, desk: RequestService) -> None:
    """/queue: what is on its way, each with a button that calls it off."""
    text, rows = await _queue(visit, desk)
    await desk.reply_text(visit, text, rows)


async def on_queue_callback(
    callback: CallbackQuery, argument: str, visit: RequestContext, desk: RequestService
) -> str:
    """Bring the list up to date; returns the answer to the press."""
    if argument != str(visit.user_id):
        return "not_your_button"
    text, rows = await _queue(visit, desk)
    if callback.message is not None:
        await desk.edit_text(visit, callback.message.message_id, text, rows)
    return ""


async def _queue(visit: RequestContext, desk: RequestService) -> tuple[str, Keyboard]:
    jobs = await desk.store.job_reads.jobs_shown_to(visit.user_id)
    if not jobs:
        return t(visit.language, "queue_empty"), []
    shown = jobs[:_SHOWN]
    places = await desk.store.job_reads.places([job.id for job in shown])
    lines = [t(visit.language, "queue_title", count=len(jobs))]
    for number, (job, place) in enumerate(zip(shown, places, strict=True), 1):
        title = _title(job)
        lines.append(f"{number}. {title} — {_standing(visit.language, job, place)}")
    if len(jobs) > _SHOWN:
        lines.append(t(visit.language, "queue_more", count=len(jobs) - _SHOWN))
    rows = buttons.cancel([job.id for job in shown])
    return "\n".join(lines), [*rows, [buttons.refresh(visit.language, visit.user_id)]]


def _title(job: Job) -> str:
    words = job.words or t(job.language, f"title_{job.operation}")
    return words if len(words) <= _TITLE else f"{words[: _TITLE - 1]}…"


def _standing(language: str, job: Job, place: int) -> str:
    if job.is_cancelled:
        return t(language, "queue_cancelling")
    if job.state is State.QUEUED and place:
        return t(language, "queue_place", place=place)
    return t(language, "queue_working")


async def handle_limits(_: Message, visit: RequestContext, desk: RequestService) -> None:
    """/limits: what is left, and until when."""
    verdict = await desk.store.limit.peek(visit.user_id)
    jobs = await desk.store.job_reads.jobs_shown_to(visit.user_id)
    waiting = sum(job.state is State.QUEUED for job in jobs)
    caps = desk.store.queue.caps
    text = t(
        visit.language,
        "limits",
        remaining=verdict.remaining,
        limit=desk.store.limit.max_requests,
        window=in_time(visit.language, desk.store.limit.window_s),
        waiting=waiting,
        waiting_limit=caps.waiting_per_user,
        running_limit=caps.running_per_user,
    )
    if verdict.wait_s:
        wait = in_time(visit.language, verdict.wait_s)
        text += "\n" + t(visit.language, "limits_again", wait=wait)
    await desk.reply_text(visit, "\n".join([text, *await _money(visit, desk)]))


async def _money(visit: RequestContext, desk: RequestService) -> list[str]:
    """What is left of her own money for today, and whether all the day's is used up."""
    spend, caps, now_ms = desk.store.spend, desk.store.queue.caps, desk.now_ms()
    language, wait = visit.language, in_time(visit.language, spend.resumes_in_s(now_ms))
    lines: list[str] = []
    if caps.daily_micro_per_user is not None:
        left = dollars(await spend.left_of_user(visit.user_id, now_ms))
        limit = dollars(caps.daily_micro_per_user)
        lines.append(t(language, "limits_money", left=left, limit=limit, wait=wait))
    if caps.daily_micro is not None:
        price = desk.policy.least_price_micro
        spent = await spend.spent_today(now_ms)
        if price and spent + price > caps.daily_micro:
            lines.append(t(language, "limits_budget", wait=wait))
    return lines


async def handle_quiet(_: Message, visit: RequestContext, desk: RequestService) -> None:
    """/quiet: whether the phone rings when a picture took long."""
    # A repeated update must not turn it back again.
    wanted = "0" if visit.preferences.is_quiet else "1"
    choice = await desk.store.job_reads.choose_once(f"quiet.{visit.request}", wanted)
    is_quiet = choice == "1"
    liked = replace(visit.preferences, is_quiet=is_quiet)
    await desk.store.users.set_preference(visit.user_id, liked)
    await desk.reply(visit, "quiet_on" if is_quiet else "quiet_off")
