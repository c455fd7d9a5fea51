"""The environment and systemd's credentials → one frozen Settings; each refusal names its variable.

Rule: a field `rate_limit_window` is the variable `IMGBOT_RATE_LIMIT_WINDOW`; only the providers'
keys keep the names that their providers gave them. Empty means unset, everywhere.
"""

import math
import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from imgbot.config.provider_settings import ProviderSettings
from imgbot.config.setting_types import (
    Address,
    SettingDoc,
    check_http_url,
    check_redis_url,
    check_token,
    parse_address,
    parse_ids,
    parse_usd,
)

USERS_PER_WORKER = 30
MIN_WORKERS = 5
MAX_WORKERS = 200
MIN_REDIS_MEMORY_MB = 256
MAX_DEFAULT_REDIS_MEMORY_MB = 4096
SPARE_HTTP_PORTS = range(8081, 8090)
"""Fallback ports of the status page, for an unset IMGBOT_HTTP whose default port is taken."""


def workers_for(users: int) -> int:
    """Size the pool for so many users: one worker per thirty, and never fewer than five."""
    return max(MIN_WORKERS, math.ceil(users / USERS_PER_WORKER))


def redis_memory_mb_for(machine_bytes: int) -> int:
    """Size the embedded Redis for a machine: a quarter of its memory, within bounds."""
    return min(max(machine_bytes // 4 >> 20, MIN_REDIS_MEMORY_MB), MAX_DEFAULT_REDIS_MEMORY_MB)


def _whole(low: int, high: int) -> str:
    return f"a whole number from {low} to {high}"


_Count = Annotated[int, Field(ge=1, le=100_000)]
_Interval = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
_MicroUsd = Annotated[int | None, BeforeValidator(parse_usd)]
_Ids = Annotated[tuple[int, ...], BeforeValidator(parse_ids)]


class Settings(ProviderSettings):
    """Everything that an operator can set, checked; read once, and again at a reload."""

    token: Annotated[
        SecretStr,
        AfterValidator(check_token),
        SettingDoc(
            "the bot's token; better as the systemd credential `bot-token`",
            "the token that @BotFather gave, like 123456789:AAE… (or the credential bot-token)",
        ),
    ]
    telegram_api: Annotated[
        str,
        AfterValidator(check_http_url),
        SettingDoc("the Bot API server", "an address like https://api.telegram.org"),
    ] = "https://api.telegram.org"
    redis_url: Annotated[
        SecretStr | None,
        AfterValidator(check_redis_url),
        SettingDoc(
            "a Redis of your own (also as the credential `redis-url`); unset, imgbot runs its own",
            "redis://127.0.0.1:6379/0 or unix:///run/redis/redis-server.sock, or leave it unset",
            default="unset: the embedded Redis",
        ),
    ] = None
    redis_memory_mb: Annotated[
        int | None,
        Field(ge=64, le=1_000_000),
        SettingDoc(
            "megabytes that the embedded Redis may fill; each picture delivered within 30 days "
            "takes about 1.5 KB",
            _whole(64, 1_000_000),
            default=f"unset: a quarter of the memory, from {MIN_REDIS_MEMORY_MB} to "
            f"{MAX_DEFAULT_REDIS_MEMORY_MB}",
        ),
    ] = None
    accept_volatile_redis: Annotated[
        bool,
        SettingDoc("run on a Redis that may lose jobs, for a trial", "yes or no"),
    ] = False
    users: Annotated[
        _Count | None,
        SettingDoc(
            "number of users to size for: one worker per "
            f"{USERS_PER_WORKER}, at least {MIN_WORKERS}",
            _whole(1, 100_000),
        ),
    ] = None
    workers: Annotated[
        int | None,
        Field(ge=1, le=MAX_WORKERS),
        SettingDoc(
            "number of worker processes",
            _whole(1, MAX_WORKERS),
            default=f"from IMGBOT_USERS, else {MIN_WORKERS}",
        ),
    ] = None
    jobs_per_worker: Annotated[
        _Count, SettingDoc("maximum number of running jobs per worker", _whole(1, 100_000))
    ] = 50
    queue_limit: Annotated[
        _Count, SettingDoc("maximum number of waiting jobs, all users", _whole(1, 100_000))
    ] = 500
    waiting_per_user: Annotated[
        _Count, SettingDoc("maximum number of waiting jobs per user", _whole(1, 100_000))
    ] = 20
    running_per_user: Annotated[
        _Count, SettingDoc("maximum number of running jobs per user", _whole(1, 100_000))
    ] = 3
    daily_budget: Annotated[
        _MicroUsd,
        SettingDoc(
            "daily budget in US dollars, all users, by the server's clock; when it is spent, paid "
            "pictures wait for the next day",
            "US dollars, like 5 or 2.50",
            default="unset: no limit",
        ),
    ] = None
    user_daily_limit: Annotated[
        _MicroUsd,
        SettingDoc(
            "daily budget in US dollars per user",
            "US dollars, like 1 or 0.50",
            default="unset: no limit",
        ),
    ] = None
    rate_limit_window: Annotated[
        int,
        Field(ge=1, le=86_400),
        SettingDoc("rate limit window in seconds", _whole(1, 86_400)),
    ] = 60
    rate_limit_max_requests: Annotated[
        _Count,
        SettingDoc(
            "maximum number of requests, and of commands, per user and window", _whole(1, 100_000)
        ),
    ] = 10
    poll_interval_initial: Annotated[
        _Interval,
        SettingDoc("initial polling interval in seconds", "seconds, like 2.0"),
    ] = 2.0
    poll_interval_max: Annotated[
        _Interval,
        SettingDoc("maximum polling interval in seconds", "seconds, like 10.0"),
    ] = 10.0
    image_poll_max_attempts: Annotated[
        _Count, SettingDoc("maximum number of status polls per job", _whole(1, 100_000))
    ] = 60
    polling: Annotated[
        Literal["learned", "fixed"],
        SettingDoc(
            "`fixed` polls by the two intervals; `learned` starts like that, learns how long each "
            "model takes, then polls as often but when pictures are due: first after three "
            "times `IMGBOT_POLL_INTERVAL_MAX` at the latest, from then on at most that interval "
            "and at least a quarter of `IMGBOT_POLL_INTERVAL_INITIAL` apart",
            "learned or fixed",
        ),
    ] = "learned"
    http: Annotated[
        Address,
        BeforeValidator(parse_address),
        SettingDoc(
            "address of the status page, `/healthz` and `/metrics`, reachable by this host, "
            "`localhost` or a literal address, by no other name; if unset and the port is taken, "
            "the next free port up to 8089",
            "a host and port: 127.0.0.1:8080",
        ),
    ] = Address("127.0.0.1", 8080)
    state_dir: Annotated[
        Path,
        AfterValidator(Path.absolute),
        SettingDoc(
            "state directory: everything that must outlive a restart",
            "the path of a folder that imgbot may write to",
            default="`$STATE_DIRECTORY`, else `~/.local/state/imgbot`",
        ),
    ]
    kept_pictures_mb: Annotated[
        int,
        Field(ge=0, le=1_000_000),
        SettingDoc(
            "megabytes of finished pictures kept on disk for the button “As a file”, for 30 "
            "days at most; 0 keeps none",
            _whole(0, 1_000_000),
        ),
    ] = 2000
    environment_file: Annotated[
        Path | None,
        SettingDoc(
            "file with these settings, read at start and again at SIGHUP; it overrides variables",
            "the path of a file, like /etc/imgbot/imgbot.env",
        ),
    ] = None
    admins: Annotated[
        _Ids,
        SettingDoc(
            "Telegram ids of administrators; they have extra commands (`/stats`, "
            "`/stuck`, `/spend`, `/ban`, `/unban`, `/allow`, `/pause`, `/resume`, `/broadcast`) "
            "and receive alerts",
            "numeric ids with commas: 11111111,22222222",
        ),
    ] = ()
    allowed_users: Annotated[
        _Ids,
        SettingDoc(
            "Telegram ids of the users and groups that may use the bot",
            "numeric ids with commas: 11111111,-1002222222222",
            default="everybody",
        ),
    ] = ()
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        SettingDoc("minimum level of log lines", "debug, info, warning or error"),
    ] = "info"
    log_format: Annotated[
        Literal["auto", "text", "json"],
        SettingDoc(
            "`auto` and `text` for people, `json` for one object per line", "auto, text or json"
        ),
    ] = "auto"

    @property
    def worker_count(self) -> int:
        if self.workers is not None:
            return self.workers
        return workers_for(self.users) if self.users is not None else MIN_WORKERS

    @property
    def spare_http_ports(self) -> range:
        # Whoever has a public address lets a proxy ask this very port.
        is_fixed = "http" in self.model_fields_set or self.public_url
        return range(0) if is_fixed else SPARE_HTTP_PORTS

    @property
    def redis_memory_bytes(self) -> int:
        machine_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return (self.redis_memory_mb or redis_memory_mb_for(machine_bytes)) << 20

    @property
    def secrets(self) -> tuple[str, ...]:
        """Everything that must never be seen in a log."""
        values = (getattr(self, field) for field in type(self).model_fields)
        found = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
        found += self.provider_secrets
        if self.redis_url is not None:
            found.append(urlsplit(self.redis_url.get_secret_value()).password or "")
        return tuple(secret for secret in found if secret)
