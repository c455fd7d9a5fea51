"""Abstract scenes: flowing ribbons, marble, a geometric poster, watercolour washes."""

import math
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw

from imgbot.imaging.engine import drawing
from imgbot.imaging.engine.colours import Colour, mix, ramp, with_lightness
from imgbot.imaging.engine.scene import Scene


def flow(scene: Scene) -> Image.Image:
    """Layers of paper cut along flowing lines, each with a shadow on the next."""
    rng, unit = scene.rng, scene.unit_px
    field = drawing.clouds(scene.size, rng, unit * 55, 3)
    tilt = Image.linear_gradient("L").rotate(rng.choice((0, 90, 180, 270))).resize(scene.size)
    field = drawing.stretch(Image.blend(drawing.soft(field, unit * 2), tilt, 0.42))
    stops = (scene.palette.ink, *reversed(scene.palette.layers[:3]), *scene.palette.accents[:3])
    colours = ramp((*stops, scene.palette.paper), 11)
    if rng.random() < 0.5:
        colours.reverse()
    canvas = Image.new("RGB", scene.size, colours[0])
    for index, colour in enumerate(colours[1:], 1):
        layer = _above(field, index * 255 // len(colours), unit)
        blurred = drawing.soft(layer, unit * 1.5)
        shadow = blurred.copy()
        shadow.paste(blurred, (round(unit * 0.5), round(unit * 0.9)))
        drawing.paint(canvas, with_lightness(colours[index - 1], 0.1), drawing.dim(shadow, 0.45))
        sheet = drawing.gradient(scene.size, (mix(colour, (255, 255, 255), 0.16), colour))
        drawing.paint(canvas, sheet, layer)
    return canvas


def _above(field: Image.Image, edge: int, unit: float) -> Image.Image:
    # Slow slopes have visible steps in eight bits: the mask is blurred and sharpened again.
    hard = field.point([255 if value >= edge else 0 for value in range(256)])
    large = hard.resize((field.width * 2, field.height * 2), Image.Resampling.BILINEAR)
    round_edge = drawing.soft(large, unit * 1.1)
    return drawing.curve(round_edge, lambda value: (value - 0.5) * unit * 1.6 + 0.5).reduce(2)


def marble(scene: Scene) -> Image.Image:
    """Marble: noise warped by noise, with veins of gold."""
    rng, unit = scene.rng, scene.unit_px
    field = drawing.clouds(scene.size, rng, unit * 46, 6)
    bend = drawing.clouds(scene.size, rng, unit * 60, 3)
    field = drawing.warp(field, bend, unit * 34)
    palette = scene.palette
    stops = (palette.ink, palette.layers[2], palette.accents[0], palette.sky[1], palette.paper,
             palette.accents[1], palette.layers[1], palette.ink)  # fmt: skip
    canvas = drawing.colourize(field, stops)
    for centre in (70, 132, 196):
        vein = drawing.curve(
            field, lambda value, c=centre: math.exp(-(((value * 255 - c) / 1.7) ** 2))
        )
        drawing.paint(
            canvas, mix(palette.light, (214, 175, 90), 0.6), drawing.soft(vein, unit * 0.1)
        )
    return canvas


def geometric(scene: Scene) -> Image.Image:
    """Geometric poster: a grid of quarter circles, discs, stripes and triangles."""
    rng, palette = scene.rng, scene.palette
    columns = rng.choice((4, 5, 6))
    cell = scene.width / columns
    rows = math.ceil(scene.height / cell)
    colours = [palette.paper, *palette.accents, palette.ink, palette.layers[1]]
    scale = 3
    side = round(cell * scale)
    canvas = Image.new("RGB", (side * columns, side * rows), palette.paper)
    for row in range(rows):
        for column in range(columns):
            ground, figure, detail = rng.sample(colours, 3)
            tile = Image.new("RGB", (side, side), ground)
            rng.choice(_TILES)(ImageDraw.Draw(tile), side, figure, detail)
            canvas.paste(tile.rotate(90 * rng.randrange(4)), (column * side, row * side))
    flat = canvas.reduce(scale)
    flat = flat.resize((scene.width, round(flat.height * scene.width / flat.width)))
    return flat.crop((0, 0, *scene.size))


_Tile = Callable[[ImageDraw.ImageDraw, int, Colour, Colour], None]


def _quarter(draw: ImageDraw.ImageDraw, side: int, figure: Colour, _detail: Colour) -> None:
    draw.pieslice([-side, -side, side, side], 0, 90, fill=figure)


def _two_quarters(draw: ImageDraw.ImageDraw, side: int, figure: Colour, detail: Colour) -> None:
    half = side // 2
    draw.pieslice([-side, -side, side, side], 0, 90, fill=figure)
    draw.pieslice([-half, -half, half, half], 0, 90, fill=detail)


def _halved_disc(draw: ImageDraw.ImageDraw, side: int, figure: Colour, detail: Colour) -> None:
    box = [side * 0.12, side * 0.12, side * 0.88, side * 0.88]
    draw.ellipse(box, fill=figure)
    draw.pieslice(box, 0, 180, fill=detail)


def _stripes(draw: ImageDraw.ImageDraw, side: int, figure: Colour, _detail: Colour) -> None:
    for stripe in range(0, 6, 2):
        draw.rectangle([0, side * stripe // 6, side, side * (stripe + 1) // 6], fill=figure)


def _triangle(draw: ImageDraw.ImageDraw, side: int, figure: Colour, detail: Colour) -> None:
    draw.polygon([(0, 0), (side, 0), (0, side)], fill=figure)
    draw.ellipse([side * 0.1, side * 0.1, side * 0.38, side * 0.38], fill=detail)


def _lens(draw: ImageDraw.ImageDraw, side: int, figure: Colour, detail: Colour) -> None:
    half = side // 2
    draw.pieslice([-half, 0, half, side], 270, 90, fill=figure)
    draw.pieslice([half, 0, side + half, side], 90, 270, fill=detail)


def _rings(draw: ImageDraw.ImageDraw, side: int, figure: Colour, detail: Colour) -> None:
    for ring, colour in enumerate((figure, detail, figure)):
        inset = side * (0.06 + 0.15 * ring)
        draw.ellipse([inset, inset, side - inset, side - inset], fill=colour)


def _dots(draw: ImageDraw.ImageDraw, side: int, figure: Colour, detail: Colour) -> None:
    reach = side * 0.075
    for index in range(16):
        x, y = side * (index % 4 + 0.5) / 4, side * (index // 4 + 0.5) / 4
        colour = figure if (index % 4 + index // 4) % 2 else detail
        draw.ellipse([x - reach, y - reach, x + reach, y + reach], fill=colour)


_TILES: tuple[_Tile, ...] = (
    _quarter, _two_quarters, _halved_disc, _stripes, _triangle, _lens, _rings, _dots,
)  # fmt: skip


def washes(scene: Scene) -> Image.Image:
    """Washes of colour on rough paper, darker at the edges where they dried."""
    rng, unit = scene.rng, scene.unit_px
    canvas = Image.new("RGB", scene.size, mix(scene.palette.paper, (255, 255, 255), 0.6))
    pigments = [*scene.palette.accents, scene.palette.sky[1]]
    rng.shuffle(pigments)
    turn = rng.uniform(0, 6.3)
    for index in range(6):
        # Around the centre, so that each wash overlaps its neighbours and little else.
        angle = turn + index * 2 * math.pi / 6 + rng.gauss(0, 0.15)
        centre = (
            scene.width * (0.5 + 0.27 * math.cos(angle)),
            scene.height * (0.5 + 0.27 * math.sin(angle)),
        )
        colour = with_lightness(pigments[index % len(pigments)], rng.uniform(0.66, 0.8))
        canvas = _wash(scene, canvas, centre, unit * rng.uniform(17, 25), colour)
    for _ in range(4):
        colour = rng.choice(pigments)
        canvas = _splash(scene, canvas, colour)
    paper = drawing.clouds(scene.size, rng, 5, 3)
    paper = drawing.curve(paper, lambda value: 0.95 + 0.05 * value)
    return ImageChops.multiply(canvas, Image.merge("RGB", [paper] * 3))


def _wash(
    scene: Scene, canvas: Image.Image, centre: tuple[float, float], radius: float, colour: Colour
) -> Image.Image:
    """Paint one wash, at half the size, for washes have no fine detail."""
    rng = scene.rng
    half = (scene.width // 2, scene.height // 2)
    distance = Image.radial_gradient("L").resize((round(radius * 2.2), round(radius * 2.2)))
    field = Image.new("L", half, 255)
    field.paste(
        distance, (round(centre[0] / 2 - radius * 1.1), round(centre[1] / 2 - radius * 1.1))
    )
    edge = drawing.clouds(half, rng, radius * 0.5, 6)
    field = ImageChops.add(field, edge.point([round(value * 0.4) for value in range(256)]), 1, -51)
    field = field.resize(scene.size, Image.Resampling.BICUBIC)
    body = drawing.curve(field, lambda value: min(1.0, max(0.0, (0.5 - value) * 34)))
    rim = drawing.curve(field, lambda value: math.exp(-(((value - 0.462) / 0.026) ** 2)))
    bleed = drawing.clouds(half, rng, scene.unit_px * 9, 5).resize(scene.size)
    density = drawing.curve(bleed, lambda value: 0.3 + 0.62 * value)
    density = ImageChops.add(density, drawing.dim(rim, 0.34))
    white = Image.new("RGB", scene.size, (255, 255, 255))
    drawing.paint(white, colour, drawing.times(density, body))
    return ImageChops.multiply(canvas, white)


def _splash(scene: Scene, canvas: Image.Image, colour: Colour) -> Image.Image:
    """Paint a splash: drops in one direction."""
    rng, unit = scene.rng, scene.unit_px
    x, y = scene.width * rng.uniform(0.1, 0.9), scene.height * rng.uniform(0.1, 0.9)
    drops = [
        (x + rng.gauss(0, unit * 8), y + rng.gauss(0, unit * 5),
         min(unit * 1.3, unit * 0.16 * rng.paretovariate(1.3)))
        for _ in range(16)
    ]  # fmt: skip

    def draw_all(draw: ImageDraw.ImageDraw, scale: float) -> None:
        for left, top, reach in drops:
            box = [(left - reach) * scale, (top - reach) * scale,
                   (left + reach) * scale, (top + reach) * scale]  # fmt: skip
            draw.ellipse(box, fill=175)

    white = Image.new("RGB", scene.size, (255, 255, 255))
    drawing.paint(white, with_lightness(colour, 0.7), drawing.mask(scene.size, draw_all))
    return ImageChops.multiply(canvas, white)
