"""Settings of one run, checked; each refusal names its variable. Their meanings: settings.toml.

A field `rate_limit_window` is the variable `IMGBOT_RATE_LIMIT_WINDOW`; only the providers' keys
keep the names that their presets give. Empty means unset, everywhere.
"""

import functools
import math
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr

from imgbot.config.setting_types import (
    Address,
    AddressToListenOn,
    BotToken,
    ChatParts,
    ChatServer,
    GroupLimits,
    HttpsUrl,
    HttpUrl,
    Ids,
    PerGroup,
    PerUser,
    PositiveCount,
    Providers,
    ProviderUrls,
    RedisUrl,
    Secret,
    Usd,
    UserLimits,
    is_of_sentinels,
)
from imgbot.domain.operations import OFFERED, Operation

PRESETS = resources.files("imgbot") / "providers" / "presets"
"""Folder of the provider files that come with imgbot, one TOML file per provider."""

_KEY_NAME = re.compile(r"(?!IMGBOT_)[A-Z][A-Z0-9_]{2,60}")


class KeyNames(NamedTuple):
    """Variables of a provider's secrets, empty for what it does not need."""

    key: str = ""
    hook_key: str = ""
    """Of the key that signs its webhooks, where that is not published."""


@functools.cache
def key_names() -> Mapping[str, KeyNames]:
    """Return the variables of the secrets of every provider that comes with imgbot."""
    names = sorted(file.name for file in PRESETS.iterdir() if file.name.endswith(".toml"))
    found = {name.removesuffix(".toml"): key_names_in(PRESETS / name) for name in names}
    return {"builtin": KeyNames(), **found}


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

    An error in that file is reported when it is opened.
    """
    is_own = provider.endswith(".toml")
    return key_names_in(Path(provider)) if is_own else key_names().get(provider, KeyNames())


def extend(base: Any, own: Any) -> Any:
    """Merge tables, put the tables of a list before the others, and replace all else."""
    match base, own:
        case dict(), dict():
            return base | {name: extend(base.get(name), part) for name, part in own.items()}
        case [dict(), *_], [dict(), *_]:
            return [*own, *base]
    return own


def key_names_in(file: Path | Traversable) -> KeyNames:
    """Return the variables that a provider's file names; none for one that cannot be read."""
    content = _content_of(file)
    if isinstance(file, Path) and (base := str(content.get("extends", ""))):
        own = file.parent / base if base.endswith(".toml") else PRESETS / f"{base}.toml"
        content = extend(_content_of(own), content)
    hook = content.get("hook")
    hook_key = hook.get("key") if isinstance(hook, dict) else ""
    return KeyNames(_key_name(content.get("key")), _key_name(hook_key))


def _content_of(file: Path | Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}


def _key_name(text: Any) -> str:
    return text if isinstance(text, str) and _KEY_NAME.fullmatch(text) else ""


def variable_of(field: str) -> str:
    return f"IMGBOT_{field.upper()}"


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


_Interval = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
_Megabytes = Annotated[int, Field(ge=0, le=1_000_000)]


class FeatureSettings(BaseModel):
    """Settings of a feature; its folder has them as `SETTINGS` in `settings.py`."""

    # An exception must not repeat what is refused: it may be a secret.
    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=variable_of, hide_input_in_errors=True
    )

    @property
    def extras(self) -> Mapping[str, str]:
        """Extras that must be there, by the variables that ask for them."""
        return {}


F = TypeVar("F", bound=FeatureSettings)


