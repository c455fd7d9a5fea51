"""Opens the configured providers and assigns them to operations."""

import functools

from imgbot.config.settings import Settings
from imgbot.domain.errors import ConfigError
from imgbot.domain.operations import ACTIONS, OPERATIONS
from imgbot.imaging.pool import Pool
from imgbot.imaging.steps import make_picture
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.providers.factory import open_provider
from imgbot.providers.protocol import Done, GenerationRequest, Output, Provider, ProviderConfig
from imgbot.telemetry import events


def open_providers(settings: Settings, pool: Pool) -> ProviderRouter:
    """Open every configured provider. Raises ConfigError."""
    make = functools.partial(_make, pool)
    opened: dict[str, Provider] = {}
    for name in (*settings.providers, "builtin"):
        if name not in opened:
            opened[name] = open_provider(name, _config(settings, name), make)
    by_name = {provider.name: provider for provider in opened.values()}
    if len(by_name) < len(opened):
        raise ConfigError("IMGBOT_PROVIDER", "two files have the same name; change one")
    chosen = {operation: opened[settings.provider_for(operation)] for operation in ACTIONS}
    names = {
        operation: provider.name if operation in provider.offers else "builtin"
        for operation, provider in chosen.items()
    }
    for operation, provider in chosen.items():
        if names[operation] != provider.name:
            events.info("%s has no model for %s: using builtin", provider.name, operation)
    fallback = opened[settings.provider_fallback].name if settings.provider_fallback else ""
    return ProviderRouter(by_name, dict.fromkeys(OPERATIONS, "builtin") | names, fallback)


def _config(settings: Settings, name: str) -> ProviderConfig:
    served = [operation for operation in ACTIONS if settings.provider_for(operation) == name]
    models, prices = dict(settings.models), dict(settings.prices)
    key, hook_key = settings.key_of(name), settings.hook_key_of(name)
    return ProviderConfig(
        url=settings.url_of(name),
        key=key.get_secret_value() if key else "",
        hook_key=hook_key.get_secret_value() if hook_key else "",
        order_limit=dict(settings.provider_limits).get(name),
        models={operation: models[operation] for operation in served if operation in models},
        prices_micro={operation: prices[operation] for operation in served if operation in prices},
    )


async def _make(pool: Pool, order: GenerationRequest) -> Done:
    made = await pool.run(
        make_picture,
        order.operation.value,
        order.full_prompt,
        tuple(map(str, order.pictures)),
        str(order.target),
        about=order.operation.value,
        scale=order.scale,
        seed=order.seed,
        ratio=order.ratio,
    )
    return Done((Output(path=made.path),), made.applied, made.unrecognised, made.suggestions)
