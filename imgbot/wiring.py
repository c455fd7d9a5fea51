"""Makes the parts of what was opened and fits them together; the other place that knows all."""

import asyncio
import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiogram import Bot
from aiogram.fsm.context import FSMContext
from aiogram.fsm.storage.base import StorageKey
from redis.asyncio import Redis

from imgbot import telemetry
from imgbot.conversation.albums import AlbumKeeper
from imgbot.conversation.desk import Desk, House, Store
from imgbot.conversation.dialogue import storage
from imgbot.conversation.door import Myself
from imgbot.conversation.router import build_dispatcher
from imgbot.errors import ConfigError
from imgbot.imaging import engine
from imgbot.imaging.kept import Kept
from imgbot.imaging.pool import Pool
from imgbot.job import Operation
from imgbot.ops.http import Check
from imgbot.ops.settings import Settings
from imgbot.polling import Budget, PollingConfig, polls_per_s
from imgbot.providers.access import Access
from imgbot.providers.builtin import BuiltinProvider
from imgbot.providers.protocol import Done, Order, Output, Provider
from imgbot.providers.simulated import SimulatedProvider
from imgbot.queue import keys
from imgbot.queue.admission import Caps
from imgbot.queue.albums import Albums
from imgbot.queue.durations import Durations
from imgbot.queue.gallery import Gallery
from imgbot.queue.jobs import JobQueue
from imgbot.queue.people import People
from imgbot.queue.rate_limit import RateLimit
from imgbot.queue.scripts import Scripts, storage_errors
from imgbot.queue.shelf import Shelf
from imgbot.queue.spend import Spend
from imgbot.runner.loop import Runner
from imgbot.runner.pacing import Pace
from imgbot.runner.status import Status
from imgbot.runner.tools import Tools
from imgbot.telegram.client import download
from imgbot.telegram.delivery import Delivery, Place
from imgbot.telegram.update import Update, chat_of, language_code_of
from imgbot.telegram.updates import Updates
from imgbot.texts import language_of, say
from imgbot.upkeep import Figures, Upkeep

_FRESH_S = 120.0
"""A getUpdates older than this: Telegram is away, or the poller is."""


def now_ms() -> int:
    """The clock of the whole program: milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def utc_offset_s(at_ms: int) -> int:
    """Return by how many seconds the server's local clock is ahead of UTC at a time."""
    return time.localtime(at_ms / 1000).tm_gmtoff


@dataclass(frozen=True, slots=True)
class Doors:
    """What was opened, and is closed in reverse."""

    redis: Redis
    scripts: Scripts
    queue: JobQueue
    bot: Bot
    myself: Myself
    pool: Pool
    provider: Provider
    draining: asyncio.Event


@dataclass(frozen=True, slots=True)
class Parts:
    """What is wired together and run."""

    updates: Updates
    albums: AlbumKeeper
    runner: Runner
    upkeep: Upkeep
    checks: Mapping[str, Check]


def open_provider(settings: Settings, pool: Pool) -> Provider:
    """Return who makes the pictures. Raises ConfigError for one that is not there yet."""
    if settings.provider == "builtin":
        return BuiltinProvider(functools.partial(_make, pool))
    if settings.provider == "simulated":
        if not settings.provider_url:
            raise ConfigError("IMGBOT_PROVIDER_URL", "is missing; the sandbox prints it")
        key = settings.provider_key
        return SimulatedProvider(
            Access(url=settings.provider_url, key=key.get_secret_value() if key else "")
        )
    raise ConfigError(
        "IMGBOT_PROVIDER", f"{settings.provider} is not supported by this version; write builtin"
    )


async def _make(pool: Pool, order: Order) -> Done:
    work = functools.partial(engine.make, scale=order.scale, seed=order.seed, ratio=order.ratio)
    pictures = tuple(str(path) for path in order.pictures)
    made = await pool.run(work, order.operation.value, order.words, pictures, str(order.target))
    return Done((Output(path=made.path),), made.did, made.unknown, made.nearest)


def caps_of(settings: Settings) -> Caps:
    """Return how much is let in."""
    return Caps(
        waiting=settings.queue_limit,
        waiting_per_user=settings.waiting_per_user,
        running_per_user=settings.running_per_user,
        daily_micro=settings.daily_budget,
        daily_micro_per_user=settings.user_daily_limit,
    )


