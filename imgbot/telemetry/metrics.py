"""Every series that /metrics shows, with the values of its labels that are known beforehand."""

import math
from collections.abc import Iterable, Mapping
from itertools import product
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from imgbot.domain.errors import ProviderErrorKind
from imgbot.domain.operations import ACTIONS, Operation

# When each series was made: as many series again, and Prometheus asks for none of them.
disable_created_metrics()

REGISTRY = CollectorRegistry()
"""Registry that /metrics serves."""

ProcessCollector(registry=REGISTRY)

_JOB_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30, 45, 60, 90, 120, 300)
"""Seconds; the alerts' thresholds (30, 60) are boundaries, so their quantiles are exact."""

_CALL_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


_M = TypeVar("_M", Counter, Gauge, Histogram)

QUEUE = "img_queue"
UPDATE_TYPES = ("message", "edited_message", "callback_query", "inline_query", "other")
STAGES = ("prepare", "submit", "provider", "render", "deliver")
_METHODS = (
    *("getUpdates", "getMe", "getFile", "deleteWebhook"),
    *("sendMessage", "copyMessage", "sendPhoto", "sendDocument", "sendMediaGroup"),
    *("editMessageText", "editMessageMedia", "answerCallbackQuery", "answerInlineQuery"),
    *("setMyCommands", "setMyDescription", "setMyShortDescription"),
)
_CODES = ("ok", "400", "401", "403", "409", "429", "5xx", "network", "other")
_LATER: tuple[str, ...] = ()
"""Values that are known later only."""


def _with_known(metric: _M, labels: Mapping[str, Iterable[str]]) -> _M:
    """Create the known series at once: else Prometheus misses the first event of each."""
    for values in product(*labels.values()) if labels else ():
        metric.labels(*values)
    return metric


def _counter(name: str, meaning: str, **labels: Iterable[str]) -> Counter:
    made = Counter(f"imgbot_{name}", meaning, tuple(labels), registry=REGISTRY)
    return _with_known(made, labels)


def _gauge(name: str, meaning: str, **labels: Iterable[str]) -> Gauge:
    made = Gauge(f"imgbot_{name}", meaning, tuple(labels), registry=REGISTRY)
    return _with_known(made, labels)


def _histogram(
    name: str, meaning: str, buckets: tuple[float, ...], **labels: Iterable[str]
) -> Histogram:
    made = Histogram(f"imgbot_{name}", meaning, tuple(labels), buckets=buckets, registry=REGISTRY)
    return _with_known(made, labels)


updates = _counter("updates_received_total", "Updates from Telegram.", type=UPDATE_TYPES)
duplicates = _counter("updates_duplicate_total", "Updates handled in an earlier life.")
poison = _counter("updates_dead_total", "Updates that could not be handled, set aside.")
skipped = _counter("updates_skipped_total", "Updates over what one chat may have waiting.")
oldest_update = _gauge(
    "update_oldest_unhandled_timestamp_seconds",
    "When the oldest update came that is not handled yet, in the window or deferred; 0: none.",
)
enqueued = _counter("jobs_enqueued_total", "Jobs admitted.", operation=Operation)
finished = _counter(
    "jobs_finished_total",
    "Jobs ended; rejected is the person's input or the provider's rules.",
    operation=Operation,
    status=("ok", "failed", "rejected", "cancelled"),
)
duration = _histogram(
    "job_duration_seconds", "From the request to its end.", _JOB_BUCKETS, operation=Operation
)
wait = _histogram(
    "job_wait_seconds", "From the request to its claim.", _JOB_BUCKETS, operation=Operation
)
stage = _histogram(
    "job_stage_duration_seconds", "Time in one stage of a job.", _JOB_BUCKETS, stage=STAGES
)
queue = _gauge("queue_jobs", "Jobs by state.", queue=(QUEUE,), state=("waiting", "running", "dead"))
oldest_waiting = _gauge(
    "queue_oldest_job_timestamp_seconds", "When the oldest waiting job was made; 0: none."
)
oldest_running = _gauge(
    "job_oldest_running_timestamp_seconds", "When the oldest running job was claimed; 0: none."
)
dead = _counter("jobs_dead_total", "Jobs ended without anybody knowing what became of the order.")
workers = _gauge("workers", "Worker lanes.", state=("wanted", "started", "busy"))
restarts = _counter(
    "worker_restarts_total",
    "Workers replaced.",
    reason=("killed", "hung", "cancelled", "recycled", "memory"),
)
refusals = _counter("rate_limit_refusals_total", "Requests over the rate limit.")
spend = _counter(
    "spend_usd_total", "Money charged by providers.", provider=_LATER, operation=_LATER
)
spend_today = _gauge("spend_today_usd", "Charged and reserved today.")
budget = _gauge("spend_budget_usd", "What may be spent in a day; +Inf: no ceiling.")
budget.set(math.inf)
admissions = _counter(
    "admission_refusals_total",
    "Requests not admitted.",
    reason=("full", "many", "paused", "budget", "user_budget"),
)
calls = _counter("telegram_requests_total", "Calls of the Bot API.", method=_METHODS, code=_CODES)
call_time = _histogram(
    "telegram_request_duration_seconds", "Calls of the Bot API.", _CALL_BUCKETS, method=_METHODS
)
limited = _counter("telegram_rate_limited_total", "429 answers of the Bot API.", method=_METHODS)
provider_errors = _counter(
    "provider_errors_total", "Errors of image providers.", provider=_LATER, kind=_LATER
)
provider_time = _histogram(
    "provider_duration_seconds",
    "From an order to the news that its picture is there.",
    _JOB_BUCKETS,
    provider=_LATER,
    operation=_LATER,
)
provider_up = _gauge("provider_up", "Whether a provider takes orders.", provider=_LATER)
hooks = _counter(
    "provider_hooks_total", "Webhooks of providers.", verdict=("taken", "late", "forged")
)
handler_errors = _counter("handler_errors_total", "Handlers that failed.", exception=_LATER)
poll_success = _gauge("last_poll_success_timestamp_seconds", "When getUpdates was last answered.")
redis_up = _gauge("redis_up", "Whether Redis answered when it was last asked.")
redis_up.set(1)  # or the program would not be here
redis_memory = _gauge("redis_memory_bytes", "Memory that Redis's data take.")
redis_memory_max = _gauge("redis_memory_max_bytes", "maxmemory of Redis; +Inf: none.")
kept = _gauge("kept_pictures_bytes", "Finished pictures kept on disk.")
mended = _counter(
    "fsck_mended_total",
    "Queue entries repaired by the consistency check.",
    kind=("stray", "lost", "reservation"),
)
lag = _histogram(
    "event_loop_lag_seconds",
    "Delay of the event loop.",
    (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
build = _gauge("build_info", "The running version.", version=_LATER, provider=_LATER)


def preregister(providers: Iterable[str]) -> None:
    """Create the series of these providers."""
    names = tuple(providers)
    for name in names:
        provider_up.labels(name).set(1)
    _with_known(spend, {"provider": names, "operation": ACTIONS})
    _with_known(provider_time, {"provider": names, "operation": ACTIONS})
    _with_known(provider_errors, {"provider": names, "kind": ProviderErrorKind})
