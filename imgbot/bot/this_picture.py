"""This picture: the one that a message is about without naming it. Pure.

It is the picture replied to, else that of the open question, else the newest in this chat and topic
of a photo that the user sent, a picture that was shown, and a picture that is being made for the
user. What was made in another chat is never meant. A number names a variant that was ordered with
this picture, or with one that it was made from; or, to go back, one of its earlier versions.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto, Job, Request, State, variant_number
from imgbot.domain.operations import Operation
from imgbot.domain.ordinals import LAST
from imgbot.domain.words.chat import ChatPicture
from imgbot.storage.results import Recent

Meant = Job | tuple[InputPhoto, ...]
"""Job that shows the picture, or will, or photo; several photos are none."""

_MADE = frozenset({None, State.DELIVERED})
"""Outcomes of a job that is making its picture."""


@dataclass(frozen=True, slots=True)
class TargetPicture:
    """Picture that a text may be about."""

    photo: InputPhoto | None = None
    message_id: int = 0
    """Message of this chat that shows it; 0 if not known."""
    age_s: int = 0
    prompt: str = ""
    created_from: str = ""
    """The prompt, if it changed no other picture."""


def this_picture(
    replied: TargetPicture | None, asked: TargetPicture | None, newest: TargetPicture | None
) -> TargetPicture:
    """Return the picture that is meant, of those replied to, asked about, and newest here."""
    return replied or asked or newest or TargetPicture()


def meant_by(recent: Recent, job: Job | None, result: Job | None, user_id: int) -> Meant:
    """Return the picture that a recent entry stands for; nothing if an older one is meant.

    `job` is its job while that is live. `result` is its result, or the one that it was to change,
    as far as they are of this chat. Jobs and photos of other users are theirs alone.
    """
    is_own = recent.user_id == user_id
    if job is not None and not job.is_cancelled and job.progress.outcome in _MADE:
        return job if is_own else ()
    if result is not None and (is_own or result.id == recent.job_id):
        return result
    # A photo stays the one that is meant when a job about it fails.
    return recent.photos if is_own else ()


def awaited(recent: Recent) -> Job:
    """Return the picture of a job that has failed, as it was meant while that was being made."""
    return Job(recent.job_id, recent.user_id, Request(0, Operation.CREATE, ""))


def target_of(meant: Meant, age_s: int = 0) -> TargetPicture:
    """Return the picture as a text may be about it."""
    if isinstance(meant, tuple):
        # Which of several photos is meant, nobody knows.
        return TargetPicture(meant[0] if len(meant) == 1 else None, age_s=age_s)
    request, message_id = meant.request, meant.progress.message_id
    created_from = request.prompt if request.operation is Operation.CREATE else ""
    # Words like those of a picture that is not there yet are rather the next picture.
    prompt = request.prompt if meant.is_there else ""
    return TargetPicture(meant.picture, message_id, age_s, prompt, created_from)


def by_number(variants: Iterable[Job]) -> dict[int, Meant]:
    """Return variants by their numbers."""
    return {variant_number(each.id): each for each in variants}


def numbered(found: Mapping[int, Meant], number: int) -> Meant:
    """Return one of several pictures. Raises UserError for a number that none of them has."""
    if number == LAST:
        return found[max(found)]
    if number not in found:
        known = ", ".join(map(str, sorted(found)))
        raise UserError("variant_missing", number=number, known=known)
    return found[number]


def undone(recents: Sequence[Recent], shown: Meant, user_id: int) -> list[str]:
    """Return the user's jobs that came of the picture before it was shown again, newest first."""
    origin = shown.id if isinstance(shown, Job) else shown[0].unique_id if shown else ""
    before = {each.job_id: each.origin for each in recents if each.origin}
    own = [each.job_id for each in recents if each.user_id == user_id]
    return [job_id for job_id in own if origin and origin in _origins(job_id, before)]


def _origins(job_id: str, before: Mapping[str, str]) -> Iterator[str]:
    """Yield what a job's picture came of, step by step."""
    for _ in before:
        job_id = before.get(job_id, "")
        yield job_id


def pictures_of(recents: Sequence[Recent], user_id: int, now_ms: int) -> tuple[ChatPicture, ...]:
    """Return the pictures of a chat by what is recent there, the newest first.

    Those that they came of stand behind them. One that was ordered, and not shown, is not there.
    """
    found: dict[str, ChatPicture] = {}
    for recent in reversed(recents):
        is_own, age_s = recent.user_id == user_id, max(now_ms - recent.at_ms, 0) // 1000
        for each in _pictures_in(recent, is_own=is_own):
            known = found.pop(each.id, None)
            told = known if known and (known.words or not each.operation) else each
            is_there = known is not None or not recent.job_id
            found[each.id] = replace(told, age_s=age_s, is_there=is_there)
    sources = {
        each.parent: ChatPicture(each.parent, age_s=each.age_s, is_own=each.is_own)
        for each in found.values()
        if each.parent not in {"", *found}
    }
    found = {**sources, **found}
    orders = Counter(each.id.partition("-")[0] for each in found.values() if each.operation)
    return tuple(_in_order(each, found, orders) for each in reversed(found.values()))


def _pictures_in(recent: Recent, *, is_own: bool) -> Iterator[ChatPicture]:
    """Yield the pictures of an entry; photos of other users are theirs alone."""
    if recent.job_id:
        words = (recent.words,) if recent.words else ()
        yield ChatPicture(recent.job_id, recent.operation, words, recent.origin, is_own=is_own)
    elif is_own and recent.parent:
        yield ChatPicture(recent.parent)
    elif is_own:
        order = recent.photos[0].unique_id if len(recent.photos) > 1 else ""
        for number, photo in enumerate(recent.photos, 1):
            yield ChatPicture(photo.unique_id, order=order, number=number if order else 0)


def _in_order(
    picture: ChatPicture, known: Mapping[str, ChatPicture], orders: Mapping[str, int]
) -> ChatPicture:
    """Return a picture with its place among those of its order, and the words that led to it."""
    words, step = picture.words, picture
    for _ in known:
        if step.operation is Operation.CREATE or step.parent not in known:
            break
        step = known[step.parent]
        words = (*step.words, *words)
    order = picture.id.partition("-")[0]
    if orders[order] < 2:
        return replace(picture, words=words)
    return replace(picture, words=words, order=order, number=variant_number(picture.id))
