"""Status sampler: looks at the service as often as somebody needs it, and keeps a history.

The history has a point a minute of the last hours: in bounded memory, and in a small file for the
next start.
"""

import asyncio
import inspect
import json
import logging
import math
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from imgbot.domain.errors import TransientError
from imgbot.domain.job import Job, State
from imgbot.files import replace_file
from imgbot.imaging.pool import Pool
from imgbot.imaging.worker_slot import WorkerStatus
from imgbot.jobs.runner import Runner
from imgbot.ops.resource_usage import ResourceCollector
from imgbot.ops.status import Document
from imgbot.ops.status.document import QueueGlance, document_of, facts_of
from imgbot.ops.status.indicators import READ, Indicators, JudgedValue, Sample, take_sample
from imgbot.storage.server.durability import Memory
from imgbot.storage.spend import Spend
from imgbot.storage.stats import DeadJob, QueueStats
from imgbot.telegram.polling_health import PollingHealth
from imgbot.telemetry import events, metrics
from imgbot.telemetry.health import BudgetState, HealthFacts, ProviderState
from imgbot.telemetry.thresholds import Indicator, Load
from imgbot.version import version

_log = logging.getLogger(__name__)

_CHECK_TIMEOUT_S = 3.0

Check = Callable[[], str | Awaitable[str]]
"""Returns what is wrong, empty when all is well; an exception or silence is wrong, too."""


async def _ask(name: str, check: Check) -> str:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            answer = check()
            return await answer if inspect.isawaitable(answer) else answer
    except TimeoutError:
        return f"no answer in {_CHECK_TIMEOUT_S:.0f} s"
    except Exception as error:  # noqa: BLE001 -- any failure is an answer
        # Shown by its type alone: the text may hold an address with a token in it.
        _log.warning("the check %s failed: %s", name, error)
        return f"the check failed ({type(error).__name__})"


_MICRO = 1_000_000


@dataclass(slots=True)
class Observer:
    """Reads facts for the status; there is no runner before Telegram has answered."""

    stats: QueueStats
    spend: Spend
    pool: Pool
    memory: Callable[[], Awaitable[Memory]]
    now_ms: Callable[[], int]
    running_per_user: int
    provider: str = ""
    runner: Runner | None = None
    providers: Callable[[], Mapping[str, ProviderState]] = dict
    contact: PollingHealth = field(default_factory=PollingHealth)
    least_price_micro: int = 0
    """Price of the cheapest picture that is not free; 0 if all are."""
    _is_full: bool = field(default=False, init=False)

    @property
    def redis(self) -> str:
        """Address of Redis."""
        return self.stats.address

    async def glance(self) -> QueueGlance:
        """Read once, and set the gauges. Raises TransientError while Redis is away."""
        now_ms = self.now_ms()
        found = await self.stats.snapshot(now_ms, self.running_per_user)
        memory = await self.memory()
        self._report_full(memory)
        jobs = self.runner.jobs if self.runner else []
        load = self.runner.load if self.runner else Load(workers=self.pool.size)
        load = replace(load, waiting=sum(found.waiting.values()), capped=found.capped)
        at_work = Counter(worker.about for worker in self.pool.slots())
        latest = next(iter(found.dead), DeadJob(""))
        facts = HealthFacts(
            now_ms=now_ms,
            workers=load.workers,
            figures={
                "unattended": self.runner.unattended if self.runner else 0,
                "redis_full": memory.ratio,
            },
            redis=memory.words,
            providers=self.providers(),
            budget=BudgetState(
                await self.spend.spent_today(now_ms),
                await self.spend.ceiling_today(now_ms),
                self.least_price_micro,
                self.spend.resumes_in_s(now_ms),
                self.spend.today(now_ms),
            ),
            dead=found.dead_count,
            dead_job=latest.id,
            dead_provider=latest.provider,
            dead_ms=latest.died_ms,
            silence_s=self.contact.seconds_since_answer,
            has_answered=self.contact.has_answered,
            rival=self.contact.rival or "",
            is_paused=found.is_paused,
        )
        states = _by_state(found.waiting, jobs, at_work)
        glance = QueueGlance(states, found.refused, found.dead, load, facts)
        self._set_gauges(glance, memory, found.oldest_waiting_ms, jobs)
        return glance

    def _set_gauges(
        self, glance: QueueGlance, memory: Memory, oldest_waiting_ms: int, jobs: Sequence[Job]
    ) -> None:
        load, facts = glance.load, glance.facts
        ceiling_micro = facts.budget.ceiling_micro
        counts = {"waiting": load.waiting, "running": load.running, "dead": facts.dead}
        for state, count in counts.items():
            metrics.queue.labels(metrics.QUEUE, state).set(count)
        sizes = {"wanted": load.workers, "started": self.pool.started, "busy": load.busy}
        for state, count in sizes.items():
            metrics.workers.labels(state).set(count)
        for provider, state in facts.providers.items():
            metrics.provider_up.labels(provider).set(state.refusal is None)
        claimed_ms = min((job.progress.claimed_ms for job in jobs), default=0)
        metrics.oldest_waiting.set(oldest_waiting_ms / 1000)
        metrics.oldest_running.set(claimed_ms / 1000)
        metrics.redis_up.set(1)
        metrics.redis_memory.set(memory.used_bytes)
        metrics.redis_memory_max.set(memory.limit_bytes or math.inf)
        metrics.spend_today.set(facts.budget.spent_micro / _MICRO)
        metrics.budget.set(math.inf if ceiling_micro is None else ceiling_micro / _MICRO)

    def workers(self) -> Sequence[WorkerStatus]:
        return self.pool.slots()

    def _report_full(self, memory: Memory) -> None:
        if memory.is_full and not self._is_full:
            events.error("Redis: %s", memory.trouble)
        elif self._is_full and memory.is_roomy:
            used_mb, limit_mb = memory.used_mb, memory.limit_mb
            events.info("Redis has room again: %d of %d MB used", used_mb, limit_mb)
        self._is_full = memory.is_full or (self._is_full and not memory.is_roomy)


