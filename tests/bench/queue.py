"""Bench of the durable queue: jobs per second, and how the cost of a job grows.

    python -m tests.bench.queue [--jobs N] [--waiting N] [--delivered N]

Every job is enqueued, claimed, given its ticket, rendered, delivered on the embedded server,
which syncs each write to its disk before the answer. The ratio is to the first row of a table,
the CPU time that of this process.
"""

import argparse
import asyncio
import functools
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from imgbot.domain.job import Job, State, with_changes
from imgbot.domain.operations import Operation
from imgbot.storage import keys
from imgbot.storage.client import Client, connect
from imgbot.storage.job_queue import JobQueue, QueueLimits
from imgbot.storage.server.process import RedisServer
from tests.fixtures.jobs import job_of

NOW_MS = 1_800_000_000_000
CALLERS = (1, 10, 50)
_TICKET = {"id": "task-0123456789", "url": "https://provider.invalid/tasks/task-0123456789"}
_IDS = itertools.count(1)


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[Client, JobQueue]]:
    with tempfile.TemporaryDirectory() as folder:
        async with RedisServer(Path(folder), port=0, memory_bytes=2 << 30) as server:
            redis = connect(server.url)
            queue = JobQueue(redis, QueueLimits(10**6, 10**6, 10**6))
            await queue.open_epoch()
            yield redis, queue
            await redis.aclose()


async def together(steps: Iterable[Coroutine[Any, Any, object]]) -> None:
    async with asyncio.TaskGroup() as group:
        for step in steps:
            group.create_task(step)


async def enqueue(queue: JobQueue) -> None:
    number = next(_IDS)
    job = job_of(str(number), number, number, Operation.CREATE, "en", prompt="a fox in the snow")
    admission = await queue.enqueue(job, NOW_MS)
    assert admission.verdict == "ok"


async def claim(queue: JobQueue) -> Job:
    job = await queue.claim(NOW_MS)
    assert job is not None
    return job


async def deliver(queue: JobQueue, job: Job) -> None:
    """Take a claimed job through the states that one picture passes."""
    job = await queue.move(job, State.SUBMITTING, submit_ms=NOW_MS, provider="replicate")
    job = await queue.move(job, State.POLLING, ticket=_TICKET, accepted_ms=NOW_MS)
    job = await queue.move(job, State.RENDERING, ticket=_TICKET | {"outputs": ["u"]})
    job = await queue.move(job, State.DELIVERING, file="1.png", outcome=State.DELIVERED)
    result = with_changes(job, caption="caption", message_id=7)
    await queue.finish(job, State.DELIVERED, NOW_MS, result)


async def whole_jobs(queue: JobQueue, count: int, callers: int) -> None:
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await enqueue(queue)
            await deliver(queue, await claim(queue))

    await together(work() for _ in range(callers))


class Table:
    """Rows of figures, each with its ratio to the first."""

    def __init__(self, title: str) -> None:
        print(f"{title:<47}per s    ratio   CPU ms each")
        self._first = 0.0

    async def row(self, label: str, count: int, work: Coroutine[Any, Any, object]) -> None:
        begun, cpu = time.perf_counter(), time.process_time()
        await work
        per_s = count / (time.perf_counter() - begun)
        cpu_ms = (time.process_time() - cpu) * 1000 / count
        self._first = self._first or per_s
        print(f"  {label:<43}{per_s:>7.0f}{per_s / self._first:>9.2f}{cpu_ms:>14.2f}", flush=True)


async def throughput(redis: Client, queue: JobQueue, count: int) -> None:
    table = Table("whole jobs, by callers at once")
    for callers in CALLERS:
        await table.row(str(callers), count, whole_jobs(queue, count, callers))
    # As redis-py sends: each command alone, on a connection of the pool.
    vars(redis)["execute_command"] = functools.partial(Redis.execute_command, redis)
    for callers in CALLERS:
        await table.row(f"{callers}, sent by redis-py", count, whole_jobs(queue, count, callers))
    del vars(redis)["execute_command"]


async def growth(redis: Client, queue: JobQueue, most: int) -> None:
    table = Table("whole jobs, 50 at once, by jobs delivered")
    for wanted in (1, 10_000, most):
        delivered = len(await redis.keys(f"{keys.TOMBSTONE}*"))
        await whole_jobs(queue, max(wanted - delivered, 0), 100)
        await table.row(f"{wanted:,}", 500, whole_jobs(queue, 500, 50))


async def depth(queue: JobQueue, most: int) -> None:
    table = Table("enqueue and claim, 50 at once, by jobs waiting")
    waiting = 0

    async def pairs() -> None:
        for _ in range(20):
            await together(enqueue(queue) for _ in range(50))
            await together(claim(queue) for _ in range(50))

    for wanted in (10, 1000, 10_000, most):
        for at in range(waiting, wanted, 200):
            await together(enqueue(queue) for _ in range(min(200, wanted - at)))
        waiting = wanted
        await table.row(f"{wanted:,}", 1000, pairs())


async def adoption(queue: JobQueue, redis: Client) -> None:
    for _ in range(100):
        await together(enqueue(queue) for _ in range(100))
    for _ in range(50):
        await together(claim(queue) for _ in range(100))
    begun = time.perf_counter()
    await queue.open_epoch()
    repaired = await queue.fsck(NOW_MS, ["2027-01-15"])
    jobs = await queue.jobs(await queue.due())
    print(
        f"start with 5,000 waiting and {len(jobs):,} claimed jobs: "
        f"{time.perf_counter() - begun:.2f} s, repaired {repaired}"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--waiting", type=int, default=50_000)
    parser.add_argument("--delivered", type=int, default=100_000)
    options = parser.parse_args()
    async with opened() as (redis, queue):
        await throughput(redis, queue, options.jobs)
        await growth(redis, queue, options.delivered)
    async with opened() as (redis, queue):
        await depth(queue, options.waiting)
    async with opened() as (redis, queue):
        await adoption(queue, redis)


if __name__ == "__main__":
    asyncio.run(main())
