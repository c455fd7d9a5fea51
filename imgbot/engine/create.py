"""Create: a picture painted from a prompt, the same again for the same prompt and seed."""

import random
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image

from imgbot.domain.ratios import value_of
from imgbot.engine.colours import Colour
from imgbot.engine.prompt_features import PromptFeatures, extract_features
from imgbot.engine.scene import PALETTES, Palette, Scene, from_colours
from imgbot.engine.scenes import SCENES
from imgbot.engine.scenes.outdoors import add_weather
from imgbot.engine.sprites.composition import SPRITES_MAX, add_sprites
from imgbot.engine.styles import MARGIN_UNITS, STYLES, choose_style
from imgbot.engine.tables import table
from imgbot.engine.typography import draw_text, text_to_draw, without_quotes

SIDE_PX = 1024
LONGER_SIDE_PX = 2048


@dataclass(frozen=True, slots=True)
class CreatePlan:
    """Scene, palette, style and sprites of a picture, and the random generator that paints it."""

    scene_name: str
    palette: Palette
    style: str
    sprites: tuple[str, ...]
    sprite_colours: Mapping[str, Colour]
    hints: frozenset[str]
    text: str
    rng: random.Random


def create_picture(prompt: str, seed: int, ratio: str = "") -> tuple[Image.Image, tuple[str, ...]]:
    """Paint the prompt in `ratio` (as `16:9`), or as a square.

    The second value names the scene, palette and style, then each sprite and `lettering`.
    """
    plan = plan_picture(prompt, seed)
    size = picture_size(ratio)
    scene = Scene(
        size, plan.rng, plan.palette, plan.hints, plan.rng.choice((-1, 1)), Image.new("L", size, 0)
    )
    canvas = SCENES[plan.scene_name](scene)
    canvas = add_sprites(scene, canvas, plan.scene_name, plan.sprites, plan.sprite_colours)
    canvas = STYLES[plan.style](scene, add_weather(scene, canvas))
    if plan.text:
        margin_px = MARGIN_UNITS.get(plan.style, 0) * scene.unit_px
        canvas = draw_text(scene, canvas, plan.text, prompt, margin_px)
    lettering = ("lettering",) if plan.text else ()
    return canvas, (plan.scene_name, plan.palette.name, plan.style, *plan.sprites, *lettering)


def _emoji_names(prompt: str) -> str:
    """Unicode names of the emoji in the prompt ("fox face")."""
    emoji = [char for char in prompt[:200] if ord(char) > 0x2600]
    return " ".join(unicodedata.name(char, "").lower() for char in emoji)


def plan_picture(prompt: str, seed: int) -> CreatePlan:
    """Choose everything the prompt asks for, and the rest at random from the seed.

    Where a prompt is changed, the picture of the same seed stays what it was: each choice has a
    generator of its own.
    """
    text = text_to_draw(prompt)
    spoken = f"{prompt} {_emoji_names(prompt)}"
    features = extract_features(spoken)
    if text and not (features.scenes or features.palettes):
        features = extract_features(without_quotes(prompt))
    scene_name = _choose(features.scenes, _scenes_left(features), seed)
    if scene_name == "waves" and "calm" in features.hints:
        scene_name = "lake"
    palette = _choose_palette(features, scene_name, seed)
    style = choose_style(features.styles, scene_name, _random(seed, "style"))
    hints = features.hints | ({"sand"} if scene_name == "dunes" else set())
    return CreatePlan(
        scene_name,
        palette,
        style,
        features.sprites[:SPRITES_MAX],
        features.sprite_colours,
        hints,
        text,
        _random(seed, "painting"),
    )


def picture_size(ratio: str) -> tuple[int, int]:
    """Width and height in pixels; a square without a ratio.

    The shorter side is 1024; beyond 2:1 the longer one is 2048. Ratios end at 3:1.
    """
    shape = value_of(ratio) or 1.0
    longer = max(shape, 1 / shape)
    shorter_px = min(SIDE_PX, LONGER_SIDE_PX / longer)
    sides = round(shorter_px / 8) * 8, round(shorter_px * longer / 8) * 8
    return (sides[1], sides[0]) if shape > 1 else sides


def _random(seed: int, purpose: str) -> random.Random:
    return random.Random(f"{seed} {purpose}")  # noqa: S311 -- art, no secret


def _scenes_left(features: PromptFeatures) -> tuple[str, ...]:
    """Scenes that the prompt does not rule out."""
    return tuple(name for name in SCENES if f"no_{name}" not in features.hints) or tuple(SCENES)


def _choose(wanted: Mapping[str, float], known: tuple[str, ...], seed: int) -> str:
    """Choose among the most wanted, or all; what else is wanted does not change the choice."""
    # Close runners-up may win, so that "again" shows something else.
    best = max(wanted.values(), default=0)
    choices = [name for name, weight in wanted.items() if weight >= best * 0.62] or known
    return min(choices, key=lambda name: _random(seed, name).random())


def _choose_palette(features: PromptFeatures, scene_name: str, seed: int) -> Palette:
    if features.colours:
        return from_colours(features.colours)
    natural = tuple(table("create")["natural_palettes"][scene_name].split())
    if features.sprites:
        # Sprites are more visible by day.
        natural = tuple(name for name in natural if not PALETTES[name].is_dark) or natural
    return PALETTES[_choose(features.palettes, natural, seed)]
