"""Status of the service as one JSON document: for /status.json, /events and `imgbot status`.

Times are seconds, sizes bytes, money US dollars; what is not known is null. Whoever reads the
document must bear new keys. Each problem has its advice: the guide's troubleshooting table.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from imgbot.imaging.worker_slot import WorkerStatus
from imgbot.ops.formatting import duration, share
from imgbot.ops.status.indicators import Histogram, Indicators, Sample
from imgbot.storage.server.durability import Memory
from imgbot.storage.stats import DeadJob
from imgbot.telemetry.thresholds import (
    RECENT_S,
    REDIS_MEMORY_RATIO,
    THRESHOLDS,
    Bound,
    Indicator,
    Level,
    Load,
    bound_of,
    worst,
)

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class QueueGlance:
    """The queue, the budget and the memory of Redis at one time."""

    jobs: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    """Operation → state → how many are in it."""
    refused: Sequence[tuple[int, int]] = ()
    """User ids with their requests over the rate limit in this hour and the last, most first."""
    unknown: Sequence[DeadJob] = ()
    """The latest jobs with an unknown outcome; listed until an admin handles them."""
    dead_count: int = 0
    is_paused: bool = False
    load: Load = field(default_factory=Load)
    """As far as queue, runner and pool know it."""
    memory: Memory = field(default_factory=lambda: Memory(0, 0))
    spent_micro: int = 0
    ceiling_micro: int | None = None


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """Facts for one status document; the indicators have a sample."""

    indicators: Indicators
    checks: Mapping[str, str]
    """Name → what is wrong, empty when well."""
    glance: QueueGlance | None
    """None: Redis is away."""
    workers: Sequence[WorkerStatus]
    provider: str
    redis: str
    """Its address."""
    version: str
    up_s: float


STUCK_AFTER_S = 300.0
_FLOOD_WINDOW_S = 600.0
_FLOODED = 20
_UNKNOWN_FOR_S = 86_400.0
_STATUSES = ("ok", "failed", "rejected", "cancelled")
_WORKERS = "workers: `IMGBOT_WORKERS` in /etc/imgbot/imgbot.env, then `systemctl reload imgbot`"
_SET = "in /etc/imgbot/imgbot.env, then `systemctl restart imgbot`"
_WARNINGS = "`journalctl -u imgbot -p warning`"
_LARGER = "a larger server, or a provider that makes the pictures elsewhere"
_FALLBACK = "Check its key and balance; `IMGBOT_PROVIDER_FALLBACK` names a substitute"

_ADVICE: Mapping[Bound, str] = {
    Bound.DISK: "No job starts while the disk is full: free some space, see `imgbot doctor`",
    Bound.CPU: f"All workers are busy, and so is the processor: {_LARGER}",
    Bound.MEMORY: "All workers are busy, and there is no memory for more: a larger server, or "
    "`MemoryMax=` of the unit",
    Bound.WORKERS: f"All workers are busy: more {_WORKERS}",
    Bound.PROVIDER_OUT: f"No provider is available. {_FALLBACK}",
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
    Indicator.CPU_RATIO: ("The processor is {share} busy.", _LARGER.capitalize()),
    Indicator.MEMORY_RATIO: (
        "{share} of the memory is in use.",
        f"Fewer {_WORKERS}; or more memory for the unit: `MemoryMax=`",
    ),
    Indicator.UPDATE_AGE_S: (
        "A user's message has been waiting for {time}.",
        f"{_WARNINGS} says why: Telegram, or Redis",
    ),
    Indicator.ERROR_RATIO: ("{share} of the jobs fail.", f"{_WARNINGS} lists each"),
}
"""What an indicator out of bounds means, and what helps; empty: what bounds the jobs says it."""


def document_of(facts: StatusFacts) -> Document:
    indicators, glance = facts.indicators, facts.glance
    now, before = indicators.latest, indicators.earlier(RECENT_S)
    bound = bound_of(_load(facts))
    problems = sorted(_problems(facts, bound), key=lambda each: each["level"] != Level.CRITICAL)
    levels = [level for _, level in indicators.levels.values()]
    stages = _times_of(now.stages, before.stages)
    document = {
        "at_s": now.at_s,
        "version": facts.version,
        "provider": facts.provider,
        "redis": facts.redis,
        "up_s": facts.up_s,
        "recent_s": min(RECENT_S, now.clock_s - before.clock_s),
        "level": worst([*levels, *(each["level"] for each in problems)]),
        "bound": bound,
        "problems": problems,
        "checks": facts.checks,
        "vitals": {name: _vital(name, *reading) for name, reading in indicators.levels.items()},
        "queue": {
            "waiting": now.jobs.get("waiting"),
            "running": now.jobs.get("running"),
            "unknown": now.jobs.get("dead"),
            "oldest_waiting_s": _ago(now.at_s, now.oldest_waiting_at_s),
            "oldest_running_s": _ago(now.at_s, now.oldest_running_at_s),
        },
        "jobs": glance.jobs if glance else None,
        "ended": _ended(now, before),
        "workers": [asdict(worker) | {"number": worker.number + 1} for worker in facts.workers],
        "stages": stages,
        "providers": _providers(now, before, stages),
        "rate_limit": {
            "recent_refusals": now.refusals - before.refusals,
            "users": [
                {"user_id": user_id, "refusals": count}
                for user_id, count in (glance.refused if glance else ())
            ],
        },
        "telegram": {
            "recent_flood_waits": now.flood_waits - before.flood_waits,
            "answered_s_ago": _ago(now.at_s, now.poll_answered_at_s),
        },
        "resources": _resources(now),
        "unknown_jobs": [_unknown_job(job) for job in (glance.unknown if glance else ())],
    }
    return _rounded(document)


def without_people(document: Document) -> Document:
    """Return the document without user ids, for requests that may not be the operator's."""
    users = [{"refusals": user["refusals"]} for user in document["rate_limit"]["users"]]
    unknown = [
        {name: value for name, value in job.items() if name not in {"user_id", "id"}}
        for job in document["unknown_jobs"]
    ]
    rate_limit = document["rate_limit"] | {"users": users}
    return document | {"rate_limit": rate_limit, "unknown_jobs": unknown, "redis": ""}


