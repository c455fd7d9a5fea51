"""/stats: how the bot is doing, short enough for a phone."""

from collections.abc import Mapping

from aiogram.types import Message

from imgbot.conversation.desk import Desk
from imgbot.conversation.visit import Visit
from imgbot.job import ACTIONS, Operation
from imgbot.queue.overview import Glance
from imgbot.texts import age, dollars, people, say

_STATUSES = ("ok", "failed", "rejected", "cancelled")
_REFUSED_SHOWN = 5


async def handle_stats(_: Message, visit: Visit, desk: Desk) -> None:
    """/stats."""
    most_running = desk.store.queue.caps.running_per_user
    glance = await desk.store.office.overview.look(desk.now_ms(), most_running)
    blocks = [
        await _now(visit.language, desk, is_paused=glance.is_paused),
        await _today(visit.language, desk),
        [*await _usually(visit.language, desk), *_refused(visit.language, glance)],
    ]
    await desk.write(visit, "\n\n".join("\n".join(block) for block in blocks if block))


async def _now(language: str, desk: Desk, *, is_paused: bool) -> list[str]:
    store, office, now_ms = desk.store, desk.store.office, desk.now_ms()
    depth = await store.shelf.depth()
    wanted, _, busy = office.workers()
    out = [name for name, is_out in office.providers_out().items() if is_out]
    oldest_s = max(1, (now_ms - depth.oldest_waiting_ms) // 1000)
    key = "stats_waiting_oldest" if depth.oldest_waiting_ms else "stats_waiting"
    talking = people(language, await store.people.count())
    return [
        say(language, key, count=depth.waiting, age=age(language, oldest_s)),
        say(language, "stats_running", count=depth.running, busy=busy, wanted=wanted),
        *([say(language, "stats_paused")] if is_paused else []),
        *([say(language, "stats_out", names=", ".join(out))] if out else []),
        *([say(language, "stats_stuck", count=depth.dead)] if depth.dead else []),
        say(language, "stats_people", people=talking),
    ]


async def _today(language: str, desk: Desk) -> list[str]:
    spend, now_ms = desk.store.spend, desk.now_ms()
    day = spend.today(now_ms)
    ended = await desk.store.office.outcomes.of_day(day)
    lines = [say(language, "stats_today" if ended else "stats_today_none", day=day)]
    lines += [
        f"{say(language, f'action_{operation}')}: {parts}"
        for operation in Operation
        if (parts := _counts(language, ended.get(operation.value, {})))
    ]
    spent, ceiling = await spend.spent_today(now_ms), desk.store.queue.caps.daily_micro
    if ceiling is not None:
        told = {"spent": dollars(spent), "ceiling": dollars(ceiling)}
        lines.append(say(language, "stats_spent_of", **told))
    elif spent:
        lines.append(say(language, "stats_spent", spent=dollars(spent)))
    return lines


def _counts(language: str, statuses: Mapping[str, int]) -> str:
    counts = {status: statuses.get(status, 0) for status in _STATUSES}
    return ", ".join(
        say(language, f"stats_{status}", count=count) for status, count in counts.items() if count
    )


async def _usually(language: str, desk: Desk) -> list[str]:
    typical_s = desk.store.office.typical_s
    times = {operation: await typical_s(operation) for operation in ACTIONS}
    known = [
        say(
            language,
            "stats_typical_s",
            title=say(language, f"action_{operation}"),
            seconds=max(1, round(seconds)),
        )
        for operation, seconds in times.items()
        if seconds
    ]
    return [say(language, "stats_typical", times=", ".join(known))] if known else []


def _refused(language: str, glance: Glance) -> list[str]:
    """Who is over the rate limit most."""
    most = glance.refused[:_REFUSED_SHOWN]
    named = ", ".join(f"{user_id} ({count})" for user_id, count in most)
    return [say(language, "stats_refused", people=named)] if named else []
