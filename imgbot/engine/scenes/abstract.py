"""Abstract scenes and gardens: ribbons, marble, geometry, washes; meadows, leaves."""

import math
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw

from imgbot.engine import drawing
from imgbot.engine.colours import Colour, mix, ramp, with_lightness
from imgbot.engine.drawing import Point
from imgbot.engine.scene import Scene


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


class _Supersampled:
    """Canvas of twice the size for drawing with smooth edges, reduced at the end."""

    SCALE = 2

    def __init__(self, canvas: Image.Image) -> None:
        width, height = canvas.size
        self.image = canvas.resize((width * self.SCALE, height * self.SCALE))
        self._draw = ImageDraw.Draw(self.image)

    def polygon(self, points: list[Point], colour: Colour) -> None:
        self._draw.polygon([(x * self.SCALE, y * self.SCALE) for x, y in points], fill=colour)

    def line(self, points: list[Point], colour: Colour, width_px: float) -> None:
        scaled = [(x * self.SCALE, y * self.SCALE) for x, y in points]
        self._draw.line(
            scaled, fill=colour, width=max(1, round(width_px * self.SCALE)), joint="curve"
        )

    def disc(self, centre: Point, radius: float, colour: Colour) -> None:
        x, y = centre[0] * self.SCALE, centre[1] * self.SCALE
        reach = radius * self.SCALE
        self._draw.ellipse([x - reach, y - reach, x + reach, y + reach], fill=colour)

    def finished(self) -> Image.Image:
        return self.image.reduce(self.SCALE)


def _petal(
    centre: Point, angle: float, length: float, width: float, tip: float, fullness: float = 0.9
) -> list[Point]:
    """Outline of a leaf or petal, widest towards its tip if `tip` is above 1."""
    points: list[Point] = []
    for side in (1, -1):
        steps = [step / 14 for step in range(15)]
        for share in steps if side > 0 else reversed(steps):
            along = share * length
            bulge = max(0.0, math.sin(math.pi * share**tip))
            across = side * width * bulge**fullness
            points.append(
                (
                    centre[0] + math.cos(angle) * along - math.sin(angle) * across,
                    centre[1] + math.sin(angle) * along + math.cos(angle) * across,
                )
            )
    return points


def garden(scene: Scene) -> Image.Image:
    """Meadow: rows of flowers on bent stems, the far ones pale."""
    rng = scene.rng
    if scene.palette.is_dark:
        sky = (scene.palette.sky[0], scene.palette.sky[1], scene.palette.layers[0])
    else:
        sky = (mix(scene.palette.sky[-2], scene.palette.paper, 0.4), scene.palette.paper,
               mix(scene.palette.layers[0], scene.palette.paper, 0.5))  # fmt: skip
    canvas = drawing.gradient(scene.size, sky)
    sun = (scene.width * (0.5 + scene.sun_side * rng.uniform(0.1, 0.3)), scene.height * 0.24)
    canvas = drawing.glow(canvas, sun, scene.unit_px * 60, scene.palette.light, 0.5)
    greens = ramp(tuple(_leafy(colour) for colour in scene.palette.layers[1:]), 4)
    for row, green in enumerate(greens):
        share = row / 3
        far = mix(green, sky[1], 0.62 * (1 - share))
        sheet = _Supersampled(canvas)
        for _ in range(24 - 5 * row):
            _blade(scene, sheet, share, far)
        for index in range(9 - row):
            x = scene.width * (index + rng.uniform(0.1, 0.9)) / (9 - row)
            _flower(scene, sheet, x, share, far)
        canvas = sheet.finished()
        if row < 2:
            canvas = drawing.soft(canvas, scene.unit_px * (0.55 - 0.35 * row))
    return canvas


def _leafy(colour: Colour) -> Colour:
    return mix(colour, with_lightness((60, 130, 70), 0.42), 0.55)


def _stem(scene: Scene, x: float, top: float, lean: float) -> list[Point]:
    floor = scene.height * 1.03
    return [(x + lean * (step / 16) ** 2, floor + (top - floor) * step / 16) for step in range(17)]


