"""Job queue in Redis: admission, claim, state transitions, end of jobs, consistency check."""

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from imgbot.domain.errors import FencedError, StaleJobError, StorageUnavailableError, UserError
from imgbot.domain.job import NEXT_STATES, InputPhoto, Job, State, with_changes
from imgbot.storage import job_codec as records, keys
from imgbot.storage.results import HISTORY_LENGTH, KEPT_S
from imgbot.storage.scripts import Scripts, Store, Value, storage_errors

_LEASE_MS = 60_000
_SYNC_WAIT_MS = 4000
_SCAN_LIMIT = 500
"""Waiting jobs examined by one call of a claim, about 2 ms of server time."""

TOMBSTONE_S = 172_800
"""48 h: Telegram repeats an unconfirmed update for 24 h."""

SPEND_KEPT_S = 3_456_000
"""40 days: a whole month can be reported."""

_WOKEN_AT_ONCE = 1000
_READ_AT_ONCE = 500
_JOBS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Admission:
    """Outcome of an enqueue: ok, duplicate, full (the queue), many (waiting jobs of the user).

    Or budget (the day's budget is spent), user_budget (the user's is). `count` is the position
    in the queue for ok, the user's waiting jobs for many, else 0.
    """

    verdict: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """Limits on waiting jobs in total and per user, running jobs per user, and daily budgets.

    Budgets are in micro-dollars; None is no limit, 0 admits no job that has a price.
    """

    waiting: int = 500
    waiting_per_user: int = 20
    running_per_user: int = 3
    daily_micro: int | None = None
    daily_micro_per_user: int | None = None


