"""Figures: a subject with all that it wears, holds and sits on, drawn as one piece."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from PIL import Image, ImageOps

from imgbot.painter.engine import drawing
from imgbot.painter.engine.artwork import areas_of, part, rasterise, tinted
from imgbot.painter.engine.colours import Colour, lightness, mix, parse_hex
from imgbot.painter.engine.drawing import Point
from imgbot.painter.engine.subjects import (
    Subject,
    artwork,
    has_artwork,
    has_own_drawing,
    subject_of,
)
from imgbot.painter.engine.tables import table

_TABLE = table("subjects/subjects")
_BODIES = {name: body for body, names in _TABLE["bodies"].items() for name in names.split()}
_CLOTHES: Mapping[str, str] = _TABLE["clothes"]
FACING_LEFT = frozenset(_TABLE["facing"]["left"].split())
_WORN = {
    name: (where, float(width))
    for where, things in _TABLE["worn"].items()
    for name, width in zip(things.split()[::2], things.split()[1::2], strict=True)
}
# Left edge of what is worn (None: centred), and upper edge, from the middle of the head or eyes: in
# widths of the head; the upper one first in heights of what is worn.
_OFFSETS = {"head": (None, 1.0, 0.2), "eyes": (None, 0.5, 0.0), "neck": (None, 0.0, 1.06),
            "above": (0.3, 0.9, 0.0)}  # fmt: skip
# Groups of people that end at the shoulders, and those that are heads.
_BUSTS = frozenset({"person-role", "person-gesture", "person-fantasy"})
_MOUNTS = frozenset({"horse", "deer", "bear", "swan", "bicycle", "whale", "tree"})
# Width of a seat that is left to who sits there, and the share of them that it hides.
_ROOM = {"in": 0.62, "into": 0.7, "on": 0.9}
_HIDDEN = {"in": 0.34, "into": 0.25, "on": 0.06}

Anchor = tuple[float, float, float]  # x, y and a width
_Dress = tuple[str, Colour]


def moved_anchors(anchors: Sequence[Anchor], right: float, down: float) -> list[Anchor]:
    return [(x + right, y + down, width) for x, y, width in anchors]


@dataclass(frozen=True, slots=True)
class SubjectFigure:
    """Subject to be drawn with its colour and relative size, and the figures attached to it.

    `thing` is its number in the request. `seat` is what it sits on or in, with those `beside` it.
    """

    subject: Subject
    thing: int
    colour: Colour | None = None
    size: float = 1.0
    worn: tuple["SubjectFigure", ...] = ()
    held: tuple["SubjectFigure", ...] = ()
    beside: tuple["SubjectFigure", ...] = ()
    seat: "SubjectFigure | None" = None

    def parts(self) -> Iterator["SubjectFigure"]:
        """The figure and all that is attached to it."""
        yield self
        for each in (*self.worn, *self.held, *self.beside, *filter(None, (self.seat,))):
            yield from each.parts()

    @property
    def base(self) -> "SubjectFigure":
        """The figure that stands in the scene: the seat, if there is one."""
        return self.seat.base if self.seat else self


def can_wear(subject: Subject) -> bool:
    """True if the subject has a head that is known."""
    return _head_key(subject) in _TABLE["heads"]


def dressed(figure: SubjectFigure, clothes: SubjectFigure) -> SubjectFigure | None:
    """The figure in clothes; None if it cannot wear them."""
    name = figure.subject.name
    subject = subject_of(_TABLE["undressed"].get(name, name))
    is_person = _BODIES.get(subject.name, "plush") != "plush"
    if clothes.subject.name not in _CLOTHES or not is_person:
        return None
    return replace(figure, subject=subject, worn=(clothes, *figure.worn))


def with_prop(figure: SubjectFigure) -> SubjectFigure:
    """The figure with what makes it out in its hand or on its head."""
    if not figure.subject.prop:
        return figure
    no_thing = -1
    prop = SubjectFigure(subject_of(figure.subject.prop), no_thing)
    if prop.subject.name in _WORN:
        return replace(figure, worn=(prop,))
    return replace(figure, held=(prop,))


def seat_kind(subject: Subject) -> str:
    """Way of sitting at a subject: `on` it or `in` it; "" if not at all."""
    return _seat(subject).rpartition(" ")[2]


def _seat(subject: Subject) -> str:
    """Seat of a subject by the table; the back of an animal, the top of a thing, of no person."""
    is_animal = subject.group.startswith("animal") or can_wear(subject)
    on_back, on_top = "5.2 2.8 on", "5.0 1.2 on"
    usual = on_back if is_animal else on_top
    is_person = _head_key(subject) in {"face", "bust"} or subject.group.startswith("person")
    return _TABLE["seats"].get(subject.name, "" if is_person else usual)


def _head_key(subject: Subject) -> str:
    if subject.name in _TABLE["heads"]:
        return subject.name
    if subject.name in _BODIES or subject.group in {"person", "face-smiling", "cat-face"}:
        return "face"
    return "bust" if subject.group in _BUSTS else ""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Drawing (RGBA) with its anchors in pixels: head, eyes, seat, lights."""

    image: Image.Image
    anchors: Mapping[str, Sequence[Anchor]]
    base_height: float

    def joined(self, other: Image.Image, corner: Point, *, is_behind: bool = False) -> "_Piece":
        """This piece and another picture as one."""
        left, top = min(0, math.floor(corner[0])), min(0, math.floor(corner[1]))
        right = max(self.image.width, math.ceil(corner[0]) + other.width)
        bottom = max(self.image.height, math.ceil(corner[1]) + other.height)
        canvas = Image.new("RGBA", (right - left, bottom - top))
        at = (max(0, round(corner[0]) - left), max(0, round(corner[1]) - top))
        layers = [(self.image, (-left, -top)), (other, at)]
        for layer in reversed(layers) if is_behind else layers:
            canvas.alpha_composite(*layer)
        anchors = {name: moved_anchors(found, -left, -top) for name, found in self.anchors.items()}
        return replace(self, image=canvas, anchors=anchors)


