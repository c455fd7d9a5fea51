"""Lettering: words that are to stand on a picture, found in a prompt. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import NamedTuple

from imgbot.domain.phrases import PhraseLists, blanked, phrases_of
from imgbot.domain.spelling import fold, has_cyrillic
from imgbot.domain.texts import tables

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
CHARACTERS_MAX = 500
"""Characters that have room on a picture."""
_FORMS = ("meme", "card")
SIZES = ("tiny", "small", "", "large", "huge")
"""Sizes of letters, from the smallest; the usual one has no name."""
_COLOURS = (
    *("red", "orange", "yellow", "green", "turquoise", "light_blue", "blue", "purple", "pink"),
    *("brown", "gold", "grey", "white", "black"),
)
_FONTS = ("script", "plain")
NOTHING = {"en": "text «»", "ru": "надпись «»"}
"""Prompts by language; users need not write them."""
_ADDRESSED = re.compile(r"\bfor ([A-Z][a-z]+)\b|, ([А-ЯЁ][а-яё]+)[!.]?$")
"""Whom a card greets: "for Anna", "…, Лена"."""
_LOOSE = re.compile(r"\s+([,;:.!?])|([,;:])\s*(?=[,;.!?]|$)")


class PlacedText(NamedTuple):
    """Text, and its place: top, bottom, or empty where there is room."""

    place: str
    text: str


class Look(NamedTuple):
    """Look of letters, by names of `SIZES`, colours and fonts; empty where the form decides."""

    size: str = ""
    colour: str = ""
    font: str = ""
    """script or plain."""


USUAL = Look()


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
    look: Look = USUAL

    @property
    def text(self) -> str:
        return " / ".join(part.text for part in self.parts)


def lettering_phrases() -> PhraseLists:
    return phrases_of("imgbot.domain", "lettering")


def _pattern(name: str) -> re.Pattern[str]:
    return lettering_phrases()[name]


class Cue(NamedTuple):
    """List of which a prompt has a phrase, as its example: its quoted words are for the picture."""

    name: str
    example: str
    is_exact: bool = True
    """True if the words are not left to a picture model."""


# Those without a list: quotations with a place, with more than one, and with a look.
CUES = (
    Cue("asked", 'a cat, write "HI"'),
    Cue("named", 'a cat, lettering "HI"'),
    Cue("meme", 'a cat, meme "HI"'),
    Cue("card", 'a birthday card, "HI"'),
    Cue("look", '"HI" in a fancy font'),
    Cue("places", '"HI" at the top, "BYE" at the bottom'),
    Cue("place", 'character "HI" at the top of a mountain', is_exact=False),
    Cue("spoken", 'a parrot saying "HI"', is_exact=False),
)


def _has(name: str, plain: str) -> bool:
    return _pattern(name).search(plain) is not None


@lru_cache(maxsize=16)
def read_lettering(prompt: str) -> Lettering | None:
    """Words that the prompt wants on the picture; None without any.

    `NOTHING` is a prompt for the picture without the words that it bore.
    """
    text = " ".join(prompt.split())
    if text in NOTHING.values():
        return Lettering((), "", "", is_exact=True)
    plain, said = quotations(text)
    if _has("removed", plain):
        return None
    looks = [match.span() for match in _looks(plain)]
    told = [*looks, *(match.span() for match in _pattern("asked").finditer(plain))]
    look = look_in(" ".join(plain[start:end] for start, end in told))
    text, plain = blanked(text, looks), blanked(plain, looks)
    form = next((name for name in _FORMS if _has(name, plain)), "")
    read = _read_quoted(text, plain, look) if said else _read_plain(text, plain, form)
    if look.font == "script" and not form:
        form, look = "script", look._replace(font="")
    return _formed(replace(read, look=look), form) if read.parts else None


@lru_cache(maxsize=16)
def drawn_lettering(prompt: str) -> Lettering | None:
    """Words that the engine puts on its drawing: a card without any has a greeting."""
    found, text = read_lettering(prompt), fold(" ".join(prompt.split()))
    if found or QUOTED.search(prompt) or _has("own_words", text) or not _has("carded", text):
        return found
    greetings = tables("ru" if has_cyrillic(text) else "en")["greetings"]
    said = next((said for name, said in greetings.items() if _has(name, text)), "")
    if name := _ADDRESSED.search(prompt):
        said = said.replace("!", f", {name[1] or name[2]}!")
    return Lettering((PlacedText("", said),), "card", prompt, is_exact=False) if said else None


def quotations(text: str) -> tuple[str, list[str]]:
    """Text in lower case with a gap for each quotation, and the quotations."""
    plain = fold(QUOTED.sub(lambda quote: _GAP * len(quote[0]), text))
    return plain, [said for quote in QUOTED.finditer(text) if (said := _content(quote))]


def look_in(plain: str) -> Look:
    """Look that lower-case words tell."""
    names = (tuple(filter(None, SIZES)), _COLOURS, _FONTS)
    return Look(*(next((each for each in kind if _has(each, plain)), "") for kind in names))


def _looks(plain: str) -> Iterator[re.Match[str]]:
    """Parts of a prompt that tell how letters look: "in red letters", or "in red" behind words."""
    yield from _pattern("look").finditer(plain)
    led = next(
        (place for name in ("asked", "led") if (place := _pattern(name).search(plain))), None
    )
    for match in _look_at_end().finditer(plain, led.end() if led else 0):
        before = plain[: match.start()].rstrip(_EDGES)
        is_behind = before.endswith(_GAP) or _ended("top", "bottom").search(before)
        if before and (is_behind or (led and len(before) > led.end())):
            yield match


@cache
def _look_at_end() -> re.Pattern[str]:
    look, *places = map(lettering_phrases().named, ("look_last", "top", "bottom"))
    place = "|".join(places)
    return re.compile(rf"(?<!\w)(?:{look})(?=[\s,.!]*(?:$|(?:{place})(?!\w)))")


@cache
def _ended(*names: str) -> re.Pattern[str]:
    """Pattern of a phrase of these lists at the end of a text."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(lettering_phrases().named, names))})$")


