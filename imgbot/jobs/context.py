"""Dependencies of the job steps, the files of a job, and the outcomes that a step returns."""

import asyncio
import functools
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import cast

from imgbot.domain.errors import UserError
from imgbot.domain.job import Job, State
from imgbot.domain.operations import OPERATIONS
from imgbot.domain.retry import GiveUp
from imgbot.files import copy_file, make_folder
from imgbot.imaging import pictures
from imgbot.imaging.originals import OriginalStore
from imgbot.imaging.pool import Pool
from imgbot.jobs.poll_scheduler import PollScheduler
from imgbot.jobs.provider_routing import ProviderRouter, ProviderSlots, kind_of
from imgbot.jobs.status_messages import StatusMessages
from imgbot.jobs.webhooks import Webhooks
from imgbot.providers.protocol import GenerationRequest, InputLimits, Provider
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.job_reads import JobReads
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import Messenger

Download = Callable[[str, Path], Awaitable[None]]
"""Downloads a user's file by its Telegram file id."""

RESULT = "result"
"""File name of a result as fetched from its provider."""

_TARGET = "made.jpg"
_CHARGES: Mapping[bool | None, str] = {True: "yes", False: "no", None: "maybe"}
_DUE_MS = 120_000
"""A running job has its own task; due times only matter after a restart."""


def is_to_be_kept(job: Job) -> bool:
    """True if a finished job's folder has the only copy of a result that may yet be redelivered."""
    outputs = cast("list[dict[str, str]]", job.progress.ticket.get("outputs", []))
    return job.progress.outcome is State.DEAD and any(output.get("path") for output in outputs)


