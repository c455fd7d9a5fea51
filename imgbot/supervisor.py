"""Supervisor: starts the parts of the bot in order, runs, drains and stops them.

A start opens Redis, the pool and Telegram, then reports READY. A stop first waits for orders whose
answers could not be recovered; then it takes no more updates, finishes jobs that need only seconds,
and leaves the rest in Redis for the next start.

In a cluster (IMGBOT_REDIS_URL=redis+sentinel://…) the bot stands by, READY as well, until it has
taken the lease. A stop releases the lease, and leaves what takes more than a second to the next
leader. SIGUSR1 hands over: a stop with status 1, after which systemd starts the bot again as the
standby. It does so itself when it reaches neither Telegram nor a provider, and the other both.
"""

import asyncio
import functools
import math
import signal
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from aiogram import Bot

from imgbot.aio import cancel_and_wait_current, run_or_cancel_on, sleep_or_event
from imgbot.bot.disabled_buttons import enable_buttons
from imgbot.bot.handlers.start import publish_commands
from imgbot.bot.messages import BotIdentity
from imgbot.config.setting_types import ClusterUrl
from imgbot.config.settings import Settings
from imgbot.domain.errors import TransientError, UnresolvedNameError
from imgbot.domain.retry import backoff_s
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.jobs.reach import Reach
from imgbot.ops import dns
from imgbot.ops.http import OpsServer
from imgbot.ops.installation import Layout
from imgbot.ops.lifecycle import Notifier, Signals, force_exit_after, measure_loop_lag
from imgbot.ops.resource_usage import disk_problem
from imgbot.ops.status import operator_key
from imgbot.ops.status.cluster import ClusterStatus
from imgbot.painter import worker
from imgbot.painter.pool import Pool
from imgbot.storage.client import Client, connect
from imgbot.storage.installation import bind_to_bot
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.lease import Lease
from imgbot.storage.persistence import Persistence
from imgbot.storage.server.durability import verify
from imgbot.storage.server.guard import Guard
from imgbot.storage.server.process import RedisServer
from imgbot.storage.server.record import Register
from imgbot.telegram.client import identify, is_reached, open_bot
from imgbot.telemetry import events, metrics
from imgbot.telemetry.liveness import most_overdue
from imgbot.version import version
from imgbot.wiring.connections import Connections, queue_limits_of
from imgbot.wiring.providers import open_providers, reopen_former
from imgbot.wiring.services import Services, build_services
from imgbot.wiring.status import build_sampler

T = TypeVar("T")

DRAIN_S = 25.0
"""Seconds for running work to finish; systemd's stop timeout is longer."""

HANDOVER_S = 1.0
"""The same in a cluster, where another bot goes on with it."""

ORDER_DRAIN_S = 115.0
"""Seconds before that in which it serves on, for a paid submit that would be lost without its
response: OpenAI's edits are reported to take 60 to 150 s."""

REDIS_TIMEOUT_S = 60.0
"""Seconds to retry a Redis that stops answering during the start."""


async def serve(
    settings: Settings, reread: Callable[[], Settings], pool: Pool, server: RedisServer | None
) -> int:
    """Run the bot until it is told to stop; return the exit status.

    `server` is the embedded Redis, if it is used.

    Raises ConfigError, FencedError, StorageUnavailableError, also inside groups.
    """
    notifier = Notifier()
    signals = Signals(notifier, pool, reread, settings.state_dir)
    signals.listen()
    async with AsyncExitStack() as closing:
        closing.push_async_callback(pool.close)
        if server is not None:
            closing.push_async_callback(server.stop)
        redis = connect(server.url if server else settings.redis_address)
        closing.push_async_callback(redis.aclose)
        guard = await _open_guard(settings, redis, closing)
        queue, lease = _open_queue(settings, redis, guard.register if guard else None)
        bot = open_bot(settings.token.get_secret_value(), settings.telegram_api)
        closing.push_async_callback(bot.session.close)
        start = _Startup(bot, notifier, queue, lease)
        checks = {"telegram": lambda: start.telegram}
        cluster = ClusterStatus(guard, lease) if guard and lease else None
        sampler = build_sampler(settings, redis, bot, pool, checks, start.is_standby, cluster)
        metrics.REGISTRY.register(sampler.resources)
        ports = settings.spare_http_ports
        key = operator_key(settings.token.get_secret_value())
        page = OpsServer(settings.http, sampler, start.take_hook, ports, key)
        await closing.enter_async_context(page)
        await closing.enter_async_context(_beside(sampler.run()))
        opening = _open_connections(settings, redis, start, pool, server, closing)
        connections = await run_or_cancel_on(signals.stopping, opening)
        if connections is not None:
            services = start.services = build_services(settings, connections, sampler)
            await _serve(services, server, connections, notifier, signals.stopping)
    return signals.conclude()


