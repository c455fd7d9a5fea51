"""Words that ask for more around a picture: wider, zoom out, 16:9 without cropping. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from imgbot.domain.intents import Intent
from imgbot.domain.phrases import PhraseLists, normalize, phrases_of
from imgbot.domain.ratios import value_of
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.reading import Example, Order, Sentence, WordReader

_Sides = tuple[float, float, float, float]
_SIDES: Mapping[str, _Sides] = {
    "wider": (0.25, 0, 0.25, 0),
    "taller": (0, 0.25, 0, 0.25),
    "out": (0.25, 0.25, 0.25, 0.25),
    "left": (0.4, 0, 0, 0),
    "up": (0, 0.4, 0, 0),
    "right": (0, 0, 0.4, 0),
    "down": (0, 0, 0, 0.4),
}


@dataclass(frozen=True, slots=True)
class Canvas:
    """Canvas that is asked for: what is added at the left, the top, the right and the bottom."""

    sides: _Sides = (0, 0, 0, 0)
    """Shares of the picture's width and height."""
    ratio: float = 0
    """Ratio of the canvas, in place of shares; 0 for none."""


def _lists() -> PhraseLists:
    return phrases_of("imgbot.features.shapes", "words", ratio=r"(\d{1,2}:\d{1,2})")


def canvas_in(text: str) -> Canvas | None:
    """Return the canvas that a text asks for, if that is all that it asks for."""
    lists, normal = _lists(), normalize(text)
    spare = rf"(?:(?:{lists.named('around')}|,) )*"
    words = normal.strip()

    def is_asked(name: str) -> re.Match[str] | None:
        return re.fullmatch(rf"{spare}(?:{lists.named(name)}) {spare}", f"{words} ")

    if shape := is_asked("whole"):
        ratio = value_of(next(filter(None, shape.groups())), 4.0)
        return Canvas(ratio=ratio) if ratio else None
    factor = 0.5 if lists["little"].search(normal) else 2 if lists["much"].search(normal) else 1
    for name, sides in _SIDES.items():
        if is_asked(name):
            left, top, right, bottom = (factor * each for each in sides)
            return Canvas((left, top, right, bottom))
    return None


def _read(sentence: Sentence, chat: ChatState) -> Order | None:
    is_asked = chat.this is not None and canvas_in(sentence.text) is not None
    return Order(Intent.CHANGE, sentence.text) if is_asked else None


ROW = WordReader(
    "larger canvas",
    "more around this picture",
    _read,
    (Example("zoom out a bit"), Example("покажи больше неба")),
)
