"""Sprites: their outlines, placement in a picture, and rendering as a tile."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw

from imgbot.engine import drawing
from imgbot.engine.colours import Colour, mix, parse_hex, with_lightness
from imgbot.engine.drawing import Point
from imgbot.engine.scene import Palette, Scene

_STEPS = 8


@dataclass(frozen=True, slots=True)
class OutlinePart:
    """Area of one tone, or a light if it has a reach."""

    tone: str
    outline: tuple[Point, ...]
    glow_reach: float = 0.0


def parse_outlines(lines: Iterable[str]) -> tuple[OutlinePart, ...]:
    """Parts of a sprite, back to front."""
    parts: list[OutlinePart] = []
    for line in _joined(lines):
        tone, kind, *numbers = line.split()
        part = _PARSERS[kind[-1]](tone, numbers)
        parts.append(part)
        if kind.startswith("m"):
            mirrored = tuple((-x, y) for x, y in part.outline)
            parts.append(OutlinePart(tone, mirrored, part.glow_reach))
    return tuple(parts)


def _joined(lines: Iterable[str]) -> list[str]:
    """Lines joined with their continuation lines."""
    joined: list[str] = []
    for line in filter(None, map(str.strip, lines)):
        if "," in line.split(" ", 1)[0]:
            joined[-1] += f" {line}"
        else:
            joined.append(line)
    return joined


def _point(text: str) -> Point:
    x, y = text.rstrip("!").split(",")
    return float(x), float(y)


def _smooth_part(tone: str, numbers: list[str]) -> OutlinePart:
    points = [_point(number) for number in numbers]
    corners = {index for index, number in enumerate(numbers) if number.endswith("!")}
    return OutlinePart(tone, tuple(_through(points, corners, is_closed=True)))


def _polygon_part(tone: str, numbers: list[str]) -> OutlinePart:
    return OutlinePart(tone, tuple(_point(number) for number in numbers))


def _ellipse_part(tone: str, numbers: list[str]) -> OutlinePart:
    (x, y), (across, up) = _point(numbers[0]), _point(numbers[1])
    turns = [step * math.pi / 20 for step in range(40)]
    return OutlinePart(tone, tuple((x + across * math.cos(t), y + up * math.sin(t)) for t in turns))


def _stroke_part(tone: str, numbers: list[str]) -> OutlinePart:
    first, _, last = numbers[0].partition(">")
    points = _through([_point(number) for number in numbers[1:]], set(), is_closed=False)
    return OutlinePart(tone, tuple(_thick(points, float(first), float(last or first))))


def _light_part(tone: str, numbers: list[str]) -> OutlinePart:
    return OutlinePart(tone, (_point(numbers[0]),), float(numbers[1]))


_PARSERS = {
    "s": _smooth_part,
    "p": _polygon_part,
    "o": _ellipse_part,
    "l": _stroke_part,
    "g": _light_part,
}


def _through(points: list[Point], corners: set[int], *, is_closed: bool) -> list[Point]:
    """Catmull-Rom curve through the points, interrupted at corners."""
    count = len(points)

    def at(index: int) -> Point:
        return points[index % count] if is_closed else points[min(max(index, 0), count - 1)]

    def slope(index: int) -> Point:
        if index % count in corners:
            return (0.0, 0.0)
        (x0, y0), (x1, y1) = at(index - 1), at(index + 1)
        return ((x1 - x0) / 2, (y1 - y0) / 2)

    curve: list[Point] = []
    for index in range(count if is_closed else count - 1):
        (x0, y0), (x1, y1) = at(index), at(index + 1)
        (dx0, dy0), (dx1, dy1) = slope(index), slope(index + 1)
        for step in range(_STEPS):
            t = step / _STEPS
            a, b = 2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t
            c, d = 3 * t**2 - 2 * t**3, t**3 - t**2
            curve.append((a * x0 + b * dx0 + c * x1 + d * dx1, a * y0 + b * dy0 + c * y1 + d * dy1))
    return curve if is_closed else [*curve, points[-1]]


def _thick(line: list[Point], first: float, last: float) -> list[Point]:
    """Outline of a stroke with round ends and a width from `first` to `last`."""
    left: list[Point] = []
    right: list[Point] = []
    for index, (x, y) in enumerate(line):
        (x0, y0), (x1, y1) = line[max(0, index - 1)], line[min(len(line) - 1, index + 1)]
        angle = math.atan2(y1 - y0, x1 - x0)
        half = (first + (last - first) * index / (len(line) - 1)) / 2
        across = (-math.sin(angle) * half, math.cos(angle) * half)
        left.append((x + across[0], y + across[1]))
        right.append((x - across[0], y - across[1]))
    return [*left, *_cap(left[-1], right[-1]), *reversed(right), *_cap(right[0], left[0])]


def _cap(start: Point, end: Point) -> list[Point]:
    """Half circle from one side of a stroke to the other, clockwise."""
    centre = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    radius = math.hypot(start[0] - centre[0], start[1] - centre[1])
    angle = math.atan2(start[1] - centre[1], start[0] - centre[0])
    return [
        (
            centre[0] + radius * math.cos(angle - step * math.pi / 6),
            centre[1] + radius * math.sin(angle - step * math.pi / 6),
        )
        for step in range(1, 6)
    ]


_MARGIN = 6.0


@dataclass(frozen=True, slots=True)
class Sprite:
    """Drawing that can be placed into a scene.

    `anchor` is its place there: ground, hill, water, sky, close or another key of the composition's
    painters. `height_units` is the size of 100 of its own units, in the scene's units. `stems` are
    the words that name it, `scenes` those that suit it, the best first.
    """

    name: str
    anchor: str
    height_units: float
    tones: Mapping[str, Colour]
    parts: tuple[OutlinePart, ...]
    stems: tuple[str, ...]
    scenes: tuple[str, ...]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, bottom, right and top of all parts, in the sprite's own units."""
        points = [point for part in self.parts if not part.glow_reach for point in part.outline]
        across, up = [x for x, _ in points], [y for _, y in points]
        return min(across), min(up), max(across), max(up)


