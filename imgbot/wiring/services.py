"""Builds the services from open connections."""

import functools
from dataclasses import dataclass
from typing import cast

from aiogram import Bot

from imgbot.bot.albums import AlbumProcessor
from imgbot.bot.dialogue import Dialogues
from imgbot.config.settings import Settings
from imgbot.jobs.alert_notifier import AlertNotifier
from imgbot.jobs.broadcaster import Broadcaster
from imgbot.jobs.maintenance import Maintenance
from imgbot.jobs.runner import Runner
from imgbot.ops.http import TakeHook
from imgbot.ops.status.sampler import StatusSampler
from imgbot.storage.server.durability import measure
from imgbot.telegram.session import BotSession
from imgbot.telegram.update_poller import UpdatePoller
from imgbot.telemetry.metrics import preregister
from imgbot.wiring.bot import build_app, build_update_poller
from imgbot.wiring.connections import CLOCK, Connections, now_ms
from imgbot.wiring.jobs import build_runner, build_step_context
from imgbot.wiring.status import build_alert_notifier, build_sampler


@dataclass(frozen=True, slots=True)
class Services:
    """Components that run."""

    updates: UpdatePoller
    albums: AlbumProcessor
    runner: Runner
    maintenance: Maintenance
    broadcaster: Broadcaster
    alert_notifier: AlertNotifier
    admins: tuple[int, ...]
    handle_webhook: TakeHook
    sampler: StatusSampler


def build_services(settings: Settings, connections: Connections) -> Services:
    """Build all components; nothing runs yet."""
    redis, bot, routes = connections.redis, connections.bot, connections.routes
    preregister(routes.names)
    app = build_app(settings, connections)
    dialogues = Dialogues(redis, app)
    updates = build_update_poller(connections, app, dialogues)
    context = build_step_context(settings, connections, app)
    runner = build_runner(settings, context)
    checks = {"telegram": lambda: updates.contact.trouble, "updates": lambda: updates.trouble}
    sampler = build_sampler(settings, redis, bot, connections.pool, checks)
    observer = sampler.observer
    observer.runner, observer.providers = runner, connections.providers
    observer.contact = updates.contact
    observer.least_price_micro = app.policy.least_price_micro
    observer.provider = "+".join(routes.names)
    return Services(
        updates=updates,
        albums=AlbumProcessor(app, dialogues, updates.caught_up, updates.is_busy_with),
        runner=runner,
        maintenance=Maintenance(
            connections.queue,
            app.results,
            app.spend,
            context.folder,
            app.originals,
            functools.partial(measure, redis),
            now_ms,
            app.forgetting,
            settings.forget_after_days,
            settings.rate_limit_window,
            functools.partial(_is_clock_sure, bot),
        ),
        broadcaster=Broadcaster(app.broadcasts, app.users, app.messenger),
        alert_notifier=build_alert_notifier(connections, app, sampler, context.alarm),
        admins=settings.admins,
        handle_webhook=context.webhooks.handle,
        sampler=sampler,
    )


def _is_clock_sure(bot: Bot) -> bool:
    return CLOCK.is_settled and cast("BotSession", bot.session).is_clock_right
