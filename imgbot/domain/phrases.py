"""Phrases: lists of words that a translator can edit, compiled to patterns. Pure.

Phrases stand between commas or line ends. `*` is any ending, `(the)` may be missing, `[a/b c]` is
one of several, `{name}` is the list of that name, `#` is a number, and `~` is any word.
"""

import re
from collections.abc import Mapping

_SIGNS = {"[": "(?:", "]": ")", "/": "|", "*": r"\w*", "~": r"\w+", "#": r"(\d{1,4})"}
_SIGN = re.compile(r"\{(\w+)\}|[][/*~#]")
_OPTIONAL = re.compile(r" \(([^()]*)\)|\(([^()]*)\) ")


def pattern_of(phrases: str, lists: Mapping[str, str]) -> str:
    """Pattern of the phrases, the longest written first, for text with single spaces."""
    listed = [phrase.strip() for phrase in re.split(r"[,\n]", phrases) if phrase.strip()]
    return "|".join(_compiled(each, lists) for each in sorted(listed, key=len, reverse=True))


def words_pattern(phrases: str, lists: Mapping[str, str]) -> re.Pattern[str]:
    """The pattern for whole words."""
    return re.compile(rf"(?<!\w)(?:{pattern_of(phrases, lists)})(?!\w)")


def _compiled(phrase: str, lists: Mapping[str, str]) -> str:
    while _OPTIONAL.search(phrase):
        phrase = _OPTIONAL.sub(
            lambda part: f"[ [{part[1]}]]?" if part[1] else f"[[{part[2]}] ]?", phrase
        )

    def sign(found: re.Match[str]) -> str:
        name = found[1]
        return f"(?:{pattern_of(lists[name], lists)})" if name else _SIGNS[found[0]]

    return _SIGN.sub(sign, phrase)