@dataclass(frozen=True, slots=True)
class SpritePose:
    """Scale (pixels per own unit), orientation, main colour and haze of a sprite."""

    scale_px: float
    is_mirrored: bool = False
    main_colour: Colour | None = None
    haze: float = 0.1


@dataclass(frozen=True, slots=True)
class SpriteTile:
    """Rendered sprite: colours, mask, position of the feet in it, and its lights."""

    image: Image.Image
    mask: Image.Image
    feet: Point
    lights: tuple[tuple[Point, float], ...]


def parse_sprite(block: str) -> Sprite:
    """Sprite from its block of sprites.txt, which describes the format."""
    head, *lines = block.splitlines()
    name, anchor, height_units, *pairs = head.split()
    values: dict[str, list[str]] = {"words": [], "scenes": []}
    outlines: list[str] = []
    for line in lines:
        key, _, rest = line.strip().partition(" ")
        if key in values:
            values[key] += rest.split()
        else:
            outlines.append(line)
    return Sprite(
        name=name,
        anchor=anchor,
        height_units=float(height_units),
        tones={tone: parse_hex(colour) for tone, _, colour in (p.partition("=") for p in pairs)},
        parts=parse_outlines(outlines),
        stems=tuple(values["words"]),
        scenes=tuple(values["scenes"]),
    )


def paint_tile(scene: Scene, subject: Sprite, pose: SpritePose) -> SpriteTile:
    """Render the sprite with the light and atmosphere of the scene."""
    left, bottom, right, top = subject.box
    if pose.is_mirrored:
        left, right = -right, -left
    scale = pose.scale_px
    size = (
        max(8, round((right - left + 2 * _MARGIN) * scale)),
        max(8, round((top - bottom + 2 * _MARGIN) * scale)),
    )

    def place(point: Point) -> Point:
        x = -point[0] if pose.is_mirrored else point[0]
        return (x - left + _MARGIN) * scale, (top + _MARGIN - point[1]) * scale

    many = drawing.OVERSAMPLING
    large = Image.new("RGB", (size[0] * many, size[1] * many), scene.palette.layers[-1])
    shape = Image.new("L", large.size, 0)
    colours, outlines = ImageDraw.Draw(large), ImageDraw.Draw(shape)
    lights: list[tuple[Point, float]] = []
    for part in subject.parts:
        if part.glow_reach:
            lights.append((place(part.outline[0]), part.glow_reach * scale))
            continue
        points = [(x * many, y * many) for x, y in map(place, part.outline)]
        colours.polygon(points, fill=_tone(scene.palette, subject, part.tone, pose))
        outlines.polygon(points, fill=255)
    image, mask = large.reduce(many), shape.reduce(many)
    return SpriteTile(_light(scene, image, mask, scale), mask, place((0.0, 0.0)), tuple(lights))


def _tone(palette: Palette, subject: Sprite, tone: str, pose: SpritePose) -> Colour:
    """Colour of a tone in the scene: hazy by day, darker at night."""
    name = tone.rstrip("+-")
    main = next(iter(subject.tones))
    colour = _palette_tones(palette).get(name) or subject.tones.get(name, palette.ink)
    if pose.main_colour and name == main:
        colour = pose.main_colour
    if tone.endswith("-"):
        colour = mix(colour, palette.ink, 0.2)
    elif tone.endswith("+"):
        colour = mix(colour, palette.light, 0.3)
    if name == "glow":
        return colour
    if palette.is_dark:
        return mix(colour, mix(palette.layers[-1], palette.layers[0], 0.3), 0.36)
    return mix(colour, palette.layers[1], pose.haze)


def _palette_tones(palette: Palette) -> Mapping[str, Colour]:
    return {
        "glow": mix(palette.light, (255, 196, 84), 0.45),
        "accent": palette.accents[0],
        "accent2": palette.accents[1],
        "eye": (242, 193, 78),
    }


