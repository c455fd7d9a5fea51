"""Beginnings: the polite, clumsy and talkative words before what a text asks for."""

import tomllib
from collections.abc import Sequence
from functools import cache

from imgbot.domain.intents.model import FOLDER
from imgbot.domain.intents.words import ParsedText, Token, clauses_of, parse_text
from imgbot.domain.spelling import fold, has_cyrillic

_DRAW = "нарисуй"
_PERSONS = frozenset({"i", "you", "u", "we", "they", "he", "she", "people"})
_POLITE = ("polite", "wanted")


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
    rest = _after_now(_after(tokens, *_POLITE) or tokens)
    return _text_of(rest, reading) if rest else reading.text


def without_preamble(prompt: str) -> str:
    """Return the prompt without "listen, could you make me a picture where"; else as it is.

    A plain "draw a fox" stays: in Russian its noun would be left in the accusative.
    """
    rest, names_picture = _after_preamble(prompt)
    if names_picture or not rest or not has_cyrillic(prompt):
        return rest or prompt
    return f"{_DRAW} {rest}"


def names_new_picture(prompt: str) -> bool:
    """Return true for "make me a picture where", which is about no other picture."""
    return _after_preamble(prompt)[1]


def _after_preamble(prompt: str) -> tuple[str, bool]:
    """Return the text after a polite or clumsy beginning; and whether it names a picture."""
    reading = parse_text(prompt)
    drawing = _after(reading.tokens, *_POLITE, "clumsy")
    order = _after(drawing[1:], "filler") if drawing and _is(drawing[0], "drawing") else drawing
    rest = _after_picture(order)
    # One part alone may begin any prompt: "Look at me", "a picture of a fox". So may "just do it".
    parts = {len(each) for each in (reading.tokens, drawing, order, rest)}
    text = _text_of(rest, reading) if rest else ""
    if len(parts) < 3 or not text[:1].isalnum() or (rest is order and _is_pointing(rest)):
        return "", False
    return text.rstrip(" ?"), rest is not order


def _is_pointing(tokens: Sequence[Token]) -> bool:
    """Return true for "it darker" and for "so" alone, which need the verb before them."""
    return _is(tokens[0], "reference") or (len(tokens) == 1 and _is(tokens[0], "polite"))


def _after_picture(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens after "a picture where", or all of them."""
    picture = tokens[_starting(tokens, "article") :]
    showing = picture[_starting(picture, "picture") :]
    size = _starting(showing, "showing")
    return showing[size:] if size and len(showing) < len(picture) else tokens


def _text_of(rest: Sequence[Token], reading: ParsedText) -> str:
    """Return the text from the first of these tokens on."""
    at = reading.tokens.index(rest[0])
    return reading.text[reading.tokens[at - 1].end :].lstrip(" ,.!?:;—–-)") if at else reading.text


def is_request(tokens: Sequence[Token]) -> bool:
    """Return true for "now draw a dog" and "please, a darker one"."""
    rest = _asked(tokens)
    return is_order(tokens) or 0 < len(rest) < len(tokens)


def is_order(tokens: Sequence[Token]) -> bool:
    """Return true for "now draw a dog" and "please make it darker"."""
    rest = _asked(tokens)
    is_asked = len(rest) > 1 and rest[0].text == "do" and rest[1].text in _PERSONS
    return bool(rest) and not is_asked and _is(rest[0], "ordering")


def _asked(tokens: Sequence[Token]) -> Sequence[Token]:
    rest = _after(tokens, *_POLITE)
    return rest[1:] if rest and _is(rest[0], "now") else rest


def _after_talk(tokens: Sequence[Token], talk: int) -> Sequence[Token]:
    """Return the tokens after talk; "the background is ugly, change it" needs its beginning."""
    clauses = clauses_of(tokens)
    rest = [token for clause in clauses[talk:] for token in clause]
    said = tokens[: len(tokens) - len(rest)]
    is_needed = _refers(rest) and not _refers(said)
    return tokens if is_needed or not rest else rest


def _refers(tokens: Sequence[Token]) -> bool:
    return any(_is(each, "reference") for each in tokens)


def _after(tokens: Sequence[Token], *names: str) -> Sequence[Token]:
    """Return the tokens after phrases of these tables; nothing if no others are left."""
    while tokens and not _is_negation(tokens):
        size = max(_starting(tokens, name) for name in names)
        if not size:
            break
        tokens = tokens[size:]
    return tokens


def _is_negation(tokens: Sequence[Token]) -> bool:
    """Return true for "no text" and "no frame", and not for "no, make it red"."""
    clause = clauses_of(tokens)[0]
    is_one = clause[0].text == "no" and len(clause) > 1
    return is_one and (len(clause) == 2 or not _is(clause[1], "ordering"))


def _after_now(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens after "now" in "now draw a dog"."""
    if not tokens or not _is(tokens[0], "now"):
        return tokens
    rest = _after(tokens[1:], *_POLITE)
    return rest if rest and _is(rest[0], "ordering") else tokens


def _is(token: Token, name: str) -> bool:
    return (token.text,) in _phrases()[name]


def _starting(tokens: Sequence[Token], name: str) -> int:
    said, phrases = tuple(each.text for each in tokens[:7]), _phrases()[name]
    return next((size for size in range(len(said), 0, -1) if said[:size] in phrases), 0)
