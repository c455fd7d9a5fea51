"""Periodic maintenance: consistency of the queue, memory of Redis, left-over files."""

import asyncio
import math
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from imgbot.domain.errors import TransientError, UserError
from imgbot.painter.originals import OriginalStore
from imgbot.storage.forgetting import Forgetting
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.keys import RESULT_KEPT_S
from imgbot.storage.results import ResultStore
from imgbot.storage.server.durability import Memory
from imgbot.storage.spend import Spend
from imgbot.telemetry import events, metrics
from imgbot.telemetry.thresholds import Level

CHECK_EVERY_S = 60.0
_KEPT_AT_LEAST_S = 86_400
_FORGOTTEN_AFTER_S = 3600.0
"""Age beyond which a folder without a job is removed: it is made before its job is known."""


@dataclass(slots=True)
class Maintenance:
    """Repairs the queue, and prunes what nobody owns."""

    queue: JobQueue
    results: ResultStore
    spend: Spend
    folder: Path
    originals: OriginalStore
    memory: Callable[[], Awaitable[Memory]]
    """Of Redis."""
    now_ms: Callable[[], int]
    forgetting: Forgetting
    is_clock_sure: Callable[[], bool]
    """While it is false, no finished picture is deleted for its age."""
    _since_s: float = field(init=False)
    _kept_s: int = field(default=RESULT_KEPT_S, init=False)

    def __post_init__(self) -> None:
        self._since_s = self.now_ms() / 1000

    async def repair_loop(self) -> None:
        """Repair the queue each minute, and prune files and pictures without an owner."""
        await repeat(CHECK_EVERY_S, self._repair, "queue not checked")

    async def _repair(self) -> None:
        await self._make_room()
        now_ms = self.now_ms()
        await self.forgetting.delete_outdated(now_ms)
        events.queue_repaired(*await self.queue.fsck(now_ms, self.spend.recent(now_ms)))
        await self._prune()
        # A picture whose result is gone belongs to nobody, and could not be forgotten.
        kept_s = self._kept_s if self.is_clock_sure() else math.inf
        kept = await asyncio.to_thread(self.originals.prune, self.now_ms() / 1000, kept_s)
        metrics.kept.set(kept)

    async def _make_room(self) -> None:
        """Halve the retention of delivered pictures each time Redis is found short of memory."""
        memory = await self.memory()
        if memory.level is Level.NORMAL:
            self._kept_s = RESULT_KEPT_S
            return
        self._kept_s = max(self._kept_s // 2, _KEPT_AT_LEAST_S)
        if pruned := await self.results.prune(self._kept_s):
            events.warning(
                "the memory of Redis fills (%d of %d MB): pictures older than %.1f days cannot be "
                "changed any longer (%d entries); to keep them: %s",
                *(memory.used_mb, memory.limit_mb, self._kept_s / 86_400, pruned, memory.advice),
            )

    async def _prune(self) -> None:
        if not self.folder.exists():
            return
        # An earlier process was killed just before it removed the folder of a finished job.
        oldest_s = max(self.now_ms() / 1000 - _FORGOTTEN_AFTER_S, self._since_s)
        for folder in list(self.folder.iterdir())[:1000]:
            try:
                is_old = folder.stat().st_mtime < oldest_s
            except FileNotFoundError:
                # Its job has ended meanwhile.
                continue
            if is_old and not await self.queue.is_known(folder.name):
                shutil.rmtree(folder, ignore_errors=True)


async def repeat(every_s: float, work: Callable[[], Awaitable[None]], failure: str) -> None:
    """Do the work again and again; what keeps it from that is a warning."""
    while True:
        try:
            await work()
        except (TransientError, UserError, OSError) as error:
            events.warning("%s: %s", failure, error)
        await asyncio.sleep(every_s)
