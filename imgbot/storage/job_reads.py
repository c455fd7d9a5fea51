"""Reads of the queue outside of job transitions: waiting, due and delivered jobs."""

from collections.abc import Sequence
from dataclasses import dataclass

from imgbot.domain.job import Job
from imgbot.storage import job_codec as records, keys
from imgbot.storage.client import Store

_MINE_SHOWN = 30
_WAKE_WAIT_S = 2


@dataclass(frozen=True, slots=True)
class Depth:
    """Depth of the queue; times in ms since 1970, 0 where there is none."""

    waiting: int
    running: int
    dead: int
    oldest_waiting_ms: int


class JobReads(Store):
    """Reads of jobs; each call raises StorageUnavailableError while Redis is unavailable."""

    async def job(self, job_id: str) -> Job | None:
        """Read a live job."""
        record = await self._ask(self._redis.hgetall(keys.JOB + job_id))
        return records.from_hash(record) if records.is_job(record) else None

    async def is_known(self, job_id: str) -> bool:
        """Return whether a job is live, or dead and still stored."""
        names = (keys.JOB + job_id, keys.DEAD_JOB + job_id)
        return bool(await self._ask(self._redis.exists(*names)))

    async def next_wakeup(self) -> str | None:
        """Wait briefly for the id of a job that was woken."""
        entry = await self._ask(self._redis.brpop([keys.WAKE], timeout=_WAKE_WAIT_S))
        return entry[1] if entry else None

    async def due(self) -> list[str]:
        """Return the ids of all claimed jobs, most urgent first."""
        return await self._ask(self._redis.zrange(keys.DUE, 0, -1))

    async def unannounced(self, now_ms: int, limit: int) -> list[str]:
        """Return jobs whose status message is due."""
        return await self._ask(
            self._redis.zrangebyscore(keys.ANNOUNCE, 0, now_ms, start=0, num=limit)
        )

    async def position(self, job_id: str) -> int:
        """Return the job's position in the queue from 1, or 0 if it is not waiting."""
        return (await self.places([job_id]))[0]

    async def places(self, job_ids: Sequence[str]) -> list[int]:
        """Return the position of each job, as `position` does."""
        pipe = self._redis.pipeline(transaction=False)
        for job_id in job_ids:
            pipe.zrank(keys.TAGS, job_id)
        ranks = await self._ask(pipe.execute())
        return [0 if rank is None else int(rank) + 1 for rank in ranks]

    async def newest_of(self, user_id: int) -> str | None:
        """Return the id of the user's newest live job."""
        ids = await self._ask(self._redis.zrevrange(f"{keys.USER_JOBS}{user_id}", 0, 0))
        return ids[0] if ids else None

    async def jobs_shown_to(self, user_id: int) -> list[Job]:
        """Return the user's live jobs, oldest first, up to the number that users are shown."""
        ids = await self._ask(self._redis.zrange(f"{keys.USER_JOBS}{user_id}", 0, _MINE_SHOWN - 1))
        return await self.jobs(ids)

    async def jobs_of(self, user_id: int) -> list[Job]:
        """Return all live jobs of the user, waiting or claimed."""
        return await self.jobs(
            await self._ask(self._redis.zrange(f"{keys.USER_JOBS}{user_id}", 0, -1))
        )

    async def jobs(self, ids: Sequence[str]) -> list[Job]:
        """Read those of the given jobs that are live."""
        found = await self._hashes(keys.JOB + job_id for job_id in ids)
        return [records.from_hash(record) for record in found if records.is_job(record)]

    async def waiting_ids(self, limit: int = 0) -> list[str]:
        """Return the first `limit` ids of waiting jobs in queue order, or all of them."""
        return await self._ask(self._redis.lrange(keys.QUEUE, 0, limit - 1))

    async def depth(self) -> Depth:
        pipe = self._redis.pipeline(transaction=False)
        pipe.llen(keys.QUEUE)
        pipe.zcard(keys.DUE)
        pipe.zcard(keys.DEAD)
        pipe.zrange(keys.SINCE, 0, 0, withscores=True)
        waiting, running, dead, oldest = await self._ask(pipe.execute())
        return Depth(waiting, running, dead, int(oldest[0][1]) if oldest else 0)