def _blade(scene: Scene, sheet: _Supersampled, share: float, colour: Colour) -> None:
    rng, unit = scene.rng, scene.unit_px
    length = unit * rng.uniform(16, 34) * (0.8 + 0.3 * share)
    foot = (rng.uniform(0, scene.width), scene.height * (1.02 - 0.1 * (1 - share)))
    angle = -math.pi / 2 + rng.gauss(0, 0.22)
    shade = mix(colour, scene.palette.ink, rng.uniform(0, 0.22))
    sheet.polygon(_petal(foot, angle, length, length * 0.03, 0.7), shade)


def _flower(scene: Scene, sheet: _Supersampled, x: float, share: float, green: Colour) -> None:
    rng, unit = scene.rng, scene.unit_px
    top = scene.height * (0.3 + 0.3 * share + rng.uniform(-0.1, 0.16))
    lean = unit * rng.gauss(0, 5)
    stem = _stem(scene, x, top, lean)
    sheet.line(stem, green, unit * (0.35 + 0.3 * share))
    for place in (5, 8, 11):
        angle = -math.pi / 2 + rng.choice((-1, 1)) * rng.uniform(0.5, 1.1)
        size = unit * (4.5 + 3 * share) * rng.uniform(0.7, 1.2)
        sheet.polygon(
            _petal(stem[place], angle, size, size * 0.17, 0.9),
            mix(green, scene.palette.paper, 0.12),
        )
    haze = 0.5 * (1 - share)
    colour = mix(rng.choice(scene.palette.accents), scene.palette.paper, haze)
    heart = mix(scene.palette.light, scene.palette.accents[1], 0.55)
    size = unit * (3.4 + 4.4 * share) * rng.uniform(0.8, 1.2)
    _FLOWERS[rng.randrange(len(_FLOWERS))](scene, sheet, stem[-1], size, colour, heart)


def _daisy(
    scene: Scene, sheet: _Supersampled, at: Point, size: float, colour: Colour, heart: Colour
) -> None:
    count, turn = scene.rng.randint(11, 15), scene.rng.random()
    for ring, share in ((0, 1.0), (1, 0.72)):
        shade = mix(colour, (255, 255, 255), 0.16 * ring)
        for petal in range(count):
            angle = turn + (petal + ring / 2) * 2 * math.pi / count
            sheet.polygon(_petal(at, angle, size * share, size * share * 0.14, 1.5, 0.6), shade)
    sheet.disc(at, size * 0.25, mix(heart, scene.palette.ink, 0.25))
    sheet.disc((at[0] - size * 0.03, at[1] - size * 0.04), size * 0.19, heart)


def _tulip(
    scene: Scene, sheet: _Supersampled, at: Point, size: float, colour: Colour, heart: Colour
) -> None:
    foot = (at[0], at[1] + size * 0.75)
    for angle, shade in ((-0.42, 0.16), (0.42, 0.1), (-0.16, 0.0), (0.16, 0.05), (0.0, -0.18)):
        target = scene.palette.ink if shade > 0 else heart
        tint = mix(colour, target, abs(shade))
        sheet.polygon(_petal(foot, -math.pi / 2 + angle, size * 1.5, size * 0.36, 0.8, 0.8), tint)


def _poppy(
    scene: Scene, sheet: _Supersampled, at: Point, size: float, colour: Colour, heart: Colour
) -> None:
    turn = scene.rng.random() * 6
    for ring, share in ((0, 1.0), (1, 0.74)):
        for petal in range(5):
            angle = turn + ring * 0.6 + petal * 2 * math.pi / 5
            shade = (
                mix(colour, scene.palette.ink, 0.18 * (petal % 2))
                if not ring
                else mix(colour, heart, 0.22)
            )
            sheet.polygon(_petal(at, angle, size * share, size * share * 0.52, 1.9, 0.5), shade)
    sheet.disc(at, size * 0.2, mix(scene.palette.ink, colour, 0.25))
    for dot in range(12):
        angle = dot * math.pi / 6
        spot = (at[0] + math.cos(angle) * size * 0.28, at[1] + math.sin(angle) * size * 0.28)
        sheet.disc(spot, size * 0.035, heart)


