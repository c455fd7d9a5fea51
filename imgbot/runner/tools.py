"""What a job is carried with: the stations, the folder of its files, the clock."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from imgbot.imaging import pictures
from imgbot.imaging.pool import Pool
from imgbot.job import Job, State
from imgbot.polling import PollingConfig
from imgbot.providers.protocol import Order, Provider
from imgbot.queue.jobs import JobQueue
from imgbot.queue.shelf import Shelf
from imgbot.runner.status import Status
from imgbot.telegram.delivery import Delivery

Download = Callable[[str, Path], Awaitable[None]]
"""Fetches a person's file by its Telegram handle."""

T = TypeVar("T")

_CANCEL_AGAIN_S = 1.0
_DUE_MS = 120_000
"""A running job is looked at by its own task; due times only matter after a restart."""


@dataclass(frozen=True, slots=True)
class Tools:
    """Everything the steps need, made once by the supervisor."""

    queue: JobQueue
    shelf: Shelf
    provider: Provider
    pool: Pool
    status: Status
    delivery: Delivery
    download: Download
    polling: PollingConfig
    folder: Path
    now_ms: Callable[[], int]
    draining: asyncio.Event

    async def move(self, job: Job, state: State, **changes: object) -> Job:
        """Follow an arrow of the job's table."""
        return await self.queue.move(job, state, self.now_ms() + _DUE_MS, **changes)

    async def end(self, job: Job, outcome: State, reason: str, **facts: str | int | float) -> Job:
        """Turn a job towards its end: the sentence is delivered as a picture would be."""
        return await self.move(
            job, State.DELIVERING, outcome=outcome, reason=reason, facts=facts, tries=0
        )

    def folder_of(self, job_id: str) -> Path:
        return self.folder / job_id

    async def order_for(self, job: Job) -> Order:
        """Fetch and check the job's pictures; those that are there already are kept.

        Raises UserError for a picture that is none, WorkerLostError, TransientError.
        """
        folder = self.folder_of(job.id)
        folder.mkdir(parents=True, exist_ok=True)
        checked = [await self._checked(job, index, folder) for index in range(len(job.sources))]
        return Order(
            job_id=job.id,
            operation=job.operation,
            words=job.words,
            pictures=tuple(checked),
            scale=job.scale,
            seed=job.seed,
            target=folder / "made.jpg",
        )

    async def _checked(self, job: Job, index: int, folder: Path) -> Path:
        stem = folder / f"source-{index}"
        for suffix in (".jpg", ".png"):
            if stem.with_suffix(suffix).exists():
                return stem.with_suffix(suffix)
        raw = folder / f"raw-{index}"
        await self.download(job.sources[index].file_id, raw)
        picture = await self.pool.run(pictures.check, str(raw), str(stem))
        raw.unlink(missing_ok=True)
        return Path(picture.path)

    def forget_files(self, job_id: str) -> None:
        shutil.rmtree(self.folder_of(job_id), ignore_errors=True)


async def pause(seconds: float, *events: asyncio.Event) -> None:
    """Sleep, unless one of the events wakes first."""
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(event.wait()) for event in events]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks until they have ended.

    Once is not always enough: the Redis client can turn a cancellation that meets its own
    timeout into an error, which a loop takes for an outage and goes on.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_CANCEL_AGAIN_S)


async def unless(event: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Await `work`, unless the event comes first: then cut it short and return None."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_outcome_of(work))
        wait = group.create_task(event.wait())
        await asyncio.wait({task, wait}, return_when=asyncio.FIRST_COMPLETED)
        wait.cancel()
        if not task.done():
            await end(task)
    if task.cancelled():
        return None
    result, error = task.result()
    if error is not None:
        raise error
    return result


async def _outcome_of(work: Coroutine[Any, Any, T]) -> tuple[T | None, Exception | None]:
    # A task group would wrap what is raised; whoever waits here wants it as it is.
    try:
        return await work, None
    except Exception as error:  # noqa: BLE001 -- raised again by `unless`
        return None, error
