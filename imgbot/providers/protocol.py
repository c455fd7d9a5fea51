"""What an image provider must be able to do: submit, be asked, hand over, call off.

Adapters decide nothing about retries: they raise ProviderError with its kind, and the
runner decides by that. A ticket is JSON, stored before the first poll.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from imgbot.job import Operation

Ticket = Mapping[str, object]
"""The provider's receipt for an accepted task; survives JSON and a restart."""


class Recovery(StrEnum):
    """What can be done about a submit whose answer was lost."""

    REPEAT = "repeat"  # the same key never makes a second charge
    LOOK_UP = "look_up"  # the task can be found by our own job id
    NONE = "none"  # nobody knows: the job must stop and say so


class Cancelled(StrEnum):
    """What became of a request to call a task off."""

    ACCEPTED = "accepted"
    TOO_LATE = "too_late"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made; `pictures` are checked files, in the order they were sent."""

    job_id: str
    operation: Operation
    words: str
    pictures: tuple[Path, ...]
    scale: int
    ratio: str
    """Width to height as in 16:9; empty leaves it to the provider."""
    seed: int
    target: Path
    """Where a provider on this machine writes its picture."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A task exists and is paid for; ask for it with this ticket."""

    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Output:
    """One finished picture: exactly one of an address and a file on this machine."""

    url: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """The pictures are ready.

    `did` and `unknown` name what was understood of the words and what was not, `nearest`
    what the person may have meant.
    """

    outputs: tuple[Output, ...]
    did: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pending:
    """Not yet. `progress` is 0 to 1, or None where the provider does not say."""

    progress: float | None = None


class Provider(Protocol):
    """One image provider. Every method but `aclose` raises ProviderError."""

    name: str
    recovery: Recovery
    is_exact: bool
    """Whether the same change of the same picture always comes out the same."""

    async def submit(self, order: Order) -> Accepted | Done:
        """Order a picture; may cost money. ProviderError SUBMIT_UNKNOWN if unsure."""
        ...

    async def look_up(self, job_id: str) -> Ticket | None:
        """Find the task of a job by our own id, where `recovery` is LOOK_UP."""
        ...

    async def poll(self, ticket: Ticket) -> Pending | Done:
        """Ask for a task; free."""
        ...

    async def fetch(self, output: Output, target: Path) -> None:
        """Write the picture to `target`, streamed, bounded in size and time."""
        ...

    async def cancel(self, ticket: Ticket) -> Cancelled:
        """Call a task off; it may be billed all the same."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...