def _light(scene: Scene, image: Image.Image, mask: Image.Image, scale: float) -> Image.Image:
    """Shade the flat tones: dark away from the sun, a bright rim towards it, some texture."""
    turn = round(scale * 5) * scene.sun_side
    blurred = drawing.soft(mask, max(0.6, scale * 3.2))
    shade = _moved(blurred, turn, -round(scale * 4))
    shade = drawing.times(ImageChops.invert(shade), mask)
    drawing.paint(
        image, mix(scene.palette.ink, scene.palette.layers[-1], 0.5), drawing.dim(shade, 0.6)
    )
    rim = _moved(drawing.soft(mask, max(0.5, scale * 1.0)), -turn // 3, round(scale * 1.6))
    rim = drawing.times(ImageChops.invert(rim), mask)
    drawing.paint(image, with_lightness(scene.palette.light, 0.95), drawing.dim(rim, 0.62))
    grain = drawing.clouds(image.size, scene.rng, max(4.0, scale * 16), 5)
    grain = drawing.curve(grain, lambda value: max(0.0, 0.55 - value) * 0.2)
    drawing.paint(image, scene.palette.ink, grain)
    return image


def _moved(mask: Image.Image, right: int, down: int) -> Image.Image:
    moved = Image.new("L", mask.size, 0)
    moved.paste(mask, (right, down))
    return moved


@dataclass(frozen=True, slots=True)
class Placement:
    """Sprite with its horizontal centre in pixels, its relative size and its main colour."""

    sprite: Sprite
    x: float
    size: float
    main_colour: Colour | None


def scale_px(scene: Scene, sprite: Sprite, size: float) -> float:
    """Pixels per own unit, at most three quarters of the picture's width for the sprite."""
    left, _, right, _ = sprite.box
    wanted = scene.unit_px * sprite.height_units / 100 * size
    return min(wanted, scene.width * 0.76 / (right - left))


def make_tile(scene: Scene, placement: Placement, enlarged: float = 1.0) -> SpriteTile:
    """Rendered sprite, facing the centre of the picture."""
    scale = scale_px(scene, placement.sprite, placement.size * enlarged)
    haze = 0.1 + 0.1 * (placement.sprite.anchor in {"hill", "rock"}) + 0.2 * scene.has("fog")
    looks_left = placement.x > scene.width * 0.52
    return paint_tile(
        scene, placement.sprite, SpritePose(scale, looks_left, placement.main_colour, haze)
    )


def paste_tile(
    scene: Scene, canvas: Image.Image, tile: SpriteTile, feet: tuple[float, float]
) -> Image.Image:
    corner = (round(feet[0] - tile.feet[0]), round(feet[1] - tile.feet[1]))
    canvas.paste(tile.image, corner, tile.mask)
    if scene.focus:
        scene.focus.paste(255, (*corner, corner[0] + tile.mask.width,
                                corner[1] + tile.mask.height), tile.mask)  # fmt: skip
    strength = 0.75 if scene.palette.is_dark else 0.3
    for (x, y), reach in tile.lights:
        at = (corner[0] + x, corner[1] + y)
        canvas = drawing.glow(canvas, at, reach, (255, 214, 140), strength)
    return canvas


def half_width(placement: Placement, tile: SpriteTile) -> float:
    return tile.image.width * (0.3 if placement.sprite.box[2] > 40 else 0.4)


def mirror_tile(
    scene: Scene, canvas: Image.Image, tile: SpriteTile, feet: tuple[float, float], strength: float
) -> None:
    """Paint the fading mirror image below the sprite's feet."""
    depth = round(tile.feet[1])
    box = (0, 0, tile.image.width, depth)
    flipped = tile.image.crop(box).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    mask = tile.mask.crop(box).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    squeezed = (flipped.width, max(2, round(depth * 0.8)))
    flipped, mask = flipped.resize(squeezed), mask.resize(squeezed)
    fade = Image.linear_gradient("L").transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize(squeezed)
    mask = drawing.dim(drawing.times(drawing.soft(mask, scene.unit_px * 0.35), fade), strength)
    canvas.paste(flipped, (round(feet[0] - tile.feet[0]), round(feet[1])), mask)


def turn_tile(tile: SpriteTile, degrees: float) -> SpriteTile:
    """Tile rotated around its centre, which becomes its reference point."""
    image = tile.image.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    mask = tile.mask.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    middle = (tile.image.width / 2, tile.image.height / 2)
    centre = (image.width / 2, image.height / 2)
    turn = math.radians(-degrees)
    lights = tuple(
        ((centre[0] + (x - middle[0]) * math.cos(turn) - (y - middle[1]) * math.sin(turn),
          centre[1] + (x - middle[0]) * math.sin(turn) + (y - middle[1]) * math.cos(turn)), reach)
        for (x, y), reach in tile.lights
    )  # fmt: skip
    return SpriteTile(image, mask, centre, lights)
