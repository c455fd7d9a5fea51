"""A load test: results judged by the guide, their layout, and the record left behind."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest

from imgbot import cli
from imgbot.ops.doctor.guide import LoadTestRecord, read_record, write_record
from imgbot.ops.loadtest import command
from imgbot.ops.loadtest.prove import as_page
from imgbot.ops.loadtest.report import LoadTestResults, as_text, criteria, is_good, results_of
from imgbot.ops.loadtest.run import (
    BotEndedError,
    LoadSample,
    LoadTestOptions,
    LoadTestRun,
    read_loop_lag,
)
from imgbot.ops.resource_usage import ProcessGroup, ProcessUsage
from imgbot.ops.status.indicators import Histogram
from imgbot.sandbox.load_orders import LoadOrder, OrderOutcome
from imgbot.sandbox.state import Chat

CHAT = Chat(7, {"id": 7, "type": "private"}, [7], is_started=True)
LAG = Histogram(((0.005, 99.0), (1.0, 100.0), (float("inf"), 100.0)))


def sample(at_s: float, cpu_s: float, waiting: int = 0) -> LoadSample:
    parts = {part: ProcessUsage(1, cpu_s / 3, 50_000_000) for part in ProcessGroup}
    return LoadSample(at_s, parts, cpu_s / 2, waiting)


def order(seconds: float) -> LoadOrder:
    return LoadOrder(CHAT, 0, way="words", asked_at_s=10.0, answered_at_s=10.0 + seconds)


RUN = LoadTestRun(
    users=100,
    workers=5,
    outcomes={order(20.0): OrderOutcome.DELIVERED, order(24.0): OrderOutcome.DELIVERED},
    wrong_charges=0,
    charges=2,
    samples=[sample(0.0, 1.0), sample(4.0, 2.0, waiting=2), sample(10.0, 2.5)],
    lags=[LAG],
    made_s=[20.0, 20.0],
    flood_waits=0,
    kills=0,
    lost_answers=0,
    is_whole=True,
)
GOOD = replace(results_of(RUN), cores=2.0, cpu_ratio=0.1, memory_limit_bytes=1e9)


def of(**changes: Any) -> LoadTestResults:
    return replace(GOOD, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"ends": GOOD.ends | {"lost": 1}},
        {"ends": GOOD.ends | {"doubled": 1}},
        {"ends": GOOD.ends | {"waiting": 1}},
        {"ends": GOOD.ends | {"delivered": 0}},
        {"charged_wrongly": 1},
        {"is_whole": False},
    ],
    ids=str,
)
def test_nothing_is_proven_by_a_run_that_went_wrong(changes: dict[str, Any]) -> None:
    page = as_page(LoadTestOptions(), of(**changes))

    assert "Not proven" in page
    assert "Nothing was lost" in as_page(LoadTestOptions(), GOOD)


def test_refusals_are_neither_pictures_nor_job_time() -> None:
    refused = {order(0.1): OrderOutcome.REFUSED, order(90.0): OrderOutcome.FAILED}

    found = results_of(replace(RUN, outcomes={**RUN.outcomes, **refused}))

    assert (found.pictures_per_s, found.mean_s, found.max_s) == (0.2, 22.0, 24.0)
    assert found.error_ratio == pytest.approx(1 / 3)


def test_the_figures_of_a_run() -> None:
    assert (GOOD.ends["delivered"], GOOD.longest_queue, GOOD.loop_lag_p99_s) == (2, 2, 0.005)
    assert GOOD.memory_peak_bytes == 150_000_000
    assert GOOD.provider_share == pytest.approx(20 / 22)
    assert GOOD.seconds == 10.0
    assert is_good(GOOD)
    assert not is_good(of(is_whole=False))
    worst = replace(RUN, lags=[LAG, Histogram(((1.0, 0.0), (2.0, 1.0)))])
    assert results_of(worst).loop_lag_p99_s == pytest.approx(1.99)


@pytest.mark.parametrize(
    ("figures", "name", "turn"),
    [
        (of(mean_s=31.0), "mean job time", "a faster model"),
        (of(mean_s=31.0, provider_share=0.5), "mean job time", "IMGBOT_WORKERS=7"),
        (of(mean_s=None, provider_share=None), "mean job time", "IMGBOT_WORKERS=7"),
        (of(longest_queue=50), "queue", "IMGBOT_WORKERS=7"),
        (of(error_ratio=0.01), "errors", "imgbot doctor"),
        (of(error_ratio=None), "errors", "imgbot doctor"),
        (of(cpu_ratio=0.7), "CPU", "more cores"),
        (of(memory_peak_bytes=800_000_000), "memory", "IMGBOT_WORKERS=2"),
        (of(loop_lag_p99_s=0.735), "loop lag", "more cores"),
        (of(ends=GOOD.ends | {"waiting": 1}), "nobody left waiting", "fewer users"),
        (of(ends=GOOD.ends | {"lost": 1}), "nothing lost", "report"),
        (of(ends=GOOD.ends | {"doubled": 1}), "nothing lost", "report"),
        (of(charged_wrongly=1), "nothing lost", "report"),
    ],
)
def test_what_fails_says_what_to_turn(figures: LoadTestResults, name: str, turn: str) -> None:
    [failed] = [each for each in criteria(figures) if not each.is_met]

    assert failed.name.startswith(name)
    assert turn in failed.mend
    assert not is_good(figures)
    text = as_text(LoadTestOptions(), [figures])
    assert f"✗ {failed.name}" in text
    assert f"→ {failed.mend}" in text


def test_runs_stand_side_by_side_with_their_ratio_to_the_first() -> None:
    longer = of(users=300, pictures_per_s=0.6, is_whole=False, amiss=["lost: chat 7 \x1b[2J"])

    text = as_text(LoadTestOptions(users=(100, 300)), [GOOD, longer])

    lines = text.splitlines()
    assert any("100 users" in line and "300 users (cut short)" in line for line in lines)
    assert any(line.split()[-3:] == ["0.20", "0.60", "×3.00"] for line in lines)
    # Without what a terminal would obey.
    assert "lost: chat 7  [2J" in text


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (BotEndedError("the bot ended (status -9)"), "the bot ended (status -9)"),
        (ExceptionGroup("", [OSError(28, "No space left on device")]), "No space left on device"),
        (ExceptionGroup("", [OSError("broke"), BotEndedError("the bot ended")]), "the bot ended"),
    ],
)
def test_an_error_in_a_later_run_is_a_sentence_after_the_runs_before_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    sentence: str,
) -> None:
    class Played:
        def __init__(self, _: LoadTestOptions, users: int) -> None:
            self.users = users

        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_: object) -> None: ...

        async def run(self, *_: object) -> LoadTestRun:
            if self.users == 300:
                raise error
            return replace(RUN, users=self.users)

    monkeypatch.setattr(command, "LoadTest", Played)

    status = cli.main(["loadtest", "--users", "100", "200", "300"])

    out, err = capsys.readouterr()
    assert (status, err) == (1, f"imgbot: {sentence}\n")
    assert "100 users" in out
    assert "200 users" in out


async def test_metrics_that_break_off_are_an_error_of_the_line() -> None:
    async def break_off(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"no HTTP at all\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(break_off, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ConnectionError, match="/metrics broke off"):
            await read_loop_lag(f"http://127.0.0.1:{port}")


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = LoadTestRecord(users=300, workers=10, is_good=True, at_s=1.5)

    write_record(tmp_path, record)

    assert read_record(tmp_path) == record
    assert record.day in {"1969-12-31", "1970-01-01"}


@pytest.mark.parametrize(
    ("old", "new"),
    [("{", ""), ("{", "[" * 999), ("300", '"many"'), ("300", "-1"), ("1.5", "NaN")],
    ids=["broken", "deep", "text", "negative", "nan"],
)
def test_a_record_that_cannot_be_read_is_none(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "loadtest.json"
    write_record(tmp_path, LoadTestRecord(users=300, workers=10, is_good=True, at_s=1.5))
    path.write_text(path.read_text().replace(old, new))

    assert read_record(tmp_path) is None


def test_what_stands_in_the_place_of_a_record_is_neither_waited_for_nor_followed(
    tmp_path: Path,
) -> None:
    record, other = tmp_path / "loadtest.json", tmp_path / "other.json"
    write_record(tmp_path, LoadTestRecord(users=300, workers=10, is_good=True, at_s=1.5))
    record.rename(other)
    os.mkfifo(record)
    assert read_record(tmp_path) is None

    record.unlink()
    record.symlink_to(other)
    assert read_record(tmp_path) is None
