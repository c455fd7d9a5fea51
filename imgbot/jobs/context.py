"""Dependencies of the job steps, and the transitions that they make."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Unpack

from imgbot.domain.job import Changes, Job, State
from imgbot.domain.result_buttons import ResultButton
from imgbot.domain.retry import GiveUp
from imgbot.jobs.hooks import Hooks
from imgbot.jobs.outcomes import Advance, Outcome
from imgbot.jobs.poll_scheduler import PollScheduler
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.jobs.status_messages import StatusMessages
from imgbot.jobs.webhooks import Webhooks
from imgbot.painter.originals import OriginalStore
from imgbot.painter.pool import Pool
from imgbot.providers.protocol import Provider
from imgbot.storage.holds import HoldsOf
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.provider_records import OrderPaces
from imgbot.storage.results import ResultStore
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import Messenger

Download = Callable[[str, Path], Awaitable[None]]
"""Downloads a user's file by its Telegram file id."""

_CHARGES: Mapping[bool | None, str] = {True: "yes", False: "no", None: "maybe"}


class ProviderSlots:
    """Slots in use; a job holds one from its submit until its task is over."""

    def __init__(self) -> None:
        self._held: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self.freed = asyncio.Event()
        """Set when a slot becomes free."""
        self.unanswered: set[str] = set()
        """Ids of jobs with a submit in flight that could not be recovered without its answer."""
        self.is_closed = False
        """True once no such submit may begin."""
        self._answered = asyncio.Event()

    def acquire(self, job_id: str, provider: Provider) -> bool:
        """Take a slot; False if there is none: wait for `freed` then."""
        self.release(job_id)
        if self.is_full(provider):
            self.freed.clear()
            return False
        self.adopt(job_id, provider.name)
        return True

    @contextmanager
    def awaiting(self, job_id: str) -> Generator[None]:
        """Mark a submit that could not be recovered without its answer."""
        self.unanswered.add(job_id)
        try:
            yield
        finally:
            self.unanswered.discard(job_id)
            self._answered.set()

    async def close(self, wait_s: float) -> None:
        """Wait for the answers to submits that could not be recovered, and let none begin."""
        self.is_closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while self.unanswered:
                    self._answered.clear()
                    await self._answered.wait()

    def adopt(self, job_id: str, name: str) -> None:
        """Count a task that exists already, even beyond the limit."""
        if job_id not in self._held:
            self._held[job_id] = name
            self._counts[name] += 1

    def count(self, name: str) -> int:
        """Return the number of tasks of a provider."""
        return self._counts[name]

    def is_full(self, provider: Provider) -> bool:
        """True while the provider accepts no more tasks."""
        return 0 < provider.max_concurrent <= self._counts[provider.name]

    def release(self, job_id: str) -> None:
        """Free a job's slot, if it holds one."""
        name = self._held.pop(job_id, "")
        if name:
            self._counts[name] -= 1
            self.freed.set()


@dataclass(frozen=True, slots=True)
class StepContext:
    """Dependencies of the job steps."""

    queue: JobQueue
    installation: str
    """Random id that tells this bot's orders from those of others at the same provider."""
    results: ResultStore
    users: UserStore
    originals: OriginalStore
    routing: ProviderRouter
    slots: ProviderSlots
    webhooks: Webhooks
    alarm: asyncio.Event
    """Set to have the alert rules evaluated at once."""
    pool: Pool
    status_messages: StatusMessages
    messenger: Messenger
    download: Download
    poll_scheduler: PollScheduler
    paces: OrderPaces
    folder: Path
    now_ms: Callable[[], int]
    age_ms: Callable[[int], int]
    """Milliseconds since a stored time; a jump of the clock does not change them."""
    draining: asyncio.Event
    hooks: Hooks = field(default_factory=Hooks)
    """Hooks of all features."""
    holds: Sequence[HoldsOf] = ()
    result_buttons: Sequence[ResultButton] = ()
    """Buttons of features under a result."""
    check_lease: Callable[[], None] = lambda: None
    """Raises TransientError unless this bot may order."""
    locked_s: Callable[[float], float] = lambda _submit_s: 0.0
    """Seconds for which a leader before this one may still order, with such a deadline."""


Step = Callable[[StepContext, Job], Awaitable[Outcome]]


async def move(context: StepContext, job: Job, state: State, **changes: Unpack[Changes]) -> Job:
    """Make one transition of the state machine, and store `changes` with it."""
    return await context.queue.move(job, state, **changes)


async def conclude(
    context: StepContext, job: Job, outcome: State, reason: str, **facts: str | int | float
) -> Advance:
    """Go on to the delivery of a sentence instead of a picture."""
    changes: Changes = {"outcome": outcome, "reason": reason, "facts": facts, "tries": 0}
    return Advance(await move(context, job, State.DELIVERING, **changes))


async def give_up(context: StepContext, job: Job, decision: GiveUp) -> Advance:
    """Go on to the job's end as decided, with what is known of its charge."""
    changes: Changes = {
        "outcome": decision.outcome,
        "reason": decision.reason,
        "facts": {"charge": _CHARGES[decision.is_billed]},
        "tries": 0,
        "is_unbilled": decision.is_billed is False,
    }
    return Advance(await move(context, job, State.DELIVERING, **changes))
