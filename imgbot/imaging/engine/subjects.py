"""What words ask for: subjects, seasons, moods and colours, in Russian and English.

A stem stands for every word that begins with it, or for one word alone where it ends in `$`.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from imgbot.imaging.engine.colours import Colour, parse_hex

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that words can mean, and what it calls for."""

    stems: tuple[str, ...]
    motifs: tuple[str, ...] = ()
    palettes: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


def _subject(stems: str, motifs: str = "", palettes: str = "", hints: str = "") -> Subject:
    return Subject(
        tuple(stems.split()), tuple(motifs.split()), tuple(palettes.split()), tuple(hints.split())
    )


_THINGS = (
    _subject("гор$ гора горы горах горн вершин скал альп mountain peak alps cliff", "mountains"),
    _subject("холм долин деревн поле$ поля луга hill valley countryside landscape пейзаж", "hills"),
    _subject("лес$ леса лесу лесн тайг роща ель$ ели$ елк сосн дерев$ дерево деревья "
             "forest wood pine tree jungle", "forest", "forest", "forest tree"),
    _subject("пустын дюн бархан песк песч саванн desert dune sand sahara", "dunes", "desert"),
    _subject("море$ моря$ морск океан волн шторм серф sea$ ocean wave surf storm tsunami",
             "waves", "ocean tropical"),
    _subject("озер река$ реки$ реке$ речн пруд вода$ воды$ воде$ берег набережн lake river water "
             "pond shore coast", "lake", "", "water"),
    _subject("парус лодк корабл кораб яхт boat ship sail yacht", "lake", "ocean", "boat"),
    _subject("пляж остров пальм троп курорт beach island palm tropic vacation", "lake waves",
             "tropical"),
    _subject("город улиц небоскреб мегаполис москв петербург нью-йорк токио city cities town "
             "street skyline downtown urban skyscraper", "city"),
    _subject("огни$ огней фонар боке гирлянд дискотек клуб lights bokeh lantern "
             "garland party", "bokeh", "night neon"),
    _subject("звезд звёзд созвезд млечн star stars starry constellation milky", "stars", "night",
             "night"),
    _subject("космос космич вселен галактик планет сатурн юпитер марс астронавт ракет space cosmos "
             "cosmic universe galaxy planet saturn jupiter rocket astronaut", "planet stars",
             "night neon lavender"),
    _subject("сияни аврор полярн северн aurora polar northern", "aurora", "aurora", "aurora"),
    _subject("цвет$ цветы цветок цветк цветоч цветов цветам цветах букет роза$ розы$ роз$ "
             "тюльпан ромашк мак$ маки$ сад$ сада$ саду$ клумб лужайк flower bloom bouquet "
             "tulip daisy poppy garden meadow blossom", "garden", "spring pastel"),
    _subject("лист$ листь листв листоп папорот джунгл leaf leaves fern foliage", "leaves",
             "tropical forest"),
    _subject("мрамор камень агат чернил дым$ дыма жидк marble stone agate ink smoke liquid fluid",
             "marble"),
    _subject("акварел краск живопис художн клякс watercolor watercolour paint painting",
             "watercolour"),
    _subject("геометр баухаус узор плитк паттерн мозаик абстракц абстракт супремат geometr bauhaus "
             "pattern tile mosaic abstract", "geometric flow"),
    _subject("линии поток течени слои бумаг ленты flow stream layer paper ribbon curves",
             "flow"),
    _subject("птиц чайк орел ласточ bird gull eagle", "hills lake", "", "birds"),
    _subject("рыб кит$ киты дельфин акул fish whale dolphin shark", "waves", "ocean"),
    _subject("лис$ лиса волк медвед олен сова зайц заяц fox wolf bear deer owl rabbit", "forest",
             "autumn forest"),
    _subject("кот$ кота кошк котик котён котен cat cats kitten", "city stars", "sunset night",
             "moon cat"),
    _subject("бабоч пчел butterfly bee$ bees", "garden", "spring"),
)  # fmt: skip

_TIMES = (
    _subject("зим снег снеж мороз лед$ льда льды нового новый$ рождеств winter snow frost ice$ icy "
             "christmas", "mountains forest", "winter", "snow"),
    _subject("весн апрел май$ мая$ spring april may$", "garden", "spring", ""),
    _subject("лет$ лето летн летом июл summer july sunny", "lake garden hills", "noon tropical"),
    _subject("осен октябр ноябр рыж autumn fall$ october november", "forest leaves hills",
             "autumn"),
    _subject("утр рассвет восход нежн morning dawn sunrise", "hills lake", "dawn"),
    _subject("закат вечер сумер sunset evening dusk", "hills lake", "sunset"),
    _subject("ноч полноч темн мрачн night midnight dark", "stars city", "night", "night"),
    _subject("лун moon", "hills stars", "night", "moon"),
    _subject("солн сун$ sun$ sunlight", "hills", "noon sunset"),
    _subject("дожд ливень туч rain rainy cloudy", "bokeh city", "night", "rain clouds"),
    _subject("туман дымк облак fog mist haze cloud", "forest hills", "dawn mint", "fog clouds"),
)  # fmt: skip

