"""/spend: cost of pictures, for admins."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from aiogram.types import Message

from imgbot.bot.responder import Responder
from imgbot.domain.texts import in_time, t
from imgbot.storage.spend import Day, ProducedCount, Spend

_USERS_SHOWN = 5
_MADE_SHOWN = 20


async def handle_spend(
    _: Message, responder: Responder, spend: Spend, now_ms: Callable[[], int]
) -> None:
    """/spend: cost of pictures today and recently, by provider and by user."""
    language, at_ms = responder.context.language, now_ms()
    week = await spend.week(at_ms)
    blocks = [
        _spend_today(language, spend, week[0], at_ms),
        _top_users(language, week[0]),
        _spend_week(language, week),
    ]
    await responder.reply_text("\n\n".join("\n".join(block) for block in blocks if block))


def _spend_today(language: str, spend: Spend, today: Day, at_ms: int) -> list[str]:
    caps = spend.caps
    head = t(
        language,
        "spend",
        day=today.name,
        total=_usd(today.total),
        reserved=_usd(today.reserved),
        ceiling=_ceiling(language, caps.daily_micro),
        own=_ceiling(language, caps.daily_micro_per_user),
        wait=in_time(language, spend.resumes_in_s(at_ms)),
    )
    return [head, *_made(language, [today])]


def _top_users(language: str, today: Day) -> list[str]:
    most = Counter(today.users).most_common(_USERS_SHOWN)
    lines = [f"{user_id}: {_usd(micro)}" for user_id, micro in most if micro > 0]
    return [t(language, "spend_people"), *lines] if lines else []


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


def _ceiling(language: str, micro: int | None) -> str:
    return t(language, "spend_no_ceiling") if micro is None else _usd(micro)


def _usd(micro: int) -> str:
    """Return an amount with all its digits, in cents at least."""
    whole, part = divmod(micro, 1_000_000)
    return f"${whole}.{f'{part:06}'.rstrip('0'):0<2}"
