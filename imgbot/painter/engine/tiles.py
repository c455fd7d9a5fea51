"""Tiles: figures as they are pasted into a scene, lit by its light, mirrored and turned."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageChops

from imgbot.painter.engine import drawing
from imgbot.painter.engine.colours import mix, with_lightness
from imgbot.painter.engine.drawing import Point
from imgbot.painter.engine.figures import (
    FACING_LEFT,
    Anchor,
    Placed,
    can_wear,
    moved_anchors,
    piece_of,
)
from imgbot.painter.engine.scene import Scene
from imgbot.painter.engine.subjects import has_own_drawing
from imgbot.painter.engine.tables import table


@dataclass(frozen=True, slots=True)
class FigureTile:
    """Rendered figure: colours, mask, position of the feet in it, and its lights."""

    image: Image.Image
    mask: Image.Image
    feet: Point
    lights: Sequence[Anchor] = ()


def make_tile(scene: Scene, placed: Placed) -> FigureTile:
    """Figure drawn in the scene's light, facing the centre of the picture."""
    figure, base = placed.figure, placed.figure.base.subject
    height = figure.subject.height if figure.seat else base.height
    piece = piece_of(figure, scene.unit_px * height * placed.size, scene.rng.randrange(2))
    image, lights = piece.image, piece.anchors["lights"]
    high = 0.62 if figure.seat else 0.76
    room = min(scene.width * 0.78 / image.width, scene.height * high / image.height)
    if room < 1:
        size = (max(8, round(image.width * room)), max(8, round(image.height * room)))
        image = image.resize(size, Image.Resampling.LANCZOS)
        lights = [(x * room, y * room, reach * room) for x, y, reach in lights]
    is_left = base.name in FACING_LEFT
    has_side = is_left or can_wear(base) or has_own_drawing(base.name)
    if has_side and (placed.x > 0.52) != is_left:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        lights = [(image.width - x, y, reach) for x, y, reach in lights]
    margin = max(6, round(scene.unit_px * 1.2))
    tile = _lit(scene, image, margin, placed)
    return replace(tile, lights=moved_anchors(lights, margin, margin))


def _lit(scene: Scene, drawn: Image.Image, margin: int, placed: Placed) -> FigureTile:
    """Tile with the haze or the night of the scene, shaded away from the sun."""
    size = (drawn.width + 2 * margin, drawn.height + 2 * margin)
    mask = Image.new("L", size, 0)
    mask.paste(drawn.getchannel("A"), (margin, margin))
    mean = drawing.colour_at(drawn.resize((1, 1), Image.Resampling.BOX), 0, 0)
    image = Image.new("RGB", size, mean)
    image.paste(drawn.convert("RGB"), (margin, margin), drawn)
    palette = scene.palette
    if palette.is_dark:
        air, strength = mix(palette.layers[-1], palette.layers[0], 0.3), 0.34
    else:
        far = placed.place in {"hill", "rock"}
        air, strength = palette.layers[1], 0.1 + 0.08 * far + 0.2 * scene.has("fog")
    image = Image.blend(image, Image.new("RGB", size, air), strength)
    _shade(scene, image, mask)
    feet = table("subjects/subjects")["feet"].get(placed.name, 9.8)
    return FigureTile(image, mask, (size[0] / 2, margin + drawn.height * feet / 10))


def _shade(scene: Scene, image: Image.Image, mask: Image.Image) -> None:
    """Shade the flat tones: dark away from the sun, a bright rim towards it, some texture."""
    reach = max(image.size) / 115
    turn = round(reach * 5) * scene.sun_side
    shade = drawing.moved(drawing.soft(mask, max(0.6, reach * 3.2)), turn, -round(reach * 4))
    shade = drawing.times(ImageChops.invert(shade), mask)
    dark = mix(scene.palette.ink, scene.palette.layers[-1], 0.5)
    drawing.paint(image, dark, drawing.dim(shade, 0.5))
    rim = drawing.moved(drawing.soft(mask, max(0.5, reach)), -turn // 3, round(reach * 1.6))
    rim = drawing.times(ImageChops.invert(rim), mask)
    drawing.paint(image, with_lightness(scene.palette.light, 0.95), drawing.dim(rim, 0.4))
    grain = drawing.clouds(image.size, scene.rng, max(4.0, reach * 16), 5)
    grain = drawing.curve(grain, lambda value: max(0.0, 0.55 - value) * 0.2)
    drawing.paint(image, scene.palette.ink, grain)


def paste_tile(scene: Scene, canvas: Image.Image, tile: FigureTile, feet: Point) -> Image.Image:
    """Canvas with the tile at these feet, and its lights."""
    corner = (round(feet[0] - tile.feet[0]), round(feet[1] - tile.feet[1]))
    canvas.paste(tile.image, corner, tile.mask)
    if scene.focus:
        scene.focus.paste(255, (*corner, corner[0] + tile.mask.width,
                                corner[1] + tile.mask.height), tile.mask)  # fmt: skip
    strength = 0.75 if scene.palette.is_dark else 0.3
    for x, y, reach in tile.lights:
        at = (corner[0] + x, corner[1] + y)
        canvas = drawing.glow(canvas, at, reach, (255, 214, 140), strength)
    return canvas


def mirror_tile(
    scene: Scene, canvas: Image.Image, tile: FigureTile, feet: Point, strength: float
) -> None:
    """Paint the fading mirror image below the figure's feet."""
    depth = max(2, round(tile.feet[1]))
    box = (0, 0, tile.image.width, depth)
    flipped = tile.image.crop(box).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    mask = tile.mask.crop(box).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    squeezed = (flipped.width, max(2, round(depth * 0.8)))
    flipped, mask = flipped.resize(squeezed), mask.resize(squeezed)
    fade = Image.linear_gradient("L").transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize(squeezed)
    mask = drawing.dim(drawing.times(drawing.soft(mask, scene.unit_px * 0.35), fade), strength)
    canvas.paste(flipped, (round(feet[0] - tile.feet[0]), round(feet[1])), mask)


def turn_tile(tile: FigureTile, degrees: float) -> FigureTile:
    """Tile rotated around its centre, which becomes its reference point."""
    image = tile.image.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    mask = tile.mask.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    middle = (tile.image.width / 2, tile.image.height / 2)
    centre = (image.width / 2, image.height / 2)
    sine, cosine = math.sin(math.radians(-degrees)), math.cos(math.radians(-degrees))
    lights = [
        (centre[0] + (x - middle[0]) * cosine - (y - middle[1]) * sine,
         centre[1] + (x - middle[0]) * sine + (y - middle[1]) * cosine, reach)
        for x, y, reach in tile.lights
    ]  # fmt: skip
    return FigureTile(image, mask, centre, lights)