async def _open_guard(settings: Settings, redis: Client, closing: AsyncExitStack) -> Guard | None:
    """Open the record of a cluster, and guard its servers by it; None outside of one."""
    if not settings.is_clustered:
        return None
    register = Register(ClusterUrl.parse(settings.redis_address))
    closing.push_async_callback(register.aclose)
    guard = Guard(redis, register)
    await closing.enter_async_context(_beside(guard.run()))
    return guard


def _open_queue(
    settings: Settings, redis: Client, register: Register | None
) -> tuple[JobQueue, Lease | None]:
    """Build the queue, and in a cluster the lease on it."""
    persistence = Persistence(redis, register)
    queue = JobQueue(redis, queue_limits_of(settings), persistence)
    if register is None:
        return queue, None
    return queue, Lease(redis, persistence)


async def _open_connections(
    settings: Settings,
    redis: Client,
    start: "_Startup",
    pool: Pool,
    server: RedisServer | None,
    closing: AsyncExitStack,
) -> Connections:
    """Wait for Redis and Telegram, and become the owner of the queue."""
    queue, lease = start.queue, start.lease
    await _open_redis(redis, server, start)
    async with _beside(*([server.watch()] if server else [])):
        myself = await start.identify()
        routes = open_providers(settings, pool)
        metrics.preregister(version(), routes.names)
        closing.push_async_callback(routes.aclose)
        # A stop while it stands by finds itself fenced, and closes nothing.
        closing.push_async_callback(queue.close_epoch)
        reach = None
        if lease is not None:
            await pool.run(worker.ping)
            reach = _reach_of(start, redis, routes, settings.state_dir)
            async with _beside(_stand_by(start.notifier), reach.run()):
                await lease.take()
        installation = await _acquire_queue(redis, queue, myself.id, start.notifier)
        await reopen_former(settings, pool, queue, routes)
    return Connections(redis, queue, installation, start.bot, myself, pool, routes, lease, reach)


def _reach_of(start: "_Startup", redis: Client, routes: ProviderRouter, state_dir: Path) -> Reach:
    persistence = start.queue.persistence
    return Reach(
        redis=redis,
        ask_telegram=functools.partial(is_reached, start.bot),
        providers=lambda: routes.urls,
        is_standby=start.is_standby,
        is_in_sync=lambda: persistence.is_in_sync,
        disk_problem=functools.partial(disk_problem, state_dir),
        hand_over=functools.partial(signal.raise_signal, signal.SIGUSR1),
    )


async def _stand_by(notifier: Notifier) -> None:
    """Report to systemd that this bot is ready to lead; runs until cancelled."""
    notifier.ready("standing by")
    while True:
        notifier.alive()
        await asyncio.sleep(notifier.watchdog_interval_s or 60.0)


async def _open_redis(redis: Client, server: RedisServer | None, start: "_Startup") -> None:
    """Wait for Redis. Raises ConfigError, ServerError."""
    start.notifier.status("waiting for Redis")
    if server is not None:
        await server.start()
        return
    persistence = start.queue.persistence
    found = await verify(redis, explain=persistence.explain)
    persistence.is_synced_by_itself = found.is_durable_at_once


@dataclass(slots=True)
class _Startup:
    """Telegram and webhooks before the services are built."""

    bot: Bot
    notifier: Notifier
    queue: JobQueue
    lease: Lease | None
    """None outside a cluster."""
    telegram: str = "has not answered since startup"
    """Problem with Telegram, as the status page says it."""
    services: Services | None = None

    def is_standby(self) -> bool:
        return self.lease is not None and self.lease.is_standby

    async def take_hook(
        self,
        job_id: str,
        secret: str,
        headers: Mapping[str, str],
        read: Callable[[], Awaitable[bytes]],
    ) -> bool:
        """Take a webhook. Raises TransientError before there are services."""
        if self.services is None:
            raise TransientError("the bot is starting")
        return await self.services.handle_webhook(job_id, secret, headers, read)

    async def identify(self) -> BotIdentity:
        """Wait for Telegram."""

        async def ask() -> BotIdentity:
            try:
                return BotIdentity.of(await identify(self.bot))
            except TransientError as error:
                why = str(error)
                if isinstance(error, UnresolvedNameError) and self.notifier.is_service:
                    why = "; ".join(filter(None, (why, dns.trouble(Layout()))))
                self.telegram = f"is not usable yet ({why})"
                raise TransientError(why, error.retry_after_s) from error

        found = await _until_done(ask, "Telegram", self.notifier)
        self.telegram = ""
        return found


