"""Events of updates, jobs and calls: one log line and one metric each.

The pipeline neither logs nor counts by itself; it calls a function here. Labels are
bounded: no user, chat, file, address or error text ever becomes one.
"""

import logging
import math
from collections.abc import Iterable, Mapping

from imgbot.domain.errors import FloodWaitError
from imgbot.domain.job import ENDS, Job, State
from imgbot.telemetry import metrics
from imgbot.telemetry.thresholds import Load

_log = logging.getLogger("imgbot")

_MICRO = 1_000_000
_STATUS = {State.DELIVERED: "ok", State.CANCELLED: "cancelled", State.DEAD: "failed"}
_REJECTIONS = (
    *("picture_", "edit_", "merge_", "upscale_", "too_many_for_service"),
    *("provider_moderated", "provider_invalid", "provider_unsuitable"),
)


def started(version: str, provider: str, workers: int) -> None:
    metrics.build.labels(version, provider).set(1)
    _log.info("serving: version %s, provider %s, %d workers", version, provider, workers)


def update_received(kind: str) -> None:
    metrics.updates.labels(kind if kind in metrics.UPDATE_TYPES else "other").inc()


def update_repeated(update_id: int) -> None:
    metrics.duplicates.inc()
    _log.debug("update %d was handled before", update_id)


def update_dead_lettered(update_id: int, error: BaseException) -> None:
    metrics.poison.inc()
    metrics.handler_errors.labels(type(error).__name__).inc()
    _log.error("update %d is set aside", update_id, exc_info=error)


def album_failed(album: str, error: BaseException) -> None:
    metrics.handler_errors.labels(type(error).__name__).inc()
    _log.error("album %s could not be handled", album, exc_info=error)


def update_skipped(update_id: int) -> None:
    metrics.skipped.inc()
    _log.debug("update %d exceeds its chat's share", update_id)


def update_deferred(update_id: int) -> None:
    _log.info("update %d is deferred", update_id)


def updates_measured(oldest_ms: int) -> None:
    metrics.oldest_update.set(oldest_ms / 1000)


def update_postponed(update_id: int, error: BaseException) -> None:
    _log.log(_level_of(error), "update %d is not handled yet: %s", update_id, error)


def _level_of(error: BaseException) -> int:
    # `call_limited` has told of a flood wait, and one line is enough.
    return logging.DEBUG if isinstance(error, FloodWaitError) else logging.WARNING


def polling_failed(error: BaseException, delay_s: float) -> None:
    _log.warning("getUpdates: %s; again in %.1f s", type(error).__name__, delay_s)


def polling_answered(now_s: float) -> None:
    metrics.poll_success.set(now_s)


def rate_limited() -> None:
    metrics.refusals.inc()


def admission_refused(reason: str) -> None:
    metrics.admissions.labels(reason).inc()


def job_admitted(job: Job, place: int) -> None:
    metrics.enqueued.labels(job.request.operation).inc()
    _log.info("job %s: %s admitted, position %d", job.id, job.request.operation, place)


def job_claimed(job: Job) -> None:
    wait_s = (job.progress.claimed_ms - job.created_ms) / 1000
    metrics.wait.labels(job.request.operation).observe(max(wait_s, 0))
    _log.info("job %s: claimed after %.1f s", job.id, wait_s)


def job_adopted(job: Job) -> None:
    _log.info("job %s: resumed at %s", job.id, job.state)


def job_moved(job: Job) -> None:
    _log.info("job %s: %s", job.id, job.state)


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
    _log.info("job %s: %s after %.1f s %s", job.id, outcome, seconds, job.progress.reason)


def picture_charged(job: Job) -> None:
    if job.charge.price_micro:
        metrics.spend.labels(*_labels(job)).inc(job.charge.price_micro / _MICRO)


def spend_measured(today_micro: int, budget_micro: int | None) -> None:
    metrics.spend_today.set(today_micro / _MICRO)
    metrics.budget.set(math.inf if budget_micro is None else budget_micro / _MICRO)


def job_released(job_id: str, error: BaseException) -> None:
    _log.warning("job %s: moved or ended by another process (%s)", job_id, error)


def announcement_failed(job_id: str, error: BaseException) -> None:
    _log.warning(
        "job %s: status message not sent yet (%s: %s)", job_id, type(error).__name__, error
    )


def job_waits(job_id: str, error: BaseException, delay_s: float) -> None:
    _log.log(_level_of(error), "job %s: %s; again in %.0f s", job_id, error, delay_s)


