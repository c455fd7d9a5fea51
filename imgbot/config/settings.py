"""Settings of one run, read from the environment; each refusal names its variable.

A field `rate_limit_window` is the variable `IMGBOT_RATE_LIMIT_WINDOW`; only the providers' keys
keep the names that their presets give. Empty means unset, everywhere.
"""

import functools
import math
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    create_model,
)

from imgbot.config.setting_types import (
    Address,
    SettingDoc,
    check_http_url,
    check_https_url,
    check_redis_url,
    check_token,
    parse_address,
    parse_ids,
    parse_models,
    parse_prices,
    parse_provider_urls,
    parse_usd,
)
from imgbot.domain.errors import ConfigError
from imgbot.domain.operations import ACTIONS, Operation

PRESETS = resources.files("imgbot") / "providers" / "presets"
"""Folder of the provider files that come with imgbot, one TOML file per provider."""

_PRESET_NAMES = sorted(
    file.name.removesuffix(".toml") for file in PRESETS.iterdir() if file.name.endswith(".toml")
)
_NAMES = f"builtin, {', '.join(_PRESET_NAMES)}, or the path of a .toml file"
_KEY_NAME = re.compile(r"(?!IMGBOT_)[A-Z][A-Z0-9_]{2,60}")

_ACTION_NAMES = ", ".join(f"`{operation}`" for operation in ACTIONS)

CHOICES = ("provider", *(f"provider_{operation}" for operation in ACTIONS), "provider_fallback")
"""The settings that name a provider, or the path of its file."""


@dataclass(frozen=True, slots=True)
class KeyNames:
    """Variables of a provider's secrets, empty for what it does not need."""

    key: str = ""
    hook_key: str = ""
    """Of the key that signs its webhooks, where that is not published."""


@functools.cache
def key_names() -> Mapping[str, KeyNames]:
    """Return the variables of the secrets of every provider that comes with imgbot."""
    of_presets = {name: _key_names_in(PRESETS / f"{name}.toml") for name in _PRESET_NAMES}
    return {"builtin": KeyNames(), **of_presets}


def key_variables() -> Mapping[str, str]:
    """Return every variable of such a secret, each with its meaning."""
    found: dict[str, str] = {}
    for provider, names in key_names().items():
        found[names.key] = f"key of the provider `{provider}`"
        found[names.hook_key] = f"key that `{provider}` signs its webhooks with"
    found.pop("", None)
    return found


def key_names_of(provider: str) -> KeyNames:
    """Return the variables of a provider's secrets, by its name or the path of its own file.

    Raises ConfigError where there is no such file; an error in it is reported when it is opened.
    """
    if not provider.endswith(".toml"):
        return key_names().get(provider, KeyNames())
    path = Path(provider)
    if not path.is_file():
        raise ConfigError("IMGBOT_PROVIDER", f"there is no file {path}")
    return _key_names_in(path)


def _key_names_in(file: Path | Traversable) -> KeyNames:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        return KeyNames()
    hook = content.get("hook")
    hook_key = hook.get("key") if isinstance(hook, dict) else ""
    return KeyNames(_key_name(content.get("key")), _key_name(hook_key))


def _key_name(text: Any) -> str:
    return text if isinstance(text, str) and _KEY_NAME.fullmatch(text) else ""


def variable_of(field: str) -> str:
    return f"IMGBOT_{field.upper()}"


_Other = Annotated[
    str,
    SettingDoc(
        "provider of this operation",
        _NAMES,
        default="`IMGBOT_PROVIDER`, else `builtin` where that cannot",
    ),
]


