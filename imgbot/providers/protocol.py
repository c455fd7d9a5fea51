"""Protocol of image providers: submit, poll, fetch, cancel.

Adapters never decide about retries: they raise ProviderError with its kind, and the runner decides
by that. A ticket is JSON, stored before the first poll.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.domain.moving import UNMOVED, Move
from imgbot.domain.operations import Operation
from imgbot.domain.order_pace import OrderLimit
from imgbot.domain.prompt_options import with_negative

Ticket = Mapping[str, object]
"""The provider's receipt for an accepted task; survives JSON and a restart."""

MAX_STORED_CHARACTERS = 4096
"""Length limit of an id or a URL from a response: each is kept in Redis, for up to 30 days."""


_NOTICE_DAYS = 14


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Total seconds per call, however slowly the bytes arrive."""

    ask_s: float = 30.0
    submit_s: float = 120.0
    fetch_s: float = 120.0
    stall_s: float = 20.0
    """Maximum pause until the next 64 KiB of a picture, or its end."""


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """Address and keys of a provider; without an address, that of its file."""

    url: str = ""
    key: str = ""
    hook_key: str = ""
    """Webhook signing key, where the provider's dashboard shows one."""
    deadlines: Timeouts = field(default_factory=Timeouts)


class Recovery(StrEnum):
    """Recovery of a submit whose response was lost."""

    REPEAT = "repeat"  # the same key never makes a second charge
    LOOK_UP = "look_up"  # the task can be found by our own job id
    NONE = "none"  # nobody knows: the job must stop and say so


class Cancelled(StrEnum):
    """Result of a cancel request."""

    ACCEPTED = "accepted"
    TOO_LATE = "too_late"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class InputLimits:
    """Requirements on the pictures of a request; 0 is no limit."""

    max_count: int = 10
    max_side_px: int = 0
    max_bytes: int = 0
    formats: frozenset[str] = frozenset({"jpeg", "png"})
    mask: Literal["white", "alpha"] = "white"
    """Mark of the area of a masked edit: white, or transparency."""


@dataclass(frozen=True, slots=True)
class Capability:
    """Terms of one operation: model, price, input limits."""

    model: str = ""
    price_micro: int = 0
    """Micro-dollars per picture."""
    scale_prices_micro: Mapping[int, int] = field(default_factory=dict[int, int])
    """Price by scale, where it depends on it."""
    inputs: InputLimits = field(default_factory=InputLimits)
    scales: frozenset[int] = frozenset()
    """Available factors; empty if any is, or if there is nothing to choose."""
    takes_seed: bool = False
    title: str = ""
    """Name of the model as users read it."""
    good_at: Mapping[str, str] = field(default_factory=dict[str, str])
    """Strength of the model in a few words, by language."""
    is_best: bool = False
    """True if the model makes the best pictures of those in its file."""
    replaces: tuple[str, ...] = ()
    """Ids of withdrawn models whose place it takes, at no higher price."""

    def price_at(self, scale: int) -> int:
        """Return the price in micro-dollars at a scale; the highest one for an unlisted scale."""
        most = max(self.scale_prices_micro.values(), default=self.price_micro)
        return self.scale_prices_micro.get(scale, most)


@dataclass(frozen=True, slots=True)
class Retirement:
    """Announced end of a model, and the model of the same provider that takes its place."""

    day: date
    operations: Sequence[Operation]
    old: Capability
    new: Capability | None
    is_over: bool = False
    """True once the new one has taken its place."""

    def is_announced(self, today: date) -> bool:
        """Return true if administrators are to know of it by then."""
        return (self.day - today).days <= _NOTICE_DAYS

    @property
    def is_dearer(self) -> bool:
        return self.new is not None and self.new.price_at(0) > self.old.price_at(0)


