"""A load test: results judged by the guide, their layout, and the record left behind."""

import asyncio
import os
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imgbot import cli
from imgbot.ops.doctor.guide import LoadTestRecord, read_record, write_record
from imgbot.ops.loadtest import command
from imgbot.ops.loadtest.bench import BotEndedError, LoadTestOptions, ask_metrics
from imgbot.ops.loadtest.command import as_document, as_text, is_good
from imgbot.ops.loadtest.results import (
    LoadTestResults,
    Resized,
    Times,
    Use,
    criteria,
    quantile,
    times_of,
)
from imgbot.sandbox.load.orders import OrderOutcome

GOOD = LoadTestResults(
    users=100,
    workers=5,
    is_whole=True,
    seconds=320.0,
    ends=dict.fromkeys((fate.value for fate in OrderOutcome), 0) | {"delivered": 126, "refused": 1},
    amiss=[],
    operations={"create": 70, "edit": 56},
    charged=126,
    charged_twice=0,
    charged_in_vain=0,
    jobs_per_s=0.4,
    peak_jobs_per_s=1.5,
    job_time=Times(22.0, 22.0, 30.0, 39.0),
    provider_share=0.9,
    longest_queue=2,
    p95_queue=0.0,
    error_ratio=0.0,
    rate_limit_refusals=0,
    flood_waits=0,
    use=Use(0.05, 0.2, {"bot": 0.05}, 160e6, 180_000_000, {"bot": 180_000_000}, 0.04),
    cores=2.0,
    memory_limit_bytes=1e9,
    loop_lag_p99_s=0.005,
    resized=None,
)


def of(**changes: Any) -> LoadTestResults:
    return replace(GOOD, **changes)


def used(**changes: Any) -> Use:
    return replace(GOOD.use, **changes)


def test_a_good_run_meets_every_criterion() -> None:
    assert is_good(GOOD)
    assert [each.is_met for each in criteria(GOOD)] == [True] * 7
    assert not is_good(of(is_whole=False))


@pytest.mark.parametrize(
    ("figures", "name", "turn"),
    [
        (of(job_time=Times(31.0, 30.0, 60.0, 70.0)), "mean job time", "a faster model"),
        (
            of(job_time=Times(31.0, 30.0, 60.0, 70.0), provider_share=0.5),
            "mean job time",
            "IMGBOT_WORKERS=7",
        ),
        (of(job_time=Times(None, None, None, None)), "mean job time", "a faster model"),
        (of(longest_queue=50), "queue", "IMGBOT_WORKERS=7"),
        (of(error_ratio=0.01), "errors", "imgbot doctor"),
        (of(error_ratio=None), "errors", "imgbot doctor"),
        (of(use=used(cpu_ratio=0.7)), "CPU", "more cores"),
        (of(use=used(memory_peak_bytes=800_000_000)), "memory", "IMGBOT_WORKERS=2"),
        (of(ends=GOOD.ends | {"waiting": 1}), "nobody left waiting", "fewer users"),
        (of(ends=GOOD.ends | {"lost": 1}), "nothing lost", "report"),
        (of(ends=GOOD.ends | {"doubled": 1}), "nothing lost", "report"),
        (of(charged_twice=1), "nothing lost", "report"),
        (of(charged_in_vain=1), "nothing lost", "report"),
    ],
)
def test_what_fails_says_what_to_turn(figures: LoadTestResults, name: str, turn: str) -> None:
    [failed] = [each for each in criteria(figures) if not each.is_met]

    assert failed.name.startswith(name)
    assert turn in failed.mend
    assert not is_good(figures)
    assert f"✗ {failed.name}" in as_text(LoadTestOptions(), [figures])
    assert f"→ {failed.mend}" in as_text(LoadTestOptions(), [figures])


def test_runs_stand_side_by_side_with_their_ratio_to_the_first() -> None:
    longer = of(users=300, workers=10, jobs_per_s=1.2, is_whole=False)

    lines = as_text(LoadTestOptions(users=(100, 300)), [GOOD, longer]).splitlines()

    assert any("100 users" in line and "300 users (cut short)" in line for line in lines)
    assert any(line.split() == ["jobs", "per", "second", "0.40", "1.20", "×3.00"] for line in lines)


