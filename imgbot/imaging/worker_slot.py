"""Worker slot: one executor with one worker process, replaced together when that process is lost.

`max_tasks_per_child` is not used, since it hangs on 3.11 to 3.13, nor is an executor shared: one
dead worker fails everything that its executor holds.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TypeVar

from imgbot.imaging import worker

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


class _Worker:
    """Worker process with its executor; killed by descriptor, never by a stale pid."""

    def __init__(self, executor: ProcessPoolExecutor, process: BaseProcess) -> None:
        self.executor = executor
        self.process = process
        self.pid = process.pid or 0
        self._descriptor = -1
        if sys.platform == "linux":
            self._descriptor = os.pidfd_open(self.pid)

    @property
    def is_alive(self) -> bool:
        signs: list[int] = [self.process.sentinel]
        if self._descriptor >= 0:
            # The sentinel closes only after the forkserver has reaped the process.
            signs.append(self._descriptor)
        return not connection.wait(signs, timeout=0)

    def kill(self) -> None:
        """Kill the process at once; its futures fail by themselves."""
        if sys.platform == "linux":
            self._kill_by_descriptor()
        else:
            self.process.kill()
        self.executor.shutdown(wait=False)

    def _kill_by_descriptor(self) -> None:
        # Process.kill() does nothing once the forkserver is gone, though the worker may be alive.
        if self._descriptor < 0:
            return
        try:
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
        except ProcessLookupError:
            pass
        finally:
            os.close(self._descriptor)
            self._descriptor = -1


class WorkerSlot:
    """One slot of the pool: at most one worker, at most one step at a time."""

    def __init__(self, number: int, context: BaseContext, memory_bytes: int) -> None:
        self.number = number
        self.tasks = 0
        self.about = ""
        self.since_s = 0.0
        self._context = context
        self._memory_bytes = memory_bytes
        self._worker: _Worker | None = None

    @property
    def pid(self) -> int:
        """Process id of the worker; 0 without one."""
        return self._worker.pid if self._worker else 0

    @property
    def is_up(self) -> bool:
        return self._worker is not None

    @property
    def is_lost(self) -> bool:
        """True if the worker died while idle."""
        return self._worker is not None and not self._worker.is_alive

    async def start(self) -> None:
        """Start the worker and wait for its answer, or raise BootError and leave nothing behind."""
        executor = ProcessPoolExecutor(
            1,
            mp_context=self._context,
            initializer=worker.initialize,
            initargs=(self._memory_bytes,),
        )
        try:
            answer = executor.submit(worker.ping)
            # The executor does not expose its process.
            (process,) = executor._processes.values()  # noqa: SLF001
            self._worker = _Worker(executor, process)
            async with asyncio.timeout(BOOT_DEADLINE_S):
                await asyncio.wrap_future(answer)
        except (BrokenExecutor, TimeoutError, OSError, EOFError) as error:
            self.discard()
            executor.shutdown(wait=False)
            raise BootError(str(error)) from error
        except asyncio.CancelledError:
            self.discard()
            raise

    def mark_busy(self, about: str, now_s: float) -> None:
        """Record the current step; an empty text means idle."""
        self.about, self.since_s = about, now_s

    def status(self, now_s: float) -> WorkerStatus:
        """Return the slot's status."""
        for_s = now_s - self.since_s if self.about else 0.0
        return WorkerStatus(self.number, self.pid, self.about, for_s, self.resident_bytes())

    async def run(self, work: Callable[..., T], args: tuple[object, ...], deadline_s: float) -> T:
        """Run one step. Raises WorkerSlotError if the worker was lost, and is then empty."""
        if self._worker is None:
            raise WorkerSlotError("killed")
        self.tasks += 1
        limit = asyncio.timeout(deadline_s)
        try:
            step = self._worker.executor.submit(worker.run_task, deadline_s, work, args)
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
        """Kill the worker, if there is one; the next `start` starts another."""
        self.tasks = 0
        if self._worker is not None:
            self._worker.kill()
            self._worker = None

    async def close(self, grace_s: float) -> None:
        """Let an idle worker end by itself, and make sure that it did."""
        if self._worker is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await asyncio.to_thread(self._worker.executor.shutdown)
        self.discard()
