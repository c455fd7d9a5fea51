"""Beginnings: the polite, clumsy and talkative words before what a text asks for."""

import tomllib
from collections.abc import Sequence
from functools import cache

from imgbot.domain.intents.model import FOLDER
from imgbot.domain.intents.words import ParsedText, Token, clauses_of
from imgbot.domain.spelling import fold

_LONGEST = 7
_BETWEEN = " ,.!?:;—–-)"


@cache
def _phrases() -> dict[str, frozenset[tuple[str, ...]]]:
    listed = tomllib.loads((FOLDER / "beginnings.toml").read_text("utf-8"))
    return {
        name: frozenset(tuple(fold(each).replace("'", "").split()) for each in phrases)
        for name, phrases in listed.items()
    }


def without_beginning(reading: ParsedText, talk: int = 0) -> str:
    """Return the text after its polite beginning; its first `talk` clauses may be talk."""
    tokens = _after_talk(reading.tokens, talk)
    rest = _after_now(_after_polite(tokens) or tokens)
    if not rest or rest[0] is reading.tokens[0]:
        return reading.text
    last = reading.tokens[reading.tokens.index(rest[0]) - 1]
    return reading.text[last.end :].lstrip(_BETWEEN)


def is_request(tokens: Sequence[Token]) -> bool:
    """Return true for "now draw a dog" and "please make it darker"."""
    rest = _after_polite(tokens)
    rest = rest[1:] if rest and _is(rest[0], "now") else rest
    return bool(rest) and (_is(rest[0], "ordering") or len(rest) < len(tokens) > 1)


def _after_talk(tokens: Sequence[Token], talk: int) -> Sequence[Token]:
    """Return the tokens after talk; "the background is ugly, change it" needs its beginning."""
    clauses = clauses_of(tokens)
    rest = [token for clause in clauses[talk:] for token in clause]
    said = tokens[: len(tokens) - len(rest)]
    is_needed = _refers(rest) and not _refers(said)
    return tokens if is_needed or not rest else rest


def _refers(tokens: Sequence[Token]) -> bool:
    return any(_is(each, "reference") for each in tokens)


def _after_polite(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens after "could you please" and "I want"; nothing if no others are left."""
    while tokens and not _is_negation(tokens):
        size = max(_starting(tokens, "polite"), _starting(tokens, "wanted"))
        if not size:
            break
        tokens = tokens[size:]
    return tokens


def _is_negation(tokens: Sequence[Token]) -> bool:
    """Return true for "no text", and not for "no, make it red"."""
    is_one = tokens[0].text == "no" and len({each.clause for each in tokens[:2]}) == 1
    return is_one and len(tokens) > 1 and not _is(tokens[1], "ordering")


def _after_now(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens after "now" in "now draw a dog"."""
    if not tokens or not _is(tokens[0], "now"):
        return tokens
    rest = _after_polite(tokens[1:])
    return rest if rest and _is(rest[0], "ordering") else tokens


def _is(token: Token, name: str) -> bool:
    return (token.text,) in _phrases()[name]


def _starting(tokens: Sequence[Token], name: str) -> int:
    said, phrases = tuple(each.text for each in tokens[:_LONGEST]), _phrases()[name]
    return next((size for size in range(len(said), 0, -1) if said[:size] in phrases), 0)
