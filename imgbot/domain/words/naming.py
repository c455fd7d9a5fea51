"""Naming: pictures by number, and by the name that people give them. Pure."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise, zip_longest

from imgbot.domain.intents.facts import Intent, PendingQuestion
from imgbot.domain.intents.words import Token
from imgbot.domain.operations import Operation
from imgbot.domain.spelling import has_cyrillic
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.name_phrases import (
    OTHERS,
    PREVIOUS,
    NamePhrase,
    phrases_in,
    with_article,
)
from imgbot.domain.words.numbers import MORE, Numbered, are_joined, numbered_in
from imgbot.domain.words.parts import parts_in
from imgbot.domain.words.picture_words import PictureWords, words_of
from imgbot.domain.words.reading import NamedBy, Sentence, Which, sentence_of
from imgbot.domain.words.vocabulary import WORDS, concept, is_look, is_small

_OTHER_QUESTIONS = frozenset(PendingQuestion) - {PendingQuestion.NOTHING, PendingQuestion.CHANGE}
_WAYS = {OTHERS: NamedBy.OTHER, PREVIOUS: NamedBy.BEFORE}
_ONE_BY_ONE = ("each", "every", "каждый", "каждую", "каждом", "каждому", "каждой", "каждого")
_COUNTS = {
    "two": 2, "three": 3, "four": 4, "две": 2, "два": 2, "двух": 2, "три": 3, "трех": 3, "троих": 3,
    "четыре": 4,
}  # fmt: skip
_FIRST = 3
"""Words before the first thing of a text at most."""
_SEPARATORS = " ,;:.!?—–-\n"

_LINKED = re.compile(r"\s*(?:but|but make it|and|но|а|и|только)\s+(?=\w)", re.IGNORECASE)
"""Link between a name and what is said of it: "the last one but darker"."""


@dataclass(frozen=True, slots=True)
class PictureName:
    """Picture that a text names, and what the text says of it."""

    which: Which
    rest: Sentence
    """The text as it would be said of one picture alone; empty if it only names it."""
    is_certain: bool = True
    """False for words that may tell of this picture, or of a new one."""
    is_definite: bool = True
    """True for a name with "the"."""

    @property
    def alone(self) -> Intent | None:
        """Intent of a text that says no more than which picture: it is shown, or pointed at."""
        tokens, keeping = self.rest.parsed.tokens, WORDS["keeping"]
        if not all(is_small(each) or each.text in keeping for each in tokens):
            return None
        words = {each.text for each in tokens}
        if words & WORDS["showing"] or not words:
            return Intent.SHOW
        return (
            None
            if words & (WORDS["changing"] | WORDS["without"] | WORDS["removing"])
            else Intent.POINTING
        )


def named_picture(sentence: Sentence, chat: ChatState) -> PictureName | None:
    """Return the picture that a text names; None if it names none, or several.

    "The second one brighter" and "now the ship: make it bigger" are "it brighter" and "make it
    bigger" about that picture; "the ship needs a flag" stays as it is.
    """
    if not chat.pictures or chat.pending in _OTHER_QUESTIONS:
        return None
    numbered = _by_number(sentence, chat)
    if len(chat.pictures) < 2:
        return numbered
    return _by_all(sentence, chat) or numbered or _by_name(sentence, chat)


def _by_all(sentence: Sentence, chat: ChatState) -> PictureName | None:
    """Return all that are meant by "both", "each of them" and "all three"."""
    tokens = sentence.parsed.tokens
    are_fresh = bool(chat.unchosen or chat.photos)
    for at, (before, token, after) in enumerate(zip_longest((None, *tokens), tokens, tokens[1:])):
        count = _COUNTS.get(after.text, 0) if after else 0
        if token is None or not _is_every(before, token, after, are_fresh=are_fresh):
            continue
        is_pair = token.text not in _ONE_BY_ONE and not count
        which = Which(NamedBy.ALL, 2 if is_pair else count)
        return PictureName(which, _without_all(at, bool(count), sentence), is_definite=False)
    return None


def _without_all(at: int, counted: int, sentence: Sentence) -> Sentence:
    """Return "make it darker" for "make both darker"; "each of them" stays as it is."""
    tokens = sentence.parsed.tokens
    end = at + 1 + counted
    end += end < len(tokens) and tokens[end].text in WORDS["thing"]
    is_of = end < len(tokens) and tokens[end].text in {"of", "из", "them", "их", "we", "us"}
    return sentence if is_of else _without(sentence, NamePhrase(at, end, tokens[at].text))


def _is_every(before: Token | None, token: Token, after: Token | None, *, are_fresh: bool) -> bool:
    """Return true for "both" of pictures, not of things in one."""
    if token.text in WORDS["whole"] | WORDS["newest"]:
        return after is not None and after.text in _COUNTS
    if token.text not in WORDS["every"]:
        return False
    if are_fresh or after is None or is_small(after) or after.text in WORDS["thing"]:
        return True
    if MORE.fullmatch(after.text):
        return True
    is_of = before is not None and before.text in WORDS["place"]
    return is_of and after.text not in WORDS["parts"] and token.text not in _ONE_BY_ONE


def _by_number(sentence: Sentence, chat: ChatState) -> PictureName | None:
    found, tokens = numbered_in(sentence, chat), sentence.parsed.tokens
    several = [*dict.fromkeys(map(_which, found))]
    are_apart = not all(are_joined(one.end, other.start, tokens) for one, other in pairwise(found))
    if not several or (are_apart and len(several) > 1):
        return None
    first, last = found[0], found[0] if are_apart else found[-1]
    rest = _without(sentence, first._replace(end=last.end))
    return PictureName(together(several), rest, is_definite=bool(first.of) or first.number > 0)


def _which(found: Numbered) -> Which:
    return Which(NamedBy.NUMBER, found.number, "photo" * (found.of in WORDS["photo"]))


def several_named(sentence: Sentence, chat: ChatState) -> Which | None:
    """Return the pictures that are named one beside another: "1 and 3", "the fox and the ship"."""
    numbered = [_which(each) for each in numbered_in(sentence, chat)]
    if len(set(numbered)) > 1:
        return together(numbered)
    known = words_of(chat.pictures)
    named: dict[str, Which] = {}
    for token in sentence.parsed.tokens:
        best = [] if is_small(token) else known.best(token.text)
        if len(best) == 1:
            named.setdefault(best[0].id, Which(NamedBy.ID, name=best[0].id))
    return together([*named.values()]) if len(named) > 1 else None


def together(found: list[Which]) -> Which:
    return reduce(lambda also, each: replace(each, and_also=also), reversed(found))


def _by_name(sentence: Sentence, chat: ChatState) -> PictureName | None:
    known = words_of(chat.pictures)
    phrases = list(phrases_in(sentence))
    named = [each for each in phrases if each.name in _WAYS or known.best(each.name)]
    unknown = (each for each in phrases if each.is_explicit and not _is_look(each.name))
    chosen = next(iter(named or unknown), None)
    if chosen:
        way = _WAYS.get(chosen.name, NamedBy.NAME)
        which = Which(way, name=chosen.name)
        return PictureName(which, _without(sentence, chosen), is_definite=chosen in named)
    return None if chat.replied else _by_part(sentence, chat, known)


def _is_look(name: str) -> bool:
    """Return true for "the horizontal one" where there is none: it shall be made."""
    return all(map(is_look, name.split()))


def _by_part(sentence: Sentence, chat: ChatState, known: PictureWords) -> PictureName | None:
    """Return the picture that a thing in the text names, if this picture has no such thing."""
    tokens = sentence.parsed.tokens
    parts = list(parts_in(tokens))
    names = known.matching(concept(each.text) for each in parts)
    named = [each for each in parts if concept(each.text) in names]
    words = " ".join(each.text for each in named)
    best = known.best(words)
    if not names and parts:
        return _by_contrast(sentence, chat, known, parts[0])
    if not best or _is_this(sentence, chat, known, names.values(), best[0]):
        return None
    at = tokens.index(named[0])
    start = with_article(at, tokens)
    return PictureName(
        Which(NamedBy.NAME, name=words),
        _without(sentence, NamePhrase(start, at + 1, words)),
        is_certain=False,
        is_definite=_is_definite(start, at, tokens),
    )


def _is_definite(start: int, at: int, tokens: Sequence[Token]) -> bool:
    """Return true for "the fog", and not for "in the fog", which is a place."""
    clause = {each.text for each in tokens if each.clause == tokens[at].clause}
    is_place = start > 0 and tokens[start - 1].text in WORDS["place"]
    return (start < at and not is_place) or not WORDS["told"].isdisjoint(clause)


def _by_contrast(
    sentence: Sentence, chat: ChatState, known: PictureWords, part: Token
) -> PictureName | None:
    """Return a name that only a photo can have: "and the tabby gets a monocle", "коробку тоже"."""
    if chat.this is None or not _is_contrast(part, sentence.parsed.tokens):
        return None
    if all(known.line(each) == known.line(chat.this) for each in known.unknown()):
        return None
    at = sentence.parsed.tokens.index(part)
    start = with_article(at, sentence.parsed.tokens)
    rest = _without(sentence, NamePhrase(start, at + 1, part.text))
    which = Which(NamedBy.NAME, name=part.text)
    return PictureName(which, rest, is_certain=False, is_definite=False)


def _is_contrast(part: Token, tokens: Sequence[Token]) -> bool:
    """Return true for the first thing of a text after "and", or beside "too"."""
    at = tokens.index(part)
    is_there = with_article(at, tokens) < at or has_cyrillic(part.text)
    if not is_there or at > _FIRST or is_look(part.text) or not all(map(is_small, tokens[:at])):
        return False
    is_likewise = any(each.text in WORDS["likewise"] for each in tokens)
    return is_likewise or tokens[0].text in WORDS["contrast"]


def _is_this(
    sentence: Sentence,
    chat: ChatState,
    known: PictureWords,
    words: Collection[str],
    best: ChatPicture,
) -> bool:
    """Return true if this picture has as much of what is named, unless its parts are named."""
    if chat.this is None:
        return True
    tokens = {each.text for each in sentence.parsed.tokens}
    if best.operation is Operation.MERGE and not WORDS["apart"].isdisjoint(tokens):
        return True
    is_apart = chat.this.operation is Operation.MERGE and not WORDS["apart"].isdisjoint(tokens)
    of_this = 0 if is_apart else known.shown(chat.this, words)
    return of_this >= known.shown(best, words)


def _without(sentence: Sentence, named: NamePhrase | Numbered) -> Sentence:
    """Return what is said about the picture, as it would be said of one picture alone."""
    text, tokens = sentence.parsed.text, sentence.parsed.tokens
    start = tokens[named.start - 1].end if named.start else 0
    before, colon = text[:start].strip(_SEPARATORS + " "), text[tokens[named.end - 1].end :]
    after = colon.lstrip(_SEPARATORS)
    if not before and (linked := _LINKED.match(after)):
        return sentence_of(after[linked.end() :])
    is_english = not has_cyrillic(before or after)
    is_object = is_english and bool(before or after) and not colon.startswith(":")
    return sentence_of(" ".join(filter(None, (before, "it" if is_object else "", after))))
