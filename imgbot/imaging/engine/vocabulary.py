"""Words shared by all requests, in Russian and English: degrees, patterns, typo correction."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

SLIGHT, MUCH = 0.5, 1.8
# Percentage that equals a change of normal strength ("20 % brighter").
NORMAL_PERCENT = 25

DEGREES = (
    (SLIGHT, re.compile(
        r"(?<!\w)(?:(?:just )?a (?:little|bit|touch|tad|smidge|hint)(?: bit)?|slight\w*|somewhat"
        r"|little|bit|tad|subtl\w+|gent\w+|mild\w*"
        r"|light(?= (?:blur|grain|vignett|frame|sketch|glow|sepia|tint|touch))|not (?:too|so|very)"
        r"(?: much)?"
        r"|(?:(?:совсем|самую|прям) )?(?:чуть(?: чуть)?|чуток|чутка|немного|немножк\w+|малость)"
        r"|немножечко|слегка|капельку|каплю|едва|легк\w+|легонько|деликатно"
        r"|не (?:слишком|очень|сильно|так))(?!\w)")),
    (MUCH, re.compile(
        r"(?<!\w)(?:(?:a )?(?:whole )?lot|much|very|strong\w*|lots|heav\w+|really|way|super|max\w*"
        r"|extreme\w*|far|totally|twice|plenty|(?:по)?сильн\w+|очень|намного|гораздо|значительно"
        r"|максимальн\w*|на максимум|совсем|супер|заметно|существенно|мощн\w+|вдвое|втрое"
        r"|в (?:2|два|3|три) раза)(?!\w)")),
)  # fmt: skip
PERCENT = re.compile(r"(?<!\w)(?:by |на )?(minus )?(\d{1,3}) ?(?:%|percent|процент\w*)")

# Negates the change that follows, which is then ignored.
_MAKING = (
    r"(?:надо|нужно|хочу|люблю|нравится|делай\w*|делать|добавляй\w*|want|like|make|turn|add|apply"
    r"|do|be|было|будет)"
)
# Without "сделай": after "не надо" it introduces the wanted change.
_THING = (
    r"(?:делать|сделать|добавлять|to|make|turn|it|this|the|an?|any|that|photo|picture|image|effect"
    r"|filter|фото|фотку|картинку|его|ее|эту|это|этот|так|too|so|слишком|очень|эффект\w*"
    r"|фильтр\w*)"
)
NEGATION = re.compile(
    rf"(?:^| )(?:(?:не|not|dont|never)(?: {_MAKING}(?: {_THING})*)?|no(?: need(?: {_THING})*)?"
    r"|less|менее|без|without|remove|убери|убрать|уберите|удали|удалить|сотри|erase|delete)"
    r"(?: the| a| any| all| этот| эффект\w*| фильтр\w*| effect| filter)* $"
)

_STOP_WORDS = """
n her him it its them him
a an the it its this that these my me i you we us to of in on at by with for from and or then also
but so make do please pls plz plss thanks thank thx hi hey hello could can would should will
photo picture image pic photos pictures pics images everything all whole look looks looking like
want wanna need more again still bit be is are was up out down apply effect filter style colour
color colors colours mode version give get put turn into as add some have let lets just try bring
crank pump dial portrait selfie shot kind sort now here there too came turned seems got was which
и а но в во на с со до из у к ко по за от для чтобы было бы будет быть потом затем еще также тоже
сделай сделать сделайте сделаем пусть пожалуйста плиз плз пжлст пж пожалуй спасибо спс привет
фото фотку фотка фотки фотографию фотография фотографии снимок снимка картинку картинка картинки
изображение изображения его ее их это эту этот эта мне мой мою моя мое хочу хочется надо нужно
можно можешь можете давай добавь добавить добавьте добавим прибавь наложи наложить примени эффект
эффектом фильтр фильтром стиль стиле стилем режим вид виде все всю весь всё более больше побольше
цвета цвет цветом как под типа вот ну просто так какой нибудь делай кадр кадра
получилось получился получилась вышло вышел вышла выглядит кажется она он оно
портрет портретное селфи тон тона тонах ка же ли то
"""
# Words without a meaning of their own in a prompt.
STOP_WORDS = frozenset(_STOP_WORDS.replace("ё", "е").split())

MORE = (
    r"(?:(?:a )?(?:more|add|increase|raise|boost|crank up|pump up|turn up|dial up|bump up|bring up"
    r"|up|higher|extra|больше|побольше|добав\w+|прибав\w+|увелич\w+|повыс\w+|усил\w+|подним\w+"
    r"|поднять|накрути|выкрути)(?: the| some)?)"
)
LESS = (
    r"(?:(?:less|lower|reduce|decrease|turn down|tone down|dial down|bring down|drop|cut"
    r"|not (?:so|as|that)|меньше|поменьше|менее|убав\w+|уменьш\w+|сниз\w+|пониз\w+"
    r"|ослаб\w+|сбав\w+|не так(?:ой|ое|ая|ие|ую|им)?|не столь)(?: the)?)"
)
RISING = r"(?:up|higher|побольше|больше|(?:по)?выше|(?:по)?сильнее|вверх)"
FALLING = r"(?:down|lower|поменьше|меньше|(?:по)?ниже|(?:по)?слабее|вниз)"
REMOVE = (
    r"(?:(?:remove|get rid of|reduce|kill|take (?:out|away|off)|clean(?: up)?|fix|less|no more"
    r"|correct|убери\w*|убрать|убав\w+|удали\w*|сними|снять|почист\w+|избав\w+ от|исправ\w+"
    r"|нейтрализ\w+|(?:по)?меньше|уменьши|без)(?: the| this| that| эту| этот| эти| всю?)?)"
)
# Complete removal, as opposed to correction.
TAKE_AWAY = (
    r"(?:(?:remove|get rid of|kill|take (?:out|away|off)|no more|убери\w*|убрать|удали\w*|сними"
    r"|снять|избав\w+ от|без)(?: the| all| this| that| эту| этот| эти| все| всю?)*)"
)
# Flaws that have a change of their own for their removal.
BLEMISH = (
    r"(?:dust|specks?|scratches|noise|grain|blur|haze|red eyes|пыль|пылинки|соринки|царапины|шум"
    r"|зерно|размытие|блюр|дымку|желтизну|красноту|красные глаза)"
)
_REMOVE_LAST = r"(?:remove|убери\w*|убрать|удали\w*|сними|снять|поменьше|исправ\w+)"
END = r"(?= (?:,|and|then|и|потом|please|pls|plz|пожалуйста|плиз|пж|$))"
IT = r"(?: (?:it|this|photo|the photo|picture|the picture|фото|фотку|фотографию|картинку|его|ее))?"
ROTATE = rf"(?:rotate|spin|поверн\w+|поворот|поворач\w+|разверн\w+|крутани|покрути){IT}"
# "Turn" alone means rotation only if it is not followed by something to turn the photo into.
TURN = rf"(?:{ROTATE}|turn{IT})"
SLIGHTLY = r"(?:a (?:bit|little|touch)|slightly|чуть(?: чуть)?|немного|немножко|слегка|чуток)"
FLIP = rf"(?:flip|отраз\w+){IT}"
CROP = rf"(?:crop|cut|trim|(?:об|под)реж\w*|обреза\w+|(?:от)?кадрир\w+|кроп\w*){IT}"
TO = r"(?: (?:to|into|as|in|down to|в|под|до|по|на|как))?(?: a| the)?"
TURNED_BY = r"(?: (?:by|на|at))? (\d{1,3})(?: degrees?| deg| градус\w*)?"
ANTI = (
    r"(?:to the |в )?(?:left|counter ?clockwise|anti ?clockwise|налево|влево|левую сторону"
    r"|против часовой(?: стрелки)?)"
)
CLOCKWISE = (
    r"(?:to the |в )?(?:right|clockwise|направо|вправо|правую сторону|по часовой(?: стрелке)?)"
)
TURN_OVER = rf"(?:flip|перев[ео]р\w+){IT}"
# "-90" as `edit_request.normalize` spells it.
TURNED_BACK_BY = r"(?: (?:by|на|at))? minus (\d{1,3})%(?: degrees?| deg| градус\w*)?"
OFF = r"(?:the |off the |с |со )?"


def more(noun: str) -> str:
    return rf"{MORE} (?:{noun})|(?:{noun}) {RISING}"


def less(noun: str) -> str:
    return rf"{LESS} (?:{noun})|(?:{noun}) {FALLING}"


def removed(noun: str) -> str:
    """Pattern of removing `noun`: the verb precedes it, or ends the clause."""
    return rf"{REMOVE} (?:{noun})|(?:{noun}) {_REMOVE_LAST}{END}"


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
