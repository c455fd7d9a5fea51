"""Weather in front of a scene: snow and rain."""

from PIL import Image, ImageDraw

from imgbot.imaging.engine import drawing
from imgbot.imaging.engine.scene import Scene


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
