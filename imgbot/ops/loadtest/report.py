"""Results of a load test: figures of each run, the guide's criteria, the table, JSON."""

import dataclasses
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from imgbot.config.settings import MAX_WORKERS
from imgbot.ops.formatting import count, duration, share, size, strip_control
from imgbot.ops.loadtest.run import (
    BUILTIN,
    PASSING,
    LoadTestOptions,
    LoadTestRun,
)
from imgbot.ops.resource_usage import ProcessGroup, ResourceCollector
from imgbot.sandbox.load_orders import OrderOutcome
from imgbot.telemetry.thresholds import THRESHOLDS, Indicator
from imgbot.version import version

LOOP_LAG_S = 0.25
"""Above this a press of a button feels slow."""

_SHOWN = 10
_LABEL = 26
_AMISS = (OrderOutcome.LOST, OrderOutcome.DOUBLED)
_FAILED = (OrderOutcome.FAILED, *_AMISS)


@dataclass(frozen=True, slots=True)
class LoadTestResults:
    """Figures of one run: seconds, bytes, shares from 0 to 1; None where nothing ended."""

    users: int
    workers: int
    is_whole: bool
    seconds: float
    ends: dict[str, int]
    amiss: list[str]
    """A line for each order that was lost or doubled, the first of them."""
    charged: int
    charged_wrongly: int
    pictures_per_s: float
    """Delivered pictures alone: a refusal is none."""
    mean_s: float | None
    """From the order to the picture, likewise."""
    p50_s: float | None
    p95_s: float | None
    max_s: float | None
    provider_share: float | None
    longest_queue: int
    p95_queue: float
    error_ratio: float | None
    flood_waits: int
    cpu_ratio: float
    cpu_parts: dict[str, float]
    memory_bytes: float
    memory_peak_bytes: int
    memory_parts_bytes: dict[str, int]
    """At the peak."""
    cores: float
    memory_limit_bytes: float
    loop_lag_p99_s: float | None
    """Of the worst life of the bot, where it was killed meanwhile."""
    test_cpu_ratio: float
    """Of the test itself: Telegram, the users and the provider."""
    kills: int
    lost_answers: int


def results_of(run: LoadTestRun) -> LoadTestResults:
    """Compute the results of a run."""
    ends = Counter(run.outcomes.values())
    delivered, failed = ends[OrderOutcome.DELIVERED], sum(ends[end] for end in _FAILED)
    seconds = max(1e-3, run.samples[-1].at_s - run.samples[0].at_s)
    queue = [sample.waiting for sample in run.samples]
    return LoadTestResults(
        users=run.users,
        workers=run.workers,
        is_whole=run.is_whole,
        seconds=seconds,
        ends={outcome.value: ends[outcome] for outcome in OrderOutcome},
        amiss=_amiss(run),
        charged=run.charges,
        charged_wrongly=run.wrong_charges,
        pictures_per_s=delivered / seconds,
        longest_queue=max(queue),
        p95_queue=quantile(queue, 0.95) or 0.0,
        error_ratio=failed / (failed + delivered) if failed + delivered else None,
        flood_waits=run.flood_waits,
        loop_lag_p99_s=max(filter(None, (lag.quantile_s(0.99) for lag in run.lags)), default=None),
        kills=run.kills,
        lost_answers=run.lost_answers,
        **_times(run),
        **_usage(run, seconds),
    )


def _times(run: LoadTestRun) -> dict[str, Any]:
    """Compute how long the pictures took that were delivered."""
    ends = run.outcomes.items()
    delivered = [order.seconds for order, end in ends if end is OrderOutcome.DELIVERED]
    times = [seconds for seconds in delivered if seconds is not None]
    mean_s = statistics.fmean(times) if times else None
    made_s = statistics.fmean(run.made_s) if run.made_s else None
    share = None if made_s is None or mean_s is None else min(1.0, made_s / max(1e-3, mean_s))
    return {
        "mean_s": mean_s,
        "p50_s": quantile(times, 0.5),
        "p95_s": quantile(times, 0.95),
        "max_s": max(times, default=None),
        "provider_share": share,
    }


def _usage(run: LoadTestRun, seconds: float) -> dict[str, Any]:
    """Compute CPU and memory, of the bot's parts and of the test."""
    machine = ResourceCollector().usage()
    cores = machine.cores or 1.0
    first, last = run.samples[0], run.samples[-1]
    cpu_parts = {
        part.value: (last.parts[part].cpu_s - first.parts[part].cpu_s) / seconds / cores
        for part in ProcessGroup
    }
    top = max(run.samples, key=lambda sample: sample.memory_bytes)
    return {
        "cpu_ratio": sum(cpu_parts.values()),
        "cpu_parts": cpu_parts,
        "test_cpu_ratio": (last.test_cpu_s - first.test_cpu_s) / seconds / cores,
        "memory_bytes": statistics.fmean(sample.memory_bytes for sample in run.samples),
        "memory_peak_bytes": top.memory_bytes,
        "memory_parts_bytes": {part.value: top.parts[part].memory_bytes for part in ProcessGroup},
        "cores": cores,
        "memory_limit_bytes": machine.memory_limit_bytes or 1.0,
    }


