"""Name phrases: the words of a text that may name a picture, and how surely they do. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from imgbot.domain.intents.words import Token
from imgbot.domain.words.reading import Sentence
from imgbot.domain.words.vocabulary import WORDS, is_small

BESIDE_THIS = (OTHERS := "others", PREVIOUS := "previous")
_LONGEST_HEADING, _LONGEST_NAME = 4, 5
_NEW = WORDS["indefinite"] | {"not", "не", "more", "ещё", "еще", "2", "3", "4", "5"}
_NAMED = WORDS["thing"] | WORDS["pointing"]
_NO_HEADING = WORDS["writing"] | WORDS["indefinite"]


@dataclass(frozen=True, slots=True)
class NamePhrase:
    """Tokens of a text that may name a picture, and what they name it by."""

    start: int
    end: int
    name: str
    is_explicit: bool = False
    """True for one that names a picture whether or not that is known to show it."""


def phrases_in(sentence: Sentence) -> Iterator[NamePhrase]:
    """Yield what is certainly a name: "the ship: …", "the red one", "ту, что с лодкой"."""
    tokens = sentence.parsed.tokens
    if any(each.text in WORDS["drawing"] for each in tokens):
        return
    yield from _heading(sentence)
    yield from _anew(tokens)
    for at, token in enumerate(tokens):
        beside = next((each for each in BESIDE_THIS if token.text in WORDS[each]), "")
        if beside and not _is_before_a_part(at, tokens):
            is_thing = at + 1 < len(tokens) and tokens[at + 1].text in WORDS["thing"]
            yield NamePhrase(with_article(at, tokens), at + 1 + is_thing, beside)
        elif token.text in _NAMED:
            yield from _after(at, tokens)
            yield from _before(at, tokens)


def _heading(sentence: Sentence) -> Iterator[NamePhrase]:
    tokens = sentence.parsed.tokens[:_LONGEST_HEADING]
    ends = (at for at, each in enumerate(tokens, 1) if sentence.text[each.end :][:1] == ":")
    end = next(ends, 0)
    named = [each.text for each in tokens[:end]]
    name = " ".join(each.text for each in tokens[:end] if not is_small(each))
    if name and _NO_HEADING.isdisjoint(named) and end < len(sentence.parsed.tokens):
        yield NamePhrase(0, end, name, is_explicit=True)


def _anew(tokens: Sequence[Token]) -> Iterator[NamePhrase]:
    """Yield the name in "the goddess but in green"."""
    ends = (at for at, each in enumerate(tokens[:_LONGEST_HEADING]) if each.text in {"but", "но"})
    end = next(ends, 0)
    name = " ".join(each.text for each in tokens[:end] if not is_small(each))
    if name and tokens[0].text in WORDS["definite"]:
        yield NamePhrase(0, end, name)


def _after(at: int, tokens: Sequence[Token]) -> Iterator[NamePhrase]:
    """Yield the name behind "the one with", up to the next small word."""
    start, following = with_article(at, tokens), tokens[at + 1 : at + 1 + 2 * _LONGEST_NAME]
    if not following or following[0].text not in WORDS["joined"] or _is_new(start, tokens):
        return
    first = next((n for n, each in enumerate(following) if not is_small(each)), len(following))
    named = [*takewhile(lambda each: not is_small(each), following[first:])][:_LONGEST_NAME]
    name = [each.text for each in named if each.clause == named[0].clause]
    if name:
        without = [each.text for each in following[:first] if each.text in WORDS["without"]]
        is_explicit = tokens[at].text in WORDS["explicit"]
        end = at + 1 + first + len(name)
        yield NamePhrase(start, end, " ".join((*without[:1], *name)), is_explicit)


def _before(at: int, tokens: Sequence[Token]) -> Iterator[NamePhrase]:
    """Yield the name before "one"."""
    first = at
    while (
        first and tokens[first - 1].clause == tokens[at].clause and not is_small(tokens[first - 1])
    ):
        first -= 1
    start = with_article(first, tokens)
    is_other = _is_new(start, tokens) or _is_kept(start, at + 1, tokens)
    if first < at and tokens[at].text in WORDS["thing"] and not is_other:
        name = " ".join(each.text for each in tokens[first:at])
        yield NamePhrase(start, at + 1, name, tokens[at].text in WORDS["explicit"])


def _is_new(start: int, tokens: Sequence[Token]) -> bool:
    return start > 0 and tokens[start - 1].text in _NEW


def _is_kept(start: int, end: int, tokens: Sequence[Token]) -> bool:
    around = (*tokens[max(start - 1, 0) : start], *tokens[end : end + 1])
    return any(each.text in WORDS["keeping"] for each in around)


def _is_before_a_part(at: int, tokens: Sequence[Token]) -> bool:
    """Return true for "other" in "the other eye"."""
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    if after is None or after.clause != tokens[at].clause:
        return False
    is_thing = is_small(after) or after.text in WORDS["thing"]
    return after.text in WORDS["times"] or not is_thing


def with_article(at: int, tokens: Sequence[Token]) -> int:
    """Return where the article before a token stands, or the token."""
    before = tokens[at - 1] if at else None
    is_article = before is not None and before.text in WORDS["definite"]
    return at - 1 if is_article and before and before.clause == tokens[at].clause else at
