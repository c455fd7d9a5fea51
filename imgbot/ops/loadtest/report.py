"""The runs side by side on one screen, or as one document."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from imgbot.ops.formatting import duration, share, size, strip_control
from imgbot.ops.loadtest.options import LoadTestOptions
from imgbot.ops.loadtest.results import LoadTestResults
from imgbot.ops.loadtest.verdict import Criterion, criteria
from imgbot.version import version

_LABEL = 26

Row = tuple[str, Callable[[LoadTestResults], str], Callable[[LoadTestResults], float | None] | None]
"""Label, the text of a run, and the figure whose ratio to the first run is worth a look."""


def _ms(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{seconds * 1000:.0f} ms"


def _ends(*names: str) -> Callable[[LoadTestResults], str]:
    return lambda figures: " / ".join(str(figures.ends[name]) for name in names)


def _parts(figures: LoadTestResults) -> str:
    return " / ".join(share(value) for value in figures.use.cpu_parts.values())


def _memory_parts(figures: LoadTestResults) -> str:
    mega = (f"{value / 1e6:.0f}" for value in figures.use.memory_parts_bytes.values())
    return " / ".join(mega) + " MB"


_ROWS: tuple[Row, ...] = (
    ("workers", lambda f: str(f.workers), None),
    ("orders", lambda f: str(f.ordered), lambda f: f.ordered),
    ("  delivered", _ends("delivered"), None),
    ("  refused / failed", _ends("refused", "failed"), None),
    ("  still waiting", _ends("waiting"), None),
    ("  lost / doubled", _ends("lost", "doubled"), None),
    ("charged, of it twice", lambda f: f"{f.charged}, {f.charged_twice}", None),
    ("jobs per second", lambda f: f"{f.jobs_per_s:.2f}", lambda f: f.jobs_per_s),
    ("  in the peak", lambda f: f"{f.peak_jobs_per_s:.2f}", lambda f: f.peak_jobs_per_s),
    ("job time, mean", lambda f: duration(f.job_time.mean_s), lambda f: f.job_time.mean_s),
    ("  p50", lambda f: duration(f.job_time.p50_s), lambda f: f.job_time.p50_s),
    ("  p95", lambda f: duration(f.job_time.p95_s), lambda f: f.job_time.p95_s),
    ("  longest", lambda f: duration(f.job_time.max_s), lambda f: f.job_time.max_s),
    ("  of it the provider's", lambda f: share(f.provider_share), None),
    ("queue, longest / p95", lambda f: f"{f.longest_queue} / {f.p95_queue:.0f}", None),
    ("errors", lambda f: share(f.error_ratio), None),
    ("rate limit refusals", lambda f: str(f.rate_limit_refusals), None),
    ("429 of Telegram", lambda f: str(f.flood_waits), None),
    ("CPU, mean", lambda f: share(f.use.cpu_ratio), lambda f: f.use.cpu_ratio),
    ("  most in 5 s", lambda f: share(f.use.cpu_peak_ratio), lambda f: f.use.cpu_peak_ratio),
    ("  bot / workers / Redis", _parts, None),
    ("memory, mean", lambda f: size(f.use.memory_bytes), lambda f: f.use.memory_bytes),
    ("  most", lambda f: size(f.use.memory_peak_bytes), lambda f: f.use.memory_peak_bytes),
    ("  bot / workers / Redis", _memory_parts, None),
    ("event loop lag, p99", lambda f: _ms(f.loop_lag_p99_s), lambda f: f.loop_lag_p99_s),
    ("CPU of the test itself", lambda f: share(f.use.test_cpu_ratio), None),
)


def as_text(wish: LoadTestOptions, runs: Sequence[LoadTestResults]) -> str:
    """Return the screen; ratios are to the first run, for absolute times are this machine's."""
    table = [("", [_column_head(run) for run in runs])]
    for label, text, figure in _ROWS:
        table.append((label, [text(run) + _ratio(figure, run, runs[0]) for run in runs]))
    width = max(len(cell) for _, cells in table for cell in cells) + 3
    lines = [_head(wish, runs), "", *(_line(label, cells, width) for label, cells in table)]
    for run in runs:
        lines += _resized(run)
    for run in runs:
        lines += ["", f"{run.users} users, by the guide:"]
        lines += [line for each in criteria(run) for line in _criterion(each)]
        lines += [f"      {strip_control(line)}" for line in run.amiss]
    return "\n".join(lines)


def as_document(wish: LoadTestOptions, runs: Sequence[LoadTestResults]) -> dict[str, Any]:
    """The same for scripts: seconds, bytes, shares from 0 to 1."""
    return {
        "version": version(),
        "provider": wish.provider,
        "minutes": wish.minutes,
        "picture_s": list(wish.picture_s),
        "runs": [
            dataclasses.asdict(run)
            | {"criteria": [dataclasses.asdict(each) for each in criteria(run)]}
            for run in runs
        ],
    }


def is_good(figures: LoadTestResults) -> bool:
    """True if the run is complete and meets every criterion."""
    return figures.is_whole and all(each.is_met for each in criteria(figures))


def _head(wish: LoadTestOptions, runs: Sequence[LoadTestResults]) -> str:
    low_s, high_s = wish.picture_s
    takes = "" if wish.provider == "builtin" else f", {low_s:g}-{high_s:g} s a picture"
    machine = f"{runs[0].cores:g} cores, {size(runs[0].memory_limit_bytes)}"
    return (
        f"imgbot {version()} under load: {wish.provider}{takes}, {wish.minutes:g} min each; "
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
        f"{run.users} users, the same orders while workers came and went {found.resizes} times:",
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
