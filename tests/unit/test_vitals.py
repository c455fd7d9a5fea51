"""The guide's figures, read from the metrics as they are and judged by its bounds."""

from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram as Observed

from imgbot.ops.status.indicators import (
    ERROR_WINDOW_S,
    Histogram,
    Indicators,
    ResourceUsage,
    Sample,
    Sampler,
)
from imgbot.telemetry.thresholds import Bound, Indicator, Level, Load, bound_of

GIB = 1 << 30
START = Sample(at_s=1_000_000, clock_s=50, jobs={"waiting": 0, "running": 0, "dead": 0})


def _timed(*seconds: float) -> Histogram:
    bounds = (10.0, 30.0, 60.0, 120.0, float("inf"))
    counts = tuple((bound, float(sum(s <= bound for s in seconds))) for bound in bounds)
    return Histogram(counts, sum(seconds))


def _after(seconds: float, **changes: Any) -> Sample:
    moved = replace(START, at_s=START.at_s + seconds, clock_s=START.clock_s + seconds)
    return replace(moved, **changes)


def _judged(*samples: Sample) -> Indicators:
    vitals = Indicators()
    for sample in samples:
        vitals.take(sample)
    return vitals


def test_before_the_first_sample_nothing_is_known() -> None:
    assert dict(Indicators().levels()) == dict.fromkeys(Indicator, (None, Level.UNKNOWN))


@pytest.mark.parametrize(
    ("waiting", "level"),
    [(0, "normal"), (49, "normal"), (50, "attention"), (100, "attention"), (101, "critical")],
)
def test_the_queue_is_judged_as_it_stands(waiting: int, level: str) -> None:
    found = _judged(_after(5, jobs={"waiting": waiting})).levels()

    assert found[Indicator.QUEUE_JOBS] == (waiting, level)


@pytest.mark.parametrize(
    ("seconds", "level"),
    [([5, 8, 9], "normal"), ([9] * 9 + [45], "attention"), ([9] * 9 + [100], "critical")],
    ids=["quick", "one-slow", "one-very-slow"],
)
def test_job_time_is_the_95th_percentile_of_five_minutes(seconds: list[float], level: str) -> None:
    found = _judged(START, _after(290, job_time=_timed(*seconds))).levels()

    assert found[Indicator.JOB_TIME_S][1] == level


def test_slow_jobs_of_long_ago_are_forgotten() -> None:
    slow = _timed(*[100.0] * 50)

    found = _judged(START, _after(10, job_time=slow), _after(400, job_time=slow)).levels()

    assert found[Indicator.JOB_TIME_S] == (None, Level.UNKNOWN)


@pytest.mark.parametrize(
    ("ended", "level"),
    [([], "critical"), ([2] * 4, "critical"), ([2] * 5, "normal"), ([70], "critical")],
    ids=["none", "few-quick-ones", "enough", "slow"],
)
def test_where_hardly_any_job_ends_the_oldest_one_counts(ended: list[float], level: str) -> None:
    stuck = _after(200, job_time=_timed(*ended), oldest_running_at_s=START.at_s + 100)

    assert _judged(START, stuck).levels()[Indicator.JOB_TIME_S][1] == level


def test_cpu_is_the_share_of_the_cores_since_the_earlier_sample() -> None:
    busy = [
        _after(seconds, usage=ResourceUsage("unit", cpu_s=100 + cpu_s, cores=2))
        for seconds, cpu_s in ((0, 0), (100, 150))
    ]

    assert _judged(*busy).levels()[Indicator.CPU_RATIO] == (0.75, Level.ATTENTION)
    assert _judged(busy[0]).levels()[Indicator.CPU_RATIO] == (None, Level.UNKNOWN)


