"""Supervisor: start order, run, drain, stop.

Start: settings, locks, Redis, pool, Telegram, then READY. Stop: no more updates, jobs that need
only seconds are finished, the rest waits in Redis for the next start.
"""

import asyncio
import functools
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TypeVar

from aiogram import Bot

from imgbot.aio import cancel_and_wait_current, run_or_cancel_on, sleep_or_event
from imgbot.bot.handlers.start import publish_commands
from imgbot.bot.messages import BotIdentity
from imgbot.config.settings import Settings
from imgbot.domain.errors import TransientError, UnresolvedNameError
from imgbot.domain.retry import backoff_s
from imgbot.imaging import worker
from imgbot.imaging.pool import Pool
from imgbot.ops import dns
from imgbot.ops.http import OpsServer
from imgbot.ops.installation import Layout
from imgbot.ops.lifecycle import Notifier, Signals, force_exit_after, measure_loop_lag
from imgbot.storage.access import bind_to_bot
from imgbot.storage.client import Client, connect
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.server.durability import verify
from imgbot.storage.server.process import RedisServer
from imgbot.telegram.client import identify, open_bot
from imgbot.telemetry import events, metrics
from imgbot.telemetry.liveness import most_overdue
from imgbot.version import version
from imgbot.wiring.connections import Connections, queue_limits_of
from imgbot.wiring.providers import open_providers
from imgbot.wiring.services import Services, build_services
from imgbot.wiring.status import build_sampler

T = TypeVar("T")

DRAIN_S = 25.0
"""Seconds for running work to finish; systemd's stop timeout is longer."""

ORDER_DRAIN_S = 115.0
"""Additional seconds for a paid submit that would be lost without its response: OpenAI's edits are
reported to take 60 to 150 s."""

SHOWN_AFTER_S = 1.0
"""Telegram usually answers sooner; after this, /healthz and the status page show the wait."""

REDIS_TIMEOUT_S = 60.0
"""Seconds to retry a Redis that stops answering during the start."""


async def serve(
    settings: Settings, reread: Callable[[], Settings], pool: Pool, server: RedisServer | None
) -> None:
    """Run the bot until it is told to stop; `server` is the embedded Redis, if it is used.

    Raises ConfigError, FencedError, StorageUnavailableError, also inside groups.
    """
    notifier = Notifier()
    signals = Signals(notifier, pool, reread, settings.state_dir)
    signals.listen()
    async with AsyncExitStack() as closing:
        closing.push_async_callback(pool.close)
        opening = _open_connections(settings, pool, server, signals.draining, notifier, closing)
        if (connections := await run_or_cancel_on(signals.draining, opening)) is None:
            return
        services = build_services(settings, connections)
        await closing.enter_async_context(
            OpsServer(
                settings.http,
                services.sampler,
                services.handle_webhook,
                settings.spare_http_ports,
            )
        )
        # READY must include the pool: one worker answers, the others start on need.
        await pool.run(worker.ping)
        metrics.REGISTRY.register(services.sampler.resources)
        names = "+".join(connections.routes.names)
        metrics.build.labels(version(), names).set(1)
        events.info("serving: version %s, provider %s, %d workers", version(), names, pool.size)
        await _run(services, server, connections, notifier)
        notifier.stopping("closing")
    events.info("stopped")


async def _open_connections(
    settings: Settings,
    pool: Pool,
    server: RedisServer | None,
    draining: asyncio.Event,
    notifier: Notifier,
    closing: AsyncExitStack,
) -> Connections:
    """Open everything in order."""
    if server is not None:
        closing.push_async_callback(server.stop)
        redis = connect(server.url)
    else:
        redis = connect(settings.redis_url.get_secret_value() if settings.redis_url else "")
    closing.push_async_callback(redis.aclose)
    bot = open_bot(settings.token.get_secret_value(), settings.telegram_api)
    closing.push_async_callback(bot.session.close)
    start = _Startup(settings, redis, bot, pool, notifier)
    is_synced = await start.shown(functools.partial(_open_redis, redis, server, notifier))
    async with _watched(server):
        myself = await start.shown(start.identify)
        routes = open_providers(settings, pool)
        closing.push_async_callback(routes.aclose)
        queue = JobQueue(redis, queue_limits_of(settings), is_synced_by_itself=is_synced)
        acquire = functools.partial(_acquire_queue, redis, queue, myself.id, notifier)
        installation = await start.shown(acquire)
    closing.push_async_callback(queue.close_epoch)
    return Connections(redis, queue, installation, bot, myself, pool, routes, draining)


