"""Builds the side that runs jobs."""

import functools
import hmac
import time
from typing import Any

from imgbot.config.settings import Settings
from imgbot.domain.poll_schedule import Budget, PollingConfig, polls_per_s
from imgbot.features.feature import Core, Seams
from imgbot.files import state_folder, usable
from imgbot.jobs.context import ProviderSlots, StepContext
from imgbot.jobs.poll_scheduler import PollScheduler
from imgbot.jobs.runner import Runner
from imgbot.jobs.status_messages import StatusMessages
from imgbot.jobs.webhooks import Webhooks, read_key
from imgbot.ops.resource_usage import disk_problem
from imgbot.painter.originals import OriginalStore
from imgbot.storage.provider_records import Durations, OrderPaces
from imgbot.storage.results import ResultStore
from imgbot.storage.users import UserStore
from imgbot.telegram.client import download
from imgbot.wiring.connections import CLOCK, Connections, now_ms


def build_step_context(
    connections: Connections, core: Core, seams: Seams, originals: OriginalStore
) -> StepContext:
    """Build the dependencies of the job steps."""
    settings, scheduler = core.settings, _poll_scheduler(core.settings, connections)
    queue, messenger, routes = core.queue, core.messenger, core.routes
    leading: dict[str, Any] = {}
    if lease := connections.lease:
        leading = {"check_lease": lease.check, "locked_s": lease.locked_s}
    return StepContext(
        queue=queue,
        installation=connections.installation,
        results=ResultStore(core.redis),
        users=UserStore(core.redis),
        originals=originals,
        routing=routes,
        slots=ProviderSlots(),
        webhooks=_webhooks(settings, connections),
        alarm=connections.alarm,
        pool=connections.pool,
        status_messages=StatusMessages(
            queue, messenger, now_ms, lambda job: scheduler.typical_s(routes.kind_of(job))
        ),
        messenger=messenger,
        download=functools.partial(download, connections.bot),
        poll_scheduler=scheduler,
        paces=OrderPaces(connections.redis),
        folder=state_folder(settings.state_dir, "jobs"),
        now_ms=now_ms,
        age_ms=CLOCK.age_ms,
        draining=connections.draining,
        hooks=seams.hooks,
        holds=seams.holds,
        result_buttons=seams.result_buttons,
        **leading,
    )


def _poll_scheduler(settings: Settings, connections: Connections) -> PollScheduler:
    """Build the scheduler of polls; its budget follows the number of workers."""
    pool = connections.pool
    config = PollingConfig(
        settings.poll_interval_initial,
        settings.poll_interval_max,
        settings.image_poll_max_attempts,
    )
    return PollScheduler(
        config,
        Budget(lambda: polls_per_s(pool.size * settings.jobs_per_worker, config)),
        Durations(connections.redis),
        time.monotonic,
    )


def _webhooks(settings: Settings, connections: Connections) -> Webhooks:
    routes = connections.routes
    path = settings.state_dir / "hook.key"
    if settings.is_clustered:
        # The next leader takes the webhooks of what this one ordered.
        token = settings.token.get_secret_value().encode()
        key = hmac.digest(token, connections.installation.encode(), "sha256")
    else:
        with usable(path):
            key = read_key(path)
    return Webhooks(
        settings.public_url,
        key,
        connections.queue,
        routes,
        now_ms,
    )


def build_runner(settings: Settings, context: StepContext) -> Runner:
    """Build the runner; its capacity follows the number of workers."""
    return Runner(
        context,
        lambda: context.pool.size * settings.jobs_per_worker,
        functools.partial(disk_problem, settings.state_dir),
        lambda: context.messenger.backlog_s,
    )
