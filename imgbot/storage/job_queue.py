"""Job queue in Redis: admission, claim, transitions, end, reads of jobs, consistency check."""

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Unpack

from imgbot.domain.errors import (
    FencedError,
    StaleJobError,
    StorageUnavailableError,
    UserError,
)
from imgbot.domain.holds import Hold
from imgbot.domain.job import (
    NEXT_STATES,
    Changes,
    Job,
    State,
    with_changes,
)
from imgbot.storage import holds, job_codec, keys, results
from imgbot.storage.client import Client
from imgbot.storage.holds import QueueLimits, Tally
from imgbot.storage.persistence import Persistence
from imgbot.storage.stats import EndedJob

CANCELLED, CANCELLED_LATE = "cancelled", "cancelled_late"
"""Reason of a job that its user cancelled, and, once that was too late, of one that goes on."""

STOPPED = "stopped"
"""Reason of a job that is cancelled because its user is banned, or forgotten."""

_EMPTY_MS = 1500
"""A fenced supervisor without jobs learns of it after this time."""

_FIRST_SCAN, _NEXT_SCAN = 10, 500
"""Waiting jobs examined by a call of a claim, and by each that follows because the users of all of
them have enough running; 500 are about 2 ms of server time."""

_READ_AT_ONCE = 500
_WOKEN_AT_ONCE = 1000
_TICKET_KEPT_S = 3600
_TASK_OWNED_S = 3600
_REVOKED_MS = 90_000_000
"""Longer than an update waits."""

_ENDED_KEPT_S = 691_200
_JOBS_AT_ONCE = 100
_MINE_SHOWN = 30
_WAKE_WAIT_S, _CLUSTER_WAKE_WAIT_S = 4, 1
"""Shorter than the client waits for an answer."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Outcome of an enqueue: ok, duplicate, full (the queue), many (waiting jobs of the user).

    Or the name of the hold that it is too much for. `count` is the position in the queue for ok,
    the user's waiting jobs for many, what the limit of the hold is compared with, else 0.
    """

    verdict: str
    count: int = 0
    hold: Hold | None = field(default=None, compare=False)
    held: tuple[Hold, ...] = field(default=(), compare=False)
    """What the job holds if it was admitted."""


class Repairs(NamedTuple):
    """Inconsistencies that a check of the queue has repaired."""

    strays: int
    """Orphaned entries that were removed."""
    lost: int
    """Jobs that were queued again."""
    days: int
    """Days of which another sum was reserved than that of their jobs."""
    slots: list[str]
    """Users with a wrong number of running jobs."""


