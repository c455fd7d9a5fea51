"""Moves of a subject, as a text asks for them. Pure."""

import re

from imgbot.domain.intents.words import parse_text, stem, stems_of
from imgbot.domain.lettering import read_lettering
from imgbot.domain.moving import UNMOVED, Move
from imgbot.domain.phrases import PhraseLists, blanked, normalize, phrases_of

_TIMES, _RIGHT, _DOWN = 1.35, 0.15, 0.1
"""Usual move: times the size, and shares of the picture's sides."""
_KNOWN = ("smaller", "bigger", "left", "right", "up", "down", "slightly", "much", "filler")


def _lists() -> PhraseLists:
    return phrases_of("imgbot.features.subject", "moves")


def is_placing(words: str) -> bool:
    """Return true for words that put a subject into another picture."""
    return _lists()["placing"].search(normalize(words)) is not None and not read_lettering(words)


def asks_behind(text: str) -> bool:
    """Return true for words that put a subject behind something: "behind the fence"."""
    left = _without(normalize(text), ("filler",))
    return re.fullmatch(rf"(?:{_lists().named('behind')}) [\w-]+(?: [\w-]+)?", left) is not None


def is_of_place(words: str, place: str) -> bool:
    """Return true for what comes with the photo of a place: "here", "the tower", "put me here"."""
    left = parse_text(_without(normalize(words), ("here", "filler"))).tokens
    return is_placing(words) or {stem(each.text) for each in left} <= stems_of(place)


def move_in(text: str, placed: str) -> Move | None:
    """Return the move that a text asks for; None if it asks for anything else.

    `placed` are the words that have put the subject where it is: they name it.
    """
    normal, lists = normalize(text), _lists()
    told = {name: bool(lists[name].search(normal)) for name in _KNOWN}
    subject = re.split(rf"(?<!\w)(?:{lists.named('where')})(?!\w)", normalize(placed))[0]
    if not set(_without(normal, _KNOWN).split()) <= set(subject.split()):
        return None
    degree = 0.5 if told["slightly"] else 2.0 if told["much"] else 1.0
    size = _TIMES ** (degree * (told["bigger"] - told["smaller"]))
    right = _RIGHT * degree * (told["right"] - told["left"])
    move = Move(size, right, _DOWN * degree * (told["down"] - told["up"]))
    return move if move != UNMOVED else None


def _without(text: str, names: tuple[str, ...]) -> str:
    """Return a text without the phrases of these lists, and without signs."""
    spans = (found.span() for name in names for found in _lists()[name].finditer(text))
    return " ".join(re.findall(r"[\w-]+", blanked(text, spans)))
