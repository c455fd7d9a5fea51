"""/stuck: jobs that take too long, and those that nobody knows the end of."""

from aiogram.types import CallbackQuery, Message

from imgbot.conversation.desk import Desk
from imgbot.conversation.visit import Visit
from imgbot.queue.mending import Stuck, way_back
from imgbot.texts import admin_buttons, age, knows, say
from imgbot.texts.buttons import Keyboard

LONGEST_MS = 300_000
"""Longer than any picture takes."""

_LISTED = 8


async def handle_stuck(_: Message, visit: Visit, desk: Desk) -> None:
    """/stuck."""
    await desk.write(visit, *await _list(visit, desk))


async def press_stuck(callback: CallbackQuery, argument: str, visit: Visit, desk: Desk) -> str:
    """Deliver once more, or end; returns the answer to the press."""
    what, _, job_id = argument.partition(".")
    answer = "" if what == "list" else await _mend(what, job_id, desk)
    if callback.message is not None:
        await desk.rewrite(visit, callback.message.message_id, *await _list(visit, desk))
    return answer


async def _mend(what: str, job_id: str, desk: Desk) -> str:
    mending, now_ms = desk.store.office.mending, desk.now_ms()
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


async def _list(visit: Visit, desk: Desk) -> tuple[str, Keyboard]:
    language, now_ms = visit.language, desk.now_ms()
    found, count = await desk.store.office.mending.stuck(now_ms, LONGEST_MS, _LISTED)
    if not found:
        return say(language, "stuck_none"), []
    lines = [say(language, "stuck_title", count=count)]
    for number, stuck in enumerate(found, 1):
        lines += ["", *_lines(language, number, stuck, now_ms)]
    if count > len(found):
        lines += ["", say(language, "queue_more", count=count - len(found))]
    lines += ["", say(language, "stuck_legend")]
    jobs = [(s.job.id, not s.is_dead or way_back(s.job) is not None) for s in found]
    return "\n".join(lines), admin_buttons.stuck(language, jobs)


def _lines(language: str, number: int, stuck: Stuck, now_ms: int) -> list[str]:
    job = stuck.job
    reason = f"stuck_{job.reason}" if stuck.is_dead else f"stuck_{job.state}"
    head = say(
        language,
        "stuck_dead" if stuck.is_dead else "stuck_running",
        number=number,
        action=say(language, f"action_{job.operation}"),
        age=age(language, max(1, (now_ms - stuck.at_ms) // 1000)),
        standing=say(language, reason if knows(reason) else "stuck_went_wrong"),
    )
    provider = job.provider or "—"
    facts = say(language, "stuck_facts", job=job.id, user=job.user_id, provider=provider)
    return [head, facts]
