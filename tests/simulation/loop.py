"""Event loop with virtual time, in which a process can be killed or frozen at any await.

The adapter between asyncio and the world. Callbacks run in asyncio's own order; the order of events
follows from the delays that the network draws.
"""

import asyncio
import heapq
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

EPOCH_S = 1_790_000_000.0
"""Earlier than the times of real files, which so never look old."""


@dataclass(eq=False)
class Process:
    """A process of the bot; `held` has its callbacks while it is frozen."""

    name: str
    host: str = ""
    """Machine of a cluster that it runs on."""
    is_dead: bool = False
    held: list[asyncio.Handle] | None = None
    tasks: list[asyncio.Task[Any]] = field(default_factory=list[asyncio.Task[Any]])


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)
"""The process of a task; None in the rest of the world."""


class DeadlockError(RuntimeError):
    """Nothing will ever happen again."""


class Task(asyncio.Task[Any]):
    """A task whose place in a set is the same in each run."""

    _count = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        Task._count += 1
        self._number = Task._count
        super().__init__(*args, **options)
        if process := PROCESS.get():
            # Kept: a task that is collected runs its `finally`, which a kill does not.
            process.tasks.append(self)

    def __hash__(self) -> int:
        return self._number


def _make_task(loop: Any, work: Any, **options: Any) -> Task:
    return Task(work, loop=loop, **options)


class Loop(asyncio.BaseEventLoop):
    """Loop that jumps to the next timer when nothing else is left to do."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.skew_s = 0.0
        """Error of the wall clock."""
        self.set_task_factory(_make_task)

    def time(self) -> float:
        return self.now_s

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """Run a thread's work at once, in its turn."""
        future = self.create_future()
        self.call_soon(_settle, future, func, args)
        return future

    def _run_once(self) -> None:
        timers: list[Any] = self._scheduled  # pyrefly: ignore[missing-attribute]
        ready: Any = self._ready  # pyrefly: ignore[missing-attribute]
        if not ready:
            if not timers:
                raise DeadlockError
            self.now_s = max(self.now_s, timers[0].when())
        while timers and timers[0].when() <= self.now_s:
            timer = heapq.heappop(timers)
            timer._scheduled = False
            ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            process = handle._context.get(PROCESS) if not handle.cancelled() else None
            if handle.cancelled() or (process and process.is_dead):
                continue
            if process and process.held is not None:
                process.held.append(handle)
            else:
                handle._run()

    def thaw(self, process: Process) -> None:
        """Let a frozen process go on."""
        held, process.held = process.held or [], None
        ready: Any = self._ready  # pyrefly: ignore[missing-attribute]
        ready.extend(held)

    def _write_to_self(self) -> None:
        pass

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass


def _settle(future: asyncio.Future[Any], func: Callable[..., Any], args: tuple[Any, ...]) -> None:
    if future.done():
        return
    try:
        future.set_result(func(*args))
    except Exception as error:  # noqa: BLE001 -- its caller gets it
        future.set_exception(error)


def use_time_of(loop: Loop) -> None:
    """Have the whole program read the clocks of the loop, for good."""
    time.monotonic = loop.time
    time.monotonic_ns = lambda: round(loop.now_s * 1e9)
    time.time = lambda: EPOCH_S + loop.now_s + loop.skew_s
    time.time_ns = lambda: round((EPOCH_S + loop.now_s + loop.skew_s) * 1e9)
