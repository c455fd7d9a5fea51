"""Worker slot: at most one worker process, replaced when it is lost.

Steps and results travel over a socket pair that the event loop watches: no executor, whose two
threads per worker cost more than the messages, and whose one dead worker fails all it holds.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any, TypeVar

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
    """Worker process and our end of its socket pair; killed by descriptor, never by a stale pid."""

    def __init__(self, process: ForkServerProcess, connection: Connection) -> None:
        self.process = process
        self.pid = process.pid or 0
        self._connection = connection
        self._answer: asyncio.Future[Any] | None = None
        self._descriptor = os.pidfd_open(self.pid) if sys.platform == "linux" else -1

    @property
    def is_alive(self) -> bool:
        """False for an idle worker that died: nothing else makes its socket readable."""
        return not self._connection.poll()

    async def ask(self, step: tuple[float, Callable[..., object], tuple[object, ...]]) -> Any:
        """Send a step, return its answer. Raises EOFError or OSError if the worker is lost."""
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        loop.add_reader(self._connection.fileno(), self._receive)
        try:
            self._connection.send(step)
            return await self._answer
        finally:
            if not self._connection.closed:
                loop.remove_reader(self._connection.fileno())
            self._answer = None

    def _receive(self) -> None:
        if self._answer is None or self._answer.done():
            return
        try:
            self._answer.set_result(self._connection.recv())
        except Exception as error:  # noqa: BLE001 -- what cannot be unpickled fails the step alone
            self._answer.set_exception(error)

    def kill(self) -> None:
        """Kill the process at once; its step fails."""
        if self._answer is not None and not self._answer.done():
            self._answer.get_loop().remove_reader(self._connection.fileno())
            self._answer.set_exception(EOFError())
        self._connection.close()
        if sys.platform != "linux":
            self.process.kill()
            return
        # Process.kill() does nothing once the forkserver is gone, though the worker may be alive.
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
        os.close(self._descriptor)

    async def close(self, grace_s: float) -> None:
        """Let the idle process end by itself, then make sure that it did."""
        self._connection.close()
        await asyncio.to_thread(self.process.join, grace_s)
        self.kill()


class WorkerSlot:
    """One slot of the pool: at most one worker, at most one step at a time."""

    def __init__(self, number: int, context: ForkServerContext, memory_bytes: int) -> None:
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
        ours, theirs = self._context.Pipe()
        try:
            with theirs:
                process = self._context.Process(
                    target=worker.serve, args=(theirs, self._memory_bytes)
                )
                process.start()
            self._worker = _Worker(process, ours)
            async with asyncio.timeout(BOOT_DEADLINE_S):
                await self._worker.ask((BOOT_DEADLINE_S, worker.ping, ()))
        except (TimeoutError, OSError, EOFError) as error:
            self.discard()
            ours.close()
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
        try:
            async with asyncio.timeout(deadline_s):
                is_done, answer = await self._worker.ask((deadline_s, work, args))
        except TimeoutError as error:
            self.discard()
            raise WorkerSlotError("hung") from error
        except (OSError, EOFError) as error:
            self.discard()
            raise WorkerSlotError("killed") from error
        except asyncio.CancelledError:
            # A running step cannot be interrupted: kill its process.
            self.discard()
            raise
        if not is_done:
            raise answer
        return answer

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
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.close(grace_s)
