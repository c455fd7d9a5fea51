"""Looks at the service every few seconds, for whoever wants to see it."""

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from prometheus_client import CollectorRegistry

from imgbot.domain.errors import TransientError
from imgbot.ops.status.document import Document, StatusFacts, document_of
from imgbot.ops.status.history import History, Point
from imgbot.ops.status.indicators import SAMPLE_EVERY_S, Indicators
from imgbot.ops.status.metrics_reader import Sampler
from imgbot.ops.status.sources import Check, QueueGlance, StatusSources, ask_all
from imgbot.telemetry import events as telemetry
from imgbot.telemetry.thresholds import Bound

_FRESH_S = 1.0
"""So old a look is still of this moment: whoever asks more often asks for nothing."""

_PATIENCE_S = 5.0


class StatusSampler:
    """The service's own eye: vitals, history, and the latest status document."""

    def __init__(
        self,
        registry: CollectorRegistry,
        checks: Mapping[str, Check],
        sources: StatusSources,
        state_dir: Path,
    ) -> None:
        self._sampler = Sampler(registry)
        self._checks = checks
        self._sources = sources
        self._history = History(state_dir / "history.json")
        self._begun_s = time.monotonic()
        self._news = asyncio.Event()
        self._looking = asyncio.Lock()
        self._looked_s = -math.inf
        self.vitals = Indicators()
        self.latest: tuple[Document, Point | None] | None = None
        """The document, and the point of the history that was completed with it."""

    @property
    def points(self) -> Sequence[Point]:
        return self._history.points

    async def run(self) -> None:
        """Look until cancelled; then what is known of the minute is kept."""
        await asyncio.to_thread(self._history.load, time.time())
        try:
            while True:
                await self._try_to_look()
                await asyncio.sleep(SAMPLE_EVERY_S)
        finally:
            self._history.complete()
            self._history.save()

    def bound(self) -> Bound:
        """Return what held the jobs back at the latest look."""
        return Bound(self.latest[0]["bound"]) if self.latest else Bound.NONE

    async def next(self) -> tuple[Document, Point | None]:
        """Wait for the next look."""
        await self._news.wait()
        assert self.latest is not None  # noqa: S101 -- set before the news
        return self.latest

    async def fresh(self) -> Document:
        """Return a document of this moment, the latest where a look takes too long."""
        if self.latest is None:
            return (await self.next())[0]
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                await self._try_to_look(_FRESH_S)
        return self.latest[0]

    async def _try_to_look(self, fresh_s: float = 0.0) -> None:
        try:
            async with self._looking:
                if time.monotonic() - self._looked_s >= fresh_s:
                    await self._look()
                    self._looked_s = time.monotonic()
        except Exception as error:  # noqa: BLE001 -- who looks must not stop who works
            telemetry.warning("the status could not be taken: %s: %s", type(error).__name__, error)

    async def _look(self) -> None:
        glance = await self._glance()
        sample = await asyncio.to_thread(self._sampler.take)
        if glance is not None:
            # One count of the jobs for all parts of the document, taken at one moment.
            load = glance.load
            sample = replace(
                sample,
                jobs={**sample.jobs, "waiting": load.waiting, "running": load.running},
                oldest_waiting_at_s=sample.oldest_waiting_at_s if load.waiting else 0.0,
            )
        self.vitals.take(sample)
        point = self._history.take(sample, self.vitals.levels())
        if point is not None:
            await asyncio.to_thread(self._history.save)
        self.latest = (document_of(await self._facts(glance)), point)
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _facts(self, glance: QueueGlance | None) -> StatusFacts:
        return StatusFacts(
            vitals=self.vitals,
            checks=await ask_all(self._checks),
            glance=glance,
            workers=self._sources.workers(),
            provider=self._sources.provider,
            redis=self._sources.redis,
            version=self._sources.version,
            up_s=time.monotonic() - self._begun_s,
        )

    async def _glance(self) -> QueueGlance | None:
        try:
            await self._sources.measure()
            return await self._sources.glance()
        except TransientError as error:
            telemetry.warning("the queue was not looked at: %s", error)
            return None
