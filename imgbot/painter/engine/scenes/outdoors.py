"""Land and water under the sky: hills, mountains, forests, dunes, lakes, the sea."""

import math
from itertools import pairwise

from PIL import Image

from imgbot.painter.engine import drawing
from imgbot.painter.engine.artwork import scatter
from imgbot.painter.engine.colours import Colour, mix, ramp
from imgbot.painter.engine.drawing import Line
from imgbot.painter.engine.scene import Scene, down_to_floor, ridge
from imgbot.painter.engine.scenes.weather import add_birds, add_mist, paint_sky, paint_sun


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
        rough: Line = []
        for (x0, y0), (x1, y1) in pairwise(points):
            offset = rng.uniform(-0.16, 0.16) * math.hypot(x1 - x0, y1 - y0)
            rough += [(x0, y0), ((x0 + x1) / 2, (y0 + y1) / 2 + offset)]
        points = [*rough, points[-1]]
    return points


def _paint_peaks(scene: Scene, canvas: Image.Image, line: Line, colour: Colour) -> None:
    haze = mix(colour, scene.palette.sky[-1], 0.55)
    paint_layer(scene, canvas, line, colour, haze, scene.height * 0.4)
    # Shaded side: the same range, shifted aside and down.
    shift = scene.unit_px * 3.2
    shaded = down_to_floor(scene, [(x + shift, y + shift * 1.35) for x, y in line])
    snow = drawing.polygon_mask(scene.size, down_to_floor(scene, line))
    snow.paste(0, (0, 0, *scene.size), drawing.polygon_mask(scene.size, shaded))
    breaks = drawing.clouds(scene.size, scene.rng, scene.unit_px * 5, 5)
    snow = drawing.times(snow, drawing.curve(breaks, lambda value: min(1.0, 0.35 + value)))
    top = min(y for _, y in line) / scene.height
    tops = drawing.fall(scene.size, lambda value: 1 - max(0.0, value - top) * 3.2)
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
    scene: Scene, canvas: Image.Image, line: Line, colour: Colour, units: float, dense: float = 0.8
) -> None:
    """Paint conifers along a skyline, unless none must show."""
    if scene.has("no_tree", "no_forest"):
        return
    rng, size = scene.rng, units * scene.unit_px
    trees: list[tuple[float, float, float]] = []
    x = 0.0
    while x < scene.width:
        y = line[min(len(line) - 1, int(x / 4) + 1)][1]
        trees.append((x, y + size * 0.06, size * rng.uniform(0.55, 1.1)))
        x += size * rng.choice((rng.uniform(0.18, 0.4), rng.uniform(0.3, 0.9))) / dense

    scatter(canvas, "conifer", colour, trees)


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
    below = drawing.polygon_mask(scene.size, down_to_floor(scene, line))
    for before, (x, y), after in zip(line[:-4:2], line[2:-2:2], line[4::2], strict=False):
        if y >= before[1] or y > after[1]:
            continue
        reach = scene.unit_px * scene.rng.uniform(26, 44)
        slope = [point for point in line if x <= point[0] < x + reach]
        # The shadow's edge winds down from the crest.
        edge = [
            (x + reach * (0.1 + 0.9 * at) * (0.55 + 0.2 * math.sin(at * 5)), y + reach * at)
            for at in (step / 12 for step in range(12, -1, -1))
        ]
        area = drawing.times(drawing.polygon_mask(scene.size, [*slope, *edge]), below)
        drawing.paint(canvas, colour, drawing.dim(area, 0.55))


def lake(scene: Scene) -> Image.Image:
    """Sky and far shores, mirrored in calm water."""
    horizon = round(scene.height * scene.rng.uniform(0.52, 0.58))
    canvas = paint_sun(scene, paint_sky(scene), horizon)
    for index, colour in enumerate(ramp(scene.palette.layers[:2], 3)):
        base = horizon - scene.unit_px * (9 - 4 * index)
        line = ridge(scene, base, scene.unit_px * (4.4 - index), 0.5)
        haze = mix(colour, scene.palette.sky[-1], 0.45)
        paint_layer(scene, canvas, line, colour, haze, scene.height * 0.14)
    canvas = _reflect(scene, canvas, horizon)
    return add_birds(scene, canvas, horizon * 0.8)


