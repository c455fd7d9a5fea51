"""Lexicon: the meanings of words, in Russian and English.

Subjects are in subjects/words.toml, all else in create.toml, where a stem matches every word that
begins with it, or that word alone if it ends in `$`.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from imgbot.domain.spelling import fold, slips_of
from imgbot.engine.colours import NAMED_COLOURS, parse_hex
from imgbot.engine.subjects import EXACT, PHRASE_WORDS_MAX, WORD, key_of, meanings, subject_of
from imgbot.engine.tables import table
from imgbot.engine.vocabulary import STOP_WORDS

WORDS_MAX = 200
_TYPO_LETTERS_MIN = 6
_DIMINUTIVE = re.compile("(?:[оеёуыюи]?[чшн](?:ек|ик|к)|ик|ок|ек)(?:[аеиоуы]|о[мвй]|ами|ах)?$")
_PLAIN_ENDINGS = ("", "а", "ка", "ок", "о", "ь")
_ADJECTIVES = ("ый", "ий", "ой", "ая", "яя", "ое", "ее", "ые", "ие")
_TABLE = table("create")


@dataclass(frozen=True, slots=True)
class Concept:
    """Concept that words can refer to, with the scenes, palettes and hints it implies."""

    stems: tuple[str, ...]
    scenes: tuple[str, ...] = ()
    palettes: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


def _concepts(group: str) -> tuple[Concept, ...]:
    fields = Concept.__dataclass_fields__
    return tuple(
        Concept(*(tuple(concept.get(each, "").split()) for each in fields))
        for concept in _TABLE[group]
    )


def _stems(group: str) -> Mapping[str, tuple[str, ...]]:
    return {name: tuple(stems.split()) for name, stems in _TABLE[group].items()}


THINGS, TIMES, MOODS = _concepts("things"), _concepts("times"), _concepts("moods")
# Weights for scene and palette: things decide the scene, times and moods rather the colours.
_GROUPS = ((THINGS, 1.0, 0.5), (TIMES, 0.35, 2.2), (MOODS, 0.35, 1.0))
COUNTS = {word: int(count) for count, words in _TABLE["counts"].items() for word in words.split()}
SIZES = {stem: float(size) for size, stems in _TABLE["sizes"].items() for stem in stems.split()}
LINKS = frozenset(_TABLE["links"].split())
RELATIONS, STANDS, STYLES = _stems("relations"), _stems("stands"), _stems("styles")
ROUGH_STYLES = _stems("rough_styles")
_FILLERS = tuple(_TABLE["fillers"].split())
ROUGH = tuple(_TABLE["rough"].split())
VESSELS, SERVED = frozenset(_TABLE["vessels"].split()), frozenset(_TABLE["served"].split())
PARTS_OF_BODIES = frozenset(_TABLE["parts_of_bodies"].split())
DETAILS = defaultdict[str, tuple[str, ...]](tuple, _stems("details"))
# A metal alone is a material with a palette of its own; next to a colour it is a colour.
METALS = frozenset({"золот", "golden", "gold$", "серебр", "silver"})
_NAMED = {**NAMED_COLOURS, "ginger": parse_hex("d2691e")}
COLOURS = {
    stem: _NAMED[name] for name, stems in _TABLE["colours"].items() for stem in stems.split()
}


def matches_stem(word: str, stem: str) -> bool:
    """True if the word begins with the stem, or is it, if the stem ends in `$`."""
    return word == stem[:-1] if stem.endswith("$") else word.startswith(stem)


def names_matching(word: str, names: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Names of which a stem matches the word."""
    return tuple(
        name for name, stems in names.items() if any(matches_stem(word, stem) for stem in stems)
    )


def concepts_of(word: str) -> list[tuple[Concept, float, float]]:
    """Concepts that a word refers to, with their weights for scene and palette."""
    return [
        (each, for_scene, for_palette)
        for group, for_scene, for_palette in _GROUPS
        for each in group
        if any(matches_stem(word, stem) for stem in each.stems)
    ]


