"""Status of the service as one JSON document: for /status.json, /events and `imgbot status`.

Times are seconds, sizes bytes, money US dollars; what is not known is null. Readers must accept
new keys. Problems are judged in `telemetry/health.py`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from imgbot.config.place import place_of
from imgbot.domain.texts.problems import problem_text
from imgbot.ops.formatting import orders
from imgbot.ops.status import Document
from imgbot.ops.status.indicators import Histogram, Indicators, Sample
from imgbot.painter.worker_slot import WorkerStatus
from imgbot.storage.stats import DeadJob, EndedJob
from imgbot.telemetry.health import (
    Condition,
    HealthFacts,
    conditions_of,
)
from imgbot.telemetry.thresholds import (
    RECENT_S,
    THRESHOLDS,
    Indicator,
    Level,
    Load,
    Thresholds,
    bound_of,
    worst,
)


@dataclass(frozen=True, slots=True)
class QueueGlance:
    """The queue at one time, and what is measured with it."""

    jobs: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    """Operation → state → how many are in it."""
    refused: Sequence[tuple[int, int]] = ()
    """User ids with their requests over the rate limit in this hour and the last, most first."""
    unknown: Sequence[DeadJob] = ()
    """The latest jobs with an unknown outcome; listed until an admin handles them."""
    load: Load = field(default_factory=Load)
    """As far as queue, runner and pool know it."""
    facts: HealthFacts = field(default_factory=HealthFacts)
    """As far as they are measured here."""
    ended: Sequence[EndedJob] = ()
    """The latest ended jobs."""
    names: Mapping[int, str] = field(default_factory=dict[int, str])
    """User id → id with the user's @name, of those above."""


_PROBLEM = {Level.ATTENTION, Level.CRITICAL}
_STATUSES = ("ok", "failed", "rejected", "cancelled")
_APPLY = (
    " Settings are in {folder}/imgbot.env; `sudo systemctl restart {unit}` applies them"
    " (`reload` is enough for IMGBOT_WORKERS)."
)


def document_of(
    indicators: Indicators,
    facts: HealthFacts,
    seen: QueueGlance | None,
    workers: Sequence[WorkerStatus],
    about: Mapping[str, Any],
) -> Document:
    """Return the document; the indicators have a sample.

    `facts` are of `facts_of`; `seen` is None while Redis is away; `about` has the version, the
    provider, the address of Redis, whether it stands by, the cluster that it is in, and how long it
    has been up.
    """
    glance = seen or QueueGlance()
    now, before = indicators.latest, indicators.earlier(RECENT_S)
    problems = sorted(
        (_problem(each) for each in conditions_of(facts) if each.level in _PROBLEM),
        key=lambda each: each["level"] != Level.CRITICAL,
    )
    levels = [level for _, level in indicators.levels.values()]
    stages = _times_of(now.stages, before.stages)
    document = {
        "at_s": now.at_s,
        "has_people": True,
        **about,
        "recent_s": min(RECENT_S, now.clock_s - before.clock_s),
        "level": worst([*levels, *(each["level"] for each in problems)]),
        "bound": facts.bound,
        "problems": problems,
        "checks": facts.checks,
        "vitals": {
            name: {"value": value, "level": level, **_bounds(THRESHOLDS[name])}
            for name, (value, level) in indicators.levels.items()
        },
        "jobs": glance.jobs if seen else None,
        "ended": _ended(now, before),
        "workers": [asdict(worker) | {"number": worker.number + 1} for worker in workers],
        "stages": stages,
        "providers": _providers(now, before, stages) | {"held_back": _held_back(glance)},
        "resources": _resources(now),
        **_counts(now, before, glance),
    }
    return _rounded(document)


def _bounds(thresholds: Thresholds) -> Document:
    return {name: getattr(thresholds, name) for name in ("attention", "critical", "window_s")}


def _counts(now: Sample, before: Sample, glance: QueueGlance) -> Document:
    """Count the queue, the refusals and the waits for Telegram."""
    unknown = [asdict(job) for job in glance.unknown]
    return {
        "queue": {
            "waiting": now.jobs.get("waiting"),
            "running": now.jobs.get("running"),
            "unknown": now.jobs.get("dead"),
            "oldest_waiting_s": _ago(now.at_s, now.oldest_waiting_at_s),
            "oldest_running_s": _ago(now.at_s, now.oldest_running_at_s),
        },
        "rate_limit": {
            "recent_refusals": now.refusals - before.refusals,
            "users": [
                {"user_id": user, "user": glance.names.get(user), "refusals": count}
                for user, count in glance.refused
            ],
        },
        "telegram": {
            "recent_flood_waits": now.flood_waits - before.flood_waits,
            "answered_s_ago": _ago(now.at_s, now.poll_answered_at_s),
        },
        "unknown_jobs": [job | {"at_s": job.pop("died_ms") / 1000} for job in unknown],
        "ended_jobs": [
            {**asdict(job), "user": glance.names.get(job.user_id), "at_s": job.ended_ms / 1000}
            for job in glance.ended
        ],
    }