def _reflect(scene: Scene, canvas: Image.Image, horizon: int) -> Image.Image:
    depth = scene.height - horizon
    above = canvas.crop((0, max(0, horizon - depth), scene.width, horizon))
    water = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((scene.width, depth))
    water = _ripple(scene, water)
    far = mix(scene.palette.layers[1], scene.palette.sky[-1], 0.5)
    tint = drawing.gradient((scene.width, depth), (far, scene.palette.layers[2]))
    water = Image.blend(water, tint, 0.34)
    glitter = drawing.clouds((max(4, scene.width // 16), depth), scene.rng, depth / 34, 3)
    glitter = glitter.resize((scene.width, depth), Image.Resampling.BICUBIC)
    glitter = drawing.curve(glitter, lambda value: max(0.0, value - 0.72) * 1.6)
    drawing.paint(water, scene.palette.light, glitter)
    canvas.paste(water, (0, horizon))
    return canvas


def _ripple(scene: Scene, water: Image.Image) -> Image.Image:
    """Shift rows sideways, more the nearer they are."""
    width, height = water.size
    rippled = water.copy()
    phase = scene.rng.uniform(0, 6)
    y = 0
    while y < height:
        near = y / height
        rows = max(1, round(1 + near * scene.unit_px * 0.5))
        shift = math.sin(y * 0.9 / (1 + near * 4) + phase) + 0.6 * math.sin(y * 0.37 + phase * 2)
        offset = round(shift * scene.unit_px * (0.25 + 1.5 * near))
        strip = water.crop((0, y, width, min(height, y + rows)))
        rippled.paste(strip, (offset, y))
        # The gap is filled with the strip's other side.
        rippled.paste(strip, (offset - width if offset > 0 else offset + width, y))
        y += rows
    return drawing.soft(rippled, scene.unit_px * 0.12)


def waves(scene: Scene) -> Image.Image:
    """Rolling waves like cut paper, with foam and soft shadows."""
    horizon = scene.height * scene.rng.uniform(0.36, 0.44)
    canvas = paint_sun(scene, paint_sky(scene), horizon * 1.05)
    for index in range(8):
        roll_wave(scene, canvas, horizon, index / 7)
    return add_birds(scene, canvas, horizon)


def beach(scene: Scene) -> Image.Image:
    """Sea with two low waves that run out on the sand."""
    horizon = scene.height * scene.rng.uniform(0.4, 0.46)
    canvas = paint_sun(scene, paint_sky(scene), horizon)
    for share in (0.0, 0.2, 0.42):
        roll_wave(scene, canvas, horizon, share)
    sand = mix((236, 208, 160), scene.palette.light, 0.25)
    if scene.palette.is_dark:
        sand = mix(sand, scene.palette.layers[1], 0.6)
    for rise, colour in ((3.0, mix(scene.palette.light, (255, 255, 255), 0.6)), (0.0, sand)):
        base = scene.height * 0.72 - scene.unit_px * rise
        line = ridge(scene, base, scene.unit_px * 2.4, 0.35)
        near = mix(colour, (150, 116, 78), 0.2)
        paint_layer(scene, canvas, line, colour, near, scene.height * 0.3)
    return add_birds(scene, canvas, horizon)


def roll_wave(scene: Scene, canvas: Image.Image, horizon: float, share: float) -> None:
    """Paint a wave between the horizon (0) and the nearest (1); it covers figures behind it."""
    palette = scene.palette
    colour = ramp(palette.layers, 8)[round(share * 7)]
    base = horizon + (scene.height - horizon) * share**1.1 * 0.86
    swell = scene.unit_px * (1.6 + 4.4 * share)
    line = _swell(scene, base, swell, scene.width / (5.5 - 3.6 * share))
    body = drawing.polygon_mask(scene.size, down_to_floor(scene, line))
    shadow = drawing.soft(body, scene.unit_px * 2.4)
    drawing.paint(canvas, palette.ink, drawing.dim(shadow, 0.3))
    fill = Image.new("RGB", scene.size, colour)
    top = max(0, round(min(y for _, y in line)))
    bright = mix(colour, palette.sky[-1], 0.32)
    depth = max(2, round(scene.height * 0.22))
    fill.paste(drawing.gradient((scene.width, depth), (bright, colour)), (0, top))
    drawing.paint(canvas, fill, body)
    width = scene.unit_px * (0.18 + 0.4 * share)
    foam = (
        ([(x, y + down * width) for x, y in line], width * 2 * part, bright)
        for down, part, bright in ((0.0, 1.0, 255), (3.4, 0.5, 105), (6.2, 0.4, 60))
    )
    foam = drawing.times(drawing.strokes(scene.size, foam), body)
    drawing.paint(canvas, mix(colour, (255, 255, 255), 0.82), drawing.dim(foam, 0.9))
    if scene.focus:
        scene.focus.paste(0, (0, 0, *scene.size), body)


def _swell(scene: Scene, base: float, height: float, length: float) -> list[tuple[float, float]]:
    """Outline of waves with sharp crests and wide troughs."""
    phase, lean = scene.rng.uniform(0, 6.3), scene.rng.uniform(0.25, 0.5)
    points: list[tuple[float, float]] = []
    for x in range(-12, scene.width + 12, 4):
        angle = x / length * 2 * math.pi + phase
        angle += lean * math.sin(angle)
        crest = 1 - abs(math.sin(angle / 2)) ** 0.85
        y = base - height * 2 * crest + height * 0.35 * math.sin(angle * 0.37)
        points.append((float(x), y))
    return points
