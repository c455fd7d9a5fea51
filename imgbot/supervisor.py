"""Opens, wires, runs, drains and closes everything; the only place that knows all parts.

Start: settings, locks, Redis, pool, Telegram, then READY. Stop: no more updates, what is
seconds away is finished, the rest waits in Redis for the next start.
"""

import asyncio
import functools
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from aiogram import Bot
from redis.asyncio import Redis

from imgbot import __version__, telemetry
from imgbot.conversation.desk import Desk, House
from imgbot.conversation.dialogue import storage
from imgbot.conversation.introduction import introduce
from imgbot.conversation.router import build_dispatcher
from imgbot.errors import ConfigError, TransientError
from imgbot.imaging import engine, worker
from imgbot.imaging.pool import Pool
from imgbot.ops.cgroup import CgroupCollector
from imgbot.ops.http import Check, OpsServer
from imgbot.ops.lag import LagMeter
from imgbot.ops.settings import Settings
from imgbot.ops.signals import Signals
from imgbot.ops.systemd import Notifier
from imgbot.polling import PollingConfig
from imgbot.providers.builtin import BuiltinProvider
from imgbot.providers.http import HttpDoor
from imgbot.providers.protocol import Order, Provider
from imgbot.providers.simulated import SimulatedProvider
from imgbot.queue import keys
from imgbot.queue.durability import verify
from imgbot.queue.jobs import Caps, JobQueue
from imgbot.queue.rate_limit import RateLimit
from imgbot.queue.scripts import Scripts, connect, storage_errors
from imgbot.queue.server import RedisServer
from imgbot.queue.shelf import Shelf
from imgbot.retry import backoff_s
from imgbot.runner.loop import Runner
from imgbot.runner.status import Status
from imgbot.runner.tools import Tools, end, pause, unless
from imgbot.telegram.client import download, greet, open_bot
from imgbot.telegram.delivery import Delivery, Place
from imgbot.telegram.update import Update, chat_of, language_code_of
from imgbot.telegram.updates import Updates
from imgbot.texts import language_of, say
from imgbot.upkeep import Figures, Upkeep

DRAIN_S = 25.0
"""What acts is given so long; systemd waits longer than that."""

_FRESH_S = 120.0
"""A getUpdates older than this: Telegram is away, or the poller is."""


