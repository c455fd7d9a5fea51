"""Request service of all handlers: access, rate limits, answers and admission of jobs."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

from aiogram.types import User

from imgbot.bot.admin_services import AdminServices
from imgbot.bot.context import RequestContext
from imgbot.bot.prompt_options import parse_prompt_options
from imgbot.domain.errors import (
    MessageGoneError,
    StorageFullError,
    StorageUnavailableError,
    TransientError,
    UserError,
)
from imgbot.domain.job import Charge, InputPhoto, Job, Request, with_changes
from imgbot.domain.operations import ACTIONS, Operation
from imgbot.domain.texts import in_time, seconds, t
from imgbot.domain.texts.buttons import Keyboard
from imgbot.imaging.originals import OriginalStore
from imgbot.storage import keys
from imgbot.storage.albums import Albums
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.job_reads import JobReads
from imgbot.storage.rate_limit import RateLimit
from imgbot.storage.results import Result, ResultStore
from imgbot.storage.spend import Spend
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import Messenger
from imgbot.telegram.rate_limiter import max_wait
from imgbot.telemetry import events as telemetry

_REFUSALS = {
    "full": "queue_full",
    "many": "too_many_waiting",
    "budget": "budget_used_up",
    "user_budget": "user_budget_used_up",
}
_SAID_AGAIN_S = {"not_allowed": 3600, "banned": 3600, "edited_message": 600}
_SAID_AGAIN_DEFAULT_S = 15
_SEEDS = 1_000_003
_SMALLEST_SCALE = 2


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


@dataclass(frozen=True, slots=True)
class Repositories:
    """Repositories in Redis and on disk that the conversation reads and writes."""

    queue: JobQueue
    job_reads: JobReads
    results: ResultStore
    users: UserStore
    albums: Albums
    limit: RateLimit
    spend: Spend
    originals: OriginalStore
    admin: AdminServices


class RequestService:
    """Counts, admits and answers requests; its dependencies belong to the caller."""

    def __init__(
        self,
        store: Repositories,
        delivery: Messenger,
        house: AccessPolicy,
        now_ms: Callable[[], int],
    ) -> None:
        self.store = store
        self.delivery = delivery
        self.policy = house
        self.now_ms = now_ms
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def check_rate_limit(
        self, context: RequestContext, request: str = "", counter: str = keys.RATE_LIMIT
    ) -> None:
        """Count the request. Raises UserError if the limit is exceeded."""
        limit = self.store.limit
        verdict = await limit.check_rate_limit(context.user_id, request or context.request, counter)
        if not verdict:
            telemetry.rate_limited()
            wait_s = max(verdict.wait_s, 1)
            raise UserError(
                "rate_limited",
                wait=seconds(context.language, wait_s),
                remaining=verdict.remaining,
                wait_s=wait_s,
            )

    async def order(
        self,
        context: RequestContext,
        operation: Operation,
        words: str = "",
        sources: tuple[InputPhoto, ...] = (),
        scale: int = 2,
    ) -> bool:
        """Make a job of the request, once; False if this update's job exists already.

        Raises UserError if it is not admitted.
        """
        parent = await self.store.results.job_of_picture(sources[0]) if len(sources) == 1 else ""
        job = self._job(context, operation)
        return await self.enqueue(
            context, with_changes(job, prompt=words, sources=sources, scale=scale, parent=parent)
        )

    async def create(self, context: RequestContext, words: str) -> None:
        """Enqueue a new picture, in as many variants as the prompt or the preferences ask for."""
        forms = parse_prompt_options(words)
        liked = context.preferences
        first = with_changes(
            self._job(context, Operation.CREATE),
            prompt=forms.prompt,
            ratio=forms.ratio or liked.ratio,
        )
        if forms.seed:
            first = with_changes(first, seed=forms.seed % _SEEDS)
        await self.enqueue(context, first)
        count = forms.variants or liked.variants
        for number in range(2, count + 1):
            seed = (first.request.seed + number * 7919) % _SEEDS
            variant = with_changes(first, id=f"{first.id}-{number}", seed=seed)
            try:
                await self.check_rate_limit(context, f"{context.request}.{number}")
                await self.enqueue(context, variant)
            except UserError:
                # Accepted variants are made; an error now would read as if none had been accepted.
                await self.reply(context, "variants_fewer", taken=number - 1, count=count)
                return

    async def regenerate(self, context: RequestContext, result: Result) -> None:
        """Enqueue a delivered picture again: the same request with another seed."""
        again = with_changes(
            self._job(context, result.operation),
            prompt=result.words,
            sources=result.sources,
            scale=result.scale,
            ratio=result.ratio,
            parent=result.parent,
        )
        await self.enqueue(context, again)

    def _job(self, context: RequestContext, operation: Operation) -> Job:
        request = Request(
            chat_id=context.chat_id,
            operation=operation,
            language=context.language,
            seed=context.update_id % _SEEDS,
            thread_id=context.thread_id,
            reply_to=context.message_id,
            is_file=context.preferences.is_file,
        )
        return Job(str(context.update_id), context.user_id, request)

    async def enqueue(self, context: RequestContext, job: Job) -> bool:
        """Enqueue a job; False if it was queued already. Raises UserError if not admitted."""
        if context.profile.is_paused and not self.policy.is_admin(context.user_id):
            telemetry.admission_refused("paused")
            raise paused_error(context.profile.paused_words)
        if await self._needs_engine_notice(context, job):
            job = with_changes(job, note="engine_note")
        now_ms = self.now_ms()
        price_micro = self.policy.price_of(job.request.operation, job.request.scale)
        charge = Charge(price_micro, spend_day=self.store.spend.today(now_ms))
        job = replace(job, charge=charge)
        admission = await self.store.queue.enqueue(job, now_ms)
        if admission.verdict == "ok":
            telemetry.job_admitted(job, admission.count)
        if admission.verdict not in {"ok", "duplicate"}:
            telemetry.admission_refused(admission.verdict)
            if job.request.note:
                await self.store.users.release_intro(context.user_id)
            resumes = in_time(context.language, self.store.spend.resumes_in_s(now_ms))
            raise UserError(_REFUSALS[admission.verdict], count=admission.count, wait=resumes)
        return admission.verdict == "ok"

    async def _needs_engine_notice(self, context: RequestContext, job: Job) -> bool:
        is_paid = not self.policy.has_builtin_engine
        if is_paid or context.profile.introduced_by not in {"", job.id}:
            return False
        try:
            return await self.store.users.claim_intro(job.user_id, job.id)
        except StorageUnavailableError:
            # Best effort; the enqueue reports any failure to store the job.
            return False

    def user_lock(self, person: str) -> asyncio.Lock:
        """Return the lock of a user's dialogue: messages and complete albums are serialised."""
        lock = self._turns.get(person)
        if lock is None:
            lock = self._turns[person] = asyncio.Lock()
        return lock

    async def reply(
        self,
        context: RequestContext,
        key: str,
        rows: Keyboard | None = None,
        /,
        **facts: str | int | float,
    ) -> int:
        """Answer with a text by key; return the message's id."""
        return await self.reply_text(context, t(context.language, key, **facts), rows)

    async def ask(self, context: RequestContext, key: str) -> int:
        """Answer with a question; in a group only a reply to it is an answer."""
        text, called = t(context.language, key), None
        if context.pressed_by and not context.is_private:
            # It replies to the bot's own message then: only a mention tells which user is asked.
            text = t(context.language, "ask_by_name", name=context.pressed_by, question=text)
            called = User(id=context.user_id, is_bot=False, first_name=context.pressed_by)
        return await self.delivery.send_text(
            context.chat_target, text, [], asks_for_reply=not context.is_private, called=called
        )

    async def reply_text(
        self, context: RequestContext, text: str, rows: Keyboard | None = None
    ) -> int:
        """Answer with a text; return the message's id."""
        return await self.delivery.send_text(context.chat_target, text, rows or [])

    async def reply_error(self, context: RequestContext, error: UserError) -> None:
        """Report an error; repetitions of the same error are throttled."""
        facts = dict(error.facts)
        again_s = facts.pop("wait_s", 0) or _SAID_AGAIN_S.get(error.reason, _SAID_AGAIN_DEFAULT_S)
        if await self._should_reply_error(context, error.reason, int(again_s)):
            await self.reply(context, error.reason, **facts)

    async def _should_reply_error(self, context: RequestContext, reason: str, again_s: int) -> bool:
        if reason not in _REPEATED:
            return True
        try:
            return await self.store.users.claim_notice(
                context.user_id, f"{reason}.{context.chat_id}", context.request, again_s
            )
        except StorageFullError:
            # A full Redis cannot record the report; waiting for it would block all users.
            return True

    async def answer_callback(self, callback_id: str, text: str) -> None:
        """Answer a callback; one that has expired is ignored."""
        await self.delivery.answer_callback(callback_id, text)

    async def edit_text(
        self,
        context: RequestContext,
        message_id: int,
        text: str,
        rows: Keyboard,
        *,
        patience_s: float = 10.0,
        is_needed: bool = False,
    ) -> bool:
        """Edit an earlier answer; False if it is gone.

        An edit that cannot be made now is dropped; if it is needed, TransientError is raised.
        """
        try:
            with max_wait(patience_s):
                await self.delivery.edit_text(context.chat_target, message_id, text, rows)
        except MessageGoneError:
            return False
        except TransientError:
            if is_needed:
                raise
            return True
        return True


_REPEATED = frozenset(
    {
        "rate_limited",
        "queue_full",
        "too_many_waiting",
        "budget_used_up",
        "user_budget_used_up",
        "storage_full",
        "paused",
        "paused_words",
        "not_allowed",
        "banned",
        "anonymous",
        "edited_message",
    }
)
"""Errors that a user can cause many times in a row."""


def paused_error(words: str) -> UserError:
    """Return the error shown for requests while the bot is paused."""
    return UserError("paused_words", words=words) if words else UserError("paused")
