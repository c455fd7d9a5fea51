"""A job's whole life as a table, and the frozen facts of one job.

Rule: a state changes only along `NEXT_STATES`, by one Lua script in `imgbot/storage/lua`
that checks the boot's epoch, the job's version and an operation token.

Every end is reached through `delivering`: a picture and a refusal are both something
that a person is shown, and a crash must lose neither. A state may follow itself, when
a step notes something (a poll made, an intent) without leaving it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from imgbot.domain.operations import Operation


class State(StrEnum):
    """Where a job stands; the last four are ends."""

    QUEUED = "queued"
    SUBMITTING = "submitting"
    POLLING = "polling"
    RENDERING = "rendering"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    FAILED = "failed"
    DEAD = "dead"


ENDS = frozenset({State.DELIVERED, State.CANCELLED, State.FAILED, State.DEAD})

NEXT_STATES: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.SUBMITTING, State.DELIVERING}),
    # A synchronous provider answers the submit with the picture: no polling.
    State.SUBMITTING: frozenset(
        {State.SUBMITTING, State.POLLING, State.RENDERING, State.DELIVERING}
    ),
    # A task that is gone and has cost nothing is ordered again.
    State.POLLING: frozenset({State.SUBMITTING, State.POLLING, State.RENDERING, State.DELIVERING}),
    # What was on a disk that is gone is made or asked for again, where that costs nothing.
    State.RENDERING: frozenset(
        {State.SUBMITTING, State.POLLING, State.RENDERING, State.DELIVERING}
    ),
    State.DELIVERING: frozenset({State.RENDERING, State.DELIVERING}) | ENDS,
    **{end: frozenset[State]() for end in ENDS},
}


@dataclass(frozen=True, slots=True)
class InputPhoto:
    """A picture that a person sent, by Telegram's handle; never the bytes."""

    file_id: str
    unique_id: str
    size_bytes: int = 0
    name: str = ""
    is_file: bool = False
    """Sent as a file: Telegram shows such a handle again only as a file."""


@dataclass(frozen=True, slots=True)
class Job:
    """One admitted request, as stored in `rq:job:<id>`."""

    id: str
    user_id: int
    chat_id: int
    operation: Operation
    language: str
    words: str = ""
    sources: tuple[InputPhoto, ...] = ()
    scale: int = 2
    side_px: int = 0
    """Of a picture that is enlarged, the longer side as it came; stored with the intent."""
    ratio: str = ""
    """Width to height as in 16:9; empty leaves it to the provider."""
    seed: int = 0
    thread_id: int = 0
    reply_to: int = 0
    parent: str = ""
    """The job whose picture this one changes; empty where the picture is the person's own."""
    is_file: bool = False
    """Whether the picture is wanted as a file."""
    note: str = ""
    """A sentence that the caption ends with, by its key."""
    price_micro: int = 0
    """What its end charges if the picture is billed, in micro-dollars."""
    reserved_micro: int = 0
    """What its admission took of the day's money, whatever the price became since."""
    spend_day: str = ""
    """The day, YYYY-MM-DD, whose money that is."""
    created_ms: int = 0
    state: State = State.QUEUED
    version: int = 0
    claimed_ms: int = 0
    intent_ms: int = 0
    accepted_ms: int = 0
    """When the provider took the order; 0 where its answer was lost."""
    provider: str = ""
    """Who makes the picture; stored with the intent, and kept for recovery."""
    order_id: str = ""
    """The job's id at its provider; stored with the intent, and kept for recovery."""
    order_fields: Mapping[str, str] = field(default_factory=dict[str, str])
    """What its order is known again by in a provider's list, until there is a ticket."""
    pending_ms: int = 0
    """The job's age, from there (else from the intent), at its latest poll that said pending."""
    ticket: Mapping[str, object] = field(default_factory=dict[str, object])
    message_id: int = 0
    tries: int = 0
    lost_orders: int = 0
    """How many of its tasks the provider has lost, at no cost."""
    file: str = ""
    outcome: State | None = None
    reason: str = ""
    facts: Mapping[str, str | int | float] = field(default_factory=dict[str, "str | int | float"])
    is_cancelled: bool = False
    is_unbilled: bool = False
    """Whether it is known that its order costs nothing."""


def is_billed(job: Job) -> bool:
    """Whether a job that ends now has cost its price; where nobody knows, it has.

    The intent is taken back where it is certain that nothing was ordered.
    """
    return job.intent_ms > 0 and not job.is_unbilled