def piece_of(figure: SubjectFigure, height_px: float, tone: int) -> _Piece:
    """SubjectFigure with all that is attached to it; its own drawing has the height."""
    piece = _drawn(figure, height_px, tone)
    for item in figure.worn:
        piece = _with_worn(piece, item, tone)
    for number, item in enumerate(figure.held):
        piece = _with_held(piece, figure, item, tone, number)
    return _seated(piece, figure, tone) if figure.seat else piece


def _drawn(figure: SubjectFigure, height_px: float, tone: int) -> _Piece:
    subject = figure.subject
    clothes = next((item for item in figure.worn if item.subject.name in _CLOTHES), None)
    usual: Colour = (176, 58, 72)
    dress = (_CLOTHES[clothes.subject.name], clothes.colour or usual) if clothes else None
    image, box = _render(subject, figure.colour, dress, tone, max(16, round(height_px)))
    width, height = image.size
    head, _, eyes = _TABLE["heads"].get(_head_key(subject), "").partition("/")
    seat = _seat(subject).rpartition(" ")[0]
    lights = _TABLE["lights"].get(subject.name, "")

    def anchors(text: str) -> list[Anchor]:
        numbers = map(float, text.split())
        return [
            ((x / 10 - box[0]) / box[2] * width, (y / 10 - box[1]) / box[3] * height,
             across / 10 / box[2] * width)
            for x, y, across in zip(numbers, numbers, numbers, strict=True)
        ]  # fmt: skip

    texts = {"head": head, "eyes": eyes, "seat": seat and f"{seat} 0", "lights": lights}
    return _Piece(image, {name: anchors(text) for name, text in texts.items()}, height_px)