def test_resizing_is_compared_with_the_same_orders_without() -> None:
    without, resizing = Times(2.0, 2.0, 3.0, 4.0), Times(2.1, 2.0, 3.3, 4.0)
    run = of(resized=Resized(12, without, resizing, without, resizing))

    text = as_text(LoadTestOptions(is_resizing=True), [run])

    assert "while resizing workers 12 times" in text
    assert "3.0 s → 3.3 s ×1.10" in text


def test_what_was_amiss_is_told_without_what_a_terminal_would_obey() -> None:
    run = of(ends=GOOD.ends | {"lost": 1}, amiss=["lost: chat 7 \x1b[2J"])

    assert "lost: chat 7  [2J" in as_text(LoadTestOptions(), [run])


def test_the_document_has_the_same_for_scripts() -> None:
    [run] = as_document(LoadTestOptions(), [GOOD])["runs"]

    assert run["job_time"] == {"mean_s": 22.0, "p50_s": 22.0, "p95_s": 30.0, "max_s": 39.0}
    assert [each["is_met"] for each in run["criteria"]] == [True] * 7


def play_runs(monkeypatch: pytest.MonkeyPatch, *ends: LoadTestResults | Exception) -> None:
    """Have each run of `imgbot loadtest` end so, one after the other."""
    coming = iter(ends)

    async def measure(*_: object) -> LoadTestResults:
        end = next(coming)
        if isinstance(end, Exception):
            raise end
        return end

    monkeypatch.setattr(command, "measure", measure)
    monkeypatch.setattr(command, "results_of", copy)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (BotEndedError("the bot ended (status -9)"), "the bot ended (status -9)"),
        (ExceptionGroup("", [OSError(28, "No space left on device")]), "No space left on device"),
        (
            ExceptionGroup("", [OSError("a line broke"), BotEndedError("the bot ended")]),
            "the bot ended",
        ),
    ],
)
def test_an_error_in_a_later_run_is_a_sentence_after_the_runs_before_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    sentence: str,
) -> None:
    play_runs(monkeypatch, GOOD, of(users=200), error)

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
            await ask_metrics(f"http://127.0.0.1:{port}")


def test_quantiles_are_values_that_were_seen() -> None:
    assert quantile([], 0.95) is None
    assert quantile(range(100), 0.95) == 95
    assert times_of([3.0, 1.0, 2.0]) == Times(2.0, 2.0, 3.0, 3.0)


def as_note(**changes: str) -> str:
    """The text of a note in which some values are others."""
    fields = {"users": "300", "workers": "10", "is_good": "true", "at_s": "1.5"} | changes
    return "{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        "[" * 999,
        as_note(users='"many"'),
        as_note(users="-1"),
        as_note(users="true"),
        as_note(workers="0"),
        as_note(is_good="1"),
        as_note(at_s="1e30"),
        as_note(at_s="NaN"),
        as_note(at_s="-1"),
    ],
    ids=lambda text: text[-60:].strip(" x") or "empty",
)
def test_a_note_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "loadtest.json").write_text(text)

    assert read_record(tmp_path) is None


def test_what_stands_in_the_place_of_a_note_is_neither_waited_for_nor_followed(
    tmp_path: Path,
) -> None:
    note, other = tmp_path / "loadtest.json", tmp_path / "other.json"
    os.mkfifo(note)
    assert read_record(tmp_path) is None

    note.unlink()
    other.write_text(as_note())
    note.symlink_to(other)
    assert read_record(tmp_path) is None


def test_a_note_is_read_as_it_was_written(tmp_path: Path) -> None:
    note = LoadTestRecord(users=300, workers=10, is_good=True, at_s=1.5)

    write_record(tmp_path, note)

    assert read_record(tmp_path) == note
    assert note.day in {"1969-12-31", "1970-01-01"}
