"""Builds what operators and administrators see: metrics, the status page, alerts."""

import asyncio
import collections
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product

from aiogram import Bot
from prometheus_client import Counter, Gauge, Histogram

from imgbot.bot.requests import AccessPolicy
from imgbot.bot.router import Components
from imgbot.config.settings import Settings
from imgbot.domain.errors import ProviderErrorKind
from imgbot.domain.job import Job, State
from imgbot.domain.operations import ACTIONS, Operation
from imgbot.imaging.pool import Pool
from imgbot.jobs.alert_notifier import AlertNotifier
from imgbot.jobs.alert_rules import BudgetState, ServiceSnapshot
from imgbot.jobs.runner import Runner
from imgbot.ops.resource_usage import disk_problem
from imgbot.ops.status.indicators import Check, QueueGlance, StatusSources, UnknownJob, Worker
from imgbot.ops.status.sampler import StatusSampler
from imgbot.storage.alerts import AlertStore
from imgbot.storage.client import Client
from imgbot.storage.server.durability import trouble_of
from imgbot.storage.spend import Spend
from imgbot.storage.stats import DeadJob, QueueStats
from imgbot.telegram.polling_health import ClockCheckedSession, PollingHealth
from imgbot.telemetry import metrics
from imgbot.telemetry.events import QUEUE, UPDATE_TYPES
from imgbot.telemetry.thresholds import Load
from imgbot.version import version
from imgbot.wiring.connections import Connections, now_ms

METHODS = (
    *("getUpdates", "getMe", "getFile", "deleteWebhook", "sendChatAction"),
    *("sendMessage", "copyMessage", "sendPhoto", "sendDocument", "sendMediaGroup"),
    *("editMessageText", "editMessageMedia", "answerCallbackQuery", "answerInlineQuery"),
    *("setMyCommands", "setMyDescription", "setMyShortDescription"),
)
"""Bot API methods in use."""

CODES = ("ok", "400", "401", "403", "409", "429", "5xx", "network", "other")
"""Outcomes of a Bot API call."""

_KNOWN: tuple[tuple[Counter | Gauge | Histogram, tuple[Iterable[str], ...]], ...] = (
    (metrics.updates, (UPDATE_TYPES,)),
    (metrics.enqueued, (Operation,)),
    (metrics.finished, (Operation, ("ok", "failed", "rejected", "cancelled"))),
    (metrics.duration, (Operation,)),
    (metrics.wait, (Operation,)),
    (metrics.stage, (("prepare", "submit", "provider", "render", "deliver"),)),
    (metrics.queue, ((QUEUE,), ("waiting", "running", "dead"))),
    (metrics.workers, (("wanted", "started", "busy"),)),
    (metrics.restarts, (("killed", "hung", "cancelled", "recycled", "memory"),)),
    (metrics.admissions, (("full", "many", "paused", "budget", "user_budget"),)),
    (metrics.calls, (METHODS, CODES)),
    (metrics.call_time, (METHODS,)),
    (metrics.limited, (METHODS,)),
    (metrics.hooks, (("taken", "late", "forged"),)),
    (metrics.mended, (("stray", "lost", "reservation"),)),
)
"""Metrics with the possible values of their labels."""


def preregister(providers: Iterable[str]) -> None:
    """Create all known series, including those of these providers."""
    # Redis has answered, or the program would not be here.
    metrics.redis_up.set(1)
    names = tuple(providers)
    for name in names:
        metrics.provider_up.labels(name).set(1)
    of_providers = (
        (metrics.spend, (names, ACTIONS)),
        (metrics.provider_time, (names, ACTIONS)),
        (metrics.provider_errors, (names, ProviderErrorKind)),
    )
    for metric, values in (*_KNOWN, *of_providers):
        for labels in product(*values):
            metric.labels(*labels)


def status_sources(
    overview: QueueStats,
    runner: Runner | None,
    pool: Pool,
    providers: Iterable[str],
    now_ms: Callable[[], int],
    running_per_user: int,
    measure: Callable[[], Awaitable[None]],
) -> StatusSources:
    """Build the sources of the status sampler; there is no runner before Telegram has answered."""

    async def glance() -> QueueGlance:
        found = await overview.snapshot(now_ms(), running_per_user)
        return QueueGlance(
            jobs=_by_state(
                found.waiting,
                runner.jobs if runner else (),
                collections.Counter(lane.about for lane in pool.lanes()),
            ),
            refused=found.refused,
            unknown=[_unknown(job) for job in found.dead],
            is_paused=found.is_paused,
            load=replace(
                runner.load if runner else Load(),
                waiting=sum(found.waiting.values()),
                capped=found.capped,
            ),
        )

    def workers() -> list[Worker]:
        return [
            Worker(lane.number + 1, lane.pid, lane.about, lane.for_s, lane.memory_bytes)
            for lane in pool.lanes()
        ]

    return StatusSources(workers, measure, glance, "+".join(providers), overview.address, version())


