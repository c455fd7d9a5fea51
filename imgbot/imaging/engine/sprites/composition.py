"""Composition: sprites placed into a painted scene, back to front."""

from collections.abc import Callable, Mapping, Sequence

from PIL import Image

from imgbot.imaging.engine import drawing
from imgbot.imaging.engine.colours import Colour, mix
from imgbot.imaging.engine.scene import Scene
from imgbot.imaging.engine.sprites import SPRITES
from imgbot.imaging.engine.sprites.ground import cast_shadow
from imgbot.imaging.engine.sprites.on_ground import (
    on_branch,
    on_ground,
    on_hill,
    on_table,
    up_close,
)
from imgbot.imaging.engine.sprites.on_water import fly, hover, leap, on_rock, on_water
from imgbot.imaging.engine.sprites.sprite import (
    Placement,
    Sprite,
    make_tile,
    paste_tile,
    scale_px,
    turn_tile,
)

SPRITES_MAX = 3

_FLAT_MOTIFS = frozenset({"leaves", "flow", "marble", "geometric", "washes"})

_Painter = Callable[[Scene, Image.Image, str, list[Placement]], Image.Image]
# By anchor, back to front.
_PAINTERS: Mapping[str, _Painter] = {
    "sky": hover, "flight": fly, "rock": on_rock, "water": on_water, "sea": on_water,
    "leap": leap, "hill": on_hill, "ground": on_ground, "branch": on_branch,
    "table": on_table, "close": up_close,
}  # fmt: skip


def add_sprites(
    scene: Scene,
    canvas: Image.Image,
    scene_name: str,
    names: Sequence[str],
    sprite_colours: Mapping[str, Colour],
) -> Image.Image:
    """Scene with up to three sprites; on a flat scene they form an emblem."""
    sprites = [SPRITES[name] for name in names[:SPRITES_MAX]]
    if not sprites:
        return canvas
    placements = _place_sprites(scene, sprites, {"tree": _foliage(scene), **sprite_colours})
    if scene_name in _FLAT_MOTIFS:
        return _add_emblem(scene, canvas, placements)
    for place, painter in _PAINTERS.items():
        group = [
            placement for placement in placements if _anchor(placement.sprite, scene_name) == place
        ]
        if group:
            canvas = painter(scene, canvas, scene_name, group)
    return canvas


def _foliage(scene: Scene) -> Colour:
    """Colour of a tree's leaves by season."""
    if scene.has("autumn"):
        return mix(scene.rng.choice(scene.palette.accents[:2]), (196, 110, 40), 0.3)
    if scene.has("snow"):
        return mix(scene.palette.light, scene.palette.layers[0], 0.3)
    if scene.has("spring"):
        return mix(scene.palette.accents[0], (246, 190, 208), 0.6)
    return SPRITES["tree"].tones["leaf"]


def _anchor(sprite: Sprite, scene_name: str) -> str:
    if scene_name == "planet" and sprite.anchor not in {"close", "table"}:
        return "flight"
    return sprite.anchor


def _place_sprites(
    scene: Scene, sprites: list[Sprite], sprite_colours: Mapping[str, Colour]
) -> list[Placement]:
    rng, count = scene.rng, len(sprites)
    if count == 1:
        # Opposite the sun, about a third in: both have room.
        aside = 0.5 - 0.16 * scene.sun_side
        places = [aside + rng.uniform(-0.035, 0.035)]
    else:
        places = [(index + 0.5) / count + rng.uniform(-0.03, 0.03) for index in range(count)]
    placements: list[Placement] = []
    for sprite, place in zip(sprites, places, strict=True):
        size = (1.0, 0.82, 0.66)[count - 1] * rng.uniform(0.94, 1.08)
        reach = max(abs(sprite.box[0]), abs(sprite.box[2])) * scale_px(scene, sprite, size)
        # Completely within the picture, if there is room.
        margin = min(scene.width / 2, reach + scene.unit_px * 3)
        x = min(scene.width - margin, max(margin, scene.width * place))
        placements.append(Placement(sprite, x, size, sprite_colours.get(sprite.name)))
    return placements


def _add_emblem(scene: Scene, canvas: Image.Image, placements: list[Placement]) -> Image.Image:
    """Paint the sprites on a disc of paper in the centre, for scenes without ground or sky."""
    centre, radius = (scene.width / 2, scene.height / 2), scene.unit_px * 35
    disc = drawing.mask(scene.size, lambda draw, scale: draw.ellipse(
        [(centre[0] - radius) * scale, (centre[1] - radius) * scale,
         (centre[0] + radius) * scale, (centre[1] + radius) * scale], fill=255))  # fmt: skip
    drawing.paint(canvas, (0, 0, 0), drawing.dim(drawing.soft(disc, scene.unit_px * 2.4), 0.45))
    sheet = drawing.gradient(scene.size, (scene.palette.paper, mix(scene.palette.paper,
                                        scene.palette.accents[0], 0.22)))  # fmt: skip
    drawing.paint(canvas, sheet, disc)
    for index, placement in enumerate(placements):
        left, bottom, right, top = placement.sprite.box
        reach = radius * 1.3 / max(right - left, top - bottom) / len(placements) ** 0.6
        scale = placement.sprite.height_units / 100 * placement.size * scene.unit_px
        tile = turn_tile(make_tile(scene, placement, reach / scale), 0)
        x = centre[0] + (index - (len(placements) - 1) / 2) * radius * 0.75
        cast_shadow(scene, canvas, (x, centre[1] + tile.feet[1] * 0.86), tile.image.width * 0.3)
        canvas = paste_tile(scene, canvas, tile, (x, centre[1]))
    return canvas
