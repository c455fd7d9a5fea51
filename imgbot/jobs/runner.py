"""Claims what waits, adopts what an earlier life left, carries each job in its own task."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from imgbot.aio import cancel_and_wait, cancel_and_wait_current, sleep_or_event
from imgbot.domain.errors import (
    FULL,
    ConfigError,
    FencedError,
    StaleJobError,
    TransientError,
    UserError,
)
from imgbot.domain.job import Job, State
from imgbot.domain.retry import backoff_s
from imgbot.jobs.context import StepContext
from imgbot.jobs.steps import after_error, take_step
from imgbot.telemetry import events as telemetry
from imgbot.telemetry.liveness import Heartbeat
from imgbot.telemetry.thresholds import Load

_TICK_S = 2.0
_STUMBLES = 5
# Of one call of Redis, which is away for as long as it likes: the client gives up before.
_CALL_S = 60.0

# While draining, what only waits is left in Redis for the next start; what acts goes on.
_LEFT = frozenset({State.QUEUED, State.SUBMITTING, State.POLLING})


def _is_left(job: Job) -> bool:
    # A result that could not be fetched at once may take minutes more.
    return job.state in _LEFT or (job.state is State.RENDERING and job.tries > 0)


class Runner:
    """Runs jobs until the tools' `draining` is set; `capacity` is how many at once.

    While `trouble` says what is wrong with the machine (a full disk), nothing is begun.
    """

    def __init__(
        self, context: StepContext, capacity: Callable[[], int], trouble: Callable[[], str] = str
    ) -> None:
        self._context = context
        self._capacity = capacity
        self._trouble = trouble
        self._is_troubled = False
        self._nudges: dict[str, asyncio.Event] = {}
        self._jobs: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stumbles: dict[str, int] = {}
        self._look = asyncio.Event()
        self._is_adopting = True
        self._pulse = Heartbeat()

    @property
    def overdue_s(self) -> float:
        """How long ago the claim loop should have come round, whether Redis answers or not."""
        return self._pulse.overdue_s(time.monotonic())

    @property
    def running(self) -> list[int]:
        """When each running job was claimed, ms."""
        return [job.claimed_ms for job in self._jobs.values()]

    @property
    def load(self) -> Load:
        """What the running jobs have to do with; what waits is not known here."""
        context = self._context
        return Load(
            running=len(self._jobs),
            capacity=self._capacity(),
            delivering=sum(job.state is State.DELIVERING for job in self._jobs.values()),
            workers=context.pool.size,
            busy=context.pool.busy,
            steps_waiting=context.pool.waiting,
            is_provider_full=any(map(context.slots.is_full, context.routing.providers)),
        )

    @property
    def jobs(self) -> list[Job]:
        """The running jobs, each as its latest step left it."""
        return list(self._jobs.values())

    async def run(self, drain_s: float, order_s: float) -> None:
        """Serve, then end what is seconds away within `drain_s`.

        An order that nobody could be asked about later has `order_s` more to be answered.

        Raises FencedError (in a group) when another supervisor took over.
        """
        async with asyncio.TaskGroup() as group:
            listener = group.create_task(self._listen())
            announcer = group.create_task(self._context.status_messages.announce_all())
            await self._serve(group)
            await cancel_and_wait_current(listener)
            await self._drain(drain_s, order_s)
            await cancel_and_wait_current(announcer)

    async def _drain(self, drain_s: float, order_s: float) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=drain_s)
        late = {task for task in self._tasks if task.get_name() in self._context.unanswered}
        await cancel_and_wait_current(*(self._tasks - late))
        if late:
            telemetry.info("%d pictures are ordered, and not answered yet: waiting", len(late))
        await cancel_and_wait(late, order_s)

    async def _serve(self, group: asyncio.TaskGroup) -> None:
        draining = self._context.draining
        while not draining.is_set():
            self._look.clear()
            self._pulse.expect(_CALL_S, time.monotonic())
            if self._is_adopting:
                self._is_adopting = False
                for job in await self._adoptable():
                    self._start(group, job, is_adopted=True)
            while len(self._nudges) < self._capacity() and not draining.is_set():
                job = await self._claimed()
                if job is None:
                    break
                self._start(group, job, is_adopted=False)
            await sleep_or_event(_TICK_S, self._look, draining)
            if not self._look.is_set():
                self._is_adopting = True

    async def _claimed(self) -> Job | None:
        self._pulse.expect(_CALL_S, time.monotonic())
        trouble, was_troubled = self._trouble(), self._is_troubled
        self._is_troubled = bool(trouble)
        if trouble:
            if not was_troubled:
                telemetry.warning("jobs wait: %s", trouble)
            return None
        try:
            return await self._context.queue.claim(self._context.now_ms())
        except TransientError as error:
            telemetry.warning("nothing can be claimed: %s", error)
        except UserError as error:
            telemetry.warning("nothing can be claimed: %s", error.reason)
        return None

    async def _adoptable(self) -> list[Job]:
        """Return what is claimed and in nobody's hands."""
        try:
            due = [
                job_id for job_id in await self._context.job_reads.due() if self._is_free(job_id)
            ]
            return [job for job_id in due if (job := await self._context.job_reads.job(job_id))]
        except TransientError:
            self._is_adopting = True
            return []

    def _is_free(self, job_id: str) -> bool:
        return job_id not in self._nudges and self._stumbles.get(job_id, 0) < _STUMBLES

    async def _listen(self) -> None:
        """Hear of what others put into Redis."""
        while True:
            try:
                job_id = await self._context.job_reads.next_wakeup()
            except TransientError:
                await asyncio.sleep(1.0)
                continue
            if job_id in self._nudges:
                self._nudges[job_id].set()
            elif job_id is not None:
                # Whoever asks for it may have mended what it stumbled over.
                self._stumbles.pop(job_id, None)
                self._context.status_messages.nudge()
                self._is_adopting = True
                self._look.set()

    def _start(self, group: asyncio.TaskGroup, job: Job, *, is_adopted: bool) -> None:
        nudged = asyncio.Event()
        if is_adopted:
            telemetry.job_adopted(job)
            # Its answer may be there already: ask at once, then by the schedule.
            nudged.set()
        else:
            telemetry.job_claimed(job)
        if job.state is State.POLLING:
            self._context.slots.adopt(job.id, job.provider)
        self._nudges[job.id] = nudged
        self._jobs[job.id] = job
        task = group.create_task(self._run_job(job, nudged), name=job.id)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_job(self, job: Job, nudged: asyncio.Event) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                hint = group.create_task(
                    self._context.status_messages.hint_working(
                        job, partial(self._context.progress_of, job.id)
                    )
                )
                is_over = await self._run_steps(job, nudged)
                # Until it has ended: a connection that is just being made can lose the word.
                await cancel_and_wait_current(hint)
            if is_over:
                self._context.status_messages.discard(job.id)
                self._context.remove_files(self._jobs[job.id])
        except* StaleJobError as errors:
            telemetry.job_released(job.id, errors.exceptions[0])
        except* (FencedError, ConfigError):
            raise
        except* Exception as errors:  # noqa: BLE001 -- see below
            # One job that cannot even be failed must not take the others down. It stays
            # where it is, is tried a few times more, and then waits for the operator.
            telemetry.job_step_failed(job.id, errors)
            self._stumbles[job.id] = self._stumbles.get(job.id, 0) + 1
        finally:
            self._context.slots.release(job.id)
            del self._nudges[job.id]
            del self._jobs[job.id]
            self._look.set()

    async def _run_steps(self, job: Job, nudged: asyncio.Event) -> bool:
        """Go from state to state; False if the rest is left to the next start."""
        failures = 0
        while not (self._context.draining.is_set() and _is_left(job)):
            try:
                moved = await self._step(job, nudged)
            except TransientError as error:
                job = await self._wait(job, error, failures, nudged)
                failures += 1
                continue
            if moved is job and job.state is State.DELIVERING:
                return True
            if moved.state is not job.state:
                telemetry.job_moved(moved)
                failures = 0
            self._jobs[job.id] = job = moved
        return False

    async def _wait(
        self, job: Job, error: TransientError, failures: int, nudged: asyncio.Event
    ) -> Job:
        """Pause before the same step, unless its person calls the job off meanwhile."""
        delay_s = error.retry_after_s or backoff_s(failures, cap_s=30)
        telemetry.job_waits(job.id, error, delay_s)
        draining = (self._context.draining,) if _is_left(job) else ()
        await sleep_or_event(delay_s, nudged, *draining)
        if not nudged.is_set():
            return job
        nudged.clear()
        try:
            stored = await self._context.job_reads.job(job.id)
        except TransientError:
            return job
        return replace(job, is_cancelled=stored is not None and stored.is_cancelled)

    async def _step(self, job: Job, nudged: asyncio.Event) -> Job:
        try:
            return await take_step(self._context, job, nudged)
        except (TransientError, FencedError, StaleJobError, ConfigError):
            raise
        except OSError as error:
            if error.errno in FULL:
                raise TransientError("the disk is full") from error
            return await self._failed(job, error)
        except Exception as error:  # noqa: BLE001 -- this job fails in words, the others go on
            return await self._failed(job, error)

    async def _failed(self, job: Job, error: Exception) -> Job:
        # What the step stored before it failed counts: a stale view could not be ended.
        stored = await self._context.job_reads.job(job.id)
        return await after_error(self._context, stored or job, error)
