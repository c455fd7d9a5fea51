"""Typo correction and suggestions for unrecognised words of an edit prompt.

The vocabulary recognises every word listed here (a test checks it).
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches

SUGGESTIONS_MAX = 3
# Shorter words are too similar to each other for a guess.
_TYPO_LETTERS_MIN = 5
_CLOSE = 0.76

_CYRILLIC = re.compile("[а-я]")

# Single words, a line per change; the first is the form shown to users.
_WORDS = """
ярче светлее посветлее поярче яркость осветли
темнее потемнее затемни
контраст контрастнее контрастность
теплее потеплее теплый
холоднее похолоднее прохладнее холодный
насыщеннее насыщенность сочнее красочнее
бледнее приглуши приглушенный
обесцветь монохром
сепия
ретро винтаж состарь
плёнка
выцветший
кинематографично
нуар
размой размытие размыть
резче резкость четче четкость
мягче смягчи
свечение сияние
негатив инверсия
поверни повернуть поворот
переверни перевернуть
отзеркаль зеркало зеркально
отрази
квадрат квадратное квадратом
обрежь обрезать кадрируй
приблизь крупнее ближе
виньетка виньетку
рамка рамку рамочка рамочку
полароид
аватарка
зернистость зерно
пиксели пикселизируй мозаика
постер плакат
соляризация
контуры контур
карандашом карандаш рисунок набросок эскиз
рельеф тиснение
мультик мультяшно комикс
маслом живопись
акварель акварелью
газета
глитч
дуотон
миниатюра игрушечный
улучши улучшить автоуровни исправь красивее
выразительнее эффектнее
объём объемнее
brighter brighten brightness lighter lighten
darker darken
contrast
warmer warmth
cooler colder
saturate saturated saturation vivid vibrant colorful
desaturate muted
monochrome grayscale
sepia
vintage retro
faded matte
cinematic
noir
blur blurry blurred
sharper sharpen sharpness clarity
softer soften smooth
glow dreamy
invert negative
rotate
mirror
square
vignette
frame framed border
polaroid
avatar circle
grain grainy
pixelate pixelated
posterize poster
solarize
outline contour
sketch pencil drawing
emboss relief
cartoon comics
painting
watercolor watercolour aquarelle
halftone newspaper
duotone
glitch
miniature
enhance improve better retouch
shadows
highlights
dehaze
denoise
"""
_NAMES = {
    word.replace("ё", "е"): line.split()[0] for line in _WORDS.splitlines() for word in line.split()
}
_RUSSIAN = tuple(word for word in _NAMES if _CYRILLIC.search(word))
_ENGLISH = tuple(word for word in _NAMES if not _CYRILLIC.search(word))
WORDS = (*_RUSSIAN, *_ENGLISH)

# Unsupported changes, and the supported changes closest to them.
_MEANT: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"лиц\w*|кож\w*|морщин\w*|прыщ\w*", ("мягче", "светлее", "улучши")),
    (r"фон\w*|задник\w*", ("размой фон", "виньетка")),
    (r"неб\w*|облак\w*|пейзаж\w*", ("больше голубого", "контраст", "убери дымку")),
    (r"горизонт\w*|выровн\w*|наклон\w*|криво\w*", ("поверни на 2 градуса", "обрежь")),
    (r"увелич\w*|больш\w*|масштаб\w*", ("приблизь", "обрежь")),
    (r"син\w*|красн\w*|желт\w*|зелен\w*|голуб\w*|розов\w*|фиолет\w*|оранж\w*",
     ("в синих тонах", "больше красного", "убери желтизну")),
    (r"вечер\w*|темнот\w*|луна|лунн\w*", ("ночь", "темнее", "холоднее")),
    (r"лет\w*|утр\w*|тепло\w*", ("золотой час", "теплее", "насыщеннее")),
    (r"зим\w*|лед\w*|снег\w*|мороз\w*", ("холоднее", "бледнее")),
    (r"стар\w*|древн\w*|дедушк\w*", ("ретро", "сепия", "полароид")),
    (r"худож\w*|краск\w*|искусств\w*|нарису\w*", ("маслом", "акварель", "карандашом")),
    (r"face\w*|skin|wrinkles?|pimples?|acne|teeth", ("softer", "brighter", "enhance")),
    (r"background|bg|backdrop", ("blur the background", "vignette")),
    (r"sky|clouds?|landscape", ("more blue", "contrast", "dehaze")),
    (r"horizon|straight\w*|level|tilt\w*|crooked", ("rotate 2 degrees", "crop")),
    (r"enlarge\w*|big\w*|upscale\w*|scale|large\w*", ("zoom in", "crop")),
    (r"blue|red|yellow|green|pink|purple|orange", ("blue tint", "more red", "less yellow")),
    (r"evening|moon\w*", ("night", "darker", "cooler")),
    (r"summer|morning|cozy|cosy", ("golden hour", "warmer", "vivid")),
    (r"winter|ice|icy|snow\w*|frost\w*", ("cooler", "muted")),
    (r"old|ancient|antique|70s|80s|90s", ("vintage", "sepia", "polaroid")),
    (r"art\w*|paint\w*|draw\w*", ("oil painting", "watercolour", "pencil sketch")),
)  # fmt: skip
_MEANT_COMPILED = tuple((re.compile(pattern), words) for pattern, words in _MEANT)

_POPULAR_RUSSIAN = ("ярче", "теплее", "чёрно-белое")
_POPULAR_ENGLISH = ("brighter", "warmer", "black and white")


def correct_typo(word: str) -> str | None:
    """Known word that differs by one typo; None if there is none or it is ambiguous."""
    if not word.isalpha() or len(word) < _TYPO_LETTERS_MIN - 1:
        return None
    meant = [
        known
        for known in WORDS
        # "Ярче" is short but the most frequent word, and nothing else is similar.
        if (min(len(known), len(word)) >= _TYPO_LETTERS_MIN or known == "ярче")
        and is_one_edit_apart(word, known)
    ]
    return meant[0] if len({_NAMES[known] for known in meant}) == 1 else None


def is_one_edit_apart(one: str, other: str) -> bool:
    """True if one letter is added, missing, wrong, or swapped with its neighbour."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = next(
        (place for place, (left, right) in enumerate(zip(one, other, strict=False))
         if left != right),
        min(len(one), len(other)),
    )  # fmt: skip
    left, right = one[start:], other[start:]
    is_swapped = left[:2] == right[:2][::-1] and left[2:] == right[2:]
    if start == 0:
        # A different first letter usually makes a different word: farmer, warmer.
        return is_swapped
    return left[1:] == right[1:] or left[1:] == right or left == right[1:] or is_swapped


def find_suggestions(unknown: Sequence[str]) -> tuple[str, ...]:
    """Up to three known words, similar in spelling first, then in meaning."""
    spelt = [
        near
        for word in unknown
        for near in get_close_matches(word, _RUSSIAN if is_russian(word) else _ENGLISH, 2, _CLOSE)
    ]
    meant = [
        near
        for word in unknown
        for pattern, words in _MEANT_COMPILED
        if pattern.fullmatch(word)
        for near in words
    ]
    names = [_NAMES.get(near, near) for near in (*spelt, *meant)]
    return tuple(dict.fromkeys(names))[:SUGGESTIONS_MAX]


def popular_words(words: str) -> tuple[str, ...]:
    """Most popular changes, in the language of the words."""
    return _POPULAR_RUSSIAN if is_russian(words) else _POPULAR_ENGLISH


def is_russian(words: str) -> bool:
    """True if there are Cyrillic letters in the text."""
    return bool(_CYRILLIC.search(words.lower().replace("ё", "е")))
