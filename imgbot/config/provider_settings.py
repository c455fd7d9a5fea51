"""Settings of image providers: which provider serves which operation, URLs, keys, models, prices.

The names of presets and of the variables that hold their keys come from the presets' files.
"""

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PrivateAttr,
    SecretStr,
    create_model,
)

from imgbot.config.setting_types import (
    SettingDoc,
    check_https_url,
    parse_models,
    parse_prices,
    parse_provider_urls,
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
    return {"builtin": KeyNames(), "simulated": KeyNames("SIMULATED_API_KEY"), **of_presets}


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
