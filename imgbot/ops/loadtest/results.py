"""Measurements of a run, and the guide's criteria, with the setting to change where one fails."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from imgbot.config.settings import MAX_WORKERS
from imgbot.ops.formatting import count, duration, share
from imgbot.ops.loadtest.bench import RESIZED, UNRESIZED, LoadTestRun, ResourceSample
from imgbot.ops.resource_usage import ProcessGroup
from imgbot.sandbox.load.orders import OrderEnd, OrderOutcome
from imgbot.telemetry.thresholds import THRESHOLDS, Indicator

_PEAK_S = 5.0
"""A peak of CPU is one of so long: a single second says little."""

_SHOWN = 10
OK, FAILED = (
    (OrderOutcome.DELIVERED,),
    (OrderOutcome.FAILED, OrderOutcome.LOST, OrderOutcome.DOUBLED),
)


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds; None where nothing ended."""

    mean_s: float | None
    p50_s: float | None
    p95_s: float | None
    max_s: float | None


@dataclass(frozen=True, slots=True)
class Use:
    """CPU as a share of all cores, memory in bytes."""

    cpu_ratio: float
    cpu_peak_ratio: float
    cpu_parts: dict[str, float]
    memory_bytes: float
    memory_peak_bytes: int
    memory_parts_bytes: dict[str, int]
    """At the peak."""
    test_cpu_ratio: float
    """Of the test itself: Telegram, the people and the provider."""


@dataclass(frozen=True, slots=True)
class Resized:
    """The same requests without and with resizing."""

    resizes: int
    without: Times
    while_resizing: Times
    own_without: Times
    """The same without the time that the provider took."""
    own_while_resizing: Times


@dataclass(frozen=True, slots=True)
class LoadTestResults:
    """One run."""

    users: int
    workers: int
    is_whole: bool
    seconds: float
    ends: dict[str, int]
    amiss: list[str]
    """A line for each order that was lost or doubled, the first of them."""
    operations: dict[str, int]
    charged: int
    charged_twice: int
    charged_in_vain: int
    jobs_per_s: float
    peak_jobs_per_s: float
    job_time: Times
    provider_share: float | None
    longest_queue: int
    p95_queue: float
    error_ratio: float | None
    rate_limit_refusals: int
    flood_waits: int
    use: Use
    cores: float
    memory_limit_bytes: float
    loop_lag_p99_s: float | None
    resized: Resized | None

    @property
    def ordered(self) -> int:
        return sum(self.ends.values())

    @property
    def memory_ratio(self) -> float:
        return self.use.memory_peak_bytes / self.memory_limit_bytes


def results_of(run: LoadTestRun) -> LoadTestResults:
    """Compute the results of a run; the bot's own count of failures wins if it is higher."""
    ended, usage = run.ledger.ended, run.after.usage
    times = [seconds for each in ended if (seconds := each.seconds) is not None]
    failed = max(run.ledger.count(*FAILED), _counted(run, "failed"))
    whole = failed + run.ledger.count(*OK)
    cores = usage.cores or 1.0
    return LoadTestResults(
        users=run.users,
        workers=run.workers,
        is_whole=run.is_whole,
        seconds=run.samples[-1].at_s - run.samples[0].at_s,
        ends={outcome.value: run.ledger.count(outcome) for outcome in OrderOutcome},
        amiss=run.ledger.amiss()[:_SHOWN],
        operations=_operations(run),
        charged=run.ledger.charges.pictures,
        charged_twice=run.ledger.charges.twice,
        charged_in_vain=run.ledger.charges.in_vain,
        jobs_per_s=_per_s(ended, lambda _: True),
        peak_jobs_per_s=_per_s(ended, lambda each: each.order.scenario.is_in_peak),
        job_time=times_of(times),
        provider_share=_provider_share(run, times),
        longest_queue=max(run.queue_lengths, default=0),
        p95_queue=quantile(run.queue_lengths, 0.95) or 0.0,
        error_ratio=failed / whole if whole else None,
        rate_limit_refusals=round(run.after.refusals - run.before.refusals),
        flood_waits=round(run.after.flood_waits - run.before.flood_waits),
        use=_use(run.samples, cores),
        cores=cores,
        memory_limit_bytes=usage.memory_limit_bytes or 1.0,
        loop_lag_p99_s=run.after.loop_lag.since(run.before.loop_lag).quantile_s(0.99),
        resized=_resized(run) if run.resizes else None,
    )


def quantile(values: Iterable[float], share: float) -> float | None:
    """Value that this share of the values does not exceed."""
    found = sorted(values)
    return found[min(len(found) - 1, int(share * len(found)))] if found else None


def times_of(seconds: Sequence[float]) -> Times:
    return Times(
        statistics.fmean(seconds) if seconds else None,
        quantile(seconds, 0.5),
        quantile(seconds, 0.95),
        max(seconds, default=None),
    )


def _counted(run: LoadTestRun, status: str) -> int:
    return round(run.after.ended_as(status) - run.before.ended_as(status))


def _operations(run: LoadTestRun) -> dict[str, int]:
    """Pictures by operation, as the bot counts them."""
    return {
        operation: round(count - run.before.ended.get((operation, status), 0))
        for (operation, status), count in sorted(run.after.ended.items())
        if status == "ok" and count
    }


def _per_s(ended: Sequence[OrderEnd], is_of: Callable[[OrderEnd], bool]) -> float:
    """Answers per second, from the first order to the last answer."""
    spans = [
        (each.order.ordered_at_s, answered_at_s)
        for each in ended
        if is_of(each) and (answered_at_s := each.order.answered_at_s) is not None
    ]
    if not spans:
        return 0.0
    return len(spans) / max(1e-3, max(end for _, end in spans) - min(begin for begin, _ in spans))


