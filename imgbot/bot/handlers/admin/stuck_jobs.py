"""/stuck: jobs that take too long, and jobs with an unknown outcome."""

from collections.abc import Callable

from aiogram.types import CallbackQuery, Message

from imgbot.bot.responder import Responder
from imgbot.domain.texts import admin_buttons, ago, has_text, t
from imgbot.domain.texts.buttons import Keyboard
from imgbot.storage.dead_letters import DeadLetters, ProblemJob, resume_state

LONGEST_MS = 300_000
"""Age beyond the duration of any regular job."""

_JOBS_LISTED = 8


async def handle_stuck(
    _: Message, responder: Responder, dead_letters: DeadLetters, now_ms: Callable[[], int]
) -> None:
    """/stuck."""
    text, rows = await _stuck_list(responder.context.language, dead_letters, now_ms())
    await responder.reply_text(text, rows)


async def on_stuck_callback(
    _: CallbackQuery,
    argument: str,
    responder: Responder,
    dead_letters: DeadLetters,
    now_ms: Callable[[], int],
) -> str:
    """Deliver again, or end the job; returns the answer to the callback."""
    action, _sep, job_id = argument.partition(".")
    answer = "" if action == "list" else await _apply(action, job_id, dead_letters, now_ms())
    text, rows = await _stuck_list(responder.context.language, dead_letters, now_ms())
    await responder.update_panel(text, rows)
    return answer


async def _apply(action: str, job_id: str, dead_letters: DeadLetters, at_ms: int) -> str:
    stuck = await dead_letters.find(job_id)
    if stuck is None:
        return "stuck_gone"
    if action == "again":
        is_asked = await dead_letters.redeliver(stuck, at_ms)
        return "stuck_asked" if is_asked else "stuck_no_receipt"
    if action == "end":
        verdict = await dead_letters.give_up(stuck, at_ms)
        return {"ok": "stuck_ended", "too_late": "stuck_too_late"}.get(verdict, "stuck_gone")
    return "unknown_button"


async def _stuck_list(language: str, dead_letters: DeadLetters, at_ms: int) -> tuple[str, Keyboard]:
    found, count = await dead_letters.stuck(at_ms, LONGEST_MS, _JOBS_LISTED)
    if not found:
        return t(language, "stuck_none"), []
    lines = [t(language, "stuck_title", count=count)]
    for number, stuck in enumerate(found, 1):
        lines += ["", *_stuck_lines(language, number, stuck, at_ms)]
    if count > len(found):
        lines += ["", t(language, "queue_more", count=count - len(found))]
    lines += ["", t(language, "stuck_legend")]
    jobs = [(s.job.id, not s.is_dead or resume_state(s.job) is not None) for s in found]
    return "\n".join(lines), admin_buttons.stuck(language, jobs)


def _stuck_lines(language: str, number: int, stuck: ProblemJob, at_ms: int) -> list[str]:
    job = stuck.job
    reason = f"stuck_{job.progress.reason}" if stuck.is_dead else f"stuck_{job.state}"
    head = t(
        language,
        "stuck_dead" if stuck.is_dead else "stuck_running",
        number=number,
        action=t(language, f"action_{job.request.operation}"),
        age=ago(language, max(1, (at_ms - stuck.at_ms) // 1000)),
        standing=t(language, reason if has_text(reason) else "stuck_went_wrong"),
    )
    provider = job.progress.provider or "—"
    facts = t(language, "stuck_facts", job=job.id, user=job.user_id, provider=provider)
    return [head, facts]
