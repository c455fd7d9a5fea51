"""Composition of a picture: scene, palette, style, and where each figure goes and what it carries.

Only what is placed here is drawn, so a report of the picture reads the composition.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from imgbot.painter.engine.drawing_request import DrawingRequest, Relation
from imgbot.painter.engine.figures import (
    Placed,
    SubjectFigure,
    can_wear,
    dressed,
    seat_kind,
    with_prop,
)
from imgbot.painter.engine.lexicon import COUNT_MAX, WORN
from imgbot.painter.engine.scene import PALETTES, Palette, from_colours
from imgbot.painter.engine.scenes import INDOORS, SCENES
from imgbot.painter.engine.styles import choose_style
from imgbot.painter.engine.subjects import Subject, has_own_drawing, subject_of
from imgbot.painter.engine.tables import table

COSTUMES: Mapping[str, str] = table("subjects/subjects")["costumes"]
_SEATED_MAX = 5  # on one seat
_GROWN_MAX = 2.0  # how much larger a thing gets, so that another is under it
_HOLDABLE = frozenset(table("create")["holdable"].split())


_Root = tuple[SubjectFigure, str]  # with its flag, or its place


@dataclass(frozen=True, slots=True)
class Composition:
    """All that is painted. `relations` are those of the request that the figures show."""

    request: DrawingRequest
    scene: str
    palette: Palette
    style: str
    hints: frozenset[str]
    placed: tuple[Placed, ...]
    relations: frozenset[Relation]

    def figures(self) -> Iterator[SubjectFigure]:
        """Every figure, with those that are attached to others."""
        for each in self.placed:
            yield from each.figure.parts()

    def drawn(self, thing: int) -> list[SubjectFigure]:
        """Figures of a thing of the request, by its number."""
        return [figure for figure in self.figures() if figure.thing == thing]


def compose(request: DrawingRequest, seed: int) -> Composition:
    """Choose what the request asks for, and the rest at random from the seed.

    Each choice has a generator of its own: where a prompt is changed, the others stay.
    """
    arranged = _Arrangement(request)
    seen = (figure if flag == "over" else figure.base for figure, flag in arranged.roots)
    things = [figure.subject for figure in seen]
    scene = _choose_scene(request, things, seed)
    own_share = sum(has_own_drawing(each.name) for each in things) / len(things) if things else 1.0
    style = choose_style(request.styles, scene, random_for(seed, "style"), own_share,
                         keeps_colours=any(thing.colour for thing in request.things))  # fmt: skip
    hints = request.hints | ({"sand"} if scene in {"dunes", "beach"} else set())
    palette = _choose_palette(request, scene, things, seed)
    placed = tuple(_place(arranged.roots, request, scene, random_for(seed, "places")))
    shown = frozenset(arranged.shown)
    return Composition(request, scene, palette, style, frozenset(hints), placed, shown)


def random_for(seed: int, purpose: str) -> random.Random:
    """Generator of one choice."""
    return random.Random(f"{seed} {purpose}")  # noqa: S311 -- art, no secret


class _Arrangement:
    """Figures that stand on their own, each with a flag (over, behind), and what is shown."""

    def __init__(self, request: DrawingRequest) -> None:
        self._figures: list[SubjectFigure | None] = [
            with_prop(SubjectFigure(thing.subject, number, thing.colour, thing.size))
            for number, thing in enumerate(request.things)
        ]
        self._things = request.things
        self._flags: dict[int, str] = {}
        self.shown: list[Relation] = []
        # From the last to the first: what is attached carries what is attached to it.
        # Who else sits there is known when all are seated.
        relations = request.relations[::-1]
        relations.sort(key=lambda each: each.kind == "and")
        for relation in relations:
            if self._relate(relation):
                self.shown.append(relation)
        self.roots = list(self._stand_alone())

    def _stand_alone(self) -> Iterator[_Root]:
        room = COUNT_MAX
        for number, figure in enumerate(self._figures):
            if figure is None or room <= 0:
                continue
            count = min(room, 1 if figure.seat else self._things[figure.thing].count)
            room -= count
            for _ in range(count):
                yield figure, self._flags.get(number, "")

    def _relate(self, relation: Relation) -> bool:
        first, second = self._figures[relation.first], self._figures[relation.second]
        if first is None or second is None or relation.first == relation.second:
            return False
        is_clothing = second.subject.group == "clothing"
        if is_clothing and relation.kind in {"wears", "in"} and second.subject.name not in WORN:
            if figure := dressed(first, second):
                return self._attach(relation, figure)
            # Clothes beside somebody who should wear them would only mislead.
            self._figures[relation.second] = None
            return False
        # Things that are only beside each other need no rule.
        rule = self._RULES.get(relation.kind)
        return rule is None or rule(self, relation, first, second)

    def _attach(self, relation: Relation, figure: SubjectFigure) -> bool:
        self._figures[relation.first], self._figures[relation.second] = figure, None
        return True

    def _wears(self, relation: Relation, first: SubjectFigure, second: SubjectFigure) -> bool:
        if not can_wear(first.subject):
            return False
        return self._attach(relation, replace(first, worn=(second, *first.worn)))

    def _with(self, relation: Relation, first: SubjectFigure, second: SubjectFigure) -> bool:
        is_light = not _HOLDABLE.isdisjoint({second.subject.group, second.subject.name})
        count = self._things[relation.second].count
        most = 5 if second.subject.name == "party-balloon" else 1
        if is_light and count <= most and can_wear(first.subject) and not second.held:
            if len(first.held) < 2:
                held = (*(second,) * count, *first.held)
                return self._attach(relation, replace(first, held=held))
        elif count > 1 and first.subject.place == second.subject.place == "table":
            self._flags[relation.first] = "behind"
        return True

    def _as(self, relation: Relation, first: SubjectFigure, second: SubjectFigure) -> bool:
        costume = COSTUMES.get(second.subject.name, "")
        if costume and can_wear(first.subject):
            worn = replace(second, subject=subject_of(costume))
            return self._attach(relation, replace(first, worn=(worn, *first.worn)))
        self._figures[relation.second] = None
        return False

    def _rides(self, relation: Relation, first: SubjectFigure, second: SubjectFigure) -> bool:
        is_seat = self._things[relation.second].count == 1 and seat_kind(second.subject)
        if not is_seat or first.seat:
            return False
        if second.subject.name == "broom":
            self._flags[relation.first] = "over"
        beside = (first,) * (min(_SEATED_MAX, self._things[relation.first].count) - 1)
        return self._attach(relation, replace(first, seat=second, beside=beside))

    def _and(self, relation: Relation, first: SubjectFigure, second: SubjectFigure) -> bool:
        places = {first.subject.place, second.subject.place}
        are_alike = places == {"table"} or (can_wear(first.subject) and can_wear(second.subject))
        room = min(_SEATED_MAX - 1 - len(second.beside), self._things[relation.first].count)
        if second.seat and are_alike and room > 0 and not first.seat:
            joined = replace(second, beside=(first,) * room + second.beside)
            self._figures[relation.first], self._figures[relation.second] = None, joined
        return True

    def _in(self, relation: Relation, first: SubjectFigure, second: SubjectFigure) -> bool:
        if second.subject.place == "hill":
            self._flags[relation.second] = "behind"
            return True
        return seat_kind(second.subject) != "on" and self._rides(relation, first, second)

    def _under(self, relation: Relation, first: SubjectFigure, second: SubjectFigure) -> bool:
        if second.subject.name == "umbrella":
            return self._with(relation, first, second)
        if second.subject.place == "sky":
            return True
        needed = first.subject.height * first.size * 1.25 / second.subject.height
        larger = replace(second, size=max(second.size, needed))
        self._figures[relation.second], self._flags[relation.second] = larger, "behind"
        return needed < _GROWN_MAX

    def _apart(self, relation: Relation, *_: object) -> bool:
        is_before = relation.kind == "before"
        place = relation.second if is_before else relation.first
        self._flags[place] = "over" if relation.kind == "over" else "behind"
        return True

    def _of(self, relation: Relation, first: SubjectFigure, second: SubjectFigure) -> bool:
        is_one = self._things[relation.first].count == 1
        if is_one and seat_kind(first.subject) in {"in", "into"}:
            self._rides(Relation("of", relation.second, relation.first), second, first)
        return True

    _RULES: ClassVar[Mapping[str, Callable[..., bool]]] = {
        "wears": _wears, "with": _with, "does": _with, "as": _as, "rides": _rides, "on": _rides,
        "in": _in, "under": _under, "over": _apart, "behind": _apart, "before": _apart, "of": _of,
        "and": _and,
    }  # fmt: skip


def _choose_scene(request: DrawingRequest, things: Sequence[Subject], seed: int) -> str:
    allowed = [name for name in SCENES if f"no_{name}" not in request.hints] or list(SCENES)
    wanted = defaultdict(
        float, {name: request.scenes[name] for name in allowed if name in request.scenes}
    )
    has_weather = not request.hints.isdisjoint({"snow", "rain", "fog", "clouds"})
    hidden = INDOORS if has_weather else frozenset[str]()
    homes = things[0].scenes if things and not request.has_place else ()
    for rank, name in enumerate(homes, 1):
        # A scene that is named has 100.
        wanted[name] += 60 / rank**0.5 if name in {*allowed} - hidden else 0
    # A word that names nothing says nothing about a place: a quiet ground suits it.
    scene = _choose(wanted, ("quiet",), seed)
    return {"waves": "lake"}.get(scene, scene) if "calm" in request.hints else scene


def _choose(wanted: Mapping[str, float], known: tuple[str, ...], seed: int) -> str:
    """Choose among the most wanted, or all; what else is wanted does not change the choice."""
    # Close runners-up may win, so that "again" shows something else.
    best = max(wanted.values(), default=0)
    choices = [name for name, weight in wanted.items() if weight >= best * 0.62] or known
    return min(choices, key=lambda name: random_for(seed, name).random())


def _choose_palette(
    request: DrawingRequest, scene: str, things: Sequence[Subject], seed: int
) -> Palette:
    if request.colours:
        return from_colours(request.colours)
    natural = tuple(table("create")["natural_palettes"][scene].split())
    if things:
        # Figures are more visible by day.
        natural = tuple(name for name in natural if not PALETTES[name].is_dark) or natural
    wanted = request.palettes
    if "stars" in request.hints:
        # Stars do not show by day.
        wanted = {name: each for name, each in wanted.items() if PALETTES[name].is_dark}
    return PALETTES[_choose(wanted, natural, seed)]


def _place(
    roots: Sequence[_Root], request: DrawingRequest, scene: str, rng: random.Random
) -> Iterator[Placed]:
    if not roots:
        return
    ahead = [each for each in roots if each[1] != "behind"]
    front, behind = (ahead, [each for each in roots if each not in ahead]) if ahead else (roots, [])
    placed = _agreed([(each[0], _place_of(*each, request, scene)) for each in front])
    for number, row in enumerate(_with_row_aloft(placed)):
        yield from _row_up(row, rng, is_alone=not (number or behind))
    for index, (figure, _) in enumerate(behind):
        x = 0.5 + (index - (len(behind) - 1) / 2) * 0.36 + rng.uniform(-0.05, 0.05)
        place, front_figure = _place_of(figure, "", request, scene), front[0][0]
        if figure.subject.height * figure.size < front_figure.base.subject.height * 1.2:
            x += rng.choice((-0.27, 0.27))  # what is not taller looks out at a side
        yield Placed(figure, place, x, min(_GROWN_MAX, figure.size), 1 + (len(front) > 4))


def _with_row_aloft(placed: Sequence[_Root]) -> list[Sequence[_Root]]:
    """The figures, of which several in the sky have a row of their own."""
    aloft = [each for each in placed if each[1] == "sky"]
    if not 1 < len(aloft) < len(placed):
        return [placed]
    return [[each for each in placed if each[1] != "sky"], aloft]


def _row_up(placed: Sequence[_Root], rng: random.Random, *, is_alone: bool) -> Iterator[Placed]:
    """Place figures beside each other, in as many rows as they need."""
    rows = -(-len(placed) // 4)
    across = -(-len(placed) // rows)
    heights = _heights(placed)
    for row in range(rows):
        numbers = range(row * across, min(len(placed), (row + 1) * across))
        wide = [heights[each] * (0.62 if _is_person(placed[each][0]) else 1.0) for each in numbers]
        shrunk = min(1.0, 84 / sum(wide)) * 0.92**row
        left = 0.0
        for number, width in zip(numbers, wide, strict=True):
            share = width / sum(wide)
            x, left = left + share / 2, left + share
            figure, place = placed[number]
            if len(placed) == 1:
                # A little aside, so that the sun has room.
                is_centred = not is_alone or place in {"table", "close", "wall"}
                x = 0.5 if is_centred else 0.5 + rng.choice((-0.1, 0.1))
            x = 0.5 + (x - 0.5) * 0.92 + rng.uniform(-0.02, 0.02) + (0.06 if row % 2 else 0)
            size = shrunk * heights[number] / figure.base.subject.height
            yield Placed(figure, place, x, size, row)


def _agreed(placed: Sequence[_Root]) -> list[_Root]:
    """Figures at places, where what is drawn close or on a table joins what is in the scene."""
    kinds = {place for _, place in placed}
    moved: dict[str, str] = {}
    if "table" in kinds and not kinds & {"ground", "floor"}:
        moved = {"close": "table"}
    elif "ground" in kinds or ("close" in kinds and kinds - {"close", "sky"}):
        moved = dict.fromkeys(("close", "branch", "leap"), "ground")
    elif kinds >= {"floor", "table"}:
        is_peopled = any(_is_person(figure) for figure, _ in placed)
        moved = {"table": "floor"} if is_peopled else {"floor": "table"}
    return [(figure, moved.get(place, place)) for figure, place in placed]


def _is_person(figure: SubjectFigure) -> bool:
    return figure.base.subject.group.startswith("person")


def _heights(placed: Sequence[_Root]) -> list[float]:
    """Heights in units, so that none is lost beside another."""
    subjects = [figure.base.subject for figure, _ in placed]
    is_scene = any(place in {"ground", "floor", "hill"} for _, place in placed)
    # What lies on the ground instead of a table is smaller.
    natural = [
        each.height * (0.6 if is_scene and each.place in {"table", "close"} else 1.0)
        for each in subjects
    ]
    largest = max(natural)
    # Small ones are drawn larger than they are beside large ones, and all small ones are.
    grown = min(1.5, max(1.0, 42 / largest)) * largest
    pairs = zip(placed, natural, strict=True)
    return [grown * (height / largest) ** 0.75 * figure.size for (figure, _), height in pairs]


def _place_of(figure: SubjectFigure, flag: str, request: DrawingRequest, scene: str) -> str:
    """Key of the painter that puts a figure into the scene."""
    place = figure.base.subject.place
    if flag == "over":
        return "sky"
    # No stand takes these; a rock takes buildings.
    aloft = ("hill", "sky", "wall")[request.stand == "rock" :]
    if request.stand not in {"", "grass"} and place not in aloft:
        return request.stand
    moved = table("create")["moved_places"]
    return moved.get(scene, moved["other"]).get(place, place)
