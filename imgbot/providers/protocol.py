"""What an image provider must be able to do: submit, be asked, hand over, call off.

Adapters decide nothing about retries: they raise ProviderError with its kind, and the
runner decides by that. A ticket is JSON, stored before the first poll.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from imgbot.domain.operations import Operation

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
class InputLimits:
    """What the pictures of an order must look like; 0 is no limit."""

    max_count: int = 10
    max_side_px: int = 0
    max_bytes: int = 0
    formats: frozenset[str] = frozenset({"jpeg", "png"})


@dataclass(frozen=True, slots=True)
class Capability:
    """How one operation is served: by which model, for how much, with which inputs."""

    model: str = ""
    price_micro: int = 0
    """Millionths of a US dollar per picture."""
    scale_prices_micro: Mapping[int, int] = field(default_factory=dict[int, int])
    """By scale, where the price depends on it."""
    inputs: InputLimits = field(default_factory=InputLimits)
    scales: frozenset[int] = frozenset()
    """The factors that can be ordered; empty where every one can, or none is asked for."""

    def price_at(self, scale: int) -> int:
        """Return the price in micro-dollars of a picture at a scale, the most if it has none."""
        most = max(self.scale_prices_micro.values(), default=self.price_micro)
        return self.scale_prices_micro.get(scale, most)


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What is to be made; `pictures` are checked files, in the order they were sent."""

    job_id: str
    """The job's id at the provider, which no other bot there gives."""
    operation: Operation
    words: str
    pictures: tuple[Path, ...]
    scale: int
    ratio: str
    """Width to height as in 16:9; empty leaves it to the provider."""
    seed: int
    target: Path
    """Where a provider that answers with the picture itself writes it."""
    uploads: tuple[str, ...] = ()
    """What the provider calls the pictures, once it has them; see `Uploading`."""
    side_px: int = 0
    """Of a picture that is enlarged, the longer side as it came, before it was made to fit."""
    hook_url: str = ""
    """Where the provider may tell that the task is over; empty without a public address."""


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
    applied: tuple[str, ...] = ()
    unrecognised: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pending:
    """Not yet. `progress` is 0 to 1, `position` the place in the provider's own line from 1.

    Both are None where the provider does not say.
    """

    progress: float | None = None
    position: int | None = None


class Provider(Protocol):
    """One image provider. Every method but `aclose` raises ProviderError."""

    name: str
    recovery: Recovery
    is_deterministic: bool
    """Whether the same change of the same picture always comes out the same."""
    offers: Mapping[Operation, Capability]
    """What it can do; an operation that is not here is somebody else's."""
    max_concurrent: int
    """Tasks under way at once, by the provider's own limit; 0 is no limit."""

    async def throttle(self) -> None:
        """Wait until the provider's own pace allows another order."""
        ...

    async def submit(self, order: GenerationRequest) -> Accepted | Done:
        """Order a picture; may cost money. ProviderError SUBMIT_UNKNOWN if unsure."""
        ...

    async def look_up(self, job_id: str) -> Ticket | None:
        """Find the task of a job by its order's `job_id`, where `recovery` is LOOK_UP."""
        ...

    async def poll(self, ticket: Ticket) -> Pending | Done:
        """Ask for a task; free.

        `target`, beside what was stored, is where a provider that answers with the picture
        itself writes it.
        """
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


@runtime_checkable
class Uploading(Protocol):
    """A provider that takes pictures before the order, for nothing; `submit` wants `uploads`."""

    async def upload(self, order: GenerationRequest) -> GenerationRequest:
        """Return the order with its `uploads`. Raises ProviderError; nothing was ordered."""
        ...


async def uploaded(provider: Provider, order: GenerationRequest) -> GenerationRequest:
    """Return the order with its pictures where the provider wants them before it."""
    return await provider.upload(order) if isinstance(provider, Uploading) else order


@runtime_checkable
class Searchable(Protocol):
    """A provider that lists its latest tasks with what each was ordered with."""

    is_searchable: bool
    """Whether this one does."""

    def fields_of(self, order: GenerationRequest) -> Mapping[str, str]:
        """Return what an order is known again by, in a few bytes. Raises ProviderError."""
        ...

    async def search(
        self, operation: Operation, fields: Mapping[str, str], since_ms: int
    ) -> Sequence[Ticket]:
        """Find tasks with these fields made since then, the earliest first.

        Whoever finds none knows nothing. Tasks of other jobs may be among them.
        """
        ...


@runtime_checkable
class SupportsWebhooks(Protocol):
    """A provider that can say by a webhook that a task is over."""

    is_hooked: bool
    """Whether its orders carry the address to say it to."""

    async def ticket_of_hook(
        self, operation: Operation, headers: Mapping[str, str], body: bytes, now_s: float
    ) -> Ticket | None:
        """Return the ticket that a verified webhook speaks of, None for a forged or odd one.

        The names of `headers` are in lower case; `now_s` is the clock in seconds since 1970.
        """
        ...


@runtime_checkable
class SupportsBalance(Protocol):
    """A provider whose account can be asked, for nothing, whether it is open."""

    has_account: bool
    """Whether this one's can."""

    async def balance(self) -> float | None:
        """Return what is left in the provider's own unit, None where it does not say.

        Raises ProviderError: AUTH where the key is not taken.
        """
        ...
