"""Report of a created picture: what of the prompt its composition shows, roughly, or not at all."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import takewhile
from operator import attrgetter
from typing import NamedTuple

from imgbot.domain.spelling import fold
from imgbot.painter.engine.compose import COSTUMES, Composition
from imgbot.painter.engine.drawing_request import Role, Word
from imgbot.painter.engine.lexicon import DETAILS, LINKS, ROUGH, matches_stem
from imgbot.painter.engine.scenes import INDOORS

# Scenes that these scenes show, too.
_ALSO = {"stars": ("hills", "forest", "planet"), "beach": ("waves", "dunes"), "waves": ("lake",)}
# Hints that show in every scene outdoors.
_WEATHER = frozenset({"snow", "rain", "fog", "clouds", "moon", "sun", "night", "birds"})


_BEFORE_SIGN = re.compile(r" (?=[,;:.!?…])")


class _Shown(Enum):
    FILLER, DRAWN, ROUGHLY, NOT, BREAK = range(5)


class _Judged(NamedTuple):
    text: str
    shown: _Shown
    standing_in: str = ""
    """What is drawn for a word that is drawn roughly: a label, or the name of a scene or style."""


_END = _Judged("", _Shown.BREAK)


class CreateReport(NamedTuple):
    """Phrases of the prompt by what the picture makes of them.

    `applied` has `drawn|words`, `roughly|words|name` with what is drawn for them, and `scene|name`
    where no word was drawn; it is empty if everything was drawn.
    """

    applied: tuple[str, ...] = ()
    undrawn: tuple[str, ...] = ()


def report(composition: Composition) -> CreateReport:
    """Compare the request with its composition."""
    judged = [_judge(word, composition) for word in composition.request.words]
    by_fate: dict[_Shown, list[_Judged]] = {fate: [] for fate in _Shown}
    for each in _phrases(_with_attributes(judged, composition.request.words)):
        by_fate[each.shown].append(each)
    undrawn = tuple(dict.fromkeys(each.text for each in by_fate[_Shown.NOT]))
    roughly = [f"roughly|{each.text}|{each.standing_in}" for each in by_fate[_Shown.ROUGHLY]]
    if not (undrawn or roughly):
        return CreateReport()
    drawn = [f"drawn|{each.text}" for each in by_fate[_Shown.DRAWN]]
    shown_at_least = [] if drawn or roughly else [f"scene|{composition.scene}"]
    applied = tuple(dict.fromkeys([*drawn, *roughly, *shown_at_least]))
    return CreateReport(applied, undrawn)


def _judge(word: Word, composition: Composition) -> _Judged:
    if judge := _JUDGES.get(word.role):
        return judge(word, composition)
    is_number = word.role in {Role.COUNT, Role.SIZE} and not word.text.isalpha()
    if word.role is Role.BREAK:
        shown = _Shown.BREAK
    elif word.role is Role.FILLER or (is_number and word.number < 0):
        shown = _Shown.FILLER
    else:
        shown = _Shown.DRAWN if _is_shown(word, composition) else _Shown.NOT
    return _Judged(word.text, shown)


def _judge_thing(word: Word, composition: Composition) -> _Judged:
    thing = composition.request.things[word.number]
    figures = composition.drawn(word.number)
    if not figures:
        return _Judged(word.text, _Shown.NOT)
    subject = figures[0].subject
    is_rough = thing.is_rough or subject.name == COSTUMES.get(thing.subject.name)
    return _drawn(word, subject.label(word.text), is_rough=is_rough)


def _judge_relation(word: Word, composition: Composition) -> _Judged:
    """A relation that the picture does not show is named, with what it leads to."""
    request = composition.request
    if not 0 <= word.number < len(request.relations):
        return _Judged(word.text, _Shown.FILLER)
    relation = request.relations[word.number]
    if relation in composition.relations:
        return _Judged(word.text, _Shown.FILLER)
    if not composition.drawn(relation.second):
        return _Judged(word.text, _Shown.NOT)
    named = [each.text for each in request.words if each.number == relation.second
             and each.role is Role.THING]  # fmt: skip
    return _Judged(" ".join([word.text, *named]), _Shown.NOT)


def _is_shown(word: Word, composition: Composition) -> bool:
    figures = composition.drawn(word.number) if word.number >= 0 else []
    match word.role:
        case Role.TEXT:
            return True
        case Role.STAND:
            stand = composition.request.stand.replace("grass", "ground")
            return stand in {composition.scene, *(each.place for each in composition.placed)}
        case Role.COUNT:
            return bool(figures) and len(figures) == composition.request.things[word.number].count
        case Role.COLOUR if figures:
            return word.sense.colour == figures[0].colour
        case Role.COLOUR:
            return composition.palette.name in {"named", "gold", "silver"}
        case Role.SIZE:
            return word.number < 0 or bool(figures)
    return _is_detail(word, composition)


def _is_detail(word: Word, composition: Composition) -> bool:
    names = (figure.subject.name for figure in composition.figures())
    return any(matches_stem(fold(word.text), DETAILS[name]) for name in names)


def _judge_setting(word: Word, composition: Composition) -> _Judged:
    scene, found = composition.scene, word.sense.concepts
    scenes, palettes, hints = (
        {name for each in found for name in names(each)}
        for names in map(attrgetter, ("scenes", "palettes", "hints"))
    )
    if hints & _WEATHER and scene in INDOORS and scene not in scenes:
        return _Judged(word.text, _Shown.NOT)
    shown = _weather(hints, composition) | hints & {"brick", "aurora"}
    seen = shown | scenes & {scene, *_ALSO.get(scene, ())}
    if seen or composition.palette.name in palettes:
        return _drawn(word, scene, is_rough=matches_stem(fold(word.text), ROUGH))
    # A mood that has given way to another one is not missed.
    is_mood = all(each.for_scene < 1 and each.for_palette == 1 for each in found)
    return _Judged(word.text, _Shown.FILLER if is_mood else _Shown.NOT)


def _weather(hints: set[str], composition: Composition) -> set[str]:
    """Keys of the weather and the stars that are asked for, as far as the picture shows them."""
    if composition.scene in INDOORS:
        return set()
    if "stars" in hints:
        return {"stars"} if composition.palette.is_dark else set()
    return hints & _WEATHER


def _judge_style(word: Word, composition: Composition) -> _Judged:
    style, sense = composition.style, word.sense
    if style not in (*sense.styles, *sense.rough_styles):
        return _Judged(word.text, _Shown.NOT)
    return _drawn(word, style, is_rough=style not in sense.styles)


_JUDGES: Mapping[Role, Callable[[Word, Composition], _Judged]] = {
    Role.THING: _judge_thing, Role.RELATION: _judge_relation, Role.SETTING: _judge_setting,
    Role.STYLE: _judge_style,
}  # fmt: skip


def _drawn(word: Word, standing_in: str, *, is_rough: bool) -> _Judged:
    shown = _Shown.ROUGHLY if is_rough else _Shown.DRAWN
    return _Judged(word.text, shown, standing_in if is_rough else "")


def _with_attributes(judged: Sequence[_Judged], words: Sequence[Word]) -> list[_Judged]:
    """The words, with a colour or size of a word that is not drawn as a part of that."""
    followed = zip(judged, words, [*judged[1:], _END], strict=False)
    return [
        each._replace(shown=_Shown.NOT)
        if following.shown is _Shown.NOT and word.role in {Role.COLOUR, Role.SIZE}
        else each
        for each, word, following in followed
    ]


def _phrases(words: Sequence[_Judged]) -> Iterator[_Judged]:
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
                yield fate._replace(text=_BEFORE_SIGN.sub("", " ".join(current)))
            current = [] if word.shown is _Shown.BREAK else [*_links(pending), word.text]
            fate = word
        pending = []


def _links(fillers: Sequence[str]) -> list[str]:
    """Prepositions and articles at the end of these words."""
    small = [*takewhile(lambda text: fold(text) in LINKS, reversed(fillers))]
    return small[::-1]
