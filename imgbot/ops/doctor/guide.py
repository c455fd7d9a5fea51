"""The guide's checklist before the first users come, and the record of the latest load test."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, PositiveInt, TypeAdapter
from pydantic.dataclasses import dataclass

from imgbot.config.setting_types import Address
from imgbot.config.settings import USERS_PER_WORKER, Settings, workers_for
from imgbot.domain.findings import Finding, ok, warning
from imgbot.files import anchored, as_owner, open_plain, replace_file
from imgbot.ops.installation import STATE, has_sandbox
from imgbot.ops.state_directory import LOADTEST_RECORD

MOST_USERS = 5_000
"""Users that a load test simulates at most."""

_MOST_BYTES = 1000
_YEAR_10_000_S = 253_402_300_800


@dataclass(frozen=True, config=ConfigDict(strict=True))
class LoadTestRecord:
    """The latest load test: of how many users, and whether the guide's criteria were met."""

    users: Annotated[int, Field(gt=0, le=MOST_USERS)]
    workers: PositiveInt
    is_good: bool
    at_s: Annotated[float, Field(ge=0, lt=_YEAR_10_000_S, allow_inf_nan=False)]
    """Since 1970."""

    @property
    def day(self) -> str:
        return time.strftime("%Y-%m-%d", time.localtime(self.at_s))


_RECORD = TypeAdapter(LoadTestRecord)


def write_record(state_dir: Path, record: LoadTestRecord) -> None:
    """Keep the record; raises OSError where there is no such folder, or it may not be written."""
    with anchored(state_dir) as here, as_owner(here):
        replace_file(here / LOADTEST_RECORD, _RECORD.dump_json(record) + b"\n", 0o644)


def read_record(state_dir: Path) -> LoadTestRecord | None:
    """Return the record, None where there is none that can be read.

    The doctor is root, and the folder's owner may have put anything there.
    """
    try:
        with open_plain(state_dir / LOADTEST_RECORD) as file:
            return _RECORD.validate_json(file.read(_MOST_BYTES))
    except (OSError, ValueError):
        return None


_RATE_PER_MINUTE = 10
"""The guide: ten requests a minute, eight to ten with 200 users and more."""

_INITIAL_S = (1.0, 5.0)
"""The guide: one to two seconds at low load, three to five at high."""


def evaluate(
    settings: Settings,
    maxmemory_bytes: int | None,
    record: LoadTestRecord | None,
    *,
    watched_at: Address | None,
    start: str,
) -> list[Finding]:
    """Check each point; `maxmemory_bytes` is that of Redis, None if unknown.

    `record` is that of the latest load test, `watched_at` the address that serves /metrics now,
    `start` the command that starts the bot, empty where none would.
    """
    memory = "unknown" if maxmemory_bytes is None else f"{maxmemory_bytes >> 20} MB"
    where = f"http://{watched_at or settings.http}"
    return [
        *_sized(settings),
        _point(
            "redis",
            f"maxmemory {memory}",
            "imgbot redis-cli CONFIG SET maxmemory 256mb && imgbot redis-cli CONFIG REWRITE",
            is_met=bool(maxmemory_bytes),
        ),
        _point(
            "monitoring",
            f"{where}/ for people, {where}/metrics for Prometheus",
            start,
            is_met=watched_at is not None,
        ),
        _load(settings, record),
        _point(
            "alerts",
            f"alerts go to IMGBOT_ADMINS: {len(settings.admins) or 'nobody'}",
            "IMGBOT_ADMINS=your Telegram id, which /privacy in the chat shows",
            is_met=bool(settings.admins),
        ),
    ]


def _point(name: str, text: str, advice: str, *, is_met: bool) -> Finding:
    return ok(f"guide: {name}", text) if is_met else warning(f"guide: {name}", text, advice)


def _sized(settings: Settings) -> Iterator[Finding]:
    """Check the settings that the guide gives a size."""
    workers, wanted = settings.worker_count, workers_for(settings.users or 1)
    users = f"{settings.users or f'up to {max(workers, wanted) * USERS_PER_WORKER}'} users"
    text = f"{workers}, for {users} ({wanted} needed)"
    yield _point("workers", text, f"IMGBOT_WORKERS={wanted}", is_met=workers >= wanted)
    count, window_s = settings.rate_limit_max_requests, settings.rate_limit_window
    yield _point(
        "rate limit",
        f"{count} requests in {window_s} s per user; the guide: ten a minute",
        "IMGBOT_RATE_LIMIT_MAX_REQUESTS=10, IMGBOT_RATE_LIMIT_WINDOW=60",
        is_met=count * 60 / window_s <= _RATE_PER_MINUTE,
    )
    first_s, most_s = settings.poll_interval_initial, settings.poll_interval_max
    yield _point(
        "polling",
        f"learned, from {first_s:g} to {most_s:g} s",
        "IMGBOT_POLL_INTERVAL_INITIAL=2.0",
        is_met=_INITIAL_S[0] <= first_s <= _INITIAL_S[1],
    )


def _load(settings: Settings, record: LoadTestRecord | None) -> Finding:
    may_be = settings.users or settings.worker_count * USERS_PER_WORKER
    users = min(may_be, MOST_USERS)
    # Only root may leave a record where the service has its state.
    sudo = "sudo " if settings.state_dir == STATE else ""
    advice = f"{sudo}imgbot loadtest --users {users}"
    if not has_sandbox():
        advice = f"repeat the installation with `install --with-sandbox`, then: {advice}"
    if record is None:
        return _point("load", "not tested under load yet", advice, is_met=False)
    met = "were" if record.is_good else "were not"
    text = f"tested with {record.users} of {may_be} users on {record.day}"
    is_met = record.is_good and record.users >= users
    return _point("load", f"{text}: the guide's criteria {met} met", advice, is_met=is_met)