@pytest.mark.parametrize(
    ("limit", "ratio", "level"),
    [(GIB, 0.875, "attention"), (8 * GIB, 0.875 / 8, "normal"), (None, None, "unknown")],
    ids=["close", "far", "not-known"],
)
def test_memory_is_the_share_of_what_may_be_used(
    limit: int | None, ratio: float | None, level: str
) -> None:
    usage = ResourceUsage("unit", memory_bytes=0.875 * GIB, memory_limit_bytes=limit)

    assert _judged(_after(5, usage=usage)).levels()[Indicator.MEMORY_RATIO] == (ratio, level)


def test_what_people_did_wrong_is_no_error() -> None:
    ended = {("create", "ok"): 97.0, ("edit", "rejected"): 500.0, ("create", "failed"): 3.0}

    found = _judged(START, _after(60, ended=ended)).levels()

    assert found[Indicator.ERROR_RATIO] == (0.03, Level.ATTENTION)


def test_a_single_failure_of_a_quiet_night_is_shown_and_alarms_nobody() -> None:
    ended = {("create", "ok"): 9.0, ("create", "failed"): 1.0}

    assert _judged(START, _after(60, ended=ended)).levels()[Indicator.ERROR_RATIO] == (
        0.1,
        "normal",
    )


@pytest.mark.parametrize(
    ("age_s", "level"), [(None, "normal"), (59, "normal"), (60, "attention"), (601, "critical")]
)
def test_the_oldest_unhandled_update_is_judged_by_its_age(age_s: int | None, level: str) -> None:
    since_s = 0.0 if age_s is None else START.at_s + 5 - age_s

    found = _judged(_after(5, oldest_update_at_s=since_s)).levels()

    assert found[Indicator.UPDATE_AGE_S] == (age_s or 0, level)


def test_failures_leave_the_window() -> None:
    failed = {("create", "failed"): 10.0, ("create", "ok"): 10.0}
    better = failed | {("create", "ok"): 500.0}
    samples = [START, _after(5, ended=failed), _after(10 + ERROR_WINDOW_S, ended=better)]

    assert _judged(*samples).levels()[Indicator.ERROR_RATIO] == (0.0, Level.NORMAL)


def test_its_memory_is_bounded() -> None:
    vitals = _judged(*[_after(5 * i, jobs={"waiting": i}) for i in range(10_000)])

    assert vitals.earlier(1e9).jobs["waiting"] == 10_000 - 181


@pytest.mark.parametrize(
    ("share", "seconds"),
    [(0.25, 5.0), (0.5, 10.0), (0.9, 54.0), (1.0, 60.0)],
)
def test_quantiles_are_those_of_prometheus(share: float, seconds: float) -> None:
    # Five up to 10 s and five from 30 to 60 s; inside a bucket histogram_quantile interpolates.
    assert _timed(*[5.0] * 5, *[50.0] * 5).quantile_s(share) == pytest.approx(seconds)


def test_beyond_the_last_bound_the_quantile_is_that_bound() -> None:
    assert _timed(500.0).quantile_s(0.95) == 120.0
    assert Histogram().quantile_s(0.95) is None


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    queue = Gauge("imgbot_queue_jobs", "Jobs.", ("queue", "state"), registry=registry)
    queue.labels("img_queue", "waiting").set(7)
    ended = Counter("imgbot_jobs_finished", "Jobs.", ("operation", "status"), registry=registry)
    ended.labels("edit", "failed").inc(2)
    took = Observed(
        "imgbot_job_duration_seconds", "Jobs.", ("operation",), buckets=(1, 30), registry=registry
    )
    took.labels("edit").observe(0.5)
    took.labels("create").observe(20)
    return registry


def test_a_sample_is_what_the_metrics_say(registry: CollectorRegistry) -> None:
    sample = Sampler(registry, lambda: 12.0, lambda: 3.0).take()

    assert (sample.at_s, sample.clock_s) == (12.0, 3.0)
    assert sample.jobs == {"waiting": 7}
    assert sample.ended_as("failed") == 2
    assert sample.job_time == Histogram(((1, 1), (30, 2), (float("inf"), 2)), 20.5)
    assert sample.usage == ResourceUsage()


