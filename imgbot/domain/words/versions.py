"""Versions: pictures of the chat by what was changed in them: before the hat, without text. Pure.

A picture has what its latest words name, and lacks what they take away. What the words of a picture
do not name, it has if a later change takes it away, and lacks if a later change adds it.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise, takewhile

from imgbot.domain.intents.words import stem
from imgbot.domain.lettering import QUOTED
from imgbot.domain.operations import Operation
from imgbot.domain.phrases import PhraseLists, normalize
from imgbot.domain.spelling import has_cyrillic
from imgbot.domain.words.chat import ChatPicture, ChatState, history_of

_CAPITALS = re.compile(r"(?<!\w)[A-ZА-ЯЁ]{2,}(?:\W+[A-ZА-ЯЁ\d]{2,})+|[A-ZА-ЯЁ]{4,}")
_DRAWN_OUT = re.compile(r"([^\W\d])\1{2,}")
_FLEETING = re.compile("[ео](?=[кцн]$)")
_LACKING = re.compile(r"(?<!\w)(?:un(\w{3,})ed|(\w{3,})less|не(\w{4,}нн\w+))(?!\w)")
_BEGUN = frozenset({Operation.CREATE, Operation.MERGE})
"""What begins a picture of its own."""
_REACH = 3
"""Words behind "without" that it is about."""
_READ = 400
"""Characters of a prompt or change that are read."""

Mentions = Mapping[str, bool]
"""Stems of words; false for what is not to be in the picture."""


@cache
def _tables() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((files("imgbot.domain.words") / "history.toml").read_text("utf-8"))


@cache
def lists_of(name: str) -> PhraseLists:
    """Return the lists of one table of words about the history."""
    return PhraseLists(_tables()[name])


def plain(text: str) -> str:
    """Return a text normalised, with one word for those that are alike."""
    said = _DRAWN_OUT.sub(r"\1", normalize(text))
    said = _LACKING.sub(lambda found: f"without {found[found.lastindex or 0]}", said)
    for table, instead in (("lacking", "without {} with"), ("alike", "{}")):
        for name in _tables()[table]:
            said = lists_of(table)[name].sub(instead.format(name), said)
    return said


@lru_cache(maxsize=4096)
def is_filler(word: str) -> bool:
    """Return true for a word that names nothing in a picture."""
    return len(word) < 2 or bool(lists_of("filler")["filler"].fullmatch(word))


@lru_cache(maxsize=1024)
def mentions(said: str) -> Mentions:
    """Return what a plain text names, the latest last."""
    found: dict[str, bool] = {}
    for clause in said.split(" , "):
        for name, has in _of_clause(clause):
            found.pop(name, None)
            found[name] = has
    return found


def _of_clause(clause: str) -> Iterable[tuple[str, bool]]:
    signs = lists_of("polarity")
    taken = bool(signs["removing"].search(clause) or signs["replacing"].search(clause))
    clause = signs["without"].sub("-", signs["instead"].sub("+", clause))
    has, left = not taken, 0
    for word in clause.split():
        if word in {"-", "+"}:
            has, left = word == "+", _REACH
        elif not has and not taken and not left:
            has = True
        elif not is_filler(word):
            # A Russian noun ends what is not to be there: "без синей шляпы".
            is_last = has_cyrillic(word) and not lists_of("phrases")["adjective"].fullmatch(word)
            left = 0 if is_last else left - 1
            yield _stem(word), has


def _stem(word: str) -> str:
    """Return the stem of a word; cards and card, косичек and косички have one."""
    return _FLEETING.sub("", stem(word))


@lru_cache(maxsize=1024)
def _of_step(text: str) -> Mentions:
    """Return what a prompt or a change names; what it quotes is lettering, whatever it says."""
    text = text[:_READ]
    quoted = [found[0] for each in (QUOTED, _CAPITALS) for found in each.finditer(text)]
    found = dict(mentions(plain(_CAPITALS.sub(" ", QUOTED.sub(" ", text)))))
    said = [word for each in quoted for word in normalize(each).split() if not is_filler(word)]
    return found | dict.fromkeys(map(_stem, ["lettering", *said] if said else ()), True)


def _in(found: Mentions, name: str) -> bool | None:
    exact = found.get(name)
    if exact is not None:
        return exact
    return next((found[each] for each in reversed([*found]) if _is_alike(each, name)), None)


def _is_alike(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    same = len([*takewhile(lambda pair: pair[0] == pair[1], zip(short, long, strict=False))])
    return (len(short) >= 4 and long.endswith(short)) or same * 4 >= max(len(long) * 3, 16)


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
        """What this picture came of, the nearest first."""
        this = self._chat.this
        return self._before.get(this.id, ()) if this else ()

    @property
    def is_less(self) -> bool:
        """True if the last change took something away."""
        this = self._chat.this
        said = plain(this.words[-1][:_READ]) if self.history and this and this.words else ""
        return bool(lists_of("polarity")["removing"].search(said))

    def described(self, said: str) -> Described:
        """Return the words of a plain text that are known of a picture."""
        known = {
            name: has
            for name, has in mentions(said).items()
            if any(self._said(each, name) is not None for each in self._chat.pictures)
        }
        return Described(
            frozenset(name for name in known if known[name]),
            frozenset(name for name in known if not known[name]),
        )

    def before(self, said: str) -> ChatPicture | None:
        """Return the picture before the change that added what a plain text names."""
        names = [name for name in mentions(said) if len(name) > 1]
        this = self._chat.this
        for picture in filter(None, (this, *self._nearest())):
            line = [picture, *self._before.get(picture.id, ())]
            for each, parent in reversed([*pairwise(line)]):
                if any(_in(self._own(each), name) is not None for name in names):
                    return parent
        return None

    def find(
        self, wanted: Described, *, own: bool = False, back: bool = True, is_this: bool = False
    ) -> ChatPicture | None:
        """Return the version that fits best; None if none does.

        This picture is one of them if `is_this`.

        With `own`, the words of the last change count more than those before it. `back` prefers
        what this picture came of.
        """
        among = [self._chat.this, *self._nearest()] if is_this else self._nearest()
        fitting = [each for each in among if each and self.fits(each, wanted)]

        # What this picture has lost is that of the latest picture that had it.
        this = self._chat.this
        kept = [each for each in wanted.has if not this or self.has(this, each) is not False]

        def rank(picture: ChatPicture) -> tuple[int, ...]:
            lacking = sum(self.has(picture, name) is False for name in wanted.lacks)
            direct = sum(self._is_before(picture, name) for name in wanted.lacks)
            said = own and sum(_in(self._own(picture), name) is True for name in kept)
            line = sum(_in(self._line(picture), name) is True for name in wanted.has)
            is_ancestor = back and picture in self.history
            return lacking, direct, said, is_ancestor, line * (not is_ancestor)

        return max(fitting, key=rank, default=None)

    def has(self, picture: ChatPicture, name: str) -> bool | None:
        """Return true if a picture has what a word names, false if not, None if nobody knows."""
        said = self._said(picture, name)
        if said is not None:
            return said
        for later in self._chat.pictures:
            if picture in self._before[later.id]:
                after = (each for each in later.words if each not in picture.words)
                found = (_in(_of_step(each), name) for each in after)
                first = next((each for each in found if each is not None), None)
                if first is not None:
                    return not first
        return None

    def _is_before(self, picture: ChatPicture, name: str) -> bool:
        """Return true for the picture that a change added it to."""
        changed = [each for each in self._chat.pictures if each.parent == picture.id]
        return any(_in(self._own(each), name) for each in changed)

    def _nearest(self) -> Sequence[ChatPicture]:
        """Return all pictures but this, first what it came of, then the newest."""
        known = {self._chat.this, *self.history}
        return [*self.history, *(each for each in self._chat.pictures if each not in known)]

    def fits(self, picture: ChatPicture, wanted: Described) -> bool:
        """Return true for a picture that has and lacks what is wanted."""
        lacking = [self.has(picture, name) for name in wanted.lacks]
        has_all = all(self.has(picture, name) for name in wanted.has)
        return has_all and True not in lacking and (bool(wanted.has) or False in lacking)

    def _said(self, picture: ChatPicture, name: str) -> bool | None:
        found = (_in(_of_step(each), name) for each in reversed(picture.words))
        said = next((each for each in found if each is not None), None)
        return True if said is None and name == _stem(picture.operation or "") else said

    def _own(self, picture: ChatPicture) -> Mentions:
        """Return what the prompt or change names that made a picture."""
        return _of_step(picture.words[-1]) if picture.words else {}

    def _line(self, picture: ChatPicture) -> Mentions:
        """Return what the words name since a picture was begun as one of its own."""
        found: list[str] = []
        for each in (picture, *self._before[picture.id]):
            found[:0] = each.words[-1:]
            if each.operation in _BEGUN:
                break
        return {name: has for text in found for name, has in _of_step(text).items()}