def _by_state(
    waiting: Mapping[str, int], running: Sequence[Job], at_work: Mapping[str, int]
) -> dict[str, dict[str, int]]:
    """Count jobs by operation and state; `at_work` counts the busy workers by operation.

    A picture made by a worker stays in `submitting` while it is painted, so it is shown as
    painting.
    """
    found = {operation: {str(State.QUEUED): count} for operation, count in waiting.items() if count}
    for job in running:
        states = found.setdefault(str(job.request.operation), {})
        states[str(job.state)] = states.get(str(job.state), 0) + 1
    for operation, states in found.items():
        if painted := min(states.get(State.SUBMITTING, 0), at_work.get(operation, 0)):
            states["painting"] = painted
            states[str(State.SUBMITTING)] -= painted
    return found


def _unknown(job: DeadJob) -> UnknownJob:
    return UnknownJob(
        id=job.id,
        operation=job.operation,
        provider=job.provider,
        reason=job.reason,
        at_s=job.died_ms / 1000,
        user_id=job.user_id,
    )


def build_checks(settings: Settings, redis: Client, bot: Bot, telegram: Check) -> dict[str, Check]:
    """Build the health checks, each a sentence on what is wrong or nothing."""

    def check_clock() -> str:
        session = bot.session
        return session.clock_trouble if isinstance(session, ClockCheckedSession) else ""

    return {
        "redis": lambda: trouble_of(redis),
        "telegram": telegram,
        "clock": check_clock,
        "disk": lambda: disk_problem(settings.state_dir),
    }


def build_sampler(
    settings: Settings,
    connections: Connections,
    checks: Mapping[str, Check],
    runner: Runner,
    measure: Callable[[], Awaitable[None]],
) -> StatusSampler:
    """Build the sampler of the status page."""
    sources = status_sources(
        QueueStats(connections.redis),
        runner,
        connections.pool,
        connections.routes.names,
        now_ms,
        settings.running_per_user,
        measure,
    )
    return StatusSampler(metrics.REGISTRY, checks, sources, settings.state_dir)


def build_startup_status(
    settings: Settings, redis: Client, bot: Bot, pool: Pool, telegram: Check
) -> tuple[StatusSampler, Mapping[str, Check]]:
    """Build the status sampler that runs while the bot waits for Telegram."""
    checks = build_checks(settings, redis, bot, telegram)

    async def measure() -> None: ...

    names, running = settings.providers, settings.running_per_user
    status = status_sources(QueueStats(redis), None, pool, names, now_ms, running, measure)
    return StatusSampler(metrics.REGISTRY, checks, status, settings.state_dir), checks


def build_alert_notifier(
    connections: Connections,
    components: Components,
    sampler: StatusSampler,
    contact: PollingHealth,
    alarm: asyncio.Event,
) -> AlertNotifier:
    """Build the alert notifier, which evaluates at once when `alarm` is set."""
    policy = components.policy

    async def gather() -> ServiceSnapshot:
        now_ms = components.now_ms()
        dead = await components.dead_letters.dead(1)
        return ServiceSnapshot(
            now_ms=now_ms,
            levels=sampler.indicators.levels(),
            bound=sampler.bound(),
            workers=connections.workers()[0],
            providers=connections.routes.proven(time.monotonic()),
            provider_names=tuple(connections.routes.names),
            money=await _budget_state(components.spend, policy, now_ms),
            dead=dead[0] if dead else None,
            dead_count=(await components.job_reads.depth()).dead,
            silence_s=contact.seconds_since_answer,
            has_answered=contact.has_answered,
            rival=contact.rival,
            is_paused=await components.access.is_paused(),
        )

    admins, messenger = sorted(policy.admins), components.messenger
    return AlertNotifier(
        admins, AlertStore(connections.redis), components.users, messenger, gather, alarm
    )


async def _budget_state(spend: Spend, policy: AccessPolicy, now_ms: int) -> BudgetState:
    return BudgetState(
        spent_micro=await spend.spent_today(now_ms),
        ceiling_micro=await spend.ceiling_today(now_ms),
        least_price_micro=policy.least_price_micro,
        resumes_in_s=spend.resumes_in_s(now_ms),
        day=spend.today(now_ms),
    )
