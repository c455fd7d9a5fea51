"""Builds the services from open connections."""

from dataclasses import dataclass

from imgbot.bot.albums import AlbumProcessor
from imgbot.bot.dialogue import Dialogues
from imgbot.config.settings import Settings
from imgbot.jobs.alert_notifier import AlertNotifier
from imgbot.jobs.broadcaster import Broadcaster
from imgbot.jobs.forgetter import Forgetter
from imgbot.jobs.maintenance import Maintenance
from imgbot.jobs.runner import Runner
from imgbot.ops.http import TakeHook
from imgbot.ops.status.sampler import StatusSampler
from imgbot.telegram.update_poller import UpdatePoller
from imgbot.telemetry.metrics import preregister
from imgbot.wiring.bot import build_album_processor, build_components, build_update_poller
from imgbot.wiring.connections import Connections
from imgbot.wiring.jobs import (
    build_maintenance,
    build_poll_scheduler,
    build_runner,
    build_step_context,
    typical_time,
)
from imgbot.wiring.status import build_alert_notifier, build_checks, build_sampler


@dataclass(frozen=True, slots=True)
class Services:
    """Components that run."""

    updates: UpdatePoller
    albums: AlbumProcessor
    runner: Runner
    maintenance: Maintenance
    forgetter: Forgetter
    broadcaster: Broadcaster
    alert_notifier: AlertNotifier
    admins: tuple[int, ...]
    handle_webhook: TakeHook
    sampler: StatusSampler


def build_services(settings: Settings, connections: Connections) -> Services:
    """Build all components; nothing runs yet."""
    preregister(connections.routes.names)
    scheduler = build_poll_scheduler(settings, connections)
    typical_s = typical_time(scheduler, connections.routes)
    components = build_components(settings, connections)
    dialogues = Dialogues(
        connections.redis, connections.bot.id, components.requests, components.messenger
    )
    updates = build_update_poller(connections, components, dialogues)
    context = build_step_context(settings, connections, components, scheduler, typical_s)
    runner = build_runner(settings, context)
    maintenance = build_maintenance(connections, components, context.folder)
    checks = build_checks(
        settings, connections.redis, connections.bot, lambda: updates.contact.trouble
    )
    checks["updates"] = lambda: updates.trouble
    sampler = build_sampler(settings, connections, checks, runner)
    return Services(
        updates=updates,
        albums=build_album_processor(components, dialogues, updates),
        runner=runner,
        maintenance=maintenance,
        forgetter=Forgetter(
            components.privacy.forgetting,
            components.spend,
            settings.forget_after_days,
            settings.rate_limit_window,
            components.now_ms,
        ),
        broadcaster=Broadcaster(components.broadcasts, components.users, components.messenger),
        alert_notifier=build_alert_notifier(
            connections, components, sampler, updates.contact, context.alarm
        ),
        admins=settings.admins,
        handle_webhook=context.webhooks.handle,
        sampler=sampler,
    )