@lru_cache(maxsize=16)
def _render(
    subject: Subject, colour: Colour | None, dress: _Dress | None, tone: int, height_px: int
) -> tuple[Image.Image, tuple[float, float, float, float]]:
    """Drawing without its margin, and where that part was: left, top, width, height (0 to 1)."""
    name = f"{subject.name}.{tone}"
    svg = artwork(name if has_artwork(name) else subject.name)
    head_px = round(height_px / 0.94)
    whole = rasterise(svg, head_px)
    if subject.name in _BODIES:
        whole = _with_body(whole, subject.name, dress)
    elif subject.group in _BUSTS and _ends_at_the_shoulders(whole):
        whole = _with_coat(whole)
    left, top, right, bottom = whole.getbbox() or (0, 0, *whole.size)
    over = whole.size if has_own_drawing(subject.name) else (head_px, head_px)
    box = (left / over[0], top / over[1], (right - left) / over[0], (bottom - top) / over[1])
    image = whole.crop((left, top, right, bottom))
    size = (max(1, round(image.width * height_px / image.height)), height_px)
    image = image.resize(size, Image.Resampling.LANCZOS)
    return (tinted(image, colour) if colour else image), box


def _ends_at_the_shoulders(image: Image.Image) -> bool:
    """True if a wide part of the drawing touches its lower edge."""
    bottom = (image.getbbox() or (0, 0, *image.size))[3]
    near = max(4, image.height // 40)
    row = image.getchannel("A").crop((0, bottom - near, image.width, bottom - near + 2))
    box = row.point([0] * 128 + [255] * 128).getbbox()
    return box is not None and box[2] - box[0] > image.width * 0.4


def _with_body(head: Image.Image, name: str, dress: _Dress | None) -> Image.Image:
    """Head on its body, dressed, or in colours of the head where the table names none."""
    body = dress[0] if dress else _BODIES[name]
    coat, pale = _coat_colours(head)
    if body != "plush":
        # The hands are as the nose.
        pale = drawing.colour_at(head, head.width // 2, round(head.height * 0.62))
    given = [parse_hex(part) for part in _TABLE["coats"].get(name, "").split()]
    coat, pale = [*given, *(coat, pale)[len(given) :]]
    coat = dress[1] if dress else coat
    share, sink = (0.78, 0.16) if body == "plush" else (0.94, 0.09)
    under = part(body, round(head.height * share), (coat, pale))
    box = head.getbbox() or (0, 0, *head.size)
    top = round(box[3] - head.height * sink)
    canvas = Image.new("RGBA", (max(head.width, under.width), top + under.height))
    canvas.alpha_composite(under, (round((box[0] + box[2] - under.width) / 2), top))
    canvas.alpha_composite(head, (0, 0))
    return canvas


def _coat_colours(head: Image.Image) -> tuple[Colour, Colour]:
    """The most frequent colour of a head that is not black, and a paler one."""
    found = [colour for _, colour in areas_of(head) if lightness(colour) > 0.2]
    main = found[0] if found else (150, 120, 90)
    return main, mix(main, (255, 246, 230), 0.6)


def _with_coat(bust: Image.Image) -> Image.Image:
    """Person whose clothes go on below the picture: its last row, drawn out into a coat."""
    bust = bust.crop((0, 0, bust.width, (bust.getbbox() or (0, 0, *bust.size))[3] - 1))
    width, height = bust.size
    near = max(3, height // 50)
    row = bust.crop((0, height - near, width, height - near + 2))
    left, _, right, _ = row.getchannel("A").getbbox() or (0, 0, width, 1)
    size, at = (right - left, round(height * 0.62)), (left, height)
    canvas = Image.new("RGBA", (width, height + size[1]))
    cloth = row.crop((left, 0, right, 2)).resize(size, Image.Resampling.BILINEAR)
    legs, shape = (part(name, size[1], ()).resize(size) for name in ("legs", "coat"))
    canvas.alpha_composite(legs, at)
    canvas.paste(cloth, at, shape)
    canvas.alpha_composite(bust)
    return canvas


def _with_worn(piece: _Piece, item: SubjectFigure, tone: int) -> _Piece:
    """Piece with a hat on its head, glasses on its eyes or a scarf around its neck."""
    if not piece.anchors["head"] or item.subject.name in _CLOTHES:
        return piece
    where, width = _WORN[item.subject.name]
    [(x, y, across)] = piece.anchors["eyes" if where == "eyes" else "head"]
    picture = _drawn(item, 200, tone).image
    wanted = max(4, round(across * width * item.size**0.5))
    size = (wanted, max(2, round(wanted * picture.height / picture.width)))
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    if where == "back":
        left = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        for wing, side in ((picture, 0.35), (left, -0.35)):
            at = (x + side * across - picture.width * (side < 0), y + across * 0.5)
            piece = piece.joined(wing, at, is_behind=True)
        return piece
    # Of its own width and height, and of the head's width.
    aside, up, down = _OFFSETS[where]
    left_px = x - picture.width / 2 if aside is None else x + across * aside
    return piece.joined(picture, (left_px, y - picture.height * up + across * down))


def _with_held(
    piece: _Piece, figure: SubjectFigure, item: SubjectFigure, tone: int, number: int
) -> _Piece:
    width, height = piece.image.size
    share = min(0.48, max(0.28, item.subject.height * item.size / figure.subject.height * 0.7))
    is_raised = item.subject.name in {"umbrella", "party-balloon", "balloon", "kite"}
    is_bunch = item.subject.name == "party-balloon"
    share = (0.5 if is_bunch else 0.8) if is_raised else share
    held = piece_of(item, height * share, tone)
    side = -1 if (figure.subject.name in FACING_LEFT) != (number % 2 == 1) else 1
    aside_px = width * (0.3 if is_raised and not is_bunch else 0.42)
    aside_px += held.image.width * (0.32 + 0.4 * (number // 2)) * is_bunch
    x = width / 2 + side * aside_px - held.image.width / 2
    y = height * 0.66 - held.image.height * (0.96 + 0.35 * (number // 2) if is_raised else 0.5)
    return piece.joined(held.image, (x, min(y, height - held.image.height)))


def _seated(piece: _Piece, figure: SubjectFigure, tone: int) -> _Piece:
    """SubjectFigure on or in its seat; the seat's front hides what is inside it."""
    seat = figure.base
    kind = seat_kind(seat.subject)
    natural = seat.subject.height * seat.size / (figure.subject.height * figure.size)
    bounds = (0.8, 1.6) if kind == "on" else (0.9, 1.9)
    under = piece_of(seat, piece.base_height * min(bounds[1], max(bounds[0], natural)), tone)
    own = figure.subject.height * figure.size
    drawn = {
        each: piece_of(each, each.subject.height * each.size / own * piece.base_height, tone).image
        for each in {*figure.beside}
    }
    pictures = [*map(drawn.__getitem__, figure.beside), piece.image]
    widest = max(each.width for each in pictures)
    share = min(1.0, under.image.width * _ROOM[kind] / len(pictures) ** 0.6 / widest)
    has_back = seat.subject.group.startswith(("animal", "transport"))
    # The legs are on its far side.
    is_astride = kind == "on" and (has_back or seat.subject.name in _MOUNTS)
    hidden = 0.3 if is_astride else _HIDDEN[kind]
    joined = under
    for number, image in enumerate(pictures):
        picture = ImageOps.scale(image, share) if share < 1 else image
        [(x, y, _)] = joined.anchors["seat"]
        aside = (number - (len(pictures) - 1) / 2) * widest * share * 0.62
        corner = (x + aside - picture.width / 2, y - picture.height * (1 - hidden))
        if kind == "into":
            picture = picture.crop((0, 0, picture.width, round(picture.height * (1 - hidden))))
        joined = joined.joined(picture, corner, is_behind=kind == "in" or is_astride)
    return replace(joined, base_height=under.base_height)


@dataclass(frozen=True, slots=True)
class Placed:
    """Figure in the picture: its place, its centre as a share of the width, its size and row."""

    figure: SubjectFigure
    place: str
    x: float
    size: float
    row: int = 0

    @property
    def name(self) -> str:
        """Name of what stands there."""
        return self.figure.base.subject.name
