"""Facts that the status page reads, as types of its own, and the health checks.

The supervisor's wiring fills these in: nothing here knows a queue, a pool or a provider.
"""

import asyncio
import inspect
import logging
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
    """A job with an unknown outcome; it is listed until an admin handles it."""

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


_log = logging.getLogger(__name__)

_CHECK_TIMEOUT_S = 3.0

Check = Callable[[], str | Awaitable[str]]
"""Returns what is wrong, empty when all is well; an exception or silence is wrong, too."""


async def ask_all(checks: Mapping[str, Check]) -> dict[str, str]:
    """Run all checks; name → what is wrong, empty when well."""
    async with asyncio.TaskGroup() as group:
        asked = {name: group.create_task(_ask(name, check)) for name, check in checks.items()}
    return {name: task.result() for name, task in asked.items()}


async def _ask(name: str, check: Check) -> str:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            answer = check()
            return await answer if inspect.isawaitable(answer) else answer
    except TimeoutError:
        return f"no answer in {_CHECK_TIMEOUT_S:.0f} s"
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is the answer
        # Shown by its type alone: the text may hold an address with a token in it.
        _log.warning("the check %s failed: %s", name, error)
        return f"the check failed ({type(error).__name__})"
