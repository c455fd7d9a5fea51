"""Job runner: claims queued jobs, resumes those of an earlier process, runs each in a task.

A step returns an outcome (`Advance`, `Snooze`, `Ended`); pauses are the runner's.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from imgbot.aio import cancel_and_wait_current, sleep_or_event
from imgbot.domain.errors import (
    ConfigError,
    FencedError,
    FloodWaitError,
    StaleJobError,
    TransientError,
    UserError,
)
from imgbot.domain.job import Job, State
from imgbot.domain.retry import backoff_s
from imgbot.jobs import inputs
from imgbot.jobs.context import StepContext
from imgbot.jobs.outcomes import Ended, ResumePoint, Snooze, Wake
from imgbot.jobs.step_table import take_step
from imgbot.telegram.rate_limiter import PICTURES_PER_S, Bucket
from imgbot.telemetry import events
from imgbot.telemetry.liveness import Heartbeat

_TICK_S = 3.0
_CLAIMS_AT_ONCE = 25
_LONGEST_BACKLOG_S = 3.0
_HINT_AFTER_S = 1.5
_PROGRESS_EVERY_S = 3.0
_LONGEST_CRASH_PAUSE_S = 600.0
_UNATTENDED_S, _UNATTENDED_CRASHES = 60.0, 5
_LONG_PAUSE_S, _LONG_FLOOD_WAIT_S = 30.0, 10.0
_WAITING_PER_CHAT = 5
"""Jobs of a chat that may give way to others before none of it is claimed."""
# Of one call of Redis, which is away for as long as it likes: the client gives up before.
_CALL_S = 60.0

# While draining, what only waits is left in Redis for the next start; what acts goes on.
_LEFT = frozenset({State.QUEUED, State.SUBMITTING, State.POLLING})


def _is_left(job: Job) -> bool:
    # A result that could not be fetched at once may take minutes more.
    return job.state in _LEFT or (job.state is State.RENDERING and job.progress.tries > 0)


def _gives_way(job: Job, pause_s: float, error: TransientError | None = None) -> bool:
    """True if a job leaves its place during a pause; never while its task is polled."""
    is_limited = isinstance(error, FloodWaitError) and pause_s >= _LONG_FLOOD_WAIT_S
    if job.state is State.DELIVERING:
        return error is None or is_limited
    return job.state is not State.POLLING and (is_limited or pause_s > _LONG_PAUSE_S)


@dataclass(slots=True)
class _RunningJob:
    """A job in this process."""

    job: Job
    """As its latest step left it."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    failures: int = 0
    """Transient errors in its present state."""
    gives_way: bool = False
    """True if it waits for long, and its place is free for another job meanwhile."""

    def update(self, job: Job) -> None:
        if job.state is not self.job.state:
            events.debug("job %s: %s", job.id, job.state)
            self.failures = 0
        self.job = job


