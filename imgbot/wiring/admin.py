"""Builds what administrators see: statistics and alerts."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from redis.asyncio import Redis

from imgbot.bot.requests import AccessPolicy
from imgbot.bot.router import Components
from imgbot.domain.operations import Operation
from imgbot.jobs.alert_notifier import AlertNotifier
from imgbot.jobs.alert_rules import BudgetState, Levels, ServiceSnapshot
from imgbot.jobs.maintenance import RuntimeStats
from imgbot.jobs.poll_scheduler import PollScheduler
from imgbot.jobs.provider_routing import ProviderRouter, kind_of
from imgbot.storage.alerts import AlertStore
from imgbot.storage.spend import Spend
from imgbot.telegram.polling_health import PollingHealth
from imgbot.telemetry.thresholds import Bound

TypicalTime = Callable[[Operation], Awaitable[float]]
"""Typical seconds per picture of an operation; 0 while unknown."""


@dataclass(frozen=True, slots=True)
class AlertSources:
    """Sources of an alert snapshot other than Redis."""

    levels: Callable[[], Levels]
    bound: Callable[[], Bound]
    figures: RuntimeStats
    routes: ProviderRouter
    contact: PollingHealth


def typical_time(pace: PollScheduler, routes: ProviderRouter) -> TypicalTime:
    """Return a query for the typical time of a picture."""

    async def typical_s(operation: Operation) -> float:
        return await pace.typical_s(kind_of(routes.primary(operation), operation))

    return typical_s


def build_alert_notifier(
    redis: Redis, components: Components, sources: AlertSources, alarm: asyncio.Event
) -> AlertNotifier:
    """Build the alert notifier, which evaluates at once when `alarm` is set."""
    policy = components.policy

    async def gather() -> ServiceSnapshot:
        now_ms = components.now_ms()
        dead = await components.dead_letters.dead(1)
        return ServiceSnapshot(
            now_ms=now_ms,
            levels=sources.levels(),
            bound=sources.bound(),
            workers=sources.figures.workers()[0],
            providers=sources.routes.proven(time.monotonic()),
            provider_names=tuple(sources.routes.names),
            money=await _budget_state(components.spend, policy, now_ms),
            dead=dead[0] if dead else None,
            dead_count=(await components.job_reads.depth()).dead,
            silence_s=sources.contact.seconds_since_answer,
            has_answered=sources.contact.has_answered,
            rival=sources.contact.rival,
        )

    admins, messenger = sorted(policy.admins), components.messenger
    return AlertNotifier(admins, AlertStore(redis), components.users, messenger, gather, alarm)


async def _budget_state(spend: Spend, policy: AccessPolicy, now_ms: int) -> BudgetState:
    return BudgetState(
        spent_micro=await spend.spent_today(now_ms),
        ceiling_micro=spend.caps.daily_micro,
        least_price_micro=policy.least_price_micro,
        resumes_in_s=spend.resumes_in_s(now_ms),
    )
