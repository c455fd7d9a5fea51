"""Status of the service as one JSON document: for /status.json, /events and `imgbot status`.

Times are seconds, sizes bytes, money US dollars; what is not known is null. Readers must accept
new keys. Problems are judged in `telemetry/health.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from imgbot.config.place import service_place
from imgbot.domain.texts.problems import problem_text
from imgbot.ops.formatting import orders
from imgbot.ops.status import STATUSES, Document
from imgbot.ops.status.indicators import Histogram, Indicators, Sample
from imgbot.painter.worker_slot import WorkerStatus
from imgbot.storage.server.durability import Memory
from imgbot.storage.stats import QueueState
from imgbot.telemetry.health import Condition, HealthFacts, conditions_of
from imgbot.telemetry.thresholds import RECENT_S, THRESHOLDS, Level, Thresholds, worst

_APPLY = (
    " Settings are in {folder}/imgbot.env; `sudo systemctl restart {unit}` applies them"
    " (`reload` is enough for IMGBOT_WORKERS)."
)


def status_document(
    indicators: Indicators,
    facts: HealthFacts,
    queue: QueueState | None,
    workers: Sequence[WorkerStatus],
    about: Mapping[str, Any],
) -> Document:
    """Return the document; the indicators have a sample.

    `facts` are those of `Indicators.health`; `queue` is None while Redis is away; `about` has the
    version, the provider, the address of Redis, whether it stands by, the cluster that it is in,
    and how long it has been up.
    """
    now, recent = indicators.latest, indicators.recent()
    problems = sorted(
        (_problem(each) for each in conditions_of(facts) if each.level.is_problem),
        key=lambda each: each["level"] != Level.CRITICAL,
    )
    levels = [level for _, level in indicators.levels.values()]
    stages = _times_of(recent.stages)
    document = {
        "at_s": now.at_s,
        "has_people": True,
        **about,
        "recent_s": min(RECENT_S, recent.clock_s),
        "level": worst([*levels, *(each["level"] for each in problems)]),
        "bound": facts.bound,
        "problems": problems,
        "checks": facts.checks,
        "vitals": {
            name: {"value": value, "level": level, **_bounds(THRESHOLDS[name])}
            for name, (value, level) in indicators.levels.items()
        },
        "jobs": facts.jobs if queue else None,
        "ended": _ended(recent),
        "workers": [asdict(worker) | {"number": worker.number + 1} for worker in workers],
        "stages": stages,
        "providers": _providers(now, recent, facts, stages.get("provider")),
        "resources": _resources(now, queue),
        "queue": {
            "waiting": facts.waiting,
            "running": facts.running,
            "unknown": queue.dead_count if queue else None,
            "oldest_waiting_s": facts.age_s(facts.oldest_waiting_ms),
            "oldest_running_s": facts.age_s(facts.oldest_running_ms),
        },
        "telegram": {
            "recent_flood_waits": recent.flood_waits,
            "answered_s_ago": facts.silence_s if facts.has_answered else None,
        },
        **_people(recent, queue),
    }
    return _rounded(document)


def _bounds(thresholds: Thresholds) -> Document:
    return {name: getattr(thresholds, name) for name in ("attention", "critical", "window_s")}


def _people(recent: Sample, queue: QueueState | None) -> Document:
    """List what is of single users: refusals, jobs with an unknown outcome, jobs that ended."""
    refused, dead, ended = (queue.refused, queue.dead, queue.ended) if queue else ((), (), ())
    names = queue.names if queue else {}
    return {
        "rate_limit": {
            "recent_refusals": recent.refusals,
            "users": [
                {"user_id": user, "user": names.get(user), "refusals": count}
                for user, count in refused
            ],
        },
        "unknown_jobs": [
            {**asdict(job), "user": names.get(job.user_id), "at_s": job.died_ms / 1000}
            for job in dead
        ],
        "ended_jobs": [
            {**asdict(job), "user": names.get(job.user_id), "at_s": job.ended_ms / 1000}
            for job in ended
        ],
    }


def without_people(document: Document) -> Document:
    """Return the document without user ids, for requests that may not be the operator's."""
    users = [{"refusals": user["refusals"]} for user in document["rate_limit"]["users"]]
    unknown = [
        {name: value for name, value in job.items() if name not in {"user_id", "user", "id"}}
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


def _problem(condition: Condition) -> Document:
    place = service_place()._asdict()
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


def _ended(recent: Sample) -> Document:
    """Count recently ended jobs: operation → status → count, where there is any."""
    found: dict[str, dict[str, float]] = {}
    for (operation, status), count in recent.ended.items():
        if count and status in STATUSES:
            found.setdefault(operation, {})[status] = count
    return found


def _times_of(times: Mapping[str, Histogram]) -> Document:
    return {
        name: {"count": found.count, "mean_s": found.mean_s, "p95_s": found.quantile_s(0.95)}
        for name, found in times.items()
    }


def _providers(now: Sample, recent: Sample, facts: HealthFacts, took: Document | None) -> Document:
    return {
        "took": took if took and took["count"] else None,
        "took_by": _times_of(recent.provider_time),
        "up": {name: state.refusal is None for name, state in facts.providers.items()},
        "held_back": {name: orders(per_s) for name, per_s in facts.held_per_s.items()},
        "recent_errors": _nonzero(recent.provider_errors),
        "spend_usd": _nonzero(now.spend_usd),
        "spend_today_usd": None if facts.waiting is None else facts.budget.spent_usd,
        "budget_usd": facts.budget.ceiling_usd,
    }


def _nonzero(counts: Mapping[str, float]) -> Document:
    return {name: count for name, count in counts.items() if count}


def _resources(now: Sample, queue: QueueState | None) -> Document:
    usage = {name: value for name, value in asdict(now.usage).items() if name != "cpu_s"}
    memory = queue.memory if queue else Memory(0, 0)
    return usage | {
        "redis_bytes": memory.used_bytes or None,
        "redis_limit_bytes": memory.limit_bytes or None,
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
