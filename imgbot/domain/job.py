"""Job record and the table of its state transitions.

Rule: a state changes only along `NEXT_STATES`, by one Lua script in `imgbot/storage/lua`
that checks the supervisor's epoch, the job's version and an operation token.

Every final state is reached through `delivering`: both a picture and an error are shown to
the user, and a crash must lose neither. A state may follow itself, when a step records
something (a poll, a submit record) without leaving it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, TypedDict, Unpack

from imgbot.domain.holds import Hold
from imgbot.domain.lettering import Lettering, read_lettering
from imgbot.domain.operations import OPERATIONS, PHOTO_ACTIONS, Operation, Prompt
from imgbot.domain.prompt_options import VARIANTS_MAX, PromptOptions, to_prompt


class State(StrEnum):
    """State of a job; the last four are final."""

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
    # A task that is gone and has cost nothing is submitted again.
    State.POLLING: frozenset({State.SUBMITTING, State.POLLING, State.RENDERING, State.DELIVERING}),
    # A result lost with its disk is made or fetched again, if that costs nothing.
    State.RENDERING: frozenset(
        {State.SUBMITTING, State.POLLING, State.RENDERING, State.DELIVERING}
    ),
    State.DELIVERING: frozenset({State.RENDERING, State.DELIVERING}) | ENDS,
    **{end: frozenset[State]() for end in ENDS},
}


KEPT = "kept."
"""Beginning of the unique id of a photo that its user keeps; Telegram's have no such sign."""


@dataclass(frozen=True, slots=True)
class InputPhoto:
    """Picture sent by a user, by Telegram's file id; never the bytes.

    Without a file id it is still being made, by the job whose id is the unique id.
    """

    file_id: str
    unique_id: str
    size_bytes: int = 0
    name: str = ""
    is_file: bool = False
    """True if sent as a file: Telegram shows such a file id again only as a file."""
    is_hidden: bool = False
    """True if it is shown under a spoiler."""
    replied: "InputPhoto | None" = None
    """Picture that it was sent in reply to: it may be that one with something drawn on it."""

    @property
    def is_kept(self) -> bool:
        """True for one that its user keeps under its `name`: no group is shown it."""
        return self.unique_id.startswith(KEPT)


@dataclass(frozen=True, slots=True)
class Request:
    """Request of a user, with the chat that the answer goes to."""

    chat_id: int
    operation: Operation
    language: str
    prompt: str = ""
    sources: tuple[InputPhoto, ...] = ()
    scale: int = 2
    ratio: str = ""
    """Width to height as in 16:9; empty leaves it to the provider."""
    seed: int = 0
    thread_id: int = 0
    reply_to: int = 0
    parent: str = ""
    """Job whose picture this one changes; empty if the user sent the picture."""
    is_file: bool = False
    """True if the result is to be sent as a file."""
    note: str = ""
    """Key of a sentence that the caption ends with."""
    negative: str = ""
    """Things that the picture must not show."""
    ignored: str = ""
    """Flags of the prompt that have no effect here; the caption names them."""
    base: str = ""
    """Prompt, with its flags, that the picture to be changed was drawn from; it is drawn anew from
    that if it cannot be changed."""
    lost: str = ""
    """Changes of the picture that it lacks if it is drawn anew, by their keys."""
    variants: int = 0
    """Number of variants that were ordered together; 0 for one picture alone."""
    model: str = ""
    """Model that the user chose, by its id; empty for the usual one."""
    sent: str = ""
    """Prompt as the provider gets it, in its language; empty if that is `prompt` itself."""
    inline_id: str = ""
    """Inline message in another chat that shows the end as well."""
    is_unsure: bool = False
    """True if it is ordered only as another operation, which a feature makes of it."""

    @property
    def awaits_picture(self) -> bool:
        """True while the picture that it changes is still being made."""
        return any(not photo.file_id for photo in self.sources)

    @property
    def shown_sources(self) -> tuple[InputPhoto, ...]:
        """Its photos that may be shown in its chat."""
        return tuple(photo for photo in self.sources if self.chat_id > 0 or not photo.is_kept)

    @property
    def is_change(self) -> bool:
        """True if its picture is another one, changed."""
        is_alone = self.operation in PHOTO_ACTIONS and len(self.sources) == 1
        return is_alone or self.operation is Operation.INPAINT

    @property
    def is_on_canvas(self) -> bool:
        """True if it is its photo on a larger canvas: what is new there is the marked area."""
        return self.operation is Operation.INPAINT and len(self.sources) == 1

    @property
    def full_prompt(self) -> str:
        """Prompt, with its flags, that the picture is drawn from; empty if it is not drawn."""
        if self.operation is not Operation.CREATE or not self.prompt:
            return self.base
        return to_prompt(PromptOptions(self.prompt, self.ratio, 0, self.seed, self.negative))

    @property
    def is_of_hidden(self) -> bool:
        """True if it is about a picture that is hidden: so is what is made of it."""
        return any(photo.is_hidden for photo in self.sources)

    @property
    def exact_words(self) -> Lettering | None:
        """Words that the picture is to bear letter by letter, where the prompt says so."""
        takes_prompt = OPERATIONS[self.operation].prompt is not Prompt.NONE
        found = read_lettering(self.prompt) if takes_prompt else None
        return found if found and found.is_exact else None

    @property
    def is_lettering_alone(self) -> bool:
        """True if a photo is to bear words and to stay as it is otherwise: the engine does that."""
        found = self.exact_words if self.operation is Operation.EDIT else None
        return found is not None and not found.rest


