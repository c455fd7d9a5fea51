"""Job queue in Redis: admission, claim, state transitions and end of jobs."""

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis

from imgbot.domain.errors import FencedError, StaleJobError, StorageUnavailableError, UserError
from imgbot.domain.job import NEXT_STATES, InputPhoto, Job, State, with_changes
from imgbot.storage import consistency, job_codec as records, keys
from imgbot.storage.consistency import SPEND_KEPT_S
from imgbot.storage.queue_limits import Admission, QueueLimits
from imgbot.storage.results import HISTORY_LENGTH, KEPT_S
from imgbot.storage.scripts import Scripts, Value, storage_errors

_LEASE_MS = 60_000
_SYNC_WAIT_MS = 4000
_SCAN_LIMIT = 500
"""Waiting jobs examined by one call of a claim, about 2 ms of server time."""

TOMBSTONE_S = 172_800
"""48 h: Telegram repeats an unconfirmed update for 24 h."""


class JobQueue:
    """Job queue: every transition of `job.NEXT_STATES`. Only the current epoch may write.

    Methods used by handlers raise StorageUnavailableError while Redis is unavailable, so that the
    update stays unconfirmed. Methods used by the runner retry until they succeed, because what
    they record has already happened.
    """

    def __init__(
        self, redis: Redis, scripts: Scripts, caps: QueueLimits, *, is_synced_by_itself: bool = True
    ) -> None:
        self._redis = redis
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
        with storage_errors():
            _, (synced, _) = await pipe.execute()
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
        return await consistency.repair(self._redis, self._scripts, now_ms, days)


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
