"""Report of a created picture: which words of the prompt it shows, shows roughly, or not at all."""

import re
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import chain, groupby
from typing import NamedTuple

from imgbot.domain.spelling import fold
from imgbot.engine.prompt_features import (
    COUNTS,
    LINKS,
    WORDS_MAX,
    colour_stem,
    is_mood,
    matches_stem,
    names_matching,
    settings_of,
    things_of,
    without_negated,
)
from imgbot.engine.sprites import SPRITE_WORDS, SPRITES
from imgbot.engine.sprites.composition import places_of
from imgbot.engine.styles import STYLE_WORDS
from imgbot.engine.tables import table
from imgbot.engine.typography import text_to_draw
from imgbot.engine.vocabulary import STOP_WORDS

SUGGESTIONS_MAX = 3
# Where nothing is closer.
_POPULAR = ("fox", "cat", "lighthouse")
_STYLES = ("watercolour", "oil")
# Scenes that these scenes show, too.
_ALSO = {"stars": ("hills", "forest"), "aurora": ("hills", "forest", "stars")}
# Hints that show in every scene outdoors.
_WEATHER = frozenset({"snow", "rain", "fog", "clouds", "moon", "sun", "night", "birds"})

_TOKEN = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*|[^\w\s]|\d+")

_TABLE = table("create")
_FILLERS, _ROUGH = _TABLE["fillers"].split(), _TABLE["rough"].split()
_INSTEAD = tuple(
    (tuple(stems.split()), tuple(sprites.split())) for sprites, stems in _TABLE["instead"].items()
)

_DETAILS, _PLACES = (
    {name: stems.split() for name, stems in _TABLE[group].items()}
    for group in ("details", "places")
)


class _Shown(Enum):
    FILLER = 0
    DRAWN = 1
    ROUGHLY = 2
    NOT = 3
    BREAK = 4


class _Word(NamedTuple):
    text: str
    shown: _Shown
    standing_in: str = ""
    """Name of the sprite or scene that is drawn for a word that is drawn roughly."""


_END = _Word("", _Shown.BREAK)


class CreateReport(NamedTuple):
    """Phrases of the prompt by what the picture makes of them, and what could be drawn as well.

    `applied` has `drawn|words`, `roughly|words|name` with the sprite or scene drawn for them, and
    `scene|name` where no word was drawn; it is empty if everything was drawn.
    """

    applied: tuple[str, ...] = ()
    undrawn: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()


def report(prompt: str, shown: Sequence[str]) -> CreateReport:
    """Compare the prompt with what was painted: names of scene, palette, style and sprites."""
    judged = list(_judge_all(prompt, shown))
    phrases = list(_phrases(_with_colours(_with_counts(judged, shown))))
    undrawn = tuple(dict.fromkeys(each.text for each in phrases if each.shown is _Shown.NOT))
    roughly = [
        f"roughly|{each.text}|{each.standing_in}"
        for each in phrases
        if each.shown is _Shown.ROUGHLY
    ]
    if not (undrawn or roughly):
        return CreateReport()
    drawn = [f"drawn|{each.text}" for each in phrases if each.shown is _Shown.DRAWN]
    shown_at_least = [] if drawn or roughly else [f"scene|{shown[0]}"]
    applied = tuple(dict.fromkeys([*drawn, *roughly, *shown_at_least]))
    return CreateReport(applied, undrawn, _suggest(undrawn, shown) if undrawn else ())


def _judge_all(prompt: str, shown: Sequence[str]) -> Iterator[_Word]:
    lettering = set(map(fold, _TOKEN.findall(text_to_draw(prompt))))
    for text in _TOKEN.findall(without_negated(prompt))[:WORDS_MAX]:
        word = fold(text)
        if not word[0].isalpha():
            yield _Word(text, _Shown.BREAK)
        elif word in lettering:
            yield _Word(text, _Shown.DRAWN)
        else:
            yield _judge(text, word, shown)


def _with_counts(words: Sequence[_Word], shown: Sequence[str]) -> list[_Word]:
    """The words, with a number only drawn if so many sprites are."""
    counted: list[_Word] = []
    for place, word in enumerate(words):
        count = COUNTS.get(fold(word.text), 0)
        counted_words = [fold(each.text) for each in words[place + 1 : place + 4]] if count else []
        names = [name for each in counted_words for name in names_matching(each, SPRITE_WORDS)]
        is_drawn = any(shown[3:].count(name) >= count for name in names)
        counted.append(word._replace(shown=_Shown.NOT) if count and not is_drawn else word)
    return counted


