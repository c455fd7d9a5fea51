"""Landscapes: layered hills, snowy mountains, a misty forest, dunes."""

import math
from itertools import pairwise

from PIL import Image, ImageDraw

from imgbot.imaging.engine import drawing
from imgbot.imaging.engine.colours import Colour, mix, ramp
from imgbot.imaging.engine.drawing import Line
from imgbot.imaging.engine.scene import Scene, down_to_floor, ridge
from imgbot.imaging.engine.scenes.sky import add_birds, add_mist, paint_sky, paint_sun


def paint_layer(
    scene: Scene, canvas: Image.Image, line: Line, colour: Colour, haze: Colour, depth_px: float
) -> None:
    """Paint a range of hills: its colour at the ridge, fading into haze below."""
    top = max(0, round(min(y for _, y in line)))
    fill = Image.new("RGB", scene.size, haze)
    shading = drawing.gradient((scene.width, max(2, round(depth_px))), (colour, haze))
    fill.paste(shading, (0, top))
    texture = drawing.clouds(scene.size, scene.rng, scene.unit_px * 20, 6)
    texture = drawing.curve(texture, lambda value: max(0.0, 0.55 - value) * 0.5)
    drawing.paint(fill, mix(colour, scene.palette.layers[-1], 0.35), texture)
    drawing.paint(canvas, fill, drawing.polygon_mask(scene.size, down_to_floor(scene, line)))


def hills(scene: Scene) -> Image.Image:
    """Ranges of hills under a big sun."""
    horizon = scene.height * scene.rng.uniform(0.5, 0.6)
    canvas = paint_sun(scene, paint_sky(scene), horizon)
    count = scene.rng.randint(5, 6)
    colours = ramp(scene.palette.layers, count)
    for index, colour in enumerate(colours):
        share = index / (count - 1)
        base = horizon + (scene.height * 0.98 - horizon) * share**1.25 * 0.86
        line = ridge(scene, base, scene.unit_px * (3.4 + 2.6 * share), 0.5)
        haze = mix(colour, scene.palette.sky[-1], 0.5 * (1 - share))
        paint_layer(scene, canvas, line, colour, haze, scene.height * 0.2)
        if share > 0.45 and scene.has("forest", "tree"):
            plant_trees(scene, canvas, line, mix(colour, scene.palette.ink, 0.35), 4 + 6 * share)
    if scene.has("fog"):
        add_mist(scene, canvas, horizon)
    return add_birds(scene, canvas, horizon)


def mountains(scene: Scene) -> Image.Image:
    """Snowy peaks with a lit side, hills in front."""
    horizon = scene.height * scene.rng.uniform(0.56, 0.64)
    canvas = paint_sun(scene, paint_sky(scene), horizon * 0.8)
    far, near = scene.palette.layers[0], scene.palette.layers[1]
    for share, colour in ((0.0, far), (0.55, mix(far, near, 0.7))):
        line = _peaks(scene, horizon + share * scene.unit_px * 9, scene.unit_px * (27 - 8 * share))
        _paint_peaks(scene, canvas, line, colour)
    for index, colour in enumerate(ramp(scene.palette.layers[1:], 3)):
        base = horizon + scene.unit_px * (9 + 12 * index)
        line = ridge(scene, base, scene.unit_px * (2.4 + index), 0.55)
        haze = mix(colour, scene.palette.sky[-1], 0.3 - 0.1 * index)
        paint_layer(scene, canvas, line, colour, haze, scene.height * 0.16)
        if index:
            plant_trees(scene, canvas, line, mix(colour, scene.palette.ink, 0.5), 5 + 3 * index)
    return add_birds(scene, canvas, horizon * 0.7)


def _peaks(scene: Scene, base: float, height: float) -> Line:
    rng = scene.rng
    points: Line = [(-scene.width * 0.1, base)]
    x = -scene.width * 0.05
    while x < scene.width * 1.1:
        points.append((x, base - height * rng.uniform(0.35, 1.0)))
        x += scene.width * rng.uniform(0.09, 0.17)
        points.append((x, base - height * rng.uniform(0.05, 0.3)))
        x += scene.width * rng.uniform(0.08, 0.15)
    points.append((scene.width * 1.2, base))
    for _ in range(5):
        points = _roughen(scene, points, 0.16)
    return points


def _roughen(scene: Scene, points: Line, share: float) -> Line:
    rough: Line = []
    for (x0, y0), (x1, y1) in pairwise(points):
        length = math.hypot(x1 - x0, y1 - y0)
        offset = scene.rng.uniform(-share, share) * length
        rough += [(x0, y0), ((x0 + x1) / 2, (y0 + y1) / 2 + offset)]
    return [*rough, points[-1]]


