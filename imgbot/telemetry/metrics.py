"""Every series that /metrics shows, with the values of its labels that are known beforehand."""

import functools
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from itertools import product
from typing import Any, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from imgbot.domain.errors import ProviderErrorKind
from imgbot.domain.operations import OFFERED, Operation

# When each series was made: as many series again, and Prometheus asks for none of them.
disable_created_metrics()

REGISTRY = CollectorRegistry()
"""Registry that /metrics serves."""

ProcessCollector(registry=REGISTRY)

_JOB_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30, 45, 60, 90, 120, 300)
"""Seconds; the alerts' thresholds (30, 60) are boundaries, so their quantiles are exact."""

_M = TypeVar("_M", Counter, Gauge, Histogram)

QUEUE = "img_queue"
UPDATE_TYPES = (
    *("message", "edited_message", "callback_query", "inline_query"),
    *("guest_message", "chosen_inline_result", "pre_checkout_query", "other"),
)
STAGES = ("prepare", "submit", "provider", "render", "deliver")
_TABLE = tomllib.loads(
    (resources.files("imgbot.telemetry") / "metrics.toml").read_text(encoding="utf-8")
)
_VALUES: Mapping[str, Iterable[str]] = {
    "operations": Operation,
    "stages": STAGES,
    "update_types": UPDATE_TYPES,
    "methods": _TABLE["methods"],
}
"""Values of labels that metrics.toml names."""


def _with_known(metric: _M, labels: Mapping[str, Iterable[str]]) -> _M:
    """Create the known series at once: else Prometheus misses the first event of each."""
    for values in product(*labels.values()) if labels else ():
        metric.labels(*values)
    return metric


def _made(kind: type[_M], name: str, **options: Any) -> _M:
    about = _TABLE[name]
    labels = {
        label: _VALUES[values] if isinstance(values, str) else values
        for label, values in about.get("labels", {}).items()
    }
    metric = kind(f"imgbot_{name}", about["help"], tuple(labels), registry=REGISTRY, **options)
    return _with_known(metric, labels)


_counter = functools.partial(_made, Counter)
_gauge = functools.partial(_made, Gauge)


def _histogram(name: str, buckets: Sequence[float]) -> Histogram:
    return _made(Histogram, name, buckets=buckets)


updates = _counter("updates_received_total")
duplicates = _counter("updates_duplicate_total")
poison = _counter("updates_dead_total")
skipped = _counter("updates_skipped_total")
oldest_update = _gauge("update_oldest_unhandled_timestamp_seconds")
enqueued = _counter("jobs_enqueued_total")
finished = _counter("jobs_finished_total")
duration = _histogram("job_duration_seconds", _JOB_BUCKETS)
wait = _histogram("job_wait_seconds", _JOB_BUCKETS)
stage = _histogram("job_stage_duration_seconds", _JOB_BUCKETS)
queue = _gauge("queue_jobs")
oldest_waiting = _gauge("queue_oldest_job_timestamp_seconds")
oldest_running = _gauge("job_oldest_running_timestamp_seconds")
dead = _counter("jobs_dead_total")
workers = _gauge("workers")
restarts = _counter("worker_restarts_total")
refusals = _counter("rate_limit_refusals_total")
spend = _counter("spend_usd_total")
spend_today = _gauge("spend_today_usd")
budget = _gauge("spend_budget_usd")
budget.set(math.inf)
admissions = _counter("admission_refusals_total")
calls = _counter("telegram_requests_total")
call_time = _histogram(
    "telegram_request_duration_seconds", (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
)
limited = _counter("telegram_rate_limited_total")
provider_errors = _counter("provider_errors_total")
provider_time = _histogram("provider_duration_seconds", _JOB_BUCKETS)
provider_up = _gauge("provider_up")
hooks = _counter("provider_hooks_total")
handler_errors = _counter("handler_errors_total")
poll_success = _gauge("last_poll_success_timestamp_seconds")
redis_up = _gauge("redis_up")
redis_up.set(1)  # or the program would not be here
redis_memory = _gauge("redis_memory_bytes")
redis_memory_max = _gauge("redis_memory_max_bytes")
kept = _gauge("kept_pictures_bytes")
repairs = _counter("fsck_mended_total")
unreadable = _counter("entries_unreadable_total")
cluster = _gauge("cluster_up")
cluster_lag_bytes = _gauge("cluster_lag_bytes")
cluster_lag_s = _gauge("cluster_lag_seconds")
cluster_leader_since = _gauge("cluster_leader_since_timestamp_seconds")
cluster_takeover_s = _gauge("cluster_takeover_seconds")
lag = _histogram("event_loop_lag_seconds", (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5))
build = _gauge("build_info")


def preregister(version: str, providers: Iterable[str]) -> None:
    """Create the series of this version with these providers."""
    names = tuple(providers)
    build.labels(version, "+".join(names)).set(1)
    for name in names:
        provider_up.labels(name).set(1)
    _with_known(spend, {"provider": names, "operation": OFFERED})
    _with_known(provider_time, {"provider": names, "operation": OFFERED})
    _with_known(provider_errors, {"provider": names, "kind": ProviderErrorKind})
