"""Open connections, from which the wiring builds everything, and the clock."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiogram import Bot

from imgbot.bot.messages import BotIdentity
from imgbot.clock import Clock
from imgbot.config.settings import Settings
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.jobs.reach import Reach
from imgbot.painter.pool import Pool
from imgbot.storage.client import Client
from imgbot.storage.job_queue import JobQueue, QueueLimits
from imgbot.storage.lease import Lease
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
