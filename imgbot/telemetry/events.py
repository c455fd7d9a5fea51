"""Events of updates, jobs and calls: one log line and one metric each.

The pipeline neither logs nor counts by itself; it calls a function here. Labels are
bounded: no user, chat, file, address or error text ever becomes one.
"""

import logging
from collections.abc import Sequence

from imgbot.domain.errors import FloodWaitError, RateLimitedError
from imgbot.domain.job import ENDS, Job, State
from imgbot.telemetry import metrics

_log = logging.getLogger("imgbot")
debug, info, warning = _log.debug, _log.info, _log.warning
error, critical = _log.error, _log.critical
"""For what is not counted: a start, a signal, an outage."""

_STATUS = {State.DELIVERED: "ok", State.CANCELLED: "cancelled", State.DEAD: "failed"}
_REJECTIONS = (
    *("area_", "picture_", "edit_", "merge_", "upscale_", "too_many_for_service"),
    *("provider_moderated", "provider_invalid", "provider_unsuitable"),
)


def update_received(kind: str) -> None:
    metrics.updates.labels(kind if kind in metrics.UPDATE_TYPES else "other").inc()


def update_repeated(update_id: int) -> None:
    metrics.duplicates.inc()
    _log.debug("update %d was handled before", update_id)


def failed(error: BaseException, sentence: str, *facts: object) -> None:
    """Count and log what nobody foresaw, with its traceback."""
    metrics.handler_errors.labels(type(error).__name__).inc()
    _log.error(sentence, *facts, exc_info=error)


def update_dead_lettered(update_id: int, error: BaseException) -> None:
    metrics.poison.inc()
    failed(error, "update %d is set aside", update_id)


def update_skipped(update_id: int) -> None:
    metrics.skipped.inc()
    _log.debug("update %d exceeds what one sender or chat may have waiting", update_id)


def update_postponed(update_id: int, error: BaseException) -> None:
    _log.log(_level_of(error), "update %d is not handled yet: %s", update_id, error)


def _level_of(error: BaseException) -> int:
    # `call_limited` has logged a flood wait, and a user's short wait is no trouble.
    is_known = isinstance(error, FloodWaitError | RateLimitedError)
    return logging.DEBUG if is_known else logging.WARNING


def name_of(job: Job) -> str:
    """Return a job as log lines name it: with its operation and user."""
    return f"job {job.id} ({job.request.operation}, user {job.user_id})"


def job_admitted(job: Job, place: int) -> None:
    metrics.enqueued.labels(job.request.operation).inc()
    _log.info("%s: admitted, position %d", name_of(job), place)


def job_claimed(job: Job) -> None:
    wait_s = (job.progress.claimed_ms - job.created_ms) / 1000
    metrics.wait.labels(job.request.operation).observe(max(wait_s, 0))
    _log.info("%s: claimed after %.1f s", name_of(job), wait_s)


def status_of(job: Job, outcome: State) -> str:
    """Return how a job counts that ended: ok, failed, rejected or cancelled."""
    if outcome is State.FAILED and job.progress.reason.startswith(_REJECTIONS):
        return "rejected"
    return _STATUS.get(outcome, "failed")


def job_finished(job: Job, outcome: State, now_ms: int) -> None:
    if outcome not in ENDS:
        raise ValueError(f"{outcome} is not an end")
    status = status_of(job, outcome)
    seconds = max((now_ms - job.created_ms) / 1000, 0)
    metrics.finished.labels(job.request.operation, status).inc()
    metrics.duration.labels(job.request.operation).observe(seconds)
    if outcome is State.DEAD:
        metrics.dead.inc()
    level = logging.WARNING if status == "failed" else logging.INFO
    reason = f": {job.progress.reason}" if job.progress.reason else ""
    _log.log(level, "%s: %s after %.1f s%s", name_of(job), outcome, seconds, reason)


def picture_charged(job: Job) -> None:
    if job.charge.price_micro and not job.charge.is_settled:
        metrics.spend.labels(*_labels(job)).inc(job.charge.price_micro / 1_000_000)


def announcement_failed(name: str, error: BaseException) -> None:
    what = type(error).__name__
    _log.warning("%s: status message not sent yet (%s: %s)", name, what, error)


def step_failed(error: BaseException, job: Job) -> None:
    failed(error, "%s: a step failed", name_of(job))


def job_waits(job: Job, error: BaseException, delay_s: float) -> None:
    _log.log(_level_of(error), "%s: %s; again in %.0f s", name_of(job), error, delay_s)


def stage_took(stage: str, seconds: float) -> None:
    metrics.stage.labels(stage).observe(max(seconds, 0))


def provider_failed(job: Job, kind: str, detail: str) -> None:
    metrics.provider_errors.labels(job.progress.provider or "unknown", kind).inc()
    _log.warning("%s: provider: %s", name_of(job), detail)


def provider_task_done(job: Job, seconds: float) -> None:
    metrics.provider_time.labels(*_labels(job)).observe(max(seconds, 0))


def _labels(job: Job) -> tuple[str, str]:
    return job.progress.provider or "unknown", job.request.operation


def hook_received(verdict: str) -> None:
    metrics.hooks.labels(verdict).inc()
    if verdict == "forged":
        _log.warning("webhook refused: it does not verify as its provider's")


def worker_replaced(reason: str) -> None:
    metrics.restarts.labels(reason).inc()
    _log.warning("worker replaced: %s", reason)


def call_made(method: str, code: str, seconds: float) -> None:
    metrics.calls.labels(method, code).inc()
    metrics.call_time.labels(method).observe(seconds)


def call_limited(method: str, retry_after_s: float) -> None:
    metrics.limited.labels(method).inc()
    _log.warning("Telegram: %s rate-limited for %.0f s", method, retry_after_s)


def entry_unreadable(key: str, fault: str) -> None:
    metrics.unreadable.inc()
    _log.error("%s has an entry that cannot be read (%s): it is left out", key, fault)


def queue_repaired(strays: int, lost: int, days: int, slots: Sequence[str]) -> None:
    metrics.repairs.labels("stray").inc(strays)
    metrics.repairs.labels("lost").inc(lost)
    metrics.repairs.labels("reservation").inc(days)
    metrics.repairs.labels("slot").inc(len(slots))
    if strays or lost:
        _log.warning(
            "queue repaired: %d orphaned entries removed, %d lost jobs re-queued", strays, lost
        )
    if days:
        _log.warning("reservations recalculated for %d days", days)
    for each in slots:
        _log.warning("leaked slots mended: %s", each)
