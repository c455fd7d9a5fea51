"""/stats: state of the bot, short enough for a phone."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiogram.types import Message

from imgbot.bot.responder import Responder
from imgbot.domain.operations import ACTIONS, Operation
from imgbot.domain.texts import ago, count_users, dollars, t
from imgbot.storage.job_reads import JobReads
from imgbot.storage.spend import Spend
from imgbot.storage.stats import QueueSnapshot, QueueStats
from imgbot.storage.users import UserStore

_STATUSES = ("ok", "failed", "rejected", "cancelled")
_REFUSED_SHOWN = 5


@dataclass(frozen=True, slots=True)
class StatsSources:
    """Sources of /stats."""

    queue_stats: QueueStats
    job_reads: JobReads
    users: UserStore
    spend: Spend
    workers: Callable[[], tuple[int, int, int]]
    """Wanted, started and busy workers."""
    providers_out: Callable[[], Mapping[str, bool]]
    """Provider → true if it is out of service."""
    typical_s: Callable[[Operation], Awaitable[float]]
    """Usual duration of a job in seconds, 0 if unknown."""


async def handle_stats(
    _: Message, responder: Responder, stats: StatsSources, now_ms: Callable[[], int]
) -> None:
    """/stats."""
    language, at_ms = responder.context.language, now_ms()
    snapshot = await stats.queue_stats.snapshot(at_ms, stats.spend.caps.running_per_user)
    blocks = [
        await _now(language, stats, at_ms, is_paused=snapshot.is_paused),
        await _today(language, stats, at_ms),
        [*await _durations(language, stats), *_refused(language, snapshot)],
    ]
    await responder.reply_text("\n\n".join("\n".join(block) for block in blocks if block))


async def _now(language: str, stats: StatsSources, at_ms: int, *, is_paused: bool) -> list[str]:
    depth = await stats.job_reads.depth()
    wanted, _, busy = stats.workers()
    out = [name for name, is_out in stats.providers_out().items() if is_out]
    oldest_s = max(1, (at_ms - depth.oldest_waiting_ms) // 1000)
    key = "stats_waiting_oldest" if depth.oldest_waiting_ms else "stats_waiting"
    users = count_users(language, await stats.users.count())
    return [
        t(language, key, count=depth.waiting, age=ago(language, oldest_s)),
        t(language, "stats_running", count=depth.running, busy=busy, wanted=wanted),
        *([t(language, "stats_paused")] if is_paused else []),
        *([t(language, "stats_out", names=", ".join(out))] if out else []),
        *([t(language, "stats_stuck", count=depth.dead)] if depth.dead else []),
        t(language, "stats_people", people=users),
    ]


async def _today(language: str, stats: StatsSources, at_ms: int) -> list[str]:
    day = stats.spend.today(at_ms)
    ended = await stats.queue_stats.outcomes_of(day)
    lines = [t(language, "stats_today" if ended else "stats_today_none", day=day)]
    lines += [
        f"{t(language, f'action_{operation}')}: {parts}"
        for operation in Operation
        if (parts := _counts(language, ended.get(operation.value, {})))
    ]
    spent, ceiling = await stats.spend.spent_today(at_ms), stats.spend.caps.daily_micro
    if ceiling is not None:
        facts = {"spent": dollars(spent), "ceiling": dollars(ceiling)}
        lines.append(t(language, "stats_spent_of", **facts))
    elif spent:
        lines.append(t(language, "stats_spent", spent=dollars(spent)))
    return lines


def _counts(language: str, statuses: Mapping[str, int]) -> str:
    counts = {status: statuses.get(status, 0) for status in _STATUSES}
    return ", ".join(
        t(language, f"stats_{status}", count=count) for status, count in counts.items() if count
    )


async def _durations(language: str, stats: StatsSources) -> list[str]:
    times = {operation: await stats.typical_s(operation) for operation in ACTIONS}
    known = [
        t(
            language,
            "stats_typical_s",
            title=t(language, f"action_{operation}"),
            seconds=max(1, round(seconds)),
        )
        for operation, seconds in times.items()
        if seconds
    ]
    return [t(language, "stats_typical", times=", ".join(known))] if known else []


def _refused(language: str, snapshot: QueueSnapshot) -> list[str]:
    """Users rejected most often by the rate limit."""
    most = snapshot.refused[:_REFUSED_SHOWN]
    named = ", ".join(f"{user_id} ({count})" for user_id, count in most)
    return [t(language, "stats_refused", people=named)] if named else []
