"""Painted and drawn styles: watercolour, oil, dots, chalk, coloured pencil."""

import math

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from imgbot.imaging.engine import drawing
from imgbot.imaging.engine.colours import Colour, mix
from imgbot.imaging.engine.scene import Scene
from imgbot.imaging.engine.styles import techniques


def watercolour(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Washes that run, dry darker at their edges and leave a ragged paper margin."""
    rng, unit, size = scene.rng, scene.unit_px, scene.size
    paper = mix(scene.palette.paper, (255, 253, 247), 0.7)
    washes = drawing.warp(
        techniques.simplify(canvas, 2), drawing.clouds(size, rng, unit * 5, 4), unit * 1.2, 8
    )
    washes = techniques.saturate(
        drawing.curve(washes, lambda value: 1 - (1 - value) ** 1.15 * 0.84), 1.25
    )
    grey = washes.convert("L")
    rim = ImageChops.subtract(drawing.soft(grey, unit * 1.4), drawing.soft(grey, unit * 0.15))
    dark = ImageChops.multiply(washes, washes)
    drawing.paint(washes, dark, drawing.curve(rim, lambda value: min(0.85, value * 5)))
    # Pigment is denser in puddles and thinner between them.
    pools = drawing.clouds(size, rng, unit * 24, 6)
    drawing.paint(washes, paper, drawing.curve(pools, lambda value: max(0.0, value - 0.42) * 0.72))
    blooms = drawing.curve(
        drawing.clouds(size, rng, unit * 30, 5),
        lambda value: math.exp(-(((value - 0.62) / 0.05) ** 2)) * 0.16,
    )
    drawing.paint(washes, ImageChops.multiply(washes, washes), blooms)
    sheet = Image.new("RGB", size, paper)
    sheet.paste(washes, (0, 0), _ragged(scene, unit * 4.5))
    tooth = drawing.clouds(size, rng, max(2.5, unit * 0.35), 2)
    return techniques.lit_relief(sheet, tooth, 0.22)


def _ragged(scene: Scene, margin_px: float) -> Image.Image:
    """Mask of the painted area: all but an uneven margin."""
    inner = Image.new("L", scene.size, 0)
    box = [margin_px, margin_px, scene.width - margin_px, scene.height - margin_px]
    ImageDraw.Draw(inner).rectangle(box, fill=255)
    inner = drawing.soft(inner, margin_px * 0.55)
    wobble = drawing.clouds(scene.size, scene.rng, margin_px * 1.6, 6)
    field = ImageChops.add(inner, drawing.curve(wobble, lambda value: value * 0.5), 1, -64)
    return drawing.curve(field, lambda value: (value - 0.42) * 12)


def oil(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Strokes along the contours, broad ones first, with a lit relief."""
    rich = techniques.saturate(techniques.simplify(canvas), 1.18)
    painted = rich.copy()
    relief = Image.new("L", scene.size, 110)
    flow = _StrokeField(scene, canvas)
    detail = techniques.edges(canvas, scene.unit_px * 0.3)
    # Sprites get fine strokes wherever they have detail.
    detail = ImageChops.lighter(detail, drawing.dim(scene.in_focus(), 0.4))
    detail = detail.filter(ImageFilter.MaxFilter(7)).resize((128, 128)).tobytes()
    for width_units, floor in ((3.4, -1), (1.7, -1), (0.85, 70), (0.5, 95)):
        _lay_strokes(scene, (painted, relief, rich), flow, width_units, detail, floor)
    relief = drawing.soft(relief, scene.unit_px * 0.06)
    return drawing.vignette(techniques.lit_relief(painted, relief, 0.5), 0.18)


class _StrokeField:
    """Direction of strokes: along the contour, or along smooth noise where there is none."""

    def __init__(self, scene: Scene, canvas: Image.Image) -> None:
        self._scene = scene
        grey = drawing.soft(canvas.convert("L"), scene.unit_px * 1.6).resize((130, 130))
        air = drawing.clouds((130, 130), scene.rng, 52, 2)
        self._grey, self._air = grey.tobytes(), air.tobytes()

    def angle(self, x: float, y: float) -> float:
        column = min(128, max(1, int(x / self._scene.width * 130)))
        row = min(128, max(1, int(y / self._scene.height * 130)))
        at, grey = row * 130 + column, self._grey
        dx, dy = grey[at + 1] - grey[at - 1], grey[at + 130] - grey[at - 130]
        calm = self._air[at] / 255 * math.pi * 1.6 - 0.8
        return math.atan2(dx, -dy) if dx * dx + dy * dy > 60 else calm


def _lay_strokes(
    scene: Scene,
    layers: tuple[Image.Image, Image.Image, Image.Image],
    flow: _StrokeField,
    width_units: float,
    detail: bytes,
    floor: int,
) -> None:
    painted, relief, source = layers
    rng, width = scene.rng, scene.unit_px * width_units
    colours = drawing.soft(source, width * 0.3).tobytes()
    on_canvas, on_relief = ImageDraw.Draw(painted), ImageDraw.Draw(relief)
    spots = [
        ((x * 0.95 + rng.uniform(-0.5, 0.5)) * width, (y * 0.95 + rng.uniform(-0.5, 0.5)) * width)
        for y in range(round(scene.height / width / 0.95) + 1)
        for x in range(round(scene.width / width / 0.95) + 1)
    ]  # fmt: skip
    rng.shuffle(spots)
    for x, y in spots:
        column, row = min(scene.width - 1, max(0, int(x))), min(scene.height - 1, max(0, int(y)))
        if detail[row * 128 // scene.height * 128 + column * 128 // scene.width] <= floor:
            continue
        at = (row * scene.width + column) * 3
        colour = (colours[at], colours[at + 1], colours[at + 2])
        angle = flow.angle(x, y)
        _bristles((on_canvas, on_relief), (x, y), angle, width, colour, rng.random())


def _bristles(
    draws: tuple[ImageDraw.ImageDraw, ImageDraw.ImageDraw],
    centre: tuple[float, float],
    angle: float,
    width: float,
    colour: Colour,
    chance: float,
) -> None:
    """Draw a stroke as a few parallel bristles, each slightly lighter or darker."""
    x, y = centre
    along = (math.cos(angle), math.sin(angle))
    half = width * (1.0 + chance * 0.9)
    hairs = 4 if width > 9 else 2
    for hair in range(hairs):
        aside = ((hair + 0.5) / hairs - 0.5) * width
        shift = round(26 * (chance - 0.5) + 13 * math.sin(hair * 2.4 + chance * 20))
        tone = (colour[0] + shift, colour[1] + shift, colour[2] + shift)
        reach = half * (0.8 + 0.4 * math.sin(hair * 1.7 + chance * 9) ** 2)
        ends = [
            (x - along[0] * reach - along[1] * aside, y - along[1] * reach + along[0] * aside),
            (x + along[0] * reach - along[1] * aside, y + along[1] * reach + along[0] * aside),
        ]
        thick = max(1, math.ceil(width / hairs) + 1)
        draws[0].line(ends, fill=_bounded(tone), width=thick)
        draws[1].line(ends, fill=min(255, max(0, 128 + shift * 4)), width=thick)


def _bounded(colour: Colour) -> Colour:
    return (
        min(255, max(0, colour[0])),
        min(255, max(0, colour[1])),
        min(255, max(0, colour[2])),
    )


def dots(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Pointillism: dots of pure colour, finer along the contours."""
    rng, unit = scene.rng, scene.unit_px
    rich = techniques.saturate(canvas, 1.35)
    many = 2
    ground = drawing.curve(drawing.soft(rich, unit * 2), lambda value: value * 0.86 + 0.04)
    large = ground.resize((scene.width * many, scene.height * many))
    draw = ImageDraw.Draw(large)
    detail = ImageChops.lighter(techniques.edges(canvas, unit * 0.3), scene.in_focus())
    detail = detail.filter(ImageFilter.MaxFilter(5)).tobytes()
    for radius, floor in ((0.9, -1), (0.62, -1), (0.4, 60)):
        step = unit * radius * 1.55
        colours = drawing.soft(rich, step * 0.3).tobytes()
        for row in range(round(scene.height / step) + 1):
            for column in range(round(scene.width / step) + 1):
                x = min(scene.width - 1.0, max(0.0, (column + rng.uniform(0, 1)) * step))
                y = min(scene.height - 1.0, max(0.0, (row + rng.uniform(0, 1)) * step))
                place = int(y) * scene.width + int(x)
                if detail[place] <= floor:
                    continue
                at = place * 3
                colour = _strayed((colours[at], colours[at + 1], colours[at + 2]), rng.random())
                reach = unit * radius * 0.86 * many * (0.8 + 0.4 * rng.random())
                box = [x * many - reach, y * many - reach, x * many + reach, y * many + reach]
                draw.ellipse(box, fill=colour)
    return large.reduce(many)


def _strayed(colour: Colour, chance: float) -> Colour:
    """Random variation of a colour: warmer, cooler, lighter or darker, unbiased on average."""
    shift = 13 * math.sin(chance * 40)
    warm = 12 * math.sin(chance * 91 + 1)
    red, green, blue = colour
    return _bounded((round(red + shift + warm), round(green + shift), round(blue + shift - warm)))


def chalk(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Pastel on dark paper: colour on the grain of the paper, stroke by stroke."""
    rng, unit, size = scene.rng, scene.unit_px, scene.size
    board = mix(mix(scene.palette.ink, (28, 32, 38), 0.6), (0, 0, 0), 0.1)
    flat = techniques.even(techniques.simplify(canvas))
    colour = techniques.saturate(drawing.curve(flat, lambda value: 0.16 + 0.84 * value**0.8), 1.3)
    density = drawing.curve(flat.convert("L"), lambda value: 0.4 + 0.5 * value**0.9)
    density = ImageChops.lighter(density, drawing.dim(scene.in_focus(), 0.72))
    strokes = techniques.streaks(size, rng, 52, unit * 26, unit * 0.26)
    grit = Image.frombytes("L", size, rng.randbytes(size[0] * size[1]))
    tooth = Image.blend(drawing.soft(grit, unit * 0.09), strokes, 0.3)
    covered = drawing.curve(techniques.cut(density, drawing.stretch(tooth), 1.5),
                          lambda value: 0.3 + 0.7 * min(1.0, value * 1.25))  # fmt: skip
    sheet = Image.new("RGB", size, board)
    dust = drawing.clouds(size, rng, unit * 18, 5)
    drawing.paint(sheet, mix(board, (200, 205, 210), 0.4), drawing.dim(dust, 0.22))
    drawing.paint(sheet, colour, covered)
    contours = drawing.curve(
        techniques.edges(flat, unit * 0.3), lambda value: max(0.0, value - 0.25)
    )
    contours = drawing.times(contours, drawing.curve(tooth, lambda value: min(1.0, value * 1.4)))
    drawing.paint(sheet, mix(scene.palette.light, (255, 255, 255), 0.5), drawing.dim(contours, 0.6))
    return drawing.vignette(sheet, 0.2)


def pencil(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Coloured pencils on white paper: hatching, layered in dark areas, with contours."""
    rng, unit, size = scene.rng, scene.unit_px, scene.size
    paper = mix(scene.palette.paper, (255, 255, 255), 0.75)
    flat = techniques.even(techniques.simplify(canvas), 0.5)
    grit = Image.frombytes("L", size, rng.randbytes(size[0] * size[1]))
    grit = drawing.soft(grit, unit * 0.07)
    sheet = Image.new("RGB", size, paper)
    depth = ImageOps.invert(flat.convert("L"))
    deep = techniques.saturate(drawing.curve(flat, lambda value: value * 0.9), 1.25)
    for degrees, start in ((38, 0.62), (58, 0.24), (-32, -0.16)):
        strokes = techniques.streaks(size, rng, degrees, unit * 16, unit * 0.34)
        tooth = drawing.stretch(Image.blend(grit, strokes, 0.62))
        wanted = drawing.curve(depth, lambda value, s=start: max(0.0, min(0.92, s + value * 0.95)))
        mask = techniques.cut(wanted, tooth, 2.6)
        drawing.paint(sheet, deep, drawing.dim(mask, 0.62))
    contours = drawing.curve(
        techniques.edges(flat, unit * 0.18), lambda value: min(1.0, value * 1.1)
    )
    contours = drawing.times(contours, drawing.curve(grit, lambda value: min(1.0, 0.35 + value)))
    drawing.paint(sheet, mix(scene.palette.ink, (60, 58, 62), 0.5), drawing.dim(contours, 0.75))
    return ImageChops.composite(sheet, Image.new("RGB", size, paper), _ragged(scene, unit * 3))
