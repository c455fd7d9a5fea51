"""Scenes without a horizon: quiet light, washes of colour, a garden, a room."""

import math

from PIL import Image, ImageChops

from imgbot.painter.engine import drawing
from imgbot.painter.engine.artwork import lay_part, rasterise, tinted
from imgbot.painter.engine.colours import mix, ramp, with_lightness
from imgbot.painter.engine.grounds import grow_grass
from imgbot.painter.engine.scene import Scene
from imgbot.painter.engine.subjects import artwork


def quiet(scene: Scene) -> Image.Image:
    """Quiet ground: soft light in the colours of the mood."""
    palette = scene.palette
    pale = (palette.sky[-1], mix(palette.sky[-2], palette.paper, 0.45), palette.layers[0])
    canvas = drawing.gradient(scene.size, tuple(reversed(pale)) if scene.palette.is_dark else pale)
    haze = drawing.clouds(scene.size, scene.rng, scene.unit_px * 60, 2)
    drawing.paint(canvas, mix(palette.accents[0], pale[1], 0.55), drawing.dim(haze, 0.5))
    centre = (scene.width * (0.5 + 0.2 * scene.sun_side), scene.height * 0.34)
    return drawing.glow(canvas, centre, scene.unit_px * 70, palette.light, 0.4)


def room(scene: Scene) -> Image.Image:
    """Room: a papered or brick wall, a skirting board, floor boards and light of a window."""
    palette, edge = scene.palette, scene.height * 0.7
    paper = mix(palette.layers[0], palette.paper, 0.5 if not palette.is_dark else 0.1)
    wood = mix(palette.layers[1], (158, 112, 76), 0.55)
    tones = (paper, mix(paper, palette.accents[1], 0.16), wood, mix(wood, palette.ink, 0.35))
    canvas = Image.new("RGB", scene.size)
    lay_part(canvas, "room", tones, (0, 0), scene.size)
    if scene.has("brick"):
        clay = mix((168, 84, 62), palette.layers[1], 0.2)
        mortar = mix(palette.paper, (190, 180, 170), 0.6)
        lay_part(canvas, "bricks", (clay, mortar), (0, 0), (scene.width, edge))
    beam = [(scene.width * (0.5 + scene.sun_side * x), scene.height * y)
            for x, y in ((0.1, 0.12), (0.42, 0.04), (0.3, 0.62), (-0.02, 0.7))]  # fmt: skip
    light = drawing.soft(drawing.polygon_mask(scene.size, beam), scene.unit_px * 1.6)
    drawing.paint(canvas, palette.light, drawing.dim(light, 0.3 + 0.05 * scene.rng.random()))
    return canvas


def washes(scene: Scene) -> Image.Image:
    """Washes of colour on rough paper, each darker at its edge, where it dried."""
    rng, unit = scene.rng, scene.unit_px
    canvas = Image.new("RGB", scene.size, mix(scene.palette.paper, (255, 255, 255), 0.6))
    half = (scene.width // 2, scene.height // 2)
    for colour in (*scene.palette.accents, scene.palette.sky[1]):
        field = drawing.clouds(half, rng, unit * 22, 6).resize(scene.size, Image.Resampling.BICUBIC)
        body = drawing.curve(field, lambda value: min(1.0, max(0.0, (value - 0.6) * 34)))
        rim = drawing.curve(field, lambda value: math.exp(-(((value - 0.63) / 0.026) ** 2)))
        bleed = drawing.clouds(half, rng, unit * 9, 5).resize(scene.size)
        density = drawing.curve(bleed, lambda value: 0.3 + 0.62 * value)
        density = ImageChops.add(density, drawing.dim(rim, 0.34))
        white = Image.new("RGB", scene.size, (255, 255, 255))
        pigment = with_lightness(colour, rng.uniform(0.66, 0.8))
        drawing.paint(white, pigment, drawing.times(density, body))
        canvas = ImageChops.multiply(canvas, white)
    return canvas


def garden(scene: Scene) -> Image.Image:
    """Meadow: rows of flowers on bent stems, the far ones pale."""
    rng, unit, palette = scene.rng, scene.unit_px, scene.palette
    sky = (mix(palette.sky[-2], palette.paper, 0.4), palette.paper,
           mix(palette.layers[0], palette.paper, 0.5))  # fmt: skip
    if palette.is_dark:
        sky = (palette.sky[0], palette.sky[1], palette.layers[0])
    canvas = drawing.gradient(scene.size, sky)
    sun = (scene.width * (0.5 + scene.sun_side * rng.uniform(0.1, 0.3)), scene.height * 0.24)
    canvas = drawing.glow(canvas, sun, unit * 60, palette.light, 0.5)
    for row, layer in enumerate(ramp(palette.layers[1:], 4)):
        share, haze = row / 3, 0.62 * (1 - row / 3)
        green = mix(mix(layer, with_lightness((60, 130, 70), 0.42), 0.55), sky[1], haze)
        spots = [
            (scene.width * (index + rng.uniform(0.1, 0.9)) / (9 - row),
             scene.height * (0.3 + 0.3 * share + rng.uniform(-0.1, 0.16)), unit * rng.gauss(0, 5))
            for index in range(9 - row)
        ]  # fmt: skip
        stems = (_stem(spot, scene.height * 1.03) for spot in spots)
        width_px = unit * (0.5 + 0.35 * share)
        lines = drawing.strokes(scene.size, ((stem, width_px, 255) for stem in stems))
        drawing.paint(canvas, green, lines)
        blades = [(float(x), scene.height - unit * 2 * (3 - row)) for x in range(0, scene.width, 8)]
        grow_grass(scene, canvas, blades, 12 + 5 * share, 60)
        for x, top, lean in spots:
            name = rng.choice(("tulip", "blossom", "hibiscus", "cherry-blossom", "rose"))
            head = rasterise(artwork(name), round(unit * (8 + 9 * share) * rng.uniform(0.8, 1.2)))
            head = tinted(head, mix(rng.choice(palette.accents), palette.paper, haze * 0.8))
            head = head.rotate(-lean / unit * 2, Image.Resampling.BICUBIC)
            corner = (round(x + lean - head.width / 2), round(top - head.height / 2))
            pale = drawing.dim(head.getchannel("A"), 1 - haze / 2)
            canvas.paste(head.convert("RGB"), corner, pale)
        canvas = drawing.soft(canvas, unit * (0.55 - 0.35 * row)) if row < 2 else canvas
    return canvas


def _stem(spot: tuple[float, float, float], floor: float) -> drawing.Line:
    x, top, lean = spot
    shares = (step / 12 for step in range(13))
    return [(x + lean * share**2, floor + (top - floor) * share) for share in shares]
