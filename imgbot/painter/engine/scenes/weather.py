"""Sky and weather: stars and clouds, sun or moon, mist, birds, snow and rain."""

import math

from PIL import Image

from imgbot.painter.engine import drawing
from imgbot.painter.engine.artwork import scatter
from imgbot.painter.engine.colours import mix
from imgbot.painter.engine.drawing import Line
from imgbot.painter.engine.scene import Scene


def paint_sky(scene: Scene) -> Image.Image:
    """Sky with clouds, the first layer of every landscape."""
    canvas = drawing.gradient(scene.size, scene.palette.sky)
    if scene.has("stars") and scene.palette.is_dark:
        rng, unit = scene.rng, scene.unit_px
        spots = [
            (rng.uniform(0, scene.width), scene.height * rng.uniform(0, 0.6),
             unit * 0.24 * rng.paretovariate(3.2), rng.randint(170, 255))
            for _ in range(110)
        ]  # fmt: skip
        drawing.paint(canvas, (255, 255, 255), drawing.discs(scene.size, spots))
    # Horizontal clouds: noise of a narrow picture, stretched.
    narrow = (max(8, scene.width // 3), scene.height)
    veil = drawing.clouds(narrow, scene.rng, scene.unit_px * 11).resize(scene.size)
    strength = 0.75 if scene.has("clouds", "rain", "fog") else 0.4
    veil = drawing.curve(veil, lambda value: max(0.0, value - 0.52) * 2 * strength)
    fade = drawing.fall(scene.size, lambda y: math.sin(math.pi * min(1.0, y * 1.275)) ** 0.8)
    drawing.paint(canvas, scene.palette.light, drawing.times(veil, fade))
    return canvas


def paint_sun(scene: Scene, canvas: Image.Image, horizon: float) -> Image.Image:
    """Paint the sun or the moon above the horizon."""
    unit, rng = scene.unit_px, scene.rng
    is_moon = scene.palette.is_dark or scene.has("moon")
    if scene.has("no_moon" if is_moon else "no_sun"):
        return canvas
    radius = unit * rng.uniform(6, 9) * (1.7 if scene.has("moon", "sun") else 1.0)
    x = scene.width * (0.5 + scene.sun_side * rng.uniform(0.11, 0.28))
    y = horizon * (rng.uniform(0.3, 0.5) if is_moon else rng.uniform(0.5, 0.8))
    canvas = drawing.glow(canvas, (x, y), unit * 55, scene.palette.light, 0.55)
    canvas = drawing.glow(canvas, (x, y), unit * 20, scene.palette.light, 0.5)
    disc = drawing.discs(scene.size, [(x, y, radius, 255)])
    drawing.paint(canvas, scene.palette.light, disc)
    if is_moon:
        seas = drawing.clouds(scene.size, rng, unit * 5, 3)
        seas = drawing.curve(seas, lambda value: max(0.0, value - 0.55) * 0.5)
        shade = mix(scene.palette.light, scene.palette.sky[0], 0.45)
        drawing.paint(canvas, shade, drawing.times(seas, disc))
    return canvas


def add_mist(scene: Scene, canvas: Image.Image, base: float) -> None:
    """Add a bank of mist at a height."""
    spread = scene.height * 0.16
    middle, reach = (base + spread * 0.4) / scene.height, spread / scene.height
    band = drawing.fall(scene.size, lambda y: math.exp(-(((y - middle) / reach) ** 2)))
    wisps = drawing.clouds((scene.width // 2, scene.height), scene.rng, scene.unit_px * 9)
    wisps = drawing.curve(wisps.resize(scene.size), lambda value: 0.25 + 0.55 * value)
    colour = mix(scene.palette.sky[-1], scene.palette.layers[0], 0.25)
    drawing.paint(canvas, colour, drawing.times(wisps, band))


def add_birds(scene: Scene, canvas: Image.Image, horizon: float) -> Image.Image:
    """Add a few distant birds by day."""
    if scene.has("no_birds") or (scene.palette.is_dark and not scene.has("birds")):
        return canvas
    rng, unit = scene.rng, scene.unit_px
    centre = (scene.width * rng.uniform(0.25, 0.75), horizon * rng.uniform(0.3, 0.6))
    birds = [
        (centre[0] + rng.gauss(0, unit * 9), centre[1] + rng.gauss(0, unit * 4),
         unit * rng.uniform(0.6, 1.3))
        for _ in range(rng.randint(4, 8))
    ]  # fmt: skip
    scatter(canvas, "bird", scene.palette.ink, birds)
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
             unit * size * rng.uniform(0.6, 1.3), 225)
            for _ in range(count)
        ]  # fmt: skip
        falling = drawing.soft(drawing.discs(scene.size, flakes), unit * blur)
        drawing.paint(canvas, (255, 255, 255), falling)
    return canvas


def _let_rain(scene: Scene, canvas: Image.Image) -> Image.Image:
    rng, unit = scene.rng, scene.unit_px
    lines: list[tuple[Line, float, int]] = []
    for _ in range(320):
        x, y = rng.uniform(-0.1, 1) * scene.width, rng.uniform(-0.1, 1) * scene.height
        length = unit * rng.uniform(3, 8)
        ends = [(x, y), (x + length * 0.2, y + length)]
        lines.append((ends, unit * 0.12, rng.randint(50, 135)))
    drawing.paint(canvas, (235, 242, 250), drawing.strokes(scene.size, lines))
    return canvas
