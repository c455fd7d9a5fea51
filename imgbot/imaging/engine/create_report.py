"""Report of a created picture: which words of the prompt it shows, shows roughly, or not at all."""

import re
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import groupby
from typing import NamedTuple

from imgbot.imaging.engine.prompt_features import (
    COUNTS,
    WORDS_MAX,
    colour_stem,
    fold,
    is_mood,
    matches_stem,
    names_matching,
    settings_of,
    things_of,
    without_negated,
)
from imgbot.imaging.engine.sprites import SPRITE_WORDS, SPRITES
from imgbot.imaging.engine.styles import STYLE_WORDS
from imgbot.imaging.engine.typography import text_to_draw
from imgbot.imaging.engine.vocabulary import STOP_WORDS

SUGGESTIONS_MAX = 3
# Where nothing is closer.
_POPULAR = ("fox", "cat", "lighthouse")
_STYLES = ("watercolour", "oil")
# Scenes that these scenes show, too.
_ALSO = {"stars": ("hills", "forest"), "aurora": ("hills", "forest", "stars")}
# Hints that show in every scene outdoors.
_WEATHER = frozenset({"snow", "rain", "fog", "clouds", "moon", "sun", "night", "birds"})

_TOKEN = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*|[^\w\s]|\d+")

# They belong to an unknown word right after them.
_LINKS_TEXT = """
a an the on in at with of by from to into under over near behind above before between through his
her its my their в во на с со у к ко по за из под над от для о об про при между перед через около
возле днем день дня портрет portrait
"""
# Words that ask for a picture, for its quality or its arrangement, and sizes: by their beginnings.
_FILLERS_TEXT = """
нарису рису$ рисун изобраз создай созда$ сгенерир картин фото изображен иллюстр обои заставк
плакат постер афиш открытк обложк надпис подпис слова$ словами$ текст$ формат вертикал горизонтал
квадрат панорам широк узк больш маленьк мал$ малень огромн гигант крошеч крохот высок низк красив
прекрас чудес крут$ крутой качеств детал реалист высоко шедевр очень$ сидит стоит лежит смотр$
смотрит идет видн находит фон$ фоне$ фоном$ рядом$ вокруг посреди среди один$ одна$ одно$ одинокий
вид$ вида$ видом$ сцен неб верхом воздушн что-н едет скачет летит летящ один$ где$ когда$ который
которая которое которые свой свою своим его$ ее$ их$ пушист стиле$ краск тон$ тонах$ цвет$ цвета$
draw paint$ painting$ picture image photo illustrat render wallpaper artwork art$ drawing$ poster
card$ cover$ caption letter$ saying create generat depict show$ featur beautiful pretty amazing
gorgeous stunning epic cool$ awesome nice quality detail realis photoreal masterpiece resolution
hd$ uhd$ ultra high$ highly$ big$ large huge giant tiny small$ little tall$ wide$ long$ short$
very$ sits sitting stands standing lies lying looks looking walks walking sit$ stand$ view scene
background style styled color colour and$ or$ while$ where$ which$ who$ whose$ that's there$ is$
are$ being$ single$ one$ fluffy format square vertical horizontal panoram widescreen sky$ skies
day$ trees$ riding rides flying during$ middle around among$ next$ best$ trending artstation sharp
focus way$ exposur lighting cinemat render octane unreal engine something anything k$ к$ px$
"""
# Words that stand for more than the engine draws: by their beginnings.
_ROUGH_TEXT = """
москв петербург питер нью-йорк токио париж мегаполис деревн саванн тайг джунгл астронавт космонавт
вулкан лава$ лаву$ лавы$ дискотек клуб$ концерт музык джаз танц мама$ маме$ мамы$ мамочк бабушк
подруг пекарн хлеб шоколад цунами tsunami орел орл ласточ журавл чайк дворец дворц крепост лось$
лося$ лоси$ лосем$ косул косатк дуб$ дуба$ дубом$ яблон клен$ клена$ роза$ розу$ розой$ розе$
розы$ роз$ розами$ пион мак$ маки$ тюльпан синица$ синичк воробе снегир какао сатурн юпитер марс$
путешеств турист пират кабриолет катер метал сталь village savanna jungle astronaut volcano lava$
party concert music jazz dance mother mom$ bakery chocolate eagle gull palace fortress elk$ moose
orca oak$ maple$ rose$ roses$ peony poppy$ poppies tulip robin sparrow bullfinch saturn jupiter
pirate pony$ steel metal cupcake moth$ goldfish cabrio robins$ tokyo paris london
"""
# Sprites that come close to words that the engine does not know: by their beginnings.
_INSTEAD_TEXT = """
bicycle car: мотоцикл мотоб мопед скутер самокат motorc motorb moped scooter
car train: автобус грузовик трамва такси джип bus$ truck tram taxi jeep van$
balloon rocket: самолет вертолет дельтаплан plane airplane aircraft helicopter jet$
cat bear: лев$ льва$ тигр рысь пантер леопард пум lion tiger panther leopard lynx
hedgehog rabbit: хомяк мыш белк крыс енот барсук hamster mouse squirrel rat$ raccoon badger
horse deer: коров корова$ овц овеч коз зебр жираф слон верблюд cow sheep goat zebra giraffe elephant
bird swan: утк гус$ гусь кур петух попуга голуб ворон фламинго duck goose hen$ rooster parrot pigeon
bird owl: raven crow flamingo сокол ястреб falcon hawk
whale fish: акул дельфин осьминог тюлен shark dolphin octopus seal$
castle house: церк храм башн мост школ музе theat church temple tower bridge school museum cathedral
cake cup: пицц бургер суп$ яблок еда$ pizza burger soup apple food
horse castle: дракон единорог dragon unicorn
person horse: рыцар принцес корол солдат воин knight princess king$ queen soldier warrior samurai
person robot: геро супергер учен врач hero superhero doctor wizard ninja
person house: бабушк дедушк дет ребен люди людей child children people men$ women boys$ girls$
"""
_LINKS = frozenset(_LINKS_TEXT.split())
_FILLERS, _ROUGH = tuple(_FILLERS_TEXT.split()), tuple(_ROUGH_TEXT.split())
_INSTEAD = tuple(
    (tuple(stems.split()), tuple(sprites.split()))
    for sprites, _, stems in (line.partition(": ") for line in _INSTEAD_TEXT.strip().splitlines())
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
    phrases = list(_phrases(_with_colours(list(_judge_all(prompt, shown)))))
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
    if COUNTS.get(word) or colour_stem(word):
        return _Word(text, _Shown.DRAWN)
    return _Word(text, _Shown.FILLER if _is_filler(word, is_rough=is_rough) else _Shown.NOT)


def _is_filler(word: str, *, is_rough: bool) -> bool:
    """True for a word that asks for nothing to be drawn."""
    is_small = word in STOP_WORDS or word in _LINKS or len(word) < 2
    # A mood that has given way to another one is not missed.
    is_vague = is_mood(word) and not is_rough
    return is_small or is_vague or any(matches_stem(word, stem) for stem in _FILLERS)


def _drawn_for(word: str, shown: Sequence[str]) -> str:
    """Name of the sprite, style or scene that the word has led to; "" if to none."""
    scene, palette, style, *sprites = shown
    for name in names_matching(word, SPRITE_WORDS):
        if name in sprites or (name == "person" and "umbrella" in sprites):
            return name
    if style in names_matching(word, STYLE_WORDS):
        return style
    things, settings = things_of(word), settings_of(word)
    scenes = {name for each in (*things, *settings) for name in each.scenes}
    hints = {name for each in (*things, *settings) for name in each.hints}
    palettes = {name for each in settings for name in each.palettes}
    is_seen = palette in palettes or scenes & {scene, *_ALSO.get(scene, ())} or hints & _WEATHER
    return scene if is_seen else ""


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
        for is_link, group in groupby(fillers, key=lambda text: fold(text) in _LINKS)
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