@dataclass(frozen=True, slots=True)
class Charge:
    """Price of a job, and what it holds until its end."""

    price_micro: int = 0
    """Charge at the end of the job if the picture is billed, in micro-dollars."""
    reserved_micro: int = 0
    """Micro-dollars reserved from the day's budget at admission; later prices do not count."""
    spend_day: str = ""
    """Day of that budget, YYYY-MM-DD."""
    is_unbilled: bool = False
    """True if the submit is known to cost nothing."""
    is_settled: bool = False
    """True if it was charged when the job died: whatever becomes of that now costs nothing more."""
    holds: tuple[Hold, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """Record of the steps: the submit, its ticket, the status message, the outcome."""

    claimed_ms: int = 0
    submit_ms: int = 0
    """Time of the submit record; 0 without one."""
    accepted_ms: int = 0
    """Time the provider accepted the submit; 0 if its answer was lost."""
    provider: str = ""
    """Name of the provider; stored with the submit record, and kept for recovery."""
    order_id: str = ""
    """Id of the job at its provider; stored with the submit record, and kept for recovery."""
    order_model: str = ""
    """Id of the model that was ordered; stored with the submit record. Once the job has ended:
    that, or the provider where it has none to choose."""
    order_fields: Mapping[str, str] = field(default_factory=dict[str, str])
    """Fields that identify the submit in a provider's list, until there is a ticket."""
    side_px: int = 0
    """Longer side of the input of an upscale, in pixels; stored with the submit record."""
    lettering: str = ""
    """Words that are put on the provider's picture; stored with the submit record."""
    pending_ms: int = 0
    """Age at the latest poll that said pending, since `accepted_ms` (else `submit_ms`)."""
    ticket: Mapping[str, object] = field(default_factory=dict[str, object])
    message_id: int = 0
    tries: int = 0
    lost_orders: int = 0
    """Number of tasks the provider has lost, at no cost."""
    file: str = ""
    outcome: State | None = None
    reason: str = ""
    facts: Mapping[str, str | int | float] = field(default_factory=dict[str, "str | int | float"])
    shown: tuple[InputPhoto, ...] = ()
    """Telegram's file of the picture, once it is shown, as far as it is known."""
    caption: str = ""
    """Text under the picture, once the job has ended."""
    original_id: str = ""
    """Telegram's file of the picture as it was generated, once it was sent."""
    takes_seed: bool = False
    """True if the model makes another picture with another seed."""
    features: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Records of features, by their names."""

    @property
    def ordered_ms(self) -> int:
        """Time at which the provider accepted the order, else that of the submit record."""
        return self.accepted_ms or self.submit_ms

    def parts_of(self, fact: str) -> tuple[str, ...]:
        """Return the parts of a fact that lists some; the phrases that are not drawn: unknown."""
        return tuple(filter(None, str(self.facts.get(fact, "")).split(", ")))


@dataclass(frozen=True, slots=True)
class Job:
    """One admitted request, as stored in `rq:job:<id>`; once it has ended, its result."""

    id: str
    user_id: int
    request: Request
    charge: Charge = Charge()
    progress: Progress = Progress()
    created_ms: int = 0
    state: State = State.QUEUED
    version: int = 0
    is_cancelled: bool = False

    @property
    def is_called_off(self) -> bool:
        """True once it was cancelled, though it may be paid for and go on."""
        return self.is_cancelled or bool(self.progress.reason)

    @property
    def picture(self) -> InputPhoto | None:
        """Picture that it has shown; until it ends, the one to come, which has no file id."""
        if self.state in ENDS:
            return next(iter(self.progress.shown), None)
        return InputPhoto("", self.id)

    @property
    def is_there(self) -> bool:
        """True if its picture can be shown again; false while it is being made."""
        return self.picture is not None and bool(self.picture.file_id)

    def is_of(self, chat_id: int) -> bool:
        """Return true if it was ordered in this chat."""
        return self.request.chat_id == chat_id

    @property
    def variant(self) -> str:
        """Its number among variants, as in 2/3; empty for one picture alone."""
        count = self.request.variants
        return f"{variant_number(self.id)}/{count}" if count > 1 else ""


def variant_ids(job_id: str) -> list[str]:
    """Return the ids of all variants that a job may have been ordered with, also once more."""
    first = job_id.partition("-")[0]
    ids = [first, *(f"{first}-{number}" for number in range(2, VARIANTS_MAX + 1))]
    return [*ids, *(f"{each}-r" for each in ids)]


FREE_END = "-f"
"""End of the id of a job that its user pays nothing for."""


def is_free(job_id: str) -> bool:
    """Return true for such a job, also when it is ordered again after a failure."""
    return FREE_END in job_id


def variant_number(job_id: str) -> int:
    """Return the number of a variant, from 1, by the id of its job."""
    number = job_id.partition("-")[2].partition("-")[0]
    return int(number) if number.isdecimal() else 1


@dataclass(frozen=True, slots=True)
class UnreadableJob(Job):
    """Readable part of a malformed record, or of one of another release: enough to end the job."""

    fault: str = ""


_GROUPS: Mapping[str, type] = {"request": Request, "charge": Charge, "progress": Progress}

FIELDS: Mapping[str, tuple[str, Any]] = {
    **{each.name: ("", each.type) for each in fields(Job) if each.name not in _GROUPS},
    **{each.name: (name, each.type) for name, group in _GROUPS.items() for each in fields(group)},
}
"""Group ("" for the job itself) and type of each field; no two groups share a name."""


def job_from(values: Mapping[str, Any]) -> Job:
    """Build a job from the values of its fields, of any group."""
    parts = _by_group(values)
    groups = {name: group(**parts.get(name, {})) for name, group in _GROUPS.items()}
    return Job(**parts[""], **groups)


class Changes(TypedDict, total=False):
    """New values of some fields of a job, of any group, for the type checker."""

    is_cancelled: bool
    # Request
    chat_id: int
    operation: Operation
    language: str
    prompt: str
    sources: tuple[InputPhoto, ...]
    scale: int
    ratio: str
    seed: int
    thread_id: int
    reply_to: int
    parent: str
    is_file: bool
    note: str
    negative: str
    ignored: str
    base: str
    lost: str
    variants: int
    model: str
    sent: str
    inline_id: str
    is_unsure: bool
    # Charge
    price_micro: int
    reserved_micro: int
    spend_day: str
    is_unbilled: bool
    is_settled: bool
    holds: tuple[Hold, ...]
    # Progress
    claimed_ms: int
    submit_ms: int
    accepted_ms: int
    provider: str
    order_id: str
    order_model: str
    order_fields: Mapping[str, str]
    side_px: int
    lettering: str
    pending_ms: int
    ticket: Mapping[str, object]
    message_id: int
    tries: int
    lost_orders: int
    file: str
    outcome: State | None
    reason: str
    facts: Mapping[str, str | int | float]
    shown: tuple[InputPhoto, ...]
    caption: str
    original_id: str
    takes_seed: bool
    features: Mapping[str, Mapping[str, Any]]


def with_changes(job: Job, **changes: Unpack[Changes]) -> Job:
    """Return the job with new values of some fields, of any group."""
    parts = _by_group(changes)
    own = parts.pop("", {})
    groups = {name: replace(getattr(job, name), **part) for name, part in parts.items()}
    return replace(job, **own, **groups)


def _by_group(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    parts: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        parts.setdefault(FIELDS[name][0], {})[name] = value
    return parts


def is_billed(job: Job) -> bool:
    """Return true if a job that ends now has cost its price; true if unknown.

    The submit record is withdrawn if it is certain that nothing was submitted.
    """
    return job.progress.submit_ms > 0 and not job.charge.is_unbilled


def is_paid(job: Job) -> bool:
    """Return true if it has cost money by then; true if unknown."""
    return is_billed(job) and job.charge.price_micro > 0