def _with_colours(words: Sequence[_Word]) -> list[_Word]:
    """The words, with a colour right before a word that is not drawn as a part of that."""
    followed = zip(words, [*words[1:], _END], strict=False)
    return [
        word._replace(shown=_Shown.NOT)
        if following.shown is _Shown.NOT and colour_stem(fold(word.text))
        else word
        for word, following in followed
    ]


def _judge(text: str, word: str, shown: Sequence[str]) -> _Word:
    standing_in = _drawn_for(word, shown)
    is_rough = any(matches_stem(word, stem) for stem in _ROUGH)
    if standing_in:
        return _Word(text, _Shown.ROUGHLY, standing_in) if is_rough else _Word(text, _Shown.DRAWN)
    if word in COUNTS or colour_stem(word):
        return _Word(text, _Shown.DRAWN)
    return _Word(text, _Shown.FILLER if _is_filler(word, is_rough=is_rough) else _Shown.NOT)


def _is_filler(word: str, *, is_rough: bool) -> bool:
    """True for a word that asks for nothing to be drawn."""
    is_small = word in STOP_WORDS or word in LINKS or len(word) < 2
    # A mood that has given way to another one is not missed.
    is_vague = is_mood(word) and not is_rough
    return is_small or is_vague or any(matches_stem(word, stem) for stem in _FILLERS)


def _drawn_for(word: str, shown: Sequence[str]) -> str:
    """Name of the sprite, style or scene that the word has led to; "" if to none."""
    scene, palette, style, *sprites = shown
    for name in names_matching(word, SPRITE_WORDS):
        if name in sprites or (name == "person" and "umbrella" in sprites):
            return name
    if part_of := _part_of(word, scene, sprites):
        return part_of
    if style in names_matching(word, STYLE_WORDS):
        return style
    things, settings = things_of(word), settings_of(word)
    scenes = {name for each in (*things, *settings) for name in each.scenes}
    hints = {name for each in (*things, *settings) for name in each.hints}
    palettes = {name for each in settings for name in each.palettes}
    is_seen = palette in palettes or scenes & {scene, *_ALSO.get(scene, ())} or hints & _WEATHER
    return scene if is_seen else ""


def _part_of(word: str, scene: str, shown: Sequence[str]) -> str:
    """Name of the sprite that shows what the word names, or has it painted under it."""
    sprites = [name for name in shown if name in SPRITES]
    for name in sprites:
        places = [_PLACES.get(place, ()) for place in places_of([name], scene)]
        stems = (*_DETAILS.get(name, ()), *chain(*places))
        if any(matches_stem(word, stem) for stem in stems):
            return name
    return ""


def _phrases(words: Sequence[_Word]) -> Iterator[_Word]:
    """Neighbouring words of which the same became, with small words between and before them."""
    pending: list[str] = []
    current: list[str] = []
    fate = _END
    for word in [*words, _END]:
        if word.shown is _Shown.FILLER:
            pending.append(word.text)
            continue
        if word.shown is fate.shown and word.standing_in == fate.standing_in:
            current += [*pending, word.text]
        else:
            if current:
                yield fate._replace(text=" ".join(current))
            current = [] if word.shown is _Shown.BREAK else [*_links(pending), word.text]
            fate = word
        pending = []


def _links(fillers: Sequence[str]) -> list[str]:
    """Prepositions and articles at the end of these words."""
    groups = [
        (is_link, list(group))
        for is_link, group in groupby(fillers, key=lambda text: fold(text) in LINKS)
    ]
    return groups[-1][1] if groups and groups[-1][0] else []


def _suggest(undrawn: Sequence[str], shown: Sequence[str]) -> tuple[str, ...]:
    """Sprites close in meaning, then those that suit the scene; a style last."""
    scene, _, style, *sprites = shown
    meant = [
        name
        for word in fold(" ".join(undrawn)).split()
        for stems, names in _INSTEAD
        if any(matches_stem(word, stem) for stem in stems)
        for name in names
    ]
    fitting = [name for name, sprite in SPRITES.items() if scene in sprite.scenes[:1]]
    subjects = [
        name for name in dict.fromkeys([*meant, *fitting, *_POPULAR]) if name not in sprites
    ]
    return (*subjects[: SUGGESTIONS_MAX - 1], next(name for name in _STYLES if name != style))
