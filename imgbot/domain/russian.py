"""Russian forms of words: things in the nominative, and attributes that agree with them. Pure."""

import re
from collections.abc import Mapping
from functools import cache

from imgbot.domain.intents.words import stem
from imgbot.domain.prompt_words import ANYWHERE, JOINING, LINKS, TABLES, kind_of
from imgbot.domain.spelling import fold, has_cyrillic
from imgbot.domain.texts import tables

_FIXED, _STRESSED = (frozenset(TABLES["words"][name].split()) for name in ("fixed", "stressed"))
_SOFT = TABLES["words"]["feminine"].split()
_FEMININE = re.compile(rf".*(?:[ая]|[жшчщ]ь|(?<!г)ость)|{'|'.join(_SOFT)}")
"""Nouns with the endings of feminine ones; of most in "ь", nothing else tells the gender."""
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

_PLURAL_CASES = {"ами": "ыми", "ями": "ыми", "ах": "ых", "ях": "ых"}
_FEMININE_CASES = {**_PLURAL_CASES, "ью": "ой", "у": "ую", "ю": "ую"}
_MASCULINE_CASES = {
    **_PLURAL_CASES,
    "ом": "ым",
    "ем": "ым",
    "а": "ого",
    "я": "ого",
    "у": "ому",
    "ю": "ому",
    "е": "ом",
}
"""Endings of a hard adjective by those of its noun, in the cases after the nominative."""

_BEGINNINGS = ({"ы": "и", "о": "е", "у": "ю"}, {"ы": "и", "о": "е"}, {"ы": "и"}, {})
"""First letters of these endings after roots that end with one of `_SOUNDS`."""


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


def declined(adjective: str, form: str, *, is_governed: bool) -> str:
    """Return a Russian adjective that goes with a noun in this form, after a preposition or not."""
    folded, noun = fold(form), fold(nominative(form))
    is_plural = folded.endswith("ья") or (folded.endswith(("ы", "и")) and not is_governed)
    if is_plural and folded != noun:
        return agreed(adjective, "ы")
    ending = _case_ending(folded, noun, is_governed=is_governed)
    return _with_ending(adjective, ending) if ending else agreed(adjective, noun)


def _case_ending(form: str, noun: str, *, is_governed: bool) -> str:
    """Return the ending of a hard adjective for a form of a noun; empty for the nominative."""
    is_oblique = form != noun
    # Of things that are listed, only the neuter ones have an oblique form like the nominative.
    is_listed = stem(form) in _subjects() and not form.endswith("е")
    if not is_oblique and (is_listed or not is_governed):
        return ""
    is_feminine = _FEMININE.fullmatch(noun) is not None
    is_genitive = is_governed and form.endswith(("ы", "и"))
    usual = "ой" if is_genitive or (is_feminine and is_oblique) else ""
    endings = _FEMININE_CASES if is_feminine else _MASCULINE_CASES
    return next((told for last, told in endings.items() if form.endswith(last)), usual)


def _with_ending(adjective: str, ending: str) -> str:
    """Return an adjective with the ending of a hard one, as the sound before it changes that."""
    root, sound = _root(adjective)
    is_kept = root in _STRESSED and ending[0] == "о"
    first = ending[0] if is_kept else _BEGINNINGS[sound].get(ending[0], ending[0])
    return root + first + ending[1:]


def _root(adjective: str) -> tuple[str, int]:
    """Return an adjective without its ending, and the place of its last sound in `_SOUNDS`."""
    root = _ADJECTIVE_ENDING.sub("", adjective)
    return root, next((at for at, ends in enumerate(_SOUNDS) if root.endswith(ends)), _HARD)


def agreed(adjective: str, noun: str) -> str:
    """Return a Russian adjective in the nominative that goes with the noun."""
    root, sound = _root(adjective)
    last = "а" if _FEMININE.fullmatch(fold(noun)) else fold(noun)[-1:]
    endings = next((found for letters, found in _ENDINGS.items() if last in letters), None)
    if endings is None:
        endings = _STRESSED_ENDINGS if root in _STRESSED else _MASCULINE
    ending = endings[sound]
    return root + ("ое" if ending == "ее" and root in _STRESSED else ending)
