"""Open connections, from which the wiring builds everything, and the clock."""

import asyncio
import functools
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import cast

from aiogram import Bot

from imgbot.aio import running_beside
from imgbot.bot.messages import BotIdentity
from imgbot.clock import Clock
from imgbot.config.setting_types import ClusterUrl
from imgbot.config.settings import Settings
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.jobs.reach import Reach
from imgbot.ops.resource_usage import disk_problem
from imgbot.painter.pool import Pool
from imgbot.storage.client import Client
from imgbot.storage.job_queue import JobQueue, QueueLimits
from imgbot.storage.lease import Lease
from imgbot.storage.persistence import Persistence
from imgbot.storage.server.guard import Guard
from imgbot.storage.server.record import Register
from imgbot.telegram.client import is_reached
from imgbot.telegram.session import BotSession
from imgbot.telemetry.health import ProviderState

CLOCK = Clock()
"""Clock of the whole program."""

now_ms = CLOCK.now_ms


@dataclass(frozen=True, slots=True)
class Connections:
    """Open connections, closed in reverse order."""

    redis: Client
    queue: JobQueue
    installation: str
    bot: Bot
    bot_identity: BotIdentity
    pool: Pool
    routes: ProviderRouter
    lease: Lease | None = None
    """None outside a cluster, as is the next."""
    reach: Reach | None = None
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the bot is to stop, and the orders that only an answer can settle are answered."""
    alarm: asyncio.Event = field(default_factory=asyncio.Event)
    """Set to have the rules of alerts evaluated at once."""

    def workers(self) -> tuple[int, int, int]:
        """Workers wanted, started and busy."""
        return self.pool.size, self.pool.started, self.pool.busy

    def is_clock_sure(self) -> bool:
        """Return true if what is old by the clock may be deleted."""
        return CLOCK.is_settled and cast("BotSession", self.bot.session).is_clock_right

    def providers(self) -> Mapping[str, ProviderState]:
        """State of each provider."""
        return self.routes.states(time.monotonic())


def queue_limits_of(settings: Settings) -> QueueLimits:
    """Return the queue limits from the settings."""
    return QueueLimits(
        waiting=settings.queue_limit,
        waiting_per_user=settings.per_user.waiting,
        running_per_user=settings.per_user.running,
        daily_micro=settings.daily_budget,
        daily_micro_per_user=settings.per_user.usd,
        daily_pictures_per_user=settings.per_user.pictures,
        daily_pictures_per_group=settings.per_group.pictures,
    )


async def open_guard(settings: Settings, redis: Client, closing: AsyncExitStack) -> Guard | None:
    """Open the record of a cluster, and guard its servers by it; None outside of one."""
    if not settings.is_clustered:
        return None
    register = Register(ClusterUrl.parse(settings.redis_address))
    closing.push_async_callback(register.aclose)
    guard = Guard(redis, register)
    await closing.enter_async_context(running_beside(guard.run()))
    return guard


def open_queue(
    settings: Settings, redis: Client, register: Register | None
) -> tuple[JobQueue, Lease | None]:
    """Build the queue, and in a cluster the lease on it."""
    persistence = Persistence(redis, register)
    queue = JobQueue(redis, queue_limits_of(settings), persistence)
    if register is None:
        return queue, None
    return queue, Lease(redis, persistence)


def reach_of(
    redis: Client,
    bot: Bot,
    persistence: Persistence,
    routes: ProviderRouter,
    settings: Settings,
    is_standby: Callable[[], bool],
) -> Reach:
    """Build what hands over where this server reaches less than the other one."""
    return Reach(
        redis=redis,
        ask_telegram=functools.partial(is_reached, bot),
        providers=lambda: routes.urls,
        is_standby=is_standby,
        is_in_sync=lambda: persistence.is_in_sync,
        disk_problem=functools.partial(disk_problem, settings.state_dir),
        hand_over=functools.partial(signal.raise_signal, signal.SIGUSR1),
    )
