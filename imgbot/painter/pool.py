"""Worker pool as the supervisor sees it.

Steps are served in order, each in the lowest free slot; a slot starts its worker on first need, so
a quiet bot runs one or two. A lost worker affects one step.
"""

import asyncio
import math
import multiprocessing
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing import forkserver, resource_tracker
from typing import TypeVar

from imgbot.domain.errors import TransientError, WorkerLostError
from imgbot.painter.worker import MEMORY_BYTES
from imgbot.painter.worker_slot import (
    BOOT_DEADLINE_S,
    BootError,
    WorkerSlot,
    WorkerSlotError,
    WorkerStatus,
)
from imgbot.telemetry.liveness import Heartbeat

T = TypeVar("T")

MIB = 1 << 20
# After this many workers in a row died before serving, none is started for a while.
BOOT_FAILURES_ALLOWED = 5
BOOT_PAUSE_S = 30.0
# A caller that was refused comes again within this time, or has given up.
RECENT_REQUEST_S = 60.0
# A worker holds up to 60 MB, and is up again in a tenth of a second.
IDLE_KEPT_S = 60.0


def stop_helpers() -> None:
    """Stop the helper processes of multiprocessing; call after the last pool is closed.

    They would end by themselves a moment after this process, but systemd kills leftovers.
    """
    for helper in (forkserver._forkserver, resource_tracker._resource_tracker):  # noqa: SLF001
        # There is no public API; a Python without this one only costs a line in the journal.
        if stop := getattr(helper, "_stop", None):
            stop()


