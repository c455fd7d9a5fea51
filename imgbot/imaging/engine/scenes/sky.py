"""Sky and weather: clouds, sun or moon, birds, mist, snow and rain."""

import math

from PIL import Image, ImageDraw

from imgbot.imaging.engine import drawing
from imgbot.imaging.engine.colours import mix
from imgbot.imaging.engine.scene import Scene


def paint_sky(scene: Scene) -> Image.Image:
    """Sky with clouds, the first layer of every landscape."""
    canvas = drawing.gradient(scene.size, scene.palette.sky)
    # Horizontal clouds: noise of a narrow picture, stretched.
    narrow = (max(8, scene.width // 3), scene.height)
    veil = drawing.clouds(narrow, scene.rng, scene.unit_px * 11).resize(scene.size)
    strength = 0.75 if scene.has("clouds", "rain", "fog") else 0.4
    veil = drawing.curve(veil, lambda value: max(0.0, value - 0.52) * 2 * strength)
    fade = (
        Image.linear_gradient("L")
        .resize(scene.size)
        .point(
            [round(255 * math.sin(math.pi * min(1.0, value / 200)) ** 0.8) for value in range(256)]
        )
    )
    drawing.paint(canvas, scene.palette.light, drawing.times(veil, fade))
    return canvas


def paint_sun(scene: Scene, canvas: Image.Image, horizon: float) -> Image.Image:
    """Paint the sun or the moon above the horizon."""
    unit, rng = scene.unit_px, scene.rng
    radius = unit * rng.uniform(6, 9) * (1.7 if scene.has("moon", "sun") else 1.0)
    is_moon = scene.palette.is_dark or scene.has("moon")
    x = scene.width * (0.5 + scene.sun_side * rng.uniform(0.11, 0.28))
    y = horizon * (rng.uniform(0.3, 0.5) if is_moon else rng.uniform(0.5, 0.8))
    canvas = drawing.glow(canvas, (x, y), unit * 55, scene.palette.light, 0.55)
    canvas = drawing.glow(canvas, (x, y), unit * 20, scene.palette.light, 0.5)
    disc = drawing.mask(
        scene.size,
        lambda draw, scale: draw.ellipse(
            [
                (x - radius) * scale,
                (y - radius) * scale,
                (x + radius) * scale,
                (y + radius) * scale,
            ],
            fill=255,
        ),
    )
    drawing.paint(canvas, scene.palette.light, disc)
    if is_moon:
        seas = drawing.clouds(scene.size, rng, unit * 5, 3)
        seas = drawing.curve(seas, lambda value: max(0.0, value - 0.55) * 0.5)
        drawing.paint(
            canvas, mix(scene.palette.light, scene.palette.sky[0], 0.45), drawing.times(seas, disc)
        )
    return canvas


def add_mist(scene: Scene, canvas: Image.Image, base: float) -> None:
    """Add a bank of mist at a height."""
    spread = scene.height * 0.16
    band = Image.linear_gradient("L").resize(scene.size)
    band = drawing.curve(
        band,
        lambda value: math.exp(-(((value * scene.height - base - spread * 0.4) / spread) ** 2)),
    )
    wisps = drawing.clouds((scene.width // 2, scene.height), scene.rng, scene.unit_px * 9)
    wisps = drawing.curve(wisps.resize(scene.size), lambda value: 0.25 + 0.55 * value)
    colour = mix(scene.palette.sky[-1], scene.palette.layers[0], 0.25)
    drawing.paint(canvas, colour, drawing.times(wisps, band))


def add_birds(scene: Scene, canvas: Image.Image, horizon: float) -> Image.Image:
    """Add a few distant birds by day."""
    if scene.palette.is_dark and not scene.has("birds"):
        return canvas
    rng, unit = scene.rng, scene.unit_px
    centre = (scene.width * rng.uniform(0.25, 0.75), horizon * rng.uniform(0.3, 0.6))
    birds = [
        (centre[0] + rng.gauss(0, unit * 9), centre[1] + rng.gauss(0, unit * 4),
         unit * rng.uniform(0.7, 1.6))
        for _ in range(rng.randint(4, 8))
    ]  # fmt: skip

    def draw_all(draw: ImageDraw.ImageDraw, scale: float) -> None:
        for x, y, span in birds:
            wings = [
                (x - span, y - span * 0.35), (x - span * 0.5, y - span * 0.5), (x, y),
                (x + span * 0.5, y - span * 0.55), (x + span, y - span * 0.3),
                (x + span * 0.5, y - span * 0.36), (x, y + span * 0.2),
                (x - span * 0.5, y - span * 0.3),
            ]  # fmt: skip
            draw.polygon([(px * scale, py * scale) for px, py in wings], fill=255)

    drawing.paint(canvas, scene.palette.ink, drawing.dim(drawing.mask(scene.size, draw_all), 0.8))
    return canvas


def add_weather(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Add snow or rain if the prompt asks for it."""
    if scene.has("snow"):
        return _let_snow(scene, canvas)
    if scene.has("rain"):
        return _let_rain(scene, canvas)
    return canvas


def _let_snow(scene: Scene, canvas: Image.Image) -> Image.Image:
    rng, unit = scene.rng, scene.unit_px
    for count, size, blur in ((420, 0.16, 0.05), (150, 0.34, 0.18), (26, 0.95, 0.75)):
        flakes = [
            (rng.uniform(0, scene.width), rng.uniform(0, scene.height),
             unit * size * rng.uniform(0.6, 1.3))
            for _ in range(count)
        ]  # fmt: skip

        def draw_all(
            draw: ImageDraw.ImageDraw,
            scale: float,
            flakes: list[tuple[float, float, float]] = flakes,
        ) -> None:
            for x, y, reach in flakes:
                box = [(x - reach) * scale, (y - reach) * scale,
                       (x + reach) * scale, (y + reach) * scale]  # fmt: skip
                draw.ellipse(box, fill=225)

        falling = drawing.soft(drawing.mask(scene.size, draw_all), unit * blur)
        drawing.paint(canvas, (255, 255, 255), falling)
    return canvas


def _let_rain(scene: Scene, canvas: Image.Image) -> Image.Image:
    rng, unit = scene.rng, scene.unit_px
    streaks = [
        (rng.uniform(-0.1, 1) * scene.width, rng.uniform(-0.1, 1) * scene.height,
         unit * rng.uniform(3, 8), rng.randint(50, 135))
        for _ in range(320)
    ]  # fmt: skip

    def draw_all(draw: ImageDraw.ImageDraw, scale: float) -> None:
        for x, y, length, bright in streaks:
            ends = [(x * scale, y * scale), ((x + length * 0.2) * scale, (y + length) * scale)]
            draw.line(ends, fill=bright, width=max(1, round(unit * 0.12 * scale)))

    drawing.paint(canvas, (235, 242, 250), drawing.mask(scene.size, draw_all))
    return canvas
