"""Russian forms of words: things in the nominative, and attributes that agree with them. Pure."""

import re
from collections.abc import Mapping
from functools import cache

from imgbot.domain.intents.words import stem
from imgbot.domain.prompt_words import ANYWHERE, JOINING, LINKS, TABLES, kind_of
from imgbot.domain.spelling import fold, has_cyrillic
from imgbot.domain.texts import tables

_FIXED, _STRESSED = (frozenset(TABLES["words"][name].split()) for name in ("fixed", "stressed"))
_ADJECTIVE_ENDING = re.compile(
    r"(?:ыми|ими|ого|его|ому|ему|ый|ий|ой|ая|яя|ое|ее|ые|ие|ую|юю|ым|им|ом|ем|ей|ых|их)$"
)

_SOUNDS, _HARD = (("син",), ("ж", "ш", "ч", "щ"), ("г", "к", "х")), 3
"""Ends of the roots of adjectives that are soft, hushing, velar; all others are hard."""

_ENDINGS = {
    "ая": ("яя", "ая", "ая", "ая"),
    "ое": ("ее", "ее", "ое", "ое"),
    "ыи": ("ие", "ие", "ие", "ые"),
}
"""Endings of an adjective by these, and by the last letters of its noun."""

_MASCULINE, _STRESSED_ENDINGS = ("ий", "ий", "ий", "ый"), ("ой", "ой", "ой", "ой")

_PLURAL_CASES = {"ами": "ими", "ями": "ими", "ах": "их", "ях": "их"}
_FEMININE_CASES = {**_PLURAL_CASES, "у": "ую", "ю": "ую"}
_MASCULINE_CASES = {
    **_PLURAL_CASES,
    "ом": "им",
    "ем": "им",
    "а": "ого",
    "я": "ого",
    "у": "ому",
    "ю": "ому",
    "е": "ом",
}
"""Endings of an adjective by those of its noun, in the cases after the nominative."""


@cache
def _subjects() -> Mapping[str, str]:
    drawn = (name for name in tables("ru")["subjects"].values() if " " not in name)
    names = (*TABLES["words"]["things"].split(), *drawn)
    return {stem(fold(name)): name for name in names}


def nominative(word: str) -> str:
    """Return a noun as it is listed, else the nominative of a feminine accusative."""
    folded = fold(word)
    if known := _subjects().get(stem(folded)):
        return known
    if folded in _FIXED or len(word) < 4:
        return word
    for ending, nominative in (("ую", "ая"), ("юю", "яя"), ("у", "а"), ("ю", "я")):
        if folded.endswith(ending):
            return word[: -len(ending)] + nominative
    return word


def with_nominative(words: str) -> str:
    """Return the words with those before the first preposition in the nominative."""
    parts = words.split(" ")
    for at, word in enumerate(parts):
        folded = fold(word)
        if (folded in LINKS and folded not in JOINING) or not has_cyrillic(word):
            break
        parts[at] = word if kind_of(folded, ANYWHERE) else nominative(word)
    return " ".join(parts)


def declined(adjective: str, noun: str, form: str) -> str:
    """Return a Russian adjective that goes with a noun in the singular, in a form of it."""
    is_feminine = fold(noun)[-1:] in "ая"
    endings = _FEMININE_CASES if is_feminine else _MASCULINE_CASES
    found = (told for last, told in endings.items() if fold(form).endswith(last))
    ending = next(found, "ой" if is_feminine and form != noun else "")
    return _ADJECTIVE_ENDING.sub("", adjective) + ending if ending else agreed(adjective, noun)


def agreed(adjective: str, noun: str) -> str:
    """Return a Russian adjective in the nominative that goes with the noun."""
    root = _ADJECTIVE_ENDING.sub("", adjective)
    sound = next((at for at, ends in enumerate(_SOUNDS) if root.endswith(ends)), _HARD)
    last = fold(noun)[-1:]
    endings = next((found for letters, found in _ENDINGS.items() if last in letters), None)
    if endings is None:
        endings = _STRESSED_ENDINGS if root in _STRESSED else _MASCULINE
    return root + endings[sound]
