"""Periodic maintenance: consistency of the queue, metrics, memory of Redis, left-over files."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imgbot.domain.errors import TransientError, UserError
from imgbot.imaging.originals import OriginalStore
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.job_reads import JobReads
from imgbot.storage.keys import RESULT_KEPT_S
from imgbot.storage.results import ResultStore
from imgbot.storage.server.durability import Memory
from imgbot.storage.spend import Spend
from imgbot.telemetry import events as telemetry
from imgbot.telemetry.thresholds import Level

CHECK_EVERY_S = 60.0
MEASURE_EVERY_S = 5.0

_KEPT_AT_LEAST_S = 86_400
_FORGOTTEN_AFTER_S = 3600.0
"""Age beyond which a folder without a job is removed: it is made before its job is known."""


@dataclass(frozen=True, slots=True)
class RuntimeStats:
    """Sources of the figures measured of the supervisor's components."""

    running_claimed_ms: Callable[[], list[int]]
    workers: Callable[[], tuple[int, int, int]]
    """Wanted, started, busy."""
    providers_out: Callable[[], Mapping[str, bool]]
    """By provider, true while it is out of service."""
    memory: Callable[[], Awaitable[Memory]]


@dataclass(slots=True)
class Maintenance:
    """The two maintenance loops of a supervisor."""

    queue: JobQueue
    job_reads: JobReads
    results: ResultStore
    spend: Spend
    folder: Path
    originals: OriginalStore
    figures: RuntimeStats
    now_ms: Callable[[], int]
    summary: str = field(default="serving", init=False)
    _since_s: float = field(init=False)
    _away_since_ms: int = field(default=0, init=False)
    _is_full: bool = field(default=False, init=False)
    _kept_s: int = field(default=RESULT_KEPT_S, init=False)

    def __post_init__(self) -> None:
        self._since_s = self.now_ms() / 1000

    async def repair_loop(self) -> None:
        """Repair the queue each minute, and prune files and pictures without an owner."""
        while True:
            try:
                await self._make_room()
                now_ms = self.now_ms()
                days = self.spend.recent(now_ms)
                telemetry.queue_repaired(*await self.queue.fsck(now_ms, days))
                await self._prune()
                # A picture whose result is gone belongs to nobody, and could not be forgotten.
                kept = await asyncio.to_thread(
                    self.originals.prune, self.now_ms() / 1000, self._kept_s
                )
                telemetry.pictures_kept(kept)
            except (TransientError, UserError, OSError) as error:
                telemetry.warning("queue not checked: %s", error)
            await asyncio.sleep(CHECK_EVERY_S)

    async def measure_loop(self) -> None:
        """Keep the gauges and the one-line summary up to date."""
        while True:
            began_ms = self.now_ms()
            try:
                await self.measure()
            except TransientError as error:
                telemetry.redis_away(error)
                self.summary = "Redis is away"
                self._away_since_ms = self._away_since_ms or began_ms
            await asyncio.sleep(MEASURE_EVERY_S)

    async def measure(self) -> None:
        """Measure once. Raises TransientError while Redis is unavailable."""
        depth = await self.job_reads.depth()
        telemetry.queue_measured(depth.waiting, depth.running, depth.dead, depth.oldest_waiting_ms)
        self._see(await self.figures.memory())
        now_ms = self.now_ms()
        spent_micro = await self.spend.spent_today(now_ms)
        telemetry.spend_measured(spent_micro, await self.spend.ceiling_today(now_ms))
        telemetry.running_measured(self.figures.running_claimed_ms())
        telemetry.providers_measured(self.figures.providers_out())
        wanted, started, busy = self.figures.workers()
        telemetry.workers_measured(wanted, started, busy)
        self.summary = (
            f"{depth.waiting} waiting, {depth.running} running, {busy} of {wanted} workers busy"
        )

    def _see(self, memory: Memory) -> None:
        """Log that Redis is back after an outage, or has become full, or has room again."""
        telemetry.redis_measured(memory.used_bytes, memory.limit_bytes)
        if self._away_since_ms:
            telemetry.redis_back((self.now_ms() - self._away_since_ms) / 1000)
            self._away_since_ms = 0
        if memory.is_full and not self._is_full:
            telemetry.redis_full(memory.trouble)
        elif self._is_full and memory.is_roomy:
            telemetry.redis_has_room(memory.used_mb, memory.limit_mb)
        self._is_full = memory.is_full or (self._is_full and not memory.is_roomy)

    async def _make_room(self) -> None:
        """Halve the retention of delivered pictures each time Redis is found short of memory."""
        memory = await self.figures.memory()
        if memory.level is Level.NORMAL:
            self._kept_s = RESULT_KEPT_S
            return
        self._kept_s = max(self._kept_s // 2, _KEPT_AT_LEAST_S)
        if pruned := await self.results.prune(self._kept_s):
            telemetry.warning(
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
            if is_old and not await self.job_reads.is_known(folder.name):
                shutil.rmtree(folder, ignore_errors=True)
