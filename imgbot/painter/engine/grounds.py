"""Grounds that figures stand on: a knoll, a rock, a floe, a roof, a street, a branch, a table."""

import math

from PIL import Image

from imgbot.painter.engine import drawing
from imgbot.painter.engine.artwork import lay_part, scatter
from imgbot.painter.engine.colours import Colour, mix, with_lightness
from imgbot.painter.engine.drawing import Line, Point
from imgbot.painter.engine.scene import Scene, down_to_floor, ridge


def height_at(line: Line, x: float) -> float:
    """Height of a line at `x`, in pixels from the top."""
    return min(line, key=lambda point: abs(point[0] - x))[1]


def raise_knoll(scene: Scene, canvas: Image.Image, top: float, swell: float) -> Line:
    """Paint a knoll of snow, sand or grass, highest in the middle."""
    centre, reach = scene.width / 2, scene.width * 0.42
    line = [
        (x, y - swell * math.exp(-(((x - centre) / reach) ** 2)))
        for x, y in ridge(scene, top + swell, scene.unit_px * 0.9, 0.45)
    ]
    colour, low = ground_colours(scene)
    body = drawing.polygon_mask(scene.size, down_to_floor(scene, line))
    highest = max(0, round(min(y for _, y in line)))
    fill = Image.new("RGB", scene.size, low)
    fill.paste(drawing.gradient((scene.width, max(2, scene.height - highest)), (colour, low)),
               (0, highest))  # fmt: skip
    texture = drawing.clouds((scene.width // 2, scene.height), scene.rng, scene.unit_px * 9, 6)
    texture = drawing.curve(texture.resize(scene.size), lambda value: max(0.0, 0.6 - value) * 0.5)
    drawing.paint(fill, low, texture)
    drawing.paint(canvas, fill, body)
    rim = drawing.moved(body, 0, scene.unit_px * 0.6)
    body.paste(0, (0, 0, *scene.size), rim)
    drawing.paint(canvas, mix(colour, scene.palette.light, 0.45), drawing.dim(body, 0.6))
    return line


def ground_colours(scene: Scene) -> tuple[Colour, Colour]:
    """Colours of the ground at its top and at the lower edge of the picture."""
    palette = scene.palette
    if scene.has("snow"):
        white = mix(palette.light, palette.layers[0], 0.3 if not palette.is_dark else 0.55)
        return white, mix(palette.layers[1], palette.layers[2], 0.3)
    if scene.has("sand"):
        return mix(palette.layers[0], palette.light, 0.25), palette.layers[1]
    low = mix(palette.layers[-1], palette.ink, 0.3)
    return mix(palette.layers[-2], palette.layers[-1], 0.25), low


def grow_grass(
    scene: Scene, canvas: Image.Image, line: Line, size_units: float, count: int
) -> None:
    """Paint blades of grass along a line; on snow and sand only a few."""
    rng, unit = scene.rng, scene.unit_px
    if scene.has("snow", "sand"):
        count //= 5
    dark = mix(ground_colours(scene)[1], scene.palette.ink, 0.25)
    bright = mix(ground_colours(scene)[0], scene.palette.light, 0.16)
    for colour, share in ((bright, 0.45), (dark, 0.55)):
        blades: list[list[Point]] = []
        for _ in range(round(count * share)):
            x = rng.uniform(0, scene.width)
            y = height_at(line, x) + unit * rng.uniform(0.2, 3.0)
            length, lean = unit * size_units * rng.uniform(0.5, 1.2), rng.gauss(0, 0.3)
            half = unit * 0.16
            tip = (x + lean * length, y - length)
            bend = (x + lean * length * 0.3, y - length * 0.55)
            blades.append([(x - half, y), (bend[0] - half * 0.7, bend[1]), tip,
                           (bend[0] + half * 0.7, bend[1]), (x + half, y)])  # fmt: skip
        shapes = (("polygon", blade, 255) for blade in blades)
        drawing.paint(canvas, colour, drawing.areas(scene.size, shapes))
    if scene.has("autumn"):
        _strew_leaves(scene, canvas, line)


def _strew_leaves(scene: Scene, canvas: Image.Image, line: Line) -> None:
    rng, unit = scene.rng, scene.unit_px
    for accent in scene.palette.accents[:3]:
        leaves = [
            (x, height_at(line, x) + unit * rng.uniform(0.5, 14), unit * rng.uniform(0.7, 1.5))
            for x in (rng.uniform(0, scene.width) for _ in range(26))
        ]
        tone = mix(accent, ground_colours(scene)[1], 0.25 if not scene.palette.is_dark else 0.55)
        scatter(canvas, "leaf", tone, leaves)


def cast_shadow(scene: Scene, canvas: Image.Image, feet: Point, half_px: float) -> None:
    """Paint a soft shadow under a figure, stretched away from the sun."""
    spot = (feet[0] - scene.sun_side * half_px * 0.3, feet[1] + half_px * 0.02)
    reach = (half_px * 1.15, half_px * 0.17)
    box = [(spot[0] - reach[0], spot[1] - reach[1]), (spot[0] + reach[0], spot[1] + reach[1])]
    flat = drawing.areas(scene.size, [("ellipse", box, 255)])
    shadow = drawing.dim(drawing.soft(flat, scene.unit_px * 0.9), 0.5)
    drawing.paint(canvas, mix(scene.palette.ink, (0, 0, 0), 0.35), shadow)


def raise_rock(
    scene: Scene, canvas: Image.Image, centre: float, top: float, half_px: float
) -> None:
    """Paint a rocky islet with facets and foam."""
    palette = scene.palette
    stone = mix(palette.layers[-1], palette.layers[-2], 0.35)
    foam = mix(palette.light, palette.layers[0], 0.2)
    corner, size = (centre - half_px * 1.3, top - half_px * 0.03), (half_px * 2.6, half_px * 0.66)
    lay_part(canvas, "rock", (stone, foam), corner, size, is_mirrored=scene.sun_side > 0)


def float_floe(scene: Scene, canvas: Image.Image, centre: Point, half_px: float) -> None:
    """Paint an ice floe with a bluish edge, in the water around the centre."""
    ice = mix(scene.palette.light, (255, 255, 255), 0.6)
    colours = (ice, mix(ice, scene.palette.layers[1], 0.7))
    corner, size = (centre[0] - half_px, centre[1] - half_px * 0.22), (half_px * 2, half_px * 0.6)
    lay_part(canvas, "floe", colours, corner, size)


def lay_roof(scene: Scene, canvas: Image.Image, top: float) -> None:
    """Paint the ridge of a tiled roof along the lower edge."""
    tile = mix(scene.palette.layers[-1], scene.palette.accents[0], 0.16)
    size = (scene.width, scene.height - top + 2)
    lay_part(canvas, "roof", (tile, mix(tile, scene.palette.ink, 0.5)), (0, top), size)


def pave_street(scene: Scene, canvas: Image.Image, top: float) -> None:
    """Paint a wet street that mirrors the picture above it."""
    depth = scene.height - round(top)
    above = canvas.crop((0, max(0, round(top) - depth), scene.width, round(top)))
    mirror = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((scene.width, depth))
    mirror = drawing.soft(mirror, scene.unit_px * 1.2)
    far = mix(scene.palette.layers[-2], scene.palette.sky[-1], 0.2)
    stone = drawing.gradient((scene.width, depth), (far, scene.palette.layers[-1]))
    canvas.paste(Image.blend(mirror, stone, 0.66), (0, round(top)))
    kerb = mix(scene.palette.layers[-1], scene.palette.sky[-1], 0.3)
    canvas.paste(kerb, (0, round(top), scene.width, round(top + scene.unit_px * 0.5)))


def grow_branch(scene: Scene, canvas: Image.Image, feet: Point, reach_units: float = 34) -> None:
    """Paint a branch under the feet, from the nearer side of the picture."""
    palette, unit = scene.palette, scene.unit_px
    bark = mix(palette.layers[-1], (92, 66, 48), 0.4)
    leaf = mix(palette.layers[-2], (84, 140, 78), 0.5)
    if scene.has("snow"):
        leaf = with_lightness(palette.light, 0.95)
    elif scene.has("autumn"):
        leaf = palette.accents[0]
    is_right = feet[0] > scene.width / 2
    width = (scene.width - feet[0] if is_right else feet[0]) + unit * reach_units
    height = unit * 30
    corner = (scene.width - width if is_right else 0, feet[1] - height * 0.46)
    lay_part(canvas, "branch", (bark, leaf), corner, (width, height), is_mirrored=is_right)


def set_table(scene: Scene, canvas: Image.Image, top: float) -> Image.Image:
    """Paint a wooden table in front, and the background out of focus."""
    canvas = drawing.soft(canvas, scene.unit_px * 2.2)
    wood = mix(scene.palette.layers[-2], (150, 100, 66), 0.6)
    near = mix(scene.palette.layers[-1], (86, 54, 36), 0.6)
    depth = scene.height - round(top)
    tones = (mix(wood, scene.palette.light, 0.2), wood, near)
    board = drawing.gradient((scene.width, depth), tones)
    veins = drawing.clouds((scene.width // 12, depth), scene.rng, scene.unit_px * 1.6, 4)
    veins = drawing.curve(veins.resize(board.size), lambda value: max(0.0, 0.62 - value) * 0.7)
    board.paste(near, (0, 0, *board.size), veins)
    canvas.paste(board, (0, round(top)))
    edge = (0, round(top), scene.width, round(top + scene.unit_px * 0.4))
    canvas.paste(mix(wood, scene.palette.light, 0.5), edge)
    return canvas
