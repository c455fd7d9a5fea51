"""Lettering: words that are to stand on a picture, found in a prompt. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from imgbot.domain.phrases import PhraseLists, blanked, phrases_of
from imgbot.domain.spelling import fold

QUOTED = re.compile(r"«([^«»]+)»|“([^“”]+)”|„([^„“”]+)[“”]|\"([^\"]+)\"|(?<!\w)'([^']+)'(?!\w)")
_GAP = "\x01"
"""Stands for each character of a quotation."""

_WRITABLE = re.compile("[\\x20-\u024f\u0400-\u052f\u2010-\u203a]{1,500}")
"""Latin, Cyrillic and their signs; a picture model may know others."""

_EDGES = " ,;:.—–-"
_CLAUSE = re.compile(r"[,;.\n]\s+")
_LOOSE_END = re.compile(
    r"(?:(?:^|[\s,;:—–-]++)(?:and|и|with|с|со|a|the|saying)?(?=[\s,;:—–-]|$))*+$"
)
_FORMS = ("meme", "card", "script")
_LOOSE = re.compile(r"\s+([,;:.!?])|([,;:])\s*(?=[,;.!?]|$)")


class PlacedText(NamedTuple):
    """Text, and its place: top, bottom, or empty where there is room."""

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Lettering:
    """Words for a picture, and the rest of the prompt."""

    parts: tuple[PlacedText, ...]
    form: str
    """caption, script, meme or card."""
    rest: str
    is_exact: bool
    """True if it is quoted, and asked for on the picture rather than on a thing in it."""
    is_asked: bool = True
    scene: str = ""
    """Prompt for a picture model, where the words are exact: the rest, with a card's name."""

    @property
    def text(self) -> str:
        return " / ".join(part.text for part in self.parts)


def _lists() -> PhraseLists:
    return phrases_of("imgbot.domain", "lettering")


def _pattern(name: str) -> re.Pattern[str]:
    return _lists()[name]


class Cue(NamedTuple):
    """List of which a prompt has a phrase, as its example: its quoted words are for the picture."""

    name: str
    example: str
    is_exact: bool = True
    """True if the words are not left to a picture model."""


# The two without a list: quotations with a place, and with more than one.
CUES = (
    Cue("asked", 'a cat, write "HI"'),
    Cue("named", 'a cat, lettering "HI"'),
    Cue("meme", 'a cat, meme "HI"'),
    Cue("card", 'a birthday card, "HI"'),
    Cue("script", '"HI" in a fancy font'),
    Cue("places", '"HI" at the top, "BYE" at the bottom'),
    Cue("place", 'character "HI" at the top of a mountain', is_exact=False),
    Cue("spoken", 'a parrot saying "HI"', is_exact=False),
)


def _has(name: str, plain: str) -> bool:
    return _pattern(name).search(plain) is not None


@lru_cache(maxsize=16)
def read_lettering(prompt: str) -> Lettering | None:
    """Words that the prompt wants on the picture; None without any."""
    text = " ".join(prompt.split())
    quotes = [quote for quote in QUOTED.finditer(text) if _content(quote)]
    plain = fold(QUOTED.sub(lambda quote: _GAP * len(quote[0]), text))
    if _has("removed", plain):
        return None
    form = next((name for name in _FORMS if _has(name, plain)), "")
    if quotes:
        found = _read_quoted(text, plain, quotes)
    else:
        parts, rest = _plain_parts(text, plain, has_form=bool(form))
        found = Lettering(parts, "", rest, is_exact=False)
    return _formed(found, form) if found.parts else None


def _formed(found: Lettering, form: str) -> Lettering:
    """Words in the form that is asked for, or that their places have; two of a meme are split."""
    places = {part.place for part in found.parts}
    parts = found.parts
    if form == "meme" and len(parts) == 2 and places == {""}:
        parts = (PlacedText("top", parts[0].text), PlacedText("bottom", parts[1].text))
    return replace(found, parts=parts, form=form or ("meme" if len(places) > 1 else "caption"))


def _read_quoted(text: str, plain: str, quotes: list[re.Match[str]]) -> Lettering:
    parts = _quoted_parts(plain, quotes)
    places = {part.place for part in parts}
    seen = {"place": places != {""}, "places": len(places) > 1}
    found = [cue for cue in CUES if (seen[cue.name] if cue.name in seen else _has(cue.name, plain))]
    is_exact = any(cue.is_exact for cue in found) and not _has("thing", plain)
    is_exact = is_exact and all(_WRITABLE.fullmatch(part.text) for part in parts)
    asking = ("asked", "named", "spoken", "meme", "look", "top", "bottom")
    scene, rest = (_without(text, plain, *names) for names in (asking, (*asking, *_FORMS)))
    return Lettering(parts, "", rest, is_exact, bool(found), scene)


