"""Parameters of a painted scene: size, random generator, palette, hints of the prompt."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image

from imgbot.painter.engine.colours import Colour, lightness, mix, parse_hex, with_lightness
from imgbot.painter.engine.tables import table


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours by role in a picture."""

    name: str
    sky: tuple[Colour, ...]  # from the top down to the horizon
    layers: tuple[Colour, ...]  # from far to near
    light: Colour
    accents: tuple[Colour, ...]
    paper: Colour
    ink: Colour

    @property
    def is_dark(self) -> bool:
        """True for a night sky."""
        return lightness(self.sky[len(self.sky) // 2]) < 0.5


def _colours(text: str) -> tuple[Colour, ...]:
    return tuple(parse_hex(part) for part in text.split())


PALETTES: Mapping[str, Palette] = {
    name: Palette(
        name,
        _colours(roles["sky"]),
        _colours(roles["layers"]),
        parse_hex(roles["light"]),
        _colours(roles["accents"]),
        parse_hex(roles["paper"]),
        parse_hex(roles["ink"]),
    )
    for name, roles in table("create")["palettes"].items()
}


def from_colours(colours: tuple[Colour, ...]) -> Palette:
    """Palette around the colours named in the prompt, the main one first."""
    main, second = colours[0], colours[-1]
    # White, grey and black carry no hue: the other colours decide.
    deep = with_lightness(main, 0.2)
    pale = with_lightness(second, 0.93)
    accents = tuple(dict.fromkeys((*colours, with_lightness(second, 0.75), pale, deep)))
    if lightness(main) < 0.25:
        sky = (with_lightness(main, 0.1), with_lightness(main, 0.22), mix(main, second, 0.6))
    else:
        sky = (with_lightness(main, 0.5), with_lightness(main, 0.7), with_lightness(second, 0.9))
    layers = (
        with_lightness(second, 0.68),
        with_lightness(mix(main, second, 0.5), 0.48),
        with_lightness(main, 0.3),
        with_lightness(main, 0.16),
    )
    return Palette("named", sky, layers, with_lightness(second, 0.97), accents, pale, deep)


@dataclass(frozen=True, slots=True)
class Scene:
    """Parameters of one painted picture."""

    size: tuple[int, int]
    rng: random.Random
    palette: Palette
    hints: frozenset[str] = frozenset()
    # Side of the light: -1 left, 1 right.
    sun_side: int = 1
    # White where figures are; styles keep them clear.
    focus: Image.Image | None = None

    def in_focus(self) -> Image.Image:
        """Mask of the figures; empty without any."""
        return self.focus or Image.new("L", self.size, 0)

    @property
    def width(self) -> int:
        return self.size[0]

    @property
    def height(self) -> int:
        return self.size[1]

    @property
    def unit_px(self) -> float:
        """Hundredth of the shorter side, the unit of all lengths."""
        return min(self.size) / 100

    def has(self, *hints: str) -> bool:
        """True if the prompt has any of these hints."""
        return not self.hints.isdisjoint(hints)


def ridge(
    scene: Scene, base: float, height: float, roughness: float, step_px: int = 4
) -> list[tuple[float, float]]:
    """Skyline from edge to edge around `base`: a sum of ever smaller waves, in pixels."""
    waves: list[tuple[float, float, float]] = []
    length, size = scene.width * scene.rng.uniform(0.7, 1.3), height
    while length > step_px * 3:
        waves.append((2 * math.pi / length, scene.rng.uniform(0, 2 * math.pi), size))
        length *= scene.rng.uniform(0.42, 0.58)
        size *= roughness
    return [
        (float(x), base + sum(math.sin(x * turn + phase) * size for turn, phase, size in waves))
        for x in range(-step_px, scene.width + 2 * step_px, step_px)
    ]


def down_to_floor(scene: Scene, line: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Area below a skyline as a polygon."""
    floor = float(scene.height + 10)
    return [*line, (line[-1][0], floor), (line[0][0], floor)]
