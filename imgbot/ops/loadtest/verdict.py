"""The guide's criteria, each met or not, and the setting to turn where it is not."""

from dataclasses import dataclass

from imgbot.config.settings import MAX_WORKERS
from imgbot.ops.formatting import count, duration, share
from imgbot.ops.loadtest.results import LoadTestResults
from imgbot.telemetry.thresholds import THRESHOLDS, Indicator


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of the list; `mend` says what to turn where it is not met."""

    name: str
    found: str
    is_met: bool
    mend: str


def criteria(figures: LoadTestResults) -> list[Criterion]:
    """Judge a run by the guide's bounds, and by the promise that nothing is lost or doubled."""
    return [*_of_the_jobs(figures), *_of_the_machine(figures), _answered(figures), _kept(figures)]


def _of_the_jobs(figures: LoadTestResults) -> list[Criterion]:
    mean_s, longest, errors = figures.job_time.mean_s, figures.longest_queue, figures.error_ratio
    doctor = "imgbot doctor; the provider's errors are in /metrics"
    more = _more_workers(figures)
    return [
        _bounded(
            Indicator.JOB_TIME_S, "mean job time < 30 s", mean_s, duration(mean_s), _slow(figures)
        ),
        _bounded(Indicator.QUEUE_JOBS, "queue < 50", longest, count(longest, "job"), more),
        _bounded(Indicator.ERROR_RATIO, "errors < 1 %", errors, share(errors), doctor),
    ]


def _of_the_machine(figures: LoadTestResults) -> list[Criterion]:
    cpu, memory = figures.use.cpu_ratio, figures.memory_ratio
    cores = "more cores; IMGBOT_USERS for no more users than this server carries"
    half = f"IMGBOT_WORKERS={max(1, figures.workers // 2)}, or more memory"
    return [
        _bounded(Indicator.CPU_RATIO, "CPU < 70 %", cpu, share(cpu), cores),
        _bounded(Indicator.MEMORY_RATIO, "memory < 80 %", memory, share(memory), half),
    ]


def _answered(figures: LoadTestResults) -> Criterion:
    waiting = figures.ends["waiting"]
    return Criterion(
        "nobody left waiting",
        f"{waiting} still waiting at the end",
        waiting == 0,
        f"fewer users, or {_more_workers(figures)} where the CPU has room for it",
    )


def _kept(figures: LoadTestResults) -> Criterion:
    lost, doubled = figures.ends["lost"], figures.ends["doubled"]
    charged = figures.charged_twice + figures.charged_in_vain
    return Criterion(
        "nothing lost or doubled",
        f"{lost} lost, {doubled} doubled, {charged} charged wrongly",
        not (lost or doubled or charged),
        "this is a fault of imgbot: please report it",
    )


def _bounded(vital: Indicator, name: str, value: float | None, found: str, mend: str) -> Criterion:
    # What nobody knows is not met: a run without an answer proves nothing.
    return Criterion(name, found, value is not None and value < THRESHOLDS[vital].attention, mend)


def _slow(figures: LoadTestResults) -> str:
    if figures.provider_share is not None and figures.provider_share > 0.8:
        return "the provider takes most of it: a faster model, by IMGBOT_MODELS"
    return _more_workers(figures)


def _more_workers(figures: LoadTestResults) -> str:
    more = figures.workers + max(1, figures.workers // 2)
    return f"IMGBOT_WORKERS={min(more, MAX_WORKERS)}"