WORN = {where: [f"{name}$" for name in things.split()[::2]]
        for where, things in table("subjects/subjects")["worn"].items()}  # fmt: skip


SIGNS = frozenset(table("subjects/subjects")["worn"]["above"].split())


def stem_of(word: str, stems: Mapping[str, object]) -> str:
    return next((stem for stem in stems if matches_stem(word, stem)), "")


def is_filler(word: str) -> bool:
    is_small = word in STOP_WORDS or word in LINKS or len(word) < 2
    return is_small or any(matches_stem(word, stem) for stem in _FILLERS)


def phrase_at(words: Sequence[str]) -> tuple[int, str, bool]:
    """Length, subject and roughness of the longest phrase that the words begin with."""
    known, keys = meanings(), [key_of(word) for word in words]
    for length in range(len(keys), 0, -1):
        meaning = known.get(EXACT + " ".join(words[:length]))
        if not meaning and not _is_other(words[:length]):
            meaning = known.get(" ".join(keys[:length]))
            if meaning and words[length - 1].endswith(_ADJECTIVES):
                # "Голубое" is no dove, "кофейная" no coffee shop.
                is_noun = subject_of(meaning[0]).russian.endswith((*_ADJECTIVES, *"аяй"))
                meaning = meaning if is_noun and not stem_of(words[0], COLOURS) else None
        if meaning:
            return length, *meaning
    if meaning := _diminutive_of(words[0]) or _typo_of(keys[0], words[0]):
        return 1, *meaning
    return 0, "", False


def _is_other(words: Sequence[str]) -> bool:
    """True if words that share a subject's key mean something else: "fishing", "garden"."""
    is_place = len(words) == 1 and any(weight == 1 for _, weight, _ in concepts_of(words[0]))
    is_small = len(words) == 1 and (words[0] in COUNTS or bool(names_matching(words[0], RELATIONS)))
    return is_place or is_small or (words[-1].isascii() and words[-1].endswith("ing"))


def _diminutive_of(word: str) -> tuple[str, bool] | None:
    """Meaning of the word that a Russian diminutive is made of: "грибочек", "грибочки"."""
    base = _DIMINUTIVE.sub("", word)
    if base == word or len(base) < 3 or is_known(word):
        return None
    found = (meanings().get(EXACT + base + ending) for ending in _PLAIN_ENDINGS)
    return next(filter(None, found), None)


@cache
def _single_keys() -> tuple[str, ...]:
    return tuple(key for key in meanings() if key.isalpha())


@lru_cache(maxsize=1024)
def _typo_of(key: str, word: str) -> tuple[str, bool] | None:
    """Meaning of the only subject whose word this one may be a slip of."""
    if (
        word.endswith(_ADJECTIVES)
        or len(key) < _TYPO_LETTERS_MIN
        or not word.isalpha()
        or is_known(word)
    ):
        return None
    known = meanings()
    names = {known[near] for near in slips_of(key, _single_keys())}
    # It may as well be a word that is not known.
    return (names.pop().name, True) if len(names) == 1 else None


def is_known(word: str) -> bool:
    """True if the word means something; a compound may only do so in parts."""
    others = (RELATIONS, STANDS, STYLES, ROUGH_STYLES)
    return bool(
        key_of(word) in meanings()
        or is_filler(word)
        or concepts_of(word)
        or stem_of(word, COLOURS)
        or stem_of(word, SIZES)
        or any(names_matching(word, names) for names in others)
    )


def names_subject(text: str) -> bool:
    """True if any phrase names a subject."""
    words = [fold(word) for word in WORD.findall(text)[:WORDS_MAX]]
    return any(phrase_at(words[at : at + PHRASE_WORDS_MAX])[1] for at in range(len(words)))


def names_style(text: str) -> bool:
    """True if any word names a style."""
    words = WORD.findall(fold(text))[:WORDS_MAX]
    return any(names_matching(word, STYLES) for word in words)
