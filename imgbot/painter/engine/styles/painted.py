"""Painted and printed styles: watercolour, oil, chalk, pencil; ink, linocut, neon, poster."""

import math
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps, ImageStat

from imgbot.painter.engine import drawing
from imgbot.painter.engine.colours import Colour, mix
from imgbot.painter.engine.drawing import Point
from imgbot.painter.engine.scene import Scene

_Angle = Callable[[float, float], float]
_Layers = tuple[Image.Image, Image.Image, Image.Image]
_Pens = tuple[ImageDraw.ImageDraw, ImageDraw.ImageDraw]


def watercolour(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Washes that run, dry darker at their edges and leave a ragged paper margin."""
    rng, unit, size = scene.rng, scene.unit_px, scene.size
    paper = mix(scene.palette.paper, (255, 253, 247), 0.7)
    bend = drawing.clouds(size, rng, unit * 5, 4)
    washes = drawing.warp(drawing.simplify(canvas, 2), bend, unit * 1.2, 8)
    pale = drawing.curve(washes, lambda value: 1 - (1 - value) ** 1.15 * 0.84)
    washes = drawing.saturate(pale, 1.25)
    grey = washes.convert("L")
    rim = ImageChops.subtract(drawing.soft(grey, unit * 1.4), drawing.soft(grey, unit * 0.15))
    dark = ImageChops.multiply(washes, washes)
    drawing.paint(washes, dark, drawing.curve(rim, lambda value: min(0.85, value * 5)))
    # Pigment is denser in puddles and thinner between them.
    pools = drawing.clouds(size, rng, unit * 24, 6)
    drawing.paint(washes, paper, drawing.curve(pools, lambda value: max(0.0, value - 0.42) * 0.72))
    blooms = drawing.clouds(size, rng, unit * 30, 5)
    blooms = drawing.curve(blooms, lambda v: math.exp(-(((v - 0.62) / 0.05) ** 2)) * 0.16)
    drawing.paint(washes, ImageChops.multiply(washes, washes), blooms)
    sheet = Image.new("RGB", size, paper)
    sheet.paste(washes, (0, 0), _ragged(scene, unit * 4.5))
    tooth = drawing.clouds(size, rng, max(2.5, unit * 0.35), 2)
    return drawing.lit_relief(sheet, tooth, 0.22)


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
    rich = drawing.saturate(drawing.simplify(canvas), 1.18)
    painted = rich.copy()
    relief = Image.new("L", scene.size, 110)
    angle_at = _stroke_angles(scene, canvas)
    detail = drawing.edges(canvas, scene.unit_px * 0.3)
    # Sprites get fine strokes where they have detail.
    detail = ImageChops.lighter(detail, drawing.dim(scene.in_focus(), 0.4))
    detail = detail.filter(ImageFilter.MaxFilter(7)).resize((128, 128)).tobytes()
    for width_units, floor in ((3.4, -1), (1.7, -1), (0.85, 70), (0.5, 95)):
        width = scene.unit_px * width_units
        _lay_strokes(scene, (painted, relief, rich), angle_at, width, detail, floor)
    relief = drawing.soft(relief, scene.unit_px * 0.06)
    return drawing.vignette(drawing.lit_relief(painted, relief, 0.5), 0.18)


def _stroke_angles(scene: Scene, canvas: Image.Image) -> _Angle:
    """Direction of strokes: along the contour, or along smooth noise where there is none."""
    side = 130
    grey = drawing.soft(canvas.convert("L"), scene.unit_px * 1.6).resize((side, side)).tobytes()
    air = drawing.clouds((side, side), scene.rng, 52, 2).tobytes()

    def angle(x: float, y: float) -> float:
        column = min(side - 2, max(1, int(x / scene.width * side)))
        at = min(side - 2, max(1, int(y / scene.height * side))) * side + column
        dx, dy = grey[at + 1] - grey[at - 1], grey[at + side] - grey[at - side]
        calm = air[at] / 255 * math.pi * 1.6 - 0.8
        return math.atan2(dx, -dy) if dx * dx + dy * dy > 60 else calm

    return angle


def _lay_strokes(
    scene: Scene, layers: _Layers, angle_at: _Angle, width: float, detail: bytes, floor: int
) -> None:
    painted, relief, source = layers
    rng = scene.rng
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
        draws = (on_canvas, on_relief)
        _bristles(draws, (x, y), angle_at(x, y), width, colour, rng.random())


def _bristles(
    draws: _Pens, centre: Point, angle: float, width: float, colour: Colour, chance: float
) -> None:
    """Draw a stroke as a few parallel bristles, each slightly lighter or darker."""
    x, y = centre
    along = (math.cos(angle), math.sin(angle))
    half = width * (1.0 + chance * 0.9)
    hairs = 4 if width > 9 else 2
    for hair in range(hairs):
        aside = ((hair + 0.5) / hairs - 0.5) * width
        shift = round(26 * (chance - 0.5) + 13 * math.sin(hair * 2.4 + chance * 20))
        red, green, blue = (min(255, max(0, part + shift)) for part in colour)
        reach = half * (0.8 + 0.4 * math.sin(hair * 1.7 + chance * 9) ** 2)
        ends = [
            (x - along[0] * reach - along[1] * aside, y - along[1] * reach + along[0] * aside),
            (x + along[0] * reach - along[1] * aside, y + along[1] * reach + along[0] * aside),
        ]
        thick = max(1, math.ceil(width / hairs) + 1)
        draws[0].line(ends, fill=(red, green, blue), width=thick)
        draws[1].line(ends, fill=min(255, max(0, 128 + shift * 4)), width=thick)


def pencil(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Coloured pencils on white paper: hatching, layered in dark areas, with contours."""
    rng, unit, size = scene.rng, scene.unit_px, scene.size
    paper = mix(scene.palette.paper, (255, 255, 255), 0.75)
    flat = drawing.even(drawing.simplify(canvas), 0.5)
    grit = Image.frombytes("L", size, rng.randbytes(size[0] * size[1]))
    grit = drawing.soft(grit, unit * 0.07)
    sheet = Image.new("RGB", size, paper)
    depth = ImageOps.invert(flat.convert("L"))
    deep = drawing.saturate(drawing.curve(flat, lambda value: value * 0.9), 1.25)
    for degrees, start in ((38, 0.62), (58, 0.24), (-32, -0.16)):
        strokes = drawing.streaks(size, rng, degrees, unit * 16, unit * 0.34)
        tooth = drawing.stretch(Image.blend(grit, strokes, 0.62))
        wanted = drawing.curve(depth, lambda value, s=start: max(0.0, min(0.92, s + value * 0.95)))
        mask = drawing.cut_by(wanted, tooth, 2.6)
        drawing.paint(sheet, deep, drawing.dim(mask, 0.62))
    contours = drawing.curve(drawing.edges(flat, unit * 0.18), lambda value: min(1.0, value * 1.1))
    contours = drawing.times(contours, drawing.curve(grit, lambda value: min(1.0, 0.35 + value)))
    drawing.paint(sheet, mix(scene.palette.ink, (60, 58, 62), 0.5), drawing.dim(contours, 0.75))
    return ImageChops.composite(sheet, Image.new("RGB", size, paper), _ragged(scene, unit * 3))


def _framed(scene: Scene, sheet: Image.Image, paper: Colour, margin_px: float) -> Image.Image:
    """Print on its sheet, with a margin and a fine grain."""
    framed = Image.new("RGB", scene.size, paper)
    margin = round(margin_px)
    inner = (margin, margin, round(scene.width - margin_px), round(scene.height - margin_px))
    framed.paste(sheet.crop(inner), inner[:2])
    return drawing.grain(framed, scene.rng, 0.03)


def linocut(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Few flat inks and a dark key block, with gouge marks where tones change."""
    rng, unit = scene.rng, scene.unit_px
    flat = drawing.even(drawing.simplify(canvas))
    blocks = drawing.posterise(drawing.saturate(flat, 1.4), 6, scene.in_focus())
    tone = _set_apart(scene, flat.convert("L"))
    many = 2
    size = (scene.width * many, scene.height * many)
    large = tone.resize(size, Image.Resampling.BICUBIC)
    wobble = drawing.clouds(scene.size, rng, unit * 9, 3).resize(size)
    bend = Image.blend(drawing.soft(large, unit * 3), wobble, 0.45)
    gouge = drawing.hatching(size, unit * 1.7 * many, 72, bend, 7.0)
    dark = drawing.curve(large, lambda value: min(0.9, max(0.0, (0.5 - value) * 2.3)))
    key = drawing.cut_by(dark, gouge, 5.0).reduce(many)
    key = ImageChops.darker(key, drawing.curve(tone, lambda value: (0.48 - value) * 30))
    contours = drawing.curve(drawing.edges(flat, unit * 0.34), lambda value: (value - 0.5) * 4)
    contours = ImageChops.lighter(contours, drawing.outline(scene.in_focus(), unit * 0.28))
    key = ImageChops.lighter(key, contours)
    worn = drawing.clouds(scene.size, rng, unit * 0.55, 2)
    key = drawing.times(key, drawing.curve(worn, lambda value: min(1.0, (value - 0.1) * 8)))
    paper = mix(scene.palette.paper, (247, 238, 220), 0.6)
    light = drawing.hatching(scene.size, unit * 1.5, 108, bend.reduce(many), 6.0)
    chips = drawing.cut_by(
        drawing.curve(tone, lambda value: max(0.0, value - 0.55) * 0.7), light, 5.0
    )
    drawing.paint(blocks, paper, drawing.dim(chips, 0.75))
    drawing.paint(blocks, mix(scene.palette.ink, (18, 16, 20), 0.5), key)
    return _framed(scene, blocks, paper, unit * 4)


def _set_apart(scene: Scene, tone: Image.Image) -> Image.Image:
    """Tones with figures slightly lighter than their surroundings and a pale outline."""
    focus = scene.in_focus()
    apart = tone.copy()
    apart.paste(drawing.curve(tone, lambda value: 0.2 + 0.8 * value), (0, 0), focus)
    halo = ImageChops.subtract(drawing.soft(focus, scene.unit_px * 0.9), focus)
    apart.paste(255, (0, 0, *tone.size), drawing.curve(halo, lambda value: min(1.0, value * 2.6)))
    return apart


# Inks by the makers' names: blue 0078BF, fluorescent pink FF48B0, yellow FFE800; teal 00838A,
# orange FF6C2F, sunflower FFB511; violet 765BA7, scarlet F65058, mint 82D8D5.
_INK_SETS: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((0, 104, 178), (255, 72, 150), (255, 226, 60)),
    ((0, 118, 128), (255, 98, 60), (255, 196, 70)),
    ((70, 62, 140), (246, 80, 96), (255, 206, 120)),
)


def riso(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Three spot inks, each in dots at its own angle and slightly misregistered."""
    rng, unit = scene.rng, scene.unit_px
    paper = mix(scene.palette.paper, (250, 245, 233), 0.7)
    flat = drawing.even(canvas)
    plates = [ImageOps.invert(band) for band in drawing.saturate(flat, 1.3).split()]
    sheet = Image.new("RGB", scene.size, paper)
    red, green, blue = ImageStat.Stat(flat).mean
    # Cool pictures in blue and pink; teal for greens, violet for reds.
    inks = _INK_SETS[0] if blue >= red else _INK_SETS[1] if green > blue else _INK_SETS[2]
    # Yellow first and blue last: inks are printed from light to dark.
    for index, degrees in ((2, 15), (1, 75), (0, 45)):
        screen = _dot_screen(scene, unit * 0.92, degrees)
        wanted = drawing.curve(plates[index], lambda value: min(1.0, value**1.1 * 1.04))
        printed = drawing.cut_by(wanted, screen, 3.6)
        faint = drawing.clouds(scene.size, rng, unit * 0.6, 2)
        printed = drawing.times(printed, drawing.curve(faint, lambda v: min(1.0, 0.62 + v * 0.7)))
        aside, down = rng.uniform(-0.3, 0.3) * unit, rng.uniform(-0.3, 0.3) * unit
        moved = drawing.moved(printed, aside, down)
        plate = Image.new("RGB", scene.size, (255, 255, 255))
        drawing.paint(plate, inks[index], drawing.dim(moved, 0.94))
        sheet = ImageChops.multiply(sheet, plate)
    return _framed(scene, sheet, paper, unit * 3.4)


def _dot_screen(scene: Scene, spacing_px: float, degrees: float) -> Image.Image:
    """Halftone screen as a grey relief: tones darker than it are printed."""
    flat = Image.new("L", scene.size, 0)
    one = drawing.hatching(scene.size, spacing_px, degrees, flat, 0)
    other = drawing.hatching(scene.size, spacing_px, degrees + 90, flat, 0)
    return drawing.stretch(Image.blend(one, other, 0.5))


def paper(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Stacked cut-outs of coloured paper, each with a shadow on the next."""
    unit, focus = scene.unit_px, scene.in_focus()
    flat = drawing.saturate(drawing.simplify(canvas, 1), 1.15)
    tone = drawing.soft(flat.convert("L"), unit * 0.3)
    steps = _tone_steps(tone)
    sheet = _sheet_colour(flat, tone, steps[-1], 255)
    for dark, bright in zip(reversed(steps[:-1]), reversed(steps[1:]), strict=True):
        below = tone.point([255 if v < bright else 0 for v in range(256)])
        # A clean edge: no specks, round corners.
        smooth = drawing.soft(below.filter(ImageFilter.MedianFilter(5)), unit * 0.22)
        mask = drawing.curve(smooth, lambda value: (value - 0.5) * 4 + 0.5)
        _lay_sheet(scene, sheet, _sheet_colour(flat, tone, dark, bright), mask)
    if focus.getbbox():
        figures = drawing.posterise(drawing.saturate(canvas, 1.15), 9, focus)
        _lay_sheet(scene, sheet, drawing.soft(figures, unit * 0.1), focus)
    fibres = drawing.clouds(scene.size, scene.rng, max(2.5, unit * 0.3), 2)
    return drawing.vignette(drawing.lit_relief(sheet, fibres, 0.14), 0.2)


def _tone_steps(tone: Image.Image) -> list[int]:
    """Grey values that divide the picture into sheets, dark to bright, none of them tiny."""
    histogram, total = tone.histogram(), tone.width * tone.height
    steps, seen = [0], 0
    for value, count in enumerate(histogram):
        seen += count
        if seen > total * 0.11 and value > steps[-1] + 9:
            steps.append(value + 1)
            seen = 0
    return steps if len(steps) > 1 else [0, 128]


def _sheet_colour(flat: Image.Image, tone: Image.Image, dark: int, bright: int) -> Image.Image:
    """Colour of a sheet: the mean of its band of tones, slowly changing across the picture."""
    band = tone.point([255 if dark <= v < bright else 0 for v in range(256)])
    mean = ImageStat.Stat(flat, band if band.getbbox() else None).mean
    colour = (round(mean[0]), round(mean[1]), round(mean[2]))
    patches = Image.new("RGB", flat.size, colour)
    near = patches
    patches.paste(flat, (0, 0), band)
    for _ in range(3):
        patches = drawing.soft(patches, min(flat.size) * 0.035)
        near = patches.copy()
        patches.paste(flat, (0, 0), band)
    return near


def _lay_sheet(scene: Scene, below: Image.Image, sheet: Image.Image, mask: Image.Image) -> None:
    unit = scene.unit_px
    shadow = drawing.soft(mask, unit * 0.9)
    moved = drawing.moved(shadow, -scene.sun_side * unit * 0.5, unit * 0.8)
    drawing.paint(below, mix(scene.palette.ink, (0, 0, 0), 0.5), drawing.dim(moved, 0.42))
    drawing.paint(below, sheet, mask)
    edge = ImageChops.subtract(mask, drawing.moved(mask, -scene.sun_side * unit * 0.16, unit * 0.2))
    drawing.paint(below, (255, 255, 255), drawing.dim(edge, 0.34))


def neon(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Contours as glowing tubes in the dark, each in the colour of the area it surrounds."""
    unit = scene.unit_px
    flat = drawing.even(drawing.simplify(canvas))
    outline = drawing.outline(scene.in_focus(), unit * 0.2)
    contours = ImageChops.lighter(drawing.edges(flat, unit * 0.3), outline)
    tube = drawing.curve(contours, lambda value: min(1.0, max(0.0, value**0.7 - 0.26) * 2.2))
    tube = drawing.soft(tube.filter(ImageFilter.MaxFilter(3)), unit * 0.1)
    colour = drawing.saturate(drawing.soft(flat, unit * 2.4), 2.6)
    # Every colour at the full brightness of its hue.
    hue, vivid, _ = colour.convert("HSV").split()
    vivid = drawing.curve(vivid, lambda value: 0.4 + 0.6 * value**0.6)
    full = Image.new("L", colour.size, 255)
    colour = Image.merge("HSV", (hue, vivid, full)).convert("RGB")
    wall = drawing.curve(drawing.saturate(flat, 0.8), lambda value: 0.03 + 0.2 * value**1.4)
    lit = ImageChops.multiply(wall, Image.new("RGB", scene.size, (190, 185, 255)))
    for reach, strength in ((unit * 6, 1.5), (unit * 1.8, 1.0), (unit * 0.5, 0.9)):
        halo = drawing.curve(drawing.soft(tube, reach), lambda v, s=strength: min(1.0, v * s))
        lit = ImageChops.screen(lit, ImageChops.multiply(colour, Image.merge("RGB", [halo] * 3)))
    core = drawing.curve(tube, lambda value: max(0.0, value - 0.45) * 1.6)
    drawing.paint(lit, (255, 252, 255), drawing.dim(core, 0.85))
    return drawing.vignette(lit, 0.3)