def _by_state(
    waiting: Mapping[str, int], running: Sequence[Job], at_work: Mapping[str, int]
) -> dict[str, dict[str, int]]:
    """Count jobs by operation and state; `at_work` counts the busy workers by operation.

    A picture made by a worker stays in `submitting` while it is painted, so it is shown as
    painting.
    """
    found = {operation: {str(State.QUEUED): count} for operation, count in waiting.items() if count}
    for job in running:
        states = found.setdefault(str(job.request.operation), {})
        states[str(job.state)] = states.get(str(job.state), 0) + 1
    for operation, states in found.items():
        if painted := min(states.get(State.SUBMITTING, 0), at_work.get(operation, 0)):
            states["painting"] = painted
            states[str(State.SUBMITTING)] -= painted
    return found


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

HistoryPoint = tuple[float | None, ...]

_MOST = int(KEPT_S / POINT_EVERY_S)
_MOST_BYTES = 1 << 20


class History:
    """Makes points of samples; `save` and `load` them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._points: deque[HistoryPoint] = deque(maxlen=_MOST)
        self._minute: list[Sample] = []
        self._levels: Mapping[Indicator, JudgedValue] = {}

    @property
    def points(self) -> Sequence[HistoryPoint]:
        """The oldest first."""
        return tuple(self._points)

    def take(self, sample: Sample, levels: Mapping[Indicator, JudgedValue]) -> bool:
        """Remember a sample; True if it completes a point."""
        self._minute.append(sample)
        self._levels = levels
        return sample.clock_s - self._minute[0].clock_s >= POINT_EVERY_S and self.complete()

    def complete(self) -> bool:
        """Make a point of the samples so far; False if they are too few."""
        if len(self._minute) < 2:
            return False
        self._points.append(point_of(self._minute, self._levels))
        # The last sample begins the next minute: its counters are what that one counts from.
        self._minute = self._minute[-1:]
        return True

    def load(self, now_s: float) -> None:
        """Load the points that an earlier process has saved; an invalid file is ignored."""
        try:
            with self._path.open("rb") as file:
                points = _points_in(json.loads(file.read(_MOST_BYTES)))
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            events.warning("a new history is begun, as %s is not valid: %s", self._path, error)
            return
        # The times are rounded, and one may seem to be a moment ahead.
        begin_s, end_s = now_s - KEPT_S, now_s + 1
        self._points.extend(point for point in points if begin_s < (point[0] or 0) <= end_s)

    def save(self) -> None:
        """Replace the file; the disk check reports a full disk."""
        document = {"columns": COLUMNS, "points": self.points}
        with suppress(OSError):
            replace_file(self._path, json.dumps(document, separators=(",", ":")))


def point_of(samples: Sequence[Sample], levels: Mapping[Indicator, JudgedValue]) -> HistoryPoint:
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


def _points_in(document: Any) -> list[HistoryPoint]:
    """Check a file's content. Raises ValueError, TypeError, KeyError, OverflowError."""
    if tuple(document["columns"]) != COLUMNS:
        raise ValueError("the columns are those of another version")
    points = [tuple(point) for point in document["points"]]
    for at_s, *figures in points:
        known = [at_s, *(value for value in figures if value is not None)]
        if len(figures) + 1 != len(COLUMNS) or not all(map(math.isfinite, known)):
            raise ValueError("not a point")
    return points


