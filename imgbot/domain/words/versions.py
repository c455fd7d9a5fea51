"""Versions: pictures of the chat by what was changed in them: before the hat, without text. Pure.

A picture has what its latest words name, and lacks what they take away. What the words of a picture
do not name, it has if a later change takes it away, and lacks if a later change adds it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

from imgbot.domain.operations import Operation
from imgbot.domain.words.chat import ChatPicture, ChatState, history_of
from imgbot.domain.words.picture_words import names_of_kind
from imgbot.domain.words.vocabulary import concept, excluded_by, is_look, near, wanted_in

_BEGUN = frozenset({Operation.CREATE, Operation.MERGE})
"""What begins a picture of its own."""
_KINDS = frozenset({Operation.STICKER, Operation.REMOVE_BACKGROUND})
_READ = 400
"""Characters of a prompt or change that are read."""


@dataclass(frozen=True, slots=True)
class Described:
    """Version as a text describes it, in words that the chat knows."""

    has: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.has or self.lacks)


class Versions:
    """Pictures of a chat with what they have and lack."""

    def __init__(self, chat: ChatState) -> None:
        self._chat = chat
        self._before = {each.id: history_of(each, chat) for each in chat.pictures}

    @property
    def history(self) -> Sequence[ChatPicture]:
        """Pictures that this one came of, the nearest first."""
        this = self._chat.this
        return self._before.get(this.id, ()) if this else ()

    @property
    def photo(self) -> ChatPicture | None:
        """The newest photo that pictures came of; that of this picture, if it came of one."""
        lines = [self.history, *(self._before[each.id] for each in self._chat.pictures)]
        return next((line[-1] for line in lines if line and not line[-1].operation), None)

    @property
    def is_less(self) -> bool:
        """True if the last change took something away."""
        this = self._chat.this
        return bool(self.history and this and this.words and wanted_in(this.words[-1][:_READ])[1])

    def described(self, said: str) -> Described:
        """Return the words of a text that are known of a picture."""
        found = (self._known(each) for each in wanted_in(said))
        return Described(*map(frozenset, found))

    def before(self, said: str) -> ChatPicture | None:
        """Return the picture before the change that added what a text names."""
        names = self._known(frozenset().union(*wanted_in(said)))
        this = self._chat.this
        for picture in filter(None, (this, *self._nearest())):
            line = [picture, *self._before.get(picture.id, ())]
            for each, parent in reversed([*pairwise(line)]):
                if names & _own(each).keys():
                    return parent
        return None

    def before_look(self, said: str) -> ChatPicture | None:
        """Return the latest picture with a look that another has replaced: day, before night."""
        this, looks = self._chat.this, filter(is_look, said.split())
        gone = {concept(each) for each in looks if this and self.has(this, concept(each)) is False}
        kept = (each for each in self.history if all(self.has(each, n) is not False for n in gone))
        return next(kept, None) if gone else None

    def find(
        self, wanted: Described, *, own: bool = False, back: bool = True, is_this: bool = False
    ) -> ChatPicture | None:
        """Return the version that fits best; None if none does.

        With `own`, the words of the last change count more than those before it. `back` prefers
        what this picture came of, and `is_this` is true if this picture may be meant, too.
        """
        this = self._chat.this
        among = [this, *self._nearest()] if is_this else self._nearest()
        fitting = [each for each in among if each and self.fits(each, wanted)]
        # What this picture has lost is that of the latest picture that had it.
        kept = [each for each in wanted.has if not this or self.has(this, each) is not False]

        def rank(picture: ChatPicture) -> tuple[int, ...]:
            lacking = sum(self.has(picture, name) is False for name in wanted.lacks)
            changed = [each for each in self._chat.pictures if each.parent == picture.id]
            direct = sum(any(_own(each).get(name) for each in changed) for name in wanted.lacks)
            said = own and sum(_own(picture).get(name, False) for name in kept)
            line = sum(self._line(picture).get(name, False) for name in wanted.has)
            is_ancestor = back and (picture == this or picture in self.history)
            return lacking, direct, said, is_ancestor, picture.is_own, line * (not is_ancestor)

        return max(fitting, key=rank, default=None)

    def has_lost(self, wanted: Described) -> bool:
        """Return true if this picture has not any more what is wanted."""
        this = self._chat.this
        if this is None or not wanted.has:
            return False
        return all(self.has(this, each) is False for each in wanted.has)

    def first(self, wanted: Described) -> ChatPicture | None:
        """Return the oldest version that fits."""
        fitting = [each for each in self._chat.pictures if self.fits(each, wanted)]
        begun = [each for each in fitting if not {*fitting} & {*self._before[each.id]}]
        return begun[-1] if begun else None

    def has(self, picture: ChatPicture, name: str) -> bool | None:
        """Return true if a picture has what a word names, false if not, None if nobody knows."""
        if any(name in _kind(each) for each in self._chat.pictures):
            return name in _kind(picture)
        said = _said(reversed(picture.words), name)
        if said is not None:
            return said
        later = (each for each in self._chat.pictures if picture in self._before[each.id])
        return next((had for each in later if (had := _had(picture, each, name)) is not None), None)

    def fits(self, picture: ChatPicture, wanted: Described) -> bool:
        """Return true for a picture that has and lacks what is wanted."""
        lacking = [self.has(picture, name) for name in wanted.lacks]
        has_all = all(self.has(picture, name) for name in wanted.has)
        return has_all and True not in lacking and (bool(wanted.has) or False in lacking)

    def _known(self, names: Iterable[str]) -> set[str]:
        """Return the words that the chat knows, as it knows them."""
        return {found for each in names if (found := near(each, self._words))}

    @cached_property
    def _words(self) -> set[str]:
        texts = {text for each in self._chat.pictures for text in each.words}
        said = {word for text in texts for word in _in(text) if not _is_one_of_many(word, text)}
        return said.union(*map(_kind, self._chat.pictures))

    def _nearest(self) -> Sequence[ChatPicture]:
        """Return all pictures but the one in sight, first what this came of, then the newest."""
        chat = self._chat
        seen = chat.this if chat.replied else chat.pictures[0] if chat.pictures else None
        line = [] if chat.this in (seen, None) else [chat.this]
        line += self.history
        others = (each for each in chat.pictures if each not in line)
        return [each for each in (*line, *others) if each and each != seen]

    def _line(self, picture: ChatPicture) -> Mapping[str, bool]:
        """Return what the words name since a picture was begun as one of its own."""
        found: list[str] = []
        for each in (picture, *self._before[picture.id]):
            found[:0] = each.words[-1:]
            if each.operation in _BEGUN:
                break
        return {name: has for text in found for name, has in _in(text).items()}


@lru_cache(maxsize=256)
def _in(text: str) -> Mapping[str, bool]:
    """Return what a prompt or a change names; false for what it takes away."""
    wanted, unwanted = wanted_in(text[:_READ])
    return dict.fromkeys(unwanted | excluded_by(wanted), False) | dict.fromkeys(wanted, True)


def _kind(picture: ChatPicture) -> Sequence[str]:
    """Return the words for what a picture is, where no other is that by chance."""
    return names_of_kind(picture) if picture.operation in _KINDS else ()


def _is_one_of_many(name: str, text: str) -> bool:
    """Return true if a change excludes a word only because it names another of several looks."""
    is_told = any(name in each for each in wanted_in(text[:_READ]))
    return not is_told and len(excluded_by([name])) > 1


def _own(picture: ChatPicture) -> Mapping[str, bool]:
    """Return what the prompt or change names that made a picture."""
    return _in(picture.words[-1]) if picture.words else {}


def _said(texts: Iterable[str], name: str) -> bool | None:
    found = (_in(each).get(name) for each in texts)
    return next((each for each in found if each is not None), None)


def _had(picture: ChatPicture, later: ChatPicture, name: str) -> bool | None:
    """Return true if a change that led to a later picture took away what a word names."""
    after = [each for each in later.words if each not in picture.words]
    first = next((each for each in after if name in _in(each)), "")
    is_told = first and (_in(first)[name] or not _is_one_of_many(name, first))
    return not _in(first)[name] if is_told else None
