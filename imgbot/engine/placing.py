"""Placing of figures: on the ground, on water, in a room and in the air, back to front."""

from collections.abc import Callable, Mapping, Sequence

from PIL import Image

from imgbot.engine import drawing
from imgbot.engine.artwork import lay_part
from imgbot.engine.colours import mix
from imgbot.engine.figures import (
    FigureTile,
    Placement,
    make_tile,
    mirror_tile,
    paste_tile,
    turn_tile,
)
from imgbot.engine.grounds import (
    cast_shadow,
    float_floe,
    grow_branch,
    grow_grass,
    height_at,
    lay_roof,
    pave_street,
    raise_knoll,
    raise_rock,
    set_table,
)
from imgbot.engine.scene import Scene
from imgbot.engine.scenes.outdoors import roll_wave
from imgbot.engine.subjects import has_own_drawing

_WATERS = frozenset({"lake", "waves", "beach"})


def on_rock(
    scene: Scene, canvas: Image.Image, scene_name: str, group: list[Placement]
) -> Image.Image:
    if scene_name not in _WATERS:
        return on_ground(scene, canvas, scene_name, group)
    for placement in group:
        tile = make_tile(scene, placement)
        top = scene.height * scene.rng.uniform(0.75, 0.79)
        reach = scene.unit_px * max(22, tile.image.width / scene.unit_px * 0.4)
        mirror_tile(scene, canvas, tile, (placement.x, top + scene.unit_px * 11), 0.4)
        raise_rock(scene, canvas, placement.x, top, reach)
        if tile.lights and (scene.palette.is_dark or scene.has("fog", "clouds")):
            lamp = (placement.x, top - (tile.feet[1] - tile.lights[0][0][1]))
            reach = scene.width * 1.1
            corner, size = (lamp[0] - reach, lamp[1] - reach / 2), (reach * 2, reach)
            lay_part(canvas, "beam", (scene.palette.light,), corner, size)
        canvas = paste_tile(scene, canvas, tile, (placement.x, top + scene.unit_px))
    return canvas


def on_water(
    scene: Scene, canvas: Image.Image, scene_name: str, group: list[Placement]
) -> Image.Image:
    if scene_name not in _WATERS:
        return hover(scene, canvas, scene_name, group)
    if scene_name == "waves":
        return _among_waves(scene, canvas, group)
    for placement in group:
        tile = make_tile(scene, placement)
        feet = (placement.x, scene.height * scene.rng.uniform(0.7, 0.76))
        draught = scene.unit_px * (6.0 if placement.place == "sea" else 0.8)
        mirror_tile(scene, canvas, tile, (feet[0], feet[1] - draught), 0.55)
        # The part below the waterline is hidden.
        tile.mask.paste(0, (0, round(tile.feet[1] - draught), *tile.mask.size))
        canvas = paste_tile(scene, canvas, tile, feet)
        foam = mix(scene.palette.light, scene.palette.layers[0], 0.25)
        corner = (feet[0] - tile.image.width * 0.55, feet[1] - draught - scene.unit_px * 0.8)
        lay_part(canvas, "wake", (foam,), corner, (tile.image.width * 1.1, scene.unit_px * 4.5))
    return canvas


def _among_waves(scene: Scene, canvas: Image.Image, group: list[Placement]) -> Image.Image:
    """Place figures behind the nearest waves, tilted."""
    for placement in group:
        lean = scene.rng.uniform(3, 7) * scene.rng.choice((-1, 1))
        tile = make_tile(scene, placement)
        height = tile.feet[1] - tile.image.height / 2
        tile = turn_tile(tile, lean)
        canvas = paste_tile(scene, canvas, tile, (placement.x, scene.height * 0.68 - height))
    for share in (0.76, 0.88, 1.0):
        roll_wave(scene, canvas, scene.height * 0.44, share)
    return canvas


def leap(scene: Scene, canvas: Image.Image, scene_name: str, group: list[Placement]) -> Image.Image:
    for placement in group:
        lean = 24 if placement.x <= scene.width * 0.52 else -24
        tile = turn_tile(make_tile(scene, placement), lean * has_own_drawing(placement.name))
        centre = (placement.x, scene.height * scene.rng.uniform(0.5, 0.56))
        if scene_name in _WATERS:
            side = scene.unit_px * 22
            corner = (placement.x - side / 2, centre[1] + tile.image.height * 0.62 - side * 0.52)
            foam = mix(scene.palette.light, (255, 255, 255), 0.4)
            lay_part(canvas, "splash", (foam,), corner, (side, side * 0.62))
        canvas = paste_tile(scene, canvas, tile, centre)
    return canvas