def chosen_model(models: Mapping[str, Capability], stored: str) -> str:
    """Return the id of the model that a stored id means; empty if it is no longer offered."""
    return next((name for name, each in models.items() if stored in {name, *each.replaces}), "")


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """Picture to be made; `pictures` are checked files, in the order they were sent."""

    job_id: str
    """Job id at the provider, unique among all bots of the account."""
    operation: Operation
    prompt: str
    pictures: tuple[Path, ...]
    scale: int
    ratio: str
    """Width to height as in 16:9; empty leaves it to the provider."""
    seed: int
    target: Path
    """File for a provider whose response contains the picture itself."""
    mask: Path | None = None
    """Area to be changed, as `InputLimits.mask` says, of the size of the picture."""
    uploads: tuple[str, ...] = ()
    """The provider's names of the files, set by `Provider.upload`."""
    side_px: int = 0
    """Longer side of the picture to upscale, in pixels, before it was reduced for the provider."""
    hook_url: str = ""
    """Address for the provider's webhook; empty without a public address."""
    negative: str = ""
    """Things that the picture must not show."""
    lettering: str = ""
    """Words that are put on the picture once it is there, and are not in the prompt."""
    model: str = ""
    """Model that the user chose; empty for the usual one."""
    is_drawn: bool = False
    """True if the picture was drawn from words, and may be drawn anew from others."""
    move: Move = UNMOVED
    """Move of the subject that the engine puts into another picture."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The pictures, and the mask."""
        return (*self.pictures, self.mask) if self.mask else self.pictures

    @property
    def full_prompt(self) -> str:
        """The prompt for a model without a negative prompt."""
        return with_negative(self.prompt, self.negative)

    def prompt_by(self, prompts: Mapping[Operation, str], *, has_negative: bool = False) -> str:
        """Return the prompt to send: the file's own without a user's, and before that of a retouch.

        `has_negative` is true if the negative prompt is sent beside it.
        """
        words = (self.prompt if has_negative else self.full_prompt).strip()
        is_led = self.operation is Operation.RETOUCH or not words
        return f"{prompts.get(self.operation, '')} {words}".strip() if is_led else words


@dataclass(frozen=True, slots=True)
class Accepted:
    """Accepted and paid task, to be polled with this ticket."""

    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Output:
    """One finished picture: exactly one of a URL and a local file."""

    url: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """Finished pictures.

    `applied` and `unrecognised` are the parts of the prompt that the engine did and did not
    understand, `suggestions` is what the user may have meant.

    Raises ProviderError for a URL that is too long to be stored.
    """

    outputs: tuple[Output, ...]
    applied: tuple[str, ...] = ()
    unrecognised: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if any(len(output.url) > MAX_STORED_CHARACTERS for output in self.outputs):
            raise ProviderError(ProviderErrorKind.FAILED, "the URL of the result is too long")


@dataclass(frozen=True, slots=True)
class Pending:
    """Unfinished task. `progress` is 0 to 1, `position` counts the provider's queue from 1.

    Both are None where the provider does not say.
    """

    progress: float | None = None
    position: int | None = None


Make = Callable[[GenerationRequest], Awaitable[Done]]
"""Makes a picture in a worker process."""


def service_of(name: str) -> str:
    """Return the name of a provider without the address of one of its servers."""
    return name.partition("@")[0]