def now_ms() -> int:
    """The clock of the whole program: milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Doors:
    """What was opened, and is closed in reverse."""

    redis: Redis
    scripts: Scripts
    queue: JobQueue
    bot: Bot
    bot_id: int
    pool: Pool
    provider: Provider
    draining: asyncio.Event


@dataclass(frozen=True, slots=True)
class Parts:
    """What is wired together and run."""

    updates: Updates
    runner: Runner
    upkeep: Upkeep
    checks: Mapping[str, Check]


async def serve(settings: Settings, reread: Callable[[], Settings], pool: Pool) -> None:
    """Run the bot until it is told to stop.

    Raises ConfigError, FencedError, also inside groups.
    """
    notifier = Notifier()
    signals = Signals(notifier, pool, reread)
    signals.listen()
    async with AsyncExitStack() as closing:
        closing.push_async_callback(pool.close)
        opened = await unless(signals.draining, _open_redis(settings, closing))
        if opened is None:
            return
        server, redis, is_synced = opened
        bot = open_bot(settings.token.get_secret_value(), settings.telegram_api)
        closing.push_async_callback(bot.session.close)
        bot_id = await _greet(bot, signals.draining, notifier)
        if bot_id is None:
            return
        provider = open_provider(settings, pool)
        closing.push_async_callback(provider.aclose)
        scripts = Scripts(redis)
        caps = Caps(settings.queue_limit, settings.waiting_per_user, settings.running_per_user)
        queue = JobQueue(redis, scripts, caps, is_synced_by_itself=is_synced)
        await queue.open_epoch()
        doors = Doors(redis, scripts, queue, bot, bot_id, pool, provider, signals.draining)
        parts = _wire(settings, doors)
        await closing.enter_async_context(
            OpsServer(settings.http, telemetry.REGISTRY, parts.checks)
        )
        # READY must be true of the pool, too: one worker answers, the others start on need.
        await pool.run(worker.ready)
        telemetry.REGISTRY.register(CgroupCollector())
        telemetry.started(__version__, settings.provider, pool.size)
        await _run(parts, server, bot, notifier, signals.draining)
        notifier.stopping("closing")
    telemetry.noted("stopped")


async def _open_redis(
    settings: Settings, closing: AsyncExitStack
) -> tuple[RedisServer | None, Redis, bool]:
    if settings.redis_url is None:
        server = RedisServer(settings.state_dir)
        await closing.enter_async_context(server)
        redis, is_synced = connect(server.url), True
    else:
        server = None
        redis = connect(settings.redis_url.get_secret_value())
        found = await verify(redis, accept_volatile=settings.accept_volatile_redis)
        is_synced = found.is_durable_at_once or settings.accept_volatile_redis
    closing.push_async_callback(redis.aclose)
    return server, redis, is_synced


async def _greet(bot: Bot, draining: asyncio.Event, notifier: Notifier) -> int | None:
    """Wait for Telegram, saying so; None if told to stop meanwhile."""
    attempt = 0
    while not draining.is_set():
        notifier.status("waiting for Telegram")
        try:
            return await unless(draining, greet(bot))
        except TransientError as error:
            delay_s = error.retry_after_s or backoff_s(attempt, cap_s=30)
            telemetry.warned("Telegram does not answer (%s); again in %.0f s", error, delay_s)
            notifier.extend_timeout(delay_s + 90)
            attempt += 1
            await pause(delay_s, draining)
    return None


def open_provider(settings: Settings, pool: Pool) -> Provider:
    """Return who makes the pictures. Raises ConfigError for one that is not there yet."""
    if settings.provider == "builtin":
        return BuiltinProvider(functools.partial(_make, pool))
    if settings.provider == "simulated":
        if not settings.provider_url:
            raise ConfigError("IMGBOT_PROVIDER_URL", "is missing; the sandbox prints it")
        key = settings.provider_key
        return SimulatedProvider(
            HttpDoor(settings.provider_url, key.get_secret_value() if key else "")
        )
    raise ConfigError(
        "IMGBOT_PROVIDER", f"{settings.provider} is not supported by this version; write builtin"
    )


async def _make(pool: Pool, order: Order) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    work = functools.partial(engine.make, scale=order.scale, seed=order.seed)
    pictures = tuple(str(path) for path in order.pictures)
    made = await pool.run(work, order.operation.value, order.words, pictures, str(order.target))
    return made.path, made.did, made.unknown


def _wire(settings: Settings, doors: Doors) -> Parts:
    telemetry.declare()
    shelf, delivery = Shelf(doors.redis), Delivery(doors.bot)
    dispatcher = build_dispatcher(
        _desk(settings, doors, shelf, delivery), storage(doors.redis, keys.DIALOGUE), doors.bot_id
    )

    async def handle(update: Update) -> None:
        with storage_errors():
            await dispatcher.feed_raw_update(doors.bot, dict(update))

    async def slow_down(update: Update) -> None:
        if isinstance(chat := chat_of(update), int):
            await delivery.announce(
                Place(chat), say(language_of(language_code_of(update)), "too_fast"), []
            )

    pool = doors.pool
    runner = Runner(
        _tools(settings, doors, shelf, delivery), lambda: pool.size * settings.jobs_per_worker
    )
    figures = Figures(lambda: runner.running, lambda: (pool.size, pool.started, pool.busy))
    updates = Updates(doors.bot, handle, shelf, slow_down)
    return Parts(
        updates=updates,
        runner=runner,
        upkeep=Upkeep(doors.queue, shelf, _jobs_folder(settings), figures, now_ms),
        checks=_checks(doors.redis, updates),
    )


def _desk(settings: Settings, doors: Doors, shelf: Shelf, delivery: Delivery) -> Desk:
    limit = RateLimit(
        doors.redis,
        doors.scripts,
        window_s=settings.rate_limit_window,
        max_requests=settings.rate_limit_max_requests,
    )
    house = House(frozenset(settings.allowed_users), settings.provider == "builtin")
    return Desk(doors.queue, shelf, limit, delivery, house, now_ms)


def _tools(settings: Settings, doors: Doors, shelf: Shelf, delivery: Delivery) -> Tools:
    return Tools(
        queue=doors.queue,
        shelf=shelf,
        provider=doors.provider,
        pool=doors.pool,
        status=Status(doors.queue, shelf, delivery, now_ms),
        delivery=delivery,
        download=functools.partial(download, doors.bot),
        polling=PollingConfig(
            settings.poll_interval_initial,
            settings.poll_interval_max,
            settings.image_poll_max_attempts,
        ),
        folder=_jobs_folder(settings),
        now_ms=now_ms,
        draining=doors.draining,
    )


def _jobs_folder(settings: Settings) -> Path:
    folder = settings.state_dir / "jobs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _checks(redis: Redis, updates: Updates) -> dict[str, Check]:
    async def check_redis() -> str:
        await redis.ping()
        return ""

    def check_telegram() -> str:
        silence_s = updates.silence_s
        return "" if silence_s < _FRESH_S else f"no answer for {silence_s:.0f} s"

    return {"redis": check_redis, "telegram": check_telegram}


async def _run(
    parts: Parts,
    server: RedisServer | None,
    bot: Bot,
    notifier: Notifier,
    draining: asyncio.Event,
) -> None:
    """Serve; the background ends when the work has."""
    async with asyncio.TaskGroup() as background:
        tasks = [
            background.create_task(loop)
            for loop in (
                parts.upkeep.check_for_ever(),
                parts.upkeep.measure_for_ever(),
                LagMeter(telemetry.loop_lagged).run(),
                _report(parts.upkeep, notifier, draining),
                introduce(bot),
                *([server.watch()] if server else []),
            )
        ]
        notifier.ready(parts.upkeep.summary)
        telemetry.noted("ready")
        async with asyncio.TaskGroup() as work:
            work.create_task(parts.updates.run(draining))
            work.create_task(parts.runner.run(DRAIN_S))
        await end(*tasks)


async def _report(upkeep: Upkeep, notifier: Notifier, draining: asyncio.Event) -> None:
    """Tell systemd how it stands, and that the loop is alive."""
    while not draining.is_set():
        notifier.status(upkeep.summary)
        notifier.alive()
        await pause(min(notifier.watchdog_interval_s or 10.0, 10.0), draining)
    notifier.stopping("finishing what is seconds away")
