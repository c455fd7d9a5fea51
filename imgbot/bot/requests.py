"""Requests: what a user orders is counted, and becomes jobs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from aiogram.types import Message, MessageOriginUser

from imgbot.bot.dialogue import Audience, Dialogue, Draft
from imgbot.bot.messages import command_of, photo_of, prompt_of
from imgbot.bot.policy import AccessPolicy
from imgbot.domain.errors import RateLimitedError, StorageUnavailableError, UserError
from imgbot.domain.holds import Hold
from imgbot.domain.intents import Intent
from imgbot.domain.intents.beginnings import without_preamble
from imgbot.domain.job import (
    FREE_END,
    Changes,
    InputPhoto,
    Job,
    Request,
    is_free,
    with_changes,
)
from imgbot.domain.operations import Operation
from imgbot.domain.prompt_options import (
    VARIANTS_MAX,
    PromptOptions,
    implied_ratio,
    names_nothing,
    parse_prompt_options,
)
from imgbot.domain.redrawing import drawn_from
from imgbot.domain.remix import amend
from imgbot.domain.texts import counted, has_text, in_time, price
from imgbot.domain.words import order_in, read
from imgbot.domain.words.chat import ABOUT_PHOTO
from imgbot.domain.words.reading import Talk
from imgbot.storage import keys, rate_limit
from imgbot.storage.job_queue import Admission, JobQueue
from imgbot.storage.results import ResultStore
from imgbot.storage.spend import Spend
from imgbot.storage.users import UserStore
from imgbot.telemetry import events, metrics

_REFUSALS = {"full": "queue_full", "many": "too_many_waiting"}
"""Sentences by verdict; that on any other limit is `<verdict>_used_up`."""
_SEEDS = 1_000_003


@dataclass(frozen=True, slots=True)
class Requests:
    """Orders: each is counted, priced, and made a job."""

    queue: JobQueue
    users: UserStore
    results: ResultStore
    limit: rate_limit.RateLimit
    spend: Spend
    policy: AccessPolicy

    async def check_rate_limit(
        self,
        dialogue: Dialogue,
        request: str = "",
        counter: str = keys.RATE_LIMIT,
        count: int = 1,
    ) -> None:
        """Count the request, or so many. Raises UserError if the limit is exceeded.

        For a few seconds it is RateLimitedError: the update is handled again then.
        """
        verdict = await self.limit.check_rate_limit(
            dialogue.user_id, request or dialogue.context.request, counter, count
        )
        if not verdict.is_allowed:
            wait_s = max(verdict.wait_s, 1)
            if wait_s <= rate_limit.WAITED_OUT_S:
                raise RateLimitedError("the user has to wait a moment", wait_s)
            metrics.refusals.inc()
            raise UserError(
                "rate_limited",
                wait=counted(dialogue.language, "seconds", wait_s),
                remaining=verdict.remaining,
                wait_s=wait_s,
            )

    async def count_command(self, message: Message, dialogue: Dialogue) -> None:
        """Count a command against its own limit; requests are counted by their handlers.

        A user out of requests may still use the others.
        """
        is_command = message.text is not None and command_of(message)
        if not is_command or dialogue.is_by_admin:
            return
        try:
            request = f"command.{dialogue.context.request}"
            await self.check_rate_limit(dialogue, request, keys.COMMANDS)
        except UserError as error:
            # A full Redis still serves commands that only read.
            if error.reason != "storage_full":
                raise

    async def order(  # noqa: PLR0913 -- all that an order is made of
        self,
        dialogue: Dialogue,
        operation: Operation,
        prompt: str = "",
        photos: tuple[InputPhoto, ...] = (),
        scale: int = 2,
        number: int = 1,
        count: int = 1,
        *,
        is_unsure: bool = False,
    ) -> bool:
        """Make a job of the request, once; False if this update's job exists already.

        `number` tells apart what one update orders together: the first is admitted if all `count`
        fit. Raises UserError if not admitted.
        """
        parent = ""
        if len(photos) == 1:
            photos = dialogue.order_rule.photos(operation, prompt, photos[0])
            parent = await self.results.job_of_picture(photos[0])
        photos = tuple(replace(photo, replied=None) for photo in photos)
        made = await self.results.expected(parent) if parent else None
        prompt, model = _complete(dialogue, operation, prompt, made=made)
        # Words such as "square" are changes here; flags are options in any prompt.
        options = parse_prompt_options(prompt, has_words=False)
        base, lost = self._base_of(made, dialogue)
        wanted = replace(
            _wanted(operation, options, model),
            sources=photos,
            scale=scale,
            parent=parent,
            base=base,
            lost=lost,
            variants=count if count > 1 else 0,
            is_unsure=is_unsure,
        )
        job = _job_of(dialogue, wanted)
        if number == 1:
            return await self._enqueue(dialogue, job, count)
        return await self._enqueue(dialogue, replace(job, id=f"{job.id}-{number}"))

    async def order_each(
        self,
        operation: Operation,
        prompt: str,
        photos: Sequence[tuple[InputPhoto, Dialogue]],
        scale: int,
    ) -> None:
        """Order the same of each photo, shown in its dialogue; all are checked before the first.

        The first was counted as a request. Raises UserError if there is no room for all.
        """
        _, dialogue = photos[0]
        # An album that fills a window by itself is not too large for any.
        further = min(len(photos), self.limit.max_requests) - 1
        if further:
            request = f"{dialogue.context.request}.each"
            await self.check_rate_limit(dialogue, request, count=further)
        for number, (photo, beside) in enumerate(photos, 1):
            try:
                await self.order(beside, operation, prompt, (photo,), scale, number, len(photos))
            except UserError as error:
                if number == 1:
                    raise
                # What was ordered is made; limits have changed since all of it was checked.
                await _tell_of_fewer(error, number - 1, len(photos), dialogue)
                return

    def _base_of(self, made: Job | None, dialogue: Dialogue) -> tuple[str, str]:
        """Return what `drawn_from` does, if a change may have to draw the picture anew."""
        # The prompt of a picture that was forwarded is private to its chat.
        is_here = made is not None and made.is_of(dialogue.context.chat_id)
        is_redrawn = is_here and self.policy.has_builtin_edits
        return drawn_from(made) if made is not None and is_redrawn else ("", "")

    async def create(self, dialogue: Dialogue, text: str, models: Sequence[str] = ()) -> None:
        """Order a new picture, in as many variants as the prompt or the preferences ask for.

        With `models`, it is one by each.

        Raises UserError for a text that only tells how many, or of which shape.
        """
        text, model = _complete(dialogue, Operation.CREATE, text)
        if not text or names_nothing(text):
            raise UserError("words_empty")
        options, preferences = parse_prompt_options(text), dialogue.context.preferences
        options = replace(options, prompt=without_preamble(options.prompt))
        ratio = options.ratio or preferences.ratio or implied_ratio(options.prompt)
        wanted = replace(_wanted(Operation.CREATE, options, model), ratio=ratio)
        # A placeholder in another chat becomes one picture.
        count = 1 if dialogue.context.inline_id else options.variants or preferences.variants
        await self._enqueue_variants(dialogue, wanted, len(models) or count, models)

    async def _enqueue_variants(
        self, dialogue: Dialogue, wanted: Request, count: int, models: Sequence[str] = ()
    ) -> None:
        """Enqueue so many variants, or as many as possible, and report it."""
        first = _job_of(dialogue, replace(wanted, variants=min(count, VARIANTS_MAX)))
        first = with_changes(first, model=models[0]) if models else first
        await self._enqueue(dialogue, first)
        taken = 1
        # Accepted variants are made; an error now would read as if none had been accepted.
        try:
            for number in range(2, min(count, VARIANTS_MAX) + 1):
                seed = (first.request.seed + number * 7919) % _SEEDS
                changes: Changes = {"model": models[number - 1]} if models else {"seed": seed}
                variant = with_changes(replace(first, id=f"{first.id}-{number}"), **changes)
                await self.check_rate_limit(dialogue, f"{first.id}.{number}")
                await self._enqueue(dialogue, variant)
                taken = number
        except UserError as error:
            await _tell_of_fewer(error, taken, count, dialogue)
            return
        if taken == VARIANTS_MAX < count:
            await dialogue.say(dialogue.t("variants_most", limit=VARIANTS_MAX), to=Audience.ASKER)

    async def regenerate(
        self, dialogue: Dialogue, made: Request, count: int = 1, models: Sequence[str] = ()
    ) -> None:
        """Order a picture again, so many times: the same with other seeds, or by each model."""
        _, model = _complete(dialogue, made.operation, model=made.model if not models else "")
        again = _anew(made, model)
        await self.check_rate_limit(dialogue)
        await self._enqueue_variants(dialogue, again, len(models) or count, models)

    async def repeat_failed(
        self, dialogue: Dialogue, failed: Job, *, is_counted: bool = False
    ) -> bool:
        """Order the request of a failed job again, once; False if that was done before.

        One that only led to a question is counted already.
        """
        request, wanted = f"{failed.id}-r", failed.request
        if not is_counted:
            await self.check_rate_limit(dialogue, request)
        made = await self.results.expected(wanted.parent) if wanted.parent else None
        try:
            _, model = _complete(dialogue, wanted.operation, model=wanted.model)
        except UserError:
            # The sentence above the button says that it takes the usual one in place of one that is
            # gone; what is refused with that, too, is refused.
            _, model = _complete(dialogue, wanted.operation, model="")
        base, lost = self._base_of(made, dialogue)
        again = _job_of(dialogue, replace(wanted, model=model, base=base, lost=lost))
        return await self._enqueue(dialogue, replace(again, id=request))

    async def redo(self, dialogue: Dialogue, made: Job) -> bool:
        """Order a picture again, once; features hold nothing for it."""
        _, model = _complete(dialogue, made.request.operation, model=made.request.model)
        wanted = replace(_anew(made.request, model), variants=0)
        again = replace(_job_of(dialogue, wanted), id=f"{made.id}{FREE_END}")
        return await self._enqueue(dialogue, again)

    async def create_version(
        self, dialogue: Dialogue, shown: str, sent: str, like: Job | None
    ) -> None:
        """Order a written-out prompt, as a new picture or like the one whose prompt it was.

        The provider gets it as `sent`.
        """
        preferences, old = dialogue.context.preferences, like and like.request
        _, model = _complete(dialogue, Operation.CREATE, model=old.model if old else None)
        await self.check_rate_limit(dialogue)
        wanted = replace(
            _wanted(Operation.CREATE, PromptOptions(shown), model),
            sent=sent if sent != shown else "",
            ratio=(old and old.ratio) or preferences.ratio or implied_ratio(shown),
            negative=old.negative if old else "",
            parent=like.id if like else "",
        )
        await self._enqueue_variants(dialogue, wanted, preferences.variants)

    async def draw_with(self, dialogue: Dialogue, made: Job, words: str) -> None:
        """Order a picture again, with words that its prompt may lack, and with another seed."""
        request = made.request
        if request.operation is Operation.CREATE:
            await self.remix(dialogue, made, words, keeps_seed=False)
        else:
            words = f"{request.prompt}, {words}"
            await self.regenerate(dialogue, replace(request, prompt=words, sent=""))

    async def remix(
        self, dialogue: Dialogue, made: Job, change: str, *, keeps_seed: bool = True
    ) -> None:
        """Order a created picture anew, its prompt amended by the change."""
        change, model = _complete(dialogue, Operation.CREATE, change, made.request.model)
        await self.check_rate_limit(dialogue)
        options = amend(drawn_from(made)[0], change)
        options = options if keeps_seed else replace(options, seed=0)
        wanted = replace(_wanted(Operation.CREATE, options, model), parent=made.id)
        await self._enqueue_variants(dialogue, wanted, options.variants)

    async def _enqueue(self, dialogue: Dialogue, job: Job, together: int = 1) -> bool:
        """Enqueue a job; False if it was queued already. Raises UserError if not admitted.

        It is the first of so many that are ordered `together`, and must all fit. Held is the most
        that it may cost, and where that is too much, what it costs at least.
        """
        dialogue.refuse_while_paused()
        now_ms = dialogue.now_ms()
        await self.users.check_open(job.request)
        await self.users.check_allowed(job.request)
        if await self._needs_engine_hint(dialogue, job):
            job = with_changes(job, note="engine_hint")
        admission = Admission("")
        job = with_changes(job, spend_day=self.spend.today(now_ms))
        for offer, held in self._offers(dialogue, job):
            further = [] if is_free(job.id) else held
            admission = await self.queue.enqueue(offer, now_ms, further, together)
            if admission.hold is None:
                break
        if admission.verdict == "ok":
            events.job_admitted(job, admission.count)
            for tell in dialogue.added.on_admitted:
                await tell(with_changes(offer, holds=admission.held), dialogue)
        elif admission.verdict != "duplicate":
            if job.request.note:
                await self.users.release_intro(job.user_id)
            raise self._refusal(dialogue, admission, together)
        return admission.verdict == "ok"

    def _refusal(self, dialogue: Dialogue, admission: Admission, together: int) -> UserError:
        metrics.admissions.labels(admission.verdict).inc()
        hold = admission.hold
        resumes = in_time(dialogue.language, self.spend.resumes_in_s(dialogue.now_ms()))
        amount = abs(hold.amount) * together if hold else 0
        facts = {"count": admission.count, "amount": amount}
        reason = _REFUSALS.get(admission.verdict, f"{admission.verdict}_used_up")
        if together > 1 and (hold is None or hold.amount > 0):
            # What is left may do for fewer; what is paid from a balance says so by itself.
            return UserError("too_many_together", count=together)
        return UserError(dialogue.openly(reason), **facts, wait=resumes)

    def _offers(self, dialogue: Dialogue, job: Job) -> Iterator[tuple[Job, list[Hold]]]:
        """Yield the job at the most that it may cost, then as one that costs less, if any."""
        request = job.request
        if request.is_lettering_alone:
            yield job, []
            return
        # What cannot be changed is drawn anew, at the price of a new picture.
        further = [Operation.CREATE] * bool(request.base)
        further += dialogue.order_rule.may_become(request)
        if further:
            yield self._priced(dialogue, job, request.operation, *further)
            job = with_changes(job, base="")
        yield self._priced(dialogue, job, request.operation)

    def _priced(
        self, dialogue: Dialogue, job: Job, *operations: Operation
    ) -> tuple[Job, list[Hold]]:
        """Return the job at the price of the dearest of these, and what it holds by features."""
        request = job.request
        prices = (self.policy.price_of(each, request.scale, request.model) for each in operations)
        job = with_changes(job, price_micro=max(prices))
        return job, [hold for holds_of in dialogue.added.holds for hold in holds_of(job)]

    @property
    def is_limited(self) -> bool:
        """True if each user has a budget."""
        return self.queue.caps.daily_micro_per_user is not None

    def price_shown(
        self, dialogue: Dialogue, operation: Operation, model: str, scale: int = 2
    ) -> str:
        """Return the price of an order as it is held; empty where it costs the user nothing."""
        micro = self.policy.price_of(operation, scale, model)
        if own := dialogue.payment.price_of(dialogue.user_id, operation, micro):
            return own
        return price(micro) if micro and (self.is_limited or dialogue.is_by_admin) else ""

    def is_varied(self, made: Request) -> bool:
        """Return true if the same request would make another picture."""
        return made.operation is Operation.CREATE or not self.policy.has_builtin_engine

    async def _needs_engine_hint(self, dialogue: Dialogue, job: Job) -> bool:
        """Return true for an administrator's first picture, alone with the bot."""
        is_new = dialogue.context.profile.introduced_by in {"", job.id}
        is_possible = self.policy.has_builtin_engine and dialogue.context.is_private and is_new
        if not (is_possible and dialogue.is_by_admin):
            return False
        try:
            return await self.users.claim_intro(job.user_id, job.id)
        except StorageUnavailableError:
            # Best effort; the enqueue reports any failure to store the job.
            return False

    async def prompt_in(self, message: Message, dialogue: Dialogue) -> str:
        """Return the prompt of a message; of a caption only the part that asks for something.

        Raises UserError as `prompt_of` and `photo_of` do.
        """
        prompt, photo = prompt_of(message), photo_of(message)
        if photo is None or not prompt or command_of(message):
            return prompt
        order = order_in(prompt, ABOUT_PHOTO, dialogue.added.word_readers)
        is_prompt = order is not None and order.intent is not Intent.AGAIN
        is_prompt = is_prompt or dialogue.order_rule.is_prompt(prompt)
        return prompt if is_prompt and not await self.is_by_bot(message, photo, dialogue) else ""

    async def is_by_bot(self, message: Message, photo: InputPhoto, dialogue: Dialogue) -> bool:
        """Return true if the bot wrote the caption: under a result, or in an inline result."""
        if message.via_bot is not None:
            return True
        origin = message.forward_origin
        if origin is None:
            return False
        is_by_user = isinstance(origin, MessageOriginUser)
        if is_by_user and dialogue.identity.is_account(origin.sender_user):
            return True
        return bool(await self.results.job_of_picture(photo))