_MOODS = (
    _subject("спокой тих$ тихий тишин уют безмятеж дзен calm quiet peace seren cozy zen$", "lake "
             "hills", "mint dawn"),
    _subject("грус печал тоск одиноч sad sorrow lonely melanchol", "lake", "mono lavender", "fog"),
    _subject("радост счаст весел праздник joy happy happiness cheer celebrat", "garden geometric",
             "tropical spring"),
    _subject("рожден мама$ маме мамы бабушк подруг birthday mother mom$ anniversary юбиле",
             "garden bokeh leaves", "spring rose tropical"),
    _subject("любов любл люблю роман нежност сердц love romantic romance heart tender",
             "garden bokeh", "rose"),
    _subject("сказ волшеб магич мечт сон$ сны$ fairy magic dream wonder", "stars aurora",
             "lavender", "aurora"),
    _subject("ретро винтаж стар$ старый старин ностальг retro vintage old$ nostalg", "geometric",
             "vintage"),
    _subject("киберпанк неон будущ фантаст cyberpunk neon futur sci-fi synthwave", "city bokeh",
             "neon"),
    _subject("роскош богат праздничн luxury rich$ royal", "marble flow", "gold"),
    _subject("пастел мягк мил$ милый милая pastel soft cute gentle", "watercolour flow", "pastel"),
    _subject("минимал прост$ простой minimal simple", "hills flow", "mono pastel"),
    _subject("черно-бел чёрно-бел монохром monochrome grayscale black-and-white", "", "mono"),
    _subject("музык джаз концерт танц music jazz concert dance", "flow bokeh", "neon vintage"),
    _subject("кофе чай$ пекарн хлеб coffee tea$ bakery", "watercolour marble", "vintage gold"),
)  # fmt: skip

# What is named decides the motif; when it is decides less; how it feels decides the colours.
_GROUPS = ((_THINGS, 1.0, 0.5), (_TIMES, 0.35, 0.9), (_MOODS, 0.35, 1.0))

COLOURS: Mapping[str, Colour] = {
    stem: parse_hex(value)
    for value, stems in (
        ("d8263c", "красн ал$ алый алая алое red$ scarlet crimson"),
        ("ff7a1a", "оранж апельсин orange"),
        ("f6c21c", "желт yellow lemon лимонн"),
        ("2e9e4f", "зелен green"),
        ("0fa3a3", "бирюз turquoise teal cyan"),
        ("3aa0f0", "голуб sky-blue azure лазур"),
        ("1f4fd1", "син blue$ indigo"),
        ("7a3ccf", "фиолет пурпур сирен violet purple lilac"),
        ("f06aa8", "розов pink$ magenta"),
        ("8a5a34", "коричн шоколад brown chocolate"),
        ("d9a520", "золот golden gold$"),
        ("9aa4ae", "серебр сер$ серый серая серое серые серых silver grey gray"),
        ("f4f4f0", "бел$ белый белая белое белые белых white"),
        ("16161c", "черн$ черный черная черное черные черных black"),
        ("0d7f66", "изумруд emerald мятн mint"),
        ("b01e4f", "малинов бордов вишнев burgundy cherry raspberry"),
    )
    for stem in stems.split()
}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was found in the words, each with how strongly it was asked for."""

    motifs: Mapping[str, float]
    palettes: Mapping[str, float]
    hints: frozenset[str]
    colours: tuple[Colour, ...]


def read_wishes(words: str) -> Wishes:
    """Find subjects and colours in what a person wrote; earlier words weigh more."""
    motifs: defaultdict[str, float] = defaultdict(float)
    palettes: defaultdict[str, float] = defaultdict(float)
    hints: set[str] = set()
    colours: dict[Colour, None] = {}
    for place, word in enumerate(_WORD.findall(words.lower().replace("ё", "е"))[:200]):
        weight = 100 - min(place, 60)
        if stem := colour_stem(word):
            colours[COLOURS[stem]] = None
        for subject, motif_strength, palette_strength in _meant_by(word):
            for rank, name in enumerate(subject.motifs, 1):
                motifs[name] += weight * motif_strength / rank
            for rank, name in enumerate(subject.palettes, 1):
                palettes[name] += weight * palette_strength / rank
            hints.update(subject.hints)
    return Wishes(motifs, palettes, frozenset(hints), tuple(colours)[:4])


def colour_stem(word: str) -> str | None:
    """The known colour that a word names, by its stem."""
    return next((stem for stem in COLOURS if _is_meant(word, stem)), None)


def _meant_by(word: str) -> list[tuple[Subject, float, float]]:
    return [
        (subject, motif_strength, palette_strength)
        for group, motif_strength, palette_strength in _GROUPS
        for subject in group
        if any(_is_meant(word, stem) for stem in subject.stems)
    ]


def _is_meant(word: str, stem: str) -> bool:
    return word == stem[:-1] if stem.endswith("$") else word.startswith(stem)
