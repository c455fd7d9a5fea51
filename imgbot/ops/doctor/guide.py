"""The guide's checklist before the first users come, ticked as far as it can be seen from here."""

from imgbot.config.setting_types import Address
from imgbot.config.settings import USERS_PER_WORKER, Settings, workers_for
from imgbot.domain.findings import Finding, ok, warning
from imgbot.ops.installation import STATE
from imgbot.ops.loadtest_record import MOST_USERS, LoadTestRecord
from imgbot.ops.packaged_files import has_sandbox

_RATE_PER_MINUTE = 10
"""The guide: ten requests a minute, eight to ten with 200 users and more."""

_INITIAL_S = (1.0, 5.0)
"""The guide: one to two seconds at low load, three to five at high."""


def evaluate(
    settings: Settings,
    maxmemory_bytes: int | None,
    delivered: int | None,
    note: LoadTestRecord | None,
    *,
    watched_at: Address | None,
) -> list[Finding]:
    """Tick each point; `maxmemory_bytes` and `delivered` are Redis's, None where it was not seen.

    `note` is that of the latest load test, and `watched_at` is where somebody can look at
    /metrics at this moment.
    """
    return [
        _workers(settings),
        _rate(settings),
        _polling(settings),
        _redis(maxmemory_bytes),
        _monitoring(settings, watched_at),
        _load(settings, delivered, note),
        _alerts(settings),
    ]


def _workers(settings: Settings) -> Finding:
    have, want = settings.worker_count, workers_for(settings.users or 1)
    sized = f"{settings.users or f'up to {max(have, want) * USERS_PER_WORKER}'} users"
    if have >= want:
        return ok("guide: workers", f"{have}, for {sized}")
    return warning("guide: workers", f"{have}, but {sized} want {want}", f"IMGBOT_WORKERS={want}")


def _rate(settings: Settings) -> Finding:
    count, window_s = settings.rate_limit_max_requests, settings.rate_limit_window
    text = f"{count} requests in {window_s} s per user"
    if count * 60 / window_s <= _RATE_PER_MINUTE:
        return ok("guide: rate limit", text)
    mend = "IMGBOT_RATE_LIMIT_MAX_REQUESTS=10, IMGBOT_RATE_LIMIT_WINDOW=60"
    return warning("guide: rate limit", f"{text}: more than the guide's ten a minute", mend)


def _polling(settings: Settings) -> Finding:
    first_s, most_s = settings.poll_interval_initial, settings.poll_interval_max
    text = f"{settings.polling}, from {first_s:g} to {most_s:g} s"
    low_s, high_s = _INITIAL_S
    if low_s <= first_s <= high_s:
        return ok("guide: polling", text)
    return warning("guide: polling", text, "IMGBOT_POLL_INTERVAL_INITIAL=2.0")


def _redis(maxmemory_bytes: int | None) -> Finding:
    if maxmemory_bytes is None:
        return warning("guide: redis", "its maxmemory was not seen: it did not answer")
    if maxmemory_bytes:
        return ok("guide: redis", f"maxmemory {maxmemory_bytes >> 20} MB")
    mend = "imgbot redis-cli CONFIG SET maxmemory 256mb && imgbot redis-cli CONFIG REWRITE"
    return warning("guide: redis", "it has no maxmemory", mend)


def _monitoring(settings: Settings, watched_at: Address | None) -> Finding:
    where = f"http://{watched_at or settings.http}"
    if watched_at:
        return ok("guide: monitoring", f"{where}/ for people, {where}/metrics for Prometheus")
    return warning(
        "guide: monitoring", f"nothing answers at {where}", "sudo systemctl start imgbot"
    )


def _load(settings: Settings, delivered: int | None, note: LoadTestRecord | None) -> Finding:
    may_be = settings.users or settings.worker_count * USERS_PER_WORKER
    users = min(may_be, MOST_USERS)
    # Only root may leave a note where the service has its state.
    sudo = "sudo " if settings.state_dir == STATE else ""
    mend = f"{sudo}imgbot loadtest --users {users}"
    if not has_sandbox():
        mend = f"repeat the installation with `install --with-sandbox`, then: {mend}"
    if note is None:
        seen = "" if delivered is None else f"; {delivered} pictures delivered so far"
        return warning("guide: load", f"not tested under load yet{seen}", mend)
    text = f"tested with {note.users} users on {note.day}"
    if not note.is_good:
        return warning("guide: load", f"{text}: the guide's criteria did not hold", mend)
    if note.users < users:
        return warning("guide: load", f"{text}, and there may be {may_be}", mend)
    return ok("guide: load", f"{text}: the guide's criteria hold")


def _alerts(settings: Settings) -> Finding:
    if settings.admins:
        return ok("guide: alerts", f"the bot tells IMGBOT_ADMINS: {len(settings.admins)}")
    return warning("guide: alerts", "nobody is told of trouble", "IMGBOT_ADMINS=your Telegram id")
