"""Create: a picture drawn from a prompt, the same again for the same prompt and seed.

Three steps: `understand` reads the prompt, `compose` decides what goes where, `paint` paints it.
"""

import unicodedata
from typing import NamedTuple

from PIL import Image

from imgbot.domain.lettering import USUAL, Lettering, PlacedText, read_lettering
from imgbot.domain.ratios import value_of
from imgbot.painter.engine.compose import Composition, compose, random_for
from imgbot.painter.engine.lettering import letter
from imgbot.painter.engine.placing import place_figures
from imgbot.painter.engine.scene import Scene
from imgbot.painter.engine.scenes import INDOORS, SCENES
from imgbot.painter.engine.scenes.weather import add_weather
from imgbot.painter.engine.styles import MARGIN_UNITS, STYLES
from imgbot.painter.engine.typography import draw_poster, is_card
from imgbot.painter.engine.understand import understand_prompt

SIDE_PX = 1024


class Painted(NamedTuple):
    """Picture, and the same without the words on it, if it bears any."""

    image: Image.Image
    bare: Image.Image | None = None


def draw(prompt: str, seed: int, ratio: str = "") -> tuple[Image.Image, Composition]:
    """Draw the prompt in `ratio` (as `16:9`), or as a square; the composition is what it shows."""
    composition = composition_of(prompt, seed)
    return paint(composition, prompt, seed, picture_size(ratio)).image, composition


def composition_of(prompt: str, seed: int) -> Composition:
    """Read a prompt, emoji included, and decide what its picture shows."""
    return compose(understand_prompt(prompt + _emoji_names(prompt)), seed)


def paint(composition: Composition, prompt: str, seed: int, size: tuple[int, int]) -> Painted:
    """Paint a composition of a prompt at a size in pixels."""
    rng = random_for(seed, "painting")
    focus = Image.new("L", size, 0)
    sun_side = rng.choice((-1, 1))
    if len(composition.placed) == 1:
        # Opposite the only figure: both have room.
        sun_side = -1 if composition.placed[0].x > 0.5 else 1
    scene = Scene(size, rng, composition.palette, composition.hints, sun_side, focus)
    canvas = SCENES[composition.scene](scene)
    canvas = place_figures(scene, canvas, composition.scene, composition.placed)
    if composition.scene not in INDOORS:
        canvas = add_weather(scene, canvas)
    canvas = STYLES[composition.style](scene, canvas)
    lettering, text = read_lettering(prompt), composition.request.text
    if lettering and (any(part.place for part in lettering.parts) or lettering.look != USUAL):
        return Painted(letter(canvas, lettering, focus=scene.in_focus()).image, canvas)
    if text and is_card(prompt):
        look = lettering.look if lettering else USUAL
        words = Lettering((PlacedText("", text),), "card", "", is_exact=True, look=look)
        return Painted(letter(canvas, words).image, canvas)
    if text:
        margin_px = MARGIN_UNITS.get(composition.style, 0) * scene.unit_px
        return Painted(draw_poster(scene, canvas, text, margin_px), canvas)
    return Painted(canvas)


def _emoji_names(prompt: str) -> str:
    """Unicode names of the emoji in the prompt ("fox face")."""
    emoji = [char for char in prompt[:200] if ord(char) > 0x2600]
    names = (unicodedata.name(char, "").lower().removesuffix(" face") for char in emoji)
    return "".join(f", {name}" for name in names)


def picture_size(ratio: str) -> tuple[int, int]:
    """Width and height in pixels; a square without a ratio.

    The shorter side is 1024; beyond 2:1 the longer one is 2048. Ratios end at 3:1.
    """
    shape = value_of(ratio) or 1.0
    longer = max(shape, 1 / shape)
    shorter_px = min(SIDE_PX, 2048 / longer)
    sides = round(shorter_px / 8) * 8, round(shorter_px * longer / 8) * 8
    return (sides[1], sides[0]) if shape > 1 else sides
