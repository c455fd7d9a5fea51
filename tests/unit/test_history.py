"""The last hours: what a point says, what is kept of them, and what a bad file does."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imgbot.ops.resource_usage import ResourceUsage
from imgbot.ops.status.history import COLUMNS, KEPT_S, History
from imgbot.ops.status.indicators import Histogram, Sample
from imgbot.telemetry.health import HealthFacts
from imgbot.telemetry.thresholds import Indicator, Level

LEVELS = dict.fromkeys(Indicator, (0.25, Level.NORMAL))
NOW_S = 1_000_000.0
START = Sample(at_s=NOW_S, clock_s=0, facts=HealthFacts(waiting=1))


def _at(seconds: float, **changes: Any) -> Sample:
    return replace(START, at_s=NOW_S + seconds, clock_s=seconds, **changes)


def _named(point: Sequence[float | None]) -> dict[str, float | None]:
    return dict(zip(COLUMNS, point, strict=True))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.json"


@pytest.fixture
def history(path: Path) -> History:
    return History(path)


def _fill(history: History, minutes: int) -> None:
    for minute in range(minutes + 1):
        history.take(_at(60.0 * minute, facts=HealthFacts(waiting=minute)), LEVELS)


def _reopened(path: Path, now_s: float = NOW_S + 60) -> list[float | None]:
    history = History(path)
    history.load(now_s)
    return [point[0] for point in history.points]


def test_a_point_sums_up_a_minute(history: History) -> None:
    stages = {"render": Histogram(((1, 2.0), (float("inf"), 2.0)), 3.0)}
    ended, usage = (
        {("create", "ok"): 6.0, ("edit", "failed"): 2.0},
        ResourceUsage("unit", memory_bytes=1e8),
    )
    samples = [
        _at(0, ended={("create", "ok"): 5.0}, refusals=10, stages={"render": Histogram()}),
        _at(30, facts=HealthFacts(waiting=70, running=4)),
        _at(60, facts=HealthFacts(), ended=ended, refusals=14, stages=stages, usage=usage),
    ]

    assert [history.take(sample, LEVELS) for sample in samples] == [False, False, True]

    found = _named(history.points[0])
    assert {name for name, value in found.items() if value is None} == {
        *("job_time_s", "prepare_s", "submit_s", "provider_s", "deliver_s")
    }
    assert {name: value for name, value in found.items() if value is not None} == {
        "at_s": NOW_S + 60,
        "waiting": 70,
        "running": 4,
        "render_s": 1.5,
        "ok": 1,
        "failed": 2,
        "rejected": 0,
        "cancelled": 0,
        "refused": 4,
        "flood_waits": 0,
        "cpu_ratio": 0.25,
        "memory_bytes": 100_000_000,
    }


def test_nothing_is_counted_twice_or_lost_between_two_points(history: History) -> None:
    counts = [0.0, 3.0, 7.0, 7.0, 12.0]
    for i, count in enumerate(counts):
        history.take(_at(30.0 * i, refusals=count), LEVELS)

    assert [_named(point)["refused"] for point in history.points] == [7, 5]


def test_its_memory_and_its_file_are_bounded(history: History, path: Path) -> None:
    for minute in range(1001):
        facts = HealthFacts(waiting=12_345, running=999)
        history.take(_at(60.0 * minute, facts=facts, refusals=1234.0 * minute), LEVELS)
    history.save()

    assert len(history.points) == KEPT_S / 60
    assert history.points[-1][0] == NOW_S + 60_000
    assert path.stat().st_size < 100_000


def test_a_minute_that_is_not_over_is_kept_at_the_end(history: History, path: Path) -> None:
    history.take(START, LEVELS)
    assert not history.complete()
    history.take(_at(20, refusals=3), LEVELS)

    history.complete()
    history.save()

    assert _reopened(path) == [NOW_S + 20]


def test_what_is_too_old_or_of_the_future_is_left_out(history: History, path: Path) -> None:
    _fill(history, 5)
    history.save()

    assert _reopened(path, now_s=NOW_S + 400) == [point[0] for point in history.points]
    assert not path.with_suffix(".new").exists()
    assert _reopened(path, now_s=NOW_S + 120) == [NOW_S + 60, NOW_S + 120]
    assert _reopened(path, now_s=NOW_S + 250 + KEPT_S) == [NOW_S + 300]


_POINT = [NOW_S] + [0] * (len(COLUMNS) - 1)


def _file_of(*points: object) -> bytes:
    return json.dumps({"columns": COLUMNS, "points": points}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"columns": ["at_s"], "points": [[1]]}',
        _file_of(_POINT, [NOW_S]),
        _file_of([None, *_POINT[1:]]),
        _file_of([NOW_S, float("nan"), *_POINT[2:]]),
        _file_of([NOW_S, 10**400, *_POINT[2:]]),
        b"[" * 500_000,
    ],
)
def test_a_file_that_is_none_of_ours_is_named_and_left_out(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assert _reopened(path) == []
    assert caplog.text == ""
    path.write_bytes(content)

    assert _reopened(path) == []
    assert str(path) in caplog.text


def test_a_disk_that_takes_nothing_stops_nobody(history: History, path: Path) -> None:
    _fill(history, 2)
    path.mkdir()
    history.save()

    path.rmdir()
    history.save()
    assert _reopened(path, NOW_S + 120) == [NOW_S + 60, NOW_S + 120]
