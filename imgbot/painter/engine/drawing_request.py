"""Request for a drawing: the words of its prompt with their roles, things, relations, setting."""

from collections import defaultdict
from dataclasses import dataclass, field
from enum import Enum

from imgbot.painter.engine.colours import Colour
from imgbot.painter.engine.lexicon import Concept, Sense, sense_of
from imgbot.painter.engine.subjects import Subject
from imgbot.painter.engine.tables import table


class Role(Enum):
    """Role of a word in the prompt."""

    THING, COUNT, COLOUR, SIZE, RELATION, STAND, SETTING = range(7)
    STYLE, TEXT, FILLER, DETAIL, UNKNOWN, BREAK = range(7, 13)


@dataclass(frozen=True, slots=True)
class Word:
    """Word of a prompt and its role; `number` is that of the thing or relation it belongs to."""

    text: str
    role: Role
    number: int = -1

    @property
    def sense(self) -> Sense:
        return sense_of(self.text)


@dataclass(frozen=True, slots=True)
class Thing:
    """Subject that a prompt names; `is_rough` if it only stands in for what is named."""

    subject: Subject
    is_rough: bool = False
    count: int = 1
    colour: Colour | None = None
    size: float = 1.0


@dataclass(frozen=True, slots=True)
class Relation:
    """Relation of two things by their numbers: the first wears, rides … the second."""

    kind: str
    first: int
    second: int


@dataclass(slots=True)
class DrawingRequest:
    """All that a prompt asks for; scenes, palettes and styles with their weights.

    A hint of what must not show begins with `no_`. `stand` is what the things are said to be on.
    """

    words: list[Word] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    scenes: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    palettes: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    styles: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    hints: set[str] = field(default_factory=set)
    colours: tuple[Colour, ...] = ()
    has_place: bool = False
    stand: str = ""
    text: str = ""

    def weigh(self, word: str, role: Role) -> None:
        """Add what the word tells of scene, palette and style; earlier words weigh more."""
        sense, weight = sense_of(word), 100 - min(len(self.words), 60)
        for style in (*sense.styles, *sense.rough_styles):
            self.styles[style] += weight
        is_setting = role not in {Role.THING, Role.STAND, Role.DETAIL}
        is_setting = is_setting and not (role is Role.TEXT and self.scenes)
        for each in sense.concepts if role is not Role.STYLE else ():
            if is_setting:
                self._set_in(each, weight)
            for rank, name in enumerate(each.palettes if role is not Role.DETAIL else (), 1):
                self.palettes[name] += weight * each.for_palette / rank
            self.hints.update(each.hints if is_setting else {*each.hints} & {"smoke"})
        for stand in sense.stands if role is Role.STAND else ():
            self._stand_on(stand, weight)

    def _set_in(self, place: Concept, weight: float) -> None:
        self.has_place |= place.for_scene == 1 and bool(place.scenes)
        for rank, name in enumerate(place.scenes, 1):
            self.scenes[name] += weight * place.for_scene / rank

    def _stand_on(self, stand: str, weight: float) -> None:
        self.stand = stand
        for scene in table("create")["stand_scenes"].get(stand, "").split():
            self.scenes[scene] += weight
            self.has_place = True
