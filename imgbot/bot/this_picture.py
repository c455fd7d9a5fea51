"""This picture: what is recent in a chat, as the pictures that a text may be about. Pure.

These are the photos that the user sent, the pictures that were shown, and those that are being made
for the user, in this chat and topic. What was made in another chat is never meant. Which of them a
text means, the reader of words tells.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby

from imgbot.domain.job import InputPhoto, Job, Request, State, variant_number
from imgbot.domain.operations import Operation
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.storage.results import Recent

Meant = Job | tuple[InputPhoto, ...]
"""Job that shows the picture, or will, or a photo; nothing for none."""

_MADE = frozenset({None, State.DELIVERED})
"""Outcomes of a job that is making its picture."""


@dataclass(frozen=True, slots=True)
class TargetPicture:
    """Picture that an order is about."""

    photo: InputPhoto | None = None
    message_id: int = 0
    """Message of this chat that shows it; 0 if not known."""


def made_by(job: Job | None, result: Job | None, chat_id: int, user_id: int) -> Job | None:
    """Return the job of a picture of this chat that was shown, or is being made for the user.

    `job` is its job while that is live, `result` its result.
    """
    if result is not None:
        return result if result.picture and result.is_of(chat_id) else None
    is_own = job is not None and job.user_id == user_id
    is_made = job is not None and not job.is_cancelled and job.progress.outcome in _MADE
    return job if is_own and is_made else None


def awaited(recent: Recent) -> Job:
    """Return the picture of a job that has failed, as it was meant while that was being made."""
    return Job(recent.job_id, recent.user_id, Request(0, Operation.CREATE, ""))


def target_of(meant: Meant) -> TargetPicture:
    """Return the picture as an order is about it."""
    if isinstance(meant, tuple):
        return TargetPicture(next(iter(meant), None))
    return TargetPicture(meant.picture, meant.progress.message_id)


def photos_of(recents: Sequence[Recent], user_id: int) -> dict[str, InputPhoto]:
    """Return the photos of a user by the ids of their pictures."""
    found: dict[str, InputPhoto] = {}
    for recent in reversed(recents):
        if recent.user_id == user_id:
            found |= {photo.unique_id: photo for photo in recent.photos}
            if recent.parent and recent.photos:
                found[recent.parent] = recent.photos[0]
    return found


def id_of(photo: InputPhoto, recents: Sequence[Recent]) -> str:
    """Return the id of the picture that a photo is: of its job, as far as that is known here."""
    found = (
        each.parent
        for each in recents
        if each.parent and each.photos[:1] and each.photos[0].unique_id == photo.unique_id
    )
    return next(found, photo.unique_id)


def chat_pictures(recents: Sequence[Recent], user_id: int, now_ms: int) -> tuple[ChatPicture, ...]:
    """Return the pictures of a chat by what is recent there, the newest first.

    Those that they came of stand behind them. One that was ordered, and not shown, is not there.
    """
    found: dict[str, ChatPicture] = {}
    for recent in reversed(recents):
        is_own, age_s = recent.user_id == user_id, max(now_ms - recent.at_ms, 0) // 1000
        for each in _pictures_in(recent, is_own=is_own):
            known = _known(each.id, found)
            latest = known if known and (known.words or not each.operation) else each
            is_there = known is not None or not recent.job_id
            found[each.id] = replace(latest, age_s=age_s, is_there=is_there)
    found = {**_sources_of(found), **found}
    orders = Counter(each.id.partition("-")[0] for each in found.values() if each.operation)
    shown = Counter(each.job_id or each.parent for each in recents)
    listed = [_in_order(each, found, orders) for each in reversed(found.values())]
    return tuple(chain.from_iterable(_runs(listed, shown)))


def _known(picture_id: str, found: dict[str, ChatPicture]) -> ChatPicture | None:
    """Return what is known of a picture that comes, as the newest from now on.

    What was ordered of it before it came stays newer.
    """
    known = found.get(picture_id)
    made = (each for each in found.values() if each.operation and not each.is_there)
    is_first = known and known.operation and not known.is_there
    if not (is_first and any(each.parent == picture_id for each in made)):
        found.pop(picture_id, None)
    return known


def _sources_of(found: Mapping[str, ChatPicture]) -> dict[str, ChatPicture]:
    """Return pictures that others came of, and that have no entry any more."""
    return {
        each.parent: ChatPicture(each.parent, age_s=each.age_s, is_own=each.is_own)
        for each in found.values()
        if each.parent not in {"", *found}
    }


def _runs(
    pictures: Iterable[ChatPicture], shown: Mapping[str, int]
) -> Iterator[Sequence[ChatPicture]]:
    """Yield variants that came together by their numbers, whichever was ready first."""
    for order, run in groupby(pictures, key=lambda each: each.order):
        together = list(run)
        # One that was shown again, or replied to, is the newest.
        is_fresh = order and all(each.operation and shown[each.id] < 3 for each in together)
        yield sorted(together, key=lambda each: -each.number) if is_fresh else together


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


def undone_in(chat: ChatState) -> tuple[str, ...]:
    """Return the user's pictures that came of this one, which was shown again after them."""
    this, known = chat.this, {each.id: each for each in chat.pictures}
    own = (each for each in chat.pictures if each.is_own and each.is_there)
    return tuple(each.id for each in own if this and this.id in _origins(each, known))


def _origins(picture: ChatPicture, known: Mapping[str, ChatPicture]) -> Iterator[str]:
    """Yield what a picture came of, step by step."""
    for _ in known:
        if picture.parent not in known:
            return
        picture = known[picture.parent]
        yield picture.id
