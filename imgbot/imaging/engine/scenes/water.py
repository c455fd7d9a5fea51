"""Water scenes: a lake with reflections, and rolling waves in flat colours."""

import math

from PIL import Image, ImageDraw

from imgbot.imaging.engine import drawing
from imgbot.imaging.engine.colours import mix, ramp
from imgbot.imaging.engine.scene import Scene, down_to_floor, ridge
from imgbot.imaging.engine.scenes.land import paint_layer
from imgbot.imaging.engine.scenes.sky import add_birds, paint_sky, paint_sun


def lake(scene: Scene) -> Image.Image:
    """Sky and far shores, mirrored in calm water."""
    horizon = round(scene.height * scene.rng.uniform(0.52, 0.58))
    canvas = paint_sun(scene, paint_sky(scene), horizon)
    for index, colour in enumerate(ramp(scene.palette.layers[:2], 3)):
        line = ridge(
            scene, horizon - scene.unit_px * (9 - 4 * index), scene.unit_px * (4.4 - index), 0.5
        )
        haze = mix(colour, scene.palette.sky[-1], 0.45)
        paint_layer(scene, canvas, line, colour, haze, scene.height * 0.14)
    canvas = _reflect(scene, canvas, horizon)
    return add_birds(scene, canvas, horizon * 0.8)


def _reflect(scene: Scene, canvas: Image.Image, horizon: int) -> Image.Image:
    depth = scene.height - horizon
    above = canvas.crop((0, max(0, horizon - depth), scene.width, horizon))
    water = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((scene.width, depth))
    water = _ripple(scene, water)
    tint = drawing.gradient(
        (scene.width, depth), (mix(scene.palette.layers[1], scene.palette.sky[-1], 0.5),
                               scene.palette.layers[2])
    )  # fmt: skip
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


def roll_wave(scene: Scene, canvas: Image.Image, horizon: float, share: float) -> None:
    """Paint a wave between the horizon (0) and the nearest (1); it covers sprites behind it."""
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
    foam = drawing.times(_foam(scene, line, scene.unit_px * (0.18 + 0.4 * share)), body)
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
        points.append(
            (float(x), base - height * 2 * crest + height * 0.35 * math.sin(angle * 0.37))
        )
    return points


def _foam(scene: Scene, line: list[tuple[float, float]], width_px: float) -> Image.Image:
    def draw_all(draw: ImageDraw.ImageDraw, scale: float) -> None:
        for offset, bright, share in ((0.0, 255, 1.0), (3.4, 105, 0.5), (6.2, 60, 0.4)):
            points = [(x * scale, (y + offset * width_px) * scale) for x, y in line]
            draw.line(
                points,
                fill=bright,
                width=max(1, round(width_px * share * 2 * scale)),
                joint="curve",
            )

    return drawing.mask(scene.size, draw_all)
