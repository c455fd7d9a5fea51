"""History: undo, redo, back to, in words; free, and never a prompt. Pure.

A step is undone or done again; a version is shown by what was in it ("before the hat", "the one
without text", "back to the blue one"). Words that name no version go one step back.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from imgbot.domain.intents.facts import Intent, PendingQuestion
from imgbot.domain.phrases import PhraseLists, normalize, phrases_of
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.numbers import MORE, numbered_in
from imgbot.domain.words.reading import (
    Example,
    NamedBy,
    Order,
    Reading,
    Sentence,
    Talk,
    Which,
    WordReader,
    sentence_of,
)
from imgbot.domain.words.this_picture import this_picture
from imgbot.domain.words.versions import Described, Versions
from imgbot.domain.words.vocabulary import NAMELESS, WORDS

_ASKED = frozenset({PendingQuestion.PROMPT, PendingQuestion.PHOTO, PendingQuestion.SCALE})
"""Questions that "back" answers."""
_BACK_ARROWS, _FORWARD_ARROWS = re.compile("[↩⬅◀⏪⏮🔙]"), re.compile("[↪⏩⏭]")
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")
_NUMBERS = {
    "two": 2, "twice": 2, "couple": 2, "2": 2, "x2": 2, "две": 2, "два": 2, "двух": 2, "пару": 2,
    "three": 3, "3": 3, "x3": 3, "три": 3, "четыре": 4, "four": 4, "4": 4, "five": 5, "5": 5,
    "both": 2, "оба": 2, "обе": 2,
}  # fmt: skip

_LONGEST = 250
"""Characters; a longer text describes a picture, or tells of something."""


def _lists() -> PhraseLists:
    return phrases_of("imgbot.domain.words", "history")


@dataclass(frozen=True)
class _Wording:
    """Message about the history, by clauses."""

    said: str
    chat: ChatState
    versions: Versions

    @cached_property
    def clauses(self) -> Sequence[str]:
        return [each for each in self.said.split(" , ") if each.strip()]

    def has(self, name: str, text: str = "") -> bool:
        return bool(_lists()[name].search(text or self.said))

    def clause_with(self, name: str) -> str:
        """Return the last clause with one of these phrases."""
        return next((each for each in reversed(self.clauses) if self.has(name, each)), "")

    def after(self, name: str, clause: str) -> str:
        """Return what follows the last of these phrases in a clause."""
        found = [*_lists()[name].finditer(clause)]
        return clause[found[-1].end() :] if found else ""

    def without(self, clause: str) -> str:
        """Return a clause without the phrases of going back."""
        for name in _PARTS:
            clause = _lists()[name].sub(" ", clause)
        return clause

    def content(self, clause: str) -> Sequence[str]:
        """Return the words of a clause that are no part of going back."""
        words = _lists()["filler"].sub(" ", self.without(clause)).split()
        small = NAMELESS | _NUMBERS.keys()
        return [each for each in words if each not in small or MORE.fullmatch(each)]

    @property
    def is_ready(self) -> bool:
        """True if this picture was made of another, and is there."""
        this = self.chat.this
        return bool(this and this.is_there and self.versions.history)

    @property
    def is_one_of_several(self) -> bool:
        """True for "the first one", where there is no history, or there are variants.

        "The very first one" is what all changes began with.
        """
        if self.has("very") and self.versions.history:
            return False
        is_among = any(each.order and each.operation for each in self.chat.pictures)
        return self.has("ordinal") and (is_among or not self.versions.history)

    @property
    def is_order(self) -> bool:
        """True if the picture is not only to be as before."""
        return self.has("order") or (self.has("wish") and not self.has("as_before"))

    @property
    def steps(self) -> int:
        """Number of steps that are told, else 1."""
        if self.has("two"):
            return 2
        return next((_NUMBERS[each] for each in self.said.split() if each in _NUMBERS), 1)

    def described(self, clause: str, name: str) -> Described:
        """Return the version that a clause describes, behind these phrases or else anywhere."""
        beside = (each for each in self.clauses if self.has("one", each) and each != clause)
        texts = (name and self.after(name, clause), clause, *beside)
        found = (self.versions.described(self.without(each)) for each in texts)
        return next((each for each in found if each), Described())

    def is_unknown(self, clause: str) -> bool:
        """Return true for "верни нормального", and for what the last change may have taken away."""
        content = self.content(clause)
        if len(content) != 1 or not self.has("returning", clause):
            return False
        return self.has("adjective", f" {content[0]} ") or self.versions.is_less

    def is_all(self, described: Described) -> bool:
        """Return true if a text says no more than what another picture has, and not this."""
        this, content = self.chat.this, self.content(self.said)
        is_other = not any(this and self.versions.has(this, each) for each in described.has)
        return is_other and 0 < len(content) <= len(described.has)

    @property
    def is_previous_alone(self) -> bool:
        """True for "the previous one, please", which asks for nothing else."""
        rest = _lists()["filler"].sub(" ", self.without(self.said)).replace(",", " ").split()
        return self.has("previous") and WORDS["links"].issuperset(rest)

    def is_like(self, clause: str) -> bool:
        """Return true for a clause about the picture, or about one thing that nobody knows."""
        return len(self.content(clause)) <= (2 if self.has("it_was", clause) else 1)


_PARTS = (
    "before", "first", "first_one", "forward", "again_if_undone", "back", "undoing", "again",
    "show", "where", "better", "edited", "generic",
)  # fmt: skip


def is_answer(chat: ChatState) -> bool:
    """Return true if "back" is an answer to a question."""
    return chat.pending in _ASKED


def step_in(text: str, chat: ChatState) -> Which | None:
    """Return where in the history a text goes; None if it does not."""
    if len(text) > _LONGEST:
        return None
    wording = _wording(text, chat)
    if wording.is_order or any(map(wording.has, ("asking", "withdrawn"))):
        return None
    ways = () if wording.is_one_of_several or wording.has("elsewhere") else _WAYS
    return next((found for read in (_of_number, *ways) if (found := read(wording))), None)


def _wording(text: str, chat: ChatState) -> _Wording:
    said = _DRAWN_OUT.sub(r"\1", normalize(text[:_LONGEST]))
    corrected = [*_lists()["correction"].finditer(said)]
    return _Wording(said[corrected[-1].end() :] if corrected else said, chat, Versions(chat))


def otherwise(sentence: Sentence, chat: ChatState) -> Reading:
    """Return what a text goes back to, or changes, that the model takes for going back."""
    wording = _wording(sentence.text, chat)
    if wording.has("withdrawn") or wording.has("asking"):
        return Talk(Intent.SMALL_TALK)
    if wording.is_order:
        return Order(Intent.CHANGE, sentence.text)
    return Talk(Intent.SHOW, which=Which(NamedBy.BACK, wording.steps))


def _known(found: ChatPicture | None) -> Which | None:
    return Which(NamedBy.ID, name=found.id) if found else None


def _forward(wording: _Wording) -> Which | None:
    clause = wording.clause_with("forward")
    if not clause and wording.chat.undone:
        clause = wording.clause_with("again_if_undone")
    is_meant = clause and not wording.content(clause)
    return Which(NamedBy.FORWARD, wording.steps) if is_meant else None


def _before_that(wording: _Wording) -> Which | None:
    if clause := wording.clause_with("edited"):
        edited = wording.versions.find(wording.described(clause, ""), is_this=True)
        return _known(edited and wording.chat.picture(edited.parent)) or Which(NamedBy.BACK, 1)
    clause = wording.clause_with("before_that")
    begins = not wording.content(clause[: -len(wording.after("before_that", clause)) or None])
    if not (begins or any(map(wording.has, ("show", "back", "was", "it_was", "better", "one")))):
        return None
    return _known(wording.versions.before(wording.after("before_that", clause)))


def _of_number(wording: _Wording) -> Which | None:
    """Read "undo the third", of an album or of variants."""
    clause, chat = wording.clause_with("undoing"), wording.chat
    found = numbered_in(sentence_of(clause), chat)
    if len(found) != 1:
        return None
    about = this_picture(Which(NamedBy.NUMBER, found[0].number), chat).pictures
    return _known(chat.picture(about[0].parent)) if about else None


def _undoing(wording: _Wording) -> Which | None:
    clause = wording.clause_with("undoing")
    if not clause or (wording.has("cancelling") and not wording.is_ready):
        return None
    if content := wording.content(clause):
        return _known(wording.versions.before(" ".join(content)))
    return Which(NamedBy.BACK, wording.steps)


def _first(wording: _Wording) -> Which | None:
    clause = wording.clause_with("first")
    if not clause and any(map(wording.has, ("back", "show", "again", "better", "was", "very"))):
        clause = wording.clause_with("first_one")
    if not clause:
        return _first_alone(wording)
    if found := wording.has("photo", clause) and wording.versions.photo:
        return _known(found)
    described = wording.described(clause, "first")
    if found := wording.versions.first(described):
        return _known(found)
    allowed = len(clause) if wording.has("begun", clause) else int(wording.has("very", clause))
    is_other = len(wording.content(clause)) > allowed
    if is_other or not wording.versions.history:
        return None
    return Which(NamedBy.FIRST)


def _first_alone(wording: _Wording) -> Which | None:
    is_one = any(each.order for each in wording.chat.pictures)
    is_meant = wording.said.strip(" ,") in {"first", "the first", "первая", "первую", "первый"}
    return Which(NamedBy.FIRST) if is_meant and wording.versions.history and not is_one else None


def _back(wording: _Wording) -> Which | None:
    clause = wording.clause_with("back")
    if not clause and wording.versions.history:
        clause = wording.clause_with("before")
    elif not clause and wording.is_previous_alone:
        return Which(NamedBy.BEFORE)
    if clause.strip() in {"", "back"}:
        return None
    if wording.has("previous", clause) and not wording.versions.history:
        return Which(NamedBy.BEFORE)
    found = wording.versions.find(wording.described(clause, "back"), own=wording.has("one"))
    if found := found or wording.versions.before_look(" ".join(wording.content(clause))):
        return _known(found)
    is_meant = not wording.content(clause) or wording.is_unknown(clause)
    return Which(NamedBy.BACK, wording.steps) if is_meant else None


def _better(wording: _Wording) -> Which | None:
    clause = wording.clause_with("better")
    if not clause:
        was = (each for each in wording.clauses if wording.has("was", each))
        clause = next((each for each in was if wording.has("comparing", each)), "")
    if not clause or not wording.versions.history:
        return None
    found = wording.versions.find(wording.described(clause, "better"), own=wording.has("one"))
    return _known(found) or (Which(NamedBy.BACK, 1) if wording.is_like(clause) else None)


def _shown(wording: _Wording) -> Which | None:
    """Read "show me the fish again", "where is the one without text", "тот, что с мечом был"."""
    clause = wording.clause_with("once_more")
    if clause and not wording.content(clause):
        return _known(wording.chat.this)
    clauses = map(wording.clause_with, ("show", "where", "again", "one", "preferring"))
    described = wording.described(next(filter(None, clauses), ""), "show")
    is_known = wording.has("showing") and not wording.has("new") and wording.is_all(described)
    is_other = described.lacks or is_known or wording.versions.has_lost(described)
    if not any(all(map(wording.has, each)) for each in _SHOWN[: None if is_other else -4]):
        return None
    return _known(wording.versions.find(described, own=wording.has("one"), back=False))


_SHOWN = (
    ("where",), ("one", "was"), ("again", "one"), ("again", "show"), ("again", "sending"),
    ("seeing", "one"), ("show",), ("sending",), ("definite",), ("preferring",),
)  # fmt: skip
"""Phrases that ask together for a picture; the last four if this has not what they name."""

_WAYS: Sequence[Callable[[_Wording], Which | None]] = (
    _forward, _before_that, _first, _undoing, _back, _better, _shown,
)  # fmt: skip


def _read(sentence: Sentence, chat: ChatState) -> Talk | None:
    if is_answer(chat):
        return None
    which = step_in(sentence.text, chat)
    return Talk(Intent.SHOW, which=which) if which else None


def _read_arrows(sentence: Sentence, chat: ChatState) -> Talk | None:
    """Read arrows alone: they point both ways beside words."""
    if sentence.parsed.tokens or is_answer(chat):
        return None
    way = NamedBy.BACK if _BACK_ARROWS.search(sentence.text) else None
    way = NamedBy.FORWARD if _FORWARD_ARROWS.search(sentence.text) else way
    return Talk(Intent.SHOW, which=Which(way, 1)) if way else None


ARROWS = (
    WordReader(
        "arrows",
        "arrows alone: undo, redo",
        _read_arrows,
        (Example("↩️", "changed"), Example("⏩", "undone")),
    ),
)
"""Row that stands before the vetoes, which read all other signs."""

ROWS = (
    WordReader(
        "history",
        "undo, redo, back to a version",
        _read,
        (Example("undo", "changed"), Example("верни ту, что до ночи", "changed")),
    ),
)
