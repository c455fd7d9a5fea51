"""Styles by name: each renders a finished canvas in its technique."""

import random
from collections.abc import Callable, Mapping

from PIL import Image

from imgbot.engine import drawing
from imgbot.engine.scene import Scene
from imgbot.engine.styles.cellular import glass, lowpoly, mosaic, pixel, stitch
from imgbot.engine.styles.painted import (
    chalk,
    dots,
    ink,
    linocut,
    neon,
    oil,
    paper,
    pencil,
    riso,
    watercolour,
)


def plain(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Canvas as painted, with the grain and vignette of a print."""
    return drawing.grain(drawing.vignette(canvas, 0.28), scene.rng, 0.035)


STYLES: Mapping[str, Callable[[Scene, Image.Image], Image.Image]] = {
    style.__name__: style
    for style in (
        plain, watercolour, oil, ink, pencil, lowpoly, pixel, glass, mosaic, paper, riso, linocut,
        chalk, neon, dots, stitch,
    )
}  # fmt: skip

# Paper margin that a style leaves around the picture.
MARGIN_UNITS: Mapping[str, float] = {
    "watercolour": 4.5,
    "ink": 4,
    "pencil": 3,
    "riso": 3.4,
    "linocut": 4,
}

_PLAIN_SHARE = 0.6

# Styles that suit a scene if none is requested; flat scenes are stylised already.
_SUITS: Mapping[str, tuple[str, ...]] = {
    "hills": ("watercolour", "oil", "paper", "riso", "lowpoly", "linocut"),
    "mountains": ("watercolour", "lowpoly", "linocut", "oil", "riso"),
    "forest": ("watercolour", "ink", "linocut", "oil", "riso"),
    "dunes": ("oil", "lowpoly", "dots", "riso"),
    "lake": ("watercolour", "oil", "dots", "linocut"),
    "waves": ("linocut", "oil", "riso", "glass"),
    "stars": ("oil", "chalk", "pixel"),
    "aurora": ("oil", "chalk"),
    "planet": ("pixel", "riso", "oil"),
    "city": ("riso", "pixel", "ink", "oil"),
    "garden": ("watercolour", "oil", "dots", "glass"),
}


def choose_style(wanted: Mapping[str, float], scene_name: str, rng: random.Random) -> str:
    """Most requested style, otherwise plain or one that suits the scene."""
    if wanted:
        return max(sorted(wanted), key=lambda style: wanted[style])
    if rng.random() < _PLAIN_SHARE:
        return "plain"
    return rng.choice(_SUITS.get(scene_name, ("plain",)))


# Stems of the words that ask for a style, in the notation of SPRITE_WORDS.
_STYLE_STEMS = """
watercolour: акварел watercolo aquarelle
oil: масло$ маслом$ масла$ маслян импасто импрессион мазк живопис гог$ гога$ oil$ oils$ impasto
    impressionis painterly gogh
ink: тушь$ тушью$ туши$ чернил гравюр офорт штрих ink$ inks$ engrav etching hatch
pencil: карандаш эскиз скетч набросок наброск pencil sketch
lowpoly: лоуполи лоу-поли полигон low-poly lowpoly polygon
pixel: пиксел восьмибит pixel eight-bit
glass: витраж stained stained-glass
mosaic: мозаи mosaic
paper: бумаг бумаж аппликац вырезан paper papercut paper-cut origami
riso: ризо шелкограф трафарет принт riso$ risograph screenprint screen-print silkscreen halftone
linocut: лино линогравюр линорез ксилограф linocut woodcut woodblock lino$
chalk: мел$ мела$ мелом$ мелк пастель$ пастелью$ пастели$ chalk crayon pastels$
neon: неон светящ neon glowing
dots: пуантил точечн точками$ pointillis stippl dots$ seurat
stitch: вышив вышит крестик embroider stitch cross-stitch
"""

STYLE_WORDS: Mapping[str, tuple[str, ...]] = {
    style: tuple(stems.split())
    for style, _, stems in (
        line.partition(": ") for line in _STYLE_STEMS.replace("\n    ", " ").strip().splitlines()
    )
}
