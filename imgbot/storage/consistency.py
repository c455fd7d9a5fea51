"""Consistency check of the queue: indexes, counters and reservations against the jobs.

Ids read beforehand are only candidates. Each script checks again, atomically, and covers a few
jobs, one user or one day, so that the server is never blocked for long, however long the queue is.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from redis.asyncio import Redis

from imgbot.storage import keys
from imgbot.storage.scripts import Scripts, storage_errors

SPEND_KEPT_S = 3_456_000
"""40 days: a whole month can be reported."""

_READ_AT_ONCE = 500
_JOBS_AT_ONCE = 100


async def repair(
    redis: Redis, scripts: Scripts, now_ms: int, days: Sequence[str]
) -> tuple[int, int, int]:
    """Return orphaned entries removed, lost jobs re-queued, and days with a wrong reserved sum."""
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
