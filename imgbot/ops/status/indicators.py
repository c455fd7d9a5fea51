"""Samples of the service, and the indicators: the guide's figures over a window of samples."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self, TypeVar

from prometheus_client import Metric
from prometheus_client.metrics import MetricWrapperBase

from imgbot.ops.resource_usage import ResourceUsage
from imgbot.telemetry import metrics
from imgbot.telemetry.health import HealthFacts, Levels, bound_of
from imgbot.telemetry.thresholds import RECENT_S, THRESHOLDS, Indicator, Level


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

    def __sub__(self, earlier: Self) -> "Histogram":
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


def histograms(found: Iterable[Metric], label: str = "") -> dict[str, Histogram]:
    """Return the histogram of each value of a label; of them all, as "", for no label."""
    counts: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    sums: dict[str, float] = defaultdict(float)
    for metric in found:
        for name, labels, value, *_ in metric.samples:
            if name.endswith("_bucket"):
                counts[labels.get(label, "")][float(labels["le"])] += value
            elif name.endswith("_sum"):
                sums[labels.get(label, "")] += value
    return {
        each: Histogram(tuple(sorted(found.items())), sums[each]) for each, found in counts.items()
    }


def _sums(metric: MetricWrapperBase, label: str = "") -> dict[str, float]:
    """Return the sum for each value of a label; of them all, as "", for no label."""
    sums: dict[str, float] = defaultdict(float)
    for found in metric.collect():
        for sample in found.samples:
            sums[sample.labels.get(label, "")] += sample.value
    return dict(sums)


_K = TypeVar("_K")
_V = TypeVar("_V", float, Histogram)


def _since(now: Mapping[_K, _V], before: Mapping[_K, _V]) -> dict[_K, _V]:
    return {name: each - before[name] if name in before else each for name, each in now.items()}


@dataclass(frozen=True, slots=True)
class Sample:
    """Facts, usage and counters at one time; counters count from the start of the process."""

    at_s: float
    """Since 1970."""
    clock_s: float
    """By a monotonic clock."""
    facts: HealthFacts = HealthFacts()
    """As far as they are measured at one moment."""
    usage: ResourceUsage = field(default_factory=ResourceUsage)
    ended: Mapping[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    """(operation, status) → count."""
    job_time: Histogram = Histogram()
    stages: Mapping[str, Histogram] = field(default_factory=dict[str, Histogram])
    provider_time: Mapping[str, Histogram] = field(default_factory=dict[str, Histogram])
    """By provider: from an order to the news that its picture is there."""
    provider_errors: Mapping[str, float] = field(default_factory=dict[str, float])
    """By kind."""
    spend_usd: Mapping[str, float] = field(default_factory=dict[str, float])
    """By provider."""
    refusals: float = 0.0
    flood_waits: float = 0.0

    def since(self, earlier: Self) -> "Sample":
        """Return the facts and usage of now, and what was counted since an earlier sample."""
        return Sample(
            self.at_s,
            self.clock_s - earlier.clock_s,
            self.facts,
            self.usage,
            ended=_since(self.ended, earlier.ended),
            job_time=self.job_time - earlier.job_time,
            stages=_since(self.stages, earlier.stages),
            provider_time=_since(self.provider_time, earlier.provider_time),
            provider_errors=_since(self.provider_errors, earlier.provider_errors),
            spend_usd=_since(self.spend_usd, earlier.spend_usd),
            refusals=self.refusals - earlier.refusals,
            flood_waits=self.flood_waits - earlier.flood_waits,
        )

    def ended_as(self, wanted: str) -> float:
        return sum(count for (_, status), count in self.ended.items() if status == wanted)


def take_sample(facts: HealthFacts, usage: ResourceUsage, at_s: float, clock_s: float) -> Sample:
    """Add what the events have counted so far."""
    [finished] = metrics.finished.collect()
    return Sample(
        at_s,
        clock_s,
        facts,
        usage,
        ended={(at["operation"], at["status"]): value for _, at, value, *_ in finished.samples},
        job_time=histograms(metrics.duration.collect())[""],
        stages=histograms(metrics.stage.collect(), "stage"),
        provider_time=histograms(metrics.provider_time.collect(), "provider"),
        provider_errors=_sums(metrics.provider_errors, "kind"),
        spend_usd=_sums(metrics.spend, "provider"),
        refusals=_sums(metrics.refusals)[""],
        flood_waits=_sums(metrics.limited)[""],
    )


FEWEST_FAILURES = 3
"""One failure among the ten jobs of a quiet night is 10 %, and nothing to wake anybody for."""

_FEWEST_ENDED = 5
"""The quick ones end first: with fewer than these, what still runs says more."""


class Indicators:
    """Remembers a quarter of an hour of samples, and judges them.

    Windows are shorter while the process is younger; what cannot be known yet is None and UNKNOWN.
    """

    def __init__(self, begun: Sample = Sample(0.0, 0.0)) -> None:
        """`begun` has what was counted when the process began to serve its status."""
        self._begun = begun
        self._samples: deque[Sample] = deque()
        self.levels: Levels = dict.fromkeys(Indicator, (None, Level.UNKNOWN))

    def take(self, sample: Sample) -> None:
        """Remember a sample, and no more before it than the longest window needs."""
        if not self._samples:
            # What was counted before the first sample is recent, too.
            at_s, clock_s = sample.at_s, sample.clock_s
            self._samples.append(
                replace(self._begun, at_s=at_s, clock_s=clock_s, usage=sample.usage)
            )
        self._samples.append(sample)
        begin_s = sample.clock_s - RECENT_S
        while len(self._samples) > 1 and self._samples[1].clock_s <= begin_s:
            self._samples.popleft()
        self.levels = self._levels()

    @property
    def latest(self) -> Sample:
        """The latest sample; raises IndexError before the first one."""
        return self._samples[-1]

    def recent(self, window_s: float = RECENT_S) -> Sample:
        """Return what was counted in a window that ends with the latest sample.

        Raises IndexError before the first sample.
        """
        return self.latest.since(self._earlier(window_s))

    def _earlier(self, window_s: float) -> Sample:
        begin_s = self.latest.clock_s - window_s
        found = self._samples[0]
        for sample in self._samples:
            if sample.clock_s > begin_s:
                break
            found = sample
        return found

    def health(self, checks: Mapping[str, str]) -> HealthFacts:
        """Complete the latest sample's facts by what is judged over a time.

        `checks` say what is wrong by name, empty when well.
        """
        facts = self.latest.facts
        stages = self.recent(THRESHOLDS[Indicator.JOB_TIME_S].window_s).stages
        spent = {name: stage.total_s for name, stage in stages.items() if stage.total_s}
        has_limited = self.recent().provider_errors.get("rate_limited", 0.0) > 0
        timed = {
            "stuck": facts.age_s(facts.oldest_running_ms) or 0.0,
            "flood": self.recent(THRESHOLDS["flood"].window_s).flood_waits,
        }
        found = replace(
            facts,
            levels=self.levels,
            slowest_stage=max(spent, key=lambda name: spent[name], default=""),
            checks=checks,
            figures={**facts.figures, **timed},
            is_provider_full=facts.is_provider_full or has_limited,
        )
        return replace(found, bound=bound_of(found))

    def _levels(self) -> Levels:
        facts, usage, recent = self.latest.facts, self.latest.usage, self.recent()
        used, limit = usage.memory_bytes, usage.memory_limit_bytes
        failed = recent.ended_as("failed")
        ended = failed + recent.ended_as("ok")
        values = {
            Indicator.QUEUE_JOBS: facts.waiting,
            Indicator.JOB_TIME_S: self._job_time_s(),
            Indicator.CPU_RATIO: self._cpu_ratio(),
            Indicator.MEMORY_RATIO: None if used is None or not limit else used / limit,
            Indicator.ERROR_RATIO: failed / ended if ended else None,
            Indicator.UPDATE_AGE_S: facts.update_age_s,
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
        facts = self.latest.facts
        ended = self.recent(THRESHOLDS[Indicator.JOB_TIME_S].window_s).job_time
        found = ended.quantile_s(0.95)
        oldest_s = facts.age_s(facts.oldest_running_ms)
        if ended.count >= _FEWEST_ENDED or oldest_s is None:
            return found
        return max(found or 0.0, oldest_s)

    def _cpu_ratio(self) -> float | None:
        now, before = self.latest, self._earlier(THRESHOLDS[Indicator.CPU_RATIO].window_s)
        used_s, used_before_s, cores = now.usage.cpu_s, before.usage.cpu_s, now.usage.cores
        elapsed_s = now.clock_s - before.clock_s
        if used_s is None or used_before_s is None or not cores or elapsed_s <= 0:
            return None
        return max(0.0, used_s - used_before_s) / elapsed_s / cores
