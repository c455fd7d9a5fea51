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
from imgbot.jobs.provider_routing import ProviderRouter, kind_of
from imgbot.jobs.provider_slots import ProviderSlots
from imgbot.jobs.status_messages import StatusMessages
from imgbot.jobs.webhooks import Webhooks
from imgbot.providers.protocol import GenerationRequest, InputLimits, Provider
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.job_reads import JobReads
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import Messenger

Download = Callable[[str, Path], Awaitable[None]]
"""Fetches a person's file by its Telegram handle."""

RESULT = "result"
"""A job's result as its provider made it."""

_TARGET = "made.jpg"
_CHARGES: Mapping[bool | None, str] = {True: "yes", False: "no", None: "maybe"}
_DUE_MS = 120_000
"""A running job is looked at by its own task; due times only matter after a restart."""


def is_to_be_kept(job: Job) -> bool:
    """Whether a finished job's folder holds the only copy of what its owner may still hand out."""
    outputs = cast("list[dict[str, str]]", job.ticket.get("outputs", []))
    return job.outcome is State.DEAD and any(output.get("path") for output in outputs)


@dataclass(frozen=True, slots=True)
class StepContext:
    """Everything the steps need, made once by the supervisor."""

    queue: JobQueue
    installation: str
    """The random id that tells this bot's orders from those of others at the same provider."""
    job_reads: JobReads
    users: UserStore
    originals: OriginalStore
    routing: ProviderRouter
    slots: ProviderSlots
    webhooks: Webhooks
    alarm: asyncio.Event
    """Set when something happened that administrators should hear of at once."""
    pool: Pool
    status_messages: StatusMessages
    messenger: Messenger
    download: Download
    poll_scheduler: PollScheduler
    folder: Path
    now_ms: Callable[[], int]
    draining: asyncio.Event
    unanswered: set[str] = field(default_factory=set[str])
    """Jobs whose order is on its way to a provider that nobody could ask about it later."""

    def provider_of(self, job: Job) -> Provider:
        """Return who makes the picture: whoever took the order, whatever is chosen since."""
        return self.routing.get(job.provider) or self.routing.primary(job.operation)

    def is_orphaned(self, job: Job) -> bool:
        """Whether the job was ordered at a provider that is not set up any longer."""
        return bool(job.intent_ms and job.provider) and self.routing.get(job.provider) is None

    def kind_of(self, job: Job) -> str:
        """Return what durations are learned by: provider, operation and model."""
        return kind_of(self.provider_of(job), job.operation)

    def order_id_of(self, job: Job) -> str:
        """Return the job's id at its provider; an order of an earlier release has the job's own."""
        return job.order_id or (job.id if job.intent_ms else f"{self.installation}-{job.id}")

    def age_ms(self, job: Job) -> int:
        """Return how long ago the provider took the order, as far as that is known."""
        return max(0, self.now_ms() - (job.accepted_ms or job.intent_ms))

    async def move(self, job: Job, state: State, **changes: object) -> Job:
        """Follow an arrow of the job's table."""
        return await self.queue.move(job, state, self.now_ms() + _DUE_MS, **changes)

    async def conclude(
        self, job: Job, outcome: State, reason: str, **facts: str | int | float
    ) -> Job:
        """Turn a job towards its end: the sentence is delivered as a picture would be."""
        return await self.move(
            job, State.DELIVERING, outcome=outcome, reason=reason, facts=facts, tries=0
        )

    async def give_up(self, job: Job, decision: GiveUp) -> Job:
        """Turn a job towards its end as decided, and keep what is known of its cost."""
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
        """Return where a provider writes the picture that its answer carries."""
        return self.folder_of(job_id) / _TARGET

    async def build_request(self, job: Job, provider: Provider) -> GenerationRequest:
        """Fetch and check the job's pictures, and make them what the provider takes.

        Those that are there already are kept. Raises UserError for a picture that is none, or
        too many of them, WorkerLostError, TransientError.
        """
        offer = provider.offers[job.operation]
        inputs, scale, side_px = offer.inputs, job.scale, 0
        if len(job.sources) > inputs.max_count:
            raise UserError("too_many_for_service", limit=inputs.max_count)
        folder = self.folder_of(job.id)
        await asyncio.to_thread(make_folder, folder)
        checked = [await self._checked(job, index, folder) for index in range(len(job.sources))]
        if OPERATIONS[job.operation].has_scale:
            size = await self.pool.run(
                pictures.size_of, str(checked[0]), about="measuring a picture"
            )
            plan = pictures.plan_enlargement(size, scale, offer.scales, inputs.max_side_px)
            inputs, scale = replace(inputs, max_side_px=plan.max_side_px), plan.scale
            side_px = max(size)
        return GenerationRequest(
            job_id=self.order_id_of(job),
            operation=job.operation,
            words=job.words,
            pictures=tuple([await self._fitted(path, inputs) for path in checked]),
            scale=scale,
            side_px=side_px,
            ratio=job.ratio,
            seed=job.seed,
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
            await self.download(job.sources[index].file_id, raw)
        check = functools.partial(pictures.check, is_own=is_own)
        if OPERATIONS[job.operation].has_scale:
            # What it is enlarged by is measured against it, at a repeated order, too.
            check = functools.partial(check, keep_megapixels=pictures.RESULT_LIMIT_MEGAPIXELS)
        picture = await self.pool.run(check, str(raw), str(stem), about="checking a picture")
        raw.unlink(missing_ok=True)
        return Path(picture.path)

    async def _take_original(self, job: Job, target: Path) -> bool:
        """Take a picture of ours as it was made: what Telegram keeps of it is a smaller photo."""
        original = self.originals.find(job.parent) if job.parent and len(job.sources) == 1 else None
        if original is None or original.stat().st_size > pictures.RESULT_LIMIT_BYTES:
            return False
        await asyncio.to_thread(copy_file, original, target)
        return True

    def progress_of(self, job_id: str) -> float:
        """Return how far a picture made on this machine is, 0 to 1; 0 where nothing is known."""
        try:
            return float(self.target_of(job_id).with_suffix(".jpg.progress").read_text())
        except (OSError, ValueError):
            return 0.0

    def remove_files(self, job: Job) -> None:
        """Remove a finished job's folder, where nobody needs it any longer."""
        folder = self.folder_of(job.id)
        # A result that was fetched may be gone at its provider.
        is_fetched = job.outcome is State.DEAD and (folder / RESULT).exists()
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