class JobQueue(Store):
    """Job queue: every transition of `job.NEXT_STATES`. Only the current epoch may write.

    Methods used by handlers raise StorageUnavailableError while Redis is unavailable, so that the
    update stays unconfirmed. Methods used by the runner retry until they succeed, because what
    they record has already happened.
    """

    def __init__(
        self, redis: Redis, scripts: Scripts, caps: QueueLimits, *, is_synced_by_itself: bool = True
    ) -> None:
        super().__init__(redis)
        self._scripts = scripts
        self.caps = caps
        self._is_synced_by_itself = is_synced_by_itself

    @property
    def epoch(self) -> str:
        """Fencing token of this supervisor, `<number>-<uuid>`; empty until it is opened."""
        return self._scripts.epoch

    async def open_epoch(self) -> None:
        """Open a new epoch: every earlier supervisor is fenced off from now on.

        Raises StorageUnavailableError.
        """
        answer = await self._scripts.call("open_epoch", epoch=keys.EPOCH, uuid=str(uuid.uuid4()))
        self._scripts.epoch = str(answer[1])

    async def close_epoch(self) -> None:
        """Close the epoch, if Redis is reachable, so that an earlier release can take over, too."""
        with suppress(StorageUnavailableError, FencedError, UserError):
            await self._scripts.call("close_epoch")

    async def enqueue(self, job: Job, now_ms: int) -> Admission:
        """Admit a job once and reserve its price; a repeated id changes nothing."""
        answer = await self._scripts.call(
            "enqueue",
            queue=keys.QUEUE,
            job=keys.JOB + job.id,
            tombstone=keys.TOMBSTONE + job.id,
            tags=keys.TAGS,
            virtual_time=keys.VIRTUAL_TIME,
            user_tags=keys.USER_TAGS,
            sequence=keys.SEQUENCE,
            waiting=keys.WAITING,
            user_jobs=f"{keys.USER_JOBS}{job.user_id}",
            announce=keys.ANNOUNCE,
            wake=keys.WAKE,
            spend=keys.SPEND + job.charge.spend_day,
            since=keys.SINCE,
            id=job.id,
            user=job.user_id,
            queue_limit=self.caps.waiting,
            waiting_limit=self.caps.waiting_per_user,
            now_ms=now_ms,
            price_micro=job.charge.price_micro,
            day_limit_micro=_or_none(self.caps.daily_micro),
            user_limit_micro=_or_none(self.caps.daily_micro_per_user),
            spend_kept_s=SPEND_KEPT_S,
            fields=records.admitted_fields(job),
        )
        return Admission(answer[0], int(answer[1]) if len(answer) > 1 else 0)

    async def cancel(
        self, job_id: str, user_id: int, now_ms: int, reason: str = "cancelled"
    ) -> str:
        """Cancel a job; return ok, gone, not_yours or too_late."""
        answer = await self._scripts.call(
            "cancel",
            queue=keys.QUEUE,
            job=keys.JOB + job_id,
            tags=keys.TAGS,
            waiting=keys.WAITING,
            active=keys.ACTIVE,
            due=keys.DUE,
            wake=keys.WAKE,
            since=keys.SINCE,
            user_tags=keys.USER_TAGS,
            id=job_id,
            user_id=user_id,
            now_ms=now_ms,
            reason=reason,
        )
        return answer[0]

    async def wake(self, job_id: str) -> None:
        """Wake a running job; adopt it first if no process runs it."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.lpush(keys.WAKE, job_id)
        pipe.ltrim(keys.WAKE, 0, _WOKEN_AT_ONCE - 1)
        await self._ask(pipe.execute())

    async def own_task(self, task: str, job_id: str) -> bool:
        """Record the job that a provider's task belongs to; return False if it is another one."""
        return await self._chosen(f"{keys.CHOICE}task:{task}", job_id) == job_id

    async def claim(self, now_ms: int) -> Job | None:
        """Claim the next job in fair order, or return None.

        Raises StorageUnavailableError; a claim whose reply is lost is resumed like any other.
        """
        token, begin = uuid.uuid4().hex, "-inf"
        while True:
            answer = await self._claim(now_ms, token, begin)
            if answer[0] != "more":
                break
            begin = answer[1]
        if answer[0] == "empty":
            return None
        record = answer[1]
        return records.from_hash(dict(zip(record[::2], record[1::2], strict=True)))

    async def _claim(self, now_ms: int, token: str, begin: str) -> list[Any]:
        return await self._scripts.call(
            "claim",
            queue=keys.QUEUE,
            tags=keys.TAGS,
            virtual_time=keys.VIRTUAL_TIME,
            user_tags=keys.USER_TAGS,
            due=keys.DUE,
            active=keys.ACTIVE,
            waiting=keys.WAITING,
            last_claim=keys.LAST_CLAIM,
            since=keys.SINCE,
            now_ms=now_ms,
            due_ms=now_ms + _LEASE_MS,
            running_limit=self.caps.running_per_user,
            scan_limit=_SCAN_LIMIT,
            token=token,
            job_prefix=keys.JOB,
            begin=begin,
        )

    async def move(self, job: Job, state: State, due_ms: int, **changes: Any) -> Job:
        """Make one transition and store `changes` with it. Raises StaleJobError if outdated."""
        if state not in NEXT_STATES[job.state]:
            raise ValueError(f"no arrow from {job.state} to {state}")
        answer = await self._scripts.call_until_done(
            "move",
            job=keys.JOB + job.id,
            due=keys.DUE,
            id=job.id,
            version=job.version,
            token=uuid.uuid4().hex,
            state=state,
            due_ms=due_ms,
            fields=records.to_fields(changes),
        )
        if answer[0] != "ok":
            raise StaleJobError(f"{job.id}: {answer[0]}")
        message_id, chat_id = int(answer[3] or 0), int(answer[4])
        told: dict[str, Any] = {"message_id": message_id, "chat_id": chat_id, **changes}
        is_cancelled = answer[2] == "1"
        version = int(answer[1])
        return with_changes(job, state=state, version=version, is_cancelled=is_cancelled, **told)

    async def persist(self) -> None:
        """Return once everything written so far is on the server's disk.

        Returns at once if each write is synced before its answer; otherwise uses WAITAOF, which
        covers only writes of its own connection: hence the write in front of it.
        """
        if self._is_synced_by_itself:
            return
        pipe = self._redis.pipeline(transaction=False)
        pipe.incr(keys.SYNCS)
        pipe.execute_command("WAITAOF", 1, 0, _SYNC_WAIT_MS)
        _, (synced, _) = await self._ask(pipe.execute())
        if not synced:
            raise StorageUnavailableError("Redis did not reach its disk in time")

    async def finish(
        self,
        job: Job,
        outcome: State,
        now_ms: int,
        result: Mapping[str, str] | None = None,
        picture: InputPhoto | None = None,
        *,
        is_billed: bool = True,
        status: str = "",
    ) -> None:
        """End a job; `result` is kept for 30 days, and `picture` is recorded as made by the job.

        Its reservation becomes a charge, or is released if the job is not billed. It counts as
        `status` among the jobs of its day, or as its outcome if `status` is empty.
        """
        if outcome not in NEXT_STATES[job.state]:
            raise ValueError(f"no arrow from {job.state} to {outcome}")
        fields = [part for item in (result or {}).items() for part in item]
        answer = await self._scripts.call_until_done(
            "finish",
            **_keys_of_the_end(job, picture),
            id=job.id,
            version=job.version,
            outcome=outcome,
            now_ms=now_ms,
            tombstone_s=TOMBSTONE_S,
            kept_s=KEPT_S,
            history_length=HISTORY_LENGTH,
            is_billed=int(is_billed),
            spend_kept_s=SPEND_KEPT_S,
            provider_operation=f"{job.progress.provider or 'unknown'}.{job.request.operation}",
            operation_status=f"{job.request.operation}.{status or outcome}",
            fields=fields,
        )
        if answer[0] != "ok":
            raise StaleJobError(f"{job.id}: {answer[0]}")

    async def reserve_status_message(self, job_id: str, retry_ms: int) -> bool:
        """Record that a status message is about to be sent; return False if the job is over."""
        return await self._announced(job_id, 0, retry_ms)

    async def record_status_message(self, job_id: str, message_id: int, chat_id: int) -> bool:
        """Record the status message and its chat; return False if the job is over."""
        return await self._announced(job_id, message_id, 0, chat_id)

    async def _announced(
        self, job_id: str, message_id: int, retry_ms: int, chat_id: int = 0
    ) -> bool:
        answer = await self._scripts.call_until_done(
            "record_status_message",
            job=keys.JOB + job_id,
            announce=keys.ANNOUNCE,
            id=job_id,
            message_id=message_id,
            retry_ms=retry_ms,
            chat_id=chat_id,
        )
        return answer[0] == "ok"

    async def fsck(self, now_ms: int, days: Sequence[str] = ()) -> tuple[int, int, int]:
        """Repair indexes, counters and reservations.

        Returns the number of orphaned entries removed, of lost jobs re-queued, and of days (among
        `days` and those of live jobs) whose reserved sum differed from that of the jobs.
        """
        return await _repair(self._redis, self._scripts, now_ms, days)


