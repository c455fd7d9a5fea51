"""Observer: measures the facts of the status at one time, and has the gauges of /metrics show them.

In one direction: nothing here reads a gauge.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from imgbot.domain.errors import TransientError
from imgbot.domain.job import Job, State
from imgbot.jobs.runner import Runner
from imgbot.painter.pool import Pool
from imgbot.storage.backups import SENT, BackupTimes
from imgbot.storage.persistence import Persistence
from imgbot.storage.server.durability import Memory
from imgbot.storage.spend import Spend
from imgbot.storage.stats import DeadJob, QueueState, QueueStats
from imgbot.storage.users import UserStore
from imgbot.telegram.polling_health import PollingHealth
from imgbot.telegram.update_poller import UpdatePoller
from imgbot.telemetry import events, metrics
from imgbot.telemetry.health import BudgetState, HealthFacts, ProviderState


@dataclass(frozen=True, slots=True)
class Serving:
    """Parts of the bot that are there once Telegram has answered."""

    provider: str
    providers: Callable[[], Mapping[str, ProviderState]]
    runner: Runner
    updates: UpdatePoller
    persistence: Persistence
    least_price_micro: int
    """Price of the cheapest picture that is not free; 0 if all are."""


@dataclass(slots=True)
class Observer:
    """Measures facts for the status; it begins before the bot serves."""

    stats: QueueStats
    users: UserStore
    spend: Spend
    pool: Pool
    now_ms: Callable[[], int]
    provider: str
    contact: PollingHealth
    backups: BackupTimes | None = None
    """None where no backup is sent away."""
    serving: Serving | None = None
    _is_full: bool = field(default=False, init=False)
    _away_since_s: float | None = field(default=None, init=False)
    _began_s: float = field(default_factory=time.monotonic, init=False)

    def serve(self, serving: Serving) -> None:
        """Measure these parts as well from now on."""
        self.serving, self.provider = serving, serving.provider
        self.contact = serving.updates.contact

    async def observe(self) -> tuple[HealthFacts, QueueState | None]:
        """Measure once, and set the gauges; the queue is None while Redis is away."""
        queue, budget, backups = None, BudgetState(), dict[str, float]()
        try:
            queue, budget = await self._queue(), await self._budget()
            backups = await self._backups()
            self._report_back(queue.memory)
        except TransientError as error:
            self._away_since_s = self._away_since_s or time.monotonic()
            events.warning("the queue was not measured: %s", error)
        # Without a wait between them, so that all counts of the jobs are of one moment.
        jobs = self.serving.runner.jobs if self.serving else []
        facts = replace(self._facts(jobs), budget=budget)
        if queue is not None:
            facts = _with_queue(facts, queue, jobs, self.pool)
            facts = replace(facts, figures={**facts.figures, **backups})
        _set_gauges(facts, queue)
        return facts, queue

    async def _queue(self) -> QueueState:
        queue = await self.stats.state(self.now_ms(), self.spend.caps.running_per_user)
        users = [job.user_id for job in (*queue.ended, *queue.dead)]
        users += [user_id for user_id, _ in queue.refused]
        return replace(queue, names=await self.users.labels(users))

    async def _budget(self) -> BudgetState:
        now_ms = self.now_ms()
        return BudgetState(
            await self.spend.spent_today(now_ms),
            await self.spend.ceiling_today(now_ms),
            self.serving.least_price_micro if self.serving else 0,
            self.spend.resumes_in_s(now_ms),
            self.spend.today(now_ms),
        )

    async def _backups(self) -> dict[str, float]:
        if self.backups is None:
            return {}
        # Before the first one, since this bot was started.
        waited_s = time.monotonic() - self._began_s
        return {SENT: waited_s, **await self.backups.ages_s(self.now_ms())}

    def _facts(self, jobs: Sequence[Job]) -> HealthFacts:
        """Return what this process knows by itself."""
        facts = HealthFacts(
            now_ms=self.now_ms(),
            workers=self.pool.size,
            started=self.pool.started,
            busy=self.pool.busy,
            steps_waiting=self.pool.waiting,
            silence_s=self.contact.seconds_since_answer,
            has_answered=self.contact.has_answered,
            rival=self.contact.rival or "",
        )
        if self.serving is None:
            return facts
        runner, persistence = self.serving.runner, self.serving.persistence
        return replace(
            facts,
            running=len(jobs),
            delivering=sum(job.state is State.DELIVERING for job in jobs),
            capacity=runner.capacity,
            oldest_running_ms=min((job.progress.claimed_ms for job in jobs), default=0),
            update_age_s=self.serving.updates.oldest_age_s,
            is_provider_full=runner.is_provider_full,
            providers=self.serving.providers(),
            figures={"unattended": runner.unattended, "replica": int(persistence.alone_s > 0)},
        )

    def _report_back(self, memory: Memory) -> None:
        """Log that Redis answers again, or that its memory is full or roomy again."""
        if self._away_since_s is not None:
            events.info("Redis answers again, after %.0f s", time.monotonic() - self._away_since_s)
            self._away_since_s = None
        if memory.is_full and not self._is_full:
            events.error("%s", memory.trouble)
            self._is_full = True
        elif self._is_full and memory.is_roomy:
            used_mb, limit_mb = memory.used_mb, memory.limit_mb
            events.info("Redis has room again: %d of %d MB used", used_mb, limit_mb)
            self._is_full = False


def _with_queue(
    facts: HealthFacts, queue: QueueState, jobs: Sequence[Job], pool: Pool
) -> HealthFacts:
    latest = next(iter(queue.dead), DeadJob(""))
    return replace(
        facts,
        jobs=_by_state(queue.waiting, jobs, Counter(worker.about for worker in pool.slots())),
        waiting=sum(queue.waiting.values()),
        capped=queue.capped,
        oldest_waiting_ms=queue.oldest_waiting_ms,
        figures={**facts.figures, "redis_full": queue.memory.ratio},
        redis=queue.memory.words,
        dead=queue.dead_count,
        dead_job=latest.id,
        dead_provider=latest.provider,
        dead_ms=latest.died_ms,
        is_paused=queue.is_paused,
    )


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


def _set_gauges(facts: HealthFacts, queue: QueueState | None) -> None:
    """Show the facts in /metrics; what is of Redis stays while that is away."""
    sizes = {"wanted": facts.workers, "started": facts.started, "busy": facts.busy}
    for state, count in sizes.items():
        metrics.workers.labels(state).set(count)
    for provider, state in facts.providers.items():
        metrics.provider_up.labels(provider).set(state.refusal is None)
    metrics.oldest_running.set(facts.oldest_running_ms / 1000)
    metrics.redis_up.set(queue is not None)
    if queue is None:
        return
    counts = {"waiting": facts.waiting or 0, "running": facts.running, "dead": facts.dead}
    for state, count in counts.items():
        metrics.queue.labels(metrics.QUEUE, state).set(count)
    ceiling_usd = facts.budget.ceiling_usd
    metrics.oldest_waiting.set(facts.oldest_waiting_ms / 1000)
    metrics.redis_memory.set(queue.memory.used_bytes)
    metrics.redis_memory_max.set(queue.memory.limit_bytes or math.inf)
    metrics.spend_today.set(facts.budget.spent_usd)
    metrics.budget.set(math.inf if ceiling_usd is None else ceiling_usd)
