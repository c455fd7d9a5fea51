"""The bot on a simulated machine: the real components, wired as the supervisor wires them."""

import asyncio
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast

from aiogram import Bot

from imgbot import supervisor
from imgbot.aio import run_or_cancel_on, running_beside
from imgbot.bot.messages import BotIdentity
from imgbot.clock import Clock
from imgbot.config.settings import Settings
from imgbot.domain.errors import StorageUnavailableError, TransientError, UserError, WorkerLostError
from imgbot.domain.operations import OPERATIONS, Operation
from imgbot.files import replace_file
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.painter import steps
from imgbot.painter.steps import Deliverable
from imgbot.storage.client import Client
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.lease import Lease
from imgbot.storage.persistence import Persistence
from imgbot.storage.server.guard import Guard
from imgbot.storage.server.record import Register
from imgbot.telegram.client import identify
from imgbot.telemetry.health import HealthFacts
from imgbot.wiring import startup
from imgbot.wiring.connections import Connections, queue_limits_of
from imgbot.wiring.services import build_services
from tests.simulation.cluster import URL
from tests.simulation.loop import PROCESS, Process
from tests.simulation.network import Network
from tests.simulation.provider import PlayedProvider
from tests.simulation.redis_connection import Way, connect
from tests.simulation.sentinel import Sentinels
from tests.simulation.telegram import TOKEN, Session, Telegram


class PlayedPool:
    """The pool's work, done at once after a while."""

    size, busy, waiting, started, overdue_s = 4, 0, 0, 4, 0.0

    def __init__(self, network: Network, random: Random) -> None:
        self._network = network
        self._random = random

    async def run(self, work: Callable[..., Any], *args: Any, about: str = "", **_: Any) -> Any:
        await asyncio.sleep(self._random.uniform(0.01, 0.4))
        kind = self._network.befalls("pool", "lost", "unavailable")
        if kind == "lost":
            raise WorkerLostError(about, self._random.choice(("killed", "hung")))
        if kind == "unavailable":
            raise TransientError("no worker can be started")
        return _WORK[work](*args)

    def slots(self) -> list[Any]:
        return []


def _check(raw: str, stem: str) -> str:
    content = Path(raw).read_bytes()
    if not content.startswith((b"photo", b"picture")):
        raise UserError("picture_not_a_picture")
    replace_file(Path(f"{stem}.jpg"), content)
    return f"{stem}.jpg"


def _size_of(_: str) -> tuple[int, int]:
    return 1000, 800


def _prepare(raw: str, stem: str) -> Deliverable:
    content = Path(raw).read_bytes()
    replace_file(Path(f"{stem}.jpg"), content)
    return Deliverable(f"{stem}.jpg", "photo", 1000, 800, len(content), ".jpg")


def _find_drawn_area(*files: str) -> steps.DrawnArea:
    """Of two photos, either one is drawn on or none is, as they happen to be."""
    *photos, mask, _ = map(Path, files)
    is_drawn = zlib.crc32(b"".join(photo.read_bytes() for photo in photos)) % 2
    if not is_drawn:
        return steps.DrawnArea("")
    replace_file(mask, b"mask")
    return steps.DrawnArea("area_found", is_swapped=True)


def _fit_mask(area: str, _picture: str) -> str:
    return area


_WORK: dict[Callable[..., Any], Callable[..., Any]] = {
    steps.check: _check,
    steps.size_of: _size_of,
    steps.find_drawn_area: _find_drawn_area,
    steps.fit_mask: _fit_mask,
    steps.prepare: _prepare,
    steps.as_it_is: _prepare,
}


def _use(clock: Clock) -> None:
    """Have what is wired from now on read this clock."""
    for name, module in cast("dict[str, Any]", sys.modules).items():
        if name.startswith("imgbot.wiring."):
            module.CLOCK, module.now_ms = clock, clock.now_ms


async def _nothing_measured() -> HealthFacts:
    raise StorageUnavailableError("no health is played")


class _Notifier:
    """The supervisor's words to systemd, which nobody hears."""

    def status(self, _: str) -> None: ...
    def extend_timeout(self, _: float) -> None: ...


@dataclass
class Machine:
    """One process of the bot."""

    process: Process
    settings: Settings
    way: Way | Sentinels
    """To its Redis; in a cluster by Sentinels."""
    telegram: Telegram
    network: Network
    providers: Callable[[], list[PlayedProvider]]
    random: Random
    is_synced_by_itself: bool
    draining: asyncio.Event
    task: Any = None
    redis: Client | None = None
    """Kept, for a client that is collected complains."""

    async def run(self) -> None:
        """Start, serve until drained or ended. Raises what ends a supervisor."""
        PROCESS.set(self.process)
        _use(Clock(time.time_ns, time.monotonic_ns))
        redis = self.redis = connect(self.way, self.network)
        register = Register(URL) if isinstance(self.way, Sentinels) else None
        guards = [Guard(redis, register).run()] if register else []
        try:
            async with running_beside(*guards):
                opened = self._open(redis, register)
                connections = await run_or_cancel_on(self.draining, opened)
                if connections is not None:
                    await self._serve(connections)
                    await connections.queue.close_epoch()
        finally:
            await redis.aclose()
            if register:
                await register.aclose()

    async def _open(self, redis: Client, register: Register | None) -> Connections:
        bot = Bot(TOKEN, session=Session(self.telegram, self.network))
        myself = await self._identify(bot)
        persistence = Persistence(redis, register, is_synced_by_itself=self.is_synced_by_itself)
        queue = JobQueue(redis, queue_limits_of(self.settings), persistence)
        lease = Lease(redis, persistence, time.monotonic) if register else None
        if lease is not None:
            await lease.take()
        notifier: Any = _Notifier()
        installation = await startup.acquire_queue(redis, queue, myself.id, notifier)
        pool: Any = PlayedPool(self.network, self.random)
        return Connections(redis, queue, installation, bot, myself, pool, self._routes(), lease)

    async def _identify(self, bot: Bot) -> BotIdentity:
        while True:
            try:
                return BotIdentity.of(await identify(bot))
            except TransientError as error:
                await asyncio.sleep(error.retry_after_s or 1.0)

    def _routes(self) -> ProviderRouter:
        *painters, builtin = self.providers()
        chosen = {
            operation: painters[number % len(painters)].name
            for number, operation in enumerate(OPERATIONS)
        }
        chosen |= dict.fromkeys((Operation.COMPARE, Operation.STICKER), builtin.name)
        fallback = painters[-1].name if len(painters) > 1 else ""
        return ProviderRouter({each.name: each for each in (*painters, builtin)}, chosen, fallback)

    async def _serve(self, connections: Connections) -> None:
        """Serve as the supervisor does, but for alerts and words to systemd."""
        sampler: Any = SimpleNamespace(measure=_nothing_measured)
        services = build_services(self.settings, connections, sampler)
        drain_s = supervisor.HANDOVER_S if connections.lease else supervisor.DRAIN_S
        maintenance = services.maintenance
        loops = [
            maintenance.repair_loop(),
            *(loop() for loop in services.loops),
        ]
        if connections.lease:
            loops.append(connections.lease.keep())
        async with running_beside(*loops), asyncio.TaskGroup() as work:
            draining, order_s = connections.draining, supervisor.ORDER_DRAIN_S
            work.create_task(services.updates.run(draining, drain_s))
            work.create_task(services.runner.run(self.draining, drain_s, order_s))
            for each in services.work:
                work.create_task(each(draining, drain_s))
