"""Styles by name: each renders a finished canvas in its technique."""

import random
from collections.abc import Callable, Mapping

from PIL import Image

from imgbot.painter.engine import drawing
from imgbot.painter.engine.scene import Scene
from imgbot.painter.engine.styles import cellular, painted
from imgbot.painter.engine.tables import table


def plain(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Canvas as painted, with the grain and vignette of a print."""
    return drawing.grain(drawing.vignette(canvas, 0.28), scene.rng, 0.035)


STYLES: Mapping[str, Callable[[Scene, Image.Image], Image.Image]] = {
    "plain": plain,
    **{name: getattr(cellular, name) for name in ("pixel", "glass", "stitch")},
    **{name: getattr(painted, name) for name in ("watercolour", "oil", "pencil", "paper")},
    **{name: getattr(painted, name) for name in ("riso", "linocut", "neon")},
}

# Paper margin that a style leaves around the picture.
MARGIN_UNITS: Mapping[str, float] = {"watercolour": 4.5, "pencil": 3, "riso": 3.4, "linocut": 4}


def choose_style(
    wanted: Mapping[str, float],
    scene_name: str,
    rng: random.Random,
    own_share: float = 1.0,
    *,
    keeps_colours: bool = False,
) -> str:
    """Most requested style, otherwise plain or one that suits the scene.

    `own_share` is the share of figures of our own; others are hardly ever plain.
    """
    if wanted:
        return max(sorted(wanted), key=lambda style: wanted[style])
    # Share of plain pictures: figures of our own are stylised already, an emoji must be painted.
    if rng.random() < 0.5 * own_share**3:
        return "plain"
    style = rng.choice(table("create")["suiting_styles"][scene_name].split())
    # They print figures in colours of their own.
    is_of_few = style in {"riso", "linocut", "neon", "pencil"}
    return "watercolour" if keeps_colours and is_of_few else style
