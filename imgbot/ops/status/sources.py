"""Pipeline facts that the status page reads, as types of its own.

The supervisor's wiring fills these in: nothing here knows a queue, a pool or a provider.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from imgbot.telemetry.thresholds import Load


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker, and what it does."""

    number: int
    """From 1."""
    pid: int = 0
    """0: not started yet, for there was no need."""
    about: str = ""
    """Current work; empty when idle."""
    for_s: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class UnknownJob:
    """A job that ended where nobody knows how; it is listed until an administrator looks."""

    id: str
    operation: str
    provider: str
    reason: str
    at_s: float
    user_id: int


@dataclass(frozen=True, slots=True)
class QueueGlance:
    """The queue at one time."""

    jobs: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    """Operation → state → how many are in it."""
    refused: Sequence[tuple[int, int]] = ()
    """User ids with their requests over the rate limit in this hour and the last, most first."""
    unknown: Sequence[UnknownJob] = ()
    """The latest."""
    is_paused: bool = False
    load: Load = field(default_factory=Load)
    """As far as the pipeline knows it."""


@dataclass(frozen=True, slots=True)
class StatusSources:
    """Sources of the status: callables that read it."""

    workers: Callable[[], Sequence[Worker]]
    measure: Callable[[], Awaitable[None]]
    """Brings the metrics up to date; raises TransientError while Redis is away."""
    glance: Callable[[], Awaitable[QueueGlance]]
    """Raises TransientError while Redis is away."""
    provider: str
    redis: str
    """Its address."""
    version: str