def _paint_peaks(scene: Scene, canvas: Image.Image, line: Line, colour: Colour) -> None:
    paint_layer(
        scene, canvas, line, colour, mix(colour, scene.palette.sky[-1], 0.55), scene.height * 0.4
    )
    body = drawing.polygon_mask(scene.size, down_to_floor(scene, line))
    # Shaded side: the same range, shifted aside and down.
    shift = scene.unit_px * 3.2
    lit = drawing.polygon_mask(
        scene.size, down_to_floor(scene, [(x + shift, y + shift * 1.35) for x, y in line])
    )
    snow = Image.new("L", scene.size, 0)
    snow.paste(body)
    snow.paste(0, (0, 0, *scene.size), lit)
    breaks = drawing.clouds(scene.size, scene.rng, scene.unit_px * 5, 5)
    snow = drawing.times(snow, drawing.curve(breaks, lambda value: min(1.0, 0.35 + value)))
    tops = Image.linear_gradient("L").resize(scene.size)
    top = min(y for _, y in line) / scene.height
    tops = drawing.curve(tops, lambda value: max(0.0, 1 - max(0.0, value - top) * 3.2))
    white = mix(scene.palette.light, (255, 255, 255), 0.5)
    drawing.paint(canvas, white, drawing.dim(drawing.times(snow, tops), 0.95))


def forest(scene: Scene) -> Image.Image:
    """Rows of conifers in mist."""
    canvas = paint_sun(scene, paint_sky(scene), scene.height * 0.42)
    count = 5
    for index, colour in enumerate(ramp(scene.palette.layers, count)):
        share = index / (count - 1)
        base = scene.height * (0.5 + 0.44 * share)
        line = ridge(scene, base, scene.unit_px * 3, 0.5)
        haze = mix(colour, scene.palette.sky[-1], 0.75 * (1 - share * 0.6))
        plant_trees(scene, canvas, line, colour, 12 + 17 * share, 1.25)
        paint_layer(scene, canvas, line, colour, haze, scene.height * 0.14)
        if share < 1:
            add_mist(scene, canvas, base)
    return add_birds(scene, canvas, scene.height * 0.35)


def plant_trees(
    scene: Scene,
    canvas: Image.Image,
    line: Line,
    colour: Colour,
    size_units: float,
    density: float = 0.8,
) -> None:
    """Paint conifers along a skyline."""
    rng, size = scene.rng, size_units * scene.unit_px
    trees: list[tuple[float, float, float]] = []
    x = 0.0
    while x < scene.width:
        y = line[min(len(line) - 1, int(x / 4) + 1)][1]
        trees.append((x, y + size * 0.06, size * rng.uniform(0.55, 1.1)))
        x += size * rng.choice((rng.uniform(0.18, 0.4), rng.uniform(0.3, 0.9))) / density

    def draw_all(draw: ImageDraw.ImageDraw, scale: float) -> None:
        for tree in trees:
            _draw_conifer(draw, scale, scene, tree)

    drawing.paint(canvas, colour, drawing.mask(scene.size, draw_all))


def _draw_conifer(
    draw: ImageDraw.ImageDraw, scale: float, scene: Scene, tree: tuple[float, float, float]
) -> None:
    x, foot, height = tree
    tiers = 7
    left: Line = []
    right: Line = []
    for tier in range(tiers):
        share = (tier + 1) / tiers
        y = foot - height * (1 - share * 0.94)
        half = height * 0.21 * share * scene.rng.uniform(0.8, 1.15)
        left += [(x - half, y), (x - half * 0.45, y - height * 0.015)]
        right += [
            (x + half * scene.rng.uniform(0.85, 1.1), y),
            (x + half * 0.45, y - height * 0.015),
        ]
    outline = [(x, foot - height), *right, (x, foot), *reversed(left)]
    draw.polygon([(px * scale, py * scale) for px, py in outline], fill=255)


def dunes(scene: Scene) -> Image.Image:
    """Sand dunes in long crests, lit from one side."""
    horizon = scene.height * scene.rng.uniform(0.42, 0.5)
    canvas = paint_sun(scene, paint_sky(scene), horizon)
    count = 5
    for index, colour in enumerate(ramp(scene.palette.layers[:3], count)):
        share = index / (count - 1)
        base = horizon + (scene.height - horizon) * share**1.2 * 0.72
        line = ridge(scene, base, scene.unit_px * (3.5 + 6 * share), 0.28)
        bright = mix(colour, scene.palette.light, 0.3)
        paint_layer(scene, canvas, line, bright, colour, scene.height * 0.3)
        _paint_shadow_side(scene, canvas, line, mix(colour, scene.palette.layers[-1], 0.55))
    return canvas


def _paint_shadow_side(scene: Scene, canvas: Image.Image, line: Line, colour: Colour) -> None:
    crests = [
        index for index in range(2, len(line) - 2)
        if line[index][1] < line[index - 2][1] and line[index][1] <= line[index + 2][1]
    ]  # fmt: skip
    for index in crests:
        x, y = line[index]
        reach = scene.unit_px * scene.rng.uniform(26, 44)
        slope = [point for point in line[index:] if point[0] < x + reach]
        # The shadow's edge winds down from the crest.
        edge = [
            (
                x + reach * (0.1 + 0.9 * share) * (0.55 + 0.2 * math.sin(share * 5)),
                y + reach * 0.95 * share,
            )
            for share in (step / 12 for step in range(12, -1, -1))
        ]
        area = drawing.polygon_mask(scene.size, [*slope, *edge])
        fade = Image.linear_gradient("L").resize(scene.size)
        top, depth = y / scene.height, reach / scene.height
        fade = drawing.curve(fade, lambda value, t=top, d=depth: max(0.0, 1 - (value - t) / d))
        below = drawing.polygon_mask(scene.size, down_to_floor(scene, line))
        drawing.paint(
            canvas, colour, drawing.dim(drawing.times(drawing.times(area, fade), below), 0.75)
        )
