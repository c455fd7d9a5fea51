"""Picture of a load test over time: queue, stages, CPU and memory, as SVG."""

from collections.abc import Callable, Sequence
from html import escape
from itertools import pairwise

from imgbot.ops.loadtest.run import LoadSample, LoadTestRun
from imgbot.ops.resource_usage import ProcessGroup

_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 900, 130, 60, 40, 46
_COLOURS = ("#2563eb", "#d97706", "#16a34a", "#9ca3af")
_WORKERS, _REDIS, _BOT = ProcessGroup.WORKERS, ProcessGroup.REDIS, ProcessGroup.BOT

Line = tuple[str, Sequence[float]]


def svg_of(runs: Sequence[LoadTestRun]) -> str:
    """Return one drawing with a column of four charts for each run."""
    column = _LEFT + _WIDTH + 30
    width, height = column * len(runs), _TOP + 4 * (_HEIGHT + _GAP)
    body = "".join(
        f'<g transform="translate({column * number} 0)">{_run(run)}</g>'
        for number, run in enumerate(runs)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="12"><rect width="{width}" height="{height}" '
        f'fill="#fff"/>{body}</svg>\n'
    )


def _run(run: LoadTestRun) -> str:
    samples = run.samples
    charts: Sequence[tuple[str, Sequence[Line]]] = (
        ("queue, jobs", [("waiting", [s.waiting for s in samples])]),
        (
            "stages, jobs",
            [
                ("at the provider", [s.provider for s in samples]),
                ("at the bot", [s.bot for s in samples]),
            ],
        ),
        (
            "CPU, % of a core",
            [
                *((part, _percent(samples, _cpu_of(part))) for part in (_BOT, _WORKERS, _REDIS)),
                ("the test itself", _percent(samples, lambda sample: sample.test_cpu_s)),
            ],
        ),
        (
            "memory, MB",
            [
                (part, [s.parts[part].memory_bytes / 1e6 for s in samples])
                for part in (_BOT, _WORKERS, _REDIS)
            ],
        ),
    )
    seconds = samples[-1].at_s - samples[0].at_s
    head = f"{run.users} users, {run.workers} workers, {seconds:.0f} s"
    drawn = (
        f'<g transform="translate({_LEFT} {_TOP + number * (_HEIGHT + _GAP)})">'
        f"{_chart(title, lines, [s.at_s for s in samples])}</g>"
        for number, (title, lines) in enumerate(charts)
    )
    return f'<text x="{_LEFT}" y="18" font-weight="bold">{escape(head)}</text>{"".join(drawn)}'


def _chart(title: str, lines: Sequence[Line], times_s: Sequence[float]) -> str:
    top = max(1.0, *(value for _, values in lines for value in values))
    span_s = max(1e-3, times_s[-1] - times_s[0])
    axes = (
        f'<text y="-6">{escape(title)}</text><text x="-6" y="10" text-anchor="end">{top:.0f}</text>'
        f'<text x="-6" y="{_HEIGHT}" text-anchor="end">0</text>'
        f'<path d="M0 0V{_HEIGHT}H{_WIDTH}" fill="none" stroke="#111"/>'
    )
    parts = [axes]
    for number, (name, values) in enumerate(lines):
        points = " ".join(
            f"{(at_s - times_s[0]) / span_s * _WIDTH:.1f},{(1 - value / top) * _HEIGHT:.1f}"
            for at_s, value in zip(times_s, values, strict=True)
        )
        colour = _COLOURS[number]
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
            f'<text x="{200 + 150 * number}" y="-6" fill="{colour}">{escape(name)}</text>'
        )
    return "".join(parts)


def _cpu_of(part: ProcessGroup) -> Callable[[LoadSample], float]:
    return lambda sample: sample.parts[part].cpu_s


def _percent(samples: Sequence[LoadSample], cpu_s: Callable[[LoadSample], float]) -> list[float]:
    """Return the share of a core since the sample before, in percent."""
    found = [
        max(0.0, (cpu_s(b) - cpu_s(a)) / max(1e-3, b.at_s - a.at_s) * 100)
        for a, b in pairwise(samples)
    ]
    return [0.0, *found]
