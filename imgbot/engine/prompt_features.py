"""Features of a prompt: scenes, palettes, colours, sprites and styles, in Russian and English.

A stem matches every word that begins with it, or that word alone if it ends in `$`.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imgbot.domain.spelling import fold
from imgbot.engine.colours import NAMED_COLOURS, Colour, parse_hex
from imgbot.engine.sprites import SPRITE_WORDS, SPRITES
from imgbot.engine.styles import STYLE_WORDS
from imgbot.engine.tables import table

WORDS_MAX = 200

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_NEGATED = re.compile(
    r"\b(?:без|without|no)(?::.*|\s+(?:(?:any|the|an?)\s+)?[^\W\d_]+"
    r"(?:\s+(?:и|или|and|or)\s+[^\W\d_]+)?)",
    re.IGNORECASE | re.DOTALL,
)


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
        Concept(*(tuple(concept.get(field, "").split()) for field in fields))
        for concept in table("create")[group]
    )


_THINGS, _TIMES, _MOODS = _concepts("things"), _concepts("times"), _concepts("moods")
# Weights for scene and palette: things decide the scene, times and moods rather the colours.
_GROUPS = ((_THINGS, 1.0, 0.5), (_TIMES, 0.35, 2.2), (_MOODS, 0.35, 1.0))
COUNTS = {
    word: int(count) for count, words in table("create")["counts"].items() for word in words.split()
}
LINKS = frozenset(table("create")["links"].split())
"""Prepositions, articles and the like."""
_METALS = frozenset({"золот", "golden", "gold$", "серебр", "silver"})
_HOME_WEIGHT = 0.6  # of a sprite's own scenes, relative to a scene that is named

_NAMED = {**NAMED_COLOURS, "ginger": parse_hex("d2691e")}

COLOUR_STEMS = {
    stem: _NAMED[name]
    for name, stems in table("create")["colours"].items()
    for stem in stems.split()
}


@dataclass(frozen=True, slots=True)
class PromptFeatures:
    """Features found in a prompt; scenes, palettes and styles with their weights.

    A sprite that is requested twice is listed twice. `sprite_colours` are the colours that stand
    right before a sprite's name and apply to it alone. A hint of what must not show begins with
    `no_`.
    """

    scenes: Mapping[str, float]
    palettes: Mapping[str, float]
    hints: frozenset[str]
    colours: tuple[Colour, ...]
    sprites: tuple[str, ...]
    sprite_colours: Mapping[str, Colour]
    styles: Mapping[str, float]


def extract_features(prompt: str) -> PromptFeatures:
    """Find concepts, sprites, styles and colours in the prompt; earlier words weigh more."""
    scenes: defaultdict[str, float] = defaultdict(float)
    palettes: defaultdict[str, float] = defaultdict(float)
    styles: defaultdict[str, float] = defaultdict(float)
    hints: set[str] = set()
    found = _words_of(without_negated(prompt))
    sprite_colours, rest = _take_sprite_colours(found)
    for place, word in enumerate(rest):
        weight = 100 - min(place, 60)
        for subject, scene_strength, palette_strength in _concepts_of(word):
            for rank, name in enumerate(subject.scenes, 1):
                scenes[name] += weight * scene_strength / rank
            for rank, name in enumerate(subject.palettes, 1):
                palettes[name] += weight * palette_strength / rank
            hints.update(subject.hints)
        for name in names_matching(word, SPRITE_WORDS):
            for rank, scene_name in enumerate(SPRITES[name].scenes, 1):
                scenes[scene_name] += weight * _HOME_WEIGHT / rank**0.5
        for style in names_matching(word, STYLE_WORDS):
            styles[style] += weight
    unwanted = _words_of(" ".join(_NEGATED.findall(prompt)))
    hints |= {
        f"no_{hint}"
        for word in unwanted
        for each, *_ in _concepts_of(word)
        for hint in (*each.hints, *each.scenes[:1])
    }
    stems = [stem for stem in map(colour_stem, rest) if stem]
    # A metal alone is a material with a palette of its own; next to a colour it is a colour.
    colours = dict.fromkeys(COLOUR_STEMS[stem] for stem in stems if not _METALS.issuperset(stems))
    return PromptFeatures(
        scenes,
        palettes,
        frozenset(hints),
        tuple(colours)[:4],
        _counted_sprites(rest),
        sprite_colours,
        styles,
    )


def _counted_sprites(found: Sequence[str]) -> tuple[str, ...]:
    """Sprites in order, repeated by the number word before each."""
    sprites: dict[str, int] = {}
    for place, word in enumerate(found):
        for name in names_matching(word, SPRITE_WORDS):
            sprites[name] = max(sprites.get(name, 1), _count_before(found[:place]))
    if "umbrella" in sprites:
        # The umbrella's sprite includes a person.
        sprites.pop("person", None)
    return tuple(name for name, count in sprites.items() for _ in range(count))


def _count_before(words: Sequence[str]) -> int:
    """Number right before, or with up to two words between: "three hot air"."""
    for word in reversed(words[-3:]):
        if word in COUNTS:
            return COUNTS[word]
        if word in LINKS or names_matching(word, SPRITE_WORDS):
            break
    return 1


def _take_sprite_colours(found: Sequence[str]) -> tuple[Mapping[str, Colour], list[str]]:
    """Colours right before a sprite's name, and the words without them."""
    sprite_colours: dict[str, Colour] = {}
    rest: list[str] = []
    for word, following in zip(found, [*found, ""][1:], strict=True):
        stem, owners = colour_stem(word), names_matching(following, SPRITE_WORDS)
        if stem and owners:
            sprite_colours.update(dict.fromkeys(owners, COLOUR_STEMS[stem]))
        else:
            rest.append(word)
    return sprite_colours, rest


