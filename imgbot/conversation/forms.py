"""Shapes and counts that stand in the words: `--ar 16:9`, `16:9`, "квадрат", `--n 3`. Pure.

What is found is taken out of the words; it wins over what the person has set.
"""

import re
from dataclasses import dataclass, replace
from typing import Any

_RATIO_MAX = 4
_VARIANTS_MAX = 4

# Shapes that are written without a flag; other numbers with a colon are times and scores.
_KNOWN_RATIOS = frozenset(
    {"1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "9:21"}
)

_FLAG = re.compile(
    r"(?<!\S)(?:--|—|–)(ar|aspect|ratio|n|variants|count|seed)"
    r"[ =]+(\d{1,9})(?:[:xх×](\d{1,2}))?(?=[\s,;.]|$)",
    re.IGNORECASE,
)
_RATIO = re.compile(r"(?<![\d:.,])(\d{1,2}):(\d{1,2})(?![\d:])")
_COUNT = re.compile(
    r"(?<!\S)([2-4]|два|две|три|четыре|two|three|four)\s+"
    r"(?:варианта|вариантов|вариант|версии|версий|variants|variations|versions)(?: of)?(?!\w)",
    re.IGNORECASE,
)
_NUMBERS = {"два": 2, "две": 2, "три": 3, "четыре": 4, "two": 2, "three": 3, "four": 4}

# A shape as a part of its own between commas, or with a word that can mean nothing else.
_SHAPES = (
    ("1:1", r"квадрат(?:ом|ная|ное|ный)?|в квадрате|square"),
    ("9:16", r"(?:для )?сторис|story|stories|reels|обои (?:на|для) телефона?|phone wallpaper"),
    ("16:9", r"широк(?:ий|ая|ое) (?:формат|экран)|широкоэкранн\w+|widescreen|wide ?screen"),
    ("16:9", r"обои (?:на|для) (?:рабочего стола|рабочий стол|компьютера)|desktop wallpaper"),
    ("3:4", r"портретн\w+|вертикальн\w+|вертикально|vertical|portrait format"),
    ("4:3", r"альбомн\w+|горизонтальн\w+|горизонтально|horizontal|landscape format"),
)  # fmt: skip
_TAIL = r"(?: ?(?:формат\w*|картинк\w+|кадр\w*|format|picture|image))?"
_SEGMENT = tuple(
    (
        ratio,
        re.compile(rf"(?:^|[,;.\n—–-])\s*(?:в )?(?:{shape}){_TAIL}\s*(?=$|[,;.\n])", re.IGNORECASE),
    )
    for ratio, shape in _SHAPES
)
# "лес квадрат": the last word, unless something before it makes it a thing ("чёрный квадрат").
_LAST_WORD = re.compile(r"(?<![ыио]й)\s+(?:квадратом|в квадрате|квадрат)\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Forms:
    """What is left of the words, and what they asked for; empty or 0 where they did not."""

    words: str
    ratio: str = ""
    variants: int = 0
    seed: int = 0


def read_forms(words: str) -> Forms:
    """Split the words into what to draw and how."""
    forms = Forms(words)
    for read in (_read_flags, _read_count, _read_ratio, _read_shape):
        forms = read(forms)
    kept = re.sub(r"\s+([,;.])", r"\1", " ".join(forms.words.split()))
    kept = re.sub(r"[,;]\s*(?=[,;])", "", kept).strip(" ,;—–-")
    # "16:9" alone is no picture: then the words stay what they were.
    return replace(forms, words=kept) if kept else Forms(words)


def _read_flags(forms: Forms) -> Forms:
    found: dict[str, Any] = {}
    for match in _FLAG.finditer(forms.words):
        name, first, second = match[1].lower(), int(match[2]), match[3]
        if name in {"ar", "aspect", "ratio"}:
            found |= {"ratio": _ratio(first, int(second or 0))}
        elif name == "seed":
            found |= {"seed": first}
        else:
            found |= {"variants": min(max(first, 1), _VARIANTS_MAX)}
    return replace(forms, words=_FLAG.sub(" ", forms.words), **found)


def _read_count(forms: Forms) -> Forms:
    match = _COUNT.search(forms.words)
    if not match or forms.variants:
        return forms
    text = match[1].lower()
    count = int(text) if text.isdecimal() else _NUMBERS[text]
    return replace(forms, words=_COUNT.sub(" ", forms.words, count=1), variants=count)


def _read_ratio(forms: Forms) -> Forms:
    if forms.ratio:
        return forms
    for match in _RATIO.finditer(forms.words):
        if match[0] in _KNOWN_RATIOS:
            return replace(forms, words=_cut(forms.words, match), ratio=match[0])
    return forms


def _read_shape(forms: Forms) -> Forms:
    if forms.ratio:
        return forms
    for ratio, pattern in (*_SEGMENT, ("1:1", _LAST_WORD)):
        if match := pattern.search(forms.words):
            return replace(forms, words=_cut(forms.words, match), ratio=ratio)
    return forms


def _cut(words: str, match: re.Match[str]) -> str:
    return f"{words[: match.start()]} {words[match.end() :]}"


def _ratio(width: int, height: int) -> str:
    """Return a shape as it is stored; nothing for one that no picture has."""
    if not width or not height or max(width, height) > _RATIO_MAX * min(width, height):
        return ""
    return f"{width}:{height}" if max(width, height) < 100 else ""
