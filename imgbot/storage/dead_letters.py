"""Operator actions on single jobs: jobs that take too long, and dead jobs.

No action places a new order: a dead job is resumed by its existing ticket, or ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from imgbot.domain.holds import AT_END
from imgbot.domain.job import Job, State, is_paid
from imgbot.storage import job_codec, keys
from imgbot.storage.client import Client, Store
from imgbot.storage.job_queue import JobQueue
from imgbot.telemetry.thresholds import THRESHOLDS

GIVEN_UP = "given_up"
"""Reason of a job that an admin ended."""

LONGEST_MS = int(THRESHOLDS["stuck"].attention * 1000)
"""Age beyond the duration of any regular job."""

_LOOKED_AT = 1000


@dataclass(frozen=True, slots=True)
class ProblemJob:
    """Job that needs an operator's attention; `at_ms` is the time of its claim, or of its death."""

    job: Job
    at_ms: int
    is_dead: bool


def resume_state(job: Job) -> State | None:
    """Return the state from which a dead job can be resumed.

    None without a ticket, or if its user was forgotten.
    """
    if not job.user_id or not job.progress.ticket:
        return None
    return State.RENDERING if job.progress.ticket.get("outputs") else State.POLLING


class DeadLetters(Store):
    """Store of problem jobs."""

    def __init__(self, redis: Client, queue: JobQueue) -> None:
        super().__init__(redis)
        self._queue = queue

    async def stuck(self, now_ms: int, longest_ms: int, limit: int) -> tuple[list[ProblemJob], int]:
        """Return jobs claimed longer ago than `longest_ms`, then dead jobs, newest first.

        Returns at most `limit` of them, and their total number.
        """
        claimed, dead_count = await self._all(
            self._redis.zrange(keys.DUE, 0, _LOOKED_AT - 1), self._redis.zcard(keys.DEAD)
        )
        running = [
            ProblemJob(job, job.progress.claimed_ms, is_dead=False)
            for job in await self._queue.jobs(claimed)
            if now_ms - job.progress.claimed_ms > longest_ms
        ]
        running.sort(key=lambda stuck: stuck.at_ms)
        dead = await self.dead(max(limit - len(running), 0))
        return [*running[:limit], *dead], len(running) + int(dead_count)

    async def dead(self, limit: int) -> list[ProblemJob]:
        """Return the newest dead jobs."""
        if not limit:
            return []
        found = await self._redis.zrevrange(keys.DEAD, 0, limit - 1, withscores=True)
        died_ms = {job_id: int(score) for job_id, score in found}
        jobs = await self._queue.jobs(died_ms, keys.DEAD_JOB)
        return [ProblemJob(job, died_ms[job.id], is_dead=True) for job in jobs]

    async def find(self, job_id: str) -> ProblemJob | None:
        """Find a running or dead job."""
        for prefix in (keys.JOB, keys.DEAD_JOB):
            for job in await self._queue.jobs([job_id], prefix):
                return ProblemJob(job, job.progress.claimed_ms, is_dead=prefix == keys.DEAD_JOB)
        return None

    async def redeliver(self, stuck: ProblemJob, now_ms: int) -> bool:
        """Fetch the picture again by the existing ticket; return False if there is none.

        A running job is made due now instead.
        """
        if not stuck.is_dead:
            await self._queue.wake(stuck.job.id)
            return True
        state = resume_state(stuck.job)
        if state is None:
            return False
        changes = {"outcome": "", "reason": "", "facts": "", "file": "", "is_unbilled": False}
        changes |= {"shown": (), "features": {}}
        return await self._revive(stuck.job, now_ms, {"state": state.value, **changes})

    async def give_up(self, stuck: ProblemJob, now_ms: int) -> str:
        """End a job and notify its user; return ok, gone or too_late."""
        job = stuck.job
        if not stuck.is_dead:
            return await self._queue.cancel(job.id, job.user_id, now_ms, GIVEN_UP)
        ended = {"state": State.DELIVERING.value, "outcome": State.FAILED.value}
        changes = {**ended, "reason": GIVEN_UP, "facts": ""}
        return "ok" if await self._revive(job, now_ms, changes) else "gone"

    async def _revive(self, job: Job, now_ms: int, changes: Mapping[str, object]) -> bool:
        # It was charged when it died: it must not be charged again, nor count as one without cost.
        is_settled = job.charge.is_settled or is_paid(job)
        held = tuple(each for each in job.charge.holds if each.decided == AT_END)
        charge = {"reserved_micro": 0, "is_settled": is_settled}
        anew = {"is_cancelled": False, "tries": 0, "accepted_ms": 0, "pending_ms": 0}
        answer = await self._redis.call(
            "requeue_dead",
            id=job.id,
            user=job.user_id,
            now_ms=now_ms,
            fields=job_codec.to_fields({**charge, "holds": held, **anew, **changes}),
        )
        return answer[0] == "ok"
