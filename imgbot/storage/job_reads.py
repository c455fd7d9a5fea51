"""Reads of the queue outside of job transitions: waiting, due and delivered jobs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from imgbot.domain.job import Job
from imgbot.storage import job_codec as records, keys
from imgbot.storage.client import Store

_MINE_SHOWN = 30
_WAKE_WAIT_S = 4


@dataclass(frozen=True, slots=True)
class Depth:
    """Depth of the queue; times in ms since 1970, 0 where there is none."""

    waiting: int
    running: int
    dead: int
    oldest_waiting_ms: int


class JobReads(Store):
    """Reader of jobs."""

    async def job(self, job_id: str) -> Job | None:
        """Read a live job."""
        return next(iter(await self.jobs([job_id])), None)

    async def jobs(self, ids: Iterable[str], prefix: str = keys.JOB) -> list[Job]:
        """Read those of the given jobs that are live, or dead with the prefix of dead jobs."""
        names = list(ids)
        found = await self._all(*(self._redis.hgetall(prefix + job_id) for job_id in names))
        return [
            records.from_hash({"id": job_id, **record})
            for job_id, record in zip(names, found, strict=True)
            if records.is_job(record)
        ]

    async def is_known(self, job_id: str) -> bool:
        """Return whether a job is live, or dead and still stored."""
        names = (keys.JOB + job_id, keys.DEAD_JOB + job_id)
        return bool(await self._redis.exists(*names))

    async def next_wakeup(self) -> str | None:
        """Wait briefly for the id of a job that was woken."""
        entry = await self._redis.brpop([keys.WAKE], timeout=_WAKE_WAIT_S)
        return entry and entry[1]

    async def due(self) -> dict[str, int]:
        """Return all claimed jobs by the time (ms) of their next check, most urgent first.

        The time is 0 for one that was running when it was cancelled.
        """
        found = await self._redis.zrange(keys.DUE, 0, -1, withscores=True)
        return {job_id: int(due_ms) for job_id, due_ms in found}

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

    async def depth(self) -> Depth:
        waiting, running, dead, oldest = await self._all(
            self._redis.llen(keys.QUEUE),
            self._redis.zcard(keys.DUE),
            self._redis.zcard(keys.DEAD),
            self._redis.zrange(keys.SINCE, 0, 0, withscores=True),
        )
        return Depth(waiting, running, dead, int(oldest[0][1]) if oldest else 0)
