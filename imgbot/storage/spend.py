"""Spend on pictures: whole micro-dollars, counted by the server's local calendar day.

The queue's scripts write it: an admission makes a reservation, an end charges or releases it. This
module reads it, raises the budget of a day, and counts the questions to the chat model.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from imgbot.storage import keys
from imgbot.storage.client import Client, Store
from imgbot.storage.holds import QueueLimits

MICRO_PER_CENT = 10_000
_WEEK_DAYS = 7
_CEILING = "ceiling"
_DAY_S = 86_400
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class ProducedCount:
    """Charges of one provider for one operation, and their number."""

    micro: int
    count: int


@dataclass(frozen=True, slots=True)
class Day:
    """Charges and reservations of one day, in micro-dollars."""

    name: str
    charged: int = 0
    reserved: int = 0
    """Reservations of jobs that have not ended."""
    users: Mapping[int, int] = field(default_factory=dict[int, int])
    """User id → charges and reservations."""
    made: Mapping[str, ProducedCount] = field(default_factory=dict[str, ProducedCount])
    """By provider.operation."""
    raised_micro: int = 0
    """Budget to which an admin raised it for this day; 0 if none did."""

    @property
    def total(self) -> int:
        """Sum that counts against the total budget."""
        return self.charged + self.reserved


def raised(ceiling_micro: int) -> int:
    """Return a budget raised by one step: by a quarter, in whole cents."""
    return -(-ceiling_micro * 5 // (4 * MICRO_PER_CENT)) * MICRO_PER_CENT


class Spend(Store):
    """Store of spend.

    Days begin by the server's local time, or by a clock that is ahead of UTC by `utc_offset_s`.
    """

    def __init__(self, redis: Client, caps: QueueLimits, utc_offset_s: int | None = None) -> None:
        super().__init__(redis)
        self._utc_offset_s = utc_offset_s
        self.caps = caps

    def today(self, now_ms: int) -> str:
        """Return the local calendar day as YYYY-MM-DD."""
        return (_EPOCH + timedelta(days=self._local_s(now_ms) // _DAY_S)).isoformat()

    async def count_chat_call(self, now_ms: int) -> int:
        """Count a question to the chat model; return the number of today's."""
        key = f"{keys.CHAT_CALLS}{self.today(now_ms)}"
        count, _ = await self._all(self._redis.incr(key), self._redis.expire(key, 2 * _DAY_S))
        return int(count)

    def _local_s(self, now_ms: int) -> int:
        at_s, offset_s = now_ms // 1000, self._utc_offset_s
        return at_s + (time.localtime(at_s).tm_gmtoff if offset_s is None else offset_s)

    def resumes_in_s(self, now_ms: int) -> int:
        """Return the seconds until the budget of the next day is available: 1 to 86,400.

        An hour off on the two days a year when clocks are changed.
        """
        return _DAY_S - self._local_s(now_ms) % _DAY_S

    def recent(self, now_ms: int) -> list[str]:
        """Return the last seven days, which are shown to the operator, today first."""
        today = date.fromisoformat(self.today(now_ms))
        return [(today - timedelta(days=back)).isoformat() for back in range(_WEEK_DAYS)]

    async def left_of_user(self, user_id: int, now_ms: int) -> int:
        """Return the rest of the user's budget for today, if there is one."""
        ceiling = self.caps.daily_micro_per_user or 0
        key = keys.SPEND + self.today(now_ms)
        spent = await self._redis.hget(key, f"user:{user_id}")
        return max(ceiling - int(spent or 0), 0)

    async def pictures_left(self, user_id: int, now_ms: int) -> int:
        """Return how many pictures of the user's quota are left today, if there is one."""
        key = keys.SPEND + self.today(now_ms)
        ordered = await self._redis.hget(key, f"pictures:{user_id}")
        return max((self.caps.daily_pictures_per_user or 0) - int(ordered or 0), 0)

    async def spent_today(self, now_ms: int) -> int:
        """Return today's charges and reservations."""
        key = keys.SPEND + self.today(now_ms)
        found = await self._redis.hmget(key, ["charged", "reserved"])
        return sum(int(value or 0) for value in found)

    async def ceiling_today(self, now_ms: int) -> int | None:
        """Return today's budget for all users, raised or not; None if there is no ceiling."""
        if self.caps.daily_micro is None:
            return None
        raised = await self._redis.hget(keys.SPEND + self.today(now_ms), _CEILING)
        return max(self.caps.daily_micro, int(raised or 0))

    async def raise_ceiling(self, ceiling_micro: int, now_ms: int) -> None:
        """Set the budget of today alone; one below that of the settings has no effect."""
        key = keys.SPEND + self.today(now_ms)
        await self._all(
            self._redis.hset(key, _CEILING, str(ceiling_micro)),
            self._redis.expire(key, keys.SPEND_KEPT_S),
        )

    async def week(self, now_ms: int) -> list[Day]:
        """Return the spend of the last days, today first."""
        names = self.recent(now_ms)
        found = await self._all(*(self._redis.hgetall(keys.SPEND + name) for name in names))
        return [_day(name, record) for name, record in zip(names, found, strict=True)]


def _day(name: str, record: Mapping[str, str]) -> Day:
    users: dict[int, int] = {}
    made: dict[str, ProducedCount] = {}
    for entry, value in record.items():
        kind, _, of = entry.partition(":")
        if kind == "user":
            users[int(of)] = int(value)
        elif kind == "of":
            made[of] = ProducedCount(int(value), int(record.get(f"n:{of}", "0")))
    return Day(
        name,
        charged=int(record.get("charged", "0")),
        reserved=int(record.get("reserved", "0")),
        users=users,
        made=made,
        raised_micro=int(record.get(_CEILING, "0")),
    )
