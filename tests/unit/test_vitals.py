"""The guide's figures, read from the metrics as they are and judged by its bounds."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram as Observed

from imgbot.levels import Level, Vital
from imgbot.ops.process_tree import Usage, usage_of_tree
from imgbot.ops.sampling import Histogram, Sample, Sampler
from imgbot.ops.vitals import ERROR_WINDOW_S, Vitals

GIB = 1 << 30
START = Sample(at_s=1_000_000, clock_s=50, jobs={"waiting": 0, "running": 0, "dead": 0})


def _timed(*seconds: float) -> Histogram:
    bounds = (10.0, 30.0, 60.0, 120.0, float("inf"))
    counts = tuple((bound, float(sum(s <= bound for s in seconds))) for bound in bounds)
    return Histogram(counts, sum(seconds))


def _after(seconds: float, **changes: Any) -> Sample:
    moved = replace(START, at_s=START.at_s + seconds, clock_s=START.clock_s + seconds)
    return replace(moved, **changes)


def _judged(*samples: Sample) -> Vitals:
    vitals = Vitals(memory_of_machine=8 * GIB)
    for sample in samples:
        vitals.take(sample)
    return vitals


def test_before_the_first_sample_nothing_is_known() -> None:
    assert dict(Vitals().levels()) == dict.fromkeys(Vital, (None, Level.UNKNOWN))


@pytest.mark.parametrize(
    ("waiting", "level"),
    [(0, "normal"), (49, "normal"), (50, "attention"), (100, "attention"), (101, "critical")],
)
def test_the_queue_is_judged_as_it_stands(waiting: int, level: str) -> None:
    found = _judged(_after(5, jobs={"waiting": waiting})).levels()

    assert found[Vital.QUEUE_JOBS] == (waiting, level)


@pytest.mark.parametrize(
    ("seconds", "level"),
    [([5, 8, 9], "normal"), ([9] * 9 + [45], "attention"), ([9] * 9 + [100], "critical")],
    ids=["quick", "one-slow", "one-very-slow"],
)
def test_job_time_is_the_95th_percentile_of_five_minutes(seconds: list[float], level: str) -> None:
    found = _judged(START, _after(290, job_time=_timed(*seconds))).levels()

    assert found[Vital.JOB_TIME_S][1] == level


def test_slow_jobs_of_long_ago_are_forgotten() -> None:
    slow = _timed(*[100.0] * 50)

    found = _judged(START, _after(10, job_time=slow), _after(400, job_time=slow)).levels()

    assert found[Vital.JOB_TIME_S] == (None, Level.UNKNOWN)


def test_where_no_job_ends_the_oldest_one_is_what_a_job_takes() -> None:
    stuck = _after(600, oldest_running_at_s=START.at_s + 500)

    assert _judged(START, stuck).levels()[Vital.JOB_TIME_S] == (100, Level.CRITICAL)


def test_cpu_is_the_share_of_the_cores_since_the_earlier_sample() -> None:
    busy = [
        _after(seconds, usage=Usage("unit", cpu_s=100 + cpu_s, cores=2))
        for seconds, cpu_s in ((0, 0), (100, 150))
    ]

    assert _judged(*busy).levels()[Vital.CPU_RATIO] == (0.75, Level.ATTENTION)
    assert _judged(busy[0]).levels()[Vital.CPU_RATIO] == (None, Level.UNKNOWN)


@pytest.mark.parametrize(
    ("limit", "ratio", "level"),
    [(GIB, 0.875, "attention"), (None, 0.875 / 8, "normal"), (64 * GIB, 0.875 / 8, "normal")],
    ids=["limit-of-the-unit", "no-limit", "limit-above-the-machine"],
)
def test_memory_is_the_share_of_the_limit_or_the_machine(
    limit: int | None, ratio: float, level: str
) -> None:
    usage = Usage("unit", memory_bytes=0.875 * GIB, memory_limit_bytes=limit)

    assert _judged(_after(5, usage=usage)).levels()[Vital.MEMORY_RATIO] == (ratio, level)


def test_what_people_did_wrong_is_no_error() -> None:
    ended = {("create", "ok"): 97.0, ("edit", "rejected"): 500.0, ("create", "failed"): 3.0}

    found = _judged(START, _after(60, ended=ended)).levels()

    assert found[Vital.ERROR_RATIO] == (0.03, Level.ATTENTION)


def test_a_single_failure_of_a_quiet_night_is_shown_and_alarms_nobody() -> None:
    ended = {("create", "ok"): 9.0, ("create", "failed"): 1.0}

    assert _judged(START, _after(60, ended=ended)).levels()[Vital.ERROR_RATIO] == (0.1, "normal")


def test_failures_leave_the_window() -> None:
    failed = {("create", "failed"): 10.0, ("create", "ok"): 10.0}
    better = failed | {("create", "ok"): 500.0}
    samples = [START, _after(5, ended=failed), _after(10 + ERROR_WINDOW_S, ended=better)]

    assert _judged(*samples).levels()[Vital.ERROR_RATIO] == (0.0, Level.NORMAL)


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


def _nothing() -> Usage:
    return Usage("processes", cpu_s=1.0, cores=2.0, memory_bytes=100.0)


def test_a_sample_is_what_the_metrics_say(registry: CollectorRegistry) -> None:
    sample = Sampler(registry, _nothing, lambda: 12.0, lambda: 3.0).take()

    assert (sample.at_s, sample.clock_s) == (12.0, 3.0)
    assert sample.jobs == {"waiting": 7}
    assert sample.ended_as("failed") == 2
    assert sample.job_time == Histogram(((1, 1), (30, 2), (float("inf"), 2)), 20.5)
    assert sample.usage == _nothing()


def test_the_units_figures_are_preferred_to_the_processes() -> None:
    registry = CollectorRegistry()
    for name, value in (("memory_bytes", 700), ("memory_max_bytes", 4000)):
        Gauge(f"imgbot_cgroup_{name}", "Of the unit.", registry=registry).set(value)
    Counter("imgbot_cgroup_cpu_seconds", "Of the unit.", registry=registry).inc(9)
    Gauge("imgbot_cpu_cores", "Of the unit.", registry=registry).set(0.5)

    def never() -> Usage:
        raise AssertionError("there is no need to look")

    assert Sampler(registry, never).take().usage == Usage("unit", 9, 0.5, 700, 4000)


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., None]:
    def write(pid: int, parent: int, ticks: tuple[int, int, int, int], pss_kib: int = 0) -> None:
        folder = tmp_path / str(pid)
        folder.mkdir()
        times = " ".join(str(each) for each in ticks)
        (folder / "stat").write_text(f"{pid} (a) b) S {parent} 1 1 0 -1 0 0 0 0 0 {times} 20 0\n")
        (folder / "status").write_text("Name:\ta\nVmRSS:\t     500 kB\n")
        if pss_kib:
            (folder / "smaps_rollup").write_text(f"head\nPss:   {pss_kib} kB\n")

    return write


def test_a_tree_is_added_up(process: Callable[..., None], tmp_path: Path) -> None:
    process(10, 1, (100, 50, 30, 20), pss_kib=1000)
    process(11, 10, (100, 0, 0, 0), pss_kib=300)
    process(12, 11, (100, 0, 0, 0))
    process(13, 1, (9999, 0, 0, 0), pss_kib=9999)

    found = usage_of_tree(tmp_path, 10)

    assert found.source == "processes"
    assert found.memory_bytes == (1000 + 300 + 500) * 1024
    assert found.cpu_s == pytest.approx(4.0)


def test_this_process_is_found_in_the_real_proc() -> None:
    found = usage_of_tree()

    assert found.memory_bytes is not None
    assert 1 << 20 < found.memory_bytes < 1 << 40
    assert found.cpu_s is not None
    assert found.cpu_s > 0


def test_without_a_proc_it_says_unknown(tmp_path: Path) -> None:
    assert usage_of_tree(tmp_path, 10) == Usage()
