"""Create: a picture composed from the words, the same again for the same words and seed."""

import math
import random
import re
from collections.abc import Mapping

from PIL import Image, ImageDraw

from imgbot.imaging.engine import brush
from imgbot.imaging.engine.motifs import MOTIFS
from imgbot.imaging.engine.motifs.figures import add_figures
from imgbot.imaging.engine.palettes import PALETTES, Palette, from_colours
from imgbot.imaging.engine.scene import Scene
from imgbot.imaging.engine.subjects import Wishes, read_wishes
from imgbot.imaging.engine.typography import set_words, without_quotes, words_to_set

SIDE_PX = 1024
RATIO_MAX = 3.0

_RATIO = re.compile(r"(?<![\d:])(\d{1,2})\s?[:xх]\s?(\d{1,2})(?![\d:])")
_SHAPES = (
    (re.compile(r"\b(портретн|вертикальн|portrait|vertical)", re.IGNORECASE), (3, 4)),
    (
        re.compile(r"\b(альбомн|горизонтальн|landscape format|horizontal|wide)", re.IGNORECASE),
        (4, 3),
    ),
    (re.compile(r"\b(панорам|panoram|баннер|banner)", re.IGNORECASE), (2, 1)),
)


def create_picture(words: str, seed: int) -> tuple[Image.Image, tuple[str, ...]]:
    """Paint the words; also says which motif and palette it was, and whether words are set."""
    rng = random.Random(f"{seed} {' '.join(words.lower().split())}")  # noqa: S311 -- art, no secret
    text = words_to_set(words)
    wishes = read_wishes(words)
    if text and not (wishes.motifs or wishes.palettes):
        wishes = read_wishes(without_quotes(words))
    motif = _choose(wishes.motifs, tuple(MOTIFS), rng)
    palette = _choose_palette(wishes, motif, rng)
    scene = Scene(_size(words), rng, palette, wishes.hints)
    canvas = _add_weather(scene, add_figures(scene, MOTIFS[motif](scene)))
    canvas = brush.grain(brush.vignette(canvas, 0.28), rng, 0.035)
    if text:
        canvas = set_words(scene, canvas, text, words)
    return canvas, (motif, palette.name, *(("lettering",) if text else ()))


def _size(words: str) -> tuple[int, int]:
    """The asked ratio at about the same number of pixels; a square by default."""
    ratio = 1.0
    for pattern, (width, height) in _SHAPES:
        if pattern.search(words):
            ratio = width / height
    if match := _RATIO.search(words):
        width, height = int(match[1]), int(match[2])
        if width and height:
            ratio = min(RATIO_MAX, max(1 / RATIO_MAX, width / height))
    # The shorter side stays at least three quarters of the square's.
    area = SIDE_PX * SIDE_PX * max(1.0, min(1.5, max(ratio, 1 / ratio) * 0.75))
    width = round(math.sqrt(area * ratio) / 8) * 8
    return width, round(width / ratio / 8) * 8


def _choose(wanted: Mapping[str, float], known: tuple[str, ...], rng: random.Random) -> str:
    if not wanted:
        return rng.choice(known)
    # What is nearly as much asked for may win, so that "again" shows something else.
    best = max(wanted.values())
    return rng.choice(sorted(name for name, weight in wanted.items() if weight >= best * 0.62))


# With no colour asked for, what each motif looks best in.
_NATURAL: Mapping[str, tuple[str, ...]] = {
    "hills": ("sunset", "dawn", "noon", "lavender", "autumn", "mint", "rose"),
    "mountains": ("winter", "dawn", "sunset", "noon", "lavender", "night"),
    "forest": ("forest", "autumn", "mint", "night", "dawn"),
    "dunes": ("desert", "sunset", "rose"),
    "lake": ("sunset", "dawn", "noon", "mint", "lavender", "night"),
    "waves": ("ocean", "tropical", "sunset", "mint"),
    "stars": ("night", "lavender", "aurora"),
    "aurora": ("aurora", "night"),
    "planet": ("night", "neon", "lavender", "gold"),
    "bokeh": ("night", "neon", "gold", "rose"),
    "city": ("sunset", "night", "neon", "lavender"),
    "garden": ("spring", "pastel", "sunset", "rose", "noon"),
    "leaves": ("tropical", "forest", "autumn", "mint"),
    "flow": ("sunset", "ocean", "mint", "pastel", "vintage", "tropical"),
    "marble": ("rose", "ocean", "gold", "mint", "lavender"),
    "geometric": ("vintage", "mint", "tropical", "pastel", "neon"),
    "watercolour": ("spring", "ocean", "sunset", "rose", "tropical"),
}


def _choose_palette(wishes: Wishes, motif: str, rng: random.Random) -> Palette:
    if wishes.colours:
        return from_colours(wishes.colours)
    return PALETTES[_choose(wishes.palettes, _NATURAL[motif], rng)]


def _add_weather(scene: Scene, canvas: Image.Image) -> Image.Image:
    if scene.has("snow"):
        return _let_snow(scene, canvas)
    if scene.has("rain"):
        return _let_rain(scene, canvas)
    return canvas


def _let_snow(scene: Scene, canvas: Image.Image) -> Image.Image:
    rng, unit = scene.rng, scene.unit_px
    for count, size, blur in ((420, 0.16, 0.05), (150, 0.34, 0.18), (26, 0.95, 0.75)):
        flakes = [
            (rng.uniform(0, scene.width), rng.uniform(0, scene.height),
             unit * size * rng.uniform(0.6, 1.3))
            for _ in range(count)
        ]  # fmt: skip

        def draw_all(
            draw: ImageDraw.ImageDraw,
            scale: float,
            flakes: list[tuple[float, float, float]] = flakes,
        ) -> None:
            for x, y, reach in flakes:
                box = [(x - reach) * scale, (y - reach) * scale,
                       (x + reach) * scale, (y + reach) * scale]  # fmt: skip
                draw.ellipse(box, fill=225)

        falling = brush.soft(brush.mask(scene.size, draw_all), unit * blur)
        brush.paint(canvas, (255, 255, 255), falling)
    return canvas


def _let_rain(scene: Scene, canvas: Image.Image) -> Image.Image:
    rng, unit = scene.rng, scene.unit_px
    streaks = [
        (rng.uniform(-0.1, 1) * scene.width, rng.uniform(-0.1, 1) * scene.height,
         unit * rng.uniform(3, 8), rng.randint(50, 135))
        for _ in range(320)
    ]  # fmt: skip

    def draw_all(draw: ImageDraw.ImageDraw, scale: float) -> None:
        for x, y, length, bright in streaks:
            ends = [(x * scale, y * scale), ((x + length * 0.2) * scale, (y + length) * scale)]
            draw.line(ends, fill=bright, width=max(1, round(unit * 0.12 * scale)))

    brush.paint(canvas, (235, 242, 250), brush.mask(scene.size, draw_all))
    return canvas
