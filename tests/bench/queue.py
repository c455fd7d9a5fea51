"""Bench of the durable queue: jobs per second, and how the cost of a job grows.

    python -m tests.bench.queue [--jobs N] [--waiting N] [--delivered N]

Every job is enqueued, claimed, given its ticket, rendered, delivered on the embedded server,
which syncs each write to its disk before the answer. The ratio tells how a figure compares with
the first of its table.
"""

import argparse
import asyncio
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from imgbot.domain.job import Job, State
from imgbot.domain.operations import Operation
from imgbot.storage import keys
from imgbot.storage.client import Client, connect
from imgbot.storage.job_queue import JobQueue, QueueLimits
from imgbot.storage.job_reads import JobReads
from imgbot.storage.results import to_hash
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


async def enqueue(queue: JobQueue, user_id: int | None = None) -> None:
    number = next(_IDS)
    user_id = number if user_id is None else user_id
    job = job_of(str(number), user_id, user_id, Operation.CREATE, "en", prompt="a fox in the snow")
    admission = await queue.enqueue(job, NOW_MS)
    assert admission.verdict == "ok"


async def claim(queue: JobQueue) -> Job:
    job = await queue.claim(NOW_MS)
    assert job is not None
    return job


async def deliver(queue: JobQueue, job: Job) -> None:
    """Take a claimed job through the states that one picture passes."""
    job = await queue.move(job, State.SUBMITTING, NOW_MS, intent_ms=NOW_MS, provider="replicate")
    job = await queue.move(job, State.POLLING, NOW_MS, ticket=_TICKET, accepted_ms=NOW_MS)
    job = await queue.move(job, State.RENDERING, NOW_MS, ticket=_TICKET | {"outputs": ["u"]})
    job = await queue.move(job, State.DELIVERING, NOW_MS, file="1.png", outcome=State.DELIVERED)
    await queue.finish(job, State.DELIVERED, NOW_MS, to_hash(job, None, "caption", 7))


async def whole_jobs(
    queue: JobQueue, count: int, callers: int, *, is_new_user: bool = True
) -> None:
    left = iter(range(count))

    async def work(user_id: int | None) -> None:
        for _ in left:
            await enqueue(queue, user_id)
            await deliver(queue, await claim(queue))

    await together(work(None if is_new_user else n) for n in range(callers))


def row(label: str, per_s: float, first: float) -> None:
    print(f"  {label:<28}{per_s:>9.0f}/s{per_s / first:>9.2f}", flush=True)


async def throughput(queue: JobQueue, count: int) -> None:
    print("whole jobs, by callers at once                 ratio      CPU ms per job")
    first = 0.0
    for callers in CALLERS:
        begun, cpu = time.perf_counter(), time.process_time()
        await whole_jobs(queue, count, callers)
        per_s = count / (time.perf_counter() - begun)
        first = first or per_s
        cpu_ms = (time.process_time() - cpu) * 1000 / count
        print(f"  {callers:<28}{per_s:>9.0f}/s{per_s / first:>9.2f}{cpu_ms:>14.2f}", flush=True)


async def depth(queue: JobQueue, most: int) -> None:
    print("enqueue and claim, 50 at once, by waiting jobs   ratio")
    first, waiting = 0.0, 0
    for wanted in (10, 1000, 10_000, most):
        for at in range(waiting, wanted, 200):
            await together(enqueue(queue) for _ in range(min(200, wanted - at)))
        waiting, begun = wanted, time.perf_counter()
        for _ in range(10):
            await together(enqueue(queue) for _ in range(50))
            await together(claim(queue) for _ in range(50))
        per_s = 500 / (time.perf_counter() - begun)
        first = first or per_s
        row(f"{wanted} waiting", per_s, first)


async def growth(redis: Client, queue: JobQueue, most: int) -> None:
    print("whole jobs, 50 at once, by delivered jobs        ratio")
    first, delivered = 0.0, int(await redis.hget(keys.STATS, "delivered") or 0)
    for wanted in (1, 10_000, most):
        if wanted > delivered:
            await whole_jobs(queue, wanted - delivered, 100)
        begun = time.perf_counter()
        await whole_jobs(queue, 500, 50)
        per_s = 500 / (time.perf_counter() - begun)
        first, delivered = first or per_s, max(wanted, delivered) + 500
        row(f"{wanted} delivered", per_s, first)


async def adoption(queue: JobQueue, redis: Client) -> None:
    for _ in range(100):
        await together(enqueue(queue) for _ in range(100))
    for _ in range(50):
        await together(claim(queue) for _ in range(100))
    begun = time.perf_counter()
    await queue.open_epoch()
    repaired = await queue.fsck(NOW_MS, ["2027-01-15"])
    reads = JobReads(redis)
    jobs = await reads.jobs(await reads.due())
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
        await throughput(queue, options.jobs)
        await growth(redis, queue, options.delivered)
    async with opened() as (redis, queue):
        await depth(queue, options.waiting)
    async with opened() as (redis, queue):
        await adoption(queue, redis)


if __name__ == "__main__":
    asyncio.run(main())
