"""A job's whole life as a table, and the frozen facts of one job.

Rule: a state changes only along `NEXT_STATES`; the Lua scripts in `imgbot/queue/lua`
move jobs, and check the same table through the expected version.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Operation(StrEnum):
    """What a person can ask for."""

    CREATE = "create"
    EDIT = "edit"
    MERGE = "merge"
    RETOUCH = "retouch"
    UPSCALE = "upscale"


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


_ENDS = frozenset({State.DELIVERED, State.CANCELLED, State.FAILED, State.DEAD})
_ANY_END_BUT_DELIVERED = frozenset({State.CANCELLED, State.FAILED, State.DEAD})

NEXT_STATES: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.SUBMITTING}) | _ANY_END_BUT_DELIVERED,
    # A synchronous provider answers the submit with the picture: no polling.
    State.SUBMITTING: frozenset({State.POLLING, State.RENDERING}) | _ANY_END_BUT_DELIVERED,
    State.POLLING: frozenset({State.RENDERING}) | _ANY_END_BUT_DELIVERED,
    State.RENDERING: frozenset({State.DELIVERING}) | _ANY_END_BUT_DELIVERED,
    State.DELIVERING: frozenset({State.DELIVERED}) | _ANY_END_BUT_DELIVERED,
    **{end: frozenset[State]() for end in _ENDS},
}

ENDS = _ENDS


@dataclass(frozen=True, slots=True)
class Source:
    """A picture that a person sent, by Telegram's handle; never the bytes."""

    file_id: str
    unique_id: str
    size_bytes: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One admitted request, as stored in `rq:job:<id>`."""

    id: str
    user_id: int
    chat_id: int
    operation: Operation
    language: str
    words: str = ""
    sources: tuple[Source, ...] = ()
    scale: int = 2
    seed: int = 0
    thread_id: int = 0
    reply_to: int = 0
    created_ms: int = 0
    state: State = State.QUEUED
    version: int = 0
    claimed_ms: int = 0
    intent_ms: int = 0
    ticket: Mapping[str, object] = field(default_factory=dict[str, object])
    message_id: int = 0
    announced_ms: int = 0
    file: str = ""
    tries: int = 0
    is_cancelled: bool = False
