"""Words of a text: its tokens, as far as anybody reads them, with their stems and clauses."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby
from operator import attrgetter

from imgbot.domain.spelling import fold, has_cyrillic

_READ_CHARACTERS, _TOKENS_LIMIT, _LONGEST_WORD = 1000, 60, 24
"""Most that is read of a text: words are cached, and a hostile user can send thousands."""

_QUOTED = re.compile(r"«[^«»]*»|“[^“”]*”|„[^„“]*“|\"[^\"]*\"")
_MARKS = "\u0300-\u036f\u0483-\u0489"
_TOKEN = re.compile(
    rf"{_QUOTED.pattern}|\d+(?:[.,:]\d+)+|[\w{_MARKS}]+(?:['&/-][\w{_MARKS}]+)*"
    r"|[.,!?;:\n()…—–]+|[^\w\s]"
)
_MARK = re.compile(f"[{_MARKS}]")
_QUOTATION = "«»"
# Neither ends a clause.
_INSIDE = frozenset("'-*#&/\\")
_NUMBER_X = re.compile(r"(?<![^\W\d_])[xх×*] ?(?=[248]\b)|(?<=\b[248]) ?[xх×*](?!\w)")
_NUMBER_K = re.compile(r"(?<=\b[248]) ?[kк](?!\w)")
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the text: folded, its stem, where it ends, and the number of its clause."""

    text: str
    stem: str
    end: int
    clause: int


@dataclass(frozen=True, slots=True)
class ParsedText:
    """A text as tokens, with what stands between them."""

    text: str
    tokens: tuple[Token, ...]
    asks: frozenset[int]
    """Clauses that end in a question mark."""


@lru_cache(maxsize=64)
def parse_text(text: str) -> ParsedText:
    """Split a text into tokens and clauses; a quotation in it is one token without a meaning."""
    text = unicodedata.normalize("NFC", text)
    tokens: list[Token] = []
    asks: set[int] = set()
    clause = 0
    for match in _TOKEN.finditer(_normalised(text[:_READ_CHARACTERS])):
        found = match[0]
        if found[0].isalnum() or found[0] == "_":
            tokens.append(Token(*_word(found[:_LONGEST_WORD]), match.end(), clause))
        elif len(found) > 1 and _QUOTED.fullmatch(found):
            tokens.append(Token(_QUOTATION, _QUOTATION, match.end(), clause))
        elif not _INSIDE.issuperset(found):
            asks |= {clause} if "?" in found else set()
            clause += 1
        if len(tokens) == _TOKENS_LIMIT:
            break
    return ParsedText(text, tuple(tokens), frozenset(asks))


def _normalised(text: str) -> str:
    """Return the text folded, at the same length, so that a token's end is that in the text."""
    folded = fold(text)
    if _QUOTED.fullmatch(folded.strip()):
        folded = f" {folded.strip()[1:-1]} ".rjust(len(text))
    folded = _NUMBER_X.sub(lambda x: "x".rjust(len(x[0])), folded)
    return _NUMBER_K.sub(lambda k: "k".ljust(len(k[0])), folded)


@lru_cache(maxsize=8192)
def _word(found: str) -> tuple[str, str]:
    plain = _DRAWN_OUT.sub(r"\1", _MARK.sub("", found.replace("'", "")))
    return plain, stem(plain)


@cache
def _stemmers() -> tuple:
    # All of its languages are imported: 12 ms that a command without a conversation needs not.
    from snowballstemmer import stemmer  # noqa: PLC0415

    return stemmer("english"), stemmer("russian")


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    return _stemmers()[has_cyrillic(word)].stemWord(word)


@lru_cache(maxsize=1024)
def stems_of(text: str) -> frozenset[str]:
    return frozenset(token.stem for token in parse_text(text).tokens)


def clauses_of(tokens: Sequence[Token]) -> list[tuple[Token, ...]]:
    return [tuple(clause) for _, clause in groupby(tokens, attrgetter("clause"))]
