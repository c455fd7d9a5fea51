"""The settings of image providers: who makes what, where, with which key."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

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
from imgbot.domain.operations import ACTIONS, Operation

KEY_OF_PROVIDER: Mapping[str, str] = {
    "builtin": "",
    "comfyui": "",
    "simulated": "SIMULATED_API_KEY",
    "replicate": "REPLICATE_API_TOKEN",
    "fal": "FAL_KEY",
    "kie": "KIE_API_KEY",
    "bfl": "BFL_API_KEY",
    "wavespeed": "WAVESPEED_API_KEY",
    "openai": "OPENAI_API_KEY",
}
"""Provider → the variable of its key, empty for those that need none."""

OTHER_KEYS = frozenset({"KIE_WEBHOOK_KEY"})

KEYS = frozenset(key for key in KEY_OF_PROVIDER.values() if key) | OTHER_KEYS
"""The variables that keep the names that their providers gave them."""

_NAMES = (
    "builtin, replicate, fal, kie, bfl, wavespeed, openai, comfyui, or the path of a .toml file"
)


_ACTION_NAMES = ", ".join(f"`{operation}`" for operation in ACTIONS)

CHOICES = ("provider", *(f"provider_{operation}" for operation in ACTIONS), "provider_fallback")
"""The settings that name a provider, or the path of its file."""


def variable_of(field: str) -> str:
    name = field.upper()
    return name if name in KEYS else f"IMGBOT_{name}"


_Key = Annotated[
    SecretStr | None,
    SettingDoc("the key of the provider of that name", "the key as the provider shows it"),
]
_Other = Annotated[
    str,
    SettingDoc(
        "who serves this operation, if not `IMGBOT_PROVIDER`",
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
            "who makes the pictures: `builtin` needs no key; `replicate`, `fal`, `kie`, `bfl`, "
            "`wavespeed`, `openai`, `comfyui`; or the path of a TOML file of your own",
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
    """What the operator says of image providers; `provider_<operation>` is a field of each."""

    provider_fallback: Annotated[
        str,
        SettingDoc(
            "who takes an order that its provider refuses before a task exists (no credit, out of "
            "service); never what was refused by moderation, never what may have been taken",
            _NAMES,
            default="unset: nobody",
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
    simulated_api_key: _Key = None
    replicate_api_token: _Key = None
    fal_key: _Key = None
    kie_api_key: _Key = None
    kie_webhook_key: Annotated[
        SecretStr | None,
        SettingDoc("what kie.ai signs its webhooks with", "the key as its dashboard shows it"),
    ] = None
    bfl_api_key: _Key = None
    wavespeed_api_key: _Key = None
    openai_api_key: _Key = None

    _own_keys: dict[str, SecretStr] = PrivateAttr(default_factory=dict[str, SecretStr])

    def provider_for(self, operation: Operation) -> str:
        """Return who is chosen for an operation, by name or path."""
        return getattr(self, f"provider_{operation.value}", "") or self.provider

    @property
    def providers(self) -> tuple[str, ...]:
        """Every provider that is used, by name or path, each once."""
        chosen = (self.provider, *(self.provider_for(op) for op in ACTIONS), self.provider_fallback)
        return tuple(dict.fromkeys(name for name in chosen if name))

    def keep_key(self, provider: str, key: str) -> None:
        """Add the key that an operator's own file asks for."""
        self._own_keys[provider] = SecretStr(key)

    def key_of(self, provider: str) -> SecretStr | None:
        """Return the key of a provider, None where it needs none or has none."""
        variable = KEY_OF_PROVIDER.get(provider, "")
        return getattr(self, variable.lower()) if variable else self._own_keys.get(provider)

    def url_of(self, provider: str) -> str:
        """Return the base URL that the operator gave a provider, empty for its own."""
        urls = dict(self.provider_url)
        plain = urls.get("", "") if provider == self.provider else ""
        return urls.get(provider, plain)

    @property
    def own_secrets(self) -> list[str]:
        return [key.get_secret_value() for key in self._own_keys.values()]
