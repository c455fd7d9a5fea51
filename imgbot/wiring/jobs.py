"""Builds the side that runs jobs."""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from imgbot.bot.router import Components
from imgbot.config.settings import Settings
from imgbot.domain.operations import Operation
from imgbot.domain.poll_schedule import Budget, PollingConfig, polls_per_s
from imgbot.jobs.context import StepContext
from imgbot.jobs.maintenance import Maintenance
from imgbot.jobs.poll_scheduler import PollScheduler
from imgbot.jobs.provider_routing import ProviderRouter, ProviderSlots, kind_of
from imgbot.jobs.runner import Runner
from imgbot.jobs.status_messages import StatusMessages
from imgbot.jobs.webhooks import Webhooks, read_key
from imgbot.ops import state_dir as state
from imgbot.ops.resource_usage import disk_problem
from imgbot.storage.job_reads import JobReads
from imgbot.storage.provider_records import Durations, WebhookTickets
from imgbot.storage.server.durability import measure
from imgbot.telegram.client import download
from imgbot.wiring.connections import Connections, now_ms

TypicalTime = Callable[[Operation], Awaitable[float]]
"""Typical seconds per picture of an operation; 0 while unknown."""


def typical_time(pace: PollScheduler, routes: ProviderRouter) -> TypicalTime:
    """Return a query for the typical time of a picture."""

    async def typical_s(operation: Operation) -> float:
        return await pace.typical_s(kind_of(routes.primary(operation), operation))

    return typical_s


def build_poll_scheduler(settings: Settings, connections: Connections) -> PollScheduler:
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
        is_learned=settings.polling == "learned",
    )


def build_step_context(
    settings: Settings,
    connections: Connections,
    components: Components,
    scheduler: PollScheduler,
    typical_s: TypicalTime,
) -> StepContext:
    """Build the dependencies of the job steps."""
    return StepContext(
        queue=connections.queue,
        installation=connections.installation,
        job_reads=components.job_reads,
        results=components.results,
        users=components.users,
        originals=components.originals,
        routing=connections.routes,
        slots=ProviderSlots(),
        webhooks=_webhooks(settings, connections, components.job_reads),
        alarm=asyncio.Event(),
        pool=connections.pool,
        status_messages=StatusMessages(
            connections.queue, components.job_reads, components.messenger, now_ms, typical_s
        ),
        messenger=components.messenger,
        download=functools.partial(download, connections.bot),
        poll_scheduler=scheduler,
        folder=state.folder(settings.state_dir, "jobs"),
        now_ms=now_ms,
        draining=connections.draining,
    )


def _webhooks(settings: Settings, connections: Connections, job_reads: JobReads) -> Webhooks:
    routes = connections.routes
    path = settings.state_dir / "hook.key"
    with state.usable(path):
        key = read_key(path)
    return Webhooks(
        settings.public_url,
        key,
        WebhookTickets(connections.redis),
        job_reads,
        lambda name, operation: routes.get(name) or routes.primary(operation),
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


def build_maintenance(
    connections: Connections, components: Components, folder: Path
) -> Maintenance:
    """Build the maintenance of the queue and of the jobs' files in `folder`."""
    return Maintenance(
        connections.queue,
        components.job_reads,
        components.results,
        components.spend,
        folder,
        components.originals,
        functools.partial(measure, connections.redis),
        now_ms,
    )
