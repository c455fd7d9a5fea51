"""Observer of queue, workers and budget: for the status, the gauges of /metrics, and the alerts."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from imgbot.domain.job import Job, State
from imgbot.imaging.pool import Pool
from imgbot.jobs.runner import Runner
from imgbot.ops.status.document import QueueGlance, Worker
from imgbot.storage.server.durability import Memory
from imgbot.storage.spend import Spend
from imgbot.storage.stats import QueueStats
from imgbot.telemetry import events as telemetry
from imgbot.telemetry.thresholds import Load


@dataclass(slots=True)
class Observer:
    """Reads facts for the status; there is no runner before Telegram has answered."""

    stats: QueueStats
    spend: Spend
    pool: Pool
    memory: Callable[[], Awaitable[Memory]]
    now_ms: Callable[[], int]
    running_per_user: int
    runner: Runner | None = None
    providers_out: Callable[[], Mapping[str, bool]] = dict
    """By provider, true while it is out of service."""
    _is_full: bool = field(default=False, init=False)

    async def glance(self) -> QueueGlance:
        """Read once, and set the gauges. Raises TransientError while Redis is away."""
        now_ms = self.now_ms()
        found = await self.stats.snapshot(now_ms, self.running_per_user)
        memory = await self.memory()
        spent_micro = await self.spend.spent_today(now_ms)
        ceiling_micro = await self.spend.ceiling_today(now_ms)
        self._report_full(memory)
        jobs = self.runner.jobs if self.runner else []
        load = self.runner.load if self.runner else Load(workers=self.pool.size)
        load = replace(load, waiting=sum(found.waiting.values()), capped=found.capped)
        telemetry.queue_measured(load, found.dead_count, found.oldest_waiting_ms, self.pool.started)
        telemetry.running_measured(job.progress.claimed_ms for job in jobs)
        telemetry.redis_measured(memory.used_bytes, memory.limit_bytes)
        telemetry.spend_measured(spent_micro, ceiling_micro)
        telemetry.providers_measured(self.providers_out())
        at_work = Counter(worker.about for worker in self.pool.lanes())
        return QueueGlance(
            jobs=_by_state(found.waiting, jobs, at_work),
            refused=found.refused,
            unknown=found.dead,
            dead_count=found.dead_count,
            is_paused=found.is_paused,
            load=load,
            memory=memory,
            spent_micro=spent_micro,
            ceiling_micro=ceiling_micro,
        )

    def workers(self) -> list[Worker]:
        return [
            Worker(lane.number + 1, lane.pid, lane.about, lane.for_s, lane.memory_bytes)
            for lane in self.pool.lanes()
        ]

    def _report_full(self, memory: Memory) -> None:
        if memory.is_full and not self._is_full:
            telemetry.error("Redis: %s", memory.trouble)
        elif self._is_full and memory.is_roomy:
            used_mb, limit_mb = memory.used_mb, memory.limit_mb
            telemetry.info("Redis has room again: %d of %d MB used", used_mb, limit_mb)
        self._is_full = memory.is_full or (self._is_full and not memory.is_roomy)


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