def _provider_share(run: LoadTestRun, times: Sequence[float]) -> float | None:
    """Provider's share of the time of all jobs."""
    if not run.made_s or not times:
        return None
    return min(1.0, statistics.fmean(run.made_s) / statistics.fmean(times))


def _use(samples: Sequence[ResourceSample], cores: float) -> Use:
    first, last = samples[0], samples[-1]
    seconds = max(1e-3, last.at_s - first.at_s)
    top = max(samples, key=lambda sample: sample.memory_bytes)
    return Use(
        cpu_ratio=(last.cpu_s - first.cpu_s) / seconds / cores,
        cpu_peak_ratio=_cpu_peak(samples) / cores,
        cpu_parts={
            part.value: (last.parts[part].cpu_s - first.parts[part].cpu_s) / seconds / cores
            for part in ProcessGroup
        },
        memory_bytes=statistics.fmean(sample.memory_bytes for sample in samples),
        memory_peak_bytes=top.memory_bytes,
        memory_parts_bytes={part.value: top.parts[part].memory_bytes for part in ProcessGroup},
        test_cpu_ratio=(last.test_cpu_s - first.test_cpu_s) / seconds / cores,
    )


def _cpu_peak(samples: Sequence[ResourceSample]) -> float:
    """Most cores busy over some seconds, or over the whole of a shorter run."""
    most, begin = 0.0, 0
    for number, sample in enumerate(samples):
        while begin + 1 < number and sample.at_s - samples[begin + 1].at_s >= _PEAK_S:
            begin += 1
        seconds = sample.at_s - samples[begin].at_s
        if seconds >= _PEAK_S or (sample is samples[-1] and seconds > 0):
            most = max(most, (sample.cpu_s - samples[begin].cpu_s) / seconds)
    return most


def _resized(run: LoadTestRun) -> Resized:
    parts = [
        [each for each in run.ledger.ended if each.order.part == part]
        for part in (UNRESIZED, RESIZED)
    ]
    whole = [times_of([s for each in part if (s := each.seconds) is not None]) for part in parts]
    own = [times_of(list(_without_provider(part, run.durations_s))) for part in parts]
    return Resized(run.resizes, *whole, *own)


def _without_provider(ended: Iterable[OrderEnd], durations_s: dict[str, float]) -> Iterable[float]:
    for each in ended:
        if each.job_id in durations_s and (seconds := each.seconds) is not None:
            yield seconds - durations_s[each.job_id]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion; `mend` says what to change if it is not met."""

    name: str
    found: str
    is_met: bool
    mend: str


def criteria(results: LoadTestResults) -> list[Criterion]:
    """Evaluate a run by the guide's bounds, and by the promise that nothing is lost or doubled."""
    return [*_of_the_jobs(results), *_of_the_machine(results), _answered(results), _kept(results)]


def _of_the_jobs(results: LoadTestResults) -> list[Criterion]:
    mean_s, longest, errors = results.job_time.mean_s, results.longest_queue, results.error_ratio
    doctor = "imgbot doctor; the provider's errors are in /metrics"
    more = _more_workers(results)
    return [
        _bounded(
            Indicator.JOB_TIME_S, "mean job time < 30 s", mean_s, duration(mean_s), _slow(results)
        ),
        _bounded(Indicator.QUEUE_JOBS, "queue < 50", longest, count(longest, "job"), more),
        _bounded(Indicator.ERROR_RATIO, "errors < 1 %", errors, share(errors), doctor),
    ]


def _of_the_machine(results: LoadTestResults) -> list[Criterion]:
    cpu, memory = results.use.cpu_ratio, results.memory_ratio
    cores = "more cores, or fewer users (IMGBOT_USERS)"
    half = f"IMGBOT_WORKERS={max(1, results.workers // 2)}, or more memory"
    return [
        _bounded(Indicator.CPU_RATIO, "CPU < 70 %", cpu, share(cpu), cores),
        _bounded(Indicator.MEMORY_RATIO, "memory < 80 %", memory, share(memory), half),
    ]


def _answered(results: LoadTestResults) -> Criterion:
    waiting = results.ends["waiting"]
    return Criterion(
        "nobody left waiting",
        f"{waiting} still waiting at the end",
        waiting == 0,
        f"fewer users, or {_more_workers(results)} where the CPU has room for it",
    )


def _kept(results: LoadTestResults) -> Criterion:
    lost, doubled = results.ends["lost"], results.ends["doubled"]
    charged = results.charged_twice + results.charged_in_vain
    return Criterion(
        "nothing lost or doubled",
        f"{lost} lost, {doubled} doubled, {charged} charged wrongly",
        not (lost or doubled or charged),
        "this is a bug in imgbot: please report it",
    )


def _bounded(vital: Indicator, name: str, value: float | None, found: str, mend: str) -> Criterion:
    # An unknown value is not met: a run without an answer proves nothing.
    return Criterion(name, found, value is not None and value < THRESHOLDS[vital].attention, mend)


def _slow(results: LoadTestResults) -> str:
    if results.provider_share is not None and results.provider_share > 0.8:
        return "most of it is the provider's: use a faster model (IMGBOT_MODELS)"
    return _more_workers(results)


def _more_workers(results: LoadTestResults) -> str:
    more = results.workers + max(1, results.workers // 2)
    return f"IMGBOT_WORKERS={min(more, MAX_WORKERS)}"