class Pool:
    """Worker pool, owned by the supervisor from before its loop runs until after the drain.

    `on_restart` gets the reason why a worker was replaced: killed, hung, cancelled, memory.
    """

    def __init__(
        self,
        workers: int,
        *,
        deadline_s: float = 120.0,
        worker_memory_bytes: int = MEMORY_BYTES,
        on_restart: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        self._deadline_s = deadline_s
        self._memory_bytes = worker_memory_bytes
        self._on_restart = on_restart
        self._context = multiprocessing.get_context("forkserver")
        self._boot_failures = 0
        """Workers in a row that died before they served."""
        self._no_boot_until_s = 0.0
        self._slots: dict[int, WorkerSlot] = {}
        self._free: asyncio.PriorityQueue[int] = asyncio.PriorityQueue()
        """Numbers of the slots without a step."""
        self._turn = asyncio.Lock()
        """Held by the first waiting step: a step that follows at once would overtake the others."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_closed = False
        self._heartbeat = Heartbeat()
        self._last_request_s = -math.inf
        self._longest_s = deadline_s
        self.waiting = 0
        """Number of steps waiting for a slot."""
        self.resize(workers)

    def start(self) -> None:
        """Start the forkserver with the picture code loaded; before the loop runs."""
        self._context.set_forkserver_preload(["imgbot.painter.preload", "imgbot.painter.engine"])
        forkserver.ensure_running()

    @property
    def busy(self) -> int:
        """Number of slots running a step."""
        return sum(bool(slot.about) for slot in self._slots.values())

    @property
    def started(self) -> int:
        """Number of slots whose worker process is up."""
        return sum(bool(slot.pid) for slot in self._slots.values())

    @property
    def overdue_s(self) -> float:
        """Seconds since a worker should have started or finished a step; 0 without requests."""
        now_s = time.monotonic()
        is_asked = self.busy or self.waiting or now_s - self._last_request_s < RECENT_REQUEST_S
        return self._heartbeat.overdue_s(now_s) if is_asked else 0.0

    def slots(self) -> list[WorkerStatus]:
        """Return the status of every slot, in order."""
        return [slot.status(time.monotonic()) for _, slot in sorted(self._slots.items())]

    async def run(
        self,
        work: Callable[..., T],
        *args: object,
        deadline_s: float | None = None,
        about: str = "a step",
        **options: object,
    ) -> T:
        """Run `work(*args, **options)` in a worker; its exceptions are raised unchanged.

        `about` describes the step to operators.

        Raises WorkerLostError after the second lost worker, MemoryError if the memory of a fresh
        worker is not enough, TransientError while no worker can be started. Cancelling kills the
        worker of this step, and no other.
        """
        limit_s = self._deadline_s if deadline_s is None else deadline_s
        self._note_request(limit_s)
        slot = await self._acquire_slot()
        slot.about, slot.since_s = about, time.monotonic()
        try:
            loss = ""
            # One loss may be chance.
            for _attempt in range(2):
                await self._ensure_up(slot)
                is_fresh = not slot.tasks
                try:
                    return await self._run_on(slot, partial(work, *args, **options), limit_s)
                except WorkerSlotError as error:
                    loss = error.reason
                    self._on_restart(loss)
                    self._refuse_if_closed()
                except MemoryError:
                    # Memory left behind by earlier steps must not count against this one.
                    if is_fresh:
                        raise
            raise WorkerLostError(about, loss)
        finally:
            slot.about, slot.since_s = "", time.monotonic()
            self._release_slot(slot)

    async def _run_on(self, slot: WorkerSlot, work: Callable[[], T], limit_s: float) -> T:
        try:
            return await slot.run(work, limit_s)
        except asyncio.CancelledError:
            self._on_restart("cancelled")
            raise
        except MemoryError:
            self._replace(slot, "memory")
            raise
        finally:
            # However it ended: the slot is free again, and memory left by a failed step counts.
            self._note_progress()
            # A worker that holds half of its memory limit between steps has grown.
            if slot.resident_bytes() > self._memory_bytes / 2:
                self._replace(slot, "memory")

    def _note_request(self, limit_s: float) -> None:
        now_s = time.monotonic()
        self._longest_s = max(self._longest_s, limit_s)
        if not self.busy and now_s - self._last_request_s > RECENT_REQUEST_S:
            self._note_progress()
        self._last_request_s = now_s

    def _note_progress(self) -> None:
        # A step may take its whole deadline, and then a worker its time to start.
        self._heartbeat.expect(self._longest_s + BOOT_DEADLINE_S, time.monotonic())

    async def _ensure_up(self, slot: WorkerSlot) -> None:
        if slot.is_lost:
            # The death of an idle worker costs the next step none of its attempts.
            self._replace(slot, "killed")
        while not slot.pid:
            self._refuse_if_closed()
            if (left_s := self._no_boot_until_s - time.monotonic()) > 0:
                raise TransientError("picture workers fail to start", left_s)
            try:
                await slot.start()
            except BootError:
                self._boot_failures += 1
                if self._boot_failures < BOOT_FAILURES_ALLOWED:
                    await asyncio.sleep(0.05 * 2 ** (self._boot_failures - 1))
                else:
                    self._no_boot_until_s = time.monotonic() + BOOT_PAUSE_S
            else:
                self._boot_failures = 0
                self._note_progress()

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise TransientError("the pool is closed")

    def _replace(self, slot: WorkerSlot, reason: str) -> None:
        slot.discard()
        self._on_restart(reason)

    async def _acquire_slot(self) -> WorkerSlot:
        self._refuse_if_closed()
        self.waiting += 1
        try:
            async with self._turn:
                number = await self._free.get()
        finally:
            self.waiting -= 1
        self._refuse_if_closed()
        self._idle.clear()
        return self._slots[number]

    def _release_slot(self, slot: WorkerSlot) -> None:
        if slot.number >= self.size:
            slot.discard()
            del self._slots[slot.number]
        else:
            self._free.put_nowait(slot.number)
        if not self.busy:
            self._idle.set()

    def stop_idle(self) -> None:
        """Stop the workers without a step for a minute; the next step starts one."""
        latest_s = time.monotonic() - IDLE_KEPT_S
        for slot in self._slots.values():
            if slot.pid and not slot.about and slot.since_s < latest_s:
                slot.discard()

    def resize(self, workers: int) -> None:
        """Change the number of slots; running steps finish in the slots that go."""
        if workers < 1:
            raise ValueError("a pool has at least one worker")
        self.size = workers
        free = [self._free.get_nowait() for _ in range(self._free.qsize())]
        for number in range(workers):
            if number not in self._slots:
                self._slots[number] = WorkerSlot(number, self._context, self._memory_bytes)
                free.append(number)
        for number in free:
            if number < workers:
                self._free.put_nowait(number)
            else:
                self._slots.pop(number).discard()

    async def close(self, grace_s: float = 5.0) -> None:
        """Refuse waiting steps, give running ones `grace_s`, then kill; no worker is left."""
        self._is_closed = True
        for _ in range(self.waiting):
            self._free.put_nowait(-1)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
        for slot in list(self._slots.values()):
            if self._idle.is_set():
                await slot.close(grace_s)
            else:
                slot.discard()
