"""Parts: the things that a text speaks of as being there, not as wished for. Pure."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from imgbot.domain.intents.words import Token, clauses_of
from imgbot.domain.spelling import has_cyrillic
from imgbot.domain.words.vocabulary import WORDS, concept, is_small

_WISHED = frozenset[str]().union(
    *(WORDS[name] for name in ("indefinite", "this", "without", "like", "adding", "writing"))
)
_PARTS = frozenset(map(concept, WORDS["parts"])) | {concept("text")}
_RESET = WORDS["place"] | WORDS["definite"]


def parts_in(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield the words that may tell of a thing that there is, not of one that shall be."""
    if any(each.text in WORDS["drawing"] for each in tokens):
        return
    for clause in clauses_of(tokens):
        if WORDS["pronouns"].isdisjoint(each.text for each in clause) and not _is_this(clause):
            yield from _parts_of(clause)


def _parts_of(clause: Sequence[Token]) -> Iterator[Token]:
    is_there, before = _is_subject(clause), ""
    for token in clause:
        word = token.text
        if word in _WISHED:
            is_there = False
        elif word in _RESET:
            is_there = is_there or before not in _WISHED
            word = word if is_there else before
        elif is_there and not is_small(token) and concept(word) not in _PARTS:
            yield token
        before = word


def _is_subject(clause: Sequence[Token]) -> bool:
    """Return true if the first thing of a clause is what is spoken of: "wolf as a sticker"."""
    if has_cyrillic(clause[0].text):
        return True
    first = next((at for at, each in enumerate(clause) if not is_small(each)), 0)
    is_told_of = any(is_small(each) for each in clause[first + 1 :])
    return is_told_of and all(each.text in WORDS["links"] for each in clause[:first])


def _is_this(tokens: Sequence[Token]) -> bool:
    """Return true for "this", "that one" and «эту» alone: the picture that is there."""
    for token, after in zip_longest(tokens, tokens[1:]):
        if token.text in WORDS["this"] and (after is None or is_small(after)):
            return True
        if token.text == "that" and after and after.text in WORDS["thing"]:
            return True
    return False