class _DefaultProvider(BaseModel):
    """The provider of every operation that has none of its own."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=variable_of, hide_input_in_errors=True
    )

    provider: Annotated[
        str,
        SettingDoc(
            "image provider: `builtin` needs no key; "
            f"{', '.join(f'`{name}`' for name in _PRESET_NAMES)}; "
            "or the path of your own TOML file",
            _NAMES,
        ),
    ] = "builtin"


if TYPE_CHECKING:
    _ProviderOfEach = _DefaultProvider
else:
    _ProviderOfEach = create_model(
        "_ProviderOfEach",
        __base__=_DefaultProvider,
        **{f"provider_{operation}": (_Other, "") for operation in ACTIONS},
    )


class ProviderSettings(_ProviderOfEach):
    """Settings of image providers; `provider_<operation>` is a field of each."""

    provider_fallback: Annotated[
        str,
        SettingDoc(
            "fallback provider for jobs that their provider refuses before a task exists (no "
            "credit, out of service); never for one that moderation refused, or that may have "
            "been accepted",
            _NAMES,
            default="unset: none",
        ),
    ] = ""
    provider_url: Annotated[
        tuple[tuple[str, str], ...],
        BeforeValidator(parse_provider_urls),
        SettingDoc(
            "another base URL of the provider: a gateway, a server of your own; for several "
            "providers `comfyui=http://10.0.0.2:8188, openai=https://gateway.example/v1`",
            "an http(s) address, or name=address with commas",
            default="unset: the provider's own",
        ),
    ] = ()
    models: Annotated[
        tuple[tuple[str, str], ...],
        BeforeValidator(parse_models),
        SettingDoc(
            "another model of the provider's file, by operation: "
            "`create=black-forest-labs/flux-schnell`",
            "models by operation, with commas: create=…, upscale=…",
            default="unset: the first of the file",
        ),
    ] = ()
    prices: Annotated[
        tuple[tuple[str, int], ...],
        BeforeValidator(parse_prices),
        SettingDoc(
            f"what a picture costs you in US dollars, by operation ({_ACTION_NAMES}), where you "
            "pay another price: `create=0.04, edit=0.05`",
            "US dollars by operation, with commas: create=0.04, edit=0.05",
            default="unset: the provider's own",
        ),
    ] = ()
    public_url: Annotated[
        str,
        AfterValidator(check_https_url),
        SettingDoc(
            "the https address under which the internet reaches `/hook/…` of `IMGBOT_HTTP`: "
            "providers then tell at once that a picture is ready; polling alone does, too",
            "an https address, like https://bot.example.org",
            default="unset: no webhooks",
        ),
    ] = ""
    _keys: dict[str, SecretStr] = PrivateAttr(default_factory=dict[str, SecretStr])

    def provider_for(self, operation: Operation) -> str:
        """Return the provider chosen for an operation, by name or path."""
        return getattr(self, f"provider_{operation.value}", "") or self.provider

    @property
    def providers(self) -> tuple[str, ...]:
        """Every provider that is used, by name or path, each once."""
        chosen = (self.provider, *(self.provider_for(op) for op in ACTIONS), self.provider_fallback)
        return tuple(dict.fromkeys(name for name in chosen if name))

    def keep_keys(self, keys: Mapping[str, str]) -> None:
        """Add the values of variables that hold secrets of providers."""
        self._keys.update({variable: SecretStr(key) for variable, key in keys.items()})

    def key_of(self, provider: str) -> SecretStr | None:
        """Return the key of a provider, None where it needs none or has none."""
        return self._keys.get(key_names_of(provider).key)

    def hook_key_of(self, provider: str) -> SecretStr | None:
        """Return the key that signs a provider's webhooks, None where none is given."""
        return self._keys.get(key_names_of(provider).hook_key)

    def url_of(self, provider: str) -> str:
        """Return the base URL that the operator gave a provider, empty for its own."""
        urls = dict(self.provider_url)
        plain = urls.get("", "") if provider == self.provider else ""
        return urls.get(provider, plain)

    @property
    def provider_secrets(self) -> list[str]:
        return [key.get_secret_value() for key in self._keys.values()]


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
    forget_after_days: Annotated[
        int,
        Field(ge=0, le=36_500),
        SettingDoc(
            "days without a message after which everything about a user is deleted; 0 never",
            _whole(0, 36_500),
        ),
    ] = 365
    chat_url: Annotated[
        str,
        AfterValidator(check_http_url),
        SettingDoc(
            "OpenAI-compatible chat model that is asked what an unsure message means, as text "
            "only: the address before `/chat/completions`, with `IMGBOT_CHAT_MODEL`",
            "an address like https://api.openai.com/v1",
            default="unset: the bot asks the user",
        ),
    ] = ""
    chat_model: Annotated[
        str, SettingDoc("name of that chat model", "the name of a model, like gpt-4.1-mini")
    ] = ""
    chat_key: Annotated[
        SecretStr | None,
        SettingDoc(
            "key of that chat model; better as the systemd credential `chat-key`",
            "the key, or leave it unset where none is needed",
        ),
    ] = None
    chat_daily_limit: Annotated[
        int,
        Field(ge=0, le=1_000_000),
        SettingDoc("maximum number of questions to that chat model per day", _whole(0, 1_000_000)),
    ] = 500
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
            "`/stuck`, `/spend`, `/ban`, `/unban`, `/allow`, `/forget`, `/pause`, `/resume`, "
            "`/broadcast`) and receive alerts",
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
