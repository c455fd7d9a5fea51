"""Figures that stand before a motif when the words name them."""

import math

from PIL import Image, ImageDraw

from imgbot.imaging.engine import brush
from imgbot.imaging.engine.colours import mix
from imgbot.imaging.engine.scene import Scene

Point = tuple[float, float]

# A sitting cat from behind, in its own units: the feet at 0, the ears at 1. Right half only.
_BODY = (
    (0.0, 0.78), (0.1, 0.76), (0.15, 0.68), (0.17, 0.58), (0.22, 0.46), (0.28, 0.3),
    (0.3, 0.16), (0.28, 0.05), (0.22, 0.0), (0.0, 0.0),
)  # fmt: skip
_EAR = ((0.03, 0.92), (0.115, 1.02), (0.155, 0.84))


def add_figures(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Whatever creature the words call for, as a silhouette in front."""
    return _add_cat(scene, canvas) if scene.has("cat") else canvas


def _add_cat(scene: Scene, canvas: Image.Image) -> Image.Image:
    """A cat on the ridge of a roof, looking away into the picture."""
    unit, rng = scene.unit_px, scene.rng
    size = unit * rng.uniform(34, 40)
    x, ridge = scene.width * rng.choice((0.3, 0.36, 0.64, 0.7)), scene.height - unit * 13
    side = 1 if x < scene.width / 2 else -1

    def draw_all(draw: ImageDraw.ImageDraw, scale: float) -> None:
        def fill(points: list[Point]) -> None:
            draw.polygon(
                [((x + px * size) * scale, (ridge - py * size) * scale) for px, py in points],
                fill=255,
            )

        floor = scene.height + 10
        roof = [(0, ridge + unit * 5), (x - unit * 22, ridge), (x + unit * 26, ridge),
                (scene.width, ridge + unit * 8), (scene.width, floor), (0, floor)]  # fmt: skip
        draw.polygon([(px * scale, py * scale) for px, py in roof], fill=255)
        fill([*_BODY, *((-px, py) for px, py in reversed(_BODY))])
        fill(_ellipse((0.0, 0.82), 0.165, 0.125))
        for turn in (1, -1):
            fill([(px * turn, py) for px, py in _EAR])
        for spot, width in _tail(side):
            fill(_ellipse(spot, width, width))

    shape = brush.mask(scene.size, draw_all)
    dark = mix(scene.palette.ink, (0, 0, 0), 0.55)
    # Light from behind draws a thin rim around it.
    rim = brush.dim(brush.soft(shape, unit * 0.5), 0.5)
    brush.paint(canvas, mix(scene.palette.light, scene.palette.accents[0], 0.4), rim)
    brush.paint(canvas, dark, shape)
    return canvas


def _ellipse(centre: Point, width: float, height: float) -> list[Point]:
    return [
        (centre[0] + width * math.cos(step * math.pi / 24),
         centre[1] + height * math.sin(step * math.pi / 24))
        for step in range(48)
    ]  # fmt: skip


def _tail(side: int) -> list[tuple[Point, float]]:
    """Hangs over the ridge and curls up at its end."""
    beads: list[tuple[Point, float]] = []
    for step in range(60):
        share = step / 59
        across = side * (0.22 + 0.26 * math.sin(share * math.pi * 0.62))
        along = 0.06 - 0.05 * math.sin(share * math.pi) + 0.34 * max(0.0, share - 0.45) ** 1.3
        beads.append(((across, along), 0.042 - 0.014 * share))
    return beads
