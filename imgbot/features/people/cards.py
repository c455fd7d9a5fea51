"""Users and their jobs, for administrators: /user, /jobs."""

import re
import time
from collections import Counter
from dataclasses import dataclass

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import Dialogue
from imgbot.bot.people import label_of, target_of
from imgbot.domain.errors import UserError
from imgbot.domain.texts import dollars, has_text, t, tables
from imgbot.domain.texts.buttons import Keyboard, forget
from imgbot.features.people import buttons
from imgbot.features.people.admission import AdmissionHandlers
from imgbot.storage.stats import EndedJob

_JOBS_OF_USER = 5
_JOBS_LISTED = 15
_WORDS_SHOWN = 60
_MARKS = {"ok": "✅", "failed": "❌", "rejected": "🚫", "cancelled": "✖️"}


@dataclass(frozen=True, slots=True)
class CardHandlers:
    """Handlers of the command about one user, and of its buttons."""

    admission: AdmissionHandlers

    async def show(self, message: Message, dialogue: Dialogue) -> None:
        """/user id or @name, or as a reply."""
        user_id, _ = await target_of(message, dialogue.app)
        if user_id is None or user_id < 0:
            raise UserError("user_usage")
        await dialogue.say(*await self._card(dialogue, user_id))

    async def on_press(self, _: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
        action, _sep, number = argument.partition(".")
        user_id, access = int(number) if number.isdecimal() else 0, self.admission.access
        changes = {"unban": access.unban, "allow": access.allow, "disallow": access.disallow}
        if action == "forget":
            question = dialogue.t("forget_ask_other", user=await label_of(user_id, dialogue.app))
            back = buttons.to_user(dialogue.language, user_id)
            rows = [*forget(dialogue.language, user_id), back]
            await dialogue.edit(question, rows)
            return ""
        if action == "ban":
            await self.admission.ban_user(dialogue, user_id)
        elif action in changes:
            await changes[action](user_id)
        elif action != "card":
            return "unknown_button"
        await dialogue.edit(*await self._card(dialogue, user_id))
        return ""

    async def _card(self, dialogue: Dialogue, user_id: int) -> tuple[str, Keyboard]:
        """Return what is known of a user, and what an administrator may do about them."""
        app, at_ms = dialogue.app, dialogue.app.now_ms()
        if not await app.users.known([user_id]):
            raise UserError("user_unknown", user=user_id)
        profile = await app.users.profile(user_id, user_id)
        ended = Counter(await app.users.ended_of(user_id))
        week = await app.spend.week(at_ms)
        limit = await app.limit.peek(user_id)
        jobs = (await app.queue_stats.ended(user_id))[:_JOBS_OF_USER]
        label = await label_of(user_id, app)
        standing = {"user_banned": profile.is_banned, "user_allowed": profile.is_allowed}
        words = [dialogue.t(key) for key, is_so in standing.items() if is_so]
        lines = [
            " · ".join([f"👤 {label}", *words]),
            dialogue.t("user_jobs", **{name: ended[name] for name in _MARKS}),
            dialogue.t(
                "user_spend",
                today=dollars(week[0].users.get(user_id, 0)),
                week=dollars(sum(day.users.get(user_id, 0) for day in week)),
            ),
            dialogue.t("user_requests", remaining=limit.remaining, limit=app.limit.max_requests),
        ]
        if profile.seen_ms:
            day = time.strftime("%Y-%m-%d", time.localtime(profile.seen_ms / 1000))
            lines.append(dialogue.t("user_seen", day=day))
        for about in app.about_user:
            lines += await about(user_id, dialogue.language)
        lines += [""] * bool(jobs) + [_job_line(dialogue.language, job) for job in jobs]
        actions = ["unban" if profile.is_banned else "ban"]
        if app.policy.allowed:
            actions.append("disallow" if profile.is_allowed else "allow")
        return "\n".join(lines), buttons.user(dialogue.language, user_id, [*actions, "forget"])


def _job_line(language: str, job: EndedJob, user: str = "") -> str:
    """Return one line: `11-29 12:04 ✅ creation · @ann (5) · a fox · 14 s`."""
    at = time.strftime("%m-%d %H:%M", time.localtime(job.ended_ms / 1000))
    words = job.words if len(job.words) <= _WORDS_SHOWN else f"{job.words[:_WORDS_SHOWN]}…"
    key = f"action_{job.operation}"
    operation = t(language, key) if has_text(key) else job.operation
    took = t(language, "jobs_took", count=job.took_s)
    parts = (operation, user, words, _reason(language, job), took)
    return f"{at} {_MARKS.get(job.status, '')} {' · '.join(filter(None, parts))}"


def _reason(language: str, job: EndedJob) -> str:
    """Return the beginning of the sentence about a failure, without its facts."""
    if job.status not in {"failed", "rejected"} or not has_text(job.reason):
        return ""
    sentence = tables(language)["sentences"][job.reason]
    return re.split(r"[.:?—{]", sentence, maxsplit=1)[0].strip()


async def handle_jobs(_: Message, dialogue: Dialogue) -> None:
    """/jobs: the latest that have ended, of all users."""
    jobs = await dialogue.app.queue_stats.ended(limit=_JOBS_LISTED)
    if not jobs:
        raise UserError("jobs_none")
    labels = await dialogue.app.users.labels(job.user_id for job in jobs)
    lines = [_job_line(dialogue.language, job, labels[job.user_id]) for job in jobs]
    await dialogue.say("\n".join([dialogue.t("jobs_title", count=len(jobs)), "", *lines]))