def test_a_providers_times_are_summed_over_the_operations() -> None:
    registry = CollectorRegistry()
    labels = ("provider", "operation")
    times = Observed(
        "imgbot_provider_duration_seconds", "Orders.", labels, buckets=(1, 30), registry=registry
    )
    times.labels("fal", "edit").observe(2)
    times.labels("fal", "create").observe(0.5)

    assert Sampler(registry).take().provider_time == {
        "fal": Histogram(((1, 1), (30, 2), (float("inf"), 2)), 2.5)
    }


def _gauges(registry: CollectorRegistry, **values: float) -> None:
    for name, value in values.items():
        Gauge(f"imgbot_{name}", "Of the unit.", registry=registry).set(value)


def _processes(registry: CollectorRegistry) -> None:
    memory = Gauge("imgbot_processes_memory_bytes", "Memory.", ("part",), registry=registry)
    cpu = Counter("imgbot_processes_cpu_seconds", "CPU.", ("part",), registry=registry)
    for part, size, seconds in (("bot", 300, 2), ("redis", 200, 1)):
        memory.labels(part).set(size)
        cpu.labels(part).inc(seconds)


def test_the_units_figures_are_preferred_to_the_processes() -> None:
    registry = CollectorRegistry()
    _processes(registry)
    _gauges(registry, cgroup_memory_bytes=700, cgroup_memory_max_bytes=4000)
    _gauges(registry, memory_limit_bytes=4000, cpu_cores=0.5)
    Counter("imgbot_cgroup_cpu_seconds", "Of the unit.", registry=registry).inc(9)

    assert Sampler(registry).take().usage == ResourceUsage(
        "unit", 9, 0.5, 700, 4000, has_limit=True, parts_bytes={"bot": 300, "redis": 200}
    )


def test_without_a_control_group_the_processes_are_added_up() -> None:
    registry = CollectorRegistry()
    _processes(registry)
    _gauges(registry, memory_limit_bytes=8000, cpu_cores=2)

    assert Sampler(registry).take().usage == ResourceUsage(
        "processes", 3, 2, 500, 8000, parts_bytes={"bot": 300, "redis": 200}
    )


IDLE = Load(waiting=57, running=4, capacity=250, workers=5)
CROWDED = replace(IDLE, busy=5, steps_waiting=9)


@pytest.mark.parametrize(
    ("load", "bound"),
    [
        (Load(), Bound.NONE),
        (IDLE, Bound.NONE),
        (replace(IDLE, busy=5), Bound.NONE),
        (CROWDED, Bound.WORKERS),
        (replace(CROWDED, cpu_ratio=0.8), Bound.CPU),
        (replace(CROWDED, memory_ratio=0.9), Bound.MEMORY),
        (replace(IDLE, cpu_ratio=0.8, memory_ratio=0.9), Bound.NONE),
        (replace(IDLE, capped=57), Bound.RUNNING_PER_USER),
        (replace(IDLE, capped=56), Bound.NONE),
        (replace(CROWDED, capped=57), Bound.WORKERS),
        (replace(IDLE, waiting=0), Bound.NONE),
        (replace(IDLE, running=250), Bound.JOBS_PER_WORKER),
        (replace(IDLE, running=250, is_provider_full=True), Bound.PROVIDER_LIMIT),
        (replace(IDLE, flood_waits=3, delivering=3), Bound.TELEGRAM),
        (replace(IDLE, flood_waits=3, delivering=1), Bound.NONE),
        (replace(IDLE, is_provider_out=True, capped=57), Bound.PROVIDER_OUT),
        (replace(CROWDED, is_provider_out=True), Bound.WORKERS),
        (replace(IDLE, is_budget_spent=True), Bound.BUDGET),
        (replace(CROWDED, is_disk_full=True), Bound.DISK),
    ],
)
def test_the_bound_that_really_holds_is_named(load: Load, bound: Bound) -> None:
    assert bound_of(load) is bound