def _content(quote: re.Match[str]) -> str:
    return next(part for part in quote.groups() if part).strip()


def _quoted_parts(plain: str, quotes: list[re.Match[str]]) -> tuple[PlacedText, ...]:
    """Quotations with the place named before each, or else right behind it."""
    ends = [0, *(quote.end() for quote in quotes)]
    starts = [*(quote.start() for quote in quotes), len(plain)]
    parts: list[PlacedText] = []
    is_behind = not _place_in(plain[: starts[0]]) and bool(_place_in(plain[ends[1] : starts[1]]))
    for at, quote in enumerate(quotes):
        gap = plain[ends[at + 1] : starts[at + 1]] if is_behind else plain[ends[at] : starts[at]]
        parts.append(PlacedText(_place_in(gap), _content(quote)))
    return tuple(parts)


def _place_in(plain: str) -> str:
    found = {name: _pattern(name).search(plain) for name in ("top", "bottom")}
    return next((name for name, match in found.items() if match), "")


_Mark = tuple[int, int, str]
"""Start and end of the words for a place, and its name."""


def _plain_parts(text: str, plain: str, *, has_form: bool) -> tuple[tuple[PlacedText, ...], str]:
    """Words without quotation marks: they follow what asks for them, or the place of each."""
    asked = _pattern("asked").search(plain) or _pattern("led").search(plain)
    places: list[_Mark] = sorted(
        (*match.span(), name)
        for name in ("top", "bottom")
        for match in _pattern(name).finditer(plain)
    )
    if asked:
        begin, start = asked.span()
    elif has_form and places:
        begin = start = places[0][0]
    else:
        return (), text
    end = _end_of_words(plain, start)
    marks = [(start, start, ""), *(mark for mark in places if start <= mark[0] < end)]
    rest = f"{text[:begin].strip(_EDGES)}, {text[end:].strip(_EDGES)}".strip(_EDGES)
    return _marked_parts(text, plain, marks, end), _without(rest, fold(rest), *_FORMS, "look")


def _marked_parts(
    text: str, plain: str, marks: Sequence[_Mark], end: int
) -> tuple[PlacedText, ...]:
    """Words behind each mark."""
    stops = [*(mark[0] for mark in marks[1:]), end]
    parts = [
        PlacedText(name, _words(text, plain, after, stop))
        for (_, after, name), stop in zip(marks, stops, strict=True)
    ]
    # "Write hello at the top": the place comes after the words.
    if len(parts) == 2 and parts[0].text and not parts[1].text:
        parts = [PlacedText(parts[1].place, parts[0].text)]
    return tuple(part for part in parts if part.text)


def _end_of_words(plain: str, start: int) -> int:
    """Place where another wish begins, or the script or look of the letters is told."""
    ends = [
        clause.start()
        for clause in _CLAUSE.finditer(plain, start)
        if _pattern("command").match(plain, clause.end())
    ]
    ends += [
        match.start()
        for name in ("script", "look")
        if (match := _pattern(name).search(plain, start)) and match.start() > start + 1
    ]
    return min(ends, default=len(plain))


def _words(text: str, plain: str, start: int, end: int) -> str:
    """The words between, without those that only lead to them or join them."""
    while True:
        start += len(text[start:end]) - len(text[start:end].lstrip(_EDGES))
        lead = _pattern("joining").match(plain, start, end)
        if not lead or lead.end() >= end or text[start].isupper():
            break
        start = lead.end()
    said = text[start:end].rstrip(_EDGES[:-3] + "\n")
    for word in ("и", "and", "а"):
        said = said.removesuffix(f" {word}")
    return said.strip(" ,;:—–-")


def _without(text: str, plain: str, *names: str) -> str:
    """Text without its quotations and what the lists name, with single signs between."""
    patterns = (re.compile(f"{_GAP}+"), *map(_pattern, names))
    spans = (match.span() for pattern in patterns for match in pattern.finditer(plain))
    tidy = _LOOSE.sub(lambda sign: sign[1] or "", " ".join(blanked(text, spans).split()))
    left = _LOOSE_END.sub("", tidy).strip(_EDGES)
    return "" if _pattern("filler").fullmatch(fold(left)) else left
