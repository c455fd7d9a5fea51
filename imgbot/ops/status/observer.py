"""Observer: reads the facts of the status at one time, and sets the gauges of /metrics."""

import math
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from imgbot.domain.job import Job, State
from imgbot.jobs.runner import Runner
from imgbot.ops.status.document import QueueGlance
from imgbot.painter.pool import Pool
from imgbot.painter.worker_slot import WorkerStatus
from imgbot.storage.server.durability import Memory
from imgbot.storage.spend import Spend
from imgbot.storage.stats import DeadJob, QueueStats
from imgbot.storage.users import UserStore
from imgbot.telegram.polling_health import PollingHealth
from imgbot.telemetry import events, metrics
from imgbot.telemetry.health import BudgetState, HealthFacts, ProviderState
from imgbot.telemetry.thresholds import Load

_MICRO = 1_000_000
_JOBS_SHOWN = 20


@dataclass(slots=True)
class Observer:
    """Reads facts for the status; there is no runner before Telegram has answered."""

    stats: QueueStats
    users: UserStore
    spend: Spend
    pool: Pool
    memory: Callable[[], Awaitable[Memory]]
    now_ms: Callable[[], int]
    running_per_user: int
    provider: str = ""
    runner: Runner | None = None
    providers: Callable[[], Mapping[str, ProviderState]] = dict
    contact: PollingHealth = field(default_factory=PollingHealth)
    least_price_micro: int = 0
    """Price of the cheapest picture that is not free; 0 if all are."""
    replica_away_s: Callable[[], float] = float
    _is_full: bool = field(default=False, init=False)

    @property
    def redis(self) -> str:
        """Address of Redis."""
        return self.stats.address

    async def glance(self) -> QueueGlance:
        """Read once, and set the gauges. Raises TransientError while Redis is away."""
        now_ms = self.now_ms()
        found = await self.stats.snapshot(now_ms, self.running_per_user)
        memory = await self.memory()
        self._report_full(memory)
        jobs = self.runner.jobs if self.runner else []
        load = self.runner.load if self.runner else Load(workers=self.pool.size)
        load = replace(load, waiting=sum(found.waiting.values()), capped=found.capped)
        at_work = Counter(worker.about for worker in self.pool.slots())
        latest = next(iter(found.dead), DeadJob(""))
        facts = HealthFacts(
            now_ms=now_ms,
            workers=load.workers,
            figures={
                "unattended": self.runner.unattended if self.runner else 0,
                "redis_full": memory.ratio,
                "replica": int(self.replica_away_s() > 0),
            },
            redis=memory.words,
            providers=self.providers(),
            budget=BudgetState(
                await self.spend.spent_today(now_ms),
                await self.spend.ceiling_today(now_ms),
                self.least_price_micro,
                self.spend.resumes_in_s(now_ms),
                self.spend.today(now_ms),
            ),
            dead=found.dead_count,
            dead_job=latest.id,
            dead_provider=latest.provider,
            dead_ms=latest.died_ms,
            silence_s=self.contact.seconds_since_answer,
            has_answered=self.contact.has_answered,
            rival=self.contact.rival or "",
            is_paused=found.is_paused,
        )
        states = _by_state(found.waiting, jobs, at_work)
        ended = await self.stats.ended(limit=_JOBS_SHOWN)
        seen = (*(job.user_id for job in ended), *(user_id for user_id, _ in found.refused))
        names = await self.users.labels(seen)
        glance = QueueGlance(states, found.refused, found.dead, load, facts, ended, names)
        self._set_gauges(glance, memory, found.oldest_waiting_ms, jobs)
        return glance

    def _set_gauges(
        self, glance: QueueGlance, memory: Memory, oldest_waiting_ms: int, jobs: Sequence[Job]
    ) -> None:
        load, facts = glance.load, glance.facts
        ceiling_micro = facts.budget.ceiling_micro
        counts = {"waiting": load.waiting, "running": load.running, "dead": facts.dead}
        for state, count in counts.items():
            metrics.queue.labels(metrics.QUEUE, state).set(count)
        sizes = {"wanted": load.workers, "started": self.pool.started, "busy": load.busy}
        for state, count in sizes.items():
            metrics.workers.labels(state).set(count)
        for provider, state in facts.providers.items():
            metrics.provider_up.labels(provider).set(state.refusal is None)
        claimed_ms = min((job.progress.claimed_ms for job in jobs), default=0)
        metrics.oldest_waiting.set(oldest_waiting_ms / 1000)
        metrics.oldest_running.set(claimed_ms / 1000)
        metrics.redis_up.set(1)
        metrics.redis_memory.set(memory.used_bytes)
        metrics.redis_memory_max.set(memory.limit_bytes or math.inf)
        metrics.spend_today.set(facts.budget.spent_micro / _MICRO)
        metrics.budget.set(math.inf if ceiling_micro is None else ceiling_micro / _MICRO)

    def workers(self) -> Sequence[WorkerStatus]:
        return self.pool.slots()

    def _report_full(self, memory: Memory) -> None:
        if memory.is_full and not self._is_full:
            events.error("%s", memory.trouble)
        elif self._is_full and memory.is_roomy:
            used_mb, limit_mb = memory.used_mb, memory.limit_mb
            events.info("Redis has room again: %d of %d MB used", used_mb, limit_mb)
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
