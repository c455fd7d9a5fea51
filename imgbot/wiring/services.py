"""Builds the services from open connections."""

import asyncio
import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass

from aiogram import Bot, Dispatcher
from aiogram.fsm.context import FSMContext
from aiogram.fsm.storage.base import StorageKey
from redis.asyncio import Redis

from imgbot.bot.albums import AlbumHandler, AlbumProcessor
from imgbot.bot.dialogue import storage
from imgbot.bot.handlers.admin.reports import StatsSources
from imgbot.bot.middleware import BotIdentity
from imgbot.bot.requests import AccessPolicy, RequestService
from imgbot.bot.router import Components, build_dispatcher
from imgbot.config.settings import Settings
from imgbot.domain.poll_schedule import Budget, PollingConfig, polls_per_s
from imgbot.domain.texts import language_of, t
from imgbot.imaging.originals import OriginalStore
from imgbot.imaging.pool import Pool
from imgbot.jobs.alert_notifier import AlertNotifier
from imgbot.jobs.broadcaster import Broadcaster
from imgbot.jobs.context import StepContext
from imgbot.jobs.maintenance import Maintenance, RuntimeStats
from imgbot.jobs.poll_scheduler import PollScheduler
from imgbot.jobs.provider_routing import ProviderRouter, ProviderSlots
from imgbot.jobs.runner import Runner
from imgbot.jobs.status_messages import StatusMessages
from imgbot.jobs.webhooks import Webhooks, read_key
from imgbot.ops import state_dir as state
from imgbot.ops.http import TakeHook
from imgbot.ops.resource_usage import disk_problem
from imgbot.ops.status.sampler import StatusSampler
from imgbot.ops.status.sources import Check
from imgbot.storage import keys
from imgbot.storage.access import Access
from imgbot.storage.albums import Albums
from imgbot.storage.broadcasts import Broadcasts
from imgbot.storage.dead_letters import DeadLetters
from imgbot.storage.job_queue import JobQueue, QueueLimits
from imgbot.storage.job_reads import JobReads
from imgbot.storage.provider_records import Durations, WebhookTickets
from imgbot.storage.rate_limit import RateLimit
from imgbot.storage.results import ResultStore
from imgbot.storage.scripts import Scripts, storage_errors
from imgbot.storage.server.durability import measure as measure_memory, trouble_of
from imgbot.storage.spend import Spend
from imgbot.storage.stats import QueueStats
from imgbot.storage.update_ledger import UpdateLedger
from imgbot.storage.users import UserStore
from imgbot.telegram.client import download
from imgbot.telegram.messenger import ChatTarget, Messenger
from imgbot.telegram.polling_health import ClockCheckedSession
from imgbot.telegram.update import Update, chat_of, language_code_of
from imgbot.telegram.update_poller import UpdatePoller
from imgbot.telemetry import metrics
from imgbot.wiring import metric_series as series
from imgbot.wiring.admin import (
    AlertSources,
    TypicalTime,
    build_alert_notifier,
    typical_time,
)
from imgbot.wiring.status import status_sources


def now_ms() -> int:
    """Clock of the whole program: milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def utc_offset_s(at_ms: int) -> int:
    """Return the seconds by which the server's local time is ahead of UTC at a time."""
    return time.localtime(at_ms / 1000).tm_gmtoff


@dataclass(frozen=True, slots=True)
class Connections:
    """Open connections, closed in reverse order."""

    redis: Redis
    scripts: Scripts
    queue: JobQueue
    installation: str
    bot: Bot
    bot_identity: BotIdentity
    pool: Pool
    routes: ProviderRouter
    draining: asyncio.Event


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
    checks: Mapping[str, Check]
    handle_webhook: TakeHook
    sampler: StatusSampler


def queue_limits_of(settings: Settings) -> QueueLimits:
    """Return the queue limits from the settings."""
    return QueueLimits(
        waiting=settings.queue_limit,
        waiting_per_user=settings.waiting_per_user,
        running_per_user=settings.running_per_user,
        daily_micro=settings.daily_budget,
        daily_micro_per_user=settings.user_daily_limit,
    )


