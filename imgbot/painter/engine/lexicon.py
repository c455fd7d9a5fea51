"""Lexicon: the meanings of words, in Russian and English.

Subjects are in subjects/words.toml, all else in create.toml, where a stem matches every word that
begins with it, or that word alone if it ends in `$`.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from imgbot.domain.spelling import fold, slips_of
from imgbot.painter.engine.colours import NAMED_COLOURS, Colour, parse_hex
from imgbot.painter.engine.subjects import (
    EXACT,
    PHRASE_WORDS_MAX,
    WORD,
    key_of,
    known_phrases,
    subject_of,
)
from imgbot.painter.engine.tables import table
from imgbot.painter.engine.vocabulary import STOP_WORDS

WORDS_MAX, COUNT_MAX = 200, 12
_DIMINUTIVE = re.compile("(?:[оеёуыюи]?[чшн](?:ек|ик|к)|ик|ок|ек)(?:[аеиоуы]|о[мвй]|ами|ах)?$")
_ADJECTIVES = ("ый", "ий", "ой", "ая", "яя", "ое", "ее", "ые", "ие", "ыми")
_TABLE = table("create")
# Weights for scene and palette: things decide the scene, times and moods rather the colours.
_WEIGHTS = {"things": (1.0, 0.5), "times": (0.35, 2.2), "moods": (0.35, 1.0)}


class Concept(NamedTuple):
    """Concept that words can refer to, with the scenes, palettes and hints it implies."""

    for_scene: float
    for_palette: float
    stems: tuple[str, ...]
    scenes: tuple[str, ...]
    palettes: tuple[str, ...]
    hints: tuple[str, ...]


class Sense(NamedTuple):
    """All that a word may mean but a subject."""

    stands: tuple[str, ...]
    count: int
    colour: Colour | None
    size: float
    relations: tuple[str, ...]
    concepts: tuple[Concept, ...]
    styles: tuple[str, ...]
    rough_styles: tuple[str, ...]
    is_metal: bool
    is_filler: bool


def _words(name: str) -> frozenset[str]:
    return frozenset(_TABLE[name].split())


@cache
def _stems(group: str) -> Mapping[str, tuple[str, ...]]:
    return {name: tuple(stems.split()) for name, stems in _TABLE[group].items()}


_CONCEPTS = tuple(
    Concept(*weights, *(tuple(each.get(field, "").split()) for field in Concept._fields[2:]))
    for group, weights in _WEIGHTS.items()
    for each in _TABLE[group]
)
STYLES, LINKS, ROUGH = _stems("styles"), _words("links"), tuple(_TABLE["rough"].split())
_FILLERS = tuple(_TABLE["fillers"].split())
VESSELS, SERVED, PARTS_OF_BODIES = map(_words, ("vessels", "served", "parts_of_bodies"))
DETAILS = defaultdict[str, tuple[str, ...]](tuple, _stems("details"))
WORN: Mapping[str, str] = {
    name: where
    for where, things in table("subjects/subjects")["worn"].items()
    for name in things.split()[::2]
}
"""Where each thing is worn; `above` the head is a sign."""
_NAMED = {**NAMED_COLOURS, "ginger": parse_hex("d2691e")}


def matches_stem(word: str, stems: Sequence[str]) -> bool:
    """True if the word begins with one of the stems, or is it, if the stem ends in `$`."""
    return any(word == stem[:-1] if stem[-1] == "$" else word.startswith(stem) for stem in stems)


@lru_cache(maxsize=4096)
def sense_of(text: str) -> Sense:
    """All that a word, as it is written, may mean by the tables."""
    word = fold(text)

    def matching(group: str) -> tuple[str, ...]:
        return tuple(name for name, stems in _stems(group).items() if matches_stem(word, stems))

    counts = [int(count) for count, words in _stems("counts").items() if word in words]
    if word.isdecimal() and 1 < int(word) <= COUNT_MAX:
        counts = [int(word)]
    is_small = word in STOP_WORDS or word in LINKS or len(word) < 2
    return Sense(
        matching("stands"),
        sum(counts),
        next((_NAMED[name] for name in matching("colours")), None),
        sum(map(float, matching("sizes")[:1])),
        matching("relations"),
        tuple(each for each in _CONCEPTS if matches_stem(word, each.stems)),
        matching("styles"),
        matching("rough_styles"),
        matches_stem(word, ("золот", "golden", "gold$", "серебр", "silver")),
        is_small or word.isdecimal() or matches_stem(word, _FILLERS),
    )


def phrase_at(words: Sequence[str]) -> tuple[int, str, bool]:
    """Length, subject and roughness of the longest phrase that the words begin with."""
    known, keys = known_phrases(), [key_of(word) for word in words]
    for length in range(len(keys), 0, -1):
        meaning = known.get(EXACT + " ".join(words[:length]))
        if not meaning and not _is_other(words[:length]):
            meaning = known.get(" ".join(keys[:length]))
            if meaning and words[length - 1].endswith(_ADJECTIVES):
                # "Голубое" is no dove, "кофейная" no coffee shop.
                is_noun = subject_of(meaning[0]).russian.endswith((*_ADJECTIVES, *"аяй"))
                meaning = meaning if is_noun and not sense_of(words[0]).colour else None
        if meaning:
            return length, *meaning
    if meaning := _diminutive_of(words[0]) or _typo_of(keys[0], words[0]):
        return 1, *meaning
    return 0, "", False


def _is_other(words: Sequence[str]) -> bool:
    """True if words that share a subject's key mean something else: "fishing", "garden"."""
    sense = sense_of(words[0])
    is_place = any(each.for_scene == 1 for each in sense.concepts)
    is_small = len(words) == 1 and (is_place or sense.count or sense.relations)
    return bool(is_small) or (words[-1].isascii() and words[-1].endswith("ing"))


def _diminutive_of(word: str) -> tuple[str, bool] | None:
    """Meaning of the word that a Russian diminutive is made of: "грибочек", "грибочки"."""
    base = _DIMINUTIVE.sub("", word)
    if base == word or len(base) < 3 or is_known(word):
        return None
    found = (
        known_phrases().get(EXACT + base + ending) for ending in ("", "а", "ка", "ок", "о", "ь")
    )
    return next(filter(None, found), None)


@cache
def _single_keys() -> tuple[str, ...]:
    return tuple(key for key in known_phrases() if key.isalpha())


@lru_cache(maxsize=1024)
def _typo_of(key: str, word: str) -> tuple[str, bool] | None:
    """Meaning of the only subject whose word this one may be a slip of."""
    letters_min = 6
    is_short = len(key) < letters_min
    if is_short or word.endswith(_ADJECTIVES) or not word.isalpha() or is_known(word):
        return None
    known = known_phrases()
    names = {known[near] for near in slips_of(key, _single_keys())}
    # It may as well be a word that is not known.
    return (names.pop().name, True) if len(names) == 1 else None


def is_known(word: str) -> bool:
    """True if the word means something; a compound may only do so in parts."""
    return key_of(word) in known_phrases() or any(sense_of(word))


def names_subject(text: str) -> bool:
    """True if any phrase names a subject."""
    words = [fold(word) for word in WORD.findall(text)[:WORDS_MAX]]
    return any(phrase_at(words[at : at + PHRASE_WORDS_MAX])[1] for at in range(len(words)))
