"""Opens what the bot needs before its services are built: Redis, Telegram, providers, the lease."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypeVar

from aiogram import Bot

from imgbot.aio import running_beside
from imgbot.bot.messages import BotIdentity
from imgbot.config.settings import Settings
from imgbot.domain.errors import TransientError, UnresolvedNameError
from imgbot.domain.retry import backoff_s
from imgbot.ops import dns
from imgbot.ops.installation import Layout
from imgbot.ops.lifecycle import Notifier
from imgbot.painter import worker
from imgbot.painter.pool import Pool
from imgbot.storage.client import Client
from imgbot.storage.installation import bind_to_bot
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.lease import Lease
from imgbot.storage.server.durability import verify
from imgbot.storage.server.process import RedisServer
from imgbot.telegram.client import identify
from imgbot.telemetry import events, metrics
from imgbot.version import version
from imgbot.wiring.connections import Connections, reach_of
from imgbot.wiring.providers import open_providers, reopen_former
from imgbot.wiring.services import Services

T = TypeVar("T")

REDIS_TIMEOUT_S = 60.0
"""Seconds to retry a Redis that stops answering during the start."""


@dataclass(slots=True)
class Startup:
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


async def open_connections(
    settings: Settings,
    redis: Client,
    start: Startup,
    pool: Pool,
    server: RedisServer | None,
    closing: AsyncExitStack,
) -> Connections:
    """Wait for Redis and Telegram, and become the owner of the queue."""
    queue, lease = start.queue, start.lease
    await _open_redis(redis, server, start)
    async with running_beside(*([server.watch()] if server else [])):
        myself = await start.identify()
        routes = open_providers(settings, pool)
        metrics.preregister(version(), routes.names)
        closing.push_async_callback(routes.aclose)
        # A stop while it stands by finds itself fenced, and closes nothing.
        closing.push_async_callback(queue.close_epoch)
        reach = None
        if lease is not None:
            await pool.run(worker.ping)
            reach = reach_of(
                redis, start.bot, queue.persistence, routes, settings, start.is_standby
            )
            async with running_beside(_stand_by(start.notifier), reach.run()):
                await lease.take()
        installation = await acquire_queue(redis, queue, myself.id, start.notifier)
        await reopen_former(settings, pool, queue, routes)
    return Connections(redis, queue, installation, start.bot, myself, pool, routes, lease, reach)


async def _stand_by(notifier: Notifier) -> None:
    """Report to systemd that this bot is ready to lead; runs until cancelled."""
    notifier.ready("standing by")
    while True:
        notifier.alive()
        await asyncio.sleep(notifier.watchdog_interval_s or 60.0)


async def _open_redis(redis: Client, server: RedisServer | None, start: Startup) -> None:
    """Wait for Redis. Raises ConfigError, ServerError."""
    start.notifier.status("waiting for Redis")
    if server is not None:
        await server.start()
        return
    persistence = start.queue.persistence
    found = await verify(redis, explain=persistence.explain)
    persistence.is_synced_by_itself = found.is_durable_at_once


async def acquire_queue(redis: Client, queue: JobQueue, bot_id: int, notifier: Notifier) -> str:
    """Become the owner of the queue; return the installation's id.

    Raises StorageUnavailableError if Redis stays away for REDIS_TIMEOUT_S, ConfigError.
    """

    async def acquire() -> str:
        installation = await bind_to_bot(redis, bot_id)
        # With the lease of a cluster, one was opened.
        if not redis.epoch:
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
            delay_s = error.retry_after_s or backoff_s(attempt, cap_s=10)
            status = f"{where} is not usable yet ({error})"
        notifier.status(status)
        events.warning("%s; retrying in %.0f s", status, delay_s)
        notifier.extend_timeout(delay_s + 90)
        attempt += 1
        await asyncio.sleep(delay_s)
