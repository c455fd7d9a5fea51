"""/spend: cost of pictures, for admins."""

from collections import Counter
from collections.abc import Iterable, Sequence

from aiogram.types import Message

from imgbot.bot.context import RequestContext
from imgbot.bot.requests import RequestService
from imgbot.domain.texts import in_time, t
from imgbot.storage.spend import Day, ProducedCount

_PEOPLE_SHOWN = 5
_MADE_SHOWN = 20


async def handle_spend(_: Message, context: RequestContext, service: RequestService) -> None:
    """/spend: cost of pictures today and recently, by provider and by user."""
    now_ms = service.now_ms()
    week = await service.store.spend.week(now_ms)
    blocks = [
        _today(context.language, service, week[0], now_ms),
        _people(context.language, week[0]),
        _week(context.language, week),
    ]
    await service.reply_text(context, "\n\n".join("\n".join(block) for block in blocks if block))


def _today(language: str, service: RequestService, today: Day, now_ms: int) -> list[str]:
    caps = service.store.queue.caps
    head = t(
        language,
        "spend",
        day=today.name,
        total=_usd(today.total),
        reserved=_usd(today.reserved),
        ceiling=_ceiling(language, caps.daily_micro),
        own=_ceiling(language, caps.daily_micro_per_user),
        wait=in_time(language, service.store.spend.resumes_in_s(now_ms)),
    )
    return [head, *_made(language, [today])]


def _people(language: str, today: Day) -> list[str]:
    most = Counter(today.users).most_common(_PEOPLE_SHOWN)
    lines = [f"{user_id}: {_usd(micro)}" for user_id, micro in most if micro > 0]
    return [t(language, "spend_people"), *lines] if lines else []


def _week(language: str, week: Sequence[Day]) -> list[str]:
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
