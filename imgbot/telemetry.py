"""Everything that can happen to an update, a job or a call: one log line, one metric.

The pipeline neither logs nor counts by itself; it calls a function here. Labels are
bounded: no user, chat, file, address or error text ever becomes one.
"""

import itertools
import logging
import math
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from imgbot.job import ACTIONS, ENDS, Job, Operation, State

REGISTRY = CollectorRegistry()
"""What /metrics shows."""

ProcessCollector(registry=REGISTRY)

_log = logging.getLogger("imgbot")

_JOB_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30, 45, 60, 90, 120, 300)
"""Seconds; the alerts' thresholds (30, 60) are boundaries, so their quantiles are exact."""

_MICRO = 1_000_000
_CALL_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

STAGES = ("prepare", "submit", "provider", "render", "deliver")
UPDATE_TYPES = ("message", "edited_message", "callback_query", "inline_query", "other")


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(f"imgbot_{name}", meaning, labels, registry=REGISTRY)


def _gauge(name: str, meaning: str, *labels: str) -> Gauge:
    return Gauge(f"imgbot_{name}", meaning, labels, registry=REGISTRY)


def _histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(f"imgbot_{name}", meaning, labels, buckets=buckets, registry=REGISTRY)


_updates = _counter("updates_received_total", "Updates from Telegram.", "type")
_duplicates = _counter("updates_duplicate_total", "Updates handled in an earlier life.")
_poison = _counter("updates_dead_total", "Updates that could not be handled, set aside.")
_skipped = _counter("updates_skipped_total", "Updates over their chat's share of the window.")
_enqueued = _counter("jobs_enqueued_total", "Jobs admitted.", "operation")
_finished = _counter(
    "jobs_finished_total",
    "Jobs ended; rejected is the person's input or the provider's rules.",
    "operation",
    "status",
)
_duration = _histogram(
    "job_duration_seconds", "From the request to its end.", _JOB_BUCKETS, "operation"
)
_wait = _histogram("job_wait_seconds", "From the request to its claim.", _JOB_BUCKETS, "operation")
_stage = _histogram(
    "job_stage_duration_seconds", "Time in one stage of a job.", _JOB_BUCKETS, "stage"
)
_queue = _gauge("queue_jobs", "Jobs by state.", "queue", "state")
_oldest_waiting = _gauge(
    "queue_oldest_job_timestamp_seconds", "When the oldest waiting job was made; 0: none."
)
_oldest_running = _gauge(
    "job_oldest_running_timestamp_seconds", "When the oldest running job was claimed; 0: none."
)
_workers = _gauge("workers", "Worker lanes.", "state")
_restarts = _counter("worker_restarts_total", "Workers replaced.", "reason")
_refusals = _counter("rate_limit_refusals_total", "Requests over the rate limit.")
_spend = _counter("spend_usd_total", "Money charged by providers.", "provider", "operation")
_spend_today = _gauge("spend_today_usd", "Charged and reserved today.")
_budget = _gauge("spend_budget_usd", "What may be spent in a day; +Inf: no ceiling.")
_admissions = _counter("admission_refusals_total", "Requests not admitted.", "reason")
_calls = _counter("telegram_requests_total", "Calls of the Bot API.", "method", "code")
_call_time = _histogram(
    "telegram_request_duration_seconds", "Calls of the Bot API.", _CALL_BUCKETS, "method"
)
_limited = _counter("telegram_rate_limited_total", "429 answers of the Bot API.", "method")
_provider_errors = _counter("provider_errors_total", "Errors of the image provider.", "kind")
_handler_errors = _counter("handler_errors_total", "Handlers that failed.", "exception")
_poll_success = _gauge("last_poll_success_timestamp_seconds", "When getUpdates was last answered.")
_kept = _gauge("kept_pictures_bytes", "Finished pictures kept on disk.")
_mended = _counter("fsck_mended_total", "Entries that the check of the books mended.", "kind")
_lag = _histogram(
    "event_loop_lag_seconds",
    "How late the event loop runs what is due.",
    (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
_build = _gauge("build_info", "The running version.", "version", "provider")

_STATUS = {State.DELIVERED: "ok", State.CANCELLED: "cancelled", State.DEAD: "failed"}
_REJECTIONS = ("picture_", "edit_", "merge_", "upscale_", "provider_moderated", "provider_invalid")


def declare(providers: Iterable[str]) -> None:
    """Make every known series exist from the start, or `increase()` misses the first event."""
    for operation in Operation:
        _enqueued.labels(operation)
        for status in ("ok", "failed", "rejected", "cancelled"):
            _finished.labels(operation, status)
    for provider, operation in itertools.product(providers, ACTIONS):
        _spend.labels(provider, operation)
    for metric, values in (
        (_updates, UPDATE_TYPES),
        (_stage, STAGES),
        (_restarts, ("killed", "hung", "cancelled", "recycled", "memory")),
        (_admissions, ("full", "many", "paused", "budget", "user_budget")),
        (_mended, ("stray", "lost", "reservation")),
    ):
        for value in values:
            metric.labels(value)


def started(version: str, provider: str, workers: int) -> None:
    _build.labels(version, provider).set(1)
    _log.info("serving: version %s, provider %s, %d workers", version, provider, workers)


def update_received(kind: str) -> None:
    _updates.labels(kind if kind in UPDATE_TYPES else "other").inc()


def update_repeated(update_id: int) -> None:
    _duplicates.inc()
    _log.debug("update %d was handled before", update_id)


def update_set_aside(update_id: int, error: BaseException) -> None:
    _poison.inc()
    _handler_errors.labels(type(error).__name__).inc()
    _log.error("update %d is set aside", update_id, exc_info=error)


def album_failed(album: str, error: BaseException) -> None:
    _handler_errors.labels(type(error).__name__).inc()
    _log.error("album %s could not be handled", album, exc_info=error)


def update_skipped(update_id: int) -> None:
    _skipped.inc()
    _log.debug("update %d is over its chat's share", update_id)


def update_postponed(update_id: int, error: BaseException) -> None:
    _log.warning("update %d is not handled yet: %s", update_id, error)


def polling_failed(error: BaseException, delay_s: float) -> None:
    _log.warning("getUpdates: %s; again in %.1f s", type(error).__name__, delay_s)


def polling_answered(now_s: float) -> None:
    _poll_success.set(now_s)


def rate_limited() -> None:
    _refusals.inc()


def admission_refused(reason: str) -> None:
    _admissions.labels(reason).inc()


def job_admitted(job: Job, place: int) -> None:
    _enqueued.labels(job.operation).inc()
    _log.info("job %s: %s admitted, place %d", job.id, job.operation, place)


def job_claimed(job: Job) -> None:
    wait_s = (job.claimed_ms - job.created_ms) / 1000
    _wait.labels(job.operation).observe(max(wait_s, 0))
    _log.info("job %s: claimed after %.1f s", job.id, wait_s)


def job_adopted(job: Job) -> None:
    _log.info("job %s: adopted at %s", job.id, job.state)


def job_moved(job: Job) -> None:
    _log.info("job %s: %s", job.id, job.state)


def job_finished(job: Job, outcome: State, now_ms: int) -> None:
    if outcome not in ENDS:
        raise ValueError(f"{outcome} is not an end")
    status = _STATUS.get(outcome, "failed")
    if outcome is State.FAILED and job.reason.startswith(_REJECTIONS):
        status = "rejected"
    seconds = max((now_ms - job.created_ms) / 1000, 0)
    _finished.labels(job.operation, status).inc()
    _duration.labels(job.operation).observe(seconds)
    _log.info("job %s: %s after %.1f s %s", job.id, outcome, seconds, job.reason)


def picture_charged(job: Job) -> None:
    if job.price_micro:
        _spend.labels(job.provider or "unknown", job.operation).inc(job.price_micro / _MICRO)


def spend_measured(today_micro: int, budget_micro: int | None) -> None:
    _spend_today.set(today_micro / _MICRO)
    _budget.set(math.inf if budget_micro is None else budget_micro / _MICRO)


def job_let_go(job_id: str, error: BaseException) -> None:
    _log.warning("job %s: let go (%s)", job_id, error)


def announcement_failed(job_id: str, error: BaseException) -> None:
    _log.warning("job %s: not announced yet (%s: %s)", job_id, type(error).__name__, error)


def job_waits(job_id: str, error: BaseException, delay_s: float) -> None:
    _log.warning("job %s: %s; again in %.0f s", job_id, error, delay_s)


def job_stumbled(job_id: str, error: BaseException) -> None:
    _handler_errors.labels(type(error).__name__).inc()
    _log.error("job %s: a step failed", job_id, exc_info=error)


def stage_took(stage: str, seconds: float) -> None:
    _stage.labels(stage).observe(max(seconds, 0))


def provider_failed(job_id: str, kind: str, detail: str) -> None:
    _provider_errors.labels(kind).inc()
    _log.warning("job %s: provider: %s", job_id, detail)


def worker_replaced(reason: str) -> None:
    _restarts.labels(reason).inc()
    _log.warning("a worker was replaced: %s", reason)


def call_made(method: str, code: str, seconds: float) -> None:
    _calls.labels(method, code).inc()
    _call_time.labels(method).observe(seconds)


def call_limited(method: str, retry_after_s: float) -> None:
    _limited.labels(method).inc()
    _log.warning("Telegram: %s is to wait %.0f s", method, retry_after_s)


def books_checked(strays: int, lost: int, days: int) -> None:
    _mended.labels("stray").inc(strays)
    _mended.labels("lost").inc(lost)
    _mended.labels("reservation").inc(days)
    if strays or lost:
        _log.warning("the books were mended: %d strays removed, %d jobs put back", strays, lost)
    if days:
        _log.warning("the money that jobs reserve was counted anew on %d days", days)


def pictures_kept(size_bytes: int) -> None:
    _kept.set(size_bytes)


def queue_measured(waiting: int, running: int, dead: int, oldest_waiting_ms: int) -> None:
    for state, count in (("waiting", waiting), ("running", running), ("dead", dead)):
        _queue.labels("img_queue", state).set(count)
    _oldest_waiting.set(oldest_waiting_ms / 1000)


def running_measured(claimed_ms: Iterable[int]) -> None:
    _oldest_running.set(min(claimed_ms, default=0) / 1000)


def workers_measured(size: int, started: int, busy: int) -> None:
    for state, count in (("wanted", size), ("started", started), ("busy", busy)):
        _workers.labels(state).set(count)


def loop_lagged(seconds: float) -> None:
    _lag.observe(seconds)


def noted(sentence: str, *facts: object) -> None:
    """Log a rare event of the process itself: a start, a signal, an outage."""
    _log.info(sentence, *facts)


def warned(sentence: str, *facts: object) -> None:
    _log.warning(sentence, *facts)


def stopped_by(error: BaseException) -> None:
    _log.error("%s", error)


def crashed(error: BaseException) -> None:
    _log.critical("ended by an error that nobody foresaw", exc_info=error)