def on_floe(
    scene: Scene, canvas: Image.Image, _scene_name: str, group: list[Placement]
) -> Image.Image:
    for placement in group:
        tile = make_tile(scene, placement)
        feet = (placement.x, scene.height * 0.8)
        float_floe(scene, canvas, feet, tile.image.width * 0.75)
        cast_shadow(scene, canvas, feet, tile.image.width * 0.4)
        canvas = paste_tile(scene, canvas, tile, feet)
    return canvas


def hover(
    scene: Scene, canvas: Image.Image, _scene_name: str, group: list[Placement]
) -> Image.Image:
    for placement in group:
        tile = turn_tile(make_tile(scene, placement), 0)
        # Random height: the higher of two balloons looks farther.
        y = scene.height * (scene.rng.uniform(0.32, 0.4) - 0.13 * (placement.row - 1))
        y = max(y, tile.image.height * 0.52)
        canvas = paste_tile(scene, canvas, tile, (placement.x, y))
    return canvas


def fly(scene: Scene, canvas: Image.Image, _scene_name: str, group: list[Placement]) -> Image.Image:
    for placement in group:
        lean = scene.rng.uniform(10, 26) * (1 if placement.x > scene.width / 2 else -1)
        tile = turn_tile(make_tile(scene, placement), lean)
        y = scene.height * (scene.rng.uniform(0.4, 0.5) - 0.16 * placement.row)
        canvas = paste_tile(scene, canvas, tile, (placement.x, y))
    return canvas


def _stand(
    scene: Scene, canvas: Image.Image, placement: Placement, feet_y: float, mirrored: float = 0
) -> Image.Image:
    """Canvas with a figure on its feet, with its shadow; those in the rows behind stand higher."""
    tile = make_tile(scene, placement)
    feet = (placement.x, feet_y - scene.unit_px * 7 * placement.row)
    if mirrored:
        mirror_tile(scene, canvas, tile, feet, mirrored)
    cast_shadow(scene, canvas, feet, tile.image.width * 0.38)
    if placement.name == "house" and scene.has("smoke"):
        side, is_mirrored = tile.image.width, placement.x > scene.width * 0.52
        corner = (feet[0] - side * (0.43 if is_mirrored else 0.07), feet[1] - tile.feet[1] * 1.42)
        smoke = mix(scene.palette.light, scene.palette.ink, 0.25)
        lay_part(canvas, "smoke", (smoke,), corner, (side / 2, tile.feet[1] * 0.5))
    return paste_tile(scene, canvas, tile, feet)


def on_ground(
    scene: Scene, canvas: Image.Image, scene_name: str, group: list[Placement]
) -> Image.Image:
    if scene_name == "city":
        pave_street(scene, canvas, scene.height - scene.unit_px * 18)
        for placement in group:
            canvas = _stand(scene, canvas, placement, scene.height - scene.unit_px * 10, 0.34)
        return canvas
    unit = scene.unit_px
    rows = max(placement.row for placement in group)
    top = scene.height - unit * (scene.rng.uniform(19, 22) + 6 * rows)
    swell = unit * 5
    if any(placement.place == "hill" for placement in group):
        top, swell = top - unit * 9, unit * 9
    line = raise_knoll(scene, canvas, top, swell, scene.width / 2)
    is_grassy = scene_name not in {"dunes", "beach"}
    if is_grassy:
        grow_grass(scene, canvas, line, 2.4, 250)
    for placement in group:
        below = 2.2 if placement.place == "hill" else 3.4 + 7 * rows
        feet = min(height_at(line, placement.x) + unit * below, scene.height - unit * 3)
        canvas = _stand(scene, canvas, placement, feet)
        if placement.place == "hill":
            grow_grass(scene, canvas, [(x, y + unit * 3) for x, y in line], 1.5, 120)
    if is_grassy and not any(placement.place == "hill" for placement in group):
        grow_grass(scene, canvas, [(x, y + unit * 5.2) for x, y in line], 2.4, 170)
    return canvas