def build_services(settings: Settings, connections: Connections) -> Services:
    """Build all components; nothing runs yet."""
    series.preregister(connections.routes.names)
    pool, scheduler = connections.pool, _poll_scheduler(settings, connections)
    typical_s = typical_time(scheduler, connections.routes)
    runtime_stats = RuntimeStats(
        lambda: runner.running,
        lambda: (pool.size, pool.started, pool.busy),
        lambda: connections.routes.states(time.monotonic()),
        functools.partial(measure_memory, connections.redis),
    )
    components = _components(settings, connections, runtime_stats, typical_s)
    dialogues = storage(connections.redis, keys.DIALOGUE)
    updates = _updates(connections, components, build_dispatcher(components, dialogues))

    def state_of(chat_id: int, user_id: int) -> FSMContext:
        return FSMContext(dialogues, StorageKey(connections.bot.id, chat_id, user_id))

    step_context = _step_context(settings, connections, components, scheduler, typical_s)
    disk = functools.partial(disk_problem, settings.state_dir)
    runner = Runner(step_context, lambda: pool.size * settings.jobs_per_worker, disk)
    folder = state.folder(settings.state_dir, "jobs")
    checks = _checks(settings, connections.redis, connections.bot, lambda: updates.contact.trouble)
    checks["updates"] = lambda: updates.trouble
    maintenance = Maintenance(
        connections.queue,
        components.job_reads,
        components.results,
        components.spend,
        folder,
        components.originals,
        runtime_stats,
        now_ms,
    )
    status = status_sources(
        components.stats.queue_stats,
        runner,
        pool,
        connections.routes.names,
        now_ms,
        settings.running_per_user,
        maintenance.measure,
    )
    sampler = StatusSampler(metrics.REGISTRY, checks, status, settings.state_dir)
    sources = AlertSources(
        sampler.indicators.levels, sampler.bound, runtime_stats, connections.routes, updates.contact
    )
    album_handler = AlbumHandler(
        components.requests, components.messenger, components.albums, state_of
    )
    return Services(
        updates=updates,
        albums=AlbumProcessor(
            components.albums, album_handler, updates.caught_up, updates.is_busy_with, now_ms
        ),
        runner=runner,
        maintenance=maintenance,
        broadcaster=Broadcaster(components.broadcasts, components.users, components.messenger),
        alert_notifier=build_alert_notifier(
            connections.redis, components, sources, step_context.alarm
        ),
        admins=settings.admins,
        checks=checks,
        handle_webhook=step_context.webhooks.handle,
        sampler=sampler,
    )


def build_startup_status(
    settings: Settings, redis: Redis, bot: Bot, pool: Pool, telegram: Check
) -> tuple[StatusSampler, Mapping[str, Check]]:
    """Build the status sampler that runs while the bot waits for Telegram."""
    checks = _checks(settings, redis, bot, telegram)

    async def measure() -> None: ...

    names, running = settings.providers, settings.running_per_user
    status = status_sources(QueueStats(redis), None, pool, names, now_ms, running, measure)
    return StatusSampler(metrics.REGISTRY, checks, status, settings.state_dir), checks


def _access_policy(settings: Settings, routes: ProviderRouter) -> AccessPolicy:
    return AccessPolicy(
        allowed=frozenset(settings.allowed_users),
        admins=frozenset(settings.admins),
        has_builtin_engine=settings.providers == ("builtin",),
        price_of=routes.price_micro,
    )


def _updates(
    connections: Connections, components: Components, dispatcher: Dispatcher
) -> UpdatePoller:
    users, window_s = components.users, components.limit.window_s

    async def handle(update: Update) -> None:
        with storage_errors():
            await dispatcher.feed_raw_update(connections.bot, dict(update))

    async def slow_down(update: Update) -> None:
        # In a group this would reproach members for talking to each other.
        if not isinstance(chat := chat_of(update), int) or chat < 0:
            return
        # One notice per window is enough, whichever limit it is about.
        notice, request = f"rate_limited.{chat}", str(update["update_id"])
        if await users.claim_notice(chat, notice, request, window_s):
            text = t(language_of(language_code_of(update)), "too_fast")
            await components.messenger.send_text(ChatTarget(chat), text, [])

    ledger = UpdateLedger(connections.redis, connections.scripts, connections.queue.persist)
    return UpdatePoller(connections.bot, handle, ledger, slow_down)


