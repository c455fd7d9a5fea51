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
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TypeVar

from imgbot.aio import run_or_cancel_on, running_beside, sleep_or_event
from imgbot.config.settings import Settings
from imgbot.ops.http import OpsServer
from imgbot.ops.lifecycle import Notifier, Signals, force_exit_after, measure_loop_lag
from imgbot.ops.status import operator_key
from imgbot.painter import worker
from imgbot.painter.pool import Pool
from imgbot.storage.client import connect
from imgbot.storage.server.process import RedisServer
from imgbot.telegram.client import open_bot
from imgbot.telemetry import events, metrics
from imgbot.telemetry.liveness import most_overdue
from imgbot.version import version
from imgbot.wiring.connections import Connections, open_guard, open_queue
from imgbot.wiring.services import Services, build_services
from imgbot.wiring.startup import Startup, open_connections
from imgbot.wiring.status import build_sampler

T = TypeVar("T")

DRAIN_S = 25.0
"""Seconds for running work to finish; systemd's stop timeout is longer."""

HANDOVER_S = 1.0
"""The same in a cluster, where another bot goes on with it."""

ORDER_DRAIN_S = 115.0
"""Seconds before that in which it serves on, for a paid submit that would be lost without its
response: OpenAI's edits are reported to take 60 to 150 s."""


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
        guard = await open_guard(settings, redis, closing)
        queue, lease = open_queue(settings, redis, guard.register if guard else None)
        bot = open_bot(settings.token.get_secret_value(), settings.telegram_api)
        closing.push_async_callback(bot.session.close)
        start = Startup(bot, notifier, queue, lease)
        checks = {"telegram": lambda: start.telegram}
        cluster = (guard, lease) if guard and lease else None
        sampler = build_sampler(settings, redis, bot, pool, checks, start.is_standby, cluster)
        metrics.REGISTRY.register(sampler.resources)
        ports = settings.spare_http_ports
        key = operator_key(settings.token.get_secret_value())
        page = OpsServer(settings.http, sampler, start.take_hook, ports, key)
        await closing.enter_async_context(page)
        await closing.enter_async_context(running_beside(sampler.run()))
        opening = open_connections(settings, redis, start, pool, server, closing)
        connections = await run_or_cancel_on(signals.stopping, opening)
        if connections is not None:
            services = start.services = build_services(settings, connections, sampler)
            await _serve(services, server, connections, notifier, signals.stopping)
    return signals.conclude()


async def _serve(
    services: Services,
    server: RedisServer | None,
    connections: Connections,
    notifier: Notifier,
    stopping: asyncio.Event,
) -> None:
    """Serve until told to stop; background tasks end after the work."""
    pool = connections.pool
    # READY must include the pool: one worker answers, the others start on need.
    await pool.run(worker.ping)
    services.sampler.serve(services.serving)
    names = "+".join(connections.routes.names)
    events.info("serving: version %s, provider %s, %d workers", version(), names, pool.size)
    draining, drain_s = connections.draining, HANDOVER_S if connections.lease else DRAIN_S
    background = (
        services.maintenance.repair_loop(),
        *(loop() for loop in services.loops),
        measure_loop_lag(metrics.lag.observe),
        _report(services, connections, notifier),
        services.publish_commands(),
        *([server.watch()] if server else []),
        *([connections.lease.keep()] if connections.lease else []),
        *([connections.reach.run()] if connections.reach else []),
    )
    async with running_beside(*background):
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
    notifier.stopping("closing")


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
