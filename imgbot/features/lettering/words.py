"""Words on a picture: what the bot wrote is kept with the result, with the picture before it.

A change of the words is an order for the words as they are to be, on that picture: it is free.
"""

import asyncio
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from imgbot.bot.dialogue import Dialogue, Draft
from imgbot.domain.errors import UserError
from imgbot.domain.job import Job, with_changes
from imgbot.domain.lettering import (
    CHARACTERS_MAX,
    Lettering,
    Look,
    PlacedText,
    drawn_lettering,
    read_lettering,
)
from imgbot.domain.operations import Operation
from imgbot.features.lettering.changes import changed, prompt_for
from imgbot.files import copy_file
from imgbot.jobs.context import StepContext
from imgbot.jobs.hooks import AfterRender, Hooks, Refused, Rendered, record_of
from imgbot.jobs.inputs import TARGET, folder_of, if_short_again
from imgbot.painter import steps
from imgbot.painter.originals import OriginalStore, bare_name
from imgbot.painter.pool import Pool
from imgbot.providers.protocol import GenerationRequest, Provider
from imgbot.storage.results import ResultStore

NAME = "lettering"
_LETTERED = "lettered.jpg"
"""File name of a result with its words."""
_OVER_BARE = "over-bare"
"""File that says that a job began with the picture without the words."""


@dataclass(frozen=True, slots=True)
class Written:
    """Words that the bot wrote on a picture, and the picture without them; stored with its job."""

    parts: tuple[tuple[str, str], ...] = ()
    """Place and text of each."""
    form: str = ""
    size: str = ""
    colour: str = ""
    font: str = ""
    bare: str = ""
    """Job under whose id the picture without the words is stored."""
    photo: str = ""
    """Telegram's file of the picture without the words, if the user sent that."""

    @property
    def lettering(self) -> Lettering:
        parts = tuple(PlacedText(*each) for each in self.parts)
        look = Look(self.size, self.colour, self.font)
        return Lettering(parts, self.form, "", is_exact=True, look=look)

    @property
    def is_apart(self) -> bool:
        """True if the words can be changed alone."""
        return bool(self.bare or self.photo)


def written_on(job: Job | None) -> Written | None:
    """Return what stands on a job's picture by the bot, also while that is being made."""
    if job is None:
        return None
    if NAME in job.progress.features:
        return record_of(job, NAME, Written)
    # Of the previous release, or not made yet. Can go after the first release.
    found, sources = job.request.exact_words, job.request.sources
    if found is None or not job.request.is_lettering_alone:
        return None
    return _record(found, bare="", photo=sources[0].file_id if not job.request.parent else "")


def _record(found: Lettering, *, bare: str, photo: str) -> Written:
    parts = tuple(tuple(part) for part in found.parts)
    return Written(parts, found.form, *found.look, bare, photo)


def complete(draft: Draft, dialogue: Dialogue) -> Draft:
    """Return an order with its words as they are to stand. Raises UserError for too many."""
    found, prompt = read_lettering(draft.prompt), draft.prompt
    if draft.operation is Operation.EDIT and (old := written_on(draft.made)):
        found = changed_on(old, draft)
    elif draft.operation is not Operation.EDIT or not _is_alone(found):
        found = found if found and found.is_exact else None
    if found is None:
        return draft
    count = sum(len(part.text) for part in found.parts)
    if count > CHARACTERS_MAX:
        raise UserError("letters_too_long", count=count, limit=CHARACTERS_MAX)
    if draft.operation is Operation.EDIT:
        prompt = prompt_for(found, dialogue.language)
    return replace(draft, prompt=prompt)


def _is_alone(found: Lettering | None) -> bool:
    return found is not None and not found.rest


def changed_on(old: Written, draft: Draft) -> Lettering | None:
    """Return the words as a draft asks for them, None if it is about something else.

    Raises UserError if they cannot be changed alone any more.
    """
    made = draft.made
    is_latest = made is not None and made.request.is_lettering_alone
    found = changed(draft.prompt, old.lettering, is_latest=is_latest)
    if found is None or not (old.parts or found.parts):
        return None
    if not old.is_apart and made is not None and made.is_there:
        raise UserError("letters_fixed")
    return found


