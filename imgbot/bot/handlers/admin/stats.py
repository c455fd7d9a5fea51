"""/stats: state of the bot, short enough for a phone."""

from collections.abc import Mapping

from aiogram.types import Message

from imgbot.bot.context import RequestContext
from imgbot.bot.requests import RequestService
from imgbot.domain.operations import ACTIONS, Operation
from imgbot.domain.texts import ago, count_users, dollars, t
from imgbot.storage.stats import QueueSnapshot

_STATUSES = ("ok", "failed", "rejected", "cancelled")
_REFUSED_SHOWN = 5


async def handle_stats(_: Message, context: RequestContext, service: RequestService) -> None:
    """/stats."""
    most_running = service.store.queue.caps.running_per_user
    glance = await service.store.admin.queue_stats.snapshot(service.now_ms(), most_running)
    blocks = [
        await _now(context.language, service, is_paused=glance.is_paused),
        await _today(context.language, service),
        [*await _usually(context.language, service), *_refused(context.language, glance)],
    ]
    await service.reply_text(context, "\n\n".join("\n".join(block) for block in blocks if block))


async def _now(language: str, service: RequestService, *, is_paused: bool) -> list[str]:
    store, office, now_ms = service.store, service.store.admin, service.now_ms()
    depth = await store.job_reads.depth()
    wanted, _, busy = office.workers()
    out = [name for name, is_out in office.providers_out().items() if is_out]
    oldest_s = max(1, (now_ms - depth.oldest_waiting_ms) // 1000)
    key = "stats_waiting_oldest" if depth.oldest_waiting_ms else "stats_waiting"
    talking = count_users(language, await store.users.count())
    return [
        t(language, key, count=depth.waiting, age=ago(language, oldest_s)),
        t(language, "stats_running", count=depth.running, busy=busy, wanted=wanted),
        *([t(language, "stats_paused")] if is_paused else []),
        *([t(language, "stats_out", names=", ".join(out))] if out else []),
        *([t(language, "stats_stuck", count=depth.dead)] if depth.dead else []),
        t(language, "stats_people", people=talking),
    ]


async def _today(language: str, service: RequestService) -> list[str]:
    spend, now_ms = service.store.spend, service.now_ms()
    day = spend.today(now_ms)
    ended = await service.store.admin.queue_stats.outcomes_of(day)
    lines = [t(language, "stats_today" if ended else "stats_today_none", day=day)]
    lines += [
        f"{t(language, f'action_{operation}')}: {parts}"
        for operation in Operation
        if (parts := _counts(language, ended.get(operation.value, {})))
    ]
    spent, ceiling = await spend.spent_today(now_ms), service.store.queue.caps.daily_micro
    if ceiling is not None:
        told = {"spent": dollars(spent), "ceiling": dollars(ceiling)}
        lines.append(t(language, "stats_spent_of", **told))
    elif spent:
        lines.append(t(language, "stats_spent", spent=dollars(spent)))
    return lines


def _counts(language: str, statuses: Mapping[str, int]) -> str:
    counts = {status: statuses.get(status, 0) for status in _STATUSES}
    return ", ".join(
        t(language, f"stats_{status}", count=count) for status, count in counts.items() if count
    )


async def _usually(language: str, service: RequestService) -> list[str]:
    typical_s = service.store.admin.typical_s
    times = {operation: await typical_s(operation) for operation in ACTIONS}
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


def _refused(language: str, glance: QueueSnapshot) -> list[str]:
    """Users rejected most often by the rate limit."""
    most = glance.refused[:_REFUSED_SHOWN]
    named = ", ".join(f"{user_id} ({count})" for user_id, count in most)
    return [t(language, "stats_refused", people=named)] if named else []
