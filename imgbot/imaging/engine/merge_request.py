"""Merge requests: layout, order of the photos and background, parsed from a prompt.

Parsing never fails: unrecognised words are reported, and the photos become a collage.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from imgbot.imaging.engine.colours import COLOUR_PATTERN, NAMED_COLOURS, Colour, colour_key
from imgbot.imaging.engine.edit_request import normalize
from imgbot.imaging.engine.vocabulary import STOP_WORDS as _FILLERS, is_one_edit_apart, is_russian


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w@])(?:{pattern})(?!\w)")


_NOUN = (
    r"(?:photo\w*|picture|image|pic|one|фото\w*|фотк\w+|картинк\w+|снимок|снимк\w+|изображени\w+"
    r"|кадр\w*)"
)
# 0 is the last one, whatever its number.
NUMBERS: tuple[tuple[int, re.Pattern[str]], ...] = (
    (0, _compile(r"(?:the )?last|последн\w+")),
    (1, _compile(r"(?:the )?(?:first|1st)|перв(?:ый|ая|ое|ую|ого|ой|ому|ом|ым)|1 ?(?:й"
                 r"|ю|е|ое|ая)")),
    (2, _compile(r"(?:the )?(?:second|2nd)|втор(?:ой|ая|ое|ую|ого|ому|ом|ым)|2 ?(?:й|ю|е|ое|ая)")),
    (3, _compile(r"(?:the )?(?:third|3rd)|трет(?:ий|ья|ье|ью|ьего|ьей|ьему|ьем)")),
    (4, _compile(r"(?:the )?(?:fourth|4th)|четверт(?:ый|ая|ое|ую|ого|ой|ому|ом)")),
    (5, _compile(r"(?:the )?(?:fifth|5th)|пят(?:ый|ая|ое|ую|ого|ой|ому|ом)")),
    (6, _compile(r"(?:the )?(?:sixth|6th)|шест(?:ой|ая|ое|ую|ого|ому|ом)")),
    (7, _compile(r"(?:the )?(?:seventh|7th)|седьм(?:ой|ая|ое|ую|ого|ому|ом)")),
    (8, _compile(r"(?:the )?(?:eighth|8th)|восьм(?:ой|ая|ое|ую|ого|ому|ом)")),
    (9, _compile(r"(?:the )?(?:ninth|9th)|девят(?:ый|ая|ое|ую|ого|ой|ому|ом)")),
    (10, _compile(r"(?:the )?(?:tenth|10th)|десят(?:ый|ая|ое|ую|ого|ой|ому|ом)")),
    *((number, _compile(rf"{number}(?![:%\w])(?! ?(?:раз|px))")) for number in range(1, 11)),
)  # fmt: skip
NAMED = re.compile(
    rf"(?<!\w)(?:(?:the )?(?:{_NOUN}|номер|number|no|n) )?@(\d{{1,2}})(?: {_NOUN}(?!\w))?"
)
_AND = r"(?: and| и| with| с| плюс| plus| then| потом| затем| а| ,){0,3}"
_LIST = rf"@\d{{1,2}}(?:{_AND} @\d{{1,2}}){{0,9}}"
LIST = _compile(_LIST)
_JOIN = (
    r"(?:merge|combine|join|unite|make|put|объедин\w+|соедин\w+|скле\w+|собер\w+|собрать|сдела\w+"
    r"|слож\w+|сли\w+|слей\w*)"
)
_SEVERAL = (
    rf"(?:(?:the|these|эти|all|both|все|оба|обе) )?(?:@\d{{1,2}}|two|three|две|два|три|{_NOUN})"
)
IN_ONE = re.compile(
    rf"(?<!\w){_JOIN} {_SEVERAL}(?: {_NOUN})? (?:in(?:to)?|в) (?:@1|one)(?: {_NOUN})?(?!\w)"
    rf"|(?<!\w)(?:{_SEVERAL} )?(?:in(?:to)?|в) (?:a single|single|одно|один|одну"
    rf"|единое)(?: {_NOUN})?(?!\w)(?! на)"
)

_PUT = (
    r"(?:(?:put|place|paste|insert|add|set|drop|move|cut out|overlay|встав\w+|помест\w+|постав\w+"
    r"|перен[ео]с\w+|добав\w+|вклей\w*|посад\w+|прилепи|вреж\w+|вырежи(?: и вставь)?|размест\w+"
    r"|сделай)(?:(?: the)?(?: \w+)? (?:from|с|со|из)| the| it| them| его| ее| их| объект| object"
    r"| person| человека)?)"
)
_INTO = (
    r"(?:in(?:to|side)?|on(?:to)?|over|to|on top of|at|in front of|в|во|на|поверх|внутрь|к|ко"
    r"|перед)(?: the)?(?: background(?: of| from)?| backdrop of| фон\w*| задн\w+ план\w*)?(?: из| с"
    r"| от)?"
)
# "The cat from the first", and its place in the second.
_SOMEBODY = r"(?:the |an? )?\w+ (?:from|из|со?)"
_SOMEWHERE = r"(?:(?:the|an?) )?(?:\w+ ){1,2}(?:from|of|из|со?)"
CUT_OUTS: tuple[re.Pattern[str], ...] = (
    _compile(
        rf"(?:{_PUT} )?(?:{_SOMEBODY} )?(?P<subjects>@\d{{1,2}}) {_INTO} {_SOMEWHERE}"
        r" (?P<ground>@\d{1,2})"
    ),
    _compile(
        rf"(?:{_PUT} |{_SOMEBODY} )?(?P<subjects>{_LIST})(?:(?: and| и"
        rf"| ,)? {_PUT})? {_INTO} (?P<ground>@\d{{1,2}})"
    ),
    _compile(rf"{_INTO} (?P<ground>@\d{{1,2}}) {_PUT} (?P<subjects>{_LIST})"),
    _compile(rf"{_PUT} {_INTO} (?P<ground>@\d{{1,2}}) (?P<subjects>{_LIST})"),
)
_GROUND = r"(?:background|backdrop|bg|фон\w*|задн\w+ план\w*)"
GROUND_ONLY = _compile(
    rf"(?:use |возьми |сделай )?@\d{{1,2}}(?: as| is| for| будет| это| как| для| в качестве| сделай"
    rf"| пусть| на)*(?: a| the)? {_GROUND}(?:ом)?|(?:as (?:a|the) )?{_GROUND}(?: is| from| of| из"
    rf"| от| со?| это| будет| возьми| сделай)* @\d{{1,2}}"
)
_OTHER = (
    r"(?:(?:one|it|одн\w+)(?: \w+)? )?(?:in(?:to)?|on(?:to)?|on top of|в|во|на)(?: the)? (?:other"
    r"|another|друг\w+|background|backdrop|фон\w*)(?: one)?"
)
CUTTING = _compile(
    rf"cut ?out(?: {_LIST})?|вырежи\w*(?: {_LIST})?|вырез\w+(?: {_LIST})?|{_PUT}(?: \w+)? {_OTHER}"
    r"|(?:replace|change|swap)(?: the)? (?:background|backdrop)|(?:замен|смен|поменя)\w+ фон\w*"
    r"|вставь\w*|insert|аппликаци\w+|стикер\w*|sticker"
)

# Known, and not done here.
_FACES = r"(?:faces?|heads?|лиц\w*|голов\w*)"
UNSUPPORTED = _compile(
    rf"face ?swap\w*|(?:swap\w*|switch\w*|exchange|replace|change)(?: the| their| our)? {_FACES}"
    rf"|(?:поменя\w+|замен\w+|перестав\w+|обменя\w+)(?: местами| им| нам)? {_FACES}(?: местами)?"
    rf"|{_FACES} (?:поменя\w+|замен\w+)(?: местами)?"
)

LAYOUTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("before_after", _compile(r"before (?:and |n )?after|before|до и после|до после"
                              r"|было(?: и)? стало|compar\w+|сравн\w+")),
    ("screen", _compile(r"(?:double )?exposure|screen|(?:двойн\w+ |мульти ?)?экспозици\w*")),
    ("blend", _compile(r"blend\w*|overlay\w*|mix(?:ed)?|налож\w+(?: \w+ на друг\w+)?|смеша\w+"
                       r"|смикс\w+|совме[щс]\w+|(?:one )?over (?:the other|each other)"
                       r"|поверх(?: друг друга)?|(?:полу)?прозрачн\w+|(?:semi ?)?transparent\w*"
                       r"|сплав\w*|перетек\w+")),
    ("panorama", _compile(r"panoram\w*|stitch\w*(?: together)?|(?:film ?)?strip|seamless\w*"
                          r"|панорам\w*|сш(?:ей|ить)\w*|в?стык|лент\w+|полоск\w+|бесшовн\w+"
                          r"|без швов")),
    ("contact_sheet", _compile(r"contact(?: (?:sheet|print)s?)?|grid|thumbnails?|number(?:ed|s)"
                               r"|контактн\w+(?: лист\w*)?|сетк\w+|плитк\w+|превью|таблиц\w+"
                               r"|(?:про)?нумер\w+|с номерами|миниатюр\w+|обзор\w*")),
    ("beside", _compile(r"(?:side )?by side|beside|next to(?: each other)?|(?:in )?(?:a )?(?:row"
                        r"|line)|horizontal\w*|left to right|рядом(?: друг с другом)?|рядышком"
                        r"|(?:в )?ряд\w*|в (?:одну )?линию|(?:по )?горизонтал\w+|слева направо"
                        r"|бок о бок")),
    ("below", _compile(r"vertical\w*|(?:in )?(?:a )?column|(?:one )?(?:below|under)(?: \w+){0,2}"
                       r"|stack\w*|top to bottom|(?:в )?столб\w+|(?:по )?вертикал\w+|(?:друг"
                       r"|одн\w+) под друг\w+|сверху вниз|снизу вверх")),
    ("collage", _compile(r"collage\w*|кол+аж\w*|mosaic|moodboard|мозаик\w+|мудборд\w*|together"
                         r"|вместе")),
)  # fmt: skip

# By side: True if the photo there comes first, and the layout with such sides.
_FIRST_LEFT, _LAST_RIGHT = (True, "beside"), (False, "beside")
_FIRST_TOP, _LAST_BOTTOM = (True, "below"), (False, "below")
SIDES: Mapping[str, tuple[bool, str]] = {
    "left": _FIRST_LEFT, "слева": _FIRST_LEFT, "налево": _FIRST_LEFT,
    "right": _LAST_RIGHT, "справа": _LAST_RIGHT, "направо": _LAST_RIGHT,
    "top": _FIRST_TOP, "above": _FIRST_TOP, "сверху": _FIRST_TOP, "вверху": _FIRST_TOP,
    "наверху": _FIRST_TOP, "bottom": _LAST_BOTTOM, "снизу": _LAST_BOTTOM, "внизу": _LAST_BOTTOM,
    "над": _FIRST_TOP, "под": _LAST_BOTTOM, "below": _LAST_BOTTOM, "under": _LAST_BOTTOM,
}  # fmt: skip
_SIDE = "(?P<side>" + "|".join(SIDES) + ")"
SIDE_FIRST = _compile(
    rf"(?:on |at |to )?(?:the )?{_SIDE}(?: side)?(?: ,| is| put| будет| поставь)? {_LIST}"
)
SIDE_LAST = _compile(
    rf"{_LIST}(?: put| goes| is| поставь| будет| пусть)?(?: on| at| to)?(?: the)? {_SIDE}(?: side)?"
)
REVERSED = _compile(
    r"(?:in )?revers\w+(?: order)?|other way a?round|swap(?:ped)?(?: them)?(?: places)?"
    r"|(?:в )?обратн\w+ порядк\w+|наоборот|поменя\w+ местами"
)

POSITIONS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("top_left", _compile(r"(?:top|upper) left(?: corner)?|(?:в )?(?:лев\w+ верхн\w+"
                          r"|верхн\w+ лев\w+)(?: уг\w+)?")),
    ("top_right", _compile(r"(?:top|upper) right(?: corner)?|(?:в )?(?:прав\w+ верхн\w+"
                           r"|верхн\w+ прав\w+)(?: уг\w+)?")),
    ("bottom_left", _compile(r"(?:bottom|lower) left(?: corner)?|(?:в )?(?:лев\w+ (?:нижн\w+|уг\w+)"
                             r"|нижн\w+ лев\w+)(?: уг\w+)?|left corner")),
    ("bottom_right", _compile(r"(?:(?:bottom|lower) )?(?:right )?corner|(?:bottom|lower) right"
                              r"|(?:в )?(?:прав\w+ (?:нижн\w+|уг\w+)|нижн\w+ прав\w+"
                              r"|уг\w+)(?: уг\w+)?")),
    ("left", _compile(r"(?:on |to |at )?(?:the )?left(?: side)?|слева|налево|левее|лев\w+ (?:край"
                      r"|част\w+|сторон\w+)")),
    ("right", _compile(r"(?:on |to |at )?(?:the )?right(?: side)?|справа|направо|правее"
                       r"|прав\w+ (?:край|част\w+|сторон\w+)")),
    ("centre", _compile(r"(?:in |at )?(?:the )?(?:cent(?:re|er)|middle)|(?:в |по )?(?:центр\w*"
                        r"|середин\w+)|посередин\w+|посредин\w+")),
)  # fmt: skip
SIZES: tuple[tuple[float, re.Pattern[str]], ...] = (
    (0.6, _compile(r"(?:very )?(?:small(?:er)?|little|tiny)|маленьк\w+|поменьше|мелк\w+|меньше")),
    (
        1.45,
        _compile(
            r"(?:very )?(?:big(?:ger)?|large(?:r)?|huge)|больш(?:им|ой|ую|ое|ая|ого)|крупн\w+"
            r"|побольше|огромн\w+|больше"
        ),
    ),
)

BACKGROUNDS = _compile(
    rf"(?:on |with |на |с )?(?:an? |the )?({COLOUR_PATTERN}) (?:background|bg|backdrop|фон\w*)"
    rf"|(?:background|фон) ({COLOUR_PATTERN})"
)
NO_GAPS = _compile(
    r"(?:without|no) (?:gaps?|borders?|frames?|spaces?)|без (?:рам\w+|зазор\w+|промежут\w+|пол\w+"
    r"|границ\w*|отступ\w+|просвет\w+)|вплотную|впритык"
)

_MERGE_STOP_WORDS = """
merge merged combine combined join joined unite connect put place two three four five several both
them one each other single collage photo album picture order sheet frame frames border borders
size sizes same next
объедини объединить объедините соедини соединить соедините склей склеить склейте слей слить собери
собрать сложи сложить сложите слепи смонтируй размести расположи расставь поставь две два три
двух трех четырех четыре пять шесть несколько оба обе эти этих этого все всех
одно один одну одной другое другой друг друга порядке порядок порядком
лист листе сначала после рамка рамкой рамки рамками зазор полями одинаковые
"""
STOP_WORDS = _FILLERS | frozenset(_MERGE_STOP_WORDS.split())

# Words for typo correction and suggestions, with the form shown to users.
LAYOUT_WORDS: Mapping[str, str] = {
    word: name
    for name, words in (
        ("коллаж", "коллаж коллажем"), ("рядом", "рядом горизонтально"),
        ("друг под другом", "столбиком вертикально"), ("до и после", "сравнение сравни"),
        ("наложи", "наложи наложение смешай совмести"), ("панорама", "панорама панораму панорамой"),
        ("сетка", "сетка сеткой контактный"), ("вставь 1 в 2", "вставь вырежи"),
        ("двойная экспозиция", "экспозиция"),
        ("collage", "collage"), ("side by side", "beside horizontal horizontally"),
        ("one below the other", "column vertical vertically stacked"),
        ("before and after", "before compare comparison"), ("blend", "blend blended overlay"),
        ("panorama", "panorama stitch stitched"), ("contact sheet", "contact grid numbered"),
        ("put 1 into 2", "cutout insert"), ("double exposure", "exposure"),
    )
    for word in words.split()
}  # fmt: skip
POPULAR: Mapping[bool, tuple[str, ...]] = {
    True: ("коллаж", "рядом", "до и после"),
    False: ("collage", "side by side", "before and after"),
}

SUGGESTIONS_MAX = 3
_TYPO_LETTERS_MIN = 5
_REFERENCE = re.compile(r"@(\d{1,2})")


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """Parsed merge prompt; photos are numbered from 0.

    In a cut-out `subjects` are placed onto `ground`; both are chosen by the merge if not given.
    """

    layout: str
    order: tuple[int, ...]
    subjects: tuple[int, ...] = ()
    ground: int | None = None
    position: str = ""
    size: float = 1.0
    background: Colour | None = None
    has_gaps: bool = True
    unrecognised: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()


def parse_merge_request(prompt: str, count: int) -> MergeRequest:
    """Parse the prompt of a merge of `count` photos."""
    said = _correct_typos(_with_references(normalize(prompt), count))
    beyond = tuple(match[0] for match in UNSUPPORTED.finditer(said))
    text = UNSUPPORTED.sub(" , ", said)
    subjects, ground, is_cut_out = _read_cut_out(text, count)
    layout = next((key for key, pattern in LAYOUTS if pattern.search(text)), "")
    order, side_layout = _read_order(text, count)
    if is_cut_out and not (layout in ("blend", "screen") and not subjects):
        layout = "cut_out"
    unrecognised = (*dict.fromkeys(beyond), *_unrecognised_words(text))
    return MergeRequest(
        layout=layout or side_layout or "collage",
        order=order,
        subjects=subjects,
        ground=ground,
        position=next((key for key, pattern in POSITIONS if pattern.search(text)), ""),
        size=next((factor for factor, pattern in SIZES if pattern.search(text)), 1.0),
        background=_read_background(text),
        has_gaps=not NO_GAPS.search(text),
        unrecognised=unrecognised,
        suggestions=_suggestions(unrecognised),
    )


def _with_references(text: str, count: int) -> str:
    """Text with every reference to a photo by number as `@1`, and "two into one" removed."""
    for number, pattern in NUMBERS:
        text = pattern.sub(f"@{count if number == 0 else number}", text)
    return IN_ONE.sub(" ", NAMED.sub(r"@\1", text))


def _numbers(text: str, count: int) -> tuple[int, ...]:
    """Existing photos that the text refers to."""
    named = [int(number) - 1 for number in _REFERENCE.findall(text)]
    return tuple(dict.fromkeys(index for index in named if 0 <= index < count))


def _read_cut_out(text: str, count: int) -> tuple[tuple[int, ...], int | None, bool]:
    """Subjects and ground of a cut-out, and True if a cut-out was requested."""
    for pattern in CUT_OUTS:
        if match := pattern.search(text):
            subjects, ground = _numbers(match["subjects"], count), _numbers(match["ground"], count)
            if subjects and ground and ground[0] not in subjects:
                return subjects, ground[0], True
    if (match := GROUND_ONLY.search(text)) and (ground := _numbers(match[0], count)):
        return tuple(index for index in range(count) if index != ground[0]), ground[0], True
    if match := CUTTING.search(text):
        subjects = _numbers(match[0], count)
        rest = [index for index in range(count) if index not in subjects]
        return (subjects, rest[0], True) if subjects and rest else ((), None, True)
    return (), None, False


def _read_order(text: str, count: int) -> tuple[tuple[int, ...], str]:
    """Photos in the requested order (the others follow), and the layout that it implies."""
    first: list[int] = []
    last: list[int] = []
    direction = ""
    for match in _sides(text):
        is_first, direction = SIDES[match["side"]]
        (first if is_first else last).extend(_numbers(match[0], count)[:1])
    if not direction:
        lists = [_numbers(match[0], count) for match in LIST.finditer(text)]
        named = max(lists, key=len, default=())
        first = list(named) if len(named) > 1 else []
    rest = [index for index in range(count) if index not in (*first, *last)]
    order = tuple(dict.fromkeys([*first, *rest, *last]))
    return (order[::-1] if REVERSED.search(text) else order), direction


def _sides(text: str) -> list[re.Match[str]]:
    """Matches of `@1 left` or of `left @1`, whichever form the sentence begins with."""
    first, last = list(SIDE_FIRST.finditer(text)), list(SIDE_LAST.finditer(text))
    if first and (not last or first[0].start() <= last[0].start()):
        return first
    return last


def _read_background(text: str) -> Colour | None:
    match = BACKGROUNDS.search(text)
    key = colour_key(match[1] or match[2]) if match else None
    return NAMED_COLOURS[key] if key else None


def _unrecognised_words(text: str) -> tuple[str, ...]:
    known = (
        *CUT_OUTS, GROUND_ONLY, CUTTING, SIDE_FIRST, SIDE_LAST, BACKGROUNDS, NO_GAPS, REVERSED,
        *(pattern for _, pattern in (*LAYOUTS, *POSITIONS, *SIZES)),
    )  # fmt: skip
    left = list(text)
    for pattern in known:
        for match in pattern.finditer(text):
            left[match.start() : match.end()] = " " * (match.end() - match.start())
    words = [
        word
        for word in "".join(left).split()
        if word not in STOP_WORDS and any(char.isalpha() for char in word)
    ]
    return tuple(dict.fromkeys(words))


def _correct_typos(text: str) -> str:
    """Text with typos in the names of layouts corrected."""
    for word in _unrecognised_words(text):
        near = [known for known in LAYOUT_WORDS if len(known) >= _TYPO_LETTERS_MIN
                and len(word) >= _TYPO_LETTERS_MIN and is_one_edit_apart(word, known)]  # fmt: skip
        if len(near) == 1:
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", near[0], text)
    return text


def _suggestions(unknown: Sequence[str]) -> tuple[str, ...]:
    """Layouts similar to the unrecognised words, filled up with the most popular ones."""
    if not unknown:
        return ()
    russian = is_russian(" ".join(unknown))
    words = [word for word in LAYOUT_WORDS if is_russian(word) == russian]
    near = [LAYOUT_WORDS[found] for word in unknown
            for found in get_close_matches(word, words, 1, 0.72)]  # fmt: skip
    return tuple(dict.fromkeys([*near, *POPULAR[russian]]))[:SUGGESTIONS_MAX]