async def _open_redis(redis: Client, server: RedisServer | None, notifier: Notifier) -> bool:
    """Wait for Redis; return whether each of its writes is on the disk by itself.

    Raises ConfigError, ServerError.
    """
    notifier.status("waiting for Redis")
    if server is not None:
        await server.start()
        return True
    return (await verify(redis)).is_durable_at_once


class _Startup:
    """Waits of the start: a long one is visible on the status page and in /healthz."""

    def __init__(
        self, settings: Settings, redis: Client, bot: Bot, pool: Pool, notifier: Notifier
    ) -> None:
        self._settings = settings
        self._bot = bot
        self._notifier = notifier
        self._telegram = "has not answered since startup"
        checks = {"telegram": lambda: self._telegram}
        self._sampler = build_sampler(settings, redis, bot, pool, checks)

    async def shown(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do work that may be begun anew; after SHOWN_AFTER_S, the status page shows the wait."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SHOWN_AFTER_S):
                return await work()
        page = OpsServer(self._settings.http, self._sampler, None, self._settings.spare_http_ports)
        async with page, asyncio.TaskGroup() as background:
            sampling = background.create_task(self._sampler.run())
            try:
                return await work()
            finally:
                await cancel_and_wait_current(sampling)

    async def identify(self) -> BotIdentity:
        """Wait for Telegram."""

        async def ask() -> BotIdentity:
            try:
                return BotIdentity.of(await identify(self._bot))
            except TransientError as error:
                said = str(error)
                if isinstance(error, UnresolvedNameError) and self._notifier.is_service:
                    said = "; ".join(filter(None, (said, dns.trouble(Layout()))))
                self._telegram = f"is not usable yet ({said})"
                raise TransientError(said, error.retry_after_s) from error

        found = await _until_done(ask, "Telegram", self._notifier)
        self._telegram = ""
        return found


@asynccontextmanager
async def _watched(server: RedisServer | None) -> AsyncGenerator[None]:
    """Start the embedded Redis again if it ends within the block."""
    async with asyncio.TaskGroup() as background:
        tasks = [background.create_task(server.watch())] if server else []
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
        await queue.open_epoch()
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
            delay_s = error.retry_after_s or backoff_s(attempt, cap_s=30)
            said = f"{where} is not usable yet ({error})"
        notifier.status(said)
        events.warning("%s; retrying in %.0f s", said, delay_s)
        notifier.extend_timeout(delay_s + 90)
        attempt += 1
        await asyncio.sleep(delay_s)


async def _run(
    services: Services, server: RedisServer | None, connections: Connections, notifier: Notifier
) -> None:
    """Serve; background tasks end after the work."""
    draining = connections.draining
    async with asyncio.TaskGroup() as background:
        tasks = [
            background.create_task(loop)
            for loop in (
                services.maintenance.repair_loop(),
                services.maintenance.forget_loop(),
                services.sampler.run(),
                services.alert_notifier.run(),
                measure_loop_lag(metrics.lag.observe),
                _report(services, connections, notifier),
                publish_commands(connections.bot, services.admins),
                *([server.watch()] if server else []),
            )
        ]
        notifier.ready(services.sampler.summary)
        events.info("ready")
        try:
            async with asyncio.TaskGroup() as work:
                work.create_task(services.updates.run(draining, DRAIN_S))
                work.create_task(services.albums.run(draining, DRAIN_S))
                work.create_task(services.runner.run(DRAIN_S, ORDER_DRAIN_S))
                work.create_task(services.broadcaster.run(draining, DRAIN_S))
        except BaseException:
            # An unexpected end, and the cleanup may hang as well.
            force_exit_after(asyncio.get_running_loop())
            raise
        finally:
            await cancel_and_wait_current(*tasks)


async def _report(services: Services, connections: Connections, notifier: Notifier) -> None:
    """Report the status to systemd; the watchdog is fed only while every loop makes progress."""
    pool, draining = connections.pool, connections.draining
    said = ""
    while not draining.is_set():
        overdue_s = {
            "the poll loop": services.updates.overdue_s,
            "the claim loop": services.runner.overdue_s,
            "the worker pool": pool.overdue_s,
        }
        if not (where := most_overdue(overdue_s)):
            notifier.status(services.sampler.summary)
            notifier.alive()
        elif not said:
            events.critical("stuck: %s; under systemd, the bot is restarted", where)
            notifier.status(f"stuck: {where}")
            notifier.give_up()
        said = where
        pool.stop_idle()
        await sleep_or_event(min(notifier.watchdog_interval_s or 10.0, 10.0), draining)
    notifier.stopping("finishing running jobs")