def price_micro(settings: Settings, operation: Operation) -> int:
    """Return what a picture costs at its admission: the operator's price, else nothing.

    A comparison is made here, whoever the provider is.
    """
    return 0 if operation is Operation.COMPARE else dict(settings.prices).get(operation, 0)


def wire(settings: Settings, doors: Doors) -> Parts:
    """Make all parts; nothing runs yet."""
    telemetry.declare([doors.provider.name])
    store = _store(settings, doors)
    delivery = Delivery(doors.bot)
    house = House(
        allowed=frozenset(settings.allowed_users),
        admins=frozenset(settings.admins),
        has_builtin_engine=settings.provider == "builtin",
        price_of=functools.partial(price_micro, settings),
    )
    desk = Desk(store, delivery, house, now_ms)
    dialogues = storage(doors.redis, keys.DIALOGUE)
    dispatcher = build_dispatcher(desk, dialogues, doors.myself)

    async def handle(update: Update) -> None:
        with storage_errors():
            await dispatcher.feed_raw_update(doors.bot, dict(update))

    async def slow_down(update: Update) -> None:
        # In a group it would be a complaint about people who talk with each other.
        if isinstance(chat := chat_of(update), int) and chat > 0:
            await delivery.announce(
                Place(chat), say(language_of(language_code_of(update)), "too_fast"), []
            )

    def state_of(chat_id: int, user_id: int) -> FSMContext:
        return FSMContext(dialogues, StorageKey(doors.bot.id, chat_id, user_id))

    pool = doors.pool
    runner = Runner(
        _tools(settings, doors, store, delivery), lambda: pool.size * settings.jobs_per_worker
    )
    figures = Figures(lambda: runner.running, lambda: (pool.size, pool.started, pool.busy))
    updates = Updates(doors.bot, handle, store.shelf, slow_down)
    folder = _folder(settings, "jobs")
    return Parts(
        updates=updates,
        albums=AlbumKeeper(desk, state_of, updates.caught_up),
        runner=runner,
        upkeep=Upkeep(doors.queue, store.shelf, folder, store.kept, store.spend, figures, now_ms),
        checks=_checks(doors.redis, updates),
    )


def _store(settings: Settings, doors: Doors) -> Store:
    limit = RateLimit(
        doors.redis,
        doors.scripts,
        window_s=settings.rate_limit_window,
        max_requests=settings.rate_limit_max_requests,
    )
    return Store(
        queue=doors.queue,
        shelf=Shelf(doors.redis),
        gallery=Gallery(doors.redis),
        people=People(doors.redis),
        albums=Albums(doors.redis, doors.scripts),
        limit=limit,
        spend=Spend(doors.redis, doors.queue.caps, utc_offset_s),
        kept=Kept(_folder(settings, "pictures"), settings.kept_pictures_mb),
    )


def _tools(settings: Settings, doors: Doors, store: Store, delivery: Delivery) -> Tools:
    builtin = BuiltinProvider(functools.partial(_make, doors.pool))
    providers = dict.fromkeys(Operation, doors.provider) | {Operation.COMPARE: builtin}
    return Tools(
        queue=doors.queue,
        shelf=store.shelf,
        people=store.people,
        kept=store.kept,
        providers=providers,
        pool=doors.pool,
        status=Status(doors.queue, store.shelf, delivery, now_ms),
        delivery=delivery,
        download=functools.partial(download, doors.bot),
        pace=_pace(settings, doors.redis),
        folder=_folder(settings, "jobs"),
        now_ms=now_ms,
        draining=doors.draining,
    )


def _pace(settings: Settings, redis: Redis) -> Pace:
    config = PollingConfig(
        settings.poll_interval_initial,
        settings.poll_interval_max,
        settings.image_poll_max_attempts,
    )
    places = settings.worker_count * settings.jobs_per_worker
    durations = Durations(redis) if settings.polling == "learned" else None
    return Pace(config, Budget(polls_per_s(places, config)), durations, time.monotonic)


def _folder(settings: Settings, name: str) -> Path:
    folder = settings.state_dir / name
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
