"""Interruptible waiting, and reliable cancellation of tasks."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")

Start = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]

_CANCEL_AGAIN_S = 1.0


async def sleep_or_event(seconds: float, *events: asyncio.Event) -> None:
    """Sleep until the time is up or one of the events is set."""
    if len(events) < 2:
        # Without the tasks, which are the cost of a wait.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await (events[0] if events else asyncio.Event()).wait()
        return
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(event.wait()) for event in events]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


async def cancel_and_wait_current(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks until they have ended.

    Once is not always enough: the Redis client can turn a cancellation during its own timeout into
    an error, which a retry loop takes for an outage.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_CANCEL_AGAIN_S)


async def cancel_and_wait(tasks: Collection[asyncio.Task[Any]], within_s: float) -> None:
    """Give tasks `within_s` to end by themselves, then cancel the rest."""
    if tasks:
        await asyncio.wait(tasks, timeout=within_s)
    await cancel_and_wait_current(*tasks)


@asynccontextmanager
async def draining_task_group(drain_s: float) -> AsyncGenerator[Start]:
    """Task group whose tasks get `drain_s` to end by themselves after the block."""
    tasks: set[asyncio.Task[Any]] = set()
    async with asyncio.TaskGroup() as group:

        def start(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
            task = group.create_task(work)
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            return task

        yield start
        await cancel_and_wait(tasks, drain_s)


@asynccontextmanager
async def running_beside(*loops: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    """Run loops within the block; they end after it."""
    async with asyncio.TaskGroup() as background:
        tasks = [background.create_task(loop) for loop in loops]
        try:
            yield
        finally:
            await cancel_and_wait_current(*tasks)


async def run_or_cancel_on(
    event: asyncio.Event, work: Coroutine[Any, Any, T], *others: asyncio.Event
) -> T | None:
    """Await `work`; if one of the events comes first, cancel it and return None."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_outcome_of(work))
        waits = [group.create_task(each.wait()) for each in (event, *others)]
        await asyncio.wait({task, *waits}, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if not task.done():
            await cancel_and_wait_current(task)
    if task.cancelled():
        return None
    result, error = task.result()
    if error is not None:
        raise error
    return result


async def _outcome_of(work: Coroutine[Any, Any, T]) -> tuple[T | None, Exception | None]:
    # A task group would wrap the exception; the caller wants it unwrapped.
    try:
        return await work, None
    except Exception as error:  # noqa: BLE001 -- raised again by the caller
        return None, error
