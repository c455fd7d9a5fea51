"""Samples of the metrics, and the indicators: the guide's figures over a window of samples."""

import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from prometheus_client import Metric

from imgbot.ops.resource_usage import ResourceUsage
from imgbot.telemetry.thresholds import RECENT_S, THRESHOLDS, Indicator, Level

Series = Mapping[str, float]
"""Label → figure, summed over the other labels."""


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


class _Found:
    """Series by name, without their prefix."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._series: dict[str, list[tuple[Mapping[str, str], float]]] = defaultdict(list)
        for metric in metrics:
            for sample in metric.samples:
                name = sample.name.removeprefix("imgbot_")
                self._series[name].append((sample.labels, sample.value))

    def total(self, name: str) -> float | None:
        values = [value for _, value in self._series[name]]
        return sum(values) if values else None

    def by(self, name: str, label: str) -> dict[str, float]:
        sums: dict[str, float] = defaultdict(float)
        for labels, value in self._series[name]:
            sums[labels[label]] += value
        return dict(sums)

    def by_two(self, name: str, one: str, two: str) -> dict[tuple[str, str], float]:
        return {(labels[one], labels[two]): value for labels, value in self._series[name]}

    def histogram(self, name: str) -> Histogram:
        return self.histograms(name, "").get("", Histogram())

    def histograms(self, name: str, label: str) -> dict[str, Histogram]:
        """Return the histogram of each value of a label; of them all for no label."""
        counts: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
        sums: dict[str, float] = defaultdict(float)
        for labels, value in self._series[f"{name}_bucket"]:
            counts[labels.get(label, "")][float(labels["le"])] += value
        for labels, value in self._series[f"{name}_sum"]:
            sums[labels.get(label, "")] += value
        return {
            each: Histogram(tuple(sorted(found.items())), sums[each])
            for each, found in counts.items()
        }


def _read(read: Callable[..., Any], series: str, *labels: str, default: Any = 0.0) -> Any:
    """Declare a field of a sample: how it is read, and from which series."""
    metadata = {"read": read, "series": series, "labels": labels}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Sample:
    """The figures at one time; counters count from the start of the process."""

    at_s: float
    """Since 1970."""
    clock_s: float
    """By the clock that nobody sets."""
    jobs: Series = _read(_Found.by, "queue_jobs", "state", default=dict)
    """Jobs by state: waiting, running, dead; empty until they have been counted."""
    oldest_waiting_at_s: float = _read(_Found.total, "queue_oldest_job_timestamp_seconds")
    oldest_running_at_s: float = _read(_Found.total, "job_oldest_running_timestamp_seconds")
    ended: Mapping[tuple[str, str], float] = _read(
        _Found.by_two, "jobs_finished_total", "operation", "status", default=dict
    )
    """(operation, status) → count."""
    job_time: Histogram = _read(_Found.histogram, "job_duration_seconds", default=Histogram)
    stages: Mapping[str, Histogram] = _read(
        _Found.histograms, "job_stage_duration_seconds", "stage", default=dict
    )
    loop_lag: Histogram = _read(_Found.histogram, "event_loop_lag_seconds", default=Histogram)
    refusals: float = _read(_Found.total, "rate_limit_refusals_total")
    flood_waits: float = _read(_Found.total, "telegram_rate_limited_total")
    poll_answered_at_s: float = _read(_Found.total, "last_poll_success_timestamp_seconds")
    oldest_update_at_s: float = _read(_Found.total, "update_oldest_unhandled_timestamp_seconds")
    """Of those that are not handled yet; 0: there is none."""
    provider_time: Mapping[str, Histogram] = _read(
        _Found.histograms, "provider_duration_seconds", "provider", default=dict
    )
    """By provider: from an order to the news that its picture is there."""
    provider_up: Series = _read(_Found.by, "provider_up", "provider", default=dict)
    provider_errors: Series = _read(_Found.by, "provider_errors_total", "kind", default=dict)
    spend_usd: Series = _read(_Found.by, "spend_usd_total", "provider", default=dict)
    """By provider."""
    spend_today_usd: float = _read(_Found.total, "spend_today_usd")
    budget_usd: float = _read(_Found.total, "spend_budget_usd", default=math.inf)
    """Infinite: no ceiling."""
    redis_bytes: float = _read(_Found.total, "redis_memory_bytes")
    """Memory used by the data of Redis; 0: unknown."""
    redis_limit_bytes: float = _read(_Found.total, "redis_memory_max_bytes", default=math.inf)
    """Infinite: it has no limit."""
    usage: ResourceUsage = field(default_factory=ResourceUsage)

    def ended_as(self, *statuses: str) -> float:
        return sum(count for (_, status), count in self.ended.items() if status in statuses)


_DECLARED = {each.name: each.metadata for each in fields(Sample) if each.metadata}
READ = tuple(
    f"imgbot_{declared['series']}{part}"
    for declared in _DECLARED.values()
    for part in ("", "_bucket", "_sum")
)
"""Series that a sample reads: all others are collected at a scrape only."""


def take_sample(
    metrics: Iterable[Metric], usage: ResourceUsage, at_s: float, clock_s: float
) -> Sample:
    found = _Found(metrics)
    values = {
        name: declared["read"](found, declared["series"], *declared["labels"])
        for name, declared in _DECLARED.items()
    }
    known = {name: value for name, value in values.items() if value is not None}
    return Sample(at_s, clock_s, usage=usage, **known)


FEWEST_FAILURES = 3
"""One failure among the ten jobs of a quiet night is 10 %, and nothing to wake anybody for."""

_FEWEST_ENDED = 5
"""The quick ones end first: with fewer than these, what still runs says more."""

JudgedValue = tuple[float | None, Level]


class Indicators:
    """Remembers a quarter of an hour of samples, and judges them.

    Windows are shorter while the process is younger; what cannot be known yet is None and UNKNOWN.
    """

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()
        self.levels: Mapping[Indicator, JudgedValue] = dict.fromkeys(
            Indicator, (None, Level.UNKNOWN)
        )
        """Each indicator's value, in the unit of its bounds, and its level."""

    def take(self, sample: Sample) -> None:
        """Remember a sample, and no more before it than the longest window needs."""
        self._samples.append(sample)
        begin_s = sample.clock_s - RECENT_S
        while len(self._samples) > 1 and self._samples[1].clock_s <= begin_s:
            self._samples.popleft()
        self.levels = self._levels()

    @property
    def latest(self) -> Sample:
        """The latest sample; raises IndexError before the first one."""
        return self._samples[-1]

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

    def _levels(self) -> Mapping[Indicator, JudgedValue]:
        now, before = self._samples[-1], self.earlier(RECENT_S)
        used, limit = now.usage.memory_bytes, now.usage.memory_limit_bytes
        failed = now.ended_as("failed") - before.ended_as("failed")
        ended = failed + now.ended_as("ok") - before.ended_as("ok")
        update_age_s = now.at_s - now.oldest_update_at_s if now.oldest_update_at_s else 0.0
        values = {
            Indicator.QUEUE_JOBS: now.jobs.get("waiting"),
            Indicator.JOB_TIME_S: self._job_time_s(),
            Indicator.CPU_RATIO: self._cpu_ratio(),
            Indicator.MEMORY_RATIO: None if used is None or not limit else used / limit,
            Indicator.ERROR_RATIO: failed / ended if ended else None,
            Indicator.UPDATE_AGE_S: max(0.0, update_age_s),
        }
        found = {
            indicator: (value, THRESHOLDS[indicator].level(value))
            for indicator, value in values.items()
        }
        if failed < FEWEST_FAILURES and ended:
            found[Indicator.ERROR_RATIO] = (values[Indicator.ERROR_RATIO], Level.NORMAL)
        return found

    def _job_time_s(self) -> float | None:
        """The 95th percentile; where hardly any job ends, of the one that runs longest, too."""
        now = self._samples[-1]
        ended = now.job_time.since(self.earlier(THRESHOLDS[Indicator.JOB_TIME_S].window_s).job_time)
        found = ended.quantile_s(0.95)
        if ended.count >= _FEWEST_ENDED or not now.oldest_running_at_s:
            return found
        return max(found or 0.0, now.at_s - now.oldest_running_at_s)

    def _cpu_ratio(self) -> float | None:
        now, before = self._samples[-1], self.earlier(THRESHOLDS[Indicator.CPU_RATIO].window_s)
        used_s, used_before_s, cores = now.usage.cpu_s, before.usage.cpu_s, now.usage.cores
        elapsed_s = now.clock_s - before.clock_s
        if used_s is None or used_before_s is None or not cores or elapsed_s <= 0:
            return None
        return max(0.0, used_s - used_before_s) / elapsed_s / cores
