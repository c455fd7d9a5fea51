"""Features of a prompt: scenes, palettes, colours, sprites and styles, in Russian and English.

A stem matches every word that begins with it, or that word alone if it ends in `$`.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imgbot.imaging.engine import colours as colour_names
from imgbot.imaging.engine.colours import Colour, parse_hex
from imgbot.imaging.engine.sprites import SPRITE_WORDS, SPRITES
from imgbot.imaging.engine.styles import STYLE_WORDS

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


def _concept(stems: str, scenes: str = "", palettes: str = "", hints: str = "") -> Concept:
    return Concept(
        tuple(stems.split()), tuple(scenes.split()), tuple(palettes.split()), tuple(hints.split())
    )


_THINGS = (
    _concept("гор$ гора горы горах горн вершин скал альп mountain peak alps cliff", "mountains"),
    _concept("холм долин деревн поле$ поля$ полем$ луг$ луга$ лугу$ hill valley countryside "
             "village field landscape пейзаж", "hills"),
    _concept("лес$ леса$ лесу$ лесом$ лесн тайг роща роще ель$ ели$ ельник сосн деревья деревьев "
             "деревьям forest wood pine trees$ jungle чащ", "forest", "forest", "forest tree"),
    _concept("пустын дюн бархан песк песок песч саванн desert dune sand sahara", "dunes", "desert"),
    _concept("море$ моря$ морю$ морем$ морск океан волн шторм серф sea$ seas$ ocean wave surf "
             "tsunami", "waves", "ocean tropical"),
    _concept("озер река$ реки$ реке$ реку$ рекой$ речк речн пруд вода$ воды$ воде$ водой$ берег "
             "набережн залив бухт гавань lake river water pond shore coast bay$ harbour harbor",
             "lake", "", "water"),
    _concept("пляж остров троп курорт beach island tropic vacation", "lake waves",
             "tropical", "sand"),
    _concept("город улиц небоскреб мегаполис москв петербург питер нью-йорк токио париж city "
             "cities town street roof крыш skyline downtown urban skyscraper", "city"),
    _concept("огни$ огней$ фонар боке гирлянд дискотек клуб$ lights$ bokeh lantern "
             "garland party", "bokeh", "night neon"),
    _concept("звезд созвезд млечн star$ stars$ starry constellation milky", "stars", "night",
             "night"),
    _concept("космос космич вселен галактик планет сатурн юпитер марс$ астронавт космонавт space$ "
             "cosmos cosmic universe galaxy planet saturn jupiter astronaut", "planet stars",
             "night neon lavender"),
    _concept("сияни аврор полярн северн aurora polar northern", "aurora", "aurora", "aurora"),
    _concept("цветы$ цветочн цветов$ цветам$ цветами$ цветах$ цвету$ букет розы$ роз$ розами$ "
             "тюльпаны$ тюльпанов$ ромашк маки$ маков$ сад$ сада$ саду$ клумб лужайк flowers$ "
             "floral bloom bouquet roses$ tulips$ daisy daisies poppies garden meadow blossom",
             "garden", "spring pastel"),
    _concept("лист$ листь листв листоп папорот джунгл leaf leaves fern foliage", "leaves",
             "tropical forest"),
    _concept("мрамор агат дым$ дыма$ жидк marble agate smoke liquid fluid", "marble",
             "silver rose"),
    _concept("клякс пятн разводы blot splash", "washes"),
    _concept("геометр баухаус узор плитк паттерн абстракц абстракт супремат geometr bauhaus "
             "pattern tile abstract", "geometric flow"),
    _concept("линии поток течени слои ленты flow stream layers$ ribbon curves", "flow"),
    _concept("птицы$ птиц$ птицами$ стая стаи чайк орел орл ласточ журавл birds$ flock gull eagle "
             "crane$ cranes$", "hills lake", "", "birds"),
)  # fmt: skip

_TIMES = (
    _concept("зим снег снеж мороз метел вьюг лед$ льда$ льды$ рождеств новогодн winter snow frost "
             "ice$ icy blizzard christmas xmas", "mountains forest", "winter", "snow"),
    _concept("весн апрел май$ мая$ сакур spring april may$ sakura", "garden", "spring blossom",
             "spring"),
    _concept("лето$ лета$ летом$ летн июл июн summer july june sunny", "lake garden hills",
             "noon tropical"),
    _concept("осен октябр ноябр сентябр листопад autumn fall$ october november september",
             "forest leaves hills", "autumn", "autumn"),
    _concept("утр рассвет восход заря$ зари$ morning dawn sunrise daybreak", "hills lake", "dawn"),
    _concept("закат вечер sunset evening", "hills lake", "sunset"),
    _concept("сумер сумрак dusk twilight blue-hour", "hills lake city", "twilight"),
    _concept("полден полдн ясный$ ясная$ ясное$ noon midday", "hills", "noon"),
    _concept("ноч полноч тьма$ тьме$ темнот night midnight", "stars city", "night", "night"),
    _concept("лун moon", "hills stars", "night", "moon"),
    _concept("солн сун$ sun$ sunlight", "hills", "noon sunset", "sun"),
    _concept("дожд ливень ливн rain rainy shower", "city bokeh", "storm", "rain clouds"),
    _concept("гроз шторм буря$ бури$ бурн туча$ тучи$ туч$ ненаст пасмурн storm thunder gale "
             "gloomy overcast", "waves hills", "storm", "clouds"),
    _concept("туман дымк облак облач fog mist haze cloud", "forest hills", "mist", "fog clouds"),
)  # fmt: skip

_MOODS = (
    _concept("спокой тих$ тихий тихая тихое тишин штиль уют безмятеж дзен calm quiet peace seren "
             "still$ cozy cosy zen$", "lake hills", "mint dawn", "calm"),
    _concept("груст печал тоск тоскл одинок одиноч меланхол sad$ sadness sorrow lonely melanchol",
             "lake", "twilight mist mono", "fog"),
    _concept("мрачн темн$ темный темная темное страшн зловещ dark$ gloom scary spooky", "forest",
             "storm night"),
    _concept("радост счаст весел праздник ярк joy happy happiness cheer celebrat bright$ vivid",
             "garden geometric", "tropical spring"),
    _concept("рожден мама$ маме$ мамы$ мамочк бабушк подруг birthday mother mom$ anniversary "
             "юбиле", "garden bokeh leaves", "spring rose tropical"),
    _concept("любов любл люблю роман$ романт нежн сердц сердеч валентин love romantic romance "
             "heart tender valentine", "garden bokeh", "rose blossom"),
    _concept("сказ волшеб магич магия мечт сон$ сны$ fairy magic dream wonder enchant",
             "stars aurora forest", "lavender aurora"),
    _concept("ретро винтаж стар$ старый$ старая$ старин ностальг retro vintage old$ nostalg",
             "geometric", "vintage"),
    _concept("киберпанк неон будущ фантаст cyberpunk neon futur sci-fi synthwave", "city bokeh",
             "neon"),
    _concept("роскош богат праздничн luxury rich$ royal", "marble flow", "gold"),
    _concept("золот golden$ gold$", "", "gold"),
    _concept("серебр silver металл metal сталь$ steel", "", "silver"),
    _concept("нефрит малахит jade malachite", "marble", "jade"),
    _concept("огонь$ огня$ огнен пламя пламен костер костр лава вулкан fire flame lava volcano",
             "marble", "ember"),
    _concept("пастельн мягк мил$ милый$ милая$ милое$ pastel$ soft$ cute gentle", "washes flow",
             "pastel blossom"),
    _concept("минимал прост$ простой$ minimal simple", "hills flow", "mono pastel"),
    _concept("черно-бел монохром monochrome grayscale black-and-white", "", "mono"),
    _concept("музык джаз концерт танц music jazz concert dance", "flow bokeh", "neon vintage"),
    _concept("кофе кофей капучино латте какао чай$ чая$ чаем$ пекарн хлеб шоколад coffee tea$ "
             "cocoa latte bakery chocolate", "bokeh washes", "mocha"),
)  # fmt: skip

# Weights for scene and palette: things decide the scene, times and moods rather the colours.
_GROUPS = ((_THINGS, 1.0, 0.5), (_TIMES, 0.35, 2.2), (_MOODS, 0.35, 1.0))
COUNTS: Mapping[str, int] = {
    **dict.fromkeys(("два", "две", "двое", "пара", "пару", "two", "couple", "pair"), 2),
    **dict.fromkeys(("три", "трое", "three"), 3),
}
_METALS = frozenset({"золот", "golden", "gold$", "серебр", "silver"})
_HOME_WEIGHT = 0.6  # of a sprite's own scenes, relative to a scene that is named

_NAMED = {**colour_names.NAMED_COLOURS, "ginger": parse_hex("d2691e")}

COLOUR_STEMS: Mapping[str, Colour] = {
    stem: _NAMED[name]
    for name, stems in (
        ("red", "красн ал$ алый алая алое red$ scarlet crimson"),
        ("ginger", "рыж ginger"),
        ("orange", "оранж апельсин orange"),
        ("yellow", "желт yellow lemon лимонн"),
        ("green", "зелен green"),
        ("turquoise", "бирюз turquoise teal cyan"),
        ("light_blue", "голуб sky-blue azure лазур"),
        ("blue", "син blue$ indigo"),
        ("purple", "фиолет пурпур сирен violet purple lilac"),
        ("pink", "розов pink$ magenta"),
        ("brown", "коричн шоколад brown chocolate"),
        ("gold", "золот golden gold$"),
        ("grey", "серебр сер$ серый серая серое серые серых silver grey gray"),
        ("white", "бел$ белый белая белое белые белых white"),
        ("black", "черн$ черный черная черное черные черных black"),
        ("emerald", "изумруд emerald мятн mint"),
        ("burgundy", "малинов бордов вишнев burgundy cherry raspberry"),
    )
    for stem in stems.split()
}


@dataclass(frozen=True, slots=True)
class PromptFeatures:
    """Features found in a prompt; scenes, palettes and styles with their weights.

    A sprite that is requested twice is listed twice. `sprite_colours` are the colours that stand
    right before a sprite's name and apply to it alone.
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
    for before, word in zip(["", *found], found, strict=False):
        for name in names_matching(word, SPRITE_WORDS):
            sprites[name] = max(sprites.get(name, 1), COUNTS.get(before, 1))
    if "umbrella" in sprites:
        # The umbrella's sprite includes a person.
        sprites.pop("person", None)
    return tuple(name for name, count in sprites.items() for _ in range(count))


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


def fold(text: str) -> str:
    """The text as stems are compared with it."""
    return text.lower().replace("ё", "е")


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