SAMPLE_EVERY_S = 15.0
"""Often enough for alerts and history; the status page asks for fresher samples."""

_PATIENCE_S = 5.0


class StatusSampler:
    """Samples the service: indicators, history, and the latest status document."""

    def __init__(
        self,
        registry: CollectorRegistry,
        checks: Mapping[str, Check],
        observer: Observer,
        state_dir: Path,
    ) -> None:
        self.registry = registry
        self._metrics = registry.restricted_registry(READ)
        self._checks = checks
        self.observer = observer
        self._history = History(state_dir / "history.json")
        self._begun_s = time.monotonic()
        self._looking = asyncio.Lock()
        self._looked_s = -math.inf
        self._away_since_s: float | None = None
        self.resources = ResourceCollector()
        self.indicators = Indicators()
        self.glance: QueueGlance | None = None
        """None while Redis is away."""
        self.facts = HealthFacts()
        """Facts by which the latest document judges the health."""
        self.document: Document | None = None
        """The latest; None before the first sample."""

    @property
    def points(self) -> Sequence[HistoryPoint]:
        """Points of the history, the oldest first."""
        return self._history.points

    @property
    def summary(self) -> str:
        """One line for systemd."""
        if self.document is None:
            return "serving"
        if self.glance is None:
            return "Redis is away"
        load, workers = self.glance.load, self.observer.workers()
        busy = sum(bool(worker.about) for worker in workers)
        return (
            f"{load.waiting} waiting, {load.running} running, {busy} of {len(workers)} workers busy"
        )

    async def health(self) -> dict[str, str]:
        """Run all checks; name → what is wrong, empty when well."""
        async with asyncio.TaskGroup() as group:
            asked = {
                name: group.create_task(_ask(name, check)) for name, check in self._checks.items()
            }
        return {name: task.result() for name, task in asked.items()}

    async def run(self) -> None:
        """Sample until cancelled; then save the unfinished minute."""
        await asyncio.to_thread(self._history.load, time.time())
        try:
            while True:
                await self._look(0.8 * SAMPLE_EVERY_S)
                await asyncio.sleep(SAMPLE_EVERY_S)
        finally:
            self._history.complete()
            self._history.save()

    async def refresh(self, max_age_s: float = 1.0) -> Document | None:
        """Return a document of this age at most, or the latest if sampling takes too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                await self._look(max_age_s)
        return self.document

    async def _look(self, max_age_s: float) -> None:
        try:
            async with self._looking:
                if time.monotonic() - self._looked_s >= max_age_s:
                    await self._sample()
                    self._looked_s = time.monotonic()
        except Exception as error:  # noqa: BLE001 -- a failed sample must not stop the service
            events.warning("the status could not be taken: %s: %s", type(error).__name__, error)

    async def _sample(self) -> None:
        self.glance = await self._glance()
        usage = await asyncio.to_thread(self.resources.usage)
        sample = take_sample(self._metrics.collect(), usage, time.time(), time.monotonic())
        if self.glance is not None:
            # One count of the jobs for all parts of the document, taken at one moment.
            load = self.glance.load
            sample = replace(
                sample,
                jobs={**sample.jobs, "waiting": load.waiting, "running": load.running},
                oldest_waiting_at_s=sample.oldest_waiting_at_s if load.waiting else 0.0,
            )
        self.indicators.take(sample)
        if self._history.take(sample, self.indicators.levels):
            await asyncio.to_thread(self._history.save)
        about = {
            "version": version(),
            "provider": self.observer.provider,
            "redis": self.observer.redis,
            "up_s": time.monotonic() - self._begun_s,
        }
        checks, workers = await self.health(), self.observer.workers()
        self.facts = facts_of(self.indicators, checks, self.glance)
        self.document = document_of(self.indicators, self.facts, self.glance, workers, about)

    async def _glance(self) -> QueueGlance | None:
        try:
            glance = await self.observer.glance()
        except TransientError as error:
            metrics.redis_up.set(0)
            events.warning("the queue was not measured: %s", error)
            self._away_since_s = self._away_since_s or time.monotonic()
            return None
        if self._away_since_s is not None:
            events.info("Redis answers again, after %.0f s", time.monotonic() - self._away_since_s)
            self._away_since_s = None
        return glance