def job_step_failed(job_id: str, error: BaseException) -> None:
    metrics.handler_errors.labels(type(error).__name__).inc()
    _log.error("job %s: a step failed", job_id, exc_info=error)


def stage_took(stage: str, seconds: float) -> None:
    metrics.stage.labels(stage).observe(max(seconds, 0))


def provider_failed(job: Job, kind: str, detail: str) -> None:
    metrics.provider_errors.labels(job.progress.provider or "unknown", kind).inc()
    _log.warning("job %s: provider: %s", job.id, detail)


def provider_task_done(job: Job, seconds: float) -> None:
    metrics.provider_time.labels(*_labels(job)).observe(max(seconds, 0))


def _labels(job: Job) -> tuple[str, str]:
    return job.progress.provider or "unknown", job.request.operation


def provider_out(provider: str, kind: str) -> None:
    _log.error("provider %s is out of service: %s", provider, kind)


def providers_measured(is_out: Mapping[str, bool]) -> None:
    for provider, out in is_out.items():
        metrics.provider_up.labels(provider).set(not out)


def hook_received(verdict: str) -> None:
    metrics.hooks.labels(verdict).inc()
    if verdict == "forged":
        _log.warning("webhook refused: it does not verify as its provider's")


def submit_confirmed_by_webhook(job_id: str) -> None:
    _log.info("job %s: submit confirmed by webhook after a lost response", job_id)


def order_found(job_id: str) -> None:
    _log.info("job %s: submit found in the provider's list after a lost response", job_id)


def chat_model_failed(error: str, pause_s: float) -> None:
    if pause_s:
        _log.warning("the chat model fails (%s); it is not asked for %d s", error, pause_s)


def worker_replaced(reason: str) -> None:
    metrics.restarts.labels(reason).inc()
    _log.warning("worker replaced: %s", reason)


def call_made(method: str, code: str, seconds: float) -> None:
    metrics.calls.labels(method, code).inc()
    metrics.call_time.labels(method).observe(seconds)


def call_limited(method: str, retry_after_s: float) -> None:
    metrics.limited.labels(method).inc()
    _log.warning("Telegram: %s rate-limited for %.0f s", method, retry_after_s)


def queue_repaired(strays: int, lost: int, days: int) -> None:
    metrics.mended.labels("stray").inc(strays)
    metrics.mended.labels("lost").inc(lost)
    metrics.mended.labels("reservation").inc(days)
    if strays or lost:
        _log.warning(
            "queue repaired: %d orphaned entries removed, %d lost jobs re-queued", strays, lost
        )
    if days:
        _log.warning("reservations recalculated for %d days", days)


def pictures_kept(size_bytes: int) -> None:
    metrics.kept.set(size_bytes)


def redis_measured(used_bytes: int, limit_bytes: int) -> None:
    metrics.redis_up.set(1)
    metrics.redis_memory.set(used_bytes)
    metrics.redis_memory_max.set(limit_bytes or math.inf)


def redis_away(error: BaseException) -> None:
    metrics.redis_up.set(0)
    _log.warning("the queue was not measured: %s", error)


def queue_measured(load: Load, dead: int, oldest_waiting_ms: int, workers_started: int) -> None:
    for state, count in (("waiting", load.waiting), ("running", load.running), ("dead", dead)):
        metrics.queue.labels(metrics.QUEUE, state).set(count)
    metrics.oldest_waiting.set(oldest_waiting_ms / 1000)
    sizes = {"wanted": load.workers, "started": workers_started, "busy": load.busy}
    for state, count in sizes.items():
        metrics.workers.labels(state).set(count)


def running_measured(claimed_ms: Iterable[int]) -> None:
    metrics.oldest_running.set(min(claimed_ms, default=0) / 1000)


def loop_lagged(seconds: float) -> None:
    metrics.lag.observe(seconds)


def info(sentence: str, *facts: object) -> None:
    """Log a rare event of the process itself: a start, a signal, an outage."""
    _log.info(sentence, *facts)


def warning(sentence: str, *facts: object) -> None:
    _log.warning(sentence, *facts)


def error(sentence: str, *facts: object) -> None:
    _log.error(sentence, *facts)


def stuck(where: str) -> None:
    _log.critical("stuck: %s; under systemd, the bot is restarted", where)


def stop_hangs(tasks: Iterable[str]) -> None:
    _log.critical("the stop hangs; ended, and the next start goes on where this one was")
    for task in tasks:
        _log.critical("pending task: %s", task)


def stopped_by(error: BaseException) -> None:
    _log.error("%s", error)


def crashed(error: BaseException) -> None:
    _log.critical("stopped by an unexpected error", exc_info=error)
