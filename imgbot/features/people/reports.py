"""Reports to admins: /stats, /spend, and /stuck with its buttons."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import Dialogue
from imgbot.domain.buttons import Button, ButtonAction, Keyboard, one_of
from imgbot.domain.operations import Operation
from imgbot.domain.texts import ago, counted, dollars, has_text, in_time, t
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.painter.pool import Pool
from imgbot.storage.dead_letters import LONGEST_MS, DeadLetters, ProblemJob, resume_state
from imgbot.storage.spend import Day, ProducedCount, Spend
from imgbot.storage.stats import QueueStats, WeekOfUse
from imgbot.storage.users import UserStore

_JOBS_LISTED = 8
_WEEKS = 4
_WORDS_LISTED = 10
_NOT_UNDERSTOOD = frozenset({"edit_words_unknown", "area_words_unknown"})
"""Reasons of failures."""


STUCK = ButtonAction(
    "stuck", (one_of("list", "again", "end"), str), is_for_admins=True, is_repeatable=True
)


@dataclass(frozen=True, slots=True)
class ReportHandlers:
    """Handlers of what is stuck, and of how the bot is doing."""

    users: UserStore
    spend: Spend
    queue_stats: QueueStats
    dead_letters: DeadLetters
    pool: Pool
    routes: ProviderRouter

    async def list_stuck(self, _: Message, dialogue: Dialogue) -> None:
        await dialogue.say(*await self._stuck_list(dialogue))

    async def on_stuck(self, _: CallbackQuery, action: str, job_id: str, dialogue: Dialogue) -> str:
        answer = "" if action == "list" else await self._apply(action, job_id, dialogue.now_ms())
        await dialogue.edit(*await self._stuck_list(dialogue))
        return answer

    async def _apply(self, action: str, job_id: str, at_ms: int) -> str:
        dead_letters = self.dead_letters
        stuck = await dead_letters.find(job_id)
        if stuck is None:
            return "stuck_gone"
        if action == "again" and self.routes.is_orphaned(stuck.job):
            return "stuck_disconnected"
        if action == "again":
            is_asked = await dead_letters.redeliver(stuck, at_ms)
            return "stuck_asked" if is_asked else "stuck_no_receipt"
        verdict = await dead_letters.give_up(stuck, at_ms)
        return {"ok": "stuck_ended", "too_late": "stuck_too_late"}.get(verdict, "stuck_gone")

    async def _stuck_list(self, dialogue: Dialogue) -> tuple[str, Keyboard]:
        language, at_ms = dialogue.language, dialogue.now_ms()
        found, count = await self.dead_letters.stuck(at_ms, LONGEST_MS, _JOBS_LISTED)
        if not found:
            return t(language, "stuck_none"), []
        lines = [t(language, "stuck_title", count=count)]
        labels = await self.users.labels(stuck.job.user_id for stuck in found)
        for number, stuck in enumerate(found, 1):
            user = labels[stuck.job.user_id]
            lines += ["", *_stuck_lines(language, number, stuck, user, at_ms)]
        if count > len(found):
            lines += ["", t(language, "queue_more", count=count - len(found))]
        lines += ["", t(language, "stuck_legend")]
        rows = [_stuck_row(number, stuck) for number, stuck in enumerate(found, 1)]
        return "\n".join(lines), [*rows, [STUCK.button(language, "list", key="refresh")]]

    async def show_stats(self, _: Message, dialogue: Dialogue) -> None:
        language, at_ms = dialogue.language, dialogue.now_ms()
        now, today = await self._now(language, at_ms), await self._today(language, at_ms)
        use = await self._use(language, at_ms)
        await dialogue.say("\n".join([*now, "", *today, "", *use]))

    async def _now(self, language: str, at_ms: int) -> list[str]:
        pool = self.pool
        queue = await self.queue_stats.state(at_ms, self.spend.caps.running_per_user)
        states = self.routes.states(time.monotonic())
        out = [name for name, state in states.items() if state.refusal]
        oldest_s = max(1, (at_ms - queue.oldest_waiting_ms) // 1000)
        key = "stats_waiting_oldest" if queue.oldest_waiting_ms else "stats_waiting"
        users = counted(language, "users", await self.users.count())
        return [
            t(language, key, count=sum(queue.waiting.values()), age=ago(language, oldest_s)),
            t(language, "stats_running", count=queue.running, busy=pool.busy, wanted=pool.size),
            *([t(language, "stats_paused")] if queue.is_paused else []),
            *([t(language, "stats_out", names=", ".join(out))] if out else []),
            *([t(language, "stats_stuck", count=queue.dead_count)] if queue.dead_count else []),
            t(language, "stats_people", people=users),
        ]

    async def _use(self, language: str, at_ms: int) -> list[str]:
        """Use by week, this one first, and the words that were lately not drawn or understood."""
        weeks = await self.queue_stats.weeks(at_ms, _WEEKS)
        today = datetime.fromtimestamp(at_ms / 1000, UTC).date()
        monday = today - timedelta(days=today.weekday())
        lines = [t(language, "stats_weeks")]
        lines += [
            t(language, "stats_week", day=str(monday - timedelta(weeks=back)), **asdict(week))
            for back, week in enumerate(weeks)
            if not back or week != WeekOfUse()
        ]
        drawing, reading = Counter[str](), Counter(await self.queue_stats.not_understood())
        for job in await self.queue_stats.ended():
            missed = drawing if job.operation == Operation.CREATE else reading
            missed.update(filter(None, job.not_drawn.split(", ")))
            reading.update([job.words.lower()] if job.reason in _NOT_UNDERSTOOD else [])
        for key, words in {"stats_not_drawn": drawing, "stats_not_understood": reading}.items():
            if most := [f"{word} ({count})" for word, count in words.most_common(_WORDS_LISTED)]:
                lines.append(t(language, key, words=", ".join(most)))
        return lines

    async def _today(self, language: str, at_ms: int) -> list[str]:
        spend = self.spend
        day = spend.today(at_ms)
        ended = await self.queue_stats.outcomes_of(day)
        lines = [t(language, "stats_today" if ended else "stats_today_none", day=day)]
        lines += [
            f"{t(language, f'action_{operation}')}: {parts}"
            for operation in Operation
            if (parts := _counts(language, ended.get(operation.value, {})))
        ]
        spent = await spend.spent_today(at_ms)
        ceiling = await spend.ceiling_today(at_ms)
        if ceiling is not None:
            facts = {"spent": dollars(spent), "ceiling": dollars(ceiling)}
            lines.append(t(language, "stats_spent_of", **facts))
        elif spent:
            lines.append(t(language, "stats_spent", spent=dollars(spent)))
        return lines

    async def show_spend(self, _: Message, dialogue: Dialogue) -> None:
        """/spend: cost of pictures today and recently, by provider and by user."""
        spend, at_ms = self.spend, dialogue.now_ms()
        language, week = dialogue.language, await spend.week(at_ms)
        blocks = [
            _spend_today(language, spend, week[0], at_ms),
            await self._top_users(language, week[0]),
            _spend_week(language, week),
        ]
        await dialogue.say("\n\n".join("\n".join(block) for block in blocks if block))

    async def _top_users(self, language: str, today: Day) -> list[str]:
        most = Counter(today.users).most_common(_USERS_SHOWN)
        labels = await self.users.labels(user_id for user_id, _ in most)
        lines = [f"{labels[user_id]}: {_usd(micro)}" for user_id, micro in most if micro > 0]
        return [t(language, "spend_people"), *lines] if lines else []


def _stuck_row(number: int, stuck: ProblemJob) -> list[Button]:
    """Buttons of a stuck job: retry (if possible), and end it."""
    has_way_back = not stuck.is_dead or resume_state(stuck.job) is not None
    steps = {"again": "🔁", "end": "✖️"} if has_way_back else {"end": "✖️"}
    return [
        Button(f"{mark} {number}", STUCK.pack(step, stuck.job.id)) for step, mark in steps.items()
    ]


def _stuck_lines(language: str, number: int, stuck: ProblemJob, user: str, at_ms: int) -> list[str]:
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
    facts = t(language, "stuck_facts", job=job.id, user=user, provider=provider)
    return [head, facts]


_STATUSES = ("ok", "failed", "rejected", "cancelled")


def _counts(language: str, statuses: Mapping[str, int]) -> str:
    counts = {status: statuses.get(status, 0) for status in _STATUSES}
    return ", ".join(
        t(language, f"stats_{status}", count=count) for status, count in counts.items() if count
    )


_USERS_SHOWN = 5
_MADE_SHOWN = 20


def _spend_today(language: str, spend: Spend, today: Day, at_ms: int) -> list[str]:
    caps = spend.caps
    head = t(
        language,
        "spend",
        day=today.name,
        total=_usd(today.total),
        reserved=_usd(today.reserved),
        ceiling=_ceiling_of(language, caps.daily_micro, today.raised_micro),
        own=_ceiling(language, caps.daily_micro_per_user),
        wait=in_time(language, spend.resumes_in_s(at_ms)),
    )
    return [head, *_made(language, [today])]


def _spend_week(language: str, week: Sequence[Day]) -> list[str]:
    total = sum(day.total for day in week)
    head = t(language, "spend_days", count=len(week), total=_usd(total))
    days = [f"{day.name}: {_usd(day.total)}" for day in week if day.total]
    return [head, *days, *_made(language, week)]


def _made(language: str, days: Iterable[Day]) -> list[str]:
    """Most expensive first: `simulated.create: $0.80 (20)`."""
    sums: dict[str, ProducedCount] = {}
    for name, made in (entry for day in days for entry in day.made.items()):
        before = sums.get(name, ProducedCount(0, 0))
        sums[name] = ProducedCount(before.micro + made.micro, before.count + made.count)
    dearest = sorted(sums.items(), key=lambda entry: (-entry[1].micro, entry[0]))
    lines = [f"{name}: {_usd(made.micro)} ({made.count})" for name, made in dearest[:_MADE_SHOWN]]
    if len(dearest) > _MADE_SHOWN:
        lines.append(t(language, "queue_more", count=len(dearest) - _MADE_SHOWN))
    return lines


def _ceiling_of(language: str, usual_micro: int | None, raised_micro: int) -> str:
    usual = _ceiling(language, usual_micro)
    if usual_micro is None or raised_micro <= usual_micro:
        return usual
    return t(language, "spend_raised", ceiling=_usd(raised_micro), usual=usual)


def _ceiling(language: str, micro: int | None) -> str:
    return t(language, "spend_no_ceiling") if micro is None else _usd(micro)


def _usd(micro: int) -> str:
    """Return an amount with all its digits, in cents at least."""
    whole, part = divmod(micro, 1_000_000)
    return f"${whole}.{f'{part:06}'.rstrip('0'):0<2}"
