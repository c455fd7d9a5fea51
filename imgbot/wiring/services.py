"""Builds the services from open connections."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from aiogram import Bot

from imgbot.bot.albums import AlbumProcessor
from imgbot.bot.dialogue import Dialogues
from imgbot.bot.policy import AccessPolicy
from imgbot.config.settings import Settings
from imgbot.jobs.alert_notifier import AlertNotifier
from imgbot.jobs.broadcaster import Broadcaster
from imgbot.jobs.maintenance import Maintenance
from imgbot.jobs.runner import Runner
from imgbot.jobs.star_reconciler import StarReconciler
from imgbot.ops.http import TakeHook
from imgbot.ops.status.observer import Observer
from imgbot.ops.status.sampler import Check, StatusSampler
from imgbot.storage.server.durability import measure
from imgbot.telegram.session import BotSession
from imgbot.telegram.update_poller import UpdatePoller
from imgbot.wiring.bot import build_app, build_update_poller
from imgbot.wiring.connections import CLOCK, Connections, now_ms
from imgbot.wiring.jobs import build_runner, build_step_context
from imgbot.wiring.status import build_alert_notifier, build_observer


@dataclass(frozen=True, slots=True)
class Services:
    """Components that run."""

    updates: UpdatePoller
    albums: AlbumProcessor
    runner: Runner
    maintenance: Maintenance
    broadcaster: Broadcaster
    alert_notifier: AlertNotifier
    star_reconciler: StarReconciler
    policy: AccessPolicy
    handle_webhook: TakeHook
    sampler: StatusSampler
    observer: Observer
    checks: Mapping[str, Check]


def build_services(
    settings: Settings, connections: Connections, sampler: StatusSampler
) -> Services:
    """Build all components; nothing runs yet."""
    redis, bot = connections.redis, connections.bot
    app = build_app(settings, connections)
    dialogues = Dialogues(redis, app)
    updates = build_update_poller(connections, app, dialogues)
    context = build_step_context(settings, connections, app)
    runner = build_runner(settings, context)
    connections.routes.on_recovery = runner.wake
    cast("BotSession", bot.session).on_recovery += (updates.recovered.set, runner.wake)
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
        broadcaster=Broadcaster(
            app.broadcasts, app.users, app.messenger, connections.queue.persistence
        ),
        alert_notifier=build_alert_notifier(connections, app, sampler, context.alarm),
        star_reconciler=StarReconciler(
            app.star_ledger,
            app.star_payments,
            connections.queue.persistence,
            now_ms,
            app.spend.today,
            app.refund_due,
            is_on=settings.stars is not None,
        ),
        policy=app.policy,
        handle_webhook=context.webhooks.handle,
        sampler=sampler,
        observer=build_observer(settings, connections, app, runner, updates.contact),
        checks={"telegram": lambda: updates.contact.trouble, "updates": lambda: updates.trouble},
    )


def _is_clock_sure(bot: Bot) -> bool:
    return CLOCK.is_settled and cast("BotSession", bot.session).is_clock_right
