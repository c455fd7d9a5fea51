"""Plan of a load test: users, orders, times and prompts. Pure; equal seeds give equal plans.

The guide sizes the bot by one worker per 30 users and calls a picture normal that takes less than
30 seconds. Its worker makes one picture at a time, so 30 users keep it just busy if each of them
orders once in 30 × 30 s: once in a quarter of an hour. That is the usual rate here. Its "peaks" are
the last fifth of the time, in which every user orders once.
"""

import random
from dataclasses import dataclass
from enum import StrEnum

USUAL_EVERY_S = 900.0
PEAK_SHARE = 0.2
MODERATED_SHARE = 0.05
"""Share of text orders with a prompt that the provider's rules forbid."""


class Way(StrEnum):
    """Way of ordering."""

    WORDS = "words"
    MENU = "menu"  # the button, the question, the words
    AGAIN = "again"  # the button under the latest picture
    CAPTION = "caption"  # a photo that says what to do
    REPLY = "reply"  # words in reply to the latest picture
    ASKED = "asked"  # a photo alone, a button, the words
    RETOUCH = "retouch"  # a photo with the command
    RETOUCH_BUTTON = "retouch button"
    UPSCALE_BUTTON = "upscale button"
    LARGER = "larger"  # the button under the latest picture
    ALBUM = "album"  # photos with one caption
    MERGE = "merge"  # the command, the photos one by one, the button


_WEIGHTS = {
    Way.WORDS: 30,
    Way.MENU: 10,
    Way.AGAIN: 8,
    Way.CAPTION: 14,
    Way.REPLY: 6,
    Way.ASKED: 6,
    Way.RETOUCH: 5,
    Way.RETOUCH_BUTTON: 4,
    Way.UPSCALE_BUTTON: 5,
    Way.LARGER: 4,
    Way.ALBUM: 5,
    Way.MERGE: 3,
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """Planned order: `at_s` after the start, by the user of that number."""

    at_s: float
    person: int
    way: Way
    seed: int
    is_moderated: bool = False
    is_in_peak: bool = False


def plan(people: int, duration_s: float, dice: random.Random) -> list[Scenario]:
    """Return the orders of so many users within `duration_s`, by time."""
    peak_s = duration_s * (1 - PEAK_SHARE)
    scenarios: list[Scenario] = []
    at_s = dice.expovariate(people / USUAL_EVERY_S)
    while at_s < peak_s:
        scenarios.append(_scenario(at_s, dice.randrange(people), dice, is_in_peak=False))
        at_s += dice.expovariate(people / USUAL_EVERY_S)
    scenarios += [
        _scenario(dice.uniform(peak_s, duration_s), person, dice, is_in_peak=True)
        for person in range(people)
    ]
    return sorted(scenarios, key=lambda scenario: scenario.at_s)


def _scenario(at_s: float, person: int, dice: random.Random, *, is_in_peak: bool) -> Scenario:
    way = dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
    is_moderated = dice.random() < MODERATED_SHARE and way is Way.WORDS
    return Scenario(at_s, person, way, dice.randrange(1 << 30), is_moderated, is_in_peak)


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