def names_matching(word: str, names: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Names of which a stem matches the word."""
    return tuple(
        name for name, stems in names.items() if any(matches_stem(word, stem) for stem in stems)
    )


def names_sprite(text: str) -> bool:
    """True if any word names a sprite."""
    return any(names_matching(word, SPRITE_WORDS) for word in _words_of(text))


def names_style(text: str) -> bool:
    """True if any word names a style."""
    return any(names_matching(word, STYLE_WORDS) for word in _words_of(text))


def without_negated(prompt: str) -> str:
    """The prompt without what it must not show: "no people", "without: cars, trees"."""
    return _NEGATED.sub(" ", prompt)


def _words_of(text: str) -> list[str]:
    return _WORD.findall(fold(text))[:WORDS_MAX]


def colour_stem(word: str) -> str | None:
    """Stem of the colour that a word names, or None."""
    return next((stem for stem in COLOUR_STEMS if matches_stem(word, stem)), None)


def things_of(word: str) -> list[Concept]:
    """Concepts of things that a word refers to."""
    return _matching(word, _THINGS)


def settings_of(word: str) -> list[Concept]:
    """Concepts of times and moods that a word refers to."""
    return _matching(word, (*_TIMES, *_MOODS))


def is_mood(word: str) -> bool:
    """True if the word refers to a mood."""
    return bool(_matching(word, _MOODS))


def _matching(word: str, concepts: Sequence[Concept]) -> list[Concept]:
    return [each for each in concepts if any(matches_stem(word, stem) for stem in each.stems)]


def _concepts_of(word: str) -> list[tuple[Concept, float, float]]:
    return [
        (subject, scene_strength, palette_strength)
        for group, scene_strength, palette_strength in _GROUPS
        for subject in _matching(word, group)
    ]


def matches_stem(word: str, stem: str) -> bool:
    """True if the word begins with the stem, or is it, if the stem ends in `$`."""
    return word == stem[:-1] if stem.endswith("$") else word.startswith(stem)