@dataclass(frozen=True, slots=True)
class StepContext:
    """Dependencies of the job steps."""

    queue: JobQueue
    installation: str
    """Random id that tells this bot's orders from those of others at the same provider."""
    job_reads: JobReads
    users: UserStore
    originals: OriginalStore
    routing: ProviderRouter
    slots: ProviderSlots
    webhooks: Webhooks
    alarm: asyncio.Event
    """Set to have the alert rules evaluated at once."""
    pool: Pool
    status_messages: StatusMessages
    messenger: Messenger
    download: Download
    poll_scheduler: PollScheduler
    folder: Path
    now_ms: Callable[[], int]
    draining: asyncio.Event
    unanswered: set[str] = field(default_factory=set[str])
    """Ids of jobs with a submit in flight that could not be recovered without its answer."""

    def provider_of(self, job: Job) -> Provider:
        """Provider that accepted the order, else the one chosen for the operation."""
        chosen = self.routing.get(job.progress.provider)
        return chosen or self.routing.primary(job.request.operation)

    def is_orphaned(self, job: Job) -> bool:
        """True if the job was submitted to a provider that is no longer configured."""
        name = job.progress.provider
        return bool(job.progress.intent_ms and name) and self.routing.get(name) is None

    def kind_of(self, job: Job) -> str:
        """Key under which durations are learned: provider, operation and model."""
        return kind_of(self.provider_of(job), job.request.operation)

    def order_id_of(self, job: Job) -> str:
        """Id of the job at its provider; an order of an earlier release has the job's own."""
        progress, own_id = job.progress, f"{self.installation}-{job.id}"
        return progress.order_id or (job.id if progress.intent_ms else own_id)

    def age_ms(self, job: Job) -> int:
        """Milliseconds since the provider accepted the order, or since the submit record."""
        return max(0, self.now_ms() - (job.progress.accepted_ms or job.progress.intent_ms))

    async def move(self, job: Job, state: State, **changes: object) -> Job:
        """Make one transition of the state machine, and store `changes` with it."""
        return await self.queue.move(job, state, self.now_ms() + _DUE_MS, **changes)

    async def conclude(
        self, job: Job, outcome: State, reason: str, **facts: str | int | float
    ) -> Job:
        """Move a job to the delivery of a sentence instead of a picture."""
        return await self.move(
            job, State.DELIVERING, outcome=outcome, reason=reason, facts=facts, tries=0
        )

    async def give_up(self, job: Job, decision: GiveUp) -> Job:
        """Move a job to its end as decided, with what is known of its charge."""
        return await self.move(
            job,
            State.DELIVERING,
            outcome=decision.outcome,
            reason=decision.reason,
            facts={"charge": _CHARGES[decision.is_billed]},
            tries=0,
            is_unbilled=decision.is_billed is False,
        )

    def folder_of(self, job_id: str) -> Path:
        return self.folder / job_id

    def target_of(self, job_id: str) -> Path:
        """File for a picture that comes within a provider's answer."""
        return self.folder_of(job_id) / _TARGET

    async def build_request(self, job: Job, provider: Provider) -> GenerationRequest:
        """Download and check the job's photos, and convert them to what the provider takes.

        Files of an earlier attempt are reused. Raises UserError (not a picture, too many),
        WorkerLostError, TransientError.
        """
        offer = provider.offers[job.request.operation]
        inputs, scale, side_px = offer.inputs, job.request.scale, 0
        if len(job.request.sources) > inputs.max_count:
            raise UserError("too_many_for_service", limit=inputs.max_count)
        folder = self.folder_of(job.id)
        await asyncio.to_thread(make_folder, folder)
        checked = [
            await self._checked(job, index, folder) for index in range(len(job.request.sources))
        ]
        if OPERATIONS[job.request.operation].has_scale:
            size = await self.pool.run(
                pictures.size_of, str(checked[0]), about="measuring a picture"
            )
            plan = pictures.plan_enlargement(size, scale, offer.scales, inputs.max_side_px)
            inputs, scale = replace(inputs, max_side_px=plan.max_side_px), plan.scale
            side_px = max(size)
        return GenerationRequest(
            job_id=self.order_id_of(job),
            operation=job.request.operation,
            prompt=job.request.prompt,
            pictures=tuple([await self._fitted(path, inputs) for path in checked]),
            scale=scale,
            side_px=side_px,
            ratio=job.request.ratio,
            seed=job.request.seed,
            target=self.target_of(job.id),
            hook_url=self.webhooks.url_for(job.id),
        )

    async def _fitted(self, picture: Path, inputs: InputLimits) -> Path:
        if not (inputs.max_side_px or inputs.max_bytes or "png" not in inputs.formats):
            return picture
        fit = functools.partial(
            pictures.fit,
            max_side_px=inputs.max_side_px,
            max_bytes=inputs.max_bytes,
            takes_png="png" in inputs.formats,
        )
        return Path(await self.pool.run(fit, str(picture), about="fitting a picture"))

    async def _checked(self, job: Job, index: int, folder: Path) -> Path:
        stem = folder / f"source-{index}"
        for suffix in (".jpg", ".png"):
            if stem.with_suffix(suffix).exists():
                return stem.with_suffix(suffix)
        raw = folder / f"raw-{index}"
        is_own = await self._take_original(job, raw)
        if not is_own:
            await self.download(job.request.sources[index].file_id, raw)
        check = functools.partial(pictures.check, is_own=is_own)
        if OPERATIONS[job.request.operation].has_scale:
            # The scale is computed from this size, at a repeated order, too.
            check = functools.partial(check, keep_megapixels=pictures.RESULT_LIMIT_MEGAPIXELS)
        picture = await self.pool.run(check, str(raw), str(stem), about="checking a picture")
        raw.unlink(missing_ok=True)
        return Path(picture.path)

    async def _take_original(self, job: Job, target: Path) -> bool:
        """Use a result of this bot at its original size: Telegram keeps a smaller photo of it."""
        original = (
            self.originals.find(job.request.parent)
            if job.request.parent and len(job.request.sources) == 1
            else None
        )
        if original is None or original.stat().st_size > pictures.RESULT_LIMIT_BYTES:
            return False
        await asyncio.to_thread(copy_file, original, target)
        return True

    def progress_of(self, job_id: str) -> float:
        """Progress of a picture made on this machine, 0 to 1; 0 while unknown."""
        try:
            return float(self.target_of(job_id).with_suffix(".jpg.progress").read_text())
        except (OSError, ValueError):
            return 0.0

    def remove_files(self, job: Job) -> None:
        """Remove a finished job's folder, unless its result may yet be redelivered."""
        folder = self.folder_of(job.id)
        # A result that was fetched may be gone at its provider.
        is_fetched = job.progress.outcome is State.DEAD and (folder / RESULT).exists()
        if not is_fetched and not is_to_be_kept(job):
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Advance:
    """A step is over: the job goes on at its stored state at once."""

    job: Job


@dataclass(frozen=True, slots=True)
class Snooze:
    """A pause before `then`, or before the step of the job's state where there is none.

    A drain cuts it short, unless the job is being delivered.
    """

    job: Job
    seconds: float
    then: "Step | None" = None
    _: KW_ONLY
    may_wake: bool = True
    """A wake-up (webhook, cancellation) cuts it short, and the job's step starts anew."""
    until: asyncio.Event | None = None
    """Cuts it short as well."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The job is finished, and no longer in Redis."""


Outcome = Advance | Snooze | Ended
Step = Callable[[StepContext, Job], Awaitable[Outcome]]