def _or_none(ceiling: int | None) -> int | str:
    return "" if ceiling is None else ceiling


def _keys_of_the_end(job: Job, picture: InputPhoto | None) -> dict[str, Value]:
    return {
        "job": keys.JOB + job.id,
        "due": keys.DUE,
        "active": keys.ACTIVE,
        "user_jobs": f"{keys.USER_JOBS}{job.user_id}",
        "announce": keys.ANNOUNCE,
        "tombstone": keys.TOMBSTONE + job.id,
        "result": keys.RESULT + job.id,
        "dead": keys.DEAD,
        "dead_job": keys.DEAD_JOB + job.id,
        "stats": keys.STATS,
        "history": f"{keys.HISTORY}{job.user_id}",
        "latest": f"{keys.LATEST}{job.user_id}",
        "spend": keys.SPEND + job.charge.spend_day,
        "ended": keys.ENDED + job.charge.spend_day,
        "pictures": [keys.PICTURE + picture.unique_id] if picture else [],
    }


# Ids read beforehand are only candidates. Each script checks again, atomically, and covers a few
# jobs, one user or one day, so that the server is never blocked for long.
async def _repair(
    redis: Redis, scripts: Scripts, now_ms: int, days: Sequence[str]
) -> tuple[int, int, int]:
    """Check indexes, counters and reservations against the jobs."""
    with storage_errors():
        seen = await _sightings(redis)
        users = await _users(redis, days)
    orphans = lost = 0
    for part in _parts(list(seen.items())):
        answer = await scripts.call(
            "fsck",
            queue=keys.QUEUE,
            tags=keys.TAGS,
            since=keys.SINCE,
            due=keys.DUE,
            now_ms=now_ms,
            job_prefix=keys.JOB,
            user_jobs_prefix=keys.USER_JOBS,
            sightings=[each for pair in part for each in pair],
        )
        orphans, lost = orphans + int(answer[1]), lost + int(answer[2])
        users.update(answer[3])
    repaired: set[str] = set()
    for user in users:
        answer = await scripts.call(
            "fsck_user",
            user_jobs=f"{keys.USER_JOBS}{user}",
            waiting=keys.WAITING,
            active=keys.ACTIVE,
            user=user,
            job_prefix=keys.JOB,
            spend_prefix=keys.SPEND,
            spend_kept_s=SPEND_KEPT_S,
            days=days,
        )
        repaired.update(answer[1])
    for day in days:
        answer = await scripts.call("fsck_day", spend=keys.SPEND + day)
        repaired.update([day] * int(answer[1]))
    return orphans, lost, len(repaired)


async def _sightings(redis: Redis) -> Counter[str]:
    """Return every id in any index or job key → number of its entries in the queue."""
    seen = Counter[str]()
    async for key in redis.scan_iter(match=f"{keys.JOB}*", count=_READ_AT_ONCE):
        seen[key.removeprefix(keys.JOB)] = 0
    for index in (keys.TAGS, keys.SINCE, keys.DUE):
        async for job_id, _ in redis.zscan_iter(index, count=_READ_AT_ONCE):
            seen[job_id] = 0
    # Read from the tail, whose positions do not shift when jobs are claimed meanwhile.
    last = -1
    while ids := await redis.lrange(keys.QUEUE, last - _READ_AT_ONCE + 1, last):
        seen.update(map(str, ids))
        last -= _READ_AT_ONCE
    return seen


async def _users(redis: Redis, days: Sequence[str]) -> set[str]:
    counted = [*await redis.hkeys(keys.WAITING), *await redis.hkeys(keys.ACTIVE)]
    users = {str(user) for user in counted}
    for day in days:
        entries = redis.hscan_iter(keys.SPEND + day, match="reserved:*", count=_READ_AT_ONCE)
        users |= {str(entry).partition(":")[2] async for entry, _ in entries}
    return users


def _parts(pairs: Sequence[tuple[str, int]]) -> Iterator[Sequence[tuple[str, int]]]:
    for at in range(0, len(pairs), _JOBS_AT_ONCE):
        yield pairs[at : at + _JOBS_AT_ONCE]
