"""Words of requests, in Russian and English: degrees, typo correction, suggestions."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from imgbot.engine.tables import table

SLIGHT, MUCH = 0.5, 1.8
# Percentage that equals a change of normal strength ("20 % brighter").
NORMAL_PERCENT = 25
# Words without a meaning of their own in a prompt.
STOP_WORDS = frozenset(table("edit")["stop_words"].replace("ё", "е").split())

SUGGESTIONS_MAX = 3
# Shorter words are too similar to each other for a guess.
_TYPO_LETTERS_MIN = 5
_CLOSE = 0.76

_CYRILLIC = re.compile("[а-я]")

_NAMES = {
    word.replace("ё", "е"): line.split()[0]
    for line in table("edit")["known_words"].splitlines()
    for word in line.split()
}
_RUSSIAN = tuple(word for word in _NAMES if _CYRILLIC.search(word))
_ENGLISH = tuple(word for word in _NAMES if not _CYRILLIC.search(word))
WORDS = (*_RUSSIAN, *_ENGLISH)

_NEAR = tuple((re.compile(pattern), words) for pattern, words in table("edit")["near"].items())

_POPULAR_RUSSIAN = ("ярче", "теплее", "чёрно-белое")
_POPULAR_ENGLISH = ("brighter", "warmer", "black and white")


def correct_typo(word: str) -> str | None:
    """Known word that differs by one typo; None if there is none or it is ambiguous."""
    if not word.isalpha() or len(word) < _TYPO_LETTERS_MIN - 1:
        return None
    meant = [
        known
        for known in WORDS
        # "Ярче" is short but the most frequent word, and nothing else is similar.
        if (min(len(known), len(word)) >= _TYPO_LETTERS_MIN or known == "ярче")
        and is_one_edit_apart(word, known)
    ]
    return meant[0] if len({_NAMES[known] for known in meant}) == 1 else None


def is_one_edit_apart(one: str, other: str) -> bool:
    """True if one letter is added, missing, wrong, or swapped with its neighbour."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = next(
        (place for place, (left, right) in enumerate(zip(one, other, strict=False))
         if left != right),
        min(len(one), len(other)),
    )  # fmt: skip
    left, right = one[start:], other[start:]
    is_swapped = left[:2] == right[:2][::-1] and left[2:] == right[2:]
    if start == 0:
        # A different first letter usually makes a different word: farmer, warmer.
        return is_swapped
    return left[1:] == right[1:] or left[1:] == right or left == right[1:] or is_swapped


def find_suggestions(unknown: Sequence[str]) -> tuple[str, ...]:
    """Up to three known words, similar in spelling first, then in meaning."""
    spelt = [
        near
        for word in unknown
        for near in get_close_matches(word, _RUSSIAN if is_russian(word) else _ENGLISH, 2, _CLOSE)
    ]
    meant = [
        near
        for word in unknown
        for pattern, words in _NEAR
        if pattern.fullmatch(word)
        for near in words
    ]
    names = [_NAMES.get(near, near) for near in (*spelt, *meant)]
    return tuple(dict.fromkeys(names))[:SUGGESTIONS_MAX]


def popular_words(words: str) -> tuple[str, ...]:
    """Most popular changes, in the language of the words."""
    return _POPULAR_RUSSIAN if is_russian(words) else _POPULAR_ENGLISH


def is_russian(words: str) -> bool:
    """True if there are Cyrillic letters in the text."""
    return bool(_CYRILLIC.search(words.lower().replace("ё", "е")))