def without_people(document: Document) -> Document:
    """Return the document without user ids, for requests that may not be the operator's."""
    users = [{"refusals": user["refusals"]} for user in document["rate_limit"]["users"]]
    unknown = [
        {name: value for name, value in job.items() if name not in {"user_id", "id"}}
        for job in document["unknown_jobs"]
    ]
    hidden = {
        "rate_limit": document["rate_limit"] | {"users": users},
        "unknown_jobs": unknown,
        "ended_jobs": [],
        "has_people": False,
        "cluster": _without_places(document["cluster"]),
        "problems": [_without_jobs(each, document) for each in document["problems"]],
        "redis": "",
    }
    return document | hidden


def _without_places(cluster: Document | None) -> Document | None:
    if cluster is None:
        return None
    host, count = cluster["lead"]["host"] and "a server", len(cluster["in_sync"])
    lead = cluster["lead"] | {"host": host}
    return cluster | {"lead": lead, "in_sync": [""] * count, "state": ""}


def _without_jobs(problem: Document, document: Document) -> Document:
    what = problem["what"]
    for job in document["unknown_jobs"] if problem["name"] == "dead" else ():
        what = what.replace(f" {job['id']} ", " ")
    return problem | {"what": what}


def facts_of(
    indicators: Indicators, checks: Mapping[str, str], seen: QueueGlance | None
) -> HealthFacts:
    """Return the facts by which the health is judged; the indicators have a sample.

    `checks` say what is wrong by name, empty when well; `seen` is None while Redis is away.
    """
    glance, now = seen or QueueGlance(), indicators.latest
    return replace(
        glance.facts,
        levels=indicators.levels,
        bound=bound_of(_load(indicators, checks, glance)),
        slowest_stage=_slowest_stage(indicators),
        checks=checks,
        figures={
            **glance.facts.figures,
            "stuck": _ago(now.at_s, now.oldest_running_at_s) or 0.0,
            "flood": _flood_waits(indicators),
        },
    )


def _flood_waits(indicators: Indicators) -> float:
    before = indicators.earlier(THRESHOLDS["flood"].window_s)
    return indicators.latest.flood_waits - before.flood_waits


def _slowest_stage(indicators: Indicators) -> str:
    before = indicators.earlier(THRESHOLDS[Indicator.JOB_TIME_S].window_s).stages
    spent = {
        name: stage.since(before.get(name, Histogram())).total_s
        for name, stage in indicators.latest.stages.items()
    }
    slowest = max(spent, key=lambda name: spent[name], default="")
    return slowest if spent.get(slowest) else ""


def _load(indicators: Indicators, checks: Mapping[str, str], glance: QueueGlance) -> Load:
    """Combine queue, checks and metrics."""
    now, before = indicators.latest, indicators.earlier(RECENT_S)
    hosted = [is_up for name, is_up in now.provider_up.items() if name != "builtin"]
    errors, errors_before = now.provider_errors, before.provider_errors
    return replace(
        glance.load,
        flood_waits=_flood_waits(indicators),
        cpu_ratio=indicators.levels[Indicator.CPU_RATIO][0],
        memory_ratio=indicators.levels[Indicator.MEMORY_RATIO][0],
        is_disk_full=bool(checks.get("disk")),
        is_provider_out=bool(hosted) and not any(hosted),
        is_provider_full=glance.load.is_provider_full
        or bool(_held_back(glance))
        or errors.get("rate_limited", 0.0) > errors_before.get("rate_limited", 0.0),
        is_budget_spent=glance.facts.budget.is_spent,
    )


def _held_back(glance: QueueGlance) -> dict[str, str]:
    """Return the present limits of orders of the providers that hold some back."""
    limits = {name: state.held_per_s for name, state in glance.facts.providers.items()}
    return {name: orders(per_s) for name, per_s in limits.items() if per_s is not None}


def _problem(condition: Condition) -> Document:
    place = place_of()._asdict()
    what, advice = problem_text("en", condition.kind, {**condition.facts, **place})
    if "IMGBOT_" in advice:
        # It may end with a command.
        advice = f"{advice.removesuffix('.')}.{_APPLY.format_map(place)}"
    return {
        "name": condition.name,
        "level": condition.level,
        "what": what,
        "advice": advice.replace("\n", " "),
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
