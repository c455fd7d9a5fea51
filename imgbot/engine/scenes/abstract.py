"""Scenes without a horizon: quiet light, washes of colour, a garden, a room."""

import math

from PIL import Image, ImageChops, ImageDraw

from imgbot.engine import drawing
from imgbot.engine.colours import Colour, mix, ramp, with_lightness
from imgbot.engine.drawing import Point
from imgbot.engine.scene import Scene


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
    rng, unit, palette = scene.rng, scene.unit_px, scene.palette
    edge = round(scene.height * 0.7)
    paper = mix(palette.layers[0], palette.paper, 0.5 if not palette.is_dark else 0.1)
    canvas = drawing.gradient(scene.size, (mix(paper, palette.light, 0.25), paper))
    if scene.has("brick"):
        _lay_bricks(scene, canvas, edge)
    else:
        stripe = mix(paper, palette.accents[1], 0.16)
        for left in range(0, scene.width, max(8, round(unit * 9))):
            canvas.paste(stripe, (left, 0, left + round(unit * 4), edge))
    wood = mix(palette.layers[1], (158, 112, 76), 0.55)
    boards = drawing.gradient(
        (scene.width, scene.height - edge), (mix(wood, palette.light, 0.2), wood)
    )
    seams = ImageDraw.Draw(boards)
    for step in range(-9, 10):
        ends = [
            scene.width / 2 + step * unit * 9,
            0,
            scene.width / 2 + step * unit * 22,
            boards.height,
        ]
        seams.line(ends, fill=mix(wood, palette.ink, 0.35), width=max(1, round(unit * 0.3)))
    canvas.paste(boards, (0, edge))
    canvas.paste(
        mix(palette.paper, palette.light, 0.5), (0, edge - round(unit * 3), scene.width, edge)
    )
    beam = [(scene.width * (0.5 + scene.sun_side * x), scene.height * y)
            for x, y in ((0.1, 0.12), (0.42, 0.04), (0.3, 0.62), (-0.02, 0.7))]  # fmt: skip
    light = drawing.soft(drawing.polygon_mask(scene.size, beam), unit * 1.6)
    drawing.paint(canvas, palette.light, drawing.dim(light, 0.3 + 0.05 * rng.random()))
    return canvas


def _lay_bricks(scene: Scene, canvas: Image.Image, edge: int) -> None:
    rng, unit = scene.rng, scene.unit_px
    mortar = mix(scene.palette.paper, (190, 180, 170), 0.6)
    canvas.paste(mortar, (0, 0, scene.width, edge))
    draw = ImageDraw.Draw(canvas)
    for row in range(math.ceil(edge / unit / 5)):
        for column in range(-1, math.ceil(scene.width / unit / 11) + 1):
            left, top = (column + row % 2 / 2) * unit * 11, row * unit * 5
            clay = mix((168, 84, 62), scene.palette.layers[1], rng.uniform(0.08, 0.34))
            draw.rectangle([left, top, left + unit * 10.4, min(edge, top + unit * 4.5)], fill=clay)


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
