"""Edit requests: changes with order and strength, parsed from a prompt.

Phrases are searched in the whole prompt, longest first, and applied in the order of the text. A
degree belongs to the next change before the next comma, otherwise to the previous change. A word
with one typo counts as the word that was meant.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from math import prod

from imgbot.imaging.engine.colours import colour_key
from imgbot.imaging.engine.edit_vocabulary import (
    COLOURED,
    NOT_DONE,
    OPPOSITES,
    PHRASES,
    UNSUPPORTED,
    Phrase,
)
from imgbot.imaging.engine.vocabulary import (
    BLEMISH,
    DEGREES,
    LESS,
    NEGATION,
    NORMAL_PERCENT,
    PERCENT,
    STOP_WORDS,
    TAKE_AWAY,
    correct_typo,
)

_SHARPER, _CLEANER = ("sharpen", "auto"), ("denoise", "auto", "soften")
_LIGHTER = ("brighter", "shadows", "auto", "golden_hour")
_COLOURS = ("saturate", "brighter", "contrast", "pop", "auto", "warmer", "depth")
_ANY_REPAIR = (
    "auto", "brighter", "darker", "warmer", "cooler", "contrast", "saturate", "sharpen", "denoise",
    "white_balance", "scratches", "dust", "shadows", "less_colour",
)  # fmt: skip

# By the change that a word would ask for: requests that make the word a mere description.
_REMEDIES: Mapping[str, tuple[str, ...]] = {
    "darker": _LIGHTER, "brighter": ("darker", "highlights", "auto"),
    "blur": _SHARPER, "soften": _SHARPER, "grain": _CLEANER,
    "cooler": ("warmer", "auto", "white_balance", "golden_hour"),
    "warmer": ("cooler", "auto", "white_balance"),
    "desaturate": _COLOURS, "faded": _COLOURS, "flatter": ("contrast", "auto", "pop"),
    "night": _ANY_REPAIR, "golden_hour": _ANY_REPAIR, "vintage": _ANY_REPAIR,
}  # fmt: skip
# Defects that are never requested: alone in a sentence they ask for this remedy.
_ALONE: Mapping[str, str] = {
    "darker": "brighter", "blur": "sharpen", "grain": "denoise", "cooler": "warmer",
    "desaturate": "saturate",
}  # fmt: skip

_ENDING = r"(?:ый|ий|ая|яя|ое|ее|ые|ие|ую|о|а|ы|ым|ой|ыми)"
_DEFECT = re.compile(
    r"dark|dim|dull|pale|cold|blurr?y|blurred|grainy|noisy|soft|out of focus|bright|light"
    r"|warm|faded|washed out|flat"
    rf"|(?:темн|светл|ярк|размыт|смазан|заблюрен|размазан|нерезк|нечетк|зернист|шумн|холодн|тепл"
    rf"|бледн|блекл|тускл|мягк|выцветш){_ENDING}|выцвел\w*|темен|бледен|размыт"
)
# True of any photo, and no defect.
_SCENE = re.compile(
    r"night(?:time)?|sunset|sunny|ночн(?:ое|ая|ой|ую|ые)|закатн\w+|солнечн(?:ое|ая|ый|ую|ые)"
    r"|old(?: photo)?|стар(?:ое|ая|ую|ый) (?:фото\w*|снимок)"
)
# Phrases that name a defect and thereby ask for its remedy.
_EXCESS = re.compile(
    r"(?:too|so|слишком|очень) .*|темноват\w*|смазан\w*|недосвет\w*|пересвечен\w*|темно"
)

_PHOTO = (
    r"(?:photo(?:graph)?|picture|pic|image|shot|selfie|portrait|фото|фотк[аиу]|фотографи[яию]"
    r"|снимок|снимки|картинк[аиу]|изображение|кадр|портрет|селфи)"
)
# "Тёмным" may describe the result or the request.
_OBLIQUE = re.compile(r"(?:ым|ой|ыми)$")
_CAME_OUT = re.compile(
    r"(?:получил\w+|вышл\w|вышел|выглядит|кажется)(?: (?:очень|слишком|как\w+ то))* $"
)
_MADE = (
    r"(?:make|makes|turn|want|need|get|give|add|like|as|into|to|in|сдела\w+|сделай\w*|делай"
    r"|хочу|нужн\w+|надо|под|как|стил\w+|пусть|будет|добав\w+)"
    r"(?: (?:me|it|the|this|that|my|an?|all|whole|look|look like|old|стар\w+|мне|мо[юеий]"
    r"|эт[уот]|все|всю|чтобы|чтоб))*"
)
_MADE_BEFORE = re.compile(rf"(?<!\w){_MADE} $")
_MADE_AFTER = re.compile(rf"^(?: {_PHOTO})? (?:сделай\w*|сделать|make)(?= (?:,|$))")
_SO = (
    r"(?: (?:is|are|was|looks?|seems?|got|came out|turned out|which|that|a bit|a little|too|very|so"
    r"|really|quite|pretty|rather|у меня|получил\w+|вышл[аои]|вышел|выглядит|как\w+ то|очень"
    rf"|слишком|немного|чуть|слегка|совсем|было|был[аи]?|(?:{_DEFECT.pattern}) (?:and|и)))*"
)
# The photo before the word, or its pronoun: "it is dark".
_SUBJECT = re.compile(
    rf"(?<!\w)(?:{_PHOTO}{_SO}|(?:it (?:is|was|looks?|came out)|its|она|он|оно){_SO}) $"
)
# A part is described only if its remedy is requested; otherwise it is requested: "a dark sky".
_PART = re.compile(
    r"(?<!\w)(?:фон|лиц[оа]|цвета|краски|небо|background|faces?|colou?rs|sky)"
    rf"{_SO} $"
)
_OBJECT = re.compile(rf"^ {_PHOTO}(?!\w)")
_OLD_PHOTO = re.compile(rf".* {_PHOTO}")
_CONTEXT_CHARACTERS = 80


def diagnose(text: str, start: int, end: int, key: str, others: Collection[str]) -> str:
    """Key of the change that the words from `start` to `end` ask for; "" for none.

    `key` is the change they would ask for alone, `others` are the other changes in the sentence.
    """
    words = text[start:end]
    if _EXCESS.fullmatch(words):
        return "" if key in others else key
    if key not in _REMEDIES or not (_DEFECT.fullmatch(words) or _SCENE.fullmatch(words)):
        return key
    is_attribute = bool(
        _OBJECT.match(text[end : end + _CONTEXT_CHARACTERS]) or _OLD_PHOTO.fullmatch(words)
    )
    is_remedied = not set(others).isdisjoint(_REMEDIES[key])
    if not is_attribute and not _describes_photo(_SUBJECT, text, start, end):
        return "" if is_remedied and _describes_photo(_PART, text, start, end) else key
    is_made = bool(
        _MADE_BEFORE.search(text[max(0, start - _CONTEXT_CHARACTERS) : start])
        or _MADE_AFTER.match(text[end:])
    )
    if is_remedied and not (is_made and _SCENE.fullmatch(words)):
        return ""
    return key if is_made or _SCENE.fullmatch(words) else _ALONE.get(key, key)


def _describes_photo(subject_pattern: re.Pattern[str], text: str, start: int, end: int) -> bool:
    """True if the words describe the photo (or part) rather than the wanted result."""
    before = text[max(0, start - _CONTEXT_CHARACTERS) : start]
    subject = subject_pattern.search(before)
    if subject is None or _MADE_AFTER.match(text[end:]):
        return False
    if _OBLIQUE.search(text[start:end]) and not _CAME_OUT.search(before):
        return False
    return not _MADE_BEFORE.search(before[: subject.start()])


WORDS_MAX = 1000
# More than a prompt of that length can contain; bounds the work.
_PHRASES_MAX = 200
# Characters before a change in which a negation or inversion is searched.
_BEFORE = 48

_COMPILED = tuple(
    (phrase, re.compile(rf"(?<!\w)(?:{phrase.pattern})(?!\w)"))
    for phrase in (*PHRASES, *UNSUPPORTED)
)
_LESSENED = re.compile(rf"(?<!\w)(?:{LESS}|too(?: much)?|слишком(?: много)?) $")
# "Remove dust and scratches": the verb applies to both.
_BOTH = re.compile(
    rf"(?<!\w)(?P<verb>{TAKE_AWAY}|почист\w+) (?P<one>{BLEMISH}) (?P<and>and|и) (?={BLEMISH}(?!\w))"
)
_RATIO = re.compile(r"(?<![\d:])(\d{1,2}) ?(?::|x|х|×|на|by) ?(\d{1,2})(?![\d:%])")
_SIGNED = re.compile(r"(?<![\w+-])([+−–-]) ?(\d{1,3}) ?%?(?![\w:])")


@dataclass(frozen=True, slots=True)
class EditStep:
    """One change: key, degree (1 is normal), value if it has one, percent if given."""

    key: str
    degree: float = 1.0
    value: str = ""
    percent: int = 0


@dataclass(frozen=True, slots=True)
class _PhraseMatch:
    start: int
    end: int
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class _DegreeMatch:
    start: int
    end: int
    factor: float
    percent: int = 0


def parse_edit_request(words: str) -> tuple[tuple[EditStep, ...], tuple[str, ...]]:
    """Requested changes in order, and the unrecognised words."""
    text = _BOTH.sub(r"\g<verb> \g<one> \g<and> \g<verb> ", normalize(words))
    steps, unrecognised = _parse(text)
    if not unrecognised:
        return steps, ()
    corrected = _correct_typos(text, unrecognised)
    return _parse(corrected) if corrected != text else (steps, unrecognised)


def normalize(words: str) -> str:
    """Text in lower case with single spaces, and a comma for every punctuation mark."""
    # Compose first: phones and Macs send й as two characters.
    composed = unicodedata.normalize("NFKC", words[:WORDS_MAX])[:WORDS_MAX]
    visible = "".join(char for char in composed if unicodedata.category(char) not in ("Cf", "Cc")
                      or char.isspace())  # fmt: skip
    lowered = visible.lower().replace("ё", "е")
    signed = _SIGNED.sub(_spell_sign, lowered)
    rated = _RATIO.sub(r"\1:\2", signed)
    # Commas stay: no phrase and no degree reaches across them.
    fenced = re.sub(r"[,;.!?\n]+", " , ", rated.replace("'", "").replace("’", ""))
    plain = re.sub(r"[^\w:%, ]|_|(?<!\d):|:(?!\d)", " ", fenced)
    return f" {' '.join(plain.split())} "


def _spell_sign(match: re.Match[str]) -> str:
    return f" {'' if match[1] == '+' else 'minus '}{match[2]}%"


def _parse(text: str) -> tuple[tuple[EditStep, ...], tuple[str, ...]]:
    understood = _find_phrases(text)
    found = _without_descriptions(text, [item for item in understood if item.key != NOT_DONE])
    beyond = [item for item in understood if item.key == NOT_DONE]
    degrees = _find_degrees(text, understood)
    left = text
    for span in (*understood, *degrees):
        left = _blank(left, span.start, span.end)
    fences = [place for place, char in enumerate(text) if char == ","]
    owners = [_owner_index(degree.start, found, fences) for degree in degrees]
    steps = tuple(
        _step(item, [degree for degree, owner in zip(degrees, owners, strict=True)
                     if owner == index])
        for index, item in enumerate(found)
        if item.key and not _is_repeated(index, found, left)
    )  # fmt: skip
    unrecognised = [
        *(text[item.start : item.end] for item in beyond),
        *(word for word in left.split()
          if word not in STOP_WORDS and any(char.isalpha() for char in word)),
    ]  # fmt: skip
    return steps, tuple(dict.fromkeys(unrecognised))


def _find_phrases(text: str) -> list[_PhraseMatch]:
    plain = [
        _PhraseMatch(match.start(), match.end(), phrase.key, value)
        for phrase, pattern in _COMPILED
        for match in pattern.finditer(text)
        if (value := _value(phrase, match)) is not None
    ]
    candidates = [*plain, *(less for item in plain if (less := _inverted(text, item)))]
    candidates.sort(key=lambda item: (item.start - item.end, item.start))
    chosen: list[_PhraseMatch] = []
    for item in candidates:
        is_free = all(item.end <= other.start or item.start >= other.end for other in chosen)
        is_meant = not NEGATION.search(text[max(0, item.start - _BEFORE) : item.start])
        if is_free and is_meant and len(chosen) < _PHRASES_MAX:
            chosen.append(item)
    return sorted(chosen, key=lambda item: item.start)


def _without_descriptions(text: str, found: list[_PhraseMatch]) -> list[_PhraseMatch]:
    """Matches with the changes they ask for; descriptions lose their key."""
    keys = [item.key for item in found]
    for at, item in enumerate(found):
        others = keys[:at] + keys[at + 1 :]
        keys[at] = diagnose(text, item.start, item.end, item.key, others)
    return [replace(item, key=key) for item, key in zip(found, keys, strict=True)]


def _inverted(text: str, item: _PhraseMatch) -> _PhraseMatch | None:
    """Match of the opposite change if a word for "less" precedes ("less warm")."""
    before = text[max(0, item.start - _BEFORE) : item.start]
    less = _LESSENED.search(before) if item.key in OPPOSITES else None
    if less is None:
        return None
    return _PhraseMatch(item.start - len(less[0]), item.end, OPPOSITES[item.key], item.value)


def _value(phrase: Phrase, match: re.Match[str]) -> str | None:
    """Value of the change; None if the words are no valid value."""
    said = next((group for group in match.groups() if group), "")
    if phrase.key in COLOURED:
        return colour_key(said)
    return phrase.value.replace("{}", said)


def _find_degrees(text: str, found: list[_PhraseMatch]) -> list[_DegreeMatch]:
    candidates = [
        _DegreeMatch(match.start(), match.end(), factor)
        for factor, pattern in DEGREES
        for match in pattern.finditer(text)
    ]
    for match in PERCENT.finditer(text):
        percent = int(match[2])
        factor = min(3.0, max(0.1, percent / NORMAL_PERCENT)) * (-1 if match[1] else 1)
        candidates.append(_DegreeMatch(match.start(), match.end(), factor, percent))
    candidates.sort(key=lambda item: (item.start - item.end, item.start))
    chosen: list[_DegreeMatch] = []
    for item in candidates:
        taken = (*found, *chosen)
        if all(item.end <= other.start or item.start >= other.end for other in taken):
            chosen.append(item)
    return chosen


def _owner_index(place: int, found: list[_PhraseMatch], fences: list[int]) -> int:
    """Index of the change that a degree belongs to: the next up to the comma, else the previous."""
    fence = next((fence for fence in fences if fence > place), place + WORDS_MAX)
    following = [index for index, item in enumerate(found) if place < item.start < fence]
    before = [index for index, item in enumerate(found) if item.start < place]
    return (following or before[-1:] or [0])[0]


def _step(item: _PhraseMatch, degrees: list[_DegreeMatch]) -> EditStep:
    # "A little bit" is one degree in two words.
    factor = prod({degree.factor for degree in degrees})
    percent = max((degree.percent for degree in degrees), default=0)
    # "Brightness −20" asks for the opposite change.
    key = OPPOSITES.get(item.key, item.key) if factor < 0 else item.key
    return EditStep(key, abs(factor), item.value, percent)


def _is_repeated(index: int, found: list[_PhraseMatch], left: str) -> bool:
    """True if the phrase repeats the one right before it ("grain, film-like")."""
    if index == 0:
        return False
    before, item = found[index - 1], found[index]
    return (before.key, before.value) == (item.key, item.value) and (
        not left[before.end : item.start].strip()
    )


def _correct_typos(text: str, unrecognised: tuple[str, ...]) -> str:
    for word in unrecognised:
        # A known word that was left over was negated ("without a frame").
        is_known = any(pattern.fullmatch(word) for _, pattern in _COMPILED)
        if not is_known and (meant := correct_typo(word)):
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", meant, text)
    return text


def _blank(text: str, start: int, end: int) -> str:
    return text[:start] + " " * (end - start) + text[end:]