class JobQueue(results.JobReader):
    """Job queue: every transition of `job.NEXT_STATES`. Only the current epoch may write.

    Methods used by handlers raise StorageUnavailableError while Redis is unavailable, so that the
    update stays unconfirmed. Methods used by the runner retry until they succeed, because what
    they record has already happened.
    """

    def __init__(
        self, redis: Client, caps: QueueLimits, persistence: Persistence | None = None
    ) -> None:
        super().__init__(redis)
        self.caps = caps
        self._wake_wait_s = _CLUSTER_WAKE_WAIT_S if redis.sentinels else _WAKE_WAIT_S
        self._empty_until_ms = 0
        """Until then no job waits, unless one is admitted here."""
        self.persistence = persistence or Persistence(redis)
        self._revoked: dict[int, tuple[int, int]] = {}
        """By user, the update id below which requests are revoked, and the time (ms) of that."""
        self.wakeup = asyncio.Event()
        """Set when a job may wait to be claimed; the claim loop clears it."""

    async def open_epoch(self) -> None:
        """Open a new epoch: every earlier supervisor is fenced off from now on.

        Raises StorageUnavailableError.
        """
        answer = await self._redis.call("open_epoch", uuid=str(uuid.uuid4()))
        self._redis.epoch = str(answer[1])
        self._empty_until_ms = 0

    async def close_epoch(self) -> None:
        """Close the epoch, if Redis is reachable, so that another supervisor can lead at once."""
        with suppress(StorageUnavailableError, FencedError, UserError):
            await self._redis.call("close_epoch")

    async def enqueue(
        self, job: Job, now_ms: int, further: Iterable[Hold] = (), together: int = 1
    ) -> Admission:
        """Admit a job once, with what it holds; a repeated id changes nothing.

        It holds `further` beside what is of its day. It is refused unless so many `together` fit.
        """
        if self.is_revoked(job.user_id, job.id, now_ms):
            return Admission("duplicate")
        found = Admission("")
        for held in holds.alternatives([*holds.of_day(job, self.caps), *further]):
            found = await self._admit(job, held, now_ms, together)
            if not (found.hold and found.hold.spares):
                break
        return found

    async def _admit(self, job: Job, held: Sequence[Hold], now_ms: int, together: int) -> Admission:
        job = with_changes(job, holds=tuple(held))
        try:
            answer = await self._redis.call(
                "enqueue",
                id=job.id,
                user=job.user_id,
                day=job.charge.spend_day,
                queue_limit=self.caps.waiting,
                waiting_limit=self.caps.waiting_per_user,
                together=together,
                now_ms=now_ms,
                holds=json.dumps([holds.row_of(each) for each in held]),
                lists=_entries(results.ordered(job, now_ms)),
                fields=job_codec.admitted_fields(job),
            )
        finally:
            # Also when the answer was lost, and after one of a claim that was sent before.
            self._empty_until_ms = 0
            self.wakeup.set()
        verdict, count = answer[0], int(answer[1]) if len(answer) > 1 else 0
        return Admission(
            verdict, count, next((e for e in held if e.name == verdict), None), tuple(held)
        )

    async def cancel(self, job_id: str, user_id: int, now_ms: int, reason: str = CANCELLED) -> str:
        """Cancel a job; return ok, gone, not_yours, too_late or cancelled_late."""
        return (await self._cancel([job_id], user_id, now_ms, reason))[0]

    async def _cancel(
        self, job_ids: Sequence[str], user_id: int, now_ms: int, reason: str = CANCELLED
    ) -> list[str]:
        return await self._redis.call(
            "cancel", user_id=user_id, now_ms=now_ms, reason=reason, ids=job_ids
        )

    async def cancel_all(self, user_id: int, now_ms: int, before_update: int) -> dict[str, str]:
        """Cancel all jobs of a user at once, and revoke their requests of older updates.

        Returns the verdict on each job, as `cancel` does.
        """
        recent = {user: mark for user, mark in self._revoked.items() if _is_recent(mark[1], now_ms)}
        self._revoked = {**recent, user_id: (before_update, now_ms)}
        ids = await self._redis.zrange(f"{keys.USER_JOBS}{user_id}", 0, -1)
        verdicts = await self._cancel(ids, user_id, now_ms, STOPPED) if ids else []
        return dict(zip(ids, verdicts, strict=True))

    def is_revoked(self, user_id: int, request: str, now_ms: int) -> bool:
        """Return true if a request, which may have waited for long, was revoked."""
        before_update, at_ms = self._revoked.get(user_id, (0, 0))
        # Update ids may begin anew after a quiet week.
        return _is_recent(at_ms, now_ms) and int(request.partition("-")[0]) < before_update

    async def wake(self, job_id: str, ticket: Mapping[str, object] | None = None) -> None:
        """Wake a running job, or have it adopted; keep the ticket of a webhook, if any."""
        if ticket:
            value = json.dumps(ticket)
            await self._redis.set(keys.WEBHOOK_TICKET + job_id, value, ex=_TICKET_KEPT_S)
        await self._all(
            self._redis.lpush(keys.WAKE, job_id),
            self._redis.ltrim(keys.WAKE, 0, _WOKEN_AT_ONCE - 1),
        )

    async def hook_ticket(self, job_id: str) -> Mapping[str, object] | None:
        """Return the ticket of a webhook; None without one."""
        found = await self._redis.get(keys.WEBHOOK_TICKET + job_id)
        return json.loads(found) if found else None

    async def own_task(self, task: str, job_id: str) -> bool:
        """Record the job that a provider's task belongs to; return False if it is another one."""
        key = f"{keys.ONCE}task:{task}"
        _, owner = await self._redis.call_until_done(
            "once", key=key, value=job_id, ttl_s=_TASK_OWNED_S
        )
        return owner == job_id

    def is_known_empty(self, now_ms: int) -> bool:
        """Return true if the latest claim, just before, left no waiting job."""
        return now_ms < self._empty_until_ms

    async def claim(
        self, now_ms: int, full_chats: Iterable[int] = (), idle_users: Iterable[int] = ()
    ) -> Job | None:
        """Claim the next job in fair order that is not of a full chat, or return None.

        `idle_users` has the user of each running job that does not count for their cap at present.
        Raises StorageUnavailableError; a claim whose reply is lost is resumed like any other.
        """
        answer: list[Any] = ["more", "-inf"]
        token = uuid.uuid4().hex
        while answer[0] == "more":
            answer = await self._redis.call(
                "claim",
                now_ms=now_ms,
                running_limit=self.caps.running_per_user,
                scan_limit=_FIRST_SCAN if answer[1] == "-inf" else _NEXT_SCAN,
                token=token,
                begin=answer[1],
                full_chats=f",{','.join(map(str, full_chats))},",
                idle_users="".join(f";{each};" for each in idle_users),
            )
        self._empty_until_ms = 0 if answer[-1] else now_ms + _EMPTY_MS
        if answer[0] == "empty":
            return None
        record = answer[1]
        return job_codec.from_hash(dict(zip(record[::2], record[1::2], strict=True)))

    async def move(self, job: Job, state: State, **changes: Unpack[Changes]) -> Job:
        """Make one transition and store `changes` with it. Raises StaleJobError if outdated."""
        if state not in NEXT_STATES[job.state]:
            raise ValueError(f"no arrow from {job.state} to {state}")
        answer = await self._redis.call_until_done(
            "move",
            id=job.id,
            version=job.version,
            token=uuid.uuid4().hex,
            state=state.value,
            fields=job_codec.to_fields(changes),
        )
        if answer[0] != "ok":
            raise StaleJobError(f"{job.id}: {answer[0]}")
        if "ticket" in changes:
            await self.persistence.settle()
        _, version, is_cancelled, message_id, chat_id = answer
        job = replace(job, state=state, version=int(version), is_cancelled=is_cancelled == "1")
        job = with_changes(job, message_id=int(message_id or 0), chat_id=int(chat_id))
        return with_changes(job, **changes)

    async def finish(
        self,
        job: Job,
        outcome: State,
        now_ms: int,
        result: Job | None = None,
        *,
        status: str = "",
    ) -> None:
        """End a job; `result`, which is the job with what it has shown, is kept for 30 days.

        What it holds stays or is given back. It counts as `status` among the jobs of its day, or as
        its outcome if `status` is empty.
        """
        if outcome not in NEXT_STATES[job.state]:
            raise ValueError(f"no arrow from {job.state} to {outcome}")
        status = status or outcome.value
        ended = result and replace(result, state=outcome)
        shown_as = ended.progress.shown if ended else ()
        is_shown = ended is not None and outcome is State.DELIVERED
        answer = await self._redis.call_until_done(
            "finish",
            id=job.id,
            user=job.user_id,
            day=job.charge.spend_day,
            picture_id=next((each.unique_id for each in shown_as), ""),
            version=job.version,
            outcome=outcome.value,
            now_ms=now_ms,
            counts=json.dumps(holds.summed(_tallies(job, outcome, status))),
            lists=_entries(results.shown(job, now_ms) if is_shown else {}),
            ended_entry=EndedJob.of(job, status, now_ms).dump(),
            fields=job_codec.result_fields(ended) if ended else [],
        )
        if answer[0] != "ok":
            raise StaleJobError(f"{job.id}: {answer[0]}")
        await self.persistence.settle()

    async def record_status_message(
        self, job_id: str, message_id: int = 0, chat_id: int = 0, retry_ms: int = 0
    ) -> bool:
        """Record the status message and its chat; return False if the job is over.

        Without an id it is about to be sent, and is tried again at `retry_ms`.
        """
        answer = await self._redis.call_until_done(
            "record_status_message",
            id=job_id,
            message_id=message_id,
            retry_ms=retry_ms,
            chat_id=chat_id,
        )
        return answer[0] == "ok"

    async def job(self, job_id: str) -> Job | None:
        """Read a live job."""
        return next(iter(await self.jobs([job_id])), None)

    async def is_known(self, job_id: str) -> bool:
        """Return true if a job is live, or dead and still stored."""
        names = (keys.JOB + job_id, keys.DEAD_JOB + job_id)
        return bool(await self._redis.exists(*names))

    async def next_wakeup(self) -> str | None:
        """Wait briefly for the id of a job that was woken."""
        entry = await self._redis.brpop([keys.WAKE], timeout=self._wake_wait_s)
        return entry and entry[1]

    async def ordered_at(self) -> Counter[str]:
        """Count the orders that may yet be asked for by the names of their providers."""
        dead = await self.jobs(await self._redis.zrange(keys.DEAD, 0, -1), keys.DEAD_JOB)
        jobs = [
            *await self.jobs(await self.due()),
            *(each for each in dead if each.progress.ticket),
        ]
        return Counter(each.progress.provider for each in jobs if each.progress.submit_ms)

    async def former_providers(self, chosen: Mapping[str, str]) -> dict[str, str]:
        """Return what was stored of the providers, by their names, and store the chosen ones."""
        found = await self._redis.hgetall(keys.PROVIDERS)
        if chosen.items() - found.items():
            await self._redis.hset(keys.PROVIDERS, mapping=dict(chosen))
        return found

    async def due(self) -> dict[str, int]:
        """Return all claimed jobs by the time (ms) of their claim, the earliest first.

        The time is 0 for one that was running when it was cancelled, until its next transition.
        """
        found = await self._redis.zrange(keys.DUE, 0, -1, withscores=True)
        return {job_id: int(claimed_ms) for job_id, claimed_ms in found}

    async def unannounced(self, now_ms: int, limit: int) -> list[str]:
        """Return jobs whose status message is due."""
        return await self._redis.zrangebyscore(keys.ANNOUNCE, 0, now_ms, start=0, num=limit)

    async def places(self, job_ids: Sequence[str]) -> list[int]:
        """Return the position of each job in the queue from 1, or 0 if it is not waiting."""
        ranks = await self._all(*(self._redis.zrank(keys.TAGS, job_id) for job_id in job_ids))
        return [0 if rank is None else int(rank) + 1 for rank in ranks]

    async def newest_of(self, user_id: int) -> str | None:
        """Return the id of the user's newest live job."""
        ids = await self._redis.zrevrange(f"{keys.USER_JOBS}{user_id}", 0, 0)
        return ids[0] if ids else None

    async def jobs_of(self, user_id: int, limit: int = 0) -> list[Job]:
        """Return the user's first `limit` live jobs, waiting or claimed, or all of them."""
        key = f"{keys.USER_JOBS}{user_id}"
        return await self.jobs(await self._redis.zrange(key, 0, limit - 1))

    async def jobs_shown_to(self, user_id: int) -> list[Job]:
        """Return the user's live jobs, oldest first, up to the number that users are shown."""
        return await self.jobs_of(user_id, _MINE_SHOWN)

    async def jobs_in(self, chat_id: int, user_id: int) -> list[Job]:
        """Return those of the jobs shown to the user that were ordered in this chat."""
        jobs = await self.jobs_shown_to(user_id)
        return [job for job in jobs if job.request.chat_id == chat_id]

    async def waiting_ids(self, limit: int = 0) -> list[str]:
        """Return the first `limit` ids of waiting jobs in queue order, or all of them."""
        return await self._redis.lrange(keys.QUEUE, 0, limit - 1)

    async def fsck(self, now_ms: int, days: Sequence[str] = ()) -> Repairs:
        """Repair indexes, counters, and the reservations of `days` and of live jobs."""
        # Ids read beforehand are only candidates. Each script checks again, atomically, and covers
        # a few jobs or users, or one day, so that the server is never blocked for long.
        seen = list((await self._sightings()).items())
        users = await self._counted_users(days)
        orphans = lost = 0
        for at in range(0, len(seen), _JOBS_AT_ONCE):
            sightings = [each for pair in seen[at : at + _JOBS_AT_ONCE] for each in pair]
            answer = await self._redis.call("fsck", now_ms=now_ms, sightings=sightings)
            orphans, lost = orphans + int(answer[1]), lost + int(answer[2])
            users.update(answer[3])
        repaired, slots = set[str](), list[str]()
        names = list(users)
        for at in range(0, len(names), _JOBS_AT_ONCE):
            some = names[at : at + _JOBS_AT_ONCE]
            answer = await self._redis.call("fsck_users", days=",".join(days), users=some)
            repaired.update(answer[1])
            slots += answer[2]
        for day in days:
            answer = await self._redis.call("fsck_day", day=day)
            repaired.update([day] * int(answer[1]))
        self._empty_until_ms = 0
        return Repairs(orphans, lost, len(repaired), slots)

    async def _sightings(self) -> Counter[str]:
        """Return every id in any index or job key → number of its entries in the queue."""
        redis, seen = self._redis, Counter[str]()
        async for key in redis.scan_iter(match=f"{keys.JOB}*", count=_READ_AT_ONCE):
            seen[key.removeprefix(keys.JOB)] = 0
        for index in (keys.TAGS, keys.DUE):
            async for job_id, _ in redis.zscan_iter(index, count=_READ_AT_ONCE):
                seen[job_id] = 0
        # Read from the tail, whose positions do not shift when jobs are claimed meanwhile.
        last = -1
        while ids := await redis.lrange(keys.QUEUE, last - _READ_AT_ONCE + 1, last):
            seen.update(map(str, ids))
            last -= _READ_AT_ONCE
        return seen

    async def _counted_users(self, days: Sequence[str]) -> set[str]:
        redis = self._redis
        users = {str(user) for user in await redis.hkeys(keys.ACTIVE)}
        for day in days:
            entries = redis.hscan_iter(keys.SPEND + day, match="reserved:*", count=_READ_AT_ONCE)
            users |= {str(entry).partition(":")[2] async for entry, _ in entries}
        return users


def _is_recent(at_ms: int, now_ms: int) -> bool:
    return now_ms - at_ms < _REVOKED_MS


def _entries(lists: Mapping[str, str]) -> str:
    """Return new entries of lists, by their keys, as the scripts get them."""
    lengths = {key: keys.HISTORY_LENGTH for key in lists if key.startswith(keys.HISTORY)}
    entries = [
        (key, entry, lengths.get(key, keys.RECENT_LENGTH), keys.RESULT_KEPT_S)
        for key, entry in lists.items()
    ]
    return json.dumps(entries, ensure_ascii=False)


def _tallies(job: Job, outcome: State, status: str) -> list[Tally]:
    """Return how a job that ends is counted, with what becomes of its holds."""
    day, of_day = f"{keys.ENDED}{job.charge.spend_day}", f"{job.request.operation}.{status}"
    return [
        *holds.at_end(job, outcome),
        Tally(keys.ACTIVE, str(job.user_id), -1),
        Tally(day, of_day, 1, _ENDED_KEPT_S),
        # A user who was forgotten meanwhile stays forgotten.
        Tally(f"{keys.USER}{job.user_id}", f"jobs_{status}", 1, is_of_known=True),
    ]
