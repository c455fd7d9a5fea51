"""Parameters of a painted scene: size, random generator, palette, hints of the prompt."""

import math
import random
from dataclasses import dataclass

from PIL import Image

from imgbot.imaging.engine.palettes import Palette


@dataclass(frozen=True, slots=True)
class Scene:
    """Parameters of one painted picture."""

    size: tuple[int, int]
    rng: random.Random
    palette: Palette
    hints: frozenset[str] = frozenset()
    # Side of the light: -1 left, 1 right.
    sun_side: int = 1
    # White where sprites are; styles keep them clear.
    focus: Image.Image | None = None

    def in_focus(self) -> Image.Image:
        """Mask of the sprites; empty without any."""
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