class Runner:
    """Runs jobs until it is to stop; `capacity` is the number at once.

    A job that waits for long, for its chat or as a provider told it to, does not count, up to as
    many again, and while several of one chat do so, no job of that chat is claimed. While
    `blocked_reason` names a trouble of the machine (a full disk), no job is claimed at all. Nor
    while `backlog_s` says that messages wait for Telegram's limit, nor faster than Telegram takes
    pictures: jobs wait in the queue then, and their users are told so.
    """

    def __init__(
        self,
        context: StepContext,
        capacity: Callable[[], int],
        blocked_reason: Callable[[], str] = str,
        backlog_s: Callable[[], float] = float,
    ) -> None:
        self._context = context
        self._capacity = capacity
        self._blocked_reason = blocked_reason
        self._is_blocked = False
        self._backlog_s = backlog_s
        self._pace = Bucket(PICTURES_PER_S, _CLAIMS_AT_ONCE)
        self._running: dict[str, _RunningJob] = {}
        self._crashes = Counter[str]()
        """By job, how often its task ended without an end of the job."""
        self._left_s: dict[str, float] = {}
        """Claimed jobs that no task runs, and since when."""
        self._wakeup = context.queue.wakeup
        self._adopt_at_s = 0.0
        self._heartbeat = Heartbeat()

    @property
    def overdue_s(self) -> float:
        """Seconds since the claim loop should have come round, whether Redis answers or not."""
        return self._heartbeat.overdue_s(time.monotonic())

    @property
    def unattended(self) -> int:
        """The number of claimed jobs without a task for a minute, or whose task keeps failing."""
        before_s, crashes = time.monotonic() - _UNATTENDED_S, self._crashes
        idle = ((one, s) for one, s in self._left_s.items() if one not in self._running)
        return sum(s < before_s or crashes[one] > _UNATTENDED_CRASHES for one, s in idle)

    @property
    def capacity(self) -> int:
        """Maximum number of running jobs."""
        return self._capacity() + sum(each.gives_way for each in self._running.values())

    @property
    def is_provider_full(self) -> bool:
        """True if all servers of a provider are at their concurrency limit."""
        context = self._context
        return any(all(map(context.slots.is_full, each)) for each in context.routing.services)

    @property
    def jobs(self) -> list[Job]:
        """The running jobs, each as its latest step left it."""
        return [running.job for running in self._running.values()]

    async def run(self, stopping: asyncio.Event, drain_s: float, order_s: float) -> None:
        """Serve until `stopping`; then end what is seconds away within `drain_s`.

        Before that, the submits that could not be recovered later have `order_s` to be answered:
        all goes on meanwhile, and the context's `draining` is set after it.

        Raises FencedError (in a group) when another supervisor took over.
        """
        async with asyncio.TaskGroup() as group:
            listener = group.create_task(self._listen())
            announcer = group.create_task(self._context.status_messages.announce_all())
            group.create_task(self._begin_drain(stopping, order_s))
            await self._serve(group)
            await cancel_and_wait_current(listener)
            await self._drain(drain_s)
            await cancel_and_wait_current(announcer)

    async def _begin_drain(self, stopping: asyncio.Event, order_s: float) -> None:
        await stopping.wait()
        if count := len(self._context.slots.unanswered):
            events.info("serving on until %d submits are answered", count)
        await self._context.slots.close(order_s)
        self._context.draining.set()
        # The claim loop waits for one event alone.
        self._wakeup.set()

    async def _drain(self, drain_s: float) -> None:
        tasks = {running.task for running in self._running.values() if running.task}
        if tasks:
            _, tasks = await asyncio.wait(tasks, timeout=drain_s)
        await cancel_and_wait_current(*tasks)

    async def _serve(self, group: asyncio.TaskGroup) -> None:
        """Start waiting jobs while there is room, until drained."""
        draining = self._context.draining
        while not draining.is_set():
            self._wakeup.clear()
            self._heartbeat.expect(_CALL_S, time.monotonic())
            if time.monotonic() >= self._adopt_at_s:
                await self._adopt(group)
            while self._has_room and not draining.is_set():
                job = await self._claimed()
                if job is None:
                    break
                events.job_claimed(job)
                self._pace.take(time.monotonic())
                self._start(group, job)
            # All that wait are told their place.
            if not self._context.queue.is_known_empty(self._context.now_ms()):
                self._context.status_messages.nudge()
            pause_s = self._pace.wait_s(time.monotonic())
            await sleep_or_event(pause_s or _TICK_S, self._wakeup)
        for running in self._running.values():
            running.wake.set()

    @property
    def _has_room(self) -> bool:
        is_paced = self._pace.wait_s(time.monotonic()) or self._backlog_s() > _LONGEST_BACKLOG_S
        capacity, running = self._capacity(), self._running.values()
        held = sum(not each.gives_way for each in running)
        # All that wait may go on at once.
        return held < capacity and len(running) < 2 * capacity and not is_paced

    @property
    def _full_chats(self) -> list[int]:
        # What still runs counts, too: it may give way once another job has been claimed.
        running = Counter(each.job.request.chat_id for each in self._running.values())
        waiting = {each.job.request.chat_id for each in self._running.values() if each.gives_way}
        return [chat for chat in waiting if running[chat] >= _WAITING_PER_CHAT]

    async def _claimed(self) -> Job | None:
        if self._context.queue.is_known_empty(self._context.now_ms()):
            return None
        self._heartbeat.expect(_CALL_S, time.monotonic())
        reason, was_blocked = self._blocked_reason(), self._is_blocked
        self._is_blocked = bool(reason)
        if reason:
            if not was_blocked:
                events.warning("jobs wait: %s", reason)
            return None
        try:
            idle_users = [each.job.user_id for each in self._running.values() if each.gives_way]
            return await self._context.queue.claim(
                self._context.now_ms(), self._full_chats, idle_users
            )
        except TransientError as error:
            events.warning("no job can be claimed: %s", error)
            # It may have been claimed all the same.
            self._adopt_at_s = 0.0
        except UserError as error:
            events.warning("no job can be claimed: %s", error.reason)
        return None

    async def _adopt(self, group: asyncio.TaskGroup) -> None:
        """Start the claimed jobs that no task runs, and wake those that were cancelled."""
        now_s = time.monotonic()
        try:
            due = await self._context.queue.due()
            self._crashes = Counter({one: self._crashes[one] for one in due if self._crashes[one]})
            idle = (one for one in due if one not in self._running)
            self._left_s = {one: self._left_s.get(one, now_s) for one in idle}
            jobs = await self._context.queue.jobs(filter(self._is_free, self._left_s))
        except TransientError:
            return
        self._adopt_at_s = now_s + _TICK_S
        for running in (self._running[one] for one in due if one in self._running and not due[one]):
            running.wake.set()
        for job in jobs:
            events.info("job %s: resumed at %s", job.id, job.state)
            self._start(group, job)

    def _is_free(self, job_id: str) -> bool:
        """True unless its task ended a moment ago: one that keeps failing is started ever later."""
        crashes = self._crashes[job_id]
        pause_s = backoff_s(crashes, cap_s=_LONGEST_CRASH_PAUSE_S) if crashes else 0.0
        return time.monotonic() - self._left_s[job_id] >= pause_s

    async def _listen(self) -> None:
        """Take the wake-ups that others put into Redis."""
        while True:
            try:
                job_id = await self._context.queue.next_wakeup()
            except TransientError:
                await asyncio.sleep(1.0)
                continue
            if job_id in self._running:
                self._running[job_id].wake.set()
            elif job_id is not None:
                # The cause of its crashes may have been removed.
                self._crashes.pop(job_id, None)
                self._adopt_at_s = 0.0
                self._wakeup.set()

    def _start(self, group: asyncio.TaskGroup, job: Job) -> None:
        if job.state is State.POLLING:
            self._context.slots.adopt(job.id, self._context.routing.provider_of(job).name)
        running = self._running[job.id] = _RunningJob(job)
        running.task = group.create_task(self._run_job(running), name=job.id)

    async def _run_job(self, running: _RunningJob) -> None:
        job, has_ended = running.job, False
        try:
            async with asyncio.TaskGroup() as group:
                hint = group.create_task(self._show_working(running))
                has_ended = await self._run_steps(running)
                # Until it has ended: a connection that is just being made can lose the word.
                await cancel_and_wait_current(hint)
            if has_ended:
                self._context.status_messages.discard(job.id)
                await asyncio.to_thread(inputs.remove_files, self._context, running.job)
        except* StaleJobError as errors:
            error = errors.exceptions[0]
            name = events.name_of(job)
            events.warning("%s: moved or ended by another process (%s)", name, error)
        except* (FencedError, ConfigError):
            raise
        except* Exception as errors:  # noqa: BLE001 -- see below
            # One job that cannot even be failed must not take the others down. It stays
            # where it is, and is tried again.
            events.step_failed(errors, job)
        finally:
            self._context.slots.release(job.id)
            del self._running[job.id]
            if not has_ended:
                self._crashes[job.id] += 1
                self._left_s[job.id] = time.monotonic()
            self._wakeup.set()

    async def _show_working(self, running: _RunningJob) -> None:
        messages = self._context.status_messages
        await messages.announce(running.job)
        await asyncio.sleep(_HINT_AFTER_S)
        await messages.hint_working(running.job)
        while running.job.state in _LEFT:
            await asyncio.sleep(_PROGRESS_EVERY_S)
            await self._show_progress(running.job)

    async def _show_progress(self, job: Job) -> None:
        context = self._context
        # Only a picture made within its submit, on this machine, has a file of its progress.
        if job.state is not State.POLLING and (share := inputs.progress_of(context, job.id)):
            await context.status_messages.hint_progress(job, share)
        elif job.progress.ordered_ms and not job.is_cancelled:
            age_s = context.age_ms(job.progress.ordered_ms) / 1000
            if not context.poll_scheduler.is_slow(age_s):
                await context.status_messages.hint_left(job, age_s)

    async def _run_steps(self, running: _RunningJob) -> bool:
        """Take step after step; False if the rest is left to the next start."""
        point: ResumePoint | None = None
        while not (self._context.draining.is_set() and _is_left(running.job)):
            try:
                outcome = await take_step(self._context, running.job, point)
            except TransientError as error:
                await self._wait_out(running, error)
                point = None
                continue
            if isinstance(outcome, Ended):
                return True
            running.update(outcome.job)
            point = await self._pause(running, outcome) if isinstance(outcome, Snooze) else None
        return False

    async def _pause(self, running: _RunningJob, snooze: Snooze) -> ResumePoint | None:
        """Sleep; return the point to resume at, None for the step of the job's state."""
        if Wake.CANCEL in snooze.wake_on and snooze.job.is_cancelled:
            return None
        events = {
            Wake.CANCEL: running.wake,
            Wake.HOOK: running.wake,
            Wake.SLOT: self._context.slots.freed,
            Wake.DRAIN: self._context.draining,
        }
        wakers = {events[wake] for wake in snooze.wake_on}
        gives_way = _gives_way(snooze.job, snooze.seconds)
        await self._sleep(running, snooze.seconds, *wakers, gives_way=gives_way)
        if running.wake not in wakers or not running.wake.is_set():
            return snooze.resume
        if stored := await self._stored(running):
            running.job = replace(running.job, is_cancelled=stored.is_cancelled)
        wake = Wake.CANCEL if running.job.is_cancelled else Wake.HOOK
        return None if wake in snooze.wake_on else snooze.resume

    async def _wait_out(self, running: _RunningJob, error: TransientError) -> None:
        """Sleep before the same step, unless the job is woken meanwhile."""
        delay_s = error.retry_after_s or backoff_s(running.failures, cap_s=30)
        running.failures += 1
        events.job_waits(running.job, error, delay_s)
        gives_way = _gives_way(running.job, delay_s, error)
        await self._sleep(running, delay_s, running.wake, gives_way=gives_way)
        # What the step stored before it failed counts: with an outdated view it could not go on.
        if stored := await self._stored(running):
            running.update(stored)

    def wake(self) -> None:
        """Have every job that waits try again now, as after an outage."""
        for running in self._running.values():
            running.wake.set()

    async def _sleep(
        self, running: _RunningJob, seconds: float, *wakers: asyncio.Event, gives_way: bool
    ) -> None:
        """Sleep; a job that gives way leaves its place to others meanwhile, at once."""
        running.gives_way = gives_way
        if gives_way:
            self._wakeup.set()
        await sleep_or_event(seconds, *wakers)
        running.gives_way = False

    async def _stored(self, running: _RunningJob) -> Job | None:
        """The job as it is in Redis: a wake-up may tell that it has been cancelled."""
        running.wake.clear()
        if self._context.draining.is_set():
            return None
        try:
            return await self._context.queue.job(running.job.id)
        except TransientError:
            return None
