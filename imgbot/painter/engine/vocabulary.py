"""Words of requests, in Russian and English: degrees, typo correction, suggestions."""

from collections.abc import Sequence

from imgbot.domain.intents.words import stem
from imgbot.domain.spelling import fold, has_cyrillic, similar, slips_of
from imgbot.painter.engine.tables import phrase_lists, table

SLIGHT, MUCH = 0.5, 1.8
# Percentage that equals a change of normal strength ("20 % brighter").
NORMAL_PERCENT = 25
# Words without a meaning of their own in a prompt.
STOP_WORDS = frozenset(fold(table("edit")["stop_words"]).split())

SUGGESTIONS_MAX = 3
# Shorter words are too similar to each other for a guess.
_TYPO_LETTERS_MIN = 5

_NAMES = {
    fold(word): line.split()[0]
    for line in table("edit")["known_words"].splitlines()
    for word in line.split()
}
WORDS = tuple(sorted(_NAMES, key=has_cyrillic, reverse=True))

_BY_ALPHABET = [[word for word in WORDS if has_cyrillic(word) == each] for each in (False, True)]
_NEAR = tuple(
    (phrase_lists("edit").compiled(form), words) for form, words in table("edit")["near"].items()
)
_STEMS = {stem(word): word for word in WORDS}


def correct_typo(word: str) -> str | None:
    """Known word of the same stem, or that differs by one typo; None if there is no single one."""
    if not word.isalpha() or len(word) < _TYPO_LETTERS_MIN - 1:
        return None
    if len(word) >= _TYPO_LETTERS_MIN and (known := _STEMS.get(stem(word))):
        return known
    fitting = [
        known
        for known in slips_of(word, WORDS)
        # "Ярче" is short but the most frequent word, and nothing else is similar.
        if min(len(known), len(word)) >= _TYPO_LETTERS_MIN or known == "ярче"
    ]
    return fitting[0] if len({_NAMES[known] for known in fitting}) == 1 else None


def find_suggestions(unknown: Sequence[str]) -> tuple[str, ...]:
    """Up to three known words, similar in spelling first, then in meaning."""
    spelt = [
        near
        for word in unknown
        for near in similar(word, _BY_ALPHABET[has_cyrillic(word)], 2, 0.76)
    ]
    fitting = [
        near
        for word in unknown
        for pattern, words in _NEAR
        if pattern.fullmatch(word)
        for near in words
    ]
    names = [_NAMES.get(near, near) for near in (*spelt, *fitting)]
    return tuple(dict.fromkeys(names))[:SUGGESTIONS_MAX]


def popular_words(words: str) -> tuple[str, ...]:
    """Most popular changes, in the language of the words."""
    if has_cyrillic(words):
        return ("ярче", "теплее", "чёрно-белое")
    return ("brighter", "warmer", "black and white")
