"""/stuck: jobs that take too long, and jobs with an unknown outcome."""

from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import RequestContext
from imgbot.bot.requests import RequestService
from imgbot.domain.texts import admin_buttons, ago, has_text, t
from imgbot.domain.texts.buttons import Keyboard
from imgbot.storage.dead_letters import ProblemJob, resume_state

LONGEST_MS = 300_000
"""Age beyond the duration of any regular job."""

_LISTED = 8


async def handle_stuck(_: Message, context: RequestContext, service: RequestService) -> None:
    """/stuck."""
    await service.reply_text(context, *await _list(context, service))


async def on_stuck_callback(
    callback: CallbackQuery, argument: str, context: RequestContext, service: RequestService
) -> str:
    """Deliver again, or end the job; returns the answer to the callback."""
    what, _, job_id = argument.partition(".")
    answer = "" if what == "list" else await _apply(what, job_id, service)
    if callback.message is not None:
        await service.edit_text(
            context, callback.message.message_id, *await _list(context, service)
        )
    return answer


async def _apply(what: str, job_id: str, service: RequestService) -> str:
    mending, now_ms = service.store.admin.dead_letters, service.now_ms()
    stuck = await mending.find(job_id)
    if stuck is None:
        return "stuck_gone"
    if what == "again":
        is_asked = await mending.redeliver(stuck, now_ms)
        return "stuck_asked" if is_asked else "stuck_no_receipt"
    if what == "end":
        verdict = await mending.give_up(stuck, now_ms)
        return {"ok": "stuck_ended", "too_late": "stuck_too_late"}.get(verdict, "stuck_gone")
    return "unknown_button"


async def _list(context: RequestContext, service: RequestService) -> tuple[str, Keyboard]:
    language, now_ms = context.language, service.now_ms()
    found, count = await service.store.admin.dead_letters.stuck(now_ms, LONGEST_MS, _LISTED)
    if not found:
        return t(language, "stuck_none"), []
    lines = [t(language, "stuck_title", count=count)]
    for number, stuck in enumerate(found, 1):
        lines += ["", *_lines(language, number, stuck, now_ms)]
    if count > len(found):
        lines += ["", t(language, "queue_more", count=count - len(found))]
    lines += ["", t(language, "stuck_legend")]
    jobs = [(s.job.id, not s.is_dead or resume_state(s.job) is not None) for s in found]
    return "\n".join(lines), admin_buttons.stuck(language, jobs)


def _lines(language: str, number: int, stuck: ProblemJob, now_ms: int) -> list[str]:
    job = stuck.job
    reason = f"stuck_{job.progress.reason}" if stuck.is_dead else f"stuck_{job.state}"
    head = t(
        language,
        "stuck_dead" if stuck.is_dead else "stuck_running",
        number=number,
        action=t(language, f"action_{job.request.operation}"),
        age=ago(language, max(1, (now_ms - stuck.at_ms) // 1000)),
        standing=t(language, reason if has_text(reason) else "stuck_went_wrong"),
    )
    provider = job.progress.provider or "—"
    facts = t(language, "stuck_facts", job=job.id, user=job.user_id, provider=provider)
    return [head, facts]