def _load(facts: StatusFacts) -> Load:
    """Combine queue, checks and metrics."""
    load = facts.glance.load if facts.glance else Load()
    now, before = facts.indicators.latest, facts.indicators.earlier(_FLOOD_WINDOW_S)
    hosted = [is_up for name, is_up in now.provider_up.items() if name != "builtin"]
    errors, errors_before = now.provider_errors, before.provider_errors
    return replace(
        load,
        flood_waits=now.flood_waits - before.flood_waits,
        cpu_ratio=facts.indicators.levels[Indicator.CPU_RATIO][0],
        memory_ratio=facts.indicators.levels[Indicator.MEMORY_RATIO][0],
        is_disk_full=bool(facts.checks.get("disk")),
        is_provider_out=bool(hosted) and not any(hosted),
        is_provider_full=load.is_provider_full
        or errors.get("rate_limited", 0.0) > errors_before.get("rate_limited", 0.0),
        is_budget_spent=_is_budget_spent(now),
    )


def _is_budget_spent(now: Sample) -> bool:
    return bool(now.spend_today_usd and now.spend_today_usd >= now.budget_usd > 0)


def _problems(facts: StatusFacts, bound: Bound) -> Iterator[Document]:
    """Name everything that wants attention; commands are in backticks."""
    for name, wrong in facts.checks.items():
        # Of updates the indicator says more.
        if wrong and name != "updates":
            what = f"The health check {name} fails: {wrong}."
            yield _problem("`journalctl -u imgbot -n 100`", what, is_critical=True)
    yield from _indicator_problems(facts.indicators, bound)
    yield from _outside_problems(facts.indicators)
    if facts.glance is not None:
        yield from _queue_problems(facts.glance, facts.indicators.latest.at_s)


def _problem(advice: str, what: str, *, is_critical: bool = False) -> Document:
    level = Level.CRITICAL if is_critical else Level.ATTENTION
    return {"level": level, "what": what, "advice": advice}


def _indicator_problems(indicators: Indicators, bound: Bound) -> Iterator[Document]:
    slowest = _slowest_stage(indicators)
    for indicator, (value, level) in indicators.levels.items():
        if value is None or level not in {Level.ATTENTION, Level.CRITICAL}:
            continue
        what, advice = _OF_INDICATORS[indicator]
        if indicator is Indicator.JOB_TIME_S and bound is Bound.NONE and slowest == "provider":
            advice = "A faster model (`IMGBOT_MODELS`) or provider (`IMGBOT_PROVIDER`)"
        most = f"; most of it is the stage “{slowest}”" if slowest else ""
        what = what.format(value, share=share(value), time=duration(value), most=most)
        yield _problem(advice or _ADVICE[bound], what, is_critical=level is Level.CRITICAL)


def _slowest_stage(indicators: Indicators) -> str:
    now, before = indicators.latest.stages, indicators.earlier(STUCK_AFTER_S).stages
    spent = {
        name: stage.since(before.get(name, Histogram())).total_s for name, stage in now.items()
    }
    slowest = max(spent, key=lambda name: spent[name], default="")
    return slowest if spent.get(slowest) else ""


