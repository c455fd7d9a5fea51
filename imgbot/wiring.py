"""Makes the parts of what was opened and fits them together; the other place that knows all."""

import asyncio
import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass

from aiogram import Bot, Dispatcher
from aiogram.fsm.context import FSMContext
from aiogram.fsm.storage.base import StorageKey
from redis.asyncio import Redis

from imgbot import metrics, series
from imgbot.administration import Sources, TypicalTime, open_alarms, open_office, typical_time
from imgbot.conversation.albums import AlbumKeeper
from imgbot.conversation.desk import Desk, House, Store
from imgbot.conversation.dialogue import storage
from imgbot.conversation.door import Myself
from imgbot.conversation.office import Office
from imgbot.conversation.router import build_dispatcher
from imgbot.imaging.kept import Kept
from imgbot.imaging.pool import Pool
from imgbot.lookout import sources_of
from imgbot.ops import state
from imgbot.ops.disk import trouble_with
from imgbot.ops.health import Check
from imgbot.ops.http import TakeHook
from imgbot.ops.settings import Settings
from imgbot.ops.watch import Watch
from imgbot.polling import Budget, PollingConfig, polls_per_s
from imgbot.queue import keys
from imgbot.queue.admission import Caps
from imgbot.queue.albums import Albums
from imgbot.queue.durations import Durations
from imgbot.queue.gallery import Gallery
from imgbot.queue.hints import Hints
from imgbot.queue.jobs import JobQueue
from imgbot.queue.memory import trouble_of
from imgbot.queue.overview import Overview
from imgbot.queue.people import People
from imgbot.queue.rate_limit import RateLimit
from imgbot.queue.scripts import Scripts, storage_errors
from imgbot.queue.shelf import Shelf
from imgbot.queue.spend import Spend
from imgbot.queue.update_ledger import UpdateLedger
from imgbot.runner.alarms import Alarms
from imgbot.runner.broadcasting import Broadcaster
from imgbot.runner.hooks import Hooks, read_key
from imgbot.runner.loop import Runner
from imgbot.runner.pacing import Pace
from imgbot.runner.places import Places
from imgbot.runner.routing import Routes
from imgbot.runner.status import Status
from imgbot.runner.tools import Tools
from imgbot.telegram.client import download
from imgbot.telegram.contact import DatedSession
from imgbot.telegram.delivery import Delivery, Place
from imgbot.telegram.update import Update, chat_of, language_code_of
from imgbot.telegram.update_poller import UpdatePoller
from imgbot.texts import language_of, say
from imgbot.upkeep import Figures, Upkeep


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
    installation: str
    bot: Bot
    myself: Myself
    pool: Pool
    routes: Routes
    draining: asyncio.Event


@dataclass(frozen=True, slots=True)
class Parts:
    """What is wired together and run."""

    updates: UpdatePoller
    albums: AlbumKeeper
    runner: Runner
    upkeep: Upkeep
    broadcaster: Broadcaster
    alarms: Alarms
    admins: tuple[int, ...]
    checks: Mapping[str, Check]
    take_hook: TakeHook
    watch: Watch


def caps_of(settings: Settings) -> Caps:
    """Return how much is let in."""
    return Caps(
        waiting=settings.queue_limit,
        waiting_per_user=settings.waiting_per_user,
        running_per_user=settings.running_per_user,
        daily_micro=settings.daily_budget,
        daily_micro_per_user=settings.user_daily_limit,
    )


def wire(settings: Settings, doors: Doors) -> Parts:
    """Make all parts; nothing runs yet."""
    series.declare(doors.routes.names)
    pool, pace, delivery = doors.pool, _pace(settings, doors.redis, doors.pool), Delivery(doors.bot)
    typical_s = typical_time(pace, doors.routes)
    figures = Figures(
        lambda: runner.running,
        lambda: (pool.size, pool.started, pool.busy),
        lambda: doors.routes.states(time.monotonic()),
    )
    office = open_office(doors.redis, doors.scripts, doors.queue, figures, typical_s)
    store = _store(settings, doors, office)
    desk = Desk(store, delivery, _house(settings, doors.routes), now_ms)
    dialogues = storage(doors.redis, keys.DIALOGUE)
    updates = _updates(doors, store, delivery, build_dispatcher(desk, dialogues, doors.myself))

    def state_of(chat_id: int, user_id: int) -> FSMContext:
        return FSMContext(dialogues, StorageKey(doors.bot.id, chat_id, user_id))

    tools = _tools(settings, doors, store, delivery, pace, typical_s)
    disk = functools.partial(trouble_with, settings.state_dir)
    runner = Runner(tools, lambda: pool.size * settings.jobs_per_worker, disk)
    folder = state.folder(settings.state_dir, "jobs")
    checks = _checks(settings, doors.redis, doors.bot, lambda: updates.contact.trouble)
    checks["updates"] = lambda: updates.trouble
    upkeep = Upkeep(doors.queue, store.shelf, folder, store.kept, store.spend, figures, now_ms)
    asked = sources_of(
        office.overview,
        runner,
        pool,
        doors.routes.names,
        now_ms,
        settings.running_per_user,
        upkeep.measure,
    )
    watch = Watch(metrics.REGISTRY, checks, asked, settings.state_dir)
    sources = Sources(watch.vitals.levels, watch.bound, figures, doors.routes, updates.contact)
    return Parts(
        updates=updates,
        albums=AlbumKeeper(desk, state_of, updates.caught_up, updates.is_busy_with),
        runner=runner,
        upkeep=upkeep,
        broadcaster=Broadcaster(office.broadcasts, store.people, delivery),
        alarms=open_alarms(doors.redis, desk, sources, tools.alarm),
        admins=settings.admins,
        checks=checks,
        take_hook=tools.hooks.take,
        watch=watch,
    )


