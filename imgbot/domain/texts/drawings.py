"""Captions of pictures that the built-in engine creates, and words that it can draw as well."""

import re
from collections.abc import Mapping, Sequence

from imgbot.domain.texts import t

_CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)

_STYLES = """
watercolour: акварель / watercolour
oil: маслом / oil painting
ink: тушью / ink
pencil: карандаш / pencil
lowpoly: полигоны / low-poly
pixel: пиксели / pixel art
glass: витраж / stained glass
mosaic: мозаика / mosaic
paper: из бумаги / papercut
riso: шелкография / risograph
linocut: линогравюра / linocut
chalk: мелом / chalk
neon: неон / neon
dots: точками / pointillism
stitch: вышивка / embroidery
"""
_SUBJECTS = """
fox: лиса / fox
cat: кошка / cat
dog: собака / dog
wolf: волк / wolf
deer: олень / deer
horse: лошадь / horse
rabbit: заяц / rabbit
bear: медведь / bear
hedgehog: ёжик / hedgehog
owl: сова / owl
bird: птица / bird
swan: лебедь / swan
whale: кит / whale
fish: рыба / fish
butterfly: бабочка / butterfly
penguin: пингвин / penguin
lighthouse: маяк / lighthouse
house: дом / house
castle: замок / castle
windmill: мельница / windmill
tent: палатка / tent
snowman: снеговик / snowman
sailboat: парусник / sailboat
ship: корабль / ship
balloon: воздушный шар / balloon
car: машина / car
train: поезд / train
bicycle: велосипед / bicycle
rocket: ракета / rocket
robot: робот / robot
tree: дерево / tree
palm: пальма / palm
mushroom: гриб / mushroom
flower: цветок / flower
sunflower: подсолнух / sunflower
person: человек / person
umbrella: зонт / umbrella
cup: чашка / cup
heart: сердце / heart
firtree: ёлка / Christmas tree
cake: торт / cake
"""
_SCENES = """
hills: холмы / hills
mountains: горы / mountains
forest: лес / forest
dunes: дюны / dunes
lake: озеро / lake
waves: волны / waves
stars: звёздное небо / starry sky
aurora: северное сияние / northern lights
planet: космос / outer space
bokeh: огни / city lights
city: город / city
garden: цветы / flowers
leaves: листья / leaves
flow: плавные линии / flowing lines
marble: мраморные разводы / marble
geometric: узор / pattern
washes: пятна краски / splashes of paint
"""


def _table(lines: str) -> Mapping[str, tuple[str, str]]:
    rows = (line.partition(": ") for line in lines.strip().splitlines())
    return {key: (names.partition(" / ")[0], names.partition(" / ")[2]) for key, _, names in rows}


STYLE_NAMES, SUBJECT_NAMES, SCENE_NAMES = _table(_STYLES), _table(_SUBJECTS), _table(_SCENES)
_NAMES = {**SCENE_NAMES, **SUBJECT_NAMES, **STYLE_NAMES}


_NAMES_OF_STYLES = tuple(name for names in STYLE_NAMES.values() for name in names)
_SMALL = r"(?:и|или|с|на|в|для|and|or|with|on|in|for|a|an|the)"
# What is left where words were taken out.
_LOOSE_ENDS = re.compile(
    rf"^[\s.;:!—–-]*(?:(?:и|или|and|or|for|для)\s+)?|(?:(?:^|\s+){_SMALL})*[\s.;:!—–-]*$",
    re.IGNORECASE,
)
_LINE = 200
"""Characters of a line of a caption."""


def drawing_name(key: str, prompt: str) -> str:
    """Name of a subject, style or scene in the language of the prompt; "" if unknown."""
    return _NAMES.get(key, ("", ""))[not _CYRILLIC.search(prompt)]


def drawing_lines(
    language: str, prompt: str, applied: Sequence[str], undrawn: Sequence[str]
) -> list[str]:
    """Lines of a caption: what was drawn, what stands for something else, what is missing.

    `applied` is as the built-in engine reports it; without it there are no lines.
    """
    listed: dict[str, list[str]] = {"drawn": [], "roughly": [], "undrawn": []}
    for entry in applied:
        kind, _, words = entry.partition("|")
        if kind == "scene":
            listed["drawn"].append(drawing_name(words, prompt))
        elif kind == "drawn":
            listed["drawn"].append(_quoted(language, words))
        elif kind == "roughly":
            said, _, name = words.partition("|")
            listed["roughly"].append(f"{_quoted(language, said)} ({drawing_name(name, prompt)})")
    if any(listed.values()):
        listed["undrawn"] = [_quoted(language, words) for words in undrawn]
    return [
        t(language, f"caption_{key}", words=_shortened(", ".join(words)))
        for key, words in listed.items()
        if words
    ]


def _shortened(words: str) -> str:
    return words if len(words) <= _LINE else f"{words[:_LINE]}…"


def _quoted(language: str, words: str) -> str:
    return f"«{words}»" if language == "ru" else f"“{words}”"


def with_drawing(prompt: str, undrawn: Sequence[str], key: str) -> str:
    """The prompt with this style instead of another one, or this subject instead of `undrawn`."""
    name = drawing_name(key, prompt)
    dropped = _NAMES_OF_STYLES if key in STYLE_NAMES else undrawn
    for words in dropped:
        spaced = r"\s+".join(map(re.escape, words.split()))
        prompt = re.sub(rf"(?<!\w){spaced}(?!\w)", "", prompt, count=1, flags=re.IGNORECASE)
    kept = [_LOOSE_ENDS.sub("", " ".join(part.split())) for part in prompt.split(",")]
    return ", ".join([*filter(None, kept), name])
