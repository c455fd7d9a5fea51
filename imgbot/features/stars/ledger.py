"""Ledger of Telegram Stars: what users have paid, hold, and have spent.

The queue holds the price of a picture from its admission to its end: then it is spent if the job
counts, else given back. This module credits payments and takes them back. In a user's ledger, the
credit is always the sum of the balance, what is held, what is spent and what was taken back.
"""

import hashlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

from redis.exceptions import ResponseError

from imgbot.domain.holds import AT_DEATH, Hold
from imgbot.domain.job import Job
from imgbot.storage.client import Store
from imgbot.storage.entries import readable, set_aside
from imgbot.storage.keys import Owner, Owners

# HASH per user id: `balance` of Stars, `spent`, `job:<id>` (held for a job),
# `paid:<charge id>` (price, credit, time in ms), `back:<charge id>` (time in ms at which that was
# taken off the balance), `month:<charge id>` (1: it is of a subscription, which is `cancelled` or
# `kept` after its refund), `free_day` and
# `free_count`: free pictures ordered that day.
STARS = "img:stars:"
# ZSET: refunds to be made, as user id, blank, charge id, by the time (ms) of the next attempt,
# or 0.
REFUNDS = "img:star-refunds"
# STRING: number of the bot's Star transactions that were compared with the ledger.
TRANSFERS = "img:star-transfers"

# STRING per thing that was sold, two days: marks that it was paid.
ITEM = "img:star-item:"

KEYS: Owners = {
    ITEM: (Owner.NOBODY,),
    **dict.fromkeys((STARS, REFUNDS), (Owner.ACCOUNTS,)),
    TRANSFERS: (Owner.NOBODY,),
}


