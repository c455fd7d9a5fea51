"""Facts of the status: the pipeline's, health checks, samples of the metrics, and indicators.

The supervisor's wiring fills in the pipeline's facts: nothing here knows a queue, a pool or a
provider. The indicators are the guide's figures over a window.
"""

import asyncio
import inspect
import logging
import math
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from imgbot.telemetry.thresholds import THRESHOLDS, Indicator, Level, Load


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker, and what it does."""

    number: int
    """From 1."""
    pid: int = 0
    """0: not started yet, for there was no need."""
    about: str = ""
    """Current work; empty when idle."""
    for_s: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class UnknownJob:
    """A job with an unknown outcome; it is listed until an admin handles it."""

    id: str
    operation: str
    provider: str
    reason: str
    at_s: float
    user_id: int


@dataclass(frozen=True, slots=True)
class QueueGlance:
    """The queue at one time."""

    jobs: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    """Operation → state → how many are in it."""
    refused: Sequence[tuple[int, int]] = ()
    """User ids with their requests over the rate limit in this hour and the last, most first."""
    unknown: Sequence[UnknownJob] = ()
    """The latest."""
    is_paused: bool = False
    load: Load = field(default_factory=Load)
    """As far as the pipeline knows it."""


@dataclass(frozen=True, slots=True)
class StatusSources:
    """Sources of the status: callables that read it."""

    workers: Callable[[], Sequence[Worker]]
    measure: Callable[[], Awaitable[None]]
    """Brings the metrics up to date; raises TransientError while Redis is away."""
    glance: Callable[[], Awaitable[QueueGlance]]
    """Raises TransientError while Redis is away."""
    provider: str
    redis: str
    """Its address."""
    version: str


_log = logging.getLogger(__name__)

_CHECK_TIMEOUT_S = 3.0

Check = Callable[[], str | Awaitable[str]]
"""Returns what is wrong, empty when all is well; an exception or silence is wrong, too."""


async def ask_all(checks: Mapping[str, Check]) -> dict[str, str]:
    """Run all checks; name → what is wrong, empty when well."""
    async with asyncio.TaskGroup() as group:
        asked = {name: group.create_task(_ask(name, check)) for name, check in checks.items()}
    return {name: task.result() for name, task in asked.items()}


async def _ask(name: str, check: Check) -> str:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            answer = check()
            return await answer if inspect.isawaitable(answer) else answer
    except TimeoutError:
        return f"no answer in {_CHECK_TIMEOUT_S:.0f} s"
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is the answer
        # Shown by its type alone: the text may hold an address with a token in it.
        _log.warning("the check %s failed: %s", name, error)
        return f"the check failed ({type(error).__name__})"


Series = Mapping[str, float]
"""Label → figure, summed over the other labels."""

_Labelled = list[tuple[Mapping[str, str], float]]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Durations: the count up to each bound (the last is infinity), and their sum."""

    cumulative: tuple[tuple[float, float], ...] = ()
    total_s: float = 0.0

    @property
    def count(self) -> float:
        return self.cumulative[-1][1] if self.cumulative else 0.0

    @property
    def mean_s(self) -> float | None:
        return self.total_s / self.count if self.count else None

    def since(self, earlier: "Histogram") -> "Histogram":
        """Return the difference to an earlier histogram."""
        before = dict(earlier.cumulative)
        left = tuple((bound, count - before.get(bound, 0.0)) for bound, count in self.cumulative)
        return Histogram(left, self.total_s - earlier.total_s)

    def quantile_s(self, share: float) -> float | None:
        """Return what Prometheus' histogram_quantile would; None where nothing happened."""
        rank = share * self.count
        lower_s, below = 0.0, 0.0
        for bound_s, count in self.cumulative if rank else ():
            if count >= rank:
                if bound_s == float("inf"):
                    return lower_s
                return lower_s + (bound_s - lower_s) * (rank - below) / (count - below)
            lower_s, below = bound_s, count
        return None


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """Usage of the machine; None: unknown."""

    source: str = "unknown"
    """`unit`: the control group's figures; `processes`: the sum over them; or `unknown`."""
    cpu_s: float | None = None
    """Of the whole, since its start."""
    cores: float | None = None
    """Number that may be used."""
    memory_bytes: float | None = None
    memory_limit_bytes: float | None = None
    """Limit: the unit's, or all memory of the machine."""
    has_limit: bool = False
    """True if the unit has a limit of its own."""
    parts_bytes: Series = field(default_factory=dict[str, float])
    """Memory of the bot, its workers, its Redis."""
    redis_bytes: float | None = None
    """Memory used by the data of Redis."""
    redis_limit_bytes: float | None = None
    """None: it has no limit."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The figures at one time; counters count from the start of the process."""

    at_s: float
    """Since 1970."""
    clock_s: float
    """By the clock that nobody sets."""
    jobs: Series = field(default_factory=dict[str, float])
    """Jobs by state: waiting, running, dead; empty until they have been counted."""
    oldest_waiting_at_s: float = 0.0
    oldest_running_at_s: float = 0.0
    ended: Mapping[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    """(operation, status) → count."""
    job_time: Histogram = field(default_factory=Histogram)
    stages: Mapping[str, Histogram] = field(default_factory=dict[str, Histogram])
    loop_lag: Histogram = field(default_factory=Histogram)
    refusals: float = 0.0
    flood_waits: float = 0.0
    poll_answered_at_s: float = 0.0
    oldest_update_at_s: float = 0.0
    """Of those that are not handled yet; 0: there is none."""
    provider_time: Mapping[str, Histogram] = field(default_factory=dict[str, Histogram])
    """By provider: from an order to the news that its picture is there."""
    provider_up: Series = field(default_factory=dict[str, float])
    provider_errors: Series = field(default_factory=dict[str, float])
    spend_usd: Series = field(default_factory=dict[str, float])
    """By provider."""
    spend_today_usd: float = 0.0
    budget_usd: float = math.inf
    """Infinite: no ceiling."""
    usage: ResourceUsage = field(default_factory=ResourceUsage)

    def ended_as(self, *statuses: str) -> float:
        return sum(count for (_, status), count in self.ended.items() if status in statuses)


class Sampler:
    """Takes samples of a registry."""

    def __init__(
        self,
        registry: CollectorRegistry,
        now_s: Callable[[], float] = time.time,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._now_s = now_s
        self._clock_s = clock_s

    def take(self) -> Sample:
        """Take one sample; reads kernel files, which may take some milliseconds."""
        found = _Found(self._registry)
        return Sample(
            at_s=self._now_s(),
            clock_s=self._clock_s(),
            jobs=found.by("imgbot_queue_jobs", "state"),
            oldest_waiting_at_s=found.total("imgbot_queue_oldest_job_timestamp_seconds"),
            oldest_running_at_s=found.total("imgbot_job_oldest_running_timestamp_seconds"),
            ended=found.by_two("imgbot_jobs_finished_total", "operation", "status"),
            job_time=found.histogram("imgbot_job_duration_seconds"),
            stages=found.histograms("imgbot_job_stage_duration_seconds", "stage"),
            loop_lag=found.histogram("imgbot_event_loop_lag_seconds"),
            refusals=found.total("imgbot_rate_limit_refusals_total"),
            flood_waits=found.total("imgbot_telegram_rate_limited_total"),
            poll_answered_at_s=found.total("imgbot_last_poll_success_timestamp_seconds"),
            oldest_update_at_s=found.total("imgbot_update_oldest_unhandled_timestamp_seconds"),
            provider_time=found.histograms("imgbot_provider_duration_seconds", "provider"),
            provider_up=found.by("imgbot_provider_up", "provider"),
            provider_errors=found.by("imgbot_provider_errors_total", "kind"),
            spend_usd=found.by("imgbot_spend_usd_total", "provider"),
            spend_today_usd=found.total("imgbot_spend_today_usd"),
            budget_usd=found.budget(),
            usage=_usage(found),
        )


def _usage(found: "_Found") -> ResourceUsage:
    """Prefer the figures of the unit's control group; else add up those of the processes."""
    of_unit = found.maybe("imgbot_cgroup_memory_bytes")
    of_processes = found.maybe("imgbot_processes_memory_bytes")
    cpu_of_unit = found.maybe("imgbot_cgroup_cpu_seconds_total")
    cpu_of_processes = found.maybe("imgbot_processes_cpu_seconds_total")
    known = of_processes if of_unit is None else of_unit
    limit_bytes = found.total("imgbot_redis_memory_max_bytes")
    return ResourceUsage(
        source="unknown" if known is None else "processes" if of_unit is None else "unit",
        cpu_s=cpu_of_processes if cpu_of_unit is None else cpu_of_unit,
        cores=found.maybe("imgbot_cpu_cores"),
        memory_bytes=known,
        memory_limit_bytes=found.maybe("imgbot_memory_limit_bytes"),
        has_limit=found.maybe("imgbot_cgroup_memory_max_bytes") is not None,
        parts_bytes=found.by("imgbot_processes_memory_bytes", "part"),
        redis_bytes=found.total("imgbot_redis_memory_bytes") or None,
        redis_limit_bytes=None if limit_bytes in {0, math.inf} else limit_bytes,
    )


class _Found:
    """Every series of a registry, collected once."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._series: dict[str, _Labelled] = defaultdict(list)
        for metric in registry.collect():
            for sample in metric.samples:
                self._series[sample.name].append((sample.labels, sample.value))

    def _of(self, name: str) -> _Labelled:
        return self._series.get(name, [])

    def maybe(self, name: str) -> float | None:
        values = [value for _, value in self._of(name)]
        return sum(values) if values else None

    def budget(self) -> float:
        known = self.maybe("imgbot_spend_budget_usd")
        return math.inf if known is None else known

    def total(self, name: str) -> float:
        return self.maybe(name) or 0.0

    def by(self, name: str, label: str) -> dict[str, float]:
        sums: dict[str, float] = defaultdict(float)
        for labels, value in self._of(name):
            sums[labels[label]] += value
        return dict(sums)

    def by_two(self, name: str, one: str, two: str) -> dict[tuple[str, str], float]:
        return {(labels[one], labels[two]): value for labels, value in self._of(name)}

    def histogram(self, name: str) -> Histogram:
        bounds = self.by(f"{name}_bucket", "le")
        cumulative = sorted((float(bound), count) for bound, count in bounds.items())
        return Histogram(tuple(cumulative), self.total(f"{name}_sum"))

    def histograms(self, name: str, label: str) -> dict[str, Histogram]:
        counts: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
        for labels, value in self._of(f"{name}_bucket"):
            counts[labels[label]][float(labels["le"])] += value
        sums = self.by(f"{name}_sum", label)
        return {
            each: Histogram(tuple(sorted(found.items())), sums[each])
            for each, found in counts.items()
        }


SAMPLE_EVERY_S = 5.0
JOB_TIME_WINDOW_S = 300.0
CPU_WINDOW_S = 300.0
ERROR_WINDOW_S = 900.0

_FEWEST_FAILURES = 3
"""One failure among the ten jobs of a quiet night is 10 %, and nothing to wake anybody for."""

_FEWEST_ENDED = 5
"""The quick ones end first: with fewer than these, what still runs says more."""

Reading = tuple[float | None, Level]


class Indicators:
    """Remembers a quarter of an hour of samples, and judges them.

    The windows are those of the alerts for Prometheus. They are shorter while the process is
    younger; what cannot be known yet is None and UNKNOWN.
    """

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()

    def take(self, sample: Sample) -> None:
        """Remember a sample, and no more before it than the longest window needs."""
        self._samples.append(sample)
        while len(self._samples) > 1 and self._is_old(self._samples[1]):
            self._samples.popleft()

    def _is_old(self, sample: Sample) -> bool:
        return sample.clock_s <= self._samples[-1].clock_s - ERROR_WINDOW_S

    @property
    def latest(self) -> Sample | None:
        return self._samples[-1] if self._samples else None

    def earlier(self, window_s: float) -> Sample:
        """Return the sample that a window, ending with the latest, begins at.

        Raises IndexError before the first sample.
        """
        begin_s = self._samples[-1].clock_s - window_s
        found = self._samples[0]
        for sample in self._samples:
            if sample.clock_s > begin_s:
                break
            found = sample
        return found

    def levels(self) -> Mapping[Indicator, Reading]:
        """Return each indicator's value, in the unit of its bounds, and its level."""
        if not self._samples:
            return dict.fromkeys(Indicator, (None, Level.UNKNOWN))
        values = {
            Indicator.QUEUE_JOBS: self._samples[-1].jobs.get("waiting"),
            Indicator.JOB_TIME_S: self._job_time_s(),
            Indicator.CPU_RATIO: self._cpu_ratio(),
            Indicator.MEMORY_RATIO: self._memory_ratio(),
            Indicator.ERROR_RATIO: self._error_ratio(),
            Indicator.UPDATE_AGE_S: self._update_age_s(),
        }
        found = {
            indicator: (value, THRESHOLDS[indicator].level(value))
            for indicator, value in values.items()
        }
        if self.failures < _FEWEST_FAILURES and values[Indicator.ERROR_RATIO] is not None:
            found[Indicator.ERROR_RATIO] = (values[Indicator.ERROR_RATIO], Level.NORMAL)
        return found

    @property
    def failures(self) -> float:
        """Failed jobs in the window of the error ratio."""
        before = self.earlier(ERROR_WINDOW_S)
        return self._samples[-1].ended_as("failed") - before.ended_as("failed")

    def _job_time_s(self) -> float | None:
        """The 95th percentile; where hardly any job ends, of the one that runs longest, too."""
        now = self._samples[-1]
        ended = now.job_time.since(self.earlier(JOB_TIME_WINDOW_S).job_time)
        found = ended.quantile_s(0.95)
        if ended.count >= _FEWEST_ENDED or not now.oldest_running_at_s:
            return found
        return max(found or 0.0, now.at_s - now.oldest_running_at_s)

    def _cpu_ratio(self) -> float | None:
        now, before = self._samples[-1], self.earlier(CPU_WINDOW_S)
        used_s, used_before_s, cores = now.usage.cpu_s, before.usage.cpu_s, now.usage.cores
        elapsed_s = now.clock_s - before.clock_s
        if used_s is None or used_before_s is None or not cores or elapsed_s <= 0:
            return None
        return max(0.0, used_s - used_before_s) / elapsed_s / cores

    def _memory_ratio(self) -> float | None:
        usage = self._samples[-1].usage
        used, limit = usage.memory_bytes, usage.memory_limit_bytes
        return None if used is None or not limit else used / limit

    def _update_age_s(self) -> float:
        now = self._samples[-1]
        return max(0.0, now.at_s - now.oldest_update_at_s) if now.oldest_update_at_s else 0.0

    def _error_ratio(self) -> float | None:
        now, before = self._samples[-1], self.earlier(ERROR_WINDOW_S)
        ended = now.ended_as("ok", "failed") - before.ended_as("ok", "failed")
        return self.failures / ended if ended else None
