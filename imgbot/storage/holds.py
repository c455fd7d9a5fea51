"""Holds of the core, which are budgets and quotas, and what becomes of any hold at the end.

The scripts of the queue know no limit: they add what is held, and what this module says at the end.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from imgbot.domain.holds import AT_DEATH, AT_END, NEVER, Hold
from imgbot.domain.job import ENDS, Job, State, is_paid
from imgbot.domain.operations import OFFERED
from imgbot.storage import keys


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """Limits on waiting jobs in total and per user, running jobs per user, and of a day.

    Budgets are in micro-dollars; None is no limit, 0 admits no job that has a price.
    """

    waiting: int = 500
    waiting_per_user: int = 20
    running_per_user: int = 3
    daily_micro: int | None = None
    daily_micro_per_user: int | None = None
    daily_pictures_per_user: int | None = None
    daily_pictures_per_group: int | None = None


HoldsOf = Callable[[Job], Sequence[Hold]]
"""Function of a feature: the holds of a priced job, beside the budgets and quotas of its day."""


class Tally(NamedTuple):
    """Change of a field of a hash, which goes at 0; one below 0 takes no more than there is."""

    key: str
    field: str
    change: int
    kept_s: int = 0
    dated: str = ""
    """Field with the day that it is of: of another day it changes nothing."""
    is_of_known: bool = False
    """True if it changes only a hash that there is."""


def of_day(job: Job, limits: QueueLimits) -> list[Hold]:
    """Return what a job holds of the budgets and the quotas of its day."""
    day, rows = keys.SPEND + job.charge.spend_day, [*_budgets(job, limits), *_quotas(job, limits)]
    held = [each._replace(key=day) for each in rows]
    # The first row renews the lifetime of the hash.
    return [*(each._replace(kept_s=keys.SPEND_KEPT_S) for each in held[:1]), *held[1:]]


def _budgets(job: Job, limits: QueueLimits) -> Iterator[Hold]:
    user, price = job.user_id, job.charge.price_micro
    if price:
        beside = {"beside": "charged", "raised_in": "ceiling"}
        yield Hold("budget", "", "reserved", price, limit=limits.daily_micro, **beside)
        yield Hold("user_budget", "", f"user:{user}", price, limit=limits.daily_micro_per_user)
        yield Hold("", "", f"reserved:{user}", price)


def _quotas(job: Job, limits: QueueLimits) -> Iterator[Hold]:
    # A comparison or a sticker is another form of a picture that was counted.
    if job.request.operation not in OFFERED:
        return
    quotas = {("user_pictures", job.user_id): limits.daily_pictures_per_user}
    # What strangers ordered was shown in a group, but not of it; can go after the first release.
    if job.request.chat_id < 0 and not job.request.inline_id:
        quotas["group_pictures", job.request.chat_id] = limits.daily_pictures_per_group
    for (name, owner), limit in quotas.items():
        if limit is not None:
            yield Hold(name, "", f"pictures:{owner}", 1, AT_END, limit=limit)


def alternatives(holds: Sequence[Hold]) -> Iterator[list[Hold]]:
    """Return the holds with each that spares others, then those without any such."""
    for one in holds:
        if one.spares:
            yield [each for each in holds if each.name != one.spares]
    yield [each for each in holds if not each.spares]


def row_of(hold: Hold) -> dict[str, Any]:
    """Return a hold as a script gets it, without its empty fields."""
    return {name: value for name, value in hold._asdict().items() if value not in ("", None)}


def at_end(job: Job, outcome: State) -> Iterator[Tally]:
    """Return what becomes of the holds of a job that ends or dies, and its charge.

    What was billed counts, whoever cancelled it; what is shown counts; all else is given back.
    """
    is_charged = is_paid(job) and not job.charge.is_settled
    counts = is_charged or job.charge.is_settled or outcome is State.DELIVERED
    if is_charged:
        yield from _charge(job, job.charge.price_micro)
    for hold in job.charge.holds:
        if hold.decided == AT_END and outcome is State.DEAD:
            continue
        if hold.decided == NEVER or not counts:
            yield Tally(hold.key, hold.field, -hold.amount, dated=hold.dated)
        elif hold.spent_in:
            yield Tally(hold.key, hold.field, hold.back)
            yield Tally(hold.key, hold.spent_in, -hold.amount - hold.back)


def _charge(job: Job, price: int) -> Iterator[Tally]:
    day = keys.SPEND + job.charge.spend_day
    made = f"{job.progress.provider or 'unknown'}.{job.request.operation}"
    yield Tally(day, "charged", price, keys.SPEND_KEPT_S)
    for field, change in ((f"user:{job.user_id}", price), (f"of:{made}", price), (f"n:{made}", 1)):
        yield Tally(day, field, change)


def summed(tallies: Iterable[Tally]) -> list[Tally]:
    """Add up the changes of each field; what cancels itself out is left out."""
    changes: dict[Tally, list[int]] = {}
    for each in tallies:
        changes.setdefault(each._replace(change=0), []).append(each.change)
    return [
        place._replace(change=sum(some))
        for place, some in changes.items()
        if sum(some) or len(some) == 1
    ]


def former(job: Job, record: Mapping[str, str]) -> tuple[Hold, ...]:
    """Return the holds of a job of a previous release; this can go after the first release.

    The last one stored beside them what of its Stars is given back, the one before it none as such.
    """
    is_listed, back = "holds" in record, int(record.get("stars_back", 0))
    if is_listed and all(len(row) >= len(Hold._fields) for row in json.loads(record["holds"])):
        return job.charge.holds
    held = job.charge.holds if is_listed else tuple(_unlisted(job, record))
    return tuple(
        each._replace(back=min(back, -each.amount)) if each.spent_in else each for each in held
    )


def _unlisted(job: Job, record: Mapping[str, str]) -> Iterator[Hold]:
    account, stars = f"img:stars:{job.user_id}", int(record.get("stars", 0))
    if stars:
        yield Hold("stars", account, "balance", -stars, AT_DEATH, "spent")
    if job.state in ENDS:
        return
    reserved = replace(job.charge, price_micro=job.charge.reserved_micro)
    # If no quota was set, it was not counted: what is not there is not given back.
    limits = QueueLimits(daily_pictures_per_user=0, daily_pictures_per_group=0)
    yield from of_day(replace(job, charge=reserved), limits)
    if "stars" in record:
        yield Hold("stars", account, f"job:{job.id}", stars)
    if "stars" in record and not stars and not _was_dead(record):
        yield Hold("free", account, "free_count", 1, AT_DEATH, dated="free_day")


def _was_dead(record: Mapping[str, str]) -> bool:
    """Return true for a former job that has been dead: it holds no free picture any longer."""
    # A live one has this field as well once it goes on though its user has cancelled it.
    is_late = record.get("reason", "").startswith("cancelled")
    return record.get("is_cancelled") == "0" and not is_late