_SCANNED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class StarPayment:
    """Payment of a user, by Telegram's id of the charge."""

    charge_id: str
    price: int
    credit: int
    at_ms: int
    is_back: bool = False
    """True once it was taken off the balance, to be refunded."""
    is_monthly: bool = False
    """True if it is for a month of a subscription."""
    end: str = ""
    """End of that subscription, once it was refunded: cancelled, or kept if Telegram refused it."""

    @property
    def key(self) -> str:
        """Short name, for a button."""
        return hashlib.sha256(self.charge_id.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class StarAccount:
    """Ledger of one user."""

    balance: int = 0
    """Stars left to spend; below 0 where a spent payment was refunded."""
    held: int = 0
    """Stars held for jobs that have not ended."""
    spent: int = 0
    free_used: int = 0
    """Free pictures ordered today."""
    payments: tuple[StarPayment, ...] = ()
    """Newest first."""

    @property
    def unused(self) -> StarPayment | None:
        """Largest payment that the balance can return as a whole."""
        found = [each for each in self.payments if not each.is_back and each.credit <= self.balance]
        return max(found, key=lambda payment: payment.credit, default=None)

    @property
    def difference(self) -> int:
        """Stars that the ledger lacks; below 0 if it has too many."""
        credited = sum(payment.credit for payment in self.payments if not payment.is_back)
        return credited - self.balance - self.held - self.spent


def star_holds(price: int, free_daily: int, job: Job) -> list[Hold]:
    """Return what a job holds of its user's Stars: its price, or one of their free pictures."""
    account = f"{STARS}{job.user_id}"
    if not price:
        return []
    free = Hold("free", account, "free_count", 1, AT_DEATH, dated="free_day", spares="stars")
    return [
        *([free._replace(limit=free_daily)] if free_daily else []),
        Hold("stars", account, "balance", -price, AT_DEATH, spent_in="spent", limit=0),
        # What is held for jobs that are gone is found by it.
        Hold("stars", account, f"job:{job.id}", price),
    ]


class StarLedger(Store):
    """Store of Stars."""

    async def account(self, user_id: int, today: str = "") -> StarAccount:
        key = f"{STARS}{user_id}"
        return _account(key, await self._redis.hgetall(key), today)

    async def credit(self, user_id: int, payment: StarPayment) -> str:
        """Record a payment once: ok, known (it was), or refused (it is to be refunded)."""
        answer = await self._redis.call(
            "stars_credit",
            user=user_id,
            charge=payment.charge_id,
            price=payment.price,
            credit=payment.credit,
            at_ms=payment.at_ms,
            is_monthly=int(payment.is_monthly),
        )
        return answer[0]

    async def take_back(
        self,
        user_id: int,
        charge_id: str,
        now_ms: int,
        *,
        is_refunded: bool = False,
        is_unused: bool = False,
    ) -> str:
        """Take a payment off the balance once; it is refunded, if it `is_refunded` not already.

        Returns ok, known, unknown, or used if it should be unused and is not.
        """
        answer = await self._redis.call(
            "stars_take_back",
            user=user_id,
            charge=charge_id,
            now_ms=now_ms,
            is_refunded=int(is_refunded),
            is_unused=int(is_unused),
        )
        return answer[0]

    async def take(self, user_id: int, stars: int, item: str) -> int | None:
        """Spend Stars once for an item; return the balance if it is too little."""
        answer = await self._redis.call("stars_spend", user=user_id, item=item, price=stars)
        return int(answer[1]) if answer[0] == "short" else None

    async def refunds_due(self, now_ms: int) -> list[tuple[int, str]]:
        """Return the user and the charge of each refund to be made."""
        return await self._refunds(0, now_ms)

    async def refunds_refused(self, now_ms: int) -> list[tuple[int, str]]:
        """Return the user and the charge of each refund to be tried again later."""
        return await self._refunds(now_ms + 1, "+inf")

    async def _refunds(self, from_ms: int, to_ms: int | str) -> list[tuple[int, str]]:
        found = await self._redis.zrangebyscore(REFUNDS, from_ms, to_ms)
        return readable(REFUNDS, _refund_from, found)

    async def postpone_refund(self, user_id: int, charge_id: str, due_ms: int) -> None:
        await self._redis.zadd(REFUNDS, {f"{user_id} {charge_id}": due_ms}, xx=True)

    async def set_end(self, user_id: int, charge_id: str, end: str) -> None:
        """Record how the subscription of a refunded payment ended."""
        await self._redis.hset(f"{STARS}{user_id}", f"month:{charge_id}", end)

    async def settle(self, today: str) -> AsyncGenerator[tuple[int, StarAccount]]:
        """Settle what is held for jobs that are gone; yield each user with their account.

        Of a user who has paid nothing, only the free pictures of today are kept.
        """
        async for key in self._redis.scan_iter(match=f"{STARS}*", count=_SCANNED_AT_ONCE):
            if (user := key.removeprefix(STARS)).isdecimal():
                try:
                    await self._redis.call("stars_settle", user=user, day=today)
                except ResponseError:
                    set_aside(key, "no number")
                yield int(user), await self.account(int(user))

    async def transfers_read(self) -> int:
        """Return the number of Telegram's transactions that were compared."""
        return int(await self._redis.get(TRANSFERS) or 0)

    async def set_transfers_read(self, count: int) -> None:
        await self._redis.set(TRANSFERS, count)


def _refund_from(entry: str) -> tuple[int, str]:
    user, charge = entry.split(" ", 1)
    return int(user), charge


def _account(key: str, record: Mapping[str, str], today: str) -> StarAccount:
    held = [entry for entry in record if entry.startswith("job:")]
    amounts = [entry for entry in ("balance", "spent", "free_count", *held) if entry in record]
    stars = dict(readable(key, lambda entry: (entry, int(record[entry])), amounts))
    paid = [entry for entry in record if entry.startswith("paid:")]
    payments = readable(key, lambda entry: _payment_from(entry[5:], record), paid)
    return StarAccount(
        balance=stars.get("balance", 0),
        held=sum(stars.get(entry, 0) for entry in held),
        spent=stars.get("spent", 0),
        free_used=stars.get("free_count", 0) if record.get("free_day") == today else 0,
        payments=tuple(sorted(payments, key=lambda payment: -payment.at_ms)),
    )


def _payment_from(charge: str, record: Mapping[str, str]) -> StarPayment:
    price, credit, at_ms = map(int, record[f"paid:{charge}"].split())
    is_back, month = f"back:{charge}" in record, record.get(f"month:{charge}", "")
    end = month.removeprefix("1")
    return StarPayment(charge, price, credit, at_ms, is_back, month != "", end)