def watch_start(
    settings: Settings, redis: Redis, bot: Bot, pool: Pool, telegram: Check
) -> tuple[Watch, Mapping[str, Check]]:
    """Make what shows the service while it waits for Telegram."""
    checks = _checks(settings, redis, bot, telegram)

    async def measure() -> None: ...

    names, running = settings.providers, settings.running_per_user
    asked = sources_of(Overview(redis), None, pool, names, now_ms, running, measure)
    return Watch(metrics.REGISTRY, checks, asked, settings.state_dir), checks


def _house(settings: Settings, routes: Routes) -> House:
    return House(
        allowed=frozenset(settings.allowed_users),
        admins=frozenset(settings.admins),
        has_builtin_engine=settings.providers == ("builtin",),
        price_of=routes.price_micro,
    )


def _updates(
    doors: Doors, store: Store, delivery: Delivery, dispatcher: Dispatcher
) -> UpdatePoller:
    async def handle(update: Update) -> None:
        with storage_errors():
            await dispatcher.feed_raw_update(doors.bot, dict(update))

    async def slow_down(update: Update) -> None:
        # In a group it would be a complaint about people who talk with each other.
        if not isinstance(chat := chat_of(update), int) or chat < 0:
            return
        # One refusal in a window is enough, whichever limit it is about.
        said, request = f"rate_limited.{chat}", str(update["update_id"])
        if await store.people.is_first_saying(chat, said, request, store.limit.window_s):
            await delivery.announce(
                Place(chat), say(language_of(language_code_of(update)), "too_fast"), []
            )

    ledger = UpdateLedger(doors.redis, doors.scripts, doors.queue.persist)
    return UpdatePoller(doors.bot, handle, ledger, slow_down)


def _store(settings: Settings, doors: Doors, office: Office) -> Store:
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
        kept=Kept(state.folder(settings.state_dir, "pictures"), settings.kept_pictures_mb),
        office=office,
    )


def _tools(
    settings: Settings,
    doors: Doors,
    store: Store,
    delivery: Delivery,
    pace: Pace,
    typical_s: TypicalTime,
) -> Tools:
    return Tools(
        queue=doors.queue,
        installation=doors.installation,
        shelf=store.shelf,
        people=store.people,
        kept=store.kept,
        routes=doors.routes,
        places=Places(),
        hooks=_hooks(settings, doors, store.shelf),
        alarm=asyncio.Event(),
        pool=doors.pool,
        status=Status(doors.queue, store.shelf, delivery, now_ms, typical_s),
        delivery=delivery,
        download=functools.partial(download, doors.bot),
        pace=pace,
        folder=state.folder(settings.state_dir, "jobs"),
        now_ms=now_ms,
        draining=doors.draining,
    )


def _hooks(settings: Settings, doors: Doors, shelf: Shelf) -> Hooks:
    routes = doors.routes
    path = settings.state_dir / "hook.key"
    with state.usable(path):
        key = read_key(path)
    return Hooks(
        settings.public_url,
        key,
        Hints(doors.redis),
        shelf,
        lambda name, operation: routes.named(name) or routes.first(operation),
        now_ms,
    )


def _pace(settings: Settings, redis: Redis, pool: Pool) -> Pace:
    config = PollingConfig(
        settings.poll_interval_initial,
        settings.poll_interval_max,
        settings.image_poll_max_attempts,
    )
    return Pace(
        config,
        Budget(lambda: polls_per_s(pool.size * settings.jobs_per_worker, config)),
        Durations(redis),
        time.monotonic,
        is_learned=settings.polling == "learned",
    )


def _checks(settings: Settings, redis: Redis, bot: Bot, telegram: Check) -> dict[str, Check]:
    def check_clock() -> str:
        session = bot.session
        return session.clock_trouble if isinstance(session, DatedSession) else ""

    return {
        "redis": lambda: trouble_of(redis),
        "telegram": telegram,
        "clock": check_clock,
        "disk": lambda: trouble_with(settings.state_dir),
    }