class Settings(BaseModel):
    """Everything that an operator can set, checked; read once, and again at a reload."""

    model_config = FeatureSettings.model_config

    token: BotToken
    telegram_api: HttpUrl = "https://api.telegram.org"
    redis_url: RedisUrl | None = None
    redis_memory_mb: Annotated[int, Field(ge=64, le=1_000_000)] | None = None
    users: PositiveCount | None = None
    workers: Annotated[int, Field(ge=1, le=MAX_WORKERS)] | None = None
    jobs_per_worker: PositiveCount = 50
    queue_limit: PositiveCount = 500
    per_user: PerUser = UserLimits()
    per_group: PerGroup = GroupLimits()
    daily_budget: Usd | None = None
    rate_limit_window: Annotated[int, Field(ge=1, le=86_400)] = 60
    rate_limit_max_requests: PositiveCount = 10
    poll_interval_initial: _Interval = 2.0
    poll_interval_max: _Interval = 10.0
    image_poll_max_attempts: PositiveCount = 60
    http: AddressToListenOn = Address("127.0.0.1", 8080)
    state_dir: Annotated[Path, AfterValidator(Path.absolute)]
    kept_pictures_mb: _Megabytes = 2000
    environment_file: Path | None = None
    admins: Ids = ()
    allowed_users: Ids = ()
    welcome: Annotated[str, Field(max_length=500)] = ""
    chat: ChatParts = ChatServer("", "")
    chat_key: Secret | None = None
    backup_to: Annotated[str, Field(max_length=2000)] = ""
    backup_from: Annotated[str, Field(max_length=2000)] = ""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    provider: Providers = (("", "builtin"),)
    provider_fallback: str = ""
    provider_url: ProviderUrls = ()
    public_url: HttpsUrl = ""
    _keys: dict[str, Secret] = PrivateAttr(default_factory=dict[str, Secret])
    _of_features: tuple[FeatureSettings, ...] = PrivateAttr(())
    _find: Callable[[Iterable[str]], Mapping[str, object]] = PrivateAttr()

    @property
    def default_provider(self) -> str:
        """Provider of the operations that have none of their own, by name or path."""
        return dict(self.provider).get("", "builtin")

    def provider_for(self, operation: Operation) -> str:
        """Return the provider chosen for an operation, by name or path."""
        return dict(self.provider).get(operation, self.default_provider)

    @property
    def providers(self) -> tuple[str, ...]:
        """Every provider that is used, by name or path, each once."""
        chosen = (
            self.default_provider,
            *(self.provider_for(operation) for operation in OFFERED),
            self.provider_fallback,
        )
        return tuple(dict.fromkeys(name for name in chosen if name))

    @property
    def of_features(self) -> tuple[FeatureSettings, ...]:
        return self._of_features

    def of(self, kind: type[F]) -> F:
        """Return the settings of a feature."""
        return next(each for each in self._of_features if isinstance(each, kind))

    def keep(
        self,
        find: Callable[[Iterable[str]], Mapping[str, object]],
        of_features: tuple[FeatureSettings, ...],
    ) -> None:
        """Add the secrets of providers, and the settings of features.

        `find` returns the variables that are set.
        """
        self._find, self._of_features = find, of_features
        self._add_keys(key_variables())
        for provider in self.providers:
            self.add_keys_of(provider)

    def add_keys_of(self, provider: str) -> None:
        """Add the secrets that a provider's file names; a preset's are there."""
        self._add_keys(name for name in key_names_of(provider) if name)

    def _add_keys(self, variables: Iterable[str]) -> None:
        self._keys.update({name: Secret(str(key)) for name, key in self._find(variables).items()})

    def key_of(self, provider: str) -> Secret | None:
        """Return the key of a provider, None where it needs none or has none."""
        return self._keys.get(key_names_of(provider).key)

    def hook_key_of(self, provider: str) -> Secret | None:
        """Return the key that signs a provider's webhooks, None where none is given."""
        return self._keys.get(key_names_of(provider).hook_key)

    def urls_of(self, provider: str) -> list[str]:
        """Return the base URLs that the operator gave a provider; an empty one is its own."""
        urls = dict(self.provider_url)
        plain = urls.get("", "") if provider == self.default_provider else ""
        own = _content_of(Path(provider)) if provider.endswith(".toml") else {}
        # What is set for a preset holds for a file that extends it.
        return urls.get(provider, urls.get(str(own.get("extends")), plain)).split("|")

    @property
    def worker_count(self) -> int:
        if self.workers is not None:
            return self.workers
        return workers_for(self.users) if self.users is not None else MIN_WORKERS

    @property
    def redis_address(self) -> str:
        """URL of the operator's own Redis, which may hold a password; empty without one."""
        return self.redis_url.get_secret_value() if self.redis_url else ""

    @property
    def is_clustered(self) -> bool:
        """True if this process shares the bot's Redis with others, of which one leads."""
        return is_of_sentinels(self.redis_address)

    @property
    def spare_http_ports(self) -> range:
        # A server with a public address has a proxy that asks this very port.
        is_fixed = "http" in self.model_fields_set or self.public_url
        return range(0) if is_fixed else SPARE_HTTP_PORTS

    @property
    def redis_memory_bytes(self) -> int:
        machine_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return (self.redis_memory_mb or redis_memory_mb_for(machine_bytes)) << 20

    @property
    def secrets(self) -> tuple[str, ...]:
        """Everything that must never be seen in a log."""
        parts = (self, *self._of_features)
        values = [getattr(part, field) for part in parts for field in type(part).model_fields]
        values += self._keys.values()
        found = [value.get_secret_value() for value in values if isinstance(value, Secret)]
        parts = urlsplit(self.redis_address)
        found += [parts.password or "", *parse_qs(parts.query).get("sentinel_password", [])]
        return tuple(secret for secret in found if secret)
