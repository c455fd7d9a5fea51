"""This picture: finds which picture of the chat a text means. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from imgbot.domain.words.chat import ChatPicture, ChatState, history_of
from imgbot.domain.words.numbers import LAST, MIDDLE
from imgbot.domain.words.picture_words import PictureWords, words_of
from imgbot.domain.words.reading import NamedBy, Which


@dataclass(frozen=True, slots=True)
class Found:
    """Pictures that are meant; several candidates where it is not clear which."""

    pictures: tuple[ChatPicture, ...] = ()
    among: tuple[ChatPicture, ...] = ()
    """Candidates to ask about; empty where it is clear."""


def this_picture(which: Which, chat: ChatState) -> Found:
    """Return the pictures that a text means, or those among which it does not choose."""
    find = _WAYS.get(which.way)
    found = find(which, chat) if find else Found()
    if which.and_also is None:
        return found
    also = this_picture(which.and_also, chat)
    return Found(found.pictures + also.pictures, found.among or also.among)


def _back(which: Which, chat: ChatState) -> Found:
    """Return what this picture was so many steps ago; further back than it goes is the first."""
    before = history_of(chat.this, chat) if chat.this else ()
    if not before:
        return Found(among=tuple(filter(None, map(chat.picture, chat.undone))))
    return _one(before[-1] if which.way is NamedBy.FIRST else before[: which.number][-1])


def _before_this(chat: ChatState) -> ChatPicture | None:
    """Return what this picture was before, or the newest other one if it was not changed."""
    this = chat.this
    others = (each for each in chat.pictures if each != this)
    return next(iter(history_of(this, chat) if this else ()), None) or next(others, None)


def _forward(which: Which, chat: ChatState) -> Found:
    """Return the picture that was left so many steps ago."""
    left = [each for each in map(chat.picture, chat.undone) if each]
    if not left:
        return Found(among=tuple(history_of(chat.this, chat) if chat.this else ()))
    return _one(left[: which.number][-1])


def _found(pictures: Sequence[ChatPicture], chat: ChatState) -> Found:
    """Return the one picture that is meant; those of others are meant where no own one is."""
    own = [each for each in pictures if each.is_own] or pictures
    return _one(own[0] if own else chat.this) if len(own) < 2 else Found(among=tuple(own))


def _named(name: str, chat: ChatState) -> Sequence[ChatPicture]:
    """Return the pictures that words name; a name that none has may be that of a photo."""
    known = words_of(chat.pictures)
    best = known.best(name)
    this = chat.this
    if this in best:
        return (this,)
    if best:
        return best
    heads = known.heads()
    photos = known.unknown()
    if fresh := [each for each in photos if each.operation is None]:
        return fresh
    return [*photos, this] if len(photos) == 1 and this and this not in photos else photos or heads


def _others(chat: ChatState) -> Sequence[ChatPicture]:
    known, this = words_of(chat.pictures), chat.this
    return [each for each in known.heads() if this and known.line(each) != known.line(this)]


def _numbered(which: Which, chat: ChatState) -> ChatPicture | None:
    """Return a picture by its number in its order or album, else by its place in the chat."""
    known = words_of(chat.pictures)
    row = _row(known, chat, are_photos=bool(which.name))
    if len(row) == 1 < which.number:
        return _version(which.number, known.line(next(iter(row.values()))), known, chat)
    at = (len(row) + 1) // 2 if which.number == MIDDLE else which.number
    chosen = row.get(at if at > 0 else len(row) + 1 + at)
    if which.number == LAST and not which.name and not (chosen and chosen.order):
        own = [each for each in chat.pictures if each.is_own] or chat.pictures
        return min(own, key=lambda each: each.age_s, default=None)
    return known.newest_of(chosen) if chosen else None


def itself(which: Which, chat: ChatState) -> Which:
    """Return the picture of a number as it was, where its latest version is this one."""
    known = words_of(chat.pictures)
    chosen = _row(known, chat, are_photos=bool(which.name)).get(which.number)
    is_later = chosen is not None and which.way is NamedBy.NUMBER and not which.and_also
    if not is_later or this_picture(which, chat).pictures != (chat.this,):
        return which
    return Which(NamedBy.ID, name=chosen.id)


def _version(number: int, line: str, known: PictureWords, chat: ChatState) -> ChatPicture | None:
    """Return a version of the only picture, from its first on."""
    line_of = [each for each in chat.pictures if known.line(each) == line]
    versions = sorted(line_of, key=lambda each: len(history_of(each, chat)))
    return dict(enumerate(versions, 1)).get(number)


def numbered(pictures: Sequence[ChatPicture]) -> dict[int, ChatPicture]:
    """Return pictures by the numbers that a question gives them: their own if they share a row."""
    orders = {each.order for each in pictures}
    is_row = len(orders) == 1 and "" not in orders
    return {each.number if is_row else at: each for at, each in enumerate(pictures, 1)}


def _row(known: PictureWords, chat: ChatState, *, are_photos: bool) -> dict[int, ChatPicture]:
    """Return those of the newest order or album by their numbers, else all by their age."""
    if order := _order_of(known.heads(), chat):
        return {each.number: each for each in chat.pictures if each.order == order}
    begun = [each for each in chat.pictures if known.line(each) == each.id]
    photos = [each for each in begun if each.operation is None]
    row = photos if are_photos and photos else begun
    return dict(enumerate(sorted(row, key=lambda each: each.age_s)[::-1], 1))


def _order_of(heads: Sequence[ChatPicture], chat: ChatState) -> str:
    """Return the order or album that the newest picture of one came of."""
    lines = ((each, *history_of(each, chat)) for each in heads)
    return next((each.order for line in lines for each in line if each.order), "")


def _together(count: int, chat: ChatState) -> Found:
    """Return so many pictures; without a count those that came together, or the only two."""
    heads = words_of(chat.pictures).heads()
    newest = heads[0].order if heads else ""
    together = tuple(each for each in heads[::-1] if newest and each.order == newest)
    if len(together) > 1 and count in {0, len(together)}:
        return Found(together)
    if len(heads) < 2:
        return _one(chat.this)
    is_clear = count or len(heads) == 2
    # In the order in which they came, as those of an album.
    return Found(tuple(heads[: count or 2][::-1])) if is_clear else Found(among=tuple(heads))


def _one(picture: ChatPicture | None) -> Found:
    return Found((picture,) if picture else ())


def _own_first(find: Callable[[Which, ChatState], Found]) -> Callable[[Which, ChatState], Found]:
    """Look among the user's own pictures first where the talk is about one of these."""

    def found(which: Which, chat: ChatState) -> Found:
        own = tuple(each for each in chat.pictures if each.is_own)
        if chat.this is None or not chat.this.is_own or len(own) == len(chat.pictures):
            return find(which, chat)
        nearest = find(which, replace(chat, pictures=own))
        return nearest if nearest.pictures or nearest.among else find(which, chat)

    return found


_WAYS: Mapping[NamedBy, Callable[[Which, ChatState], Found]] = {
    NamedBy.THIS: lambda _, chat: _one(chat.this),
    NamedBy.ID: lambda which, chat: _one(chat.picture(which.name)),
    NamedBy.BACK: _back,
    NamedBy.FIRST: _back,
    NamedBy.FORWARD: _forward,
    NamedBy.BEFORE: _own_first(lambda _, chat: _one(_before_this(chat))),
    NamedBy.NAME: lambda which, chat: _found(_named(which.name, chat), chat),
    NamedBy.NUMBER: _own_first(lambda which, chat: _one(_numbered(which, chat))),
    NamedBy.OTHER: lambda _, chat: _found(_others(chat), chat),
    NamedBy.ALL: _own_first(lambda which, chat: _together(which.number, chat)),
}
