"""Queue statistics for the operator; read every few seconds, so the work is bounded."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields

from imgbot.domain.errors import StorageUnavailableError
from imgbot.domain.job import Job
from imgbot.storage import keys
from imgbot.storage.client import Store
from imgbot.storage.entries import readable
from imgbot.storage.job_codec import AWAITED, load
from imgbot.storage.server.durability import Memory, address_of, measure

_LOOKED_AT = 200
"""Waiting jobs at each end of the queue whose operation and time are looked up: the oldest may be
the last, behind those of users who have fewer. Those between them count as `other`."""

_SHOWN = 10
_ENDED_SHOWN = 20
_HOUR_MS = 3_600_000
_WEEK_MS = 7 * 24 * _HOUR_MS
_WORDS_KEPT = 120
_MESSAGES_KEPT = 200


@dataclass(frozen=True, slots=True)
class DeadJob:
    """Job that ended without knowing whether it was charged, or that could not be delivered."""

    id: str
    user_id: int = 0
    operation: str = ""
    provider: str = ""
    reason: str = ""
    died_ms: int = 0


@dataclass(frozen=True, slots=True)
class EndedJob:
    """Job as operators see it for a while after its end."""

    id: str
    user_id: int = 0
    status: str = ""
    """ok, failed, rejected or cancelled."""
    operation: str = ""
    words: str = ""
    """Beginning of the prompt."""
    reason: str = ""
    """Reason of a failure, as texts name it; empty without one."""
    not_drawn: str = ""
    """Words of the prompt that were not drawn, or not understood, with commas between them."""
    took_s: int = 0
    ended_ms: int = 0

    @classmethod
    def of(cls, job: Job, status: str, now_ms: int) -> "EndedJob":
        return cls(
            job.id,
            job.user_id,
            status,
            job.request.operation.value,
            job.request.prompt[:_WORDS_KEPT],
            job.progress.reason,
            str(job.progress.facts.get("unknown", ""))[:_WORDS_KEPT],
            max(now_ms - job.created_ms, 0) // 1000,
            now_ms,
        )

    @classmethod
    def load(cls, text: str) -> "EndedJob":
        """Read a stored job; fields of another release are left out."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in json.loads(text).items() if name in known})

    def dump(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class WeekOfUse:
    """Numbers of one week's users, and of its messages from users who are not allowed."""

    new: int = 0
    returning: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class QueueState:
    """State of the queue at one time."""

    memory: Memory
    """Of Redis."""
    waiting: Mapping[str, int]
    """By operation."""
    running: int
    refused: Sequence[tuple[int, int]]
    """User ids with their refused requests of this hour and the one before, most first."""
    dead: Sequence[DeadJob]
    """Newest dead jobs; listed until an admin handles them."""
    dead_count: int
    ended: Sequence[EndedJob]
    """Newest ended jobs."""
    oldest_waiting_ms: int
    """0 if none waits."""
    is_paused: bool
    capped: int
    """Waiting jobs of users who have reached the limit of running jobs per user."""
    names: Mapping[int, str] = field(default_factory=dict[int, str])
    """User id → id with the user's @name, of those above."""


class QueueStats(Store):
    """Reader of queue statistics; each state takes a few round trips."""

    @property
    def address(self) -> str:
        return address_of(self._redis)

    async def state(self, now_ms: int, running_per_user: int) -> QueueState:
        """Read the state. Raises StorageUnavailableError while Redis is unavailable."""
        redis, hour = self._redis, now_ms // _HOUR_MS
        memory, ended = await measure(redis), await self.ended(limit=_ENDED_SHOWN)
        ids, last, length, running, paused, dead, dead_count, active, *refused = await self._all(
            redis.lrange(keys.QUEUE, 0, _LOOKED_AT - 1),
            redis.lrange(keys.QUEUE, -_LOOKED_AT, -1),
            redis.llen(keys.QUEUE),
            redis.zcard(keys.DUE),
            redis.exists(keys.PAUSED),
            redis.zrevrange(keys.DEAD, 0, _SHOWN - 1, withscores=True),
            redis.zcard(keys.DEAD),
            redis.hgetall(keys.ACTIVE),
            *(
                redis.zrevrange(f"{keys.REFUSED}{each}", 0, _SHOWN * 2 - 1, withscores=True)
                for each in (hour, hour - 1)
            ),
        )
        by_user = readable(keys.ACTIVE, lambda one: (one[0], int(one[1])), active.items())
        capped = [user for user, count in by_user if count >= running_per_user]
        live = await self._all(*(redis.zcard(keys.USER_JOBS + user) for user in capped))
        ids = dict.fromkeys((*ids, *last))
        looked_at = await self._all(
            *(redis.hmget(keys.JOB + one, "operation", "created_ms", "sources") for one in ids)
        )
        # It is not for the queue that a job waits which awaits a picture.
        own = (at for _, at, sources in looked_at if at and not str(sources).startswith(AWAITED))
        return QueueState(
            memory=memory,
            waiting=_by_operation(looked_at, length),
            running=running,
            refused=_most(*refused),
            dead=await self._dead(dead),
            dead_count=dead_count,
            ended=ended,
            oldest_waiting_ms=min(map(int, own), default=0),
            is_paused=bool(paused),
            # What was read in between may have changed.
            capped=max(sum(live) - sum(int(active[user]) for user in capped), 0),
        )

    async def outcomes_of(self, day: str) -> Mapping[str, Mapping[str, int]]:
        """Return operation → status (ok, failed, rejected, cancelled, dead) → number of jobs."""
        record = await self._redis.hgetall(keys.ENDED + day)
        found: dict[str, dict[str, int]] = {}
        for entry, count in record.items():
            operation, _, status = str(entry).partition(".")
            found.setdefault(operation, {})[status] = int(count)
        return found

    async def ended(
        self, user_id: int | None = None, limit: int = keys.ENDED_JOBS_KEPT
    ) -> list[EndedJob]:
        """Return the latest ended jobs, newest first: of those within the limit, the user's."""
        found = await self._redis.zrevrange(keys.ENDED_JOBS, 0, limit - 1)
        jobs = readable(keys.ENDED_JOBS, EndedJob.load, found)
        return [job for job in jobs if user_id in {None, job.user_id}]

    async def weeks(self, now_ms: int, count: int) -> list[WeekOfUse]:
        """Return the use of this week and of those before."""
        this = _week(now_ms)
        found = await self._all(
            *(self._redis.hgetall(f"{keys.WEEK}{this - back}") for back in range(count))
        )
        return [load(WeekOfUse, record) for record in found]

    async def count_use(self, kind: str, now_ms: int) -> None:
        """Count a `new` or `returning` user, or a `refused` message, in this week."""
        key = f"{keys.WEEK}{_week(now_ms)}"
        await self._all(
            self._redis.hincrby(key, kind, 1), self._redis.expire(key, 10 * _WEEK_MS // 1000)
        )

    async def note_not_understood(self, user_id: int, update_id: int, text: str) -> None:
        """Note a message that was not understood; it does without while Redis is unavailable."""
        key = f"{keys.NOT_UNDERSTOOD}{update_id % _MESSAGES_KEPT}"
        noted = f"{user_id} {' '.join(text.lower().split())[:_WORDS_KEPT]}"
        with suppress(StorageUnavailableError):
            await self._redis.set(key, noted, ex=keys.RESULT_KEPT_S)

    async def not_understood(self) -> list[str]:
        """Return the beginnings of the latest messages that were not understood."""
        slots = (f"{keys.NOT_UNDERSTOOD}{slot}" for slot in range(_MESSAGES_KEPT))
        found = await self._all(*map(self._redis.get, slots))
        return [noted.partition(" ")[2] for noted in found if noted]

    async def _dead(self, entries: list[tuple[str, float]]) -> tuple[DeadJob, ...]:
        found = await self._all(
            *(self._redis.hgetall(keys.DEAD_JOB + job_id) for job_id, _ in entries)
        )
        return tuple(
            load(DeadJob, {**record, "id": job_id, "died_ms": str(int(died_ms))})
            for (job_id, died_ms), record in zip(entries, found, strict=True)
        )


def visitor_of(seen_ms: int, now_ms: int) -> str:
    """Return `new` or `returning` for the first message of a user in this week, else nothing.

    `seen_ms` is the time of the message before it, 0 without one.
    """
    if not seen_ms:
        return "new"
    return "returning" if _week(seen_ms) != _week(now_ms) else ""


def _by_operation(looked_at: Sequence[list[str | None]], length: int) -> dict[str, int]:
    counts = dict(Counter(operation for operation, *_ in looked_at if operation))
    others = length - len(looked_at)
    return counts | {"other": others} if others > 0 else counts


def _week(at_ms: int) -> int:
    """Return the number of a week, which begins on Monday, UTC."""
    # The first day of 1970 was a Thursday.
    return (at_ms - 4 * 24 * _HOUR_MS) // _WEEK_MS


def _most(*hours: list[tuple[str, float]]) -> tuple[tuple[int, int], ...]:
    sums: Counter[int] = Counter()
    for hour in hours:
        sums.update({int(user_id): int(count) for user_id, count in hour})
    return tuple(sums.most_common(_SHOWN))