class Provider(ABC):
    """Image provider; the defaults are those of one without tasks, uploads or an account.

    Every method but `aclose` raises ProviderError.
    """

    name: str
    """With its address, as in comfyui@10.0.0.2:8188, where the provider has several."""
    setting: str = ""
    """Its name or file in IMGBOT_PROVIDER."""
    vendor: str = ""
    """Name of the company that runs it, if known."""
    country: str = ""
    """Country code of that company, if known."""
    offers: Mapping[Operation, Capability]
    """Supported operations, by their usual models."""
    models: Mapping[Operation, Mapping[str, Capability]] = MappingProxyType({})
    """All models of each operation by their ids, where there are several."""
    retirements: tuple[Retirement, ...] = ()
    """Models with an announced end, those among them that are replaced already."""
    admits: Callable[[Capability, Capability], bool] = staticmethod(lambda offer, usual: True)  # noqa: ARG005
    """Whether users may choose a model beside the usual one."""
    prompt_language: str = "en"
    """Language of prompts that it understands best; empty if it takes them as users write them."""
    recovery: Recovery = Recovery.NONE
    is_deterministic: bool = False
    """True if equal edits of equal pictures give equal results."""
    max_concurrent: int = 0
    """The provider's own limit of concurrent tasks; 0 is no limit."""
    order_limit: OrderLimit = OrderLimit()
    """The provider's own limit of orders per time, or that of the operator's account."""
    submit_s: float = Timeouts().submit_s
    """Longest time that an order may be under way."""
    is_literal: bool = False
    """True if it draws words letter by letter, wherever the prompt asks for them."""
    is_searchable: bool = False
    """True if `search` lists its latest tasks."""
    is_hooked: bool = False
    """True if its requests carry the webhook address."""
    has_account: bool = False
    """True if `balance` can be asked for."""
    urls: tuple[str, ...] = ()
    """Its base URLs."""

    def offer(self, operation: Operation, model: str) -> Capability:
        """Return the terms of a model; those of the usual one if `model` is empty or unknown."""
        models = self.models.get(operation, {})
        return models.get(chosen_model(models, model)) or self.offers[operation]

    async def ask_retirements(self) -> None:
        """Ask for the days on which models end, where the provider tells; free."""

    def renew(self, today: date, agreed: Collection[str] = ()) -> None:
        """Let successors take the place of models that have ended by then, and of those agreed."""

    async def upload(self, order: GenerationRequest) -> GenerationRequest:
        """Return the request with its `uploads`; free of charge, and no task exists yet."""
        return order

    @abstractmethod
    async def submit(self, order: GenerationRequest) -> Accepted | Done:
        """Request a picture; may cost money. Raises SUBMIT_UNKNOWN if the outcome is unknown."""

    async def look_up(self, job_id: str) -> Ticket | None:
        """Find the task of a job by `job_id`, where `recovery` is LOOK_UP."""
        raise ProviderError(
            ProviderErrorKind.LOST, f"{self.name} cannot look up a task by our id {job_id}"
        )

    async def fields_of(self, order: GenerationRequest) -> Mapping[str, str]:
        """Return small digests by which `search` recognises a request's task."""
        return {}

    async def search(
        self, operation: Operation, fields: Mapping[str, str], since_ms: int, model: str = ""
    ) -> Sequence[Ticket]:
        """Find tasks with these fields made since then, the earliest first.

        Finding none proves nothing. Tasks of other jobs may be among them.
        """
        return []

    async def poll(self, ticket: Ticket) -> Pending | Done:
        """Poll a task; free."""
        raise ProviderError(
            ProviderErrorKind.LOST, f"{self.name} has no tasks to poll ({len(ticket)} fields)"
        )

    @abstractmethod
    async def fetch(self, output: Output, target: Path) -> None:
        """Write the picture to `target`, streamed, bounded in size and time."""

    async def cancel(self, ticket: Ticket) -> Cancelled:
        """Cancel a task; it may be billed all the same."""
        return Cancelled.UNSUPPORTED

    async def ticket_of_hook(
        self,
        operation: Operation,
        headers: Mapping[str, str],
        body: bytes,
        now_s: float,
        model: str = "",
    ) -> Ticket | None:
        """Return the ticket that a verified webhook is about, None if it is forged or malformed.

        The names of `headers` are in lower case; `now_s` is the clock in seconds since 1970.
        Raises ProviderError while the signing key cannot be fetched.
        """
        return None

    async def balance(self) -> float | None:
        """Return the balance in the provider's own unit, None where it is not stated.

        Raises ProviderError: AUTH if the key is rejected.
        """
        return None

    async def aclose(self) -> None:
        """Close connections."""
