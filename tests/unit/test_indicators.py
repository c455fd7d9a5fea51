"""Indicators of the service, read from the metrics and judged by the guide's bounds."""

from dataclasses import replace
from typing import Any

import pytest

from imgbot.domain.errors import ProviderErrorKind
from imgbot.domain.job import State
from imgbot.domain.operations import Operation
from imgbot.ops.resource_usage import ResourceUsage
from imgbot.ops.status.indicators import Histogram, Indicators, Sample, take_sample
from imgbot.telemetry import events
from imgbot.telemetry.health import BudgetState, HealthFacts, ProviderState, bound_of
from imgbot.telemetry.thresholds import THRESHOLDS, Bound, Indicator, Level
from tests.fixtures.jobs import job_of
from tests.fixtures.status_facts import GIB, took, with_facts

START = Sample(at_s=1_000_000, clock_s=50, facts=HealthFacts(now_ms=1_000_000_000, waiting=0))


def _after(seconds: float, **changes: Any) -> Sample:
    moved = replace(START, at_s=START.at_s + seconds, clock_s=START.clock_s + seconds)
    return replace(with_facts(moved, now_ms=round(moved.at_s * 1000)), **changes)


def _judged(*samples: Sample) -> Indicators:
    indicators = Indicators()
    for sample in samples:
        indicators.take(sample)
    return indicators


def test_before_the_first_sample_nothing_is_known() -> None:
    assert dict(Indicators().levels) == dict.fromkeys(Indicator, (None, Level.UNKNOWN))


def test_what_ended_before_the_first_sample_is_recent() -> None:
    indicators = _judged(_after(0, ended={("create", "ok"): 1.0}))

    assert indicators.recent().ended_as("ok") == 1


def _queue(waiting: int) -> list[Sample]:
    return [with_facts(_after(5), waiting=waiting)]


def _times(*seconds: float) -> list[Sample]:
    return [START, _after(290, job_time=took(*seconds))]


def _stuck(*ended_s: float) -> list[Sample]:
    """A job that has been running for 100 s, and how long others took that ended."""
    ended = _after(200, job_time=took(*ended_s))
    return [with_facts(ended, oldest_running_ms=round(START.at_s + 100) * 1000)]


def _memory(limit: int | None) -> list[Sample]:
    usage = ResourceUsage("unit", memory_bytes=0.875 * GIB, memory_limit_bytes=limit)
    return [_after(5, usage=usage)]


def _cpu(cpu_s: float) -> Sample:
    return _after(cpu_s, usage=ResourceUsage("unit", cpu_s=100 + 1.5 * cpu_s, cores=2))


def _ended(after_s: float, **counts: float) -> Sample:
    return _after(after_s, ended={("create", status): count for status, count in counts.items()})


def _update(age_s: float) -> list[Sample]:
    return [with_facts(_after(5), update_age_s=age_s)]


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
    indicators = _judged(*[_after(5 * i, refusals=i) for i in range(10_000)])

    assert indicators.recent(1e9).refusals == 180


@pytest.mark.parametrize(("share", "seconds"), [(0.25, 3.0), (0.5, 5.0), (0.9, 54.0), (1.0, 60.0)])
def test_quantiles_are_those_of_prometheus(share: float, seconds: float) -> None:
    # Five from 1 to 5 s and five from 30 to 60 s; inside a bucket histogram_quantile interpolates.
    assert took(*[5.0] * 5, *[50.0] * 5).quantile_s(share) == pytest.approx(seconds)
    # Beyond the last bound it is that bound.
    assert took(500.0).quantile_s(share) == 300.0
    assert Histogram().quantile_s(share) is None


def test_a_sample_is_what_the_events_have_counted() -> None:
    def sample() -> Sample:
        return take_sample(HealthFacts(waiting=7), ResourceUsage(), 12.0, 3.0)

    edit = job_of("1", 1, 1, Operation.EDIT, "en")
    edit = replace(edit, progress=replace(edit.progress, provider="fal"))

    def happen() -> None:
        events.job_finished(edit, State.DEAD, edit.created_ms + 4000)
        events.provider_failed(edit, "rate_limited", "429")
        for job in (edit, replace(edit, request=replace(edit.request, operation=Operation.CREATE))):
            events.provider_task_done(job, 2.0)
        events.stage_took("render", 2.0)
        events.call_limited("sendPhoto", 3.0)

    happen()
    before = sample()
    happen()
    found = sample().since(before)

    assert (found.at_s, found.clock_s, found.facts.waiting) == (12.0, 0.0, 7)
    assert found.ended_as("failed") == 1
    assert (found.job_time.total_s, found.stages["render"].total_s) == (4.0, 2.0)
    assert found.provider_errors["rate_limited"] == found.flood_waits == 1
    assert (found.provider_time["fal"].count, found.provider_time["fal"].total_s) == (2, 4.0)


def test_flood_waits_are_those_of_their_window() -> None:
    samples = [_after(s, flood_waits=n) for s, n in ((0, 5.0), (500, 6.0), (900, 8.0))]

    assert _judged(*samples).health({}).figures["flood"] == 8 - 5
    assert _judged(*samples, _after(1200, flood_waits=8.0)).health({}).figures["flood"] == 8 - 6


IDLE = HealthFacts(waiting=57, running=4, capacity=250, workers=5)
CROWDED = replace(IDLE, busy=5, steps_waiting=9)
OUT = {"fal": ProviderState(ProviderErrorKind.AUTH), "builtin": ProviderState()}


def _short(indicator: Indicator) -> dict[str, Any]:
    return {"levels": {indicator: (0.9, THRESHOLDS[indicator].level(0.9))}}


@pytest.mark.parametrize(
    ("facts", "bound"),
    [
        (HealthFacts(), Bound.NONE),
        (IDLE, Bound.NONE),
        (replace(IDLE, busy=5), Bound.NONE),
        (CROWDED, Bound.WORKERS),
        (replace(CROWDED, **_short(Indicator.CPU_RATIO)), Bound.CPU),
        (replace(CROWDED, **_short(Indicator.MEMORY_RATIO)), Bound.MEMORY),
        (replace(IDLE, **_short(Indicator.CPU_RATIO)), Bound.NONE),
        (replace(IDLE, capped=57), Bound.RUNNING_PER_USER),
        (replace(IDLE, capped=56), Bound.NONE),
        (replace(CROWDED, capped=57), Bound.WORKERS),
        (replace(IDLE, waiting=0), Bound.NONE),
        (replace(IDLE, running=250), Bound.JOBS_PER_WORKER),
        (replace(IDLE, running=250, is_provider_full=True), Bound.PROVIDER_LIMIT),
        (replace(IDLE, providers={"fal": ProviderState(held_per_s=1.0)}), Bound.PROVIDER_LIMIT),
        (replace(IDLE, figures={"flood": 3}, delivering=3), Bound.TELEGRAM),
        (replace(IDLE, figures={"flood": 3}, delivering=1), Bound.NONE),
        (replace(IDLE, providers=OUT, capped=57), Bound.PROVIDER_OUT),
        (replace(IDLE, providers=OUT | {"x": ProviderState()}), Bound.NONE),
        (replace(CROWDED, providers=OUT), Bound.WORKERS),
        (replace(IDLE, budget=BudgetState(97, 100, 4)), Bound.BUDGET),
        (replace(CROWDED, checks={"disk": "full"}), Bound.DISK),
    ],
)
def test_the_bound_that_really_holds_is_named(facts: HealthFacts, bound: Bound) -> None:
    assert bound_of(facts) is bound
