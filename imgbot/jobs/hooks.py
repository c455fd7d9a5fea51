"""Hooks: what features do in the steps of a job.

Each kind is called in the order of the features, and again after a crash, until the job has left
the state in which it is called. A transient error repeats the step.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from imgbot.domain.buttons import Keyboard
from imgbot.domain.errors import ConfigError, FencedError, StaleJobError, TransientError
from imgbot.domain.job import Job, Request, State
from imgbot.jobs.outcomes import Advance, NotFetchedError
from imgbot.painter.steps import Deliverable
from imgbot.providers.protocol import GenerationRequest, Provider
from imgbot.telemetry import events

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")

_RAISED = (TransientError, FencedError, StaleJobError, ConfigError, NotFetchedError)
"""Errors that are no failure of a hook: they decide what becomes of the step."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """Fetched result, before its job is moved to `delivering`."""

    job: Job
    picture: Path
    """The result; another file once a hook has changed it."""
    fetch_again: Callable[[], Awaitable[None]]
    """Fetches the result once more, in place of one that may have come short."""
    prepare: Callable[["Rendered"], Awaitable[Deliverable]]
    """Converts the picture to what is sent; see `ready`."""
    is_former: bool = False
    """True if it is the picture of an earlier delivery: what hooks change is in it."""
    is_hidden: bool = False
    """True if it is to be shown under a spoiler."""

    async def ready(self) -> Deliverable:
        """Return what is sent, as it would be without the hooks that follow."""
        return await self.prepare(self)


@dataclass(frozen=True, slots=True)
class Refused:
    """Result that is not shown, for the reason of this text key."""

    reason: str


@dataclass(frozen=True, slots=True)
class AfterRender:
    """Hook on a result; what it changes is a file in the job's folder."""

    run: Callable[[Rendered], Awaitable[Rendered | Refused]]
    without: Callable[[Job], Job] | None = None
    """Makes the job that is delivered if it fails, whose caption says so; None if it must not."""


@dataclass(slots=True)
class ShownEnd:
    """End of a job that is shown, before the job ends in Redis."""

    job: Job
    """The job with what has been shown: its message (0: none could), the file of its picture."""
    outcome: State
    is_late: bool
    """True if it was shown by a job whose end Redis has lost since."""
    failure: str
    """Sentence on why there is no picture; empty if there is one."""
    move: Callable[[Job, Mapping[str, Any]], Awaitable[Job]]

    async def store(self, name: str, record: "DataclassInstance") -> None:
        """Store what a feature has begun; see `record_of`."""
        self.job = await self.move(self.job, {**self.job.progress.features, name: asdict(record)})


@dataclass(frozen=True, slots=True)
class AfterShown:
    """Hook on what was shown; what it has begun is its own record, stored with the job."""

    concerns: Callable[[Job, State], bool]
    """True if it has something to do at the end of such a job."""
    run: Callable[[ShownEnd], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class EndOffer:
    """Offer under the sentence of a job that made no picture; its request is stored for that."""

    rows: Keyboard
    picture: Path | None = None
    """File that is shown above the sentence, if it is there."""


PhotoCheck = Callable[[Job, Path], Awaitable[None]]

BeforeChoice = Callable[[Any, Job], Awaitable[Job | Advance]]
"""Takes the `StepContext`, which stands above this module, as do the hooks below."""
TakeSource = Callable[[Any, Job, int, Path], Awaitable[bool]]
BeforeSubmit = Callable[[Any, Job, Provider, GenerationRequest], Awaitable[GenerationRequest]]


@dataclass(frozen=True, slots=True)
class Hooks:
    """Hooks of all features."""

    before_choice: tuple[BeforeChoice, ...] = ()
    """Called with each job of photos before a provider is chosen; returns the job as it is to be
    ordered, or its end."""
    check_photo: tuple[PhotoCheck, ...] = ()
    """Called with each photo of a job before anything is ordered; raises UserError to refuse it."""
    source: tuple[TakeSource, ...] = ()
    """Called with each photo of a job, by its number from 0, and the file to write; returns true if
    it has written what the job is to begin with, in place of the photo."""
    before_submit: tuple[BeforeSubmit, ...] = ()
    """Called with each order before its uploads; returns it as it is to be made."""
    after_render: tuple[AfterRender, ...] = ()
    after_shown: tuple[AfterShown, ...] = ()
    hides_unjudged: tuple[Callable[[Request], bool], ...] = ()
    """True if a picture that nothing has judged is to be shown under a spoiler."""
    caption_notes: tuple[Callable[[Job], str], ...] = ()
    """Returns a line, or nothing, that the caption of a picture ends with; pure."""
    failure_notes: tuple[Callable[[Job], str], ...] = ()
    """Returns a sentence, or nothing, to follow the one on why a job made no picture; pure."""
    offers: tuple[Callable[[Any, Job], EndOffer | None], ...] = ()
    """Called with each job that ends without a picture; pure."""


async def run_before_choice(hooks: Hooks, context: Any, job: Job) -> Job | Advance:
    """Run all hooks on a job that is to be ordered; the first end ends it."""
    for hook in hooks.before_choice if job.request.sources else ():
        resolved = await hook(context, job)
        if isinstance(resolved, Advance):
            return resolved
        job = resolved
    return job


async def run_after_render(hooks: Hooks, rendered: Rendered) -> Rendered | Refused:
    """Run all hooks on a result; the first refusal ends it."""
    for hook in hooks.after_render:
        try:
            changed = await hook.run(rendered)
        except (*_RAISED, OSError):
            raise
        except Exception as error:
            if hook.without is None:
                raise
            # It may be paid for, and is shown without.
            events.step_failed(error, rendered.job)
            changed = replace(rendered, job=hook.without(rendered.job))
        if isinstance(changed, Refused):
            return changed
        rendered = changed
    return rendered


async def run_after_shown(hooks: Hooks, shown: ShownEnd) -> None:
    """Run the hooks that the job concerns; with any other error, it ends well all the same."""
    for hook in hooks.after_shown:
        if not hook.concerns(shown.job, shown.outcome):
            continue
        try:
            await hook.run(shown)
        except _RAISED:
            raise
        except Exception as error:  # noqa: BLE001 -- see above
            events.step_failed(error, shown.job)


def record_of(job: Job, name: str, kind: type[R]) -> R:
    """Return what a feature has stored with a job; what another release adds is left out."""
    stored = job.progress.features.get(name, {})
    known = {each.name for each in fields(kind)}
    return kind(**{key: value for key, value in stored.items() if key in known})
