"""Status sampler: looks at the service every few seconds, and keeps a history.

The history has a point a minute of the last hours: in bounded memory, and in a small file for the
next start.
"""

import asyncio
import json
import math
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from imgbot.domain.errors import TransientError
from imgbot.files import replace_file
from imgbot.ops.status.document import Document, StatusFacts, document_of
from imgbot.ops.status.indicators import (
    SAMPLE_EVERY_S,
    Check,
    Indicators,
    QueueGlance,
    Reading,
    Sample,
    Sampler,
    StatusSources,
    ask_all,
)
from imgbot.telemetry import events as telemetry
from imgbot.telemetry.thresholds import Bound, Indicator

KEPT_S = 12 * 3600.0
POINT_EVERY_S = 60.0
STAGES = ("prepare", "submit", "provider", "render", "deliver")
COLUMNS = (
    "at_s",
    "waiting",
    "running",
    "job_time_s",
    *(f"{stage}_s" for stage in STAGES),
    "ok",
    "failed",
    "rejected",
    "cancelled",
    "refused",
    "flood_waits",
    "cpu_ratio",
    "memory_bytes",
)
"""`at_s` is a point's end. Jobs waiting and running are the most in it, stages their mean time,
the others' counts are of that minute; what is not known is null."""

Point = tuple[float | None, ...]

_MOST = int(KEPT_S / POINT_EVERY_S)
_MOST_BYTES = 1 << 20


class History:
    """Makes points of samples; `save` and `load` them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._points: deque[Point] = deque(maxlen=_MOST)
        self._minute: list[Sample] = []
        self._levels: Mapping[Indicator, Reading] = {}
        self._is_saved = True
        self._saving = threading.Lock()

    @property
    def points(self) -> Sequence[Point]:
        """The oldest first."""
        return tuple(self._points)

    def take(self, sample: Sample, levels: Mapping[Indicator, Reading]) -> Point | None:
        """Remember a sample; return the point that it completes, if it does."""
        self._minute.append(sample)
        self._levels = levels
        if sample.clock_s - self._minute[0].clock_s < POINT_EVERY_S:
            return None
        return self.complete()

    def complete(self) -> Point | None:
        """Make a point of the samples so far."""
        if len(self._minute) < 2:
            return None
        point = point_of(self._minute, self._levels)
        self._points.append(point)
        # The last sample begins the next minute: its counters are what that one counts from.
        self._minute = self._minute[-1:]
        return point

    def load(self, now_s: float) -> None:
        """Load the points that an earlier process has saved; an invalid file is ignored."""
        try:
            with self._path.open("rb") as file:
                text = file.read(_MOST_BYTES)
        except FileNotFoundError:
            return
        except OSError as error:
            telemetry.warning("the history cannot be read: %s", error.strerror)
            return
        try:
            points = _points_in(json.loads(text))
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            telemetry.warning("the history in %s is not valid; a new one is started", self._path)
            return
        begin_s = now_s - KEPT_S
        self._points.extend(point for point in points if begin_s < (point[0] or 0) <= now_s)

    def save(self) -> None:
        """Replace the file; a full disk is logged once."""
        document = {"columns": COLUMNS, "points": self.points}
        try:
            # At the end of the program an earlier save may still be under way in its thread.
            with self._saving:
                replace_file(self._path, json.dumps(document, separators=(",", ":")))
        except OSError as error:
            if self._is_saved:
                telemetry.warning("the history cannot be kept on disk: %s", error.strerror)
            self._is_saved = False
        else:
            self._is_saved = True


def point_of(samples: Sequence[Sample], levels: Mapping[Indicator, Reading]) -> Point:
    """Sum up the samples of a minute, of which the first belongs to the one before as well."""
    first, last = samples[0], samples[-1]
    values: dict[str, float | None] = {
        "at_s": last.at_s,
        "waiting": _most(samples, "waiting"),
        "running": _most(samples, "running"),
        "job_time_s": last.job_time.since(first.job_time).quantile_s(0.95),
        "refused": last.refusals - first.refusals,
        "flood_waits": last.flood_waits - first.flood_waits,
        "cpu_ratio": levels[Indicator.CPU_RATIO][0],
        "memory_bytes": last.usage.memory_bytes,
    }
    for stage in STAGES:
        if stage in last.stages and stage in first.stages:
            values[f"{stage}_s"] = last.stages[stage].since(first.stages[stage]).mean_s
    for status in ("ok", "failed", "rejected", "cancelled"):
        values[status] = last.ended_as(status) - first.ended_as(status)
    return tuple(_short(values.get(column)) for column in COLUMNS)


def _most(samples: Sequence[Sample], state: str) -> float | None:
    return max((sample.jobs[state] for sample in samples if state in sample.jobs), default=None)


def _short(value: float | None) -> float | None:
    """Round to what a plot can show: the file stays small."""
    if value is None:
        return None
    return round(value) if value >= 1000 or value == round(value) else round(value, 3)


def _points_in(document: Any) -> list[Point]:
    """Check a file's content. Raises ValueError, TypeError, KeyError, OverflowError."""
    if tuple(document["columns"]) != COLUMNS:
        raise ValueError("the columns are those of another version")
    points = [tuple(point) for point in document["points"]]
    for point in points:
        known = [value for value in point if value is not None]
        is_point = len(point) == len(COLUMNS) and isinstance(point[0], int | float)
        if not is_point or not all(isinstance(v, int | float) and math.isfinite(v) for v in known):
            raise ValueError("not a point")
    return points


_FRESH_S = 1.0
"""So old a look is still of this moment: whoever asks more often asks for nothing."""

_PATIENCE_S = 5.0


class StatusSampler:
    """Samples the service: indicators, history, and the latest status document."""

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
        self.indicators = Indicators()
        self.latest: tuple[Document, Point | None] | None = None
        """The document, and the point of the history that was completed with it."""

    @property
    def points(self) -> Sequence[Point]:
        return self._history.points

    async def run(self) -> None:
        """Sample until cancelled; then save the unfinished minute."""
        await asyncio.to_thread(self._history.load, time.time())
        try:
            while True:
                await self._try_to_look()
                await asyncio.sleep(SAMPLE_EVERY_S)
        finally:
            self._history.complete()
            self._history.save()

    def bound(self) -> Bound:
        """Return what limited the jobs at the latest sample."""
        return Bound(self.latest[0]["bound"]) if self.latest else Bound.NONE

    async def next(self) -> tuple[Document, Point | None]:
        """Wait for the next document."""
        await self._news.wait()
        assert self.latest is not None  # noqa: S101 -- set before the news
        return self.latest

    async def fresh(self) -> Document:
        """Return a fresh document, or the latest if sampling takes too long."""
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
        self.indicators.take(sample)
        point = self._history.take(sample, self.indicators.levels())
        if point is not None:
            await asyncio.to_thread(self._history.save)
        self.latest = (document_of(await self._facts(glance)), point)
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _facts(self, glance: QueueGlance | None) -> StatusFacts:
        return StatusFacts(
            indicators=self.indicators,
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
            telemetry.warning("the queue could not be read: %s", error)
            return None
