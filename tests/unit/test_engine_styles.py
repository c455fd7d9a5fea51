"""Styles: asked for in both languages, each another picture of the same scene, letters legible."""

from collections.abc import Mapping
from itertools import combinations
from random import Random

import pytest
from PIL import Image, ImageChops

from imgbot.imaging.engine.palettes import PALETTES
from imgbot.imaging.engine.prompt_features import extract_features
from imgbot.imaging.engine.scene import Scene
from imgbot.imaging.engine.scenes import SCENES
from imgbot.imaging.engine.sprites.composition import add_sprites
from imgbot.imaging.engine.styles import MARGIN_UNITS, STYLE_WORDS, STYLES, choose_style
from imgbot.imaging.engine.typography import draw_text
from tests.support.measures import difference

STYLE_NAMES = {
    "watercolour": ("акварелью", "watercolor"),
    "oil": ("картина маслом", "in oils"),
    "ink": ("тушью", "engraving"),
    "pencil": ("карандашом", "pencil sketch"),
    "lowpoly": ("лоу-поли", "low-poly"),
    "pixel": ("пиксель-арт", "pixel art"),
    "glass": ("витражом", "stained glass"),
    "mosaic": ("мозаикой", "mosaic"),
    "paper": ("из бумаги", "papercut"),
    "riso": ("ризография", "risograph"),
    "linocut": ("линогравюра", "linocut"),
    "chalk": ("мелом", "chalk"),
    "neon": ("неоновый", "neon"),
    "dots": ("пуантилизм", "pointillism"),
    "stitch": ("вышивка", "cross-stitch"),
}


@pytest.mark.parametrize("style", STYLE_WORDS)
def test_every_style_is_asked_for_in_both_languages(style: str) -> None:
    for words in STYLE_NAMES[style]:
        wished = extract_features(f"{words}").styles
        assert choose_style(wished, "hills", Random(1)) == style


@pytest.fixture(scope="module")
def landscape() -> tuple[Scene, Image.Image]:
    size = (256, 192)
    scene = Scene(size, Random(1), PALETTES["sunset"], frozenset(), 1, Image.new("L", size, 0))
    return scene, add_sprites(scene, SCENES["hills"](scene), "hills", ("fox",), {})


def paint(landscape: tuple[Scene, Image.Image], style: str) -> Image.Image:
    scene, canvas = landscape
    again = Scene(scene.size, Random(2), scene.palette, frozenset(), 1, scene.focus)
    return STYLES[style](again, canvas.copy())


@pytest.fixture(scope="module")
def styled(landscape: tuple[Scene, Image.Image]) -> Mapping[str, Image.Image]:
    return {style: paint(landscape, style) for style in STYLES}


def test_every_style_paints_another_picture(styled: Mapping[str, Image.Image]) -> None:
    for one, other in combinations(styled.values(), 2):
        assert difference(one, other) > 4
    for picture in styled.values():
        assert (picture.mode, picture.size) == ("RGB", (256, 192))


def test_every_style_keeps_light_and_dark_where_they_were(
    landscape: tuple[Scene, Image.Image], styled: Mapping[str, Image.Image]
) -> None:
    grey = landscape[1].convert("L").resize((8, 6), Image.Resampling.BOX)
    for style, picture in styled.items():
        small = picture.convert("L").resize((8, 6), Image.Resampling.BOX)
        # A drawing of light on a black wall turns the tones; all others keep them.
        if style != "neon":
            assert _correlation(grey.tobytes(), small.tobytes()) > 0.6


def _correlation(one: bytes, other: bytes) -> float:
    mean, mean_other = sum(one) / len(one), sum(other) / len(other)
    both = sum((a - mean) * (b - mean_other) for a, b in zip(one, other, strict=True))
    spread = sum((a - mean) ** 2 for a in one) * sum((b - mean_other) ** 2 for b in other)
    return both / spread**0.5


def test_every_style_makes_the_same_of_the_same(
    landscape: tuple[Scene, Image.Image], styled: Mapping[str, Image.Image]
) -> None:
    for style, picture in styled.items():
        assert paint(landscape, style).tobytes() == picture.tobytes()


def test_an_unasked_style_is_plain_as_a_rule_and_else_suits_the_motif() -> None:
    chosen = [choose_style({}, "city", Random(seed)) for seed in range(200)]
    assert 90 < chosen.count("plain") < 150
    assert len(set(chosen)) > 3
    assert {choose_style({}, "marble", Random(seed)) for seed in range(20)} == {"plain"}


def test_letters_can_be_read_on_every_style(
    landscape: tuple[Scene, Image.Image], styled: Mapping[str, Image.Image]
) -> None:
    scene, _ = landscape
    for style, canvas in styled.items():
        margin = MARGIN_UNITS.get(style, 0) * scene.unit_px
        lettered = draw_text(scene, canvas.copy(), "Осень", "плакат", margin)
        inked = ImageChops.difference(canvas, lettered).convert("L").getbbox()
        assert inked is not None
        tones = lettered.crop(inked).convert("L").getextrema()
        assert isinstance(tones[0], int | float)
        assert isinstance(tones[1], int | float)
        assert tones[1] - tones[0] > 130
