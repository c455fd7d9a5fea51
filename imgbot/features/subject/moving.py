"""Moving: a text about the subject becomes an edit, for which the engine places it anew."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from imgbot.bot.dialogue import Dialogue, Draft
from imgbot.domain.errors import UserError
from imgbot.domain.intents import Intent
from imgbot.domain.job import Job, with_changes
from imgbot.domain.moving import UNMOVED, Move
from imgbot.domain.operations import Operation
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.reading import Example, Order, Sentence, WordReader
from imgbot.features.subject.moves import asks_behind, is_placing, move_in
from imgbot.features.subject.places import offer
from imgbot.jobs import inputs
from imgbot.jobs.context import StepContext
from imgbot.jobs.hooks import Hooks
from imgbot.providers.protocol import GenerationRequest, Provider
from imgbot.storage.results import ResultStore

_PLACED = ("cut_out", "inset", "scenery|")
"""Beginnings of what the engine says it has done where it has placed a subject."""
_STEPS_MAX = 20


def _read(sentence: Sentence, chat: ChatState) -> Order | None:
    this = chat.this
    # "A fox against the sky" was drawn so.
    words = this.words if this and this.operation is not Operation.CREATE else ()
    for at in range(len(words) - 1, -1, -1):
        if is_placing(words[at]):
            is_move = move_in(sentence.text, words[at]) or asks_behind(sentence.text)
            return Order(Intent.CHANGE, sentence.text) if is_move else None
        if not any(move_in(words[at], each) for each in words[:at]):
            break
    return None


def refuse_behind(draft: Draft, _: Dialogue) -> Draft:
    """Return the draft as it is. Raises UserError for a place that the engine cannot use."""
    made = draft.made.request.prompt if draft.made else ""
    if asks_behind(draft.prompt) and (is_placing(made) or move_in(made, made)):
        raise UserError("subject_behind")
    return draft


def hooks_of(results: ResultStore) -> Hooks:
    return Hooks(before_submit=(partial(_place_anew, results),), offers=(offer,))


async def _place_anew(
    results: ResultStore,
    context: StepContext,
    job: Job,
    provider: Provider,
    order: GenerationRequest,
) -> GenerationRequest:
    """Return the order of the first picture, with all moves of its subject since."""
    placed, move = await _moved(results, job) if provider.is_literal else (None, UNMOVED)
    if placed is None:
        return order
    first = placed.request
    again = with_changes(job, operation=first.operation, sources=first.sources, parent=first.parent)
    inputs.remove_sources(context, job.id)
    pictures = await inputs.checked_photos(context, again, len(first.sources))
    return replace(
        order,
        operation=first.operation,
        prompt=first.prompt,
        pictures=tuple(pictures),
        is_drawn=False,
        move=move,
    )


async def _moved(results: ResultStore, job: Job) -> tuple[Job | None, Move]:
    """Return the job that has placed the subject which a job moves, and all moves since."""
    asked = [job.request.prompt]
    for _ in range(_STEPS_MAX):
        if job.request.operation is not Operation.EDIT or not job.request.parent:
            break
        before = await results.result(job.request.parent)
        if before is None:
            break
        if any(each.startswith(_PLACED) for each in before.progress.parts_of("did")):
            return _joined(asked, before)
        asked.append(before.request.prompt)
        job = before
    return None, UNMOVED


def _joined(asked: Sequence[str], placed: Job) -> tuple[Job | None, Move]:
    total = UNMOVED
    for each in asked:
        move = move_in(each, placed.request.prompt)
        if move is None:
            return None, UNMOVED
        total = total.then(move)
    return placed, total


ROWS = (
    WordReader(
        "moves of a subject",
        "another size or place for what was put into a picture",
        _read,
        (Example("smaller", "placed"), Example("чуть поменьше и левее", "placed")),
        is_first=True,
    ),
)
