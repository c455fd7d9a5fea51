"""Composition: sprites on the ground, on water and in the air, back to front."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from PIL import Image, ImageDraw

from imgbot.engine import drawing
from imgbot.engine.colours import Colour, mix
from imgbot.engine.scene import Scene
from imgbot.engine.scenes.outdoors import roll_wave
from imgbot.engine.sprites import SPRITES
from imgbot.engine.sprites.ground import (
    ROOFED,
    TOWNS,
    cast_shadow,
    on_branch,
    on_ground,
    on_hill,
    on_table,
    raise_rock,
    up_close,
)
from imgbot.engine.sprites.sprite import (
    Placement,
    Sprite,
    make_tile,
    mirror_tile,
    paste_tile,
    scale_px,
    turn_tile,
)

_WATERS = frozenset({"lake", "waves"})


def on_rock(
    scene: Scene, canvas: Image.Image, scene_name: str, group: list[Placement]
) -> Image.Image:
    if scene_name not in _WATERS:
        return on_hill(scene, canvas, scene_name, group)
    for placement in group:
        tile = make_tile(scene, placement)
        top = scene.height * scene.rng.uniform(0.75, 0.79)
        mirror_tile(scene, canvas, tile, (placement.x, top + scene.unit_px * 11), 0.4)
        raise_rock(scene, canvas, placement.x, top, scene.unit_px * 22)
        if scene.palette.is_dark or scene.has("fog", "clouds"):
            canvas = _beam(
                scene, canvas, (placement.x, top - (tile.feet[1] - tile.lights[0][0][1]))
            )
        canvas = paste_tile(scene, canvas, tile, (placement.x, top + scene.unit_px))
    return canvas


def _beam(scene: Scene, canvas: Image.Image, lamp: tuple[float, float]) -> Image.Image:
    """Paint two beams of light from a lamp."""
    reach = scene.width * 1.1
    fans = [
        [lamp, (lamp[0] + side * reach, lamp[1] - reach * (tilt + 0.07)),
         (lamp[0] + side * reach, lamp[1] - reach * (tilt - 0.07))]
        for side, tilt in ((1, 0.16), (-1, -0.02))
    ]  # fmt: skip
    for fan in fans:
        light = drawing.soft(drawing.polygon_mask(scene.size, fan), scene.unit_px * 1.4)
        fade = Image.radial_gradient("L").resize((scene.width * 2, scene.width * 2))
        fade = drawing.curve(fade, lambda value: 0.72 * max(0.0, 1 - value * 1.25))
        left, top = round(scene.width - lamp[0]), round(scene.width - lamp[1])
        fade = fade.crop((left, top, left + scene.width, top + scene.height))
        drawing.paint(canvas, scene.palette.light, drawing.times(light, fade))
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
        draught = scene.unit_px * (6.0 if placement.sprite.anchor == "sea" else 0.8)
        mirror_tile(scene, canvas, tile, (feet[0], feet[1] - draught), 0.55)
        # The part below the waterline is hidden.
        tile.mask.paste(0, (0, round(tile.feet[1] - draught), *tile.mask.size))
        canvas = paste_tile(scene, canvas, tile, feet)
        _draw_wake(scene, canvas, (feet[0], feet[1] - draught), tile.image.width * 0.44)
    return canvas


def _among_waves(scene: Scene, canvas: Image.Image, group: list[Placement]) -> Image.Image:
    """Place sprites behind the nearest waves, tilted."""
    for placement in group:
        lean = scene.rng.uniform(3, 7) * scene.rng.choice((-1, 1))
        tile = make_tile(scene, placement)
        height = tile.feet[1] - tile.image.height / 2
        tile = turn_tile(tile, lean)
        canvas = paste_tile(scene, canvas, tile, (placement.x, scene.height * 0.68 - height))
    for share in (0.76, 0.88, 1.0):
        roll_wave(scene, canvas, scene.height * 0.44, share)
    return canvas


def _draw_wake(
    scene: Scene, canvas: Image.Image, centre: tuple[float, float], half_px: float
) -> None:
    rng, unit = scene.rng, scene.unit_px
    dashes = [
        (centre[0] + rng.uniform(-1.15, 1.15) * half_px,
         centre[1] + unit * rng.uniform(-0.3, 2.6), unit * rng.uniform(1.5, 6))
        for _ in range(34)
    ]  # fmt: skip

    def draw_all(draw: ImageDraw.ImageDraw, scale: float) -> None:
        for x, y, length in dashes:
            box = [(x - length) * scale, (y - unit * 0.14) * scale,
                   (x + length) * scale, (y + unit * 0.14) * scale]  # fmt: skip
            draw.ellipse(box, fill=200)

    foam = mix(scene.palette.light, scene.palette.layers[0], 0.25)
    drawing.paint(canvas, foam, drawing.dim(drawing.mask(scene.size, draw_all), 0.7))


def leap(scene: Scene, canvas: Image.Image, scene_name: str, group: list[Placement]) -> Image.Image:
    for placement in group:
        tile = turn_tile(
            make_tile(scene, placement), 24 if placement.x <= scene.width * 0.52 else -24
        )
        centre = (placement.x, scene.height * scene.rng.uniform(0.5, 0.56))
        if scene_name in _WATERS:
            _splash(scene, canvas, (placement.x, centre[1] + tile.image.height * 0.62))
        canvas = paste_tile(scene, canvas, tile, centre)
    return canvas


def _splash(scene: Scene, canvas: Image.Image, centre: tuple[float, float]) -> None:
    rng, unit = scene.rng, scene.unit_px
    drops = []
    for _ in range(70):
        turn, reach = rng.gauss(-math.pi / 2, 0.6), unit * rng.uniform(1, 13)
        drops.append((centre[0] + math.cos(turn) * reach, centre[1] + math.sin(turn) * reach,
                      unit * rng.uniform(0.15, 0.75)))  # fmt: skip

    def draw_all(draw: ImageDraw.ImageDraw, scale: float) -> None:
        for x, y, reach in drops:
            draw.ellipse([(x - reach) * scale, (y - reach) * scale,
                          (x + reach) * scale, (y + reach) * scale], fill=230)  # fmt: skip
        for ring in (5, 9):
            draw.ellipse([(centre[0] - unit * ring) * scale, (centre[1] - unit * ring / 5) * scale,
                          (centre[0] + unit * ring) * scale, (centre[1] + unit * ring / 5) * scale],
                         outline=170, width=round(unit * 0.3 * scale))  # fmt: skip

    drawing.paint(canvas, mix(scene.palette.light, (255, 255, 255), 0.4),
                drawing.mask(scene.size, draw_all))  # fmt: skip


def hover(
    scene: Scene, canvas: Image.Image, _scene_name: str, group: list[Placement]
) -> Image.Image:
    for placement in group:
        tile = turn_tile(make_tile(scene, placement), 0)
        # Random height: the higher of two balloons looks farther.
        canvas = paste_tile(
            scene, canvas, tile, (placement.x, scene.height * scene.rng.uniform(0.34, 0.42))
        )
    return canvas


def fly(scene: Scene, canvas: Image.Image, _scene_name: str, group: list[Placement]) -> Image.Image:
    for placement in group:
        lean = scene.rng.uniform(10, 26) * (1 if placement.x > scene.width / 2 else -1)
        tile = turn_tile(make_tile(scene, placement), lean)
        canvas = paste_tile(
            scene, canvas, tile, (placement.x, scene.height * scene.rng.uniform(0.4, 0.5))
        )
    return canvas


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


def places_of(names: Iterable[str], scene_name: str) -> set[str]:
    """Return what is painted under these sprites, by their anchors: a branch, a table, grass."""
    if scene_name in _FLAT_MOTIFS:
        return set()
    standing = [name for name in names if not (scene_name == "city" and name in ROOFED)]
    anchors = {_anchor(SPRITES[name], scene_name) for name in standing}
    if "rock" in anchors and scene_name not in _WATERS:
        anchors = anchors - {"rock"} | {"hill"}
    return anchors - {"ground"} if scene_name in {"dunes", *TOWNS} else anchors


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
