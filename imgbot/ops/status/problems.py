"""Problems in words, each with advice; the guide's troubleshooting table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from imgbot.ops.formatting import duration, share
from imgbot.ops.status.indicators import Indicators, QueueGlance, Reading, Sample
from imgbot.telemetry.thresholds import REDIS_MEMORY_RATIO, Bound, Indicator, Level, Load

STUCK_AFTER_S = 300.0
FLOOD_WINDOW_S = 600.0
_FLOODED = 20
_UNKNOWN_FOR_S = 86_400.0
_WORKERS = "workers: `IMGBOT_WORKERS` in /etc/imgbot/imgbot.env, then `systemctl reload imgbot`"
_SET = "in /etc/imgbot/imgbot.env, then `systemctl restart imgbot`"
_FASTER = "A faster model (`IMGBOT_MODELS`) or provider (`IMGBOT_PROVIDER`)"
_BUILTIN = "builtin"

_ADVICE: Mapping[Bound, str] = {
    Bound.DISK: "No job starts while the disk is full: free some space, see `imgbot doctor`",
    Bound.CPU: "All workers are busy, and so is the processor: a larger server, or a provider "
    "that makes the pictures elsewhere",
    Bound.MEMORY: "All workers are busy, and there is no memory for more: a larger server, or "
    "`MemoryMax=` of the unit",
    Bound.WORKERS: f"All workers are busy: more {_WORKERS}",
    Bound.PROVIDER_OUT: "No provider is available: check its key and balance; "
    "`IMGBOT_PROVIDER_FALLBACK` names a substitute",
    Bound.TELEGRAM: "Finished pictures wait for Telegram's rate limits: this passes by itself",
    Bound.PROVIDER_LIMIT: "The provider accepts no more jobs at once: raise its limit, or use "
    "another provider (`IMGBOT_PROVIDER`)",
    Bound.JOBS_PER_WORKER: "The limit of running jobs is reached while workers are idle: raise "
    f"`IMGBOT_JOBS_PER_WORKER` {_SET}; or use a faster model (`IMGBOT_MODELS`)",
    Bound.RUNNING_PER_USER: "All waiting jobs are of users at their limit of running jobs: this "
    f"passes by itself; `IMGBOT_RUNNING_PER_USER` {_SET} raises the limit",
    Bound.BUDGET: f"Today's budget is spent: `IMGBOT_DAILY_BUDGET` {_SET}",
    Bound.NONE: "Nothing blocks them: they start one after the other",
}


_OF_INDICATORS: Mapping[Indicator, tuple[str, str]] = {
    Indicator.QUEUE_JOBS: ("{:.0f} jobs wait.", ""),
    Indicator.JOB_TIME_S: ("Jobs take {time}{most}.", ""),
    Indicator.CPU_RATIO: (
        "The processor is {share} busy.",
        "A larger server, or a provider that makes the pictures elsewhere",
    ),
    Indicator.MEMORY_RATIO: (
        "{share} of the memory is in use.",
        f"Fewer {_WORKERS}; or more memory for the unit: `MemoryMax=`",
    ),
    Indicator.UPDATE_AGE_S: (
        "A user's message has been waiting for {time}.",
        "`journalctl -u imgbot -p warning` says why: Telegram, or Redis",
    ),
    Indicator.ERROR_RATIO: (
        "{share} of the jobs fail.",
        "`journalctl -u imgbot -p warning` lists each",
    ),
}
"""What a indicator out of bounds means, and what helps; empty: what bounds the jobs says it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem in one sentence, and advice with commands in backticks."""

    level: Level
    what: str
    advice: str


def load_of(indicators: Indicators, checks: Mapping[str, str], glance: QueueGlance | None) -> Load:
    """Combine queue, checks and metrics into the load."""
    load, now = glance.load if glance else Load(), indicators.latest
    if now is None:
        return load
    before, levels = indicators.earlier(FLOOD_WINDOW_S), indicators.levels()
    hosted = [is_up for name, is_up in now.provider_up.items() if name != _BUILTIN]
    too_many = now.provider_errors.get("rate_limited", 0.0)
    return replace(
        load,
        flood_waits=now.flood_waits - before.flood_waits,
        cpu_ratio=levels[Indicator.CPU_RATIO][0],
        memory_ratio=levels[Indicator.MEMORY_RATIO][0],
        is_disk_full=bool(checks.get("disk")),
        is_provider_out=bool(hosted) and not any(hosted),
        is_provider_full=load.is_provider_full
        or too_many > before.provider_errors.get("rate_limited", 0.0),
        is_budget_spent=_is_spent(now),
    )


def _is_spent(now: Sample) -> bool:
    return bool(now.spend_today_usd and now.spend_today_usd >= now.budget_usd > 0)


def problems(
    indicators: Indicators, checks: Mapping[str, str], glance: QueueGlance | None, bound: Bound
) -> tuple[Problem, ...]:
    """Name everything that wants attention, the worst first."""
    found = [*_of_checks(checks)]
    now = indicators.latest
    if now is not None:
        found += [
            *_of_indicators(indicators.levels(), _slowest_stage(indicators), bound),
            *_of_jobs(now),
            *_of_providers(now),
            *_of_telegram(now, indicators.earlier(FLOOD_WINDOW_S)),
            *_of_redis(now),
        ]
    if now is not None and glance is not None:
        found += _of_queue(glance, now.at_s)
    return tuple(sorted(found, key=lambda problem: problem.level is not Level.CRITICAL))


def _of_checks(checks: Mapping[str, str]) -> Iterator[Problem]:
    for name, wrong in checks.items():
        # Of updates the indicator says more.
        if wrong and name != "updates":
            yield Problem(
                Level.CRITICAL,
                f"The health check {name} fails: {wrong}.",
                "`journalctl -u imgbot -n 100`",
            )


def _of_indicators(
    levels: Mapping[Indicator, Reading], slowest: str, bound: Bound
) -> Iterator[Problem]:
    for indicator, (value, level) in levels.items():
        if value is None or level not in {Level.ATTENTION, Level.CRITICAL}:
            continue
        what, advice = _OF_INDICATORS[indicator]
        if indicator is Indicator.JOB_TIME_S and bound is Bound.NONE and slowest == "provider":
            advice = _FASTER
        most = f"; most of it is the stage “{slowest}”" if slowest else ""
        what = what.format(value, share=share(value), time=duration(value), most=most)
        yield Problem(level, what, advice or _ADVICE[bound])


def _slowest_stage(indicators: Indicators) -> str:
    now, before = indicators.latest, indicators.earlier(STUCK_AFTER_S)
    stages = {} if now is None else now.stages
    spent = {
        name: stage.total_s - (before.stages[name].total_s if name in before.stages else 0.0)
        for name, stage in stages.items()
    }
    slowest = max(spent, key=lambda name: spent[name], default="")
    return slowest if spent.get(slowest) else ""


def _of_jobs(now: Sample) -> Iterator[Problem]:
    age_s = now.at_s - now.oldest_running_at_s
    if now.oldest_running_at_s and age_s > STUCK_AFTER_S:
        yield Problem(
            Level.CRITICAL,
            f"A job has been running for {duration(age_s)}.",
            "`journalctl -u imgbot -n 200` says what it waits for; a restart resumes it",
        )


def _of_providers(now: Sample) -> Iterator[Problem]:
    out = [name for name, is_up in now.provider_up.items() if not is_up]
    for name in out:
        yield Problem(
            Level.CRITICAL if len(out) == len(now.provider_up) else Level.ATTENTION,
            f"The provider {name} accepts no jobs, or does not answer.",
            "Check its key and balance; `IMGBOT_PROVIDER_FALLBACK` names a substitute",
        )
    if _is_spent(now):
        yield Problem(
            Level.ATTENTION,
            "Today's budget is spent: paid pictures wait until tomorrow.",
            "`IMGBOT_DAILY_BUDGET` in /etc/imgbot/imgbot.env, then `systemctl restart imgbot`",
        )


def _of_telegram(now: Sample, before: Sample) -> Iterator[Problem]:
    waits = now.flood_waits - before.flood_waits
    if waits > 0:
        yield Problem(
            Level.CRITICAL if waits > _FLOODED else Level.ATTENTION,
            f"Telegram made the bot wait {waits:.0f} times in ten minutes.",
            "This passes by itself; if not, run fewer jobs at once: `IMGBOT_JOBS_PER_WORKER`",
        )


def _of_queue(glance: QueueGlance, now_s: float) -> Iterator[Problem]:
    if glance.is_paused:
        yield Problem(
            Level.ATTENTION, "The bot is paused: it accepts no requests.", "`/resume` in the chat"
        )
    fresh = [job for job in glance.unknown if now_s - job.at_s < _UNKNOWN_FOR_S]
    if fresh:
        yield Problem(
            Level.ATTENTION,
            f"{len(fresh)} jobs of the last day ended with an unknown outcome."
            if len(fresh) > 1
            else "A job of the last day ended with an unknown outcome.",
            "It may have been paid for: look it up at the provider",
        )


def _of_redis(now: Sample) -> Iterator[Problem]:
    used, limit = now.usage.redis_bytes, now.usage.redis_limit_bytes
    # One that is full fails its check, which says more.
    if used and limit and REDIS_MEMORY_RATIO.level(used / limit) is Level.ATTENTION:
        yield Problem(
            Level.ATTENTION,
            f"Redis uses {share(used / limit)} of its memory; at 100 % no request is accepted.",
            "`sudo imgbot redis-cli MEMORY DOCTOR`; fewer waiting jobs: `IMGBOT_QUEUE_LIMIT`",
        )