def _components(
    settings: Settings, connections: Connections, runtime: RuntimeStats, typical_s: TypicalTime
) -> Components:
    redis, scripts, queue = connections.redis, connections.scripts, connections.queue
    messenger, policy = Messenger(connections.bot), _access_policy(settings, connections.routes)
    users, results, job_reads = UserStore(redis), ResultStore(redis), JobReads(redis)
    spend = Spend(redis, queue.caps, utc_offset_s)
    limit = RateLimit(
        redis,
        scripts,
        window_s=settings.rate_limit_window,
        max_requests=settings.rate_limit_max_requests,
    )
    pictures = state.folder(settings.state_dir, "pictures")
    return Components(
        identity=connections.bot_identity,
        policy=policy,
        requests=RequestService(
            queue, users, results, limit, spend, policy, messenger.bot_id, now_ms
        ),
        messenger=messenger,
        queue=queue,
        job_reads=job_reads,
        results=results,
        users=users,
        albums=Albums(redis, scripts),
        limit=limit,
        spend=spend,
        originals=OriginalStore(pictures, settings.kept_pictures_mb),
        access=Access(redis),
        broadcasts=Broadcasts(redis, scripts),
        dead_letters=DeadLetters(redis, scripts, queue),
        stats=StatsSources(
            queue_stats=QueueStats(redis),
            job_reads=job_reads,
            users=users,
            spend=spend,
            workers=runtime.workers,
            providers_out=runtime.providers_out,
            typical_s=typical_s,
        ),
        now_ms=now_ms,
    )


def _step_context(
    settings: Settings,
    connections: Connections,
    components: Components,
    scheduler: PollScheduler,
    typical_s: TypicalTime,
) -> StepContext:
    return StepContext(
        queue=connections.queue,
        installation=connections.installation,
        job_reads=components.job_reads,
        results=components.results,
        users=components.users,
        originals=components.originals,
        routing=connections.routes,
        slots=ProviderSlots(),
        webhooks=_webhooks(settings, connections, components.job_reads),
        alarm=asyncio.Event(),
        pool=connections.pool,
        status_messages=StatusMessages(
            connections.queue, components.job_reads, components.messenger, now_ms, typical_s
        ),
        messenger=components.messenger,
        download=functools.partial(download, connections.bot),
        poll_scheduler=scheduler,
        folder=state.folder(settings.state_dir, "jobs"),
        now_ms=now_ms,
        draining=connections.draining,
    )


def _webhooks(settings: Settings, connections: Connections, job_reads: JobReads) -> Webhooks:
    routes = connections.routes
    path = settings.state_dir / "hook.key"
    with state.usable(path):
        key = read_key(path)
    return Webhooks(
        settings.public_url,
        key,
        WebhookTickets(connections.redis),
        job_reads,
        lambda name, operation: routes.get(name) or routes.primary(operation),
        now_ms,
    )


def _poll_scheduler(settings: Settings, connections: Connections) -> PollScheduler:
    pool = connections.pool
    config = PollingConfig(
        settings.poll_interval_initial,
        settings.poll_interval_max,
        settings.image_poll_max_attempts,
    )
    return PollScheduler(
        config,
        Budget(lambda: polls_per_s(pool.size * settings.jobs_per_worker, config)),
        Durations(connections.redis),
        time.monotonic,
        is_learned=settings.polling == "learned",
    )


def _checks(settings: Settings, redis: Redis, bot: Bot, telegram: Check) -> dict[str, Check]:
    def check_clock() -> str:
        session = bot.session
        return session.clock_trouble if isinstance(session, ClockCheckedSession) else ""

    return {
        "redis": lambda: trouble_of(redis),
        "telegram": telegram,
        "clock": check_clock,
        "disk": lambda: disk_problem(settings.state_dir),
    }
