"""Holds of the core, which are budgets and quotas, and what becomes of any hold at the end.

The scripts of the queue know no limit: they add what is held, and what this module says at the end.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from imgbot.domain.holds import AT_END, NEVER, Hold
from imgbot.domain.job import Job, State, is_free, is_paid
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
        # What is made once more, free, is the operator's alone to pay.
        own = None if is_free(job.id) else limits.daily_micro_per_user
        yield Hold("user_budget", "", f"user:{user}", price, limit=own)
        yield Hold("", "", f"reserved:{user}", price)


def _quotas(job: Job, limits: QueueLimits) -> Iterator[Hold]:
    # A comparison or a sticker is another form of a picture that was counted.
    if job.request.operation not in OFFERED or is_free(job.id):
        return
    quotas = {("user_pictures", job.user_id): limits.daily_pictures_per_user}
    if job.request.chat_id < 0:
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
