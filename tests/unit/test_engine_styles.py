"""Styles: requested in both languages, different from each other, with legible text."""

from collections.abc import Mapping
from itertools import combinations
from random import Random

import pytest
from PIL import Image, ImageChops

from imgbot.imaging.engine.prompt_features import extract_features
from imgbot.imaging.engine.scene import PALETTES, Scene
from imgbot.imaging.engine.scenes import SCENES
from imgbot.imaging.engine.sprites.composition import add_sprites
from imgbot.imaging.engine.styles import MARGIN_UNITS, STYLE_WORDS, STYLES, choose_style
from imgbot.imaging.engine.typography import draw_text
from tests.fixtures.image_metrics import difference

pytestmark = pytest.mark.slow

STYLE_NAMES = {
    "watercolour": ("акварелью", "watercolor"), "oil": ("картина маслом", "in oils"),
    "ink": ("тушью", "engraving"), "pencil": ("карандашом", "pencil sketch"),
    "lowpoly": ("лоу-поли", "low-poly"), "pixel": ("пиксель-арт", "pixel art"),
    "glass": ("витражом", "stained glass"), "mosaic": ("мозаикой", "mosaic"),
    "paper": ("из бумаги", "papercut"), "riso": ("ризография", "risograph"),
    "linocut": ("линогравюра", "linocut"), "chalk": ("мелом", "chalk"),
    "neon": ("неоновый", "neon"), "dots": ("пуантилизм", "pointillism"),
    "stitch": ("вышивка", "cross-stitch"),
}  # fmt: skip


def test_every_style_can_be_requested_in_both_languages() -> None:
    assert STYLE_NAMES.keys() == STYLE_WORDS.keys()
    for style, names in STYLE_NAMES.items():
        chosen = [choose_style(extract_features(name).styles, "hills", Random(1)) for name in names]
        assert chosen == [style, style]


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


def test_every_style_paints_a_different_picture(styled: Mapping[str, Image.Image]) -> None:
    for one, other in combinations(styled.values(), 2):
        assert difference(one, other) > 4
    for picture in styled.values():
        assert (picture.mode, picture.size) == ("RGB", (256, 192))


def test_every_style_keeps_light_and_dark_areas(
    landscape: tuple[Scene, Image.Image], styled: Mapping[str, Image.Image]
) -> None:
    grey = landscape[1].convert("L").resize((8, 6), Image.Resampling.BOX)
    for style, picture in styled.items():
        small = picture.convert("L").resize((8, 6), Image.Resampling.BOX)
        # Neon inverts the tones; all other styles keep them.
        if style != "neon":
            assert _correlation(grey.tobytes(), small.tobytes()) > 0.6


def _correlation(one: bytes, other: bytes) -> float:
    mean, mean_other = sum(one) / len(one), sum(other) / len(other)
    both = sum((a - mean) * (b - mean_other) for a, b in zip(one, other, strict=True))
    spread = sum((a - mean) ** 2 for a in one) * sum((b - mean_other) ** 2 for b in other)
    return both / spread**0.5


def test_every_style_is_deterministic(
    landscape: tuple[Scene, Image.Image], styled: Mapping[str, Image.Image]
) -> None:
    for style, picture in styled.items():
        assert paint(landscape, style).tobytes() == picture.tobytes()


def test_default_style_is_plain_or_suits_the_scene() -> None:
    chosen = [choose_style({}, "city", Random(seed)) for seed in range(200)]
    assert 90 < chosen.count("plain") < 150
    assert len(set(chosen)) > 3
    assert {choose_style({}, "marble", Random(seed)) for seed in range(20)} == {"plain"}


def test_text_is_legible_in_every_style(
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
