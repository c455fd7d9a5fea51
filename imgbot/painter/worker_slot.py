"""Worker slot: one executor with one worker process, replaced together when that process is lost.

`max_tasks_per_child` is not used, since it hangs on 3.11 to 3.13, nor is an executor shared: one
dead worker fails everything that its executor holds.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import TypeVar

from imgbot.painter import worker

T = TypeVar("T")

# A worker is up in a tenth of a second; this covers a machine that swaps.
BOOT_DEADLINE_S = 30.0


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """Status of a slot, for operators."""

    number: int
    pid: int
    """Process id of its worker; 0 without one."""
    about: str
    """Description of the current step; empty when idle."""
    for_s: float
    memory_bytes: int


class WorkerSlotError(Exception):
    """Worker lost during a step; `reason` is killed or hung."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BootError(Exception):
    """Worker died before it served."""


class WorkerSlot:
    """One slot of the pool: at most one worker, at most one step at a time."""

    def __init__(self, number: int, context: BaseContext, memory_bytes: int) -> None:
        self.number = number
        self.tasks = 0
        self.about = ""
        self.since_s = 0.0
        self.pid = 0
        """Process id of the worker; 0 without one."""
        self._context = context
        self._memory_bytes = memory_bytes
        self._executor: ProcessPoolExecutor | None = None
        self._descriptor = -1
        """Of the process, so that a stale pid is never killed."""

    @property
    def is_lost(self) -> bool:
        """True if the worker died while idle."""
        return bool(self.pid and connection.wait([self._descriptor], timeout=0))

    async def start(self) -> None:
        """Start the worker and wait for its answer, or raise BootError and leave nothing behind."""
        self._executor = ProcessPoolExecutor(
            1,
            mp_context=self._context,
            initializer=worker.initialize,
            initargs=(self._memory_bytes,),
        )
        try:
            answer = self._executor.submit(worker.run_step, BOOT_DEADLINE_S, worker.ping)
            # The executor does not expose its process.
            (self.pid,) = self._executor._processes  # noqa: SLF001
            self._descriptor = os.pidfd_open(self.pid)
            async with asyncio.timeout(BOOT_DEADLINE_S):
                await asyncio.wrap_future(answer)
        except (BrokenExecutor, TimeoutError, OSError, EOFError) as error:
            self.discard()
            raise BootError(str(error)) from error
        except asyncio.CancelledError:
            self.discard()
            raise

    def status(self, now_s: float) -> WorkerStatus:
        """Return the slot's status."""
        for_s = now_s - self.since_s if self.about else 0.0
        return WorkerStatus(self.number, self.pid, self.about, for_s, self.resident_bytes())

    async def run(self, work: Callable[[], T], deadline_s: float) -> T:
        """Run one step. Raises WorkerSlotError if the worker was lost, and is then empty."""
        if self._executor is None:
            raise WorkerSlotError("killed")
        self.tasks += 1
        limit = asyncio.timeout(deadline_s)
        try:
            step = self._executor.submit(worker.run_step, deadline_s, work)
            async with limit:
                return await asyncio.wrap_future(step)
        except BrokenExecutor as error:
            self.discard()
            raise WorkerSlotError("killed") from error
        except TimeoutError as error:
            if not limit.expired():
                raise
            self.discard()
            raise WorkerSlotError("hung") from error
        except asyncio.CancelledError:
            # A running step cannot be interrupted: kill its process.
            self.discard()
            raise

    def resident_bytes(self) -> int:
        """Return the worker's resident memory; 0 if unknown."""
        try:
            fields = Path(f"/proc/{self.pid}/statm").read_text().split()
        except OSError:
            return 0
        return int(fields[1]) * os.sysconf("SC_PAGESIZE")

    def discard(self) -> None:
        """Kill the worker at once, if there is one; its futures fail by themselves."""
        if self._descriptor >= 0:
            # Process.kill() does nothing once the forkserver is gone, though the worker may live.
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
            os.close(self._descriptor)
        if self._executor is not None:
            self._executor.shutdown(wait=False)
        self._executor, self._descriptor, self.pid, self.tasks = None, -1, 0, 0

    async def close(self, grace_s: float) -> None:
        """Let an idle worker end by itself, and make sure that it did."""
        if self._executor is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace_s):
                    await asyncio.to_thread(self._executor.shutdown)
        self.discard()
