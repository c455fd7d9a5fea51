"""Indicators of the service, read from the metrics and judged by the guide's bounds."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram as Observed

from imgbot.domain.job import Job, State
from imgbot.domain.operations import Operation
from imgbot.ops.resource_usage import ResourceUsage
from imgbot.ops.status.indicators import (
    READ,
    Histogram,
    Indicators,
    Sample,
    take_sample,
)
from imgbot.ops.status.observer import Observer
from imgbot.storage.server.durability import Memory
from imgbot.storage.stats import DeadJob, QueueSnapshot
from imgbot.telemetry.thresholds import Bound, Indicator, Level, Load, bound_of
from tests.fixtures.jobs import job_of
from tests.fixtures.status_facts import GIB, took

START = Sample(at_s=1_000_000, clock_s=50, jobs={"waiting": 0, "running": 0, "dead": 0})


def _after(seconds: float, **changes: Any) -> Sample:
    moved = replace(START, at_s=START.at_s + seconds, clock_s=START.clock_s + seconds)
    return replace(moved, **changes)


def _judged(*samples: Sample) -> Indicators:
    indicators = Indicators()
    for sample in samples:
        indicators.take(sample)
    return indicators


def test_before_the_first_sample_nothing_is_known() -> None:
    assert dict(Indicators().levels) == dict.fromkeys(Indicator, (None, Level.UNKNOWN))


def _queue(waiting: int) -> list[Sample]:
    return [_after(5, jobs={"waiting": waiting})]


def _times(*seconds: float) -> list[Sample]:
    return [START, _after(290, job_time=took(*seconds))]


def _stuck(*ended_s: float) -> list[Sample]:
    """A job that has been running for 100 s, and how long others took that ended."""
    return [_after(200, job_time=took(*ended_s), oldest_running_at_s=START.at_s + 100)]


def _memory(limit: int | None) -> list[Sample]:
    usage = ResourceUsage("unit", memory_bytes=0.875 * GIB, memory_limit_bytes=limit)
    return [_after(5, usage=usage)]


def _cpu(cpu_s: float) -> Sample:
    return _after(cpu_s, usage=ResourceUsage("unit", cpu_s=100 + 1.5 * cpu_s, cores=2))


def _ended(after_s: float, **counts: float) -> Sample:
    return _after(after_s, ended={("create", status): count for status, count in counts.items()})


def _update(age_s: float) -> list[Sample]:
    return [_after(5, oldest_update_at_s=START.at_s + 5 - age_s)]


@pytest.mark.parametrize(
    ("indicator", "samples", "value", "level"),
    [
        ("queue_jobs", _queue(49), 49, "normal"),
        ("queue_jobs", _queue(50), 50, "attention"),
        ("queue_jobs", _queue(100), 100, "attention"),
        ("queue_jobs", _queue(101), 101, "critical"),
        # The 95th percentile of five minutes.
        ("job_time_s", _times(5, 8, 9), ..., "normal"),
        ("job_time_s", _times(*[9] * 9, 45), ..., "attention"),
        ("job_time_s", _times(*[9] * 9, 100), ..., "critical"),
        ("job_time_s", [*_times(100), _after(700, job_time=took(100))], None, "unknown"),
        # Where hardly any job ends, the one that runs longest counts.
        ("job_time_s", _stuck(), 100, "critical"),
        ("job_time_s", [START, *_stuck(2, 2, 2, 2)], 100, "critical"),
        ("job_time_s", [START, *_stuck(2, 2, 2, 2, 2)], ..., "normal"),
        ("cpu_ratio", [_cpu(0), _cpu(100)], 0.75, "attention"),
        ("cpu_ratio", [_cpu(0)], None, "unknown"),
        ("memory_ratio", _memory(GIB), 0.875, "attention"),
        ("memory_ratio", _memory(8 * GIB), 0.875 / 8, "normal"),
        ("memory_ratio", _memory(None), None, "unknown"),
        # What users did wrong is no error; one failure of a quiet night alarms nobody.
        ("error_ratio", [START, _ended(60, ok=97, rejected=500, failed=3)], 0.03, "attention"),
        ("error_ratio", [START, _ended(60, ok=9, failed=1)], 0.1, "normal"),
        ("error_ratio", [_ended(5, failed=9, ok=9), _ended(910, failed=9, ok=500)], 0, "normal"),
        ("update_age_s", [START], 0, "normal"),
        ("update_age_s", _update(59), 59, "normal"),
        ("update_age_s", _update(60), 60, "attention"),
        ("update_age_s", _update(601), 601, "critical"),
    ],
)
def test_an_indicator_is_judged_over_its_window(
    indicator: str, samples: list[Sample], value: float | None, level: str
) -> None:
    found = _judged(*samples).levels[Indicator(indicator)]

    assert found[1] == level
    assert value is ... or found[0] == value


def test_its_memory_is_bounded() -> None:
    indicators = _judged(*[_after(5 * i, jobs={"waiting": i}) for i in range(10_000)])

    assert indicators.earlier(1e9).jobs["waiting"] == 10_000 - 181


@pytest.mark.parametrize(("share", "seconds"), [(0.25, 3.0), (0.5, 5.0), (0.9, 54.0), (1.0, 60.0)])
def test_quantiles_are_those_of_prometheus(share: float, seconds: float) -> None:
    # Five from 1 to 5 s and five from 30 to 60 s; inside a bucket histogram_quantile interpolates.
    assert took(*[5.0] * 5, *[50.0] * 5).quantile_s(share) == pytest.approx(seconds)
    # Beyond the last bound it is that bound.
    assert took(500.0).quantile_s(share) == 300.0
    assert Histogram().quantile_s(share) is None


def test_a_sample_is_what_the_metrics_say() -> None:
    registry = CollectorRegistry()
    queue = Gauge("imgbot_queue_jobs", "Jobs.", ("queue", "state"), registry=registry)
    queue.labels("img_queue", "waiting").set(7)
    ended = Counter("imgbot_jobs_finished", "Jobs.", ("operation", "status"), registry=registry)
    ended.labels("edit", "failed").inc(2)
    names = ("provider", "operation")
    orders = Observed(
        "imgbot_provider_duration_seconds", "Orders.", names, buckets=(1, 30), registry=registry
    )
    orders.labels("fal", "edit").observe(2)
    orders.labels("fal", "create").observe(0.5)

    sample = take_sample(registry.restricted_registry(READ).collect(), ResourceUsage(), 12.0, 3.0)

    assert (sample.at_s, sample.clock_s) == (12.0, 3.0)
    assert sample.jobs == {"waiting": 7}
    assert sample.ended_as("failed") == 2
    assert sample.provider_time == {"fal": Histogram(((1, 1), (30, 2), (float("inf"), 2)), 2.5)}


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


def job(number: int, operation: Operation, state: State) -> Job:
    return job_of(str(number), 1, 1, operation, "en", state=state)


async def test_what_a_worker_makes_is_painted_and_not_submitted() -> None:
    jobs = [job(number, Operation.CREATE, State.SUBMITTING) for number in range(3)]
    jobs.append(job(9, Operation.EDIT, State.POLLING))
    lost = DeadJob("77", provider="fal", died_ms=5)
    seen = QueueSnapshot({"create": 4}, (), (lost,), 2, 0, is_paused=False, capped=0)
    slots = [SimpleNamespace(about=about) for about in ("create", "create", "fitting a picture")]
    spend = Mock(spent_today=AsyncMock(return_value=0), ceiling_today=AsyncMock(return_value=None))
    observer = Observer(
        cast(
            "Any",
            Mock(
                snapshot=AsyncMock(return_value=seen),
                ended=AsyncMock(return_value=[]),
            ),
        ),
        cast("Any", Mock(labels=AsyncMock(return_value={}))),
        cast("Any", spend),
        cast("Any", SimpleNamespace(slots=lambda: slots, started=3)),
        AsyncMock(return_value=Memory(0, 0)),
        lambda: 0,
        3,
        runner=cast("Any", SimpleNamespace(jobs=jobs, load=Load(running=4), unattended=0)),
    )

    glance = await observer.glance()

    created = {"queued": 4, "submitting": 1, "painting": 2}
    assert glance.jobs == {"create": created, "edit": {"polling": 1}}
    assert (glance.load.waiting, glance.load.running) == (4, 4)
    facts = glance.facts
    assert (facts.dead, facts.dead_job, facts.dead_provider, facts.dead_ms) == (2, "77", "fal", 5)
