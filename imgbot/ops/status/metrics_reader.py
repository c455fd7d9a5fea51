"""One look at the metrics: what vitals, history and the status document are made of."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

Series = Mapping[str, float]
"""Label → figure, summed over the other labels."""

_Labelled = list[tuple[Mapping[str, str], float]]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Seconds that things took: how many up to each bound (the last is infinity), and their sum."""

    cumulative: tuple[tuple[float, float], ...] = ()
    total_s: float = 0.0

    @property
    def count(self) -> float:
        return self.cumulative[-1][1] if self.cumulative else 0.0

    @property
    def mean_s(self) -> float | None:
        return self.total_s / self.count if self.count else None

    def since(self, earlier: "Histogram") -> "Histogram":
        """Return what came after an earlier look."""
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
    is_limited: bool = False
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
        """Look once; reads files of the kernel, so it may take some milliseconds."""
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
        is_limited=found.maybe("imgbot_cgroup_memory_max_bytes") is not None,
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