def _outside_problems(indicators: Indicators) -> Iterator[Document]:
    """Problems of running jobs, providers, Telegram and Redis."""
    now = indicators.latest
    running_s = _ago(now.at_s, now.oldest_running_at_s) or 0.0
    if running_s > STUCK_AFTER_S:
        yield _problem(
            "`journalctl -u imgbot -n 200` says what it waits for; a restart resumes it",
            f"A job has been running for {duration(running_s)}.",
            is_critical=True,
        )
    out = [name for name, is_up in now.provider_up.items() if not is_up]
    for name in out:
        what = f"The provider {name} accepts no jobs, or does not answer."
        is_critical = len(out) == len(now.provider_up)
        yield _problem(_FALLBACK, what, is_critical=is_critical)
    if _is_budget_spent(now):
        what = "Today's budget is spent: paid pictures wait until tomorrow."
        yield _problem(f"`IMGBOT_DAILY_BUDGET` {_SET}", what)
    waits = now.flood_waits - indicators.earlier(_FLOOD_WINDOW_S).flood_waits
    if waits > 0:
        yield _problem(
            "This passes by itself; if not, run fewer jobs at once: `IMGBOT_JOBS_PER_WORKER`",
            f"Telegram made the bot wait {waits:.0f} times in ten minutes.",
            is_critical=waits > _FLOODED,
        )
    ratio = now.redis_bytes / (now.redis_limit_bytes or math.inf)
    # One that is full fails its check, which says more.
    if REDIS_MEMORY_RATIO.level(ratio) is Level.ATTENTION:
        yield _problem(
            "`sudo imgbot redis-cli MEMORY DOCTOR`; fewer waiting jobs: `IMGBOT_QUEUE_LIMIT`",
            f"Redis uses {share(ratio)} of its memory; at 100 % no request is accepted.",
        )


def _queue_problems(glance: QueueGlance, now_s: float) -> Iterator[Document]:
    if glance.is_paused:
        yield _problem("`/resume` in the chat", "The bot is paused: it accepts no requests.")
    fresh = sum(now_s - job.died_ms / 1000 < _UNKNOWN_FOR_S for job in glance.unknown)
    if fresh:
        jobs = "A job" if fresh == 1 else f"{fresh} jobs"
        what = f"{jobs} of the last day ended with an unknown outcome."
        yield _problem("It may have been paid for: look it up at the provider", what)


def _vital(indicator: Indicator, value: float | None, level: Level) -> Document:
    bounds = THRESHOLDS[indicator]
    return {
        "value": value,
        "level": level,
        "attention": bounds.attention,
        "critical": bounds.critical,
        "window_s": bounds.window_s,
    }


def _ended(now: Sample, before: Sample) -> Document:
    """Count recently ended jobs: operation → status → count, where there is any."""
    found: dict[str, dict[str, float]] = {}
    for (operation, status), count in now.ended.items():
        recent = count - before.ended.get((operation, status), 0.0)
        if recent and status in _STATUSES:
            found.setdefault(operation, {})[status] = recent
    return found


def _times_of(now: Mapping[str, Histogram], before: Mapping[str, Histogram]) -> Document:
    recent = {name: found.since(before.get(name, Histogram())) for name, found in now.items()}
    return {
        name: {"count": found.count, "mean_s": found.mean_s, "p95_s": found.quantile_s(0.95)}
        for name, found in recent.items()
    }


def _providers(now: Sample, before: Sample, stages: Document) -> Document:
    errors = {
        kind: count - before.provider_errors.get(kind, 0.0)
        for kind, count in now.provider_errors.items()
    }
    took = stages.get("provider")
    return {
        "took": took if took and took["count"] else None,
        "took_by": _times_of(now.provider_time, before.provider_time),
        "up": {name: bool(is_up) for name, is_up in now.provider_up.items()},
        "recent_errors": {kind: count for kind, count in errors.items() if count},
        "spend_usd": {name: usd for name, usd in now.spend_usd.items() if usd},
        "spend_today_usd": now.spend_today_usd,
        "budget_usd": now.budget_usd if math.isfinite(now.budget_usd) else None,
    }


def _resources(now: Sample) -> Document:
    usage = {name: value for name, value in asdict(now.usage).items() if name != "cpu_s"}
    limit_bytes = now.redis_limit_bytes if math.isfinite(now.redis_limit_bytes) else None
    return usage | {
        "redis_bytes": now.redis_bytes or None,
        "redis_limit_bytes": limit_bytes or None,
    }


def _unknown_job(job: DeadJob) -> Document:
    found = asdict(job)
    return found | {"at_s": found.pop("died_ms") / 1000}


def _rounded(value: Any) -> Any:
    """Round figures to four digits: the document is sent every few seconds."""
    match value:
        case dict():
            return {name: _rounded(each) for name, each in value.items()}
        case list():
            return [_rounded(each) for each in value]
        case float():
            return int(value) if value == int(value) else round(value, 4)
        case _:
            return value


def _ago(now_s: float, at_s: float) -> float | None:
    return max(0.0, now_s - at_s) if at_s else None