def _formed(found: Lettering, form: str) -> Lettering:
    """Words in the form that is asked for, or that their places have; two of a meme are split."""
    places = {part.place for part in found.parts}
    parts = found.parts
    # Letters that are told to be plain are no capitals.
    is_meme = len(places) > 1 and found.look.font != "plain"
    if form == "meme" and len(parts) == 2 and places == {""}:
        parts = (PlacedText("top", parts[0].text), PlacedText("bottom", parts[1].text))
    return replace(found, parts=parts, form=form or ("meme" if is_meme else "caption"))


def _read_quoted(text: str, plain: str, look: Look) -> Lettering:
    quotes = [quote for quote in QUOTED.finditer(text) if _content(quote)]
    parts = _quoted_parts(plain, quotes)
    places = {part.place for part in parts}
    seen = {"place": places != {""}, "places": len(places) > 1, "look": look != USUAL}
    found = [cue for cue in CUES if (seen[cue.name] if cue.name in seen else _has(cue.name, plain))]
    is_exact = any(cue.is_exact for cue in found) and not _has("thing", plain)
    is_exact = is_exact and all(_WRITABLE.fullmatch(part.text) for part in parts)
    asking = ("asked", "named", "spoken", "meme", "top", "bottom")
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


def _read_plain(text: str, plain: str, form: str) -> Lettering:
    """Words without quotation marks: they follow what asks for them, or the place of each."""
    asked = _pattern("asked").search(plain) or _pattern("led").search(plain)
    places: list[_Mark] = sorted(
        (*match.span(), name)
        for name in ("top", "bottom")
        for match in _pattern(name).finditer(plain)
    )
    if asked:
        begin, start = asked.span()
    elif places and (form or _leads_twice(places, plain)):
        begin = start = places[0][0]
    else:
        return Lettering((), "", text, is_exact=False)
    end = _end_of_words(plain, start)
    is_ahead = _ended("top", "bottom").fullmatch(plain[:begin].strip(_EDGES))
    ahead = _place_in(plain[:begin]) if is_ahead else ""
    marks = [(start, start, ahead), *(mark for mark in places if start <= mark[0] < end)]
    before = "" if ahead else text[:begin].strip(_EDGES)
    rest = f"{before}, {text[end:].strip(_EDGES)}".strip(_EDGES)
    parts = _marked_parts(text, plain, marks, end)
    return Lettering(parts, "", _without(rest, fold(rest), *_FORMS), is_exact=False)


def _leads_twice(places: Sequence[_Mark], plain: str) -> bool:
    """Return true for "top: HELLO bottom: BYE", which begins with a place; not for "top 3"."""
    if places[0][0] > 0 or len({mark[2] for mark in places}) < 2:
        return False
    return any(each.isalpha() for each in plain[places[0][1] : places[1][0]])


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
    """Place where another wish begins."""
    ends = [
        clause.start()
        for clause in _CLAUSE.finditer(plain, start)
        if _pattern("command").match(plain, clause.end())
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
    if last := _ended("trailing").search(fold(said)):
        said = said[: last.start()].rstrip(_EDGES[:-3])
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
