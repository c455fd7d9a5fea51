"""Outcomes of a step, the points at which a job resumes after a pause, and what wakes it."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from enum import Enum, auto

from imgbot.domain.job import Job
from imgbot.domain.order_pace import Turn
from imgbot.jobs.recovery import Unknown
from imgbot.providers.protocol import GenerationRequest, Provider


@dataclass(frozen=True, slots=True)
class OrderSlot:
    """Waits for a slot at its provider."""

    provider: Provider
    order: GenerationRequest


@dataclass(frozen=True, slots=True)
class OrderTurn:
    """Waits in its slot, the photos uploaded, for its turn among the provider's orders."""

    provider: Provider
    order: GenerationRequest
    fields: Mapping[str, str]
    turn: Turn | None = None


@dataclass(frozen=True, slots=True)
class LostAnswer:
    """The answer to its submit was lost; it waits to look for its task."""

    unknown: Unknown


@dataclass(frozen=True, slots=True)
class RepeatedOrder:
    """The answer to its submit was lost; it waits to order again under the same key."""


@dataclass(frozen=True, slots=True)
class PollTurn:
    """Waits for its turn among the polls of all jobs."""

    failures: int
    """Polls before it without an answer, in a row."""


@dataclass(frozen=True, slots=True)
class FailedPoll:
    """Waits after a poll without an answer."""

    failures: int
    """Such polls in a row."""


@dataclass(frozen=True, slots=True)
class FailedFetch:
    """Waits to fetch its result once more."""


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """Waits to deliver its picture once more; its chat refused it, or for no known reason."""

    failures: int


ResumePoint = (
    OrderSlot
    | OrderTurn
    | LostAnswer
    | RepeatedOrder
    | PollTurn
    | FailedPoll
    | FailedFetch
    | FailedDelivery
)
"""Point within the step of a state at which a job goes on; lost with the process."""


class Wake(Enum):
    """Event that cuts a pause short."""

    CANCEL = auto()
    """Its cancellation: the step of its state starts anew."""
    HOOK = auto()
    """Any other wake-up (a webhook, the end of an outage, a drain): the same."""
    SLOT = auto()
    """A slot is free at some provider: the job resumes."""
    DRAIN = auto()
    """The bot is about to stop."""


@dataclass(frozen=True, slots=True)
class Advance:
    """A step is over: the job goes on at its stored state at once."""

    job: Job


@dataclass(frozen=True, slots=True)
class Snooze:
    """A pause, after which the job goes on at a point, or else with the step of its state."""

    job: Job
    seconds: float
    resume: ResumePoint | None = None
    _: KW_ONLY
    wake_on: frozenset[Wake] = frozenset({Wake.CANCEL, Wake.HOOK})


@dataclass(frozen=True, slots=True)
class Ended:
    """The job is finished, and no longer in Redis."""


Outcome = Advance | Snooze | Ended


class NotFetchedError(Exception):
    """Result that is not there (yet); `outcome` is that of the step."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome
