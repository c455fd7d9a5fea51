"""Builds the services from open connections."""

import asyncio
import functools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, cast

from imgbot.bot.dialogue import Dialogues
from imgbot.config.settings import Settings
from imgbot.features.feature import Intake
from imgbot.files import state_folder
from imgbot.jobs.maintenance import Maintenance
from imgbot.jobs.runner import Runner
from imgbot.ops.http import TakeHook
from imgbot.ops.status.observer import Serving
from imgbot.ops.status.sampler import StatusSampler
from imgbot.painter.originals import OriginalStore
from imgbot.storage.results import ResultStore
from imgbot.storage.server.durability import measure
from imgbot.storage.users import UserStore
from imgbot.telegram.session import BotSession
from imgbot.telegram.update_poller import UpdatePoller
from imgbot.wiring.bot import build_conversation, build_update_poller
from imgbot.wiring.connections import Connections
from imgbot.wiring.core import build_core
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
    publish_commands: Callable[[], Coroutine[Any, Any, None]]
    handle_webhook: TakeHook
    sampler: StatusSampler
    serving: Serving


def build_services(
    settings: Settings, connections: Connections, sampler: StatusSampler
) -> Services:
    """Build all components; nothing runs yet."""
    pictures = state_folder(settings.state_dir, "pictures")
    originals = OriginalStore(pictures, settings.kept_pictures_mb)
    core = build_core(settings, connections, sampler, originals)
    redis, seams = core.redis, build_seams(core)
    conversation = build_conversation(core, seams, originals)
    users, context = UserStore(redis), build_step_context(connections, core, seams, originals)
    own = core.identity, core.policy.is_admin, core.now_ms
    dialogues = Dialogues(redis, core.messenger, users, *own, seams)
    updates = build_update_poller(connections, core, seams, conversation, dialogues)
    intake = Intake(dialogues, updates.caught_up, updates.is_busy_with)
    runner = build_runner(settings, context)
    connections.routes.on_recovery = runner.wake
    cast("BotSession", core.bot.session).on_recovery += (updates.recovered.set, runner.wake)
    return Services(
        updates=updates,
        runner=runner,
        maintenance=Maintenance(
            connections.queue,
            ResultStore(redis),
            core.spend,
            context.folder,
            originals,
            functools.partial(measure, redis),
            core.now_ms,
            core.forgetting,
            core.is_clock_sure,
        ),
        loops=seams.loops,
        work=[functools.partial(loop, intake) for loop in seams.work],
        publish_commands=functools.partial(core.general.publish_commands, core.bot),
        handle_webhook=context.webhooks.handle,
        sampler=sampler,
        serving=Serving(
            "+".join(connections.routes.names),
            connections.providers,
            runner,
            updates,
            connections.queue.persistence,
            core.policy.least_price_micro,
        ),
    )