@asynccontextmanager
async def _beside(*loops: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    """Run loops within the block; they end after it."""
    async with asyncio.TaskGroup() as background:
        tasks = [background.create_task(loop) for loop in loops]
        try:
            yield
        finally:
            await cancel_and_wait_current(*tasks)


async def _acquire_queue(redis: Client, queue: JobQueue, bot_id: int, notifier: Notifier) -> str:
    """Become the owner of the queue; return the installation's id.

    Raises StorageUnavailableError if Redis stays away for REDIS_TIMEOUT_S, ConfigError.
    """

    async def acquire() -> str:
        installation = await bind_to_bot(redis, bot_id)
        # With the lease of a cluster, one was opened.
        if not redis.epoch:
            await queue.open_epoch()
        await queue.part_messages()
        return installation

    return await _until_done(acquire, "Redis", notifier, REDIS_TIMEOUT_S)


async def _until_done(
    work: Callable[[], Awaitable[T]], where: str, notifier: Notifier, within_s: float = math.inf
) -> T:
    """Repeat `work` until it succeeds. Raises its TransientError after `within_s`."""
    began_s, attempt = time.monotonic(), 0
    notifier.status(f"waiting for {where}")
    while True:
        try:
            return await work()
        except TransientError as error:
            if time.monotonic() - began_s > within_s:
                raise
            delay_s = error.retry_after_s or backoff_s(attempt, cap_s=10)
            status = f"{where} is not usable yet ({error})"
        notifier.status(status)
        events.warning("%s; retrying in %.0f s", status, delay_s)
        notifier.extend_timeout(delay_s + 90)
        attempt += 1
        await asyncio.sleep(delay_s)


async def _serve(
    services: Services,
    server: RedisServer | None,
    connections: Connections,
    notifier: Notifier,
    stopping: asyncio.Event,
) -> None:
    pool, sampler = connections.pool, services.sampler
    # READY must include the pool: one worker answers, the others start on need.
    await pool.run(worker.ping)
    sampler.serve(services.serving)
    names = "+".join(connections.routes.names)
    events.info("serving: version %s, provider %s, %d workers", version(), names, pool.size)
    await _run(services, server, connections, notifier, stopping)
    notifier.stopping("closing")


async def _run(
    services: Services,
    server: RedisServer | None,
    connections: Connections,
    notifier: Notifier,
    stopping: asyncio.Event,
) -> None:
    """Serve; background tasks end after the work."""
    draining, drain_s = connections.draining, HANDOVER_S if connections.lease else DRAIN_S
    background = (
        services.maintenance.repair_loop(),
        *(loop() for loop in services.loops),
        measure_loop_lag(metrics.lag.observe),
        _report(services, connections, notifier),
        publish_commands(connections.bot, services.app.commands, services.app.policy.admins),
        enable_buttons(connections.redis, connections.bot),
        *([server.watch()] if server else []),
        *([connections.lease.keep()] if connections.lease else []),
        *([connections.reach.run()] if connections.reach else []),
    )
    async with _beside(*background):
        notifier.ready(services.sampler.summary)
        events.info("ready")
        try:
            async with asyncio.TaskGroup() as work:
                work.create_task(services.updates.run(draining, drain_s))
                work.create_task(services.runner.run(stopping, drain_s, ORDER_DRAIN_S))
                for each in services.work:
                    work.create_task(each(draining, drain_s))
        except BaseException:
            # An unexpected end, and the cleanup may hang as well.
            force_exit_after(asyncio.get_running_loop())
            raise


async def _report(services: Services, connections: Connections, notifier: Notifier) -> None:
    """Report the status to systemd; the watchdog is fed only while every loop makes progress."""
    pool, draining = connections.pool, connections.draining
    reported = ""
    while not draining.is_set():
        overdue_s = {
            "the poll loop": services.updates.overdue_s,
            "the claim loop": services.runner.overdue_s,
            "the worker pool": pool.overdue_s,
        }
        if not (where := most_overdue(overdue_s)):
            notifier.status(services.sampler.summary)
            notifier.alive()
        elif not reported:
            events.critical("stuck: %s; under systemd, the bot is restarted", where)
            notifier.status(f"stuck: {where}")
            notifier.give_up()
        reported = where
        pool.stop_idle()
        await sleep_or_event(min(notifier.watchdog_interval_s or 10.0, 10.0), draining)
    notifier.stopping("finishing running jobs")
