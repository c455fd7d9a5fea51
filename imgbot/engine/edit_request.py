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
from typing import NamedTuple

from imgbot.domain.spelling import fold
from imgbot.engine import photo_styles
from imgbot.engine.backdrop import names_scene
from imgbot.engine.colours import colour_key
from imgbot.engine.tables import expand, patterns, table
from imgbot.engine.vocabulary import (
    MUCH,
    NORMAL_PERCENT,
    SLIGHT,
    STOP_WORDS,
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

_PATTERNS = {name: re.compile(text) for name, text in patterns("edit", "patterns").items()}
_DEGREES = ((SLIGHT, _PATTERNS["slightly_degree"]), (MUCH, _PATTERNS["much_degree"]))
_CONTEXT_CHARACTERS = 80


def diagnose(text: str, start: int, end: int, key: str, others: Collection[str]) -> str:
    """Key of the change that the words from `start` to `end` ask for; "" for none.

    `key` is the change they would ask for alone, `others` are the other changes in the sentence.
    """
    words = text[start:end]
    if _PATTERNS["excess"].fullmatch(words):
        return "" if key in others else key
    is_scene = bool(_PATTERNS["scene"].fullmatch(words))
    if key not in _REMEDIES or not (is_scene or _PATTERNS["defect"].fullmatch(words)):
        return key
    is_attribute = bool(
        _PATTERNS["object"].match(text[end : end + _CONTEXT_CHARACTERS])
        or _PATTERNS["old_photo"].fullmatch(words)
    )
    is_remedied = not set(others).isdisjoint(_REMEDIES[key])
    if not is_attribute and not _describes_photo(_PATTERNS["subject"], text, start, end):
        return "" if is_remedied and _describes_photo(_PATTERNS["part"], text, start, end) else key
    is_made = bool(
        _PATTERNS["made_before"].search(text[max(0, start - _CONTEXT_CHARACTERS) : start])
        or _PATTERNS["made_after"].match(text[end:])
    )
    if is_remedied and not (is_made and is_scene):
        return ""
    return key if is_made or is_scene else _ALONE.get(key, key)


def _describes_photo(subject_pattern: re.Pattern[str], text: str, start: int, end: int) -> bool:
    """True if the words describe the photo (or part) rather than the wanted result."""
    before = text[max(0, start - _CONTEXT_CHARACTERS) : start]
    subject = subject_pattern.search(before)
    if subject is None or _PATTERNS["made_after"].match(text[end:]):
        return False
    if _PATTERNS["oblique"].search(text[start:end]) and not _PATTERNS["came_out"].search(before):
        return False
    return not _PATTERNS["made_before"].search(before[: subject.start()])


WORDS_MAX = 1000
# More than a prompt of that length can contain; bounds the work.
_PHRASES_MAX = 200
# Characters before a change in which a negation or inversion is searched.
_BEFORE = 48


class _Phrase(NamedTuple):
    """Change with the pattern that asks for it; `{}` in its value is the first matched group."""

    key: str
    pattern: re.Pattern[str]
    value: str


# Recognised but unsupported: reported as unrecognised instead of being applied in part.
_NOT_DONE = "not_done"
_PHRASES = tuple(
    _Phrase(
        phrase["key"],
        re.compile(rf"(?<!\w)(?:{expand('edit', phrase['pattern'])})(?!\w)"),
        phrase.get("value", ""),
    )
    for phrase in (*table("edit")["phrases"], *photo_styles.phrases())
)
KEYS = tuple(dict.fromkeys(phrase.key for phrase in _PHRASES if phrase.key != _NOT_DONE))
# Changes whose value is the key of a colour.
_COLOURED = frozenset({"tint", "less_colour", "more_colour", "colour_frame", "backdrop"})
_OPPOSITES = {
    one: other
    for pair in (
        ("brighter", "darker"), ("contrast", "flatter"), ("warmer", "cooler"),
        ("saturate", "desaturate"), ("sharpen", "soften"),
    )
    for one, other in (pair, pair[::-1])
}  # fmt: skip
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
    text = _PATTERNS["both"].sub(r"\g<verb> \g<one> \g<and> \g<verb> ", normalize(words))
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
    lowered = fold(visible)
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
    found = _without_descriptions(text, [item for item in understood if item.key != _NOT_DONE])
    beyond = [item for item in understood if item.key == _NOT_DONE]
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
        for phrase in _PHRASES
        for match in phrase.pattern.finditer(text)
        if (value := _value(phrase, match)) is not None
    ]
    candidates = [*plain, *(less for item in plain if (less := _inverted(text, item)))]
    candidates.sort(key=lambda item: (item.start - item.end, item.start))
    chosen: list[_PhraseMatch] = []
    for item in candidates:
        is_free = all(item.end <= other.start or item.start >= other.end for other in chosen)
        is_meant = not _PATTERNS["negation"].search(text[max(0, item.start - _BEFORE) : item.start])
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
    less = _PATTERNS["lessened"].search(before) if item.key in _OPPOSITES else None
    if less is None:
        return None
    return _PhraseMatch(item.start - len(less[0]), item.end, _OPPOSITES[item.key], item.value)


def _value(phrase: _Phrase, match: re.Match[str]) -> str | None:
    """Value of the change; None if the words are no valid value."""
    said = next((group for group in match.groups() if group), "")
    if phrase.key in _COLOURED:
        return colour_key(said)
    if phrase.key == "scenery":
        return said if names_scene(said) else None
    return phrase.value.replace("{}", said)


def _find_degrees(text: str, found: list[_PhraseMatch]) -> list[_DegreeMatch]:
    candidates = [
        _DegreeMatch(match.start(), match.end(), factor)
        for factor, pattern in _DEGREES
        for match in pattern.finditer(text)
    ]
    for match in _PATTERNS["percent"].finditer(text):
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
    key = _OPPOSITES.get(item.key, item.key) if factor < 0 else item.key
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
        is_known = any(phrase.pattern.fullmatch(word) for phrase in _PHRASES)
        if not is_known and (meant := correct_typo(word)):
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", meant, text)
    return text


def _blank(text: str, start: int, end: int) -> str:
    return text[:start] + " " * (end - start) + text[end:]
