"""Styles of print and paper: engraving, linocut, risograph, cut paper, neon tubes."""

from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat

from imgbot.imaging.engine import drawing
from imgbot.imaging.engine.colours import Colour, mix
from imgbot.imaging.engine.scene import Scene
from imgbot.imaging.engine.styles import techniques


def ink(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Engraving: lines that widen in dark areas, crossed in shadows, lightly tinted."""
    unit = scene.unit_px
    many = 2
    size = (scene.width * many, scene.height * many)
    tone = techniques.even(canvas.convert("L"))
    tone = drawing.curve(
        Image.blend(tone, ImageOps.equalize(tone), 0.35), lambda value: value**0.72
    )
    tone = _set_apart(scene, tone)
    large = tone.resize(size, Image.Resampling.BICUBIC)
    swell = drawing.soft(large, unit * 2.4)
    plate = Image.new("L", size, 0)
    spacing = unit * 0.7 * many
    for degrees, start, gain in ((78, 0.04, 1.0), (20, 0.42, 1.5), (140, 0.66, 2.2)):
        relief = techniques.lines(size, spacing, degrees, swell, 5.0)
        dark = drawing.curve(large, lambda v, s=start, g=gain: min(0.93, max(0.0, (1 - v - s) * g)))
        plate = ImageChops.lighter(plate, techniques.cut(dark, relief, 4.0))
        blank = drawing.curve(dark, lambda value: min(1.0, value * 30))
        plate = ImageChops.darker(plate, blank) if start < 0.1 else plate
    lines = plate.reduce(many)
    contours = drawing.curve(
        techniques.edges(canvas, unit * 0.16), lambda value: max(0.0, value * 1.4 - 0.3)
    )
    lines = ImageChops.lighter(lines, techniques.outline(scene.in_focus(), unit * 0.16))
    lines = ImageChops.lighter(lines, contours)
    paper = mix(scene.palette.paper, (250, 241, 222), 0.7)
    sheet = Image.new("RGB", scene.size, paper)
    tint = techniques.saturate(drawing.soft(canvas, unit * 0.5), 1.5)
    tint = ImageChops.multiply(drawing.curve(tint, lambda value: 0.3 + 0.7 * value**0.8), sheet)
    sheet = Image.blend(sheet, tint, 0.85)
    drawing.paint(sheet, mix(scene.palette.ink, (24, 20, 22), 0.6), lines)
    return _framed(scene, sheet, paper, unit * 4)


def _framed(scene: Scene, sheet: Image.Image, paper: Colour, margin_px: float) -> Image.Image:
    """Print on its sheet, with a margin and a fine grain."""
    framed = Image.new("RGB", scene.size, paper)
    inner = (round(margin_px), round(margin_px), round(scene.width - margin_px),
             round(scene.height - margin_px))  # fmt: skip
    framed.paste(sheet.crop(inner), inner[:2])
    return drawing.grain(framed, scene.rng, 0.03)


def linocut(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Few flat inks and a dark key block, with gouge marks where tones change."""
    rng, unit = scene.rng, scene.unit_px
    flat = techniques.even(techniques.simplify(canvas))
    blocks = techniques.posterise(techniques.saturate(flat, 1.4), 6, scene.in_focus())
    tone = _set_apart(scene, flat.convert("L"))
    many = 2
    size = (scene.width * many, scene.height * many)
    large = tone.resize(size, Image.Resampling.BICUBIC)
    wobble = drawing.clouds(scene.size, rng, unit * 9, 3).resize(size)
    bend = Image.blend(drawing.soft(large, unit * 3), wobble, 0.45)
    gouge = techniques.lines(size, unit * 1.7 * many, 72, bend, 7.0)
    dark = drawing.curve(large, lambda value: min(0.9, max(0.0, (0.5 - value) * 2.3)))
    key = techniques.cut(dark, gouge, 5.0).reduce(many)
    key = ImageChops.darker(key, drawing.curve(tone, lambda value: (0.48 - value) * 30))
    contours = drawing.curve(techniques.edges(flat, unit * 0.34), lambda value: (value - 0.5) * 4)
    contours = ImageChops.lighter(contours, techniques.outline(scene.in_focus(), unit * 0.28))
    key = ImageChops.lighter(key, contours)
    worn = drawing.clouds(scene.size, rng, unit * 0.55, 2)
    key = drawing.times(key, drawing.curve(worn, lambda value: min(1.0, (value - 0.1) * 8)))
    paper = mix(scene.palette.paper, (247, 238, 220), 0.6)
    light = techniques.lines(scene.size, unit * 1.5, 108, bend.reduce(many), 6.0)
    chips = techniques.cut(
        drawing.curve(tone, lambda value: max(0.0, value - 0.55) * 0.7), light, 5.0
    )
    drawing.paint(blocks, paper, drawing.dim(chips, 0.75))
    drawing.paint(blocks, mix(scene.palette.ink, (18, 16, 20), 0.5), key)
    return _framed(scene, blocks, paper, unit * 4)


def _set_apart(scene: Scene, tone: Image.Image) -> Image.Image:
    """Tones with sprites slightly lighter than their surroundings and a pale outline."""
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
    flat = techniques.even(canvas)
    plates = [ImageOps.invert(band) for band in techniques.saturate(flat, 1.3).split()]
    sheet = Image.new("RGB", scene.size, paper)
    red, green, blue = ImageStat.Stat(flat).mean
    # Cool pictures in blue and pink; teal for greens, violet for reds.
    inks = _INK_SETS[0] if blue >= red else _INK_SETS[1] if green > blue else _INK_SETS[2]
    # Yellow first and blue last: inks are printed from light to dark.
    for index, degrees in ((2, 15), (1, 75), (0, 45)):
        screen = _dot_screen(scene, unit * 0.92, degrees)
        wanted = drawing.curve(plates[index], lambda value: min(1.0, value**1.1 * 1.04))
        printed = techniques.cut(wanted, screen, 3.6)
        faint = drawing.clouds(scene.size, rng, unit * 0.6, 2)
        printed = drawing.times(printed, drawing.curve(faint, lambda v: min(1.0, 0.62 + v * 0.7)))
        moved = Image.new("L", scene.size, 0)
        moved.paste(
            printed, (round(rng.uniform(-0.3, 0.3) * unit), round(rng.uniform(-0.3, 0.3) * unit))
        )
        plate = Image.new("RGB", scene.size, (255, 255, 255))
        drawing.paint(plate, inks[index], drawing.dim(moved, 0.94))
        sheet = ImageChops.multiply(sheet, plate)
    return _framed(scene, sheet, paper, unit * 3.4)


def _dot_screen(scene: Scene, spacing_px: float, degrees: float) -> Image.Image:
    """Halftone screen as a grey relief: tones darker than it are printed."""
    flat = Image.new("L", scene.size, 0)
    one = techniques.lines(scene.size, spacing_px, degrees, flat, 0)
    other = techniques.lines(scene.size, spacing_px, degrees + 90, flat, 0)
    return drawing.stretch(Image.blend(one, other, 0.5))


def paper(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Stacked cut-outs of coloured paper, each with a shadow on the next."""
    unit, focus = scene.unit_px, scene.in_focus()
    flat = techniques.saturate(techniques.simplify(canvas, 1), 1.15)
    tone = drawing.soft(flat.convert("L"), unit * 0.3)
    steps = _tone_steps(tone)
    sheet = _sheet_colour(flat, tone, steps[-1], 255)
    for dark, bright in zip(reversed(steps[:-1]), reversed(steps[1:]), strict=True):
        mask = _clean_cut(tone.point([255 if v < bright else 0 for v in range(256)]), scene)
        _lay_sheet(scene, sheet, _sheet_colour(flat, tone, dark, bright), mask)
    if focus.getbbox():
        sprites = techniques.posterise(techniques.saturate(canvas, 1.15), 9, focus)
        _lay_sheet(scene, sheet, drawing.soft(sprites, unit * 0.1), focus)
    fibres = drawing.clouds(scene.size, scene.rng, max(2.5, unit * 0.3), 2)
    return drawing.vignette(techniques.lit_relief(sheet, fibres, 0.14), 0.2)


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
    moved = Image.new("L", scene.size, 0)
    moved.paste(shadow, (round(-scene.sun_side * unit * 0.5), round(unit * 0.8)))
    drawing.paint(below, mix(scene.palette.ink, (0, 0, 0), 0.5), drawing.dim(moved, 0.42))
    drawing.paint(below, sheet, mask)
    edge = ImageChops.subtract(mask, _shifted(mask, scene.sun_side, unit))
    drawing.paint(below, (255, 255, 255), drawing.dim(edge, 0.34))


def _clean_cut(mask: Image.Image, scene: Scene) -> Image.Image:
    """Mask with a clean edge: no specks, round corners."""
    smooth = drawing.soft(mask.filter(ImageFilter.MedianFilter(5)), scene.unit_px * 0.22)
    return drawing.curve(smooth, lambda value: (value - 0.5) * 4 + 0.5)


def _shifted(mask: Image.Image, sun_side: int, unit: float) -> Image.Image:
    moved = Image.new("L", mask.size, 0)
    moved.paste(mask, (round(-sun_side * unit * 0.16), round(unit * 0.2)))
    return moved


def neon(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Contours as glowing tubes in the dark, each in the colour of the area it surrounds."""
    unit = scene.unit_px
    flat = techniques.even(techniques.simplify(canvas))
    contours = ImageChops.lighter(
        techniques.edges(flat, unit * 0.3), techniques.outline(scene.in_focus(), unit * 0.2)
    )
    tube = drawing.curve(contours, lambda value: min(1.0, max(0.0, value**0.7 - 0.26) * 2.2))
    tube = drawing.soft(tube.filter(ImageFilter.MaxFilter(3)), unit * 0.1)
    colour = techniques.saturate(drawing.soft(flat, unit * 2.4), 2.6)
    colour = _at_full_light(colour)
    wall = drawing.curve(techniques.saturate(flat, 0.8), lambda value: 0.03 + 0.2 * value**1.4)
    lit = ImageChops.multiply(wall, Image.new("RGB", scene.size, (190, 185, 255)))
    for reach, strength in ((unit * 6, 1.5), (unit * 1.8, 1.0), (unit * 0.5, 0.9)):
        halo = drawing.curve(drawing.soft(tube, reach), lambda v, s=strength: min(1.0, v * s))
        lit = ImageChops.screen(lit, ImageChops.multiply(colour, Image.merge("RGB", [halo] * 3)))
    core = drawing.curve(tube, lambda value: max(0.0, value - 0.45) * 1.6)
    drawing.paint(lit, (255, 252, 255), drawing.dim(core, 0.85))
    return drawing.vignette(lit, 0.3)


def _at_full_light(image: Image.Image) -> Image.Image:
    """Picture with every colour at the full brightness of its hue."""
    hue, saturation, _ = image.convert("HSV").split()
    strong = drawing.curve(saturation, lambda value: 0.4 + 0.6 * value**0.6)
    full = Image.new("L", image.size, 255)
    return Image.merge("HSV", (hue, strong, full)).convert("RGB")
