"""Phrases: lists of words that a translator can edit, compiled to patterns. Pure.

Phrases stand between commas or line ends. `*` is any ending, `~` any word, `[a/b c]` one of them,
`(the)` may be missing, `{name}` is the list of that name, `.` the end of a clause, and `> x` stands
before x. `<x>` is the part that is asked for; it may have a name: `<side=left/right>`.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib.resources import files

from imgbot.domain.spelling import fold

WORDS_MAX = 1000
"""Characters of a text that are read."""

_RATIO = re.compile(r"(?<![\d:])(\d{1,2}) ?(?::|x|х|×|на|by) ?(\d{1,2})(?![\d:%])")
_SIGNED = re.compile(r"(?<![\w+-])([+−–-]) ?(\d{1,3}) ?%?(?![\w:])")

_SIGNS = {"[": "(?:", "]": ")", "/": "|", "*": r"\w*", "~": r"\w+", "@": r"@\d{1,2}"}
_SIGNS |= {".": r"(?:,|$)", "<": "(", ">": ")"}
_SIGN = re.compile(r"\{(\w+)\}|<(\w+)=|[][/*~@.<>]")
# Parts that may be missing: within a word, at the start with the space behind, after a space.
_OPTIONAL = (
    (re.compile(r"(?<=[\w*}\]])\(([^()]*)\)|\(([^()]*)\)(?=[\w\[{<])"), r"[\1\2]?"),
    (re.compile(r"(^|[\[/(<=]|\]\?)\(([^()]*)\) "), r"\1[[\2] ]?"),
    (re.compile(r" \(([^()]*)\)(?=[ \])/>]|\[ |$)"), r"[ [\1]]?"),
)


@cache
def phrases_of(package: str, name: str, **patterns: str) -> "PhraseLists":
    """Return the lists of a TOML file that stands beside the modules of a package."""
    text = (files(package) / f"{name}.toml").read_text("utf-8")
    return PhraseLists(tomllib.loads(text), **patterns)


def blanked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Text with spaces instead of these parts."""
    kept = list(text)
    for start, end in spans:
        kept[start:end] = " " * (end - start)
    return "".join(kept)


class PhraseLists:
    """Lists of phrases by name; `patterns` are given as such."""

    def __init__(self, lists: Mapping[str, str], **patterns: str) -> None:
        self._lists, self._patterns = lists, patterns

    def __getitem__(self, name: str) -> re.Pattern[str]:
        """Pattern of one of the lists, for whole words."""
        return self.compiled(self._lists[name])

    @cache  # noqa: B019 -- as many as there are lists, which live as long as the program
    def compiled(self, phrases: str) -> re.Pattern[str]:
        """Pattern of the phrases, for whole words in text with single spaces."""
        return re.compile(rf"(?<![\w@])(?:{self.pattern(phrases)})(?!\w)")

    @cache  # noqa: B019 -- likewise
    def named(self, name: str) -> str:
        """Pattern of a list as text, without groups of its own around it."""
        return self._patterns.get(name) or self.pattern(self._lists[name])

    def pattern(self, phrases: str) -> str:
        """Pattern of phrases as text; the longest is tried first."""
        listed = [phrase.strip() for phrase in re.split(r"[,\n]", phrases) if phrase.strip()]
        return "|".join(map(self._pattern_of, sorted(listed, key=len, reverse=True)))

    def _pattern_of(self, phrase: str) -> str:
        phrase, _, following = phrase.partition(" > ")
        while found := next((each for each in _OPTIONAL if each[0].search(phrase)), None):
            part, instead = found
            phrase = part.sub(instead, phrase, count=1)
        pattern = _SIGN.sub(self._sign, phrase)
        return f"{pattern}(?= (?:{self.pattern(following)}))" if following else pattern

    def _sign(self, sign: re.Match[str]) -> str:
        name, group = sign.groups()
        if group:
            return f"(?P<{group}>"
        return f"(?:{self.named(name)})" if name else _SIGNS[sign[0]]


@lru_cache(maxsize=64)
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
