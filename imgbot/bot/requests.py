"""Request service: access, rate limits and admission of jobs."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from weakref import WeakValueDictionary

from aiogram.types import Message, MessageOriginUser

from imgbot.bot.context import RequestContext
from imgbot.bot.messages import command_of, photo_of, prompt_of
from imgbot.domain.errors import StorageUnavailableError, UserError
from imgbot.domain.intents import Intent, classify
from imgbot.domain.job import Charge, InputPhoto, Job, Request, with_changes
from imgbot.domain.operations import ACTIONS, Operation
from imgbot.domain.prompt_options import PromptOptions, parse_prompt_options
from imgbot.domain.texts import counted, in_time
from imgbot.storage import keys
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.rate_limit import RateLimit
from imgbot.storage.results import Result, ResultStore
from imgbot.storage.spend import Spend
from imgbot.storage.users import UserStore
from imgbot.telemetry import events as telemetry, metrics

_REFUSALS = {
    "full": "queue_full",
    "many": "too_many_waiting",
    "budget": "budget_used_up",
    "user_budget": "user_budget_used_up",
}
_SEEDS = 1_000_003
_SMALLEST_SCALE = 2
_CAPTION_PROMPTS = frozenset({Intent.CREATE, Intent.CHANGE, Intent.OPERATION})


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """Access rules of the operator: admitted users and groups by id, and the engine."""

    allowed: frozenset[int]
    admins: frozenset[int]
    has_builtin_engine: bool
    price_of: Callable[[Operation, int], int]
    """Price of a picture at a scale, in micro-dollars."""

    @property
    def least_price_micro(self) -> int:
        """Price of the cheapest picture that is not free, in micro-dollars; 0 if all are free."""
        prices = (self.price_of(operation, _SMALLEST_SCALE) for operation in ACTIONS)
        return min(filter(None, prices), default=0)

    def admits(self, *ids: int) -> bool:
        """Return true if this user, or the chat they write in, is admitted."""
        return not self.allowed or not (self.allowed | self.admins).isdisjoint(ids)

    def is_admin(self, user_id: int) -> bool:
        return user_id in self.admins

    def check(self, context: RequestContext) -> None:
        """Raise UserError for a user who is not admitted, or not at present."""
        profile = context.profile
        if profile.is_banned and not self.is_admin(context.user_id):
            raise UserError("banned")
        # That account has an id, but no user who could be admitted.
        if context.is_anonymous:
            raise UserError("anonymous")
        if not (profile.is_allowed or self.admits(context.user_id, context.chat_id)):
            raise UserError("not_allowed", user_id=context.user_id)


@dataclass(frozen=True, slots=True)
class RequestService:
    """Counts requests, and makes jobs of those that are admitted."""

    queue: JobQueue
    users: UserStore
    results: ResultStore
    limit: RateLimit
    spend: Spend
    policy: AccessPolicy
    bot_id: int
    now_ms: Callable[[], int]
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(
        default_factory=WeakValueDictionary[str, asyncio.Lock], init=False
    )

    async def check_rate_limit(
        self, context: RequestContext, request: str = "", counter: str = keys.RATE_LIMIT
    ) -> None:
        """Count the request. Raises UserError if the limit is exceeded."""
        verdict = await self.limit.check_rate_limit(
            context.user_id, request or context.request, counter
        )
        if not verdict:
            metrics.refusals.inc()
            wait_s = max(verdict.wait_s, 1)
            raise UserError(
                "rate_limited",
                wait=counted(context.language, "seconds", wait_s),
                remaining=verdict.remaining,
                wait_s=wait_s,
            )

    async def order(
        self,
        context: RequestContext,
        operation: Operation,
        prompt: str = "",
        photos: tuple[InputPhoto, ...] = (),
        scale: int = 2,
    ) -> bool:
        """Make a job of the request, once; False if this update's job exists already.

        Raises UserError if it is not admitted.
        """
        parent = await self.results.job_of_picture(photos[0]) if len(photos) == 1 else ""
        # Words such as "square" are changes here; flags are options in any prompt.
        options = parse_prompt_options(prompt, has_words=False)
        job = with_changes(
            self._job_of(context, operation, options), sources=photos, scale=scale, parent=parent
        )
        return await self.enqueue(context, job)

    async def create(self, context: RequestContext, text: str) -> tuple[int, int]:
        """Enqueue a new picture, in as many variants as the prompt or the preferences ask for.

        Returns the number of variants enqueued, and the number asked for, even over the maximum.
        """
        options, preferences = parse_prompt_options(text), context.preferences
        first = self._job_of(context, Operation.CREATE, options)
        first = with_changes(first, ratio=options.ratio or preferences.ratio)
        await self.enqueue(context, first)
        count = options.variants or preferences.variants
        asked = options.requested_variants or count
        for number in range(2, count + 1):
            seed = (first.request.seed + number * 7919) % _SEEDS
            # The first caption has named the flags that are not used.
            variant = with_changes(first, id=f"{first.id}-{number}", seed=seed, ignored="")
            try:
                await self.check_rate_limit(context, f"{context.request}.{number}")
                await self.enqueue(context, variant)
            except UserError:
                # Accepted variants are made; an error now would read as if none had been accepted.
                return number - 1, asked
        return count, asked

    async def regenerate(self, context: RequestContext, result: Result) -> None:
        """Enqueue a delivered picture again: the same request with another seed."""
        again = with_changes(
            self._job_of(context, result.operation, PromptOptions(result.words)),
            negative=result.negative,
            sources=result.sources,
            scale=result.scale,
            ratio=result.ratio,
            parent=result.parent,
        )
        await self.enqueue(context, again)

    def _job_of(self, context: RequestContext, operation: Operation, options: PromptOptions) -> Job:
        request = Request(
            chat_id=context.chat_id,
            operation=operation,
            language=context.language,
            prompt=options.prompt,
            negative=options.negative,
            ignored=", ".join(options.ignored),
            ratio=options.ratio,
            seed=(options.seed or context.update_id) % _SEEDS,
            thread_id=context.thread_id,
            reply_to=context.message_id,
            is_file=context.preferences.is_file,
        )
        return Job(context.request, context.user_id, request)

    async def enqueue(self, context: RequestContext, job: Job) -> bool:
        """Enqueue a job; False if it was queued already. Raises UserError if not admitted."""
        if context.profile.is_paused and not self.policy.is_admin(context.user_id):
            metrics.admissions.labels("paused").inc()
            raise paused_error(context.profile.paused_words)
        if await self._needs_engine_hint(context, job):
            job = with_changes(job, note="engine_hint")
        now_ms = self.now_ms()
        price_micro = self.policy.price_of(job.request.operation, job.request.scale)
        charge = Charge(price_micro, spend_day=self.spend.today(now_ms))
        job = replace(job, charge=charge)
        admission = await self.queue.enqueue(job, now_ms)
        if admission.verdict == "ok":
            telemetry.job_admitted(job, admission.count)
        if admission.verdict not in {"ok", "duplicate"}:
            metrics.admissions.labels(admission.verdict).inc()
            if job.request.note:
                await self.users.release_intro(context.user_id)
            resumes = in_time(context.language, self.spend.resumes_in_s(now_ms))
            raise UserError(_REFUSALS[admission.verdict], count=admission.count, wait=resumes)
        return admission.verdict == "ok"

    async def _needs_engine_hint(self, context: RequestContext, job: Job) -> bool:
        """Return true for an administrator's first picture, alone with the bot."""
        is_admin = context.is_private and self.policy.is_admin(context.user_id)
        is_new = context.profile.introduced_by in {"", job.id}
        if not (self.policy.has_builtin_engine and is_admin and is_new):
            return False
        try:
            return await self.users.claim_intro(job.user_id, job.id)
        except StorageUnavailableError:
            # Best effort; the enqueue reports any failure to store the job.
            return False

    def user_lock(self, user_key: str) -> asyncio.Lock:
        """Return the lock of a user's dialogue: messages and complete albums are serialised."""
        lock = self._locks.get(user_key)
        if lock is None:
            lock = self._locks[user_key] = asyncio.Lock()
        return lock

    async def prompt_in(self, message: Message) -> str:
        """Return the prompt of a message; of a caption only the part that asks for something.

        Raises UserError as `prompt_of` and `photo_of` do.
        """
        prompt, photo = prompt_of(message), photo_of(message)
        if photo is None or not prompt or command_of(message):
            return prompt
        is_prompt = classify(prompt).intent in _CAPTION_PROMPTS
        return prompt if is_prompt and not await self._is_by_bot(message, photo) else ""

    async def _is_by_bot(self, message: Message, photo: InputPhoto) -> bool:
        """Return true if the bot wrote the caption: under a result, or in an inline result."""
        if message.via_bot is not None:
            return True
        origin = message.forward_origin
        if origin is None:
            return False
        if isinstance(origin, MessageOriginUser) and origin.sender_user.id == self.bot_id:
            return True
        return bool(await self.results.job_of_picture(photo))


def paused_error(notice: str) -> UserError:
    """Return the error shown for requests while the bot is paused."""
    return UserError("paused_words", words=notice) if notice else UserError("paused")
