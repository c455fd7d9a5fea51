"""Builds what operators and administrators see: metrics, the status page, alerts."""

import asyncio
import functools
import time
from collections.abc import Mapping

from aiogram import Bot

from imgbot.bot.router import Components
from imgbot.config.settings import Settings
from imgbot.domain.errors import StorageUnavailableError
from imgbot.imaging.pool import Pool
from imgbot.jobs.alert_notifier import AlertNotifier
from imgbot.jobs.alert_rules import BudgetState, ServiceSnapshot
from imgbot.jobs.runner import Runner
from imgbot.ops.resource_usage import disk_problem
from imgbot.ops.status.observer import Observer
from imgbot.ops.status.sampler import Check, StatusSampler, StatusSources
from imgbot.storage.alerts import AlertStore
from imgbot.storage.client import Client
from imgbot.storage.server.durability import measure, trouble_of
from imgbot.storage.spend import Spend
from imgbot.storage.stats import QueueStats
from imgbot.telegram.polling_health import PollingHealth
from imgbot.telegram.session import BotSession
from imgbot.telemetry import metrics
from imgbot.wiring.connections import Connections, now_ms, queue_limits_of, utc_offset_s


def build_checks(settings: Settings, redis: Client, bot: Bot, telegram: Check) -> dict[str, Check]:
    """Build the health checks, each a sentence on what is wrong or nothing."""

    def check_clock() -> str:
        session = bot.session
        return session.clock_trouble if isinstance(session, BotSession) else ""

    return {
        "redis": lambda: trouble_of(redis),
        "telegram": telegram,
        "clock": check_clock,
        "disk": lambda: disk_problem(settings.state_dir),
    }


def build_sampler(
    settings: Settings, connections: Connections, checks: Mapping[str, Check], runner: Runner
) -> StatusSampler:
    """Build the sampler of the status page."""
    observer = _observer(settings, connections.redis, connections.pool)
    observer.runner, observer.providers_out = runner, connections.providers_out
    return _sampler(settings, observer, checks, "+".join(connections.routes.names))


def build_startup_sampler(
    settings: Settings, redis: Client, pool: Pool, checks: Mapping[str, Check]
) -> StatusSampler:
    """Build the sampler that runs while the bot waits for Telegram."""
    observer = _observer(settings, redis, pool)
    return _sampler(settings, observer, checks, "+".join(settings.providers))


def _observer(settings: Settings, redis: Client, pool: Pool) -> Observer:
    return Observer(
        QueueStats(redis),
        Spend(redis, queue_limits_of(settings), utc_offset_s),
        pool,
        functools.partial(measure, redis),
        now_ms,
        settings.running_per_user,
    )


def _sampler(
    settings: Settings, observer: Observer, checks: Mapping[str, Check], provider: str
) -> StatusSampler:
    sources = StatusSources(observer.workers, observer.glance, provider, observer.stats.address)
    return StatusSampler(metrics.REGISTRY, checks, sources, settings.state_dir)


def build_alert_notifier(
    connections: Connections,
    components: Components,
    sampler: StatusSampler,
    contact: PollingHealth,
    alarm: asyncio.Event,
) -> AlertNotifier:
    """Build the alert notifier, which evaluates at once when `alarm` is set."""
    policy, spend = components.policy, components.spend

    async def gather() -> ServiceSnapshot:
        await sampler.refresh()
        glance, now_ms = sampler.glance, components.now_ms()
        if glance is None:
            raise StorageUnavailableError("Redis is away")
        return ServiceSnapshot(
            now_ms=now_ms,
            levels=sampler.indicators.levels,
            bound=sampler.bound,
            workers=connections.pool.size,
            providers=connections.routes.proven(time.monotonic()),
            provider_names=tuple(connections.routes.names),
            money=BudgetState(
                spent_micro=glance.spent_micro,
                ceiling_micro=glance.ceiling_micro,
                least_price_micro=policy.least_price_micro,
                resumes_in_s=spend.resumes_in_s(now_ms),
                day=spend.today(now_ms),
            ),
            memory=glance.memory,
            dead=next(iter(glance.unknown), None),
            dead_count=glance.dead_count,
            silence_s=contact.seconds_since_answer,
            has_answered=contact.has_answered,
            rival=contact.rival,
            is_paused=glance.is_paused,
        )

    admins, messenger = sorted(policy.admins), components.messenger
    return AlertNotifier(
        admins, AlertStore(connections.redis), components.users, messenger, gather, alarm
    )
