"""Prompts of simulated users: new pictures, edits, merges; in both languages.

Every provider understands these edits, including the built-in engine.
"""

import random
from dataclasses import dataclass

_MODERATED = "[[sim:moderated]]"


@dataclass(frozen=True, slots=True)
class _Language:
    subjects: tuple[str, ...]
    places: tuple[str, ...]
    manners: tuple[str, ...]
    changes: tuple[str, ...]
    merges: tuple[str, ...]


_ENGLISH = _Language(
    ("a red fox", "an old lighthouse", "a sleepy cat", "a sailing boat", "a city tram", "an owl"),
    ("in an autumn forest", "by the sea", "under a starry sky", "in the rain", "in the mountains"),
    ("watercolour", "pencil drawing", "at sunset", "as a poster", "in soft light"),
    ("warmer and a little brighter", "black and white", "more contrast", "vintage", "rotate right"),
    ("side by side", "collage"),
)
_RUSSIAN = _Language(
    ("рыжая лиса", "старый маяк", "сонный кот", "парусная лодка", "городской трамвай", "сова"),
    ("в осеннем лесу", "у моря", "под звёздным небом", "под дождём", "в горах"),
    ("акварель", "рисунок карандашом", "на закате", "как плакат", "в мягком свете"),
    ("теплее и чуть ярче", "чёрно-белое", "больше контраста", "винтаж", "поверни направо"),
    ("рядом", "коллаж"),
)


class Words:
    """Prompts of one user for one order."""

    def __init__(self, language: str, dice: random.Random) -> None:
        self._language = _RUSSIAN if language == "ru" else _ENGLISH
        self._dice = dice

    def picture(self, *, is_moderated: bool = False) -> str:
        known = self._language
        parts = [self._dice.choice(part) for part in (known.subjects, known.places, known.manners)]
        words = f"{parts[0]} {parts[1]}, {parts[2]}"
        return f"{words} {_MODERATED}" if is_moderated else words

    def change(self) -> str:
        return self._dice.choice(self._language.changes)

    def merge(self) -> str:
        return self._dice.choice(self._language.merges)
