"""`imgbot loadtest`: one run per number of users, their report, and the exit status."""

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import uvloop

from imgbot.config.sources import state_dir_of
from imgbot.domain.errors import ImgbotError, flatten
from imgbot.ops.doctor.guide import LoadTestRecord, write_record
from imgbot.ops.formatting import duration, share, size, strip_control
from imgbot.ops.installation import environ_of_service
from imgbot.ops.loadtest.bench import LoadTestOptions, measure
from imgbot.ops.loadtest.results import Criterion, LoadTestResults, criteria, results_of
from imgbot.version import version

_LABEL = 26

Row = tuple[str, Callable[[LoadTestResults], str], Callable[[LoadTestResults], float | None] | None]
"""Label, the text of a run, and the figure whose ratio to the first run is worth a sample."""


def _ms(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{seconds * 1000:.0f} ms"


def _ends(*names: str) -> Callable[[LoadTestResults], str]:
    return lambda results: " / ".join(str(results.ends[name]) for name in names)


def _parts(results: LoadTestResults) -> str:
    return " / ".join(share(value) for value in results.use.cpu_parts.values())


def _memory_parts(results: LoadTestResults) -> str:
    mega = (f"{value / 1e6:.0f}" for value in results.use.memory_parts_bytes.values())
    return " / ".join(mega) + " MB"


_ROWS: tuple[Row, ...] = (
    ("workers", lambda f: str(f.workers), None),
    ("orders", lambda f: str(f.ordered), lambda f: f.ordered),
    ("  delivered", _ends("delivered"), None),
    ("  refused / failed", _ends("refused", "failed"), None),
    ("  still waiting", _ends("waiting"), None),
    ("  lost / doubled", _ends("lost", "doubled"), None),
    ("charged, charged twice", lambda f: f"{f.charged}, {f.charged_twice}", None),
    ("jobs per second", lambda f: f"{f.jobs_per_s:.2f}", lambda f: f.jobs_per_s),
    ("  in the peak", lambda f: f"{f.peak_jobs_per_s:.2f}", lambda f: f.peak_jobs_per_s),
    ("job time, mean", lambda f: duration(f.job_time.mean_s), lambda f: f.job_time.mean_s),
    ("  p50", lambda f: duration(f.job_time.p50_s), lambda f: f.job_time.p50_s),
    ("  p95", lambda f: duration(f.job_time.p95_s), lambda f: f.job_time.p95_s),
    ("  longest", lambda f: duration(f.job_time.max_s), lambda f: f.job_time.max_s),
    ("  provider's share", lambda f: share(f.provider_share), None),
    ("queue, longest / p95", lambda f: f"{f.longest_queue} / {f.p95_queue:.0f}", None),
    ("errors", lambda f: share(f.error_ratio), None),
    ("rate limit refusals", lambda f: str(f.rate_limit_refusals), None),
    ("429 from Telegram", lambda f: str(f.flood_waits), None),
    ("CPU, mean", lambda f: share(f.use.cpu_ratio), lambda f: f.use.cpu_ratio),
    ("  peak over 5 s", lambda f: share(f.use.cpu_peak_ratio), lambda f: f.use.cpu_peak_ratio),
    ("  bot / workers / Redis", _parts, None),
    ("memory, mean", lambda f: size(f.use.memory_bytes), lambda f: f.use.memory_bytes),
    ("  peak", lambda f: size(f.use.memory_peak_bytes), lambda f: f.use.memory_peak_bytes),
    ("  bot / workers / Redis", _memory_parts, None),
    ("event loop lag, p99", lambda f: _ms(f.loop_lag_p99_s), lambda f: f.loop_lag_p99_s),
    ("CPU of the test itself", lambda f: share(f.use.test_cpu_ratio), None),
)


def as_text(options: LoadTestOptions, runs: Sequence[LoadTestResults]) -> str:
    """Return the report; ratios are to the first run, as absolute times are this machine's."""
    table = [("", [_column_head(run) for run in runs])]
    for label, text, figure in _ROWS:
        table.append((label, [text(run) + _ratio(figure, run, runs[0]) for run in runs]))
    width = max(len(cell) for _, cells in table for cell in cells) + 3
    lines = [_head(options, runs), "", *(_line(label, cells, width) for label, cells in table)]
    for run in runs:
        lines += _resized(run)
    for run in runs:
        lines += ["", f"{run.users} users, by the guide's criteria:"]
        lines += [line for each in criteria(run) for line in _criterion(each)]
        lines += [f"      {strip_control(line)}" for line in run.amiss]
    return "\n".join(lines)


def as_document(options: LoadTestOptions, runs: Sequence[LoadTestResults]) -> dict[str, Any]:
    """The same for scripts: seconds, bytes, shares from 0 to 1."""
    return {
        "version": version(),
        "provider": options.provider,
        "minutes": options.minutes,
        "picture_s": list(options.picture_s),
        "runs": [
            dataclasses.asdict(run)
            | {"criteria": [dataclasses.asdict(each) for each in criteria(run)]}
            for run in runs
        ],
    }


def is_good(results: LoadTestResults) -> bool:
    """True if the run is complete and meets every criterion."""
    return results.is_whole and all(each.is_met for each in criteria(results))


def _head(options: LoadTestOptions, runs: Sequence[LoadTestResults]) -> str:
    low_s, high_s = options.picture_s
    takes = "" if options.provider == "builtin" else f", {low_s:g}-{high_s:g} s a picture"
    machine = f"{runs[0].cores:g} cores, {size(runs[0].memory_limit_bytes)}"
    return (
        f"imgbot {version()} under load: {options.provider}{takes}, {options.minutes:g} min each; "
        f"{machine}"
    )


def _column_head(run: LoadTestResults) -> str:
    return f"{run.users} users" + ("" if run.is_whole else " (cut short)")


def _line(label: str, cells: Sequence[str], width: int) -> str:
    return (f"{label:<{_LABEL}}" + "".join(f"{cell:<{width}}" for cell in cells)).rstrip()


def _ratio(
    figure: Callable[[LoadTestResults], float | None] | None,
    run: LoadTestResults,
    first: LoadTestResults,
) -> str:
    if figure is None or run is first:
        return ""
    value, base = figure(run), figure(first)
    return f" ×{value / base:.2f}" if value is not None and base else ""


def _resized(run: LoadTestResults) -> list[str]:
    if run.resized is None:
        return []
    found = run.resized
    lines = [
        "",
        f"{run.users} users, the same orders while resizing workers {found.resizes} times:",
    ]
    pairs = (
        ("job time", found.without, found.while_resizing),
        ("without the provider's", found.own_without, found.own_while_resizing),
    )
    for label, without, resizing in pairs:
        lines.append(_pair(f"  {label}, mean", without.mean_s, resizing.mean_s))
        lines.append(_pair(f"  {label}, p50", without.p50_s, resizing.p50_s))
        lines.append(_pair(f"  {label}, p95", without.p95_s, resizing.p95_s))
    return lines


def _pair(label: str, before_s: float | None, after_s: float | None) -> str:
    ratio = f" ×{after_s / before_s:.2f}" if before_s and after_s is not None else ""
    return f"{label:<34}{duration(before_s)} → {duration(after_s)}{ratio}"


def _criterion(criterion: Criterion) -> list[str]:
    mark = "✓" if criterion.is_met else "✗"
    line = f"  {mark} {criterion.name:<24} {criterion.found}"
    return [line] if criterion.is_met else [line, f"      → {criterion.mend}"]


NOT_MET = 2
INTERRUPTED = 130
_CLEAR_LINE = "\r\x1b[K"


def main(options: LoadTestOptions, *, is_json: bool) -> int:
    """Run the test and print the report; return the exit status as in the command's help.

    Raises ImgbotError, OSError.
    """
    runs, is_stopped, error = uvloop.run(_test(options))
    if runs:
        document = json.dumps(as_document(options, runs), indent=2) if is_json else ""
        sys.stdout.write(f"{document or as_text(options, runs)}\n")
    if error is not None:
        raise error
    if is_stopped:
        return INTERRUPTED
    are_good = all(map(is_good, runs))
    _note(max(runs, key=lambda run: run.users), are_good=are_good)
    return 0 if are_good else NOT_MET


async def _test(
    options: LoadTestOptions,
) -> tuple[list[LoadTestResults], bool, BaseException | None]:
    """Run one test after the other, until the first Ctrl-C or error.

    Return what was measured so far, whether it was stopped, and the error.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    runs: list[LoadTestResults] = []
    found: BaseException | None = None
    try:
        for users in options.users:
            run = await measure(options, users, stop, _tell)
            if run is not None:
                runs.append(results_of(run))
            if stop.is_set():
                break
    except Exception as error:  # noqa: BLE001 -- raised again when the runs are printed
        found = _reason(error)
    finally:
        _tell("")
    return runs, stop.is_set(), found


def _reason(error: Exception) -> BaseException:
    """Return the error of a group that has a sentence; the group itself without one."""
    known = (leaf for leaf in flatten(error) if isinstance(leaf, (ImgbotError, OSError)))
    # What imgbot says itself explains the errors beside it.
    return min(known, key=lambda leaf: not isinstance(leaf, ImgbotError), default=error)


def _tell(line: str) -> None:
    """Rewrite the progress line; only on a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{_CLEAR_LINE}{line}")
        sys.stderr.flush()


def _note(run: LoadTestResults, *, are_good: bool) -> None:
    """Leave a record for `imgbot doctor` in the state directory, if this user may write there."""
    with contextlib.suppress(ImgbotError, OSError):
        folder = state_dir_of(environ_of_service(os.environ))
        write_record(folder, LoadTestRecord(run.users, run.workers, are_good, time.time()))