async def answer_caption(message: Message, dialogue: Dialogue) -> None:
    """Answer what a caption asks or says, if a feature does; a forwarded one is somebody else's."""
    reading = read(prompt_of(message), ABOUT_PHOTO, dialogue.added.word_readers)
    topic = reading.topic if isinstance(reading, Talk) and not message.forward_origin else ""
    if answer := dialogue.added.answers.get(topic):
        await answer(message, dialogue)


async def _tell_of_fewer(error: UserError, taken: int, count: int, dialogue: Dialogue) -> None:
    """Say how many of several orders were taken, and what the rest lacks, where that has a text."""
    key = f"{error.reason.partition('_used_up')[0]}_fewer"
    text = dialogue.t(key if has_text(key) else "variants_fewer", taken=taken, count=count)
    await dialogue.say(text, to=Audience.ASKER)


def _complete(
    dialogue: Dialogue,
    operation: Operation,
    prompt: str = "",
    model: str | None = None,
    made: Job | None = None,
) -> tuple[str, str]:
    """Return prompt and model of an order, as features change them. Raises UserError."""
    draft = Draft(operation, prompt, model, made)
    for complete in dialogue.added.before_order:
        draft = complete(draft, dialogue)
    return draft.prompt, draft.model or ""


def _wanted(operation: Operation, options: PromptOptions, model: str) -> Request:
    return Request(
        0,
        operation,
        "",
        prompt=options.prompt,
        negative=options.negative,
        ignored=", ".join(options.ignored),
        ratio=options.ratio,
        seed=options.seed,
        model=model,
    )


def _anew(made: Request, model: str) -> Request:
    """Return the request of a picture without what was found out while it was made."""
    return replace(made, model=model, seed=0, ignored="", base="", lost="")


def _job_of(dialogue: Dialogue, wanted: Request) -> Job:
    """Return a job for what is wanted, or was before; its answer goes to this dialogue."""
    context = dialogue.context
    request = replace(
        wanted,
        chat_id=context.chat_id,
        language=context.language,
        seed=(wanted.seed or context.update_id) % _SEEDS,
        thread_id=context.thread_id,
        reply_to=context.message_id,
        is_file=context.preferences.is_file,
        note="",
        inline_id=context.inline_id,
    )
    return Job(context.request, context.user_id, request)
