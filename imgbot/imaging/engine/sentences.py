"""How a sentence is read: which changes it asks for, in which order, how strongly.

Rule: phrases are looked for in the whole sentence, longest first, and carried out in the order
in which they stand. A degree belongs to the change that follows it before the next comma, else
to the one before.
"""

import re
from dataclasses import dataclass
from math import prod

from imgbot.imaging.engine.subjects import colour_stem
from imgbot.imaging.engine.vocabulary import (
    DEGREES,
    FILLERS,
    NEGATION,
    NORMAL_PERCENT,
    PATTERNS,
    PERCENT,
)

WORDS_MAX = 1000

_COMPILED = tuple((key, re.compile(rf"(?<!\w)(?:{pattern})(?!\w)")) for key, pattern in PATTERNS)


@dataclass(frozen=True, slots=True)
class Step:
    """One change to be made: which, how strongly, and with what value if it has one."""

    key: str
    degree: float = 1.0
    value: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    start: int
    end: int
    key: str
    value: str


def read_steps(words: str) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The changes in their order, and the words that were not understood."""
    text = _normalize(words)
    found = _find(text)
    degrees, text_left = _find_degrees(text, found)
    fences = [place for place, char in enumerate(text) if char == ","]
    steps = tuple(
        Step(item.key, _degree_of(index, found, degrees, fences), item.value)
        for index, item in enumerate(found)
    )
    for item in found:
        text_left = _blank(text_left, item.start, item.end)
    unknown = [
        word for word in text_left.split()
        if word not in FILLERS and any(char.isalpha() for char in word)
    ]  # fmt: skip
    return steps, tuple(dict.fromkeys(unknown))


def _normalize(words: str) -> str:
    lowered = words[:WORDS_MAX].lower().replace("ё", "е")
    # A comma stays as a fence that no phrase and no degree reaches across.
    fenced = re.sub(r"[,;.!?\n]+", " , ", lowered)
    plain = re.sub(r"[^\w:%, ]|_", " ", fenced)
    return f" {' '.join(plain.split())} "


def _find(text: str) -> list[_Found]:
    candidates = [
        _Found(match.start(), match.end(), key, match[1] if match.re.groups else "")
        for key, pattern in _COMPILED
        for match in pattern.finditer(text)
    ]
    candidates.sort(key=lambda item: (item.start - item.end, item.start))
    chosen: list[_Found] = []
    for item in candidates:
        is_free = all(item.end <= other.start or item.start >= other.end for other in chosen)
        is_meant = not NEGATION.search(text[: item.start]) and _has_value(item)
        if is_free and is_meant:
            chosen.append(item)
    return sorted(chosen, key=lambda item: item.start)


def _has_value(item: _Found) -> bool:
    return item.key != "tint" or colour_stem(item.value) is not None


def _find_degrees(text: str, found: list[_Found]) -> tuple[list[tuple[int, float]], str]:
    degrees: list[tuple[int, float]] = []
    left = text
    spans = [(item.start, item.end) for item in found]
    for degree, pattern in DEGREES:
        for match in pattern.finditer(text):
            if all(match.end() <= start or match.start() >= end for start, end in spans):
                degrees.append((match.start(), degree))
                left = _blank(left, match.start(), match.end())
    for match in PERCENT.finditer(text):
        degrees.append((match.start(), min(3.0, max(0.1, int(match[1]) / NORMAL_PERCENT))))
        left = _blank(left, match.start(), match.end())
    return degrees, left


def _degree_of(
    index: int, found: list[_Found], degrees: list[tuple[int, float]], fences: list[int]
) -> float:
    # "A little bit" and "very much" are one degree in two words.
    owned = {degree for place, degree in degrees if _owner(place, found, fences) == index}
    return prod(owned)


def _owner(place: int, found: list[_Found], fences: list[int]) -> int:
    """Which change a degree belongs to: the next up to the comma, else the one before."""
    fence = next((fence for fence in fences if fence > place), place + WORDS_MAX)
    following = [index for index, item in enumerate(found) if place < item.start < fence]
    before = [index for index, item in enumerate(found) if item.start < place]
    return (following or before[-1:] or [0])[0]


def _blank(text: str, start: int, end: int) -> str:
    return text[:start] + " " * (end - start) + text[end:]