@dataclass(frozen=True, slots=True)
class WordsOnPictures:
    """Hooks that put words on pictures, in the steps of a job."""

    pool: Pool
    results: ResultStore
    originals: OriginalStore

    @property
    def hooks(self) -> Hooks:
        after_render = AfterRender(self._put_on, _without_words)
        return Hooks(
            source=(self._take_bare,),
            before_submit=(self._leave_out,),
            after_render=(after_render,),
        )

    async def _before(self, job: Job) -> Written | None:
        """Return what stands on the picture that a job changes."""
        if not (job.request.is_change and job.request.parent):
            return None
        return written_on(await self.results.result(job.request.parent))

    async def _take_bare(self, context: StepContext, job: Job, index: int, target: Path) -> bool:
        """Begin with the picture without the words. Raises UserError if it is gone."""
        is_edit = job.request.operation is Operation.EDIT and index == 0
        old = await self._before(job) if is_edit else None
        if old is None or not old.is_apart:
            return False
        stored = self.originals.find(bare_name(old.bare)) if old.bare else None
        if stored:
            await asyncio.to_thread(copy_file, stored, target)
        elif old.photo:
            await context.download(old.photo, target)
        elif job.request.exact_words:
            raise UserError("letters_under_gone", charge="no")
        else:
            return False
        folder = folder_of(context, job.id)
        await asyncio.to_thread((folder / _OVER_BARE).touch)
        return True

    async def _leave_out(
        self, context: StepContext, job: Job, provider: Provider, order: GenerationRequest
    ) -> GenerationRequest:
        """Order a picture without its words, which are put on it later."""
        found = job.request.exact_words
        is_over = await asyncio.to_thread((folder_of(context, job.id) / _OVER_BARE).exists)
        if found is None and is_over and (old := await self._before(job)):
            return replace(order, lettering=old.lettering.text)
        # A written-out prompt names its words itself.
        if found is None or provider.is_literal or job.request.sent:
            return order
        # Without another wish, only a merge has something to order.
        if not found.scene and job.request.operation is not Operation.MERGE:
            return order
        return replace(order, prompt=found.scene, lettering=found.text)

    async def _put_on(self, rendered: Rendered) -> Rendered | Refused:
        """Once written, the picture with its words stays: a repeated step finds it."""
        job, old = rendered.job, await self._before(rendered.job)
        if rendered.is_former:
            return rendered
        record, bare = _written(rendered, old)
        if job.progress.lettering and record:
            target = rendered.picture.with_name(_LETTERED)
            if not await asyncio.to_thread(target.exists):
                is_carried = job.request.exact_words is None
                words = prompt_for(record.lettering, "en") if is_carried else job.request.prompt
                names = words, str(rendered.picture), str(target)
                letter = partial(self.pool.run, steps.letter, *names, about="lettering")
                await if_short_again(letter, rendered.fetch_again)
            rendered = replace(rendered, picture=target)
        if record is None:
            return rendered
        if record.bare == job.id:
            await asyncio.to_thread(self.originals.keep, bare, bare_name(job.id), ".jpg")
        features = {**job.progress.features, NAME: asdict(record)}
        return replace(rendered, job=with_changes(job, features=features))


def _written(rendered: Rendered, old: Written | None) -> tuple[Written | None, Path]:
    """Return what stands on a result, if anything, and the file of it without that."""
    job, request = rendered.job, rendered.job.request
    if job.progress.lettering:
        found = request.exact_words or (old.lettering if old else read_lettering(request.prompt))
        record = _record(found, bare=job.id, photo="") if found else None
        return record, rendered.picture
    # The engine has written itself.
    bare = Path(steps.bare_of(str(rendered.picture.with_name(TARGET))))
    found = drawn_lettering(request.prompt) if request.prompt else None
    if found and bare.exists():
        return _record(found, bare=job.id, photo=""), bare
    if found and request.is_lettering_alone:
        before = old or Written(photo=request.sources[0].file_id)
        return _record(found, bare=before.bare, photo=before.photo), bare
    return replace(old, bare="", photo="") if old else None, bare


def _without_words(job: Job) -> Job:
    return with_changes(job, lettering="", note="lettering_failed")
