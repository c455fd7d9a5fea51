"""Sprites that stand: on a knoll, a hill, a street or roof, a branch, a table."""

from PIL import Image

from imgbot.imaging.engine import drawing
from imgbot.imaging.engine.scene import Scene
from imgbot.imaging.engine.sprites.ground import (
    cast_shadow,
    grow_branch,
    grow_grass,
    height_at,
    lay_roof,
    pave_street,
    raise_knoll,
    set_table,
)
from imgbot.imaging.engine.sprites.sprite import (
    Placement,
    half_width,
    make_tile,
    mirror_tile,
    paste_tile,
    turn_tile,
)

_ROOFED = frozenset({"cat", "owl"})


def on_ground(
    scene: Scene, canvas: Image.Image, scene_name: str, group: list[Placement]
) -> Image.Image:
    if scene_name in {"city", "bokeh"}:
        return _in_town(scene, canvas, scene_name, group)
    centre = sum(placement.x for placement in group) / len(group)
    top = scene.height - scene.unit_px * scene.rng.uniform(19, 22)
    line = raise_knoll(scene, canvas, top, scene.unit_px * 5, centre)
    if scene_name != "dunes":
        grow_grass(scene, canvas, line, 2.6, 260)
    for placement in group:
        tile = make_tile(scene, placement)
        feet = (placement.x, height_at(line, placement.x) + scene.unit_px * 3.4)
        cast_shadow(scene, canvas, feet, half_width(placement, tile))
        canvas = paste_tile(scene, canvas, tile, feet)
    front = [(x, y + scene.unit_px * 5.2) for x, y in line]
    if scene_name != "dunes":
        grow_grass(scene, canvas, front, 2.4, 170)
    return canvas


def _in_town(
    scene: Scene, canvas: Image.Image, scene_name: str, group: list[Placement]
) -> Image.Image:
    on_roof = scene_name == "city" and all(placement.sprite.name in _ROOFED for placement in group)
    top = scene.height - scene.unit_px * 15
    tiles = [(placement, make_tile(scene, placement)) for placement in group]
    if on_roof:
        lay_roof(scene, canvas, top)
    else:
        pave_street(scene, canvas, top - scene.unit_px * 3)
    for placement, tile in tiles:
        feet = (placement.x, top if on_roof else top + scene.unit_px * 3)
        if not on_roof:
            mirror_tile(scene, canvas, tile, feet, 0.34)
            cast_shadow(scene, canvas, feet, half_width(placement, tile))
        canvas = paste_tile(scene, canvas, tile, feet)
    return canvas


def on_hill(
    scene: Scene, canvas: Image.Image, _scene_name: str, group: list[Placement]
) -> Image.Image:
    centre = sum(placement.x for placement in group) / len(group)
    top = scene.height - scene.unit_px * scene.rng.uniform(32, 35)
    line = raise_knoll(scene, canvas, top, scene.unit_px * 9, centre)
    grow_grass(scene, canvas, line, 1.3, 240)
    for placement in group:
        tile = make_tile(scene, placement)
        feet = (placement.x, height_at(line, placement.x) + scene.unit_px * 2.2)
        cast_shadow(scene, canvas, feet, tile.image.width * 0.42)
        canvas = paste_tile(scene, canvas, tile, feet)
        grow_grass(scene, canvas, [(x, y + scene.unit_px * 3) for x, y in line], 1.5, 120)
    return canvas


def on_branch(
    scene: Scene, canvas: Image.Image, scene_name: str, group: list[Placement]
) -> Image.Image:
    if scene_name == "city" and all(placement.sprite.name in _ROOFED for placement in group):
        return _in_town(scene, canvas, scene_name, group)
    for placement in group:
        tile = make_tile(scene, placement)
        feet = (placement.x, scene.height * scene.rng.uniform(0.7, 0.76))
        grow_branch(scene, canvas, feet)
        canvas = paste_tile(scene, canvas, tile, feet)
    return canvas


def on_table(
    scene: Scene, canvas: Image.Image, _scene_name: str, group: list[Placement]
) -> Image.Image:
    canvas = set_table(scene, canvas, scene.height * 0.72)
    for placement in group:
        tile = make_tile(scene, placement)
        feet = (placement.x if len(group) > 1 else scene.width / 2, scene.height * 0.82)
        mirror_tile(scene, canvas, tile, feet, 0.22)
        cast_shadow(scene, canvas, feet, tile.image.width * 0.42)
        canvas = paste_tile(scene, canvas, tile, feet)
    return canvas


def up_close(
    scene: Scene, canvas: Image.Image, scene_name: str, group: list[Placement]
) -> Image.Image:
    if scene_name != "garden":
        canvas = drawing.soft(canvas, scene.unit_px * 0.8)
    for placement in group:
        x = (
            placement.x
            if len(group) > 1
            else scene.width / 2 + (placement.x - scene.width / 2) * 0.4
        )
        has_stem = placement.sprite.box[1] < -10
        lean = 0 if has_stem else scene.rng.uniform(-14, 14)
        tile = turn_tile(make_tile(scene, placement), lean)
        y = scene.height - tile.image.height * 0.46 if has_stem else scene.height * 0.46
        shadow = drawing.dim(drawing.soft(tile.mask, scene.unit_px * 2), 0.3)
        corner = (round(x - tile.feet[0] - scene.sun_side * scene.unit_px * 1.5),
                  round(y - tile.feet[1] + scene.unit_px * 1.5))  # fmt: skip
        canvas.paste(scene.palette.ink, (*corner, corner[0] + shadow.width,
                                         corner[1] + shadow.height), shadow)  # fmt: skip
        canvas = paste_tile(scene, canvas, tile, (x, y))
    return canvas