def _amiss(run: LoadTestRun) -> list[str]:
    lost = ((order, end) for order, end in run.outcomes.items() if end in _AMISS)
    return [f"{end}: {order.description(PASSING)}" for order, end in islice(lost, _SHOWN)]


def quantile(values: Iterable[float], share: float) -> float | None:
    """Value that this share of the values does not exceed."""
    found = sorted(values)
    return found[min(len(found) - 1, int(share * len(found)))] if found else None


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion; `mend` says what to change if it is not met."""

    name: str
    found: str
    is_met: bool
    mend: str


Formatter = Callable[[LoadTestResults], str]
Figure = Callable[[LoadTestResults], float | None]
FigureText = Callable[[float | None], str]


def _more(r: LoadTestResults) -> str:
    return f"IMGBOT_WORKERS={min(r.workers + max(1, r.workers // 2), MAX_WORKERS)}"


def _faster(r: LoadTestResults) -> str:
    is_provider = r.provider_share is not None and r.provider_share > 0.8
    return (
        "most of it is the provider's: use a faster model (`usual` in its file)"
        if is_provider
        else _more(r)
    )


def _fewer(r: LoadTestResults) -> str:
    return f"IMGBOT_WORKERS={max(1, r.workers // 2)}, or more memory"


def _with_fewer_users(r: LoadTestResults) -> str:
    return f"fewer users, or {_more(r)} where the CPU has room for it"


def _memory_ratio(r: LoadTestResults) -> float:
    return r.memory_peak_bytes / r.memory_limit_bytes


def wrong_orders(r: LoadTestResults) -> int:
    """Return the number of orders that were lost, answered twice or charged wrongly."""
    return r.ends["lost"] + r.ends["doubled"] + r.charged_wrongly


def _ms(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{seconds * 1000:.0f} ms"


_CORES = "more cores, or fewer users (IMGBOT_USERS)"
_LOG = "imgbot doctor; the provider's errors are in /metrics"
_BUG = "this is a bug in imgbot: please report it"
_jobs, _orders = partial(count, one="job"), partial(count, one="order")
_LIMIT = {indicator: THRESHOLDS[indicator].attention for indicator in Indicator}
_CRITERIA: Sequence[tuple[str, float, Figure, FigureText, Formatter]] = (
    ("mean job time < 30 s", _LIMIT[Indicator.JOB_TIME_S], lambda r: r.mean_s, duration, _faster),
    ("queue < 50", _LIMIT[Indicator.QUEUE_JOBS], lambda r: r.longest_queue, _jobs, _more),
    (
        "errors < 1 %",
        _LIMIT[Indicator.ERROR_RATIO],
        lambda r: r.error_ratio,
        share,
        lambda _: _LOG,
    ),
    ("CPU < 70 %", _LIMIT[Indicator.CPU_RATIO], lambda r: r.cpu_ratio, share, lambda _: _CORES),
    ("memory < 80 %", _LIMIT[Indicator.MEMORY_RATIO], _memory_ratio, share, _fewer),
    ("loop lag p99 < 250 ms", LOOP_LAG_S, lambda r: r.loop_lag_p99_s, _ms, lambda _: _CORES),
    ("nobody left waiting", 1, lambda r: r.ends["waiting"], _orders, _with_fewer_users),
    ("nothing lost or doubled", 1, wrong_orders, _orders, lambda _: _BUG),
)
"""The guide's bounds, and the promise that nothing is lost or doubled: name, bound, figure, figure
in words, and what to change where it reaches the bound."""


def criteria(results: LoadTestResults) -> list[Criterion]:
    """Evaluate a run; an unknown figure is not met, for a run without a picture proves nothing."""
    return [
        Criterion(
            name,
            text(value := figure(results)),
            value is not None and value < bound,
            advice(results),
        )
        for name, bound, figure, text, advice in _CRITERIA
    ]


def is_good(results: LoadTestResults) -> bool:
    """True if the run is complete and meets every criterion."""
    return results.is_whole and all(each.is_met for each in criteria(results))


def _ends(*names: str) -> Formatter:
    return lambda results: " / ".join(str(results.ends[name]) for name in names)


def _parts(text: Callable[[float], str], figures: Mapping[str, float]) -> str:
    return " / ".join(map(text, figures.values()))


_ROWS: Sequence[tuple[str, Formatter, Figure | None]] = (
    ("workers", lambda r: str(r.workers), None),
    ("orders", lambda r: str(sum(r.ends.values())), lambda r: sum(r.ends.values())),
    ("  delivered", _ends("delivered"), None),
    ("  refused / failed", _ends("refused", "failed"), None),
    ("  still waiting", _ends("waiting"), None),
    ("  lost / doubled", _ends("lost", "doubled"), None),
    ("charged, charged wrongly", lambda r: f"{r.charged}, {r.charged_wrongly}", None),
    ("pictures per second", lambda r: f"{r.pictures_per_s:.2f}", lambda r: r.pictures_per_s),
    ("job time, mean", lambda r: duration(r.mean_s), lambda r: r.mean_s),
    ("  p50", lambda r: duration(r.p50_s), lambda r: r.p50_s),
    ("  p95", lambda r: duration(r.p95_s), lambda r: r.p95_s),
    ("  longest", lambda r: duration(r.max_s), lambda r: r.max_s),
    ("  provider's share", lambda r: share(r.provider_share), None),
    ("queue, longest / p95", lambda r: f"{r.longest_queue} / {r.p95_queue:.0f}", None),
    ("errors", lambda r: share(r.error_ratio), None),
    ("429 from Telegram", lambda r: str(r.flood_waits), None),
    ("CPU, mean", lambda r: share(r.cpu_ratio), lambda r: r.cpu_ratio),
    ("  bot / workers / Redis", lambda r: _parts(share, r.cpu_parts), None),
    ("memory, mean", lambda r: size(r.memory_bytes), lambda r: r.memory_bytes),
    ("  peak", lambda r: size(r.memory_peak_bytes), lambda r: r.memory_peak_bytes),
    (
        "  bot / workers / Redis",
        lambda r: " / ".join(map(size, r.memory_parts_bytes.values())),
        None,
    ),
    ("event loop lag, p99", lambda r: _ms(r.loop_lag_p99_s), lambda r: r.loop_lag_p99_s),
    ("CPU of the test itself", lambda r: share(r.test_cpu_ratio), None),
    ("killed", lambda r: str(r.kills), None),
    ("answers lost", lambda r: str(r.lost_answers), None),
)
"""Label, text of a run, and the figure whose ratio to the first run is worth a look."""


def as_text(options: LoadTestOptions, runs: Sequence[LoadTestResults]) -> str:
    """Return the report; ratios are to the first run, as absolute times are this machine's."""
    heads = [count(run.users, "user") + ("" if run.is_whole else " (cut short)") for run in runs]
    table = [("", heads)]
    for label, text, figure in _ROWS:
        ratios = ["", *(_ratio(figure, run, runs[0]) for run in runs[1:])]
        table.append((label, [text(run) + each for run, each in zip(runs, ratios, strict=True)]))
    width = max(len(cell) for _, cells in table for cell in cells) + 3
    lines = [_head(options, runs[0]), ""]
    for label, cells in table:
        lines.append((f"{label:<{_LABEL}}" + "".join(f"{c:<{width}}" for c in cells)).rstrip())
    return "\n".join([*lines, *(line for run in runs for line in _judged(run))])