def on_roof(
    scene: Scene, canvas: Image.Image, _scene_name: str, group: list[Placement]
) -> Image.Image:
    top = scene.height - scene.unit_px * 15
    lay_roof(scene, canvas, top)
    for placement in group:
        canvas = paste_tile(scene, canvas, make_tile(scene, placement), (placement.x, top))
    return canvas


def on_branch(
    scene: Scene, canvas: Image.Image, _scene_name: str, group: list[Placement]
) -> Image.Image:
    y = scene.height * scene.rng.uniform(0.68, 0.74)
    grow_branch(scene, canvas, (group[0].x, y), max(34, 12 + 14 * len(group)))
    for placement in group:
        canvas = paste_tile(scene, canvas, make_tile(scene, placement), (placement.x, y))
    return canvas


def on_table(
    scene: Scene, canvas: Image.Image, _scene_name: str, group: list[Placement]
) -> Image.Image:
    canvas = set_table(scene, canvas, scene.height * 0.7)
    for placement in group:
        canvas = _stand(scene, canvas, placement, scene.height * 0.83, 0.22)
    return canvas


def on_floor(
    scene: Scene, canvas: Image.Image, _scene_name: str, group: list[Placement]
) -> Image.Image:
    for placement in group:
        canvas = _stand(scene, canvas, placement, scene.height * 0.88)
    return canvas


def on_wall(
    scene: Scene, canvas: Image.Image, _scene_name: str, group: list[Placement]
) -> Image.Image:
    for placement in group:
        tile = turn_tile(make_tile(scene, placement), 0)
        canvas = _shadowed(scene, canvas, tile, (placement.x, scene.height * 0.36))
    return canvas


def up_close(
    scene: Scene, canvas: Image.Image, scene_name: str, group: list[Placement]
) -> Image.Image:
    if scene_name != "garden":
        canvas = drawing.soft(canvas, scene.unit_px * 0.8)
    rows = max(placement.row for placement in group)
    for placement in group:
        tile = turn_tile(make_tile(scene, placement), scene.rng.uniform(-7, 7))
        y = scene.height * (0.5 + 0.12 * rows - 0.24 * placement.row)
        y += scene.unit_px * scene.rng.uniform(-9, 9) * (len(group) > 1)
        if placement.figure.base.subject.height > 60:
            y = scene.height - tile.image.height * 0.46
        canvas = _shadowed(scene, canvas, tile, (placement.x, y))
    return canvas


def _shadowed(
    scene: Scene, canvas: Image.Image, tile: FigureTile, centre: tuple[float, float]
) -> Image.Image:
    """Canvas with a tile, and its soft shadow on what is behind it."""
    shadow = drawing.dim(drawing.soft(tile.mask, scene.unit_px * 2), 0.3)
    corner = (round(centre[0] - tile.feet[0] - scene.sun_side * scene.unit_px * 1.5),
              round(centre[1] - tile.feet[1] + scene.unit_px * 1.5))  # fmt: skip
    box = (*corner, corner[0] + shadow.width, corner[1] + shadow.height)
    canvas.paste(scene.palette.ink, box, shadow)
    return paste_tile(scene, canvas, tile, centre)


_Painter = Callable[[Scene, Image.Image, str, list[Placement]], Image.Image]
# By place, back to front.
_PAINTERS: Mapping[str, _Painter] = {
    "wall": on_wall, "sky": hover, "flight": fly, "rock": on_rock, "water": on_water,
    "sea": on_water, "leap": leap, "floe": on_floe, "ground": on_ground, "hill": on_ground,
    "roof": on_roof, "branch": on_branch, "floor": on_floor, "table": on_table, "close": up_close,
}  # fmt: skip
PLACES = frozenset(_PAINTERS)


def place_figures(
    scene: Scene, canvas: Image.Image, scene_name: str, placements: Sequence[Placement]
) -> Image.Image:
    """Canvas with the figures, those of a back row first."""
    for painter in dict.fromkeys(_PAINTERS.values()):
        group = [each for each in placements if _PAINTERS[each.place] is painter]
        if group:
            # What is named first is in front.
            group.sort(key=lambda each: (-each.row, -each.figure.thing))
            canvas = painter(scene, canvas, scene_name, group)
    return canvas