_FLOWERS = (_daisy, _tulip, _poppy)


def leaves(scene: Scene) -> Image.Image:
    """Big paper leaves, overlapping from all sides."""
    rng, unit = scene.rng, scene.unit_px
    ground = scene.palette.sky[0] if scene.palette.is_dark else scene.palette.paper
    canvas = drawing.gradient(scene.size, (mix(ground, scene.palette.accents[0], 0.12), ground))
    tones = [*scene.palette.layers, *scene.palette.layers[1:], *scene.palette.accents]
    count = 22
    for index in range(count):
        edge = (index * 0.618 + rng.uniform(-0.03, 0.03)) * 2 * math.pi
        # From outside inwards: the last ones lie on top, at the edge, and the centre stays free.
        reach = 0.4 + 0.24 * index / count
        foot = (
            scene.width * (0.5 + math.cos(edge) * reach),
            scene.height * (0.5 + math.sin(edge) * reach),
        )
        aim = math.atan2(scene.height / 2 - foot[1], scene.width / 2 - foot[0])
        _lay_leaf(scene, canvas, foot, aim + rng.gauss(0, 0.5), rng.choice(tones))
    berries = _Supersampled(canvas)
    for _ in range(14):
        spot = (scene.width * rng.random(), scene.height * rng.random())
        berries.disc(spot, unit * rng.uniform(0.6, 1.3), rng.choice(scene.palette.accents))
    return berries.finished()


def _lay_leaf(scene: Scene, canvas: Image.Image, foot: Point, angle: float, colour: Colour) -> None:
    length = scene.unit_px * scene.rng.uniform(28, 46)
    outlines = _fern(scene, foot, angle, length)
    if scene.rng.random() < 0.45:
        outlines = [_petal(foot, angle, length, length * 0.2, 0.85, 0.95)]
    tip = (foot[0] + math.cos(angle) * length, foot[1] + math.sin(angle) * length)

    def draw_all(draw: ImageDraw.ImageDraw, scale: float) -> None:
        for outline in outlines:
            draw.polygon([(x * scale, y * scale) for x, y in outline], fill=255)

    def draw_rib(draw: ImageDraw.ImageDraw, scale: float) -> None:
        ends = [(foot[0] * scale, foot[1] * scale), (tip[0] * scale, tip[1] * scale)]
        draw.line(ends, fill=255, width=round(length * 0.012 * scale))

    body = drawing.mask(scene.size, draw_all)
    drawing.paint(
        canvas, scene.palette.ink, drawing.dim(drawing.soft(body, scene.unit_px * 1.6), 0.3)
    )
    fill = drawing.gradient(scene.size, (mix(colour, scene.palette.paper, 0.22), colour))
    drawing.paint(canvas, fill, body)
    rib = mix(colour, scene.palette.paper, 0.5)
    drawing.paint(canvas, rib, drawing.dim(drawing.mask(scene.size, draw_rib), 0.8))


def _fern(scene: Scene, foot: Point, angle: float, length: float) -> list[list[Point]]:
    """Fern: leaflets along both sides of a rib, longest in the lower half."""
    count = scene.rng.choice((8, 11, 14))
    slim = 1.1 / count
    outlines: list[list[Point]] = []
    for index in range(count):
        share = 0.1 + 0.86 * index / (count - 1)
        root = (
            foot[0] + math.cos(angle) * length * share,
            foot[1] + math.sin(angle) * length * share,
        )
        reach = length * (0.14 + 0.32 * math.sin(math.pi * (0.25 + 0.75 * share)))
        for side in (1, -1):
            lean = angle + side * (1.15 - 0.55 * share)
            outlines.append(_petal(root, lean, reach, length * slim * 0.42, 0.8, 0.9))
    top = (
        foot[0] + math.cos(angle) * length * 0.94,
        foot[1] + math.sin(angle) * length * 0.94,
    )
    outlines.append(_petal(top, angle, length * 0.14, length * slim * 0.42, 0.8, 0.9))
    return outlines
