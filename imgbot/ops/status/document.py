"""Status of the service as one JSON document: for /status.json, /events and `imgbot status`.

Times are seconds, sizes bytes, money US dollars; what is not known is null. Whoever reads the
document must bear new keys.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from imgbot.ops.status.indicators import (
    CPU_WINDOW_S,
    ERROR_WINDOW_S,
    JOB_TIME_WINDOW_S,
    Histogram,
    Indicators,
    QueueGlance,
    Sample,
    Worker,
)
from imgbot.ops.status.problems import load_of, problems
from imgbot.telemetry.thresholds import THRESHOLDS, Indicator, bound_of, worst

Document = dict[str, Any]

RECENT_S = ERROR_WINDOW_S
"""Window of the `recent` figures."""

_STATUSES = ("ok", "failed", "rejected", "cancelled")
_WINDOWS_S = {
    Indicator.QUEUE_JOBS: 0.0,
    Indicator.JOB_TIME_S: JOB_TIME_WINDOW_S,
    Indicator.CPU_RATIO: CPU_WINDOW_S,
    Indicator.MEMORY_RATIO: 0.0,
    Indicator.ERROR_RATIO: ERROR_WINDOW_S,
    Indicator.UPDATE_AGE_S: 0.0,
}


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """Facts for one status document."""

    indicators: Indicators
    checks: Mapping[str, str]
    """Name → what is wrong, empty when well."""
    glance: QueueGlance | None
    """None: Redis is away."""
    workers: Sequence[Worker]
    provider: str
    redis: str
    version: str
    up_s: float


def document_of(facts: StatusFacts) -> Document:
    """Build the document; needs a first sample."""
    now = facts.indicators.latest
    if now is None:
        raise ValueError("there is no sample yet")
    queue = facts.glance or QueueGlance()
    before = facts.indicators.earlier(RECENT_S)
    bound = bound_of(load_of(facts.indicators, facts.checks, facts.glance))
    found = problems(facts.indicators, facts.checks, facts.glance, bound)
    levels = facts.indicators.levels()
    levels_of_all = [level for _, level in levels.values()] + [each.level for each in found]
    document = {
        "at_s": now.at_s,
        "version": facts.version,
        "provider": facts.provider,
        "redis": facts.redis,
        "up_s": facts.up_s,
        "recent_s": min(RECENT_S, now.clock_s - before.clock_s),
        "level": worst(levels_of_all),
        "bound": bound,
        "problems": [asdict(problem) for problem in found],
        "checks": facts.checks,
        "vitals": _indicators(facts.indicators),
        "queue": _queue(now),
        "jobs": facts.glance.jobs if facts.glance else None,
        "ended": _ended(now, before),
        "workers": [asdict(worker) for worker in facts.workers],
        "stages": _stages(now, before),
        "providers": _providers(now, before),
        "rate_limit": {
            "recent_refusals": now.refusals - before.refusals,
            "users": [{"user_id": user_id, "refusals": count} for user_id, count in queue.refused],
        },
        "telegram": {
            "recent_flood_waits": now.flood_waits - before.flood_waits,
            "answered_s_ago": _ago(now.at_s, now.poll_answered_at_s),
        },
        "resources": {name: value for name, value in asdict(now.usage).items() if name != "cpu_s"},
        "unknown_jobs": [asdict(job) for job in queue.unknown],
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


def _indicators(indicators: Indicators) -> Document:
    return {
        indicator: {
            "value": value,
            "level": level,
            "attention": THRESHOLDS[indicator].attention,
            "critical": THRESHOLDS[indicator].critical,
            "window_s": _WINDOWS_S[indicator],
        }
        for indicator, (value, level) in indicators.levels().items()
    }


def _queue(now: Sample) -> Document:
    return {
        "waiting": now.jobs.get("waiting"),
        "running": now.jobs.get("running"),
        "unknown": now.jobs.get("dead"),
        "oldest_waiting_s": _ago(now.at_s, now.oldest_waiting_at_s),
        "oldest_running_s": _ago(now.at_s, now.oldest_running_at_s),
    }


def _ended(now: Sample, before: Sample) -> Document:
    """Count recently ended jobs: operation → status → count, where there is any."""
    found: dict[str, dict[str, float]] = {}
    for (operation, status), count in now.ended.items():
        recent = count - before.ended.get((operation, status), 0.0)
        if recent and status in _STATUSES:
            found.setdefault(operation, {})[status] = recent
    return found


def _stages(now: Sample, before: Sample) -> Document:
    return {
        name: _times(stage.since(before.stages.get(name, Histogram())))
        for name, stage in now.stages.items()
    }


def _times(histogram: Histogram) -> Document:
    return {
        "count": histogram.count,
        "mean_s": histogram.mean_s,
        "p95_s": histogram.quantile_s(0.95),
    }


def _providers(now: Sample, before: Sample) -> Document:
    errors = {
        kind: count - before.provider_errors.get(kind, 0.0)
        for kind, count in now.provider_errors.items()
    }
    took = _stages(now, before).get("provider")
    return {
        "took": took if took and took["count"] else None,
        "took_by": {
            name: _times(found.since(before.provider_time.get(name, Histogram())))
            for name, found in now.provider_time.items()
        },
        "up": {name: bool(is_up) for name, is_up in now.provider_up.items()},
        "recent_errors": {kind: count for kind, count in errors.items() if count},
        "spend_usd": {name: usd for name, usd in now.spend_usd.items() if usd},
        "spend_today_usd": now.spend_today_usd,
        "budget_usd": now.budget_usd if math.isfinite(now.budget_usd) else None,
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