def _judged(run: LoadTestResults) -> Iterator[str]:
    """Yield the lines about each criterion, and about orders that went wrong."""
    yield from ("", f"{count(run.users, 'user')}, by the guide's criteria:")
    for each in criteria(run):
        yield f"  {'✓' if each.is_met else '✗'} {each.name:<24} {each.found}"
        if not each.is_met:
            yield f"      → {each.mend}"
    yield from (f"      {strip_control(line)}" for line in run.amiss)


def _head(options: LoadTestOptions, run: LoadTestResults) -> str:
    low_s, high_s = options.picture_s
    takes = "" if options.provider == BUILTIN else f", {low_s:g}-{high_s:g} s a picture"
    faults = "".join(f", {fault}" for fault in options.faults)
    return (
        f"imgbot {version()} under load: {options.provider}{takes}{faults},"
        f" {options.minutes:g} min each; {run.cores:g} cores, {size(run.memory_limit_bytes)}"
    )


def _ratio(figure: Figure | None, run: LoadTestResults, first: LoadTestResults) -> str:
    value, base = (figure(run), figure(first)) if figure else (None, None)
    return f" ×{value / base:.2f}" if value is not None and base else ""


def as_document(options: LoadTestOptions, runs: Sequence[LoadTestResults]) -> dict[str, Any]:
    """The same for scripts."""
    return {"version": version(), "options": dataclasses.asdict(options)} | {
        "runs": [
            dataclasses.asdict(run)
            | {"criteria": [dataclasses.asdict(each) for each in criteria(run)]}
            for run in runs
        ]
    }
