"""Users and their jobs, for administrators: /user, /jobs."""

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import Dialogue
from imgbot.domain.buttons import FORGET, Button, ButtonAction, Keyboard, in_rows, one_of
from imgbot.domain.errors import UserError
from imgbot.domain.spelling import isolated
from imgbot.domain.texts import dollars, has_text, t, tables
from imgbot.features.feature import AboutUser
from imgbot.features.people.admission import AdmissionHandlers
from imgbot.storage.rate_limit import RateLimit
from imgbot.storage.spend import Spend
from imgbot.storage.stats import EndedJob, QueueStats
from imgbot.storage.users import UserProfile

_JOBS_OF_USER = 5
_JOBS_LISTED = 15
_FOUND_LISTED = 10
_WORDS_SHOWN = 60
_MARKS = {"ok": "✅", "failed": "❌", "rejected": "🚫", "cancelled": "✖️"}


USER = ButtonAction(
    "user",
    (one_of("card", "ban", "unban", "allow", "disallow", "forget"), int),
    is_for_admins=True,
)


@dataclass(frozen=True, slots=True)
class CardHandlers:
    """Handlers of the command about one user, and of its buttons."""

    admission: AdmissionHandlers
    spend: Spend
    limit: RateLimit
    queue_stats: QueueStats
    about_user: Sequence[AboutUser]

    async def show(self, message: Message, dialogue: Dialogue) -> None:
        """/user id, @name or a part of a name, or as a reply."""
        found = await self.admission.finder.found_by(message)
        if not found or found[0] < 0:
            raise UserError("user_usage")
        shown = self._card(dialogue, found[0]) if len(found) == 1 else self._list(dialogue, found)
        await dialogue.say(*await shown)

    async def _list(self, dialogue: Dialogue, found: Sequence[int]) -> tuple[str, Keyboard]:
        """Return users, each with a button that shows them."""
        listed = found[:_FOUND_LISTED]
        labels = await self.admission.users.labels(listed)
        lines = [dialogue.t("user_several", count=len(found))]
        lines += [f"{number}. {labels[each]}" for number, each in enumerate(listed, 1)]
        if len(found) > len(listed):
            lines.append(dialogue.t("queue_more", count=len(found) - len(listed)))
        buttons = [Button(f"👤 {n}", USER.pack("card", each)) for n, each in enumerate(listed, 1)]
        return "\n".join(lines), in_rows(buttons, 5)

    async def on_press(
        self, _: CallbackQuery, action: str, user_id: int, dialogue: Dialogue
    ) -> str:
        access = self.admission.access
        changes = {"unban": access.unban, "allow": access.allow, "disallow": access.disallow}
        if action == "forget":
            label = await self.admission.finder.label_of(user_id)
            back = USER.button(dialogue.language, "card", user_id, key="back")
            rows = [[FORGET.button(dialogue.language, user_id)], [back]]
            await dialogue.edit(dialogue.t("forget_ask_other", user=label), rows)
            return ""
        if action == "ban":
            await self.admission.ban_user(dialogue, user_id)
        elif action in changes:
            await changes[action](user_id)
        await dialogue.edit(*await self._card(dialogue, user_id))
        return ""

    async def _card(self, dialogue: Dialogue, user_id: int) -> tuple[str, Keyboard]:
        """Return what is known of a user, and what an administrator may do about them."""
        users = self.admission.users
        if not await users.known([user_id]):
            raise UserError("user_unknown", user=user_id)
        profile = await users.profile(user_id, user_id)
        ended = Counter(await users.ended_of(user_id))
        week = await self.spend.week(dialogue.now_ms())
        limit = await self.limit.peek(user_id)
        jobs = (await self.queue_stats.ended(user_id))[:_JOBS_OF_USER]
        label = await self.admission.finder.label_of(user_id)
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
            dialogue.t("user_requests", remaining=limit.remaining, limit=self.limit.max_requests),
        ]
        if profile.seen_ms:
            day = time.strftime("%Y-%m-%d", time.localtime(profile.seen_ms / 1000))
            lines.append(dialogue.t("user_seen", day=day))
        for about in self.about_user:
            lines += await about(user_id, dialogue.language)
        lines += [""] * bool(jobs) + [_job_line(dialogue.language, job) for job in jobs]
        return "\n".join(lines), self._rows(dialogue.language, user_id, profile)

    def _rows(self, language: str, user_id: int, profile: UserProfile) -> Keyboard:
        actions = ["unban" if profile.is_banned else "ban"]
        if self.admission.policy.allowed:
            actions.append("disallow" if profile.is_allowed else "allow")
        actions.append("forget")
        return [[USER.button(language, each, user_id, key=f"user_{each}")] for each in actions]

    async def list_jobs(self, _: Message, dialogue: Dialogue) -> None:
        """/jobs: the latest that have ended, of all users."""
        jobs = await self.queue_stats.ended(limit=_JOBS_LISTED)
        if not jobs:
            raise UserError("jobs_none")
        labels = await self.admission.users.labels(job.user_id for job in jobs)
        lines = [_job_line(dialogue.language, job, labels[job.user_id]) for job in jobs]
        await dialogue.say("\n".join([dialogue.t("jobs_title", count=len(jobs)), "", *lines]))


def _job_line(language: str, job: EndedJob, user: str = "") -> str:
    """Return one line: `11-29 12:04 ✅ creation · @ann (5) · a fox · 14 s`."""
    at = time.strftime("%m-%d %H:%M", time.localtime(job.ended_ms / 1000))
    words = job.words if len(job.words) <= _WORDS_SHOWN else f"{job.words[:_WORDS_SHOWN]}…"
    key = f"action_{job.operation}"
    operation = t(language, key) if has_text(key) else job.operation
    took = t(language, "jobs_took", count=job.took_s)
    parts = (operation, user, isolated(words), _reason(language, job), took)
    return f"{at} {_MARKS.get(job.status, '')} {' · '.join(filter(None, parts))}"


def _reason(language: str, job: EndedJob) -> str:
    """Return the beginning of the sentence about a failure, without its facts."""
    if job.status not in {"failed", "rejected"} or not has_text(job.reason):
        return ""
    sentence = tables(language)["sentences"][job.reason]
    return re.split(r"[.:?—{]", sentence, maxsplit=1)[0].strip()
