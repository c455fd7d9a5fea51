"""Placement of sprites in a picture, and operations on their tiles."""

import math
from dataclasses import dataclass

from PIL import Image

from imgbot.imaging.engine import drawing
from imgbot.imaging.engine.colours import Colour
from imgbot.imaging.engine.scene import Scene
from imgbot.imaging.engine.sprites.sprite import Sprite, SpritePose, SpriteTile, paint_tile


@dataclass(frozen=True, slots=True)
class Placement:
    """Sprite with its horizontal centre in pixels, its relative size and its main colour."""

    sprite: Sprite
    x: float
    size: float
    main_colour: Colour | None


def scale_px(scene: Scene, sprite: Sprite, size: float) -> float:
    """Pixels per own unit, at most three quarters of the picture's width for the sprite."""
    left, _, right, _ = sprite.box
    wanted = scene.unit_px * sprite.height_units / 100 * size
    return min(wanted, scene.width * 0.76 / (right - left))


def make_tile(scene: Scene, spot: Placement, enlarged: float = 1.0) -> SpriteTile:
    """Rendered sprite, facing the centre of the picture."""
    scale = scale_px(scene, spot.sprite, spot.size * enlarged)
    haze = 0.1 + 0.1 * (spot.sprite.anchor in {"hill", "rock"}) + 0.2 * scene.has("fog")
    looks_left = spot.x > scene.width * 0.52
    return paint_tile(scene, spot.sprite, SpritePose(scale, looks_left, spot.main_colour, haze))


def paste_tile(
    scene: Scene, canvas: Image.Image, tile: SpriteTile, feet: tuple[float, float]
) -> Image.Image:
    corner = (round(feet[0] - tile.feet[0]), round(feet[1] - tile.feet[1]))
    canvas.paste(tile.image, corner, tile.mask)
    if scene.focus:
        scene.focus.paste(255, (*corner, corner[0] + tile.mask.width,
                                corner[1] + tile.mask.height), tile.mask)  # fmt: skip
    strength = 0.75 if scene.palette.is_dark else 0.3
    for (x, y), reach in tile.lights:
        at = (corner[0] + x, corner[1] + y)
        canvas = drawing.glow(canvas, at, reach, (255, 214, 140), strength)
    return canvas


def half_width(spot: Placement, tile: SpriteTile) -> float:
    return tile.image.width * (0.3 if spot.sprite.box[2] > 40 else 0.4)


def mirror_tile(
    scene: Scene, canvas: Image.Image, tile: SpriteTile, feet: tuple[float, float], strength: float
) -> None:
    """Paint the fading mirror image below the sprite's feet."""
    depth = round(tile.feet[1])
    box = (0, 0, tile.image.width, depth)
    flipped = tile.image.crop(box).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    mask = tile.mask.crop(box).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    squeezed = (flipped.width, max(2, round(depth * 0.8)))
    flipped, mask = flipped.resize(squeezed), mask.resize(squeezed)
    fade = Image.linear_gradient("L").transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize(squeezed)
    mask = drawing.dim(drawing.times(drawing.soft(mask, scene.unit_px * 0.35), fade), strength)
    canvas.paste(flipped, (round(feet[0] - tile.feet[0]), round(feet[1])), mask)


def turn_tile(tile: SpriteTile, degrees: float) -> SpriteTile:
    """Tile rotated around its centre, which becomes its reference point."""
    image = tile.image.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    mask = tile.mask.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    middle = (tile.image.width / 2, tile.image.height / 2)
    centre = (image.width / 2, image.height / 2)
    turn = math.radians(-degrees)
    lights = tuple(
        ((centre[0] + (x - middle[0]) * math.cos(turn) - (y - middle[1]) * math.sin(turn),
          centre[1] + (x - middle[0]) * math.sin(turn) + (y - middle[1]) * math.cos(turn)), reach)
        for (x, y), reach in tile.lights
    )  # fmt: skip
    return SpriteTile(image, mask, centre, lights)
