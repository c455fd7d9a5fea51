"""Builds the services from open connections."""

import asyncio
import functools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, cast

from aiogram import Bot

from imgbot.bot.app import App
from imgbot.bot.dialogue import Dialogues
from imgbot.config.settings import Settings
from imgbot.features.feature import Core, Intake
from imgbot.jobs.maintenance import Maintenance
from imgbot.jobs.runner import Runner
from imgbot.ops.http import TakeHook
from imgbot.ops.status.observer import Serving
from imgbot.ops.status.sampler import StatusSampler
from imgbot.storage.server.durability import measure
from imgbot.telegram.session import BotSession
from imgbot.telegram.update_poller import UpdatePoller
from imgbot.wiring.bot import build_app, build_update_poller, with_commands
from imgbot.wiring.connections import CLOCK, Connections, now_ms
from imgbot.wiring.features import build_seams
from imgbot.wiring.jobs import build_runner, build_step_context


@dataclass(frozen=True, slots=True)
class Services:
    """Components that run."""

    updates: UpdatePoller
    runner: Runner
    maintenance: Maintenance
    loops: Sequence[Callable[[], Coroutine[Any, Any, None]]]
    """Loops of features."""
    work: Sequence[Callable[[asyncio.Event, float], Coroutine[Any, Any, None]]]
    """Loops of features that end once the event is set, what is under way within the seconds."""
    app: App
    handle_webhook: TakeHook
    sampler: StatusSampler
    serving: Serving


def build_services(
    settings: Settings, connections: Connections, sampler: StatusSampler
) -> Services:
    """Build all components; nothing runs yet."""
    core = _core_of(settings, connections, sampler)
    seams = build_seams(core)
    redis, app = core.redis, with_commands(core.app, seams)
    dialogues = Dialogues(redis, app, seams)
    updates = build_update_poller(connections, app, dialogues, seams)
    intake = Intake(dialogues, updates.caught_up, updates.is_busy_with)
    context = build_step_context(settings, connections, app, seams)
    runner = build_runner(settings, context)
    connections.routes.on_recovery = runner.wake
    cast("BotSession", core.bot.session).on_recovery += (updates.recovered.set, runner.wake)
    return Services(
        updates=updates,
        runner=runner,
        maintenance=Maintenance(
            connections.queue,
            app.results,
            app.spend,
            context.folder,
            app.originals,
            functools.partial(measure, redis),
            now_ms,
            app.forgetting,
            core.is_clock_sure,
        ),
        loops=seams.loops,
        work=[functools.partial(loop, intake) for loop in seams.work],
        app=app,
        handle_webhook=context.webhooks.handle,
        sampler=sampler,
        serving=Serving(
            "+".join(connections.routes.names),
            connections.providers,
            runner,
            updates,
            connections.queue.persistence,
            app.policy.least_price_micro,
        ),
    )


def _core_of(settings: Settings, connections: Connections, sampler: StatusSampler) -> Core:
    return Core(
        settings=settings,
        redis=connections.redis,
        bot=connections.bot,
        persistence=connections.queue.persistence,
        pool=connections.pool,
        routes=connections.routes,
        is_clock_sure=functools.partial(_is_clock_sure, connections.bot),
        measure=sampler.measure,
        alarm=connections.alarm,
        app=build_app(settings, connections),
    )


def _is_clock_sure(bot: Bot) -> bool:
    return CLOCK.is_settled and cast("BotSession", bot.session).is_clock_right
