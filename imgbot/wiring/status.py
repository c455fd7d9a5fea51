"""Adapts pipeline state to the status page's types."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from imgbot.domain.job import Job, State
from imgbot.imaging.pool import Pool
from imgbot.jobs.runner import Runner
from imgbot.ops.status.sources import QueueGlance, StatusSources, UnknownJob, Worker
from imgbot.storage.stats import DeadJob, QueueStats
from imgbot.telemetry.thresholds import Load
from imgbot.version import version


def status_sources(
    overview: QueueStats,
    runner: Runner | None,
    pool: Pool,
    providers: Iterable[str],
    now_ms: Callable[[], int],
    running_per_user: int,
    measure: Callable[[], Awaitable[None]],
) -> StatusSources:
    """Build the sources of the status sampler; there is no runner before Telegram has answered."""

    async def glance() -> QueueGlance:
        found = await overview.snapshot(now_ms(), running_per_user)
        return QueueGlance(
            jobs=_by_state(
                found.waiting,
                runner.jobs if runner else (),
                Counter(lane.about for lane in pool.lanes()),
            ),
            refused=found.refused,
            unknown=[_unknown(job) for job in found.dead],
            is_paused=found.is_paused,
            load=replace(
                runner.load if runner else Load(),
                waiting=sum(found.waiting.values()),
                capped=found.capped,
            ),
        )

    def workers() -> list[Worker]:
        return [
            Worker(lane.number + 1, lane.pid, lane.about, lane.for_s, lane.memory_bytes)
            for lane in pool.lanes()
        ]

    return StatusSources(workers, measure, glance, "+".join(providers), overview.address, version())


def _by_state(
    waiting: Mapping[str, int], running: Sequence[Job], at_work: Mapping[str, int]
) -> dict[str, dict[str, int]]:
    """Count jobs by operation and state; `at_work` counts the busy workers by operation.

    A picture made by a worker stays in `submitting` while it is painted, so it is shown as
    painting.
    """
    found = {operation: {str(State.QUEUED): count} for operation, count in waiting.items() if count}
    for job in running:
        states = found.setdefault(str(job.request.operation), {})
        states[str(job.state)] = states.get(str(job.state), 0) + 1
    for operation, states in found.items():
        if painted := min(states.get(State.SUBMITTING, 0), at_work.get(operation, 0)):
            states["painting"] = painted
            states[str(State.SUBMITTING)] -= painted
    return found


def _unknown(job: DeadJob) -> UnknownJob:
    return UnknownJob(
        id=job.id,
        operation=job.operation,
        provider=job.provider,
        reason=job.reason,
        at_s=job.died_ms / 1000,
        user_id=job.user_id,
    )
