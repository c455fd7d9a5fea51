"""Picture words: what each picture of a chat shows, as far as words tell, and whom words fit. Pure.

A picture has the words of its prompt and of the changes that led to it, and its kind; a change may
take some of them away ("without the hat"), or others instead ("at night", "in red").
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache

from imgbot.domain.operations import Operation
from imgbot.domain.words.chat import ChatPicture, ChatState, history_of
from imgbot.domain.words.vocabulary import TABLES, concept, excluded_by, near, wanted_in

_REPLACED, _TAKEN_OVER = 0.5, (0.5, 0.75)
"""Weights of a word that a later change replaced, of the drawing before, and of a merged one."""

_PARTS = re.compile(r"\s*[,;\n]+\s*|\s+(?:and|и)\s+")
_CLEARLY = 0.99


@cache
def _kinds() -> Mapping[str, frozenset[str]]:
    return {kind: frozenset(map(concept, words.split())) for kind, words in TABLES["kinds"].items()}


@lru_cache(maxsize=32)
def words_of(pictures: tuple[ChatPicture, ...]) -> "PictureWords":
    """Return the words of the pictures of a chat."""
    return PictureWords(ChatState(pictures))


class PictureWords:
    """Words of the pictures of one chat."""

    def __init__(self, chat: ChatState) -> None:
        self._chat = chat
        self._lines = {each.id: _line_of(each, chat) for each in chat.pictures}
        self._has: dict[str, dict[str, float]] = {}
        self._lacks: dict[str, set[str]] = {}
        for picture in chat.pictures:
            root, words = self._root(picture), self._words_of(picture)
            self._has[picture.id], self._lacks[picture.id] = _shown(picture, root, words)
        self._complete()
        self._lines_with = Counter(
            word
            for line in set(self._lines.values())
            for word in {
                word for each in self._has if self._lines[each] == line for word in self._has[each]
            }
        )

    def line(self, picture: ChatPicture) -> str:
        """Return the id of what a picture came of at first."""
        return self._lines.get(picture.id, picture.id)

    def heads(self) -> list[ChatPicture]:
        """Return the newest picture of each line, the newest first."""
        found: dict[str, ChatPicture] = {}
        for each in self._chat.pictures:
            found.setdefault(self.line(each), each)
        return list(found.values())

    def unknown(self) -> list[ChatPicture]:
        """Return the newest pictures of photos without a caption: nobody knows what they show."""
        roots = ((each, self._root(each)) for each in self.heads())
        return [each for each, root in roots if root.operation is None and not root.words]

    def newest_of(self, picture: ChatPicture) -> ChatPicture:
        """Return the newest picture that came of this one, or this one."""
        line = [each for each in self._chat.pictures if self.line(each) == self.line(picture)]
        return next(each for each in line if picture in (each, *history_of(each, self._chat)))

    def matching(self, words: Iterable[str]) -> dict[str, str]:
        """Return the words that name a picture here, as these pictures have them."""
        known = {word for shown in self._has.values() for word in shown}
        return {word: found for word in words if (found := near(word, known))}

    def score(self, picture: ChatPicture, words: Iterable[str]) -> float:
        """Return how well words name a picture; words of few pictures tell more."""
        shown = self._has[picture.id]
        return sum(shown.get(word, 0) / self._lines_with[word] for word in words)

    def shown(self, picture: ChatPicture, words: Iterable[str]) -> int:
        """Return how many of the words a picture has that were not replaced."""
        return sum(self._has.get(picture.id, {}).get(each, 0) > _REPLACED for each in set(words))

    def best(self, text: str) -> list[ChatPicture]:
        """Return the pictures that words name best: one of each line, the newest first."""
        wanted, unwanted = wanted_in(text)
        found = set(self.matching(wanted).values())
        lacking = set(self.matching(unwanted).values())
        if not found and not lacking:
            return []
        fitting = [each for each in self._chat.pictures if self._is_without(each, lacking)]
        scores = {each.id: self.score(each, found) for each in fitting}
        most = max(scores.values(), default=0)
        if not most and not lacking:
            return []
        return self._newest([each for each in fitting if scores[each.id] >= most * _CLEARLY])

    def _newest(self, fitting: Sequence[ChatPicture]) -> list[ChatPicture]:
        """Return the newest of each line, without what others of them came of."""
        chosen: dict[str, ChatPicture] = {}
        for each in fitting:
            chosen.setdefault(self._one_of(each), each)
        before = {one.id for each in chosen.values() for one in history_of(each, self._chat)}
        return self._worked_on([each for each in chosen.values() if each.id not in before])

    def _one_of(self, picture: ChatPicture) -> str:
        """Return what pictures of one line have in common, and those of one prompt in turn."""
        root = self._root(picture)
        return self.line(picture) if root.order else " / ".join(root.words) or root.id

    def _worked_on(self, found: list[ChatPicture]) -> list[ChatPicture]:
        """Return those of several that were changed since they came, if there are any."""
        orders = {self._root(each).order for each in found}
        changed = [each for each in found if each.parent]
        return changed if changed and len(orders) == 1 and orders != {""} else found

    def _is_without(self, picture: ChatPicture, words: set[str]) -> bool:
        """Return true if others of its line have these words, and the picture has not."""
        if not words:
            return True
        line = [each for each in self._has if self._lines[each] == self.line(picture)]
        return not words & self._has[picture.id].keys() and all(
            any(word in self._has[each] for each in line) or word in self._lacks[picture.id]
            for word in words
        )

    def _words_of(self, picture: ChatPicture) -> tuple[str, ...]:
        """Return the words of a picture; of the caption of an album only the part about it."""
        root = self._root(picture)
        album = [each for each in self._chat.pictures if root.order and each.order == root.order]
        caption = _PARTS.split(root.words[0]) if root.words and not root.operation else []
        if (
            not 0 < root.number <= len(album) > 1
            or len(caption) < len(album)
            or picture.words[:1] != root.words
        ):
            return picture.words
        return (caption[-len(album) :][root.number - 1], *picture.words[1:])

    def _root(self, picture: ChatPicture) -> ChatPicture:
        return self._chat.picture(self.line(picture)) or picture

    def _complete(self) -> None:
        """Give a picture what was taken away only later: it must have been there."""
        for picture in self._chat.pictures:
            for each in history_of(picture, self._chat):
                for word in self._lacks[picture.id] - self._lacks[each.id]:
                    self._has[each.id].setdefault(word, 1.0)


def _line_of(picture: ChatPicture, chat: ChatState) -> str:
    """Return the id of what a picture came of at first; a merge and a drawing begin one."""
    line = (picture, *history_of(picture, chat))
    begun = (each.id for each in line if each.operation in {Operation.MERGE, Operation.CREATE})
    return next(begun, line[-1].id)


def _shown(
    picture: ChatPicture, root: ChatPicture, said: Sequence[str]
) -> tuple[dict[str, float], set[str]]:
    has, lacks = dict.fromkeys(names_of_kind(picture), 1.0), set[str]()
    for at, words in enumerate(said):
        wanted, unwanted = wanted_in(words)
        # Words before the root's own are those of another drawing.
        is_taken_over = at < len(root.words) - 1
        weight = _TAKEN_OVER[root.operation is Operation.MERGE] if is_taken_over else 1.0
        has |= dict.fromkeys(excluded_by(wanted) & has.keys(), _REPLACED)
        has |= dict.fromkeys(wanted, weight)
        lacks = (lacks | unwanted) - wanted
        for word in unwanted:
            has.pop(word, None)
    return has, lacks


def names_of_kind(picture: ChatPicture) -> Sequence[str]:
    kind = picture.operation.value if picture.operation else "photo"
    return tuple(_kinds().get(kind, ()))
