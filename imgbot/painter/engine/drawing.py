"""Drawing primitives and techniques: gradients, noise, glows, masks, outlines, streaks.

All randomness comes from the caller's generator, so that a seed always gives the same picture.
"""

import math
import random
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps, ImageStat

from imgbot.painter.engine.colours import Colour, ramp

Size = tuple[int, int]
Point = tuple[float, float]
Line = list[Point]
Box = tuple[int, int, int, int]

# Masks are drawn at this multiple and reduced: Pillow draws without antialiasing.
OVERSAMPLING = 3
_BILINEAR = Image.Resampling.BILINEAR
_BICUBIC = Image.Resampling.BICUBIC


def gradient(size: Size, stops: tuple[Colour, ...]) -> Image.Image:
    """Vertical gradient through the stops."""
    strip = Image.new("RGB", (1, 256))
    strip.putdata(ramp(stops, 256))
    return strip.resize(size, _BILINEAR)


def clouds(size: Size, rng: random.Random, cell_px: float, octaves: int = 5) -> Image.Image:
    """Fractal noise over the whole range of greys, with features of about `cell_px`."""
    total = Image.new("L", size, 128)
    for octave in range(octaves):
        scale = cell_px / 2**octave
        if scale < 1:
            break
        grid = (int(size[0] / scale) + 3, int(size[1] / scale) + 3)
        noise = Image.frombytes("L", grid, rng.randbytes(grid[0] * grid[1]))
        # Random offset, otherwise all octaves would share their grid lines.
        left, top = rng.random(), rng.random()
        box = (left, top, left + size[0] / scale, top + size[1] / scale)
        layer = noise.resize(size, _BICUBIC, box=box)
        if octave == 0:
            total = Image.blend(total, layer, 0.5)
            continue
        weight = 0.5 ** (octave + 1)
        centred = layer.point([round(128 + (value - 128) * weight) for value in range(256)])
        total = ImageChops.add(total, centred, 1, -128)
    return stretch(total)


def stretch(image: Image.Image) -> Image.Image:
    """Grey values stretched to the whole range, one percent clipped at each end."""
    histogram = image.histogram()
    low, high = percentile(histogram, 0.01), percentile(histogram, 0.99)
    span = max(1, high - low)
    return image.point([min(255, max(0, (value - low) * 255 // span)) for value in range(256)])


def percentile(histogram: Sequence[int], share: float) -> int:
    """Quantile of a histogram: the value below which `share` of the pixels lie."""
    counts = list(accumulate(histogram))
    return min(bisect_left(counts, counts[-1] * share), len(counts) - 1)


def colourize(grey: Image.Image, stops: tuple[Colour, ...]) -> Image.Image:
    """Grey values mapped to the colours along the stops."""
    return recoloured(grey, ramp(stops, 256))


def recoloured(grey: Image.Image, colours: Sequence[Colour]) -> Image.Image:
    """Grey values replaced by 256 colours."""
    return Image.merge("RGB", [grey.point(list(band)) for band in zip(*colours, strict=True)])


def colour_at(image: Image.Image, x: int, y: int) -> Colour:
    """Colour of a pixel."""
    red, green, blue = image.crop((x, y, x + 1, y + 1)).convert("RGB").tobytes()
    return red, green, blue


def curve(image: Image.Image, function: Callable[[float], float]) -> Image.Image:
    """Channel values (0 to 1) mapped by a function."""
    table = [min(255, max(0, round(255 * function(value / 255)))) for value in range(256)]
    return image.point(table * len(image.getbands()))


def mask(size: Size, draw: Callable[[ImageDraw.ImageDraw, float], None]) -> Image.Image:
    """Mask (L) with smooth edges; `draw` multiplies its coordinates by the given scale."""
    large = Image.new("L", (size[0] * OVERSAMPLING, size[1] * OVERSAMPLING), 0)
    draw(ImageDraw.Draw(large), OVERSAMPLING)
    return large.reduce(OVERSAMPLING)


def areas(size: Size, shapes: Iterable[tuple[str, Iterable[Point], int]]) -> Image.Image:
    """Mask of shapes: kind (polygon, rectangle, ellipse), points and brightness."""

    def fill(draw: ImageDraw.ImageDraw, scale: float) -> None:
        for kind, points, bright in shapes:
            getattr(draw, kind)([(x * scale, y * scale) for x, y in points], fill=bright)

    return mask(size, fill)


def polygon_mask(size: Size, points: Sequence[Point]) -> Image.Image:
    """Mask of a polygon's inside."""
    return areas(size, [("polygon", points, 255)])


def discs(size: Size, spots: Iterable[tuple[float, float, float, int]]) -> Image.Image:
    """Mask of discs: x and y of the centre, radius, brightness."""
    boxes = (((x - r, y - r), (x + r, y + r), bright) for x, y, r, bright in spots)
    return areas(size, (("ellipse", box, bright) for *box, bright in boxes))


def strokes(size: Size, lines: Iterable[tuple[Iterable[Point], float, int]]) -> Image.Image:
    """Mask of lines: their points, width in pixels and brightness."""

    def draw_all(draw: ImageDraw.ImageDraw, scale: float) -> None:
        for points, width_px, bright in lines:
            line = [(x * scale, y * scale) for x, y in points]
            draw.line(line, fill=bright, width=max(1, round(width_px * scale)), joint="curve")

    return mask(size, draw_all)


def moved(where: Image.Image, right_px: float, down_px: float) -> Image.Image:
    """Mask moved, empty where nothing came from."""
    place = Image.new("L", where.size, 0)
    place.paste(where, (round(right_px), round(down_px)))
    return place


def paint(canvas: Image.Image, what: Image.Image | Colour, where: Image.Image) -> None:
    """Paint a colour or a picture onto the canvas through a mask."""
    if isinstance(what, Image.Image):
        canvas.paste(what, (0, 0), where)
    else:
        canvas.paste(what, (0, 0, *canvas.size), where)


def times(one: Image.Image, other: Image.Image) -> Image.Image:
    """Product of two masks."""
    both = Image.new("L", one.size, 0)
    both.paste(one, (0, 0), other)
    return both


def dim(where: Image.Image, share: float) -> Image.Image:
    """Mask multiplied by a share."""
    return where.point([round(value * share) for value in range(256)])


def soft(image: Image.Image, radius_px: float) -> Image.Image:
    """Blurred picture; wide blurs are made at a quarter of the size, at a sixteenth of the cost."""
    if radius_px < 12:
        return image.filter(ImageFilter.GaussianBlur(radius_px))
    small = image.resize((max(1, image.width // 4), max(1, image.height // 4)), _BILINEAR)
    return small.filter(ImageFilter.GaussianBlur(radius_px / 4)).resize(image.size, _BICUBIC)


def share_of(mask: Image.Image) -> float:
    """Share of the picture that a mask marks."""
    return ImageStat.Stat(mask).mean[0] / 255


def hsv_of(colour: Colour) -> Colour:
    """Hue, saturation and value of a colour, 0 to 255."""
    hue, saturation, value = Image.new("RGB", (1, 1), colour).convert("HSV").tobytes()
    return hue, saturation, value


def spread(image: Image.Image, known: Image.Image, radius_px: float) -> Image.Image:
    """Picture blurred (RGBA) by the colours where the mask `known` is set, more opaque near them.

    Premultiplied, the colours that are not known do not spread into the blur.
    """
    source = image.copy()
    source.putalpha(known)
    return source.convert("RGBa").filter(ImageFilter.GaussianBlur(radius_px)).convert("RGBA")


def paint_spread(
    canvas: Image.Image, image: Image.Image, known: Image.Image, radius_px: float
) -> None:
    """Paint the known colours of a picture onto the canvas, blurred."""
    blurred = spread(image, known, radius_px)
    # At a low opacity, eight bits are too few for a colour.
    weight = blurred.getchannel("A").point([min(255, value * 8) for value in range(256)])
    canvas.paste(blurred.convert("RGB"), (0, 0), weight)


def padded(box: Box, by_px: int, size: Size) -> Box:
    """Box with a margin, clipped to a picture of this size."""
    left, top, right, bottom = box
    right, bottom = min(size[0], right + by_px), min(size[1], bottom + by_px)
    return max(0, left - by_px), max(0, top - by_px), right, bottom


def unit_px(image: Image.Image) -> float:
    """Hundredth of the shorter side, in pixels."""
    return min(image.size) / 100


def scaled(size: Size, share: float) -> Size:
    """Size scaled to a share of its width and height."""
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def rescale(image: Image.Image, share: float) -> Image.Image:
    """Picture scaled to a share of its width and height."""
    size = scaled(image.size, share)
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def shrink_to(image: Image.Image, megapixels: float) -> Image.Image:
    """Picture reduced to at most so many megapixels."""
    share = (megapixels * 1_000_000 / (image.width * image.height)) ** 0.5
    return rescale(image, share) if share < 1 else image


def fall(size: Size, function: Callable[[float], float]) -> Image.Image:
    """Grey picture by a function of the height: 0 at the top, 1 at the bottom."""
    return curve(Image.linear_gradient("L").resize(size), function)


def tiled(tile: Image.Image, size: Size) -> Image.Image:
    """Picture of this size, full of tiles."""
    sheet = Image.new(tile.mode, size)
    for left in range(0, size[0], tile.width):
        for top in range(0, size[1], tile.height):
            sheet.paste(tile, (left, top))
    return sheet


def glow(
    canvas: Image.Image, centre: Point, radius_px: float, colour: Colour, strength: float
) -> Image.Image:
    """Canvas with light around a point, fading out at the radius."""
    side = max(2, round(radius_px * 2))
    halo = Image.radial_gradient("L")
    # radial_gradient reaches white at the corners; a circle must end at the edges.
    table = [round(255 * strength * max(0.0, 1 - value / 180) ** 2.4) for value in range(256)]
    spot = halo.point(table).resize((side, side), _BICUBIC)
    light = Image.new("L", canvas.size, 0)
    light.paste(spot, (round(centre[0] - side / 2), round(centre[1] - side / 2)))
    bands = [light.point([value * part // 255 for value in range(256)]) for part in colour]
    return ImageChops.screen(canvas, Image.merge("RGB", bands))


def grain(image: Image.Image, rng: random.Random, amount: float) -> Image.Image:
    """Picture with fine grain, which also hides banding."""
    size = image.size
    noise = Image.frombytes("L", size, rng.randbytes(size[0] * size[1]))
    table = [round(128 + (value - 127.5) * amount) for value in range(256)]
    centred = noise.point(table)
    return ImageChops.add(image, centred.convert("RGB"), 1, -128)


def vignette(image: Image.Image, strength: float) -> Image.Image:
    """Picture darkened towards the corners."""
    shade = Image.radial_gradient("L").resize(image.size, _BILINEAR)
    dark = curve(shade, lambda value: 1 - strength * max(0.0, value - 0.35) ** 1.6 * 1.9)
    return ImageChops.multiply(image, dark.convert("RGB"))


def warp(image: Image.Image, bend: Image.Image, reach_px: float, step_px: int = 16) -> Image.Image:
    """Picture warped by up to half of `reach_px`, according to the noise `bend`."""
    (width, height), margin = image.size, round(reach_px)
    columns, rows = width // step_px + 2, height // step_px + 2
    across = bend.resize((columns, rows)).convert("L")
    shifts, turned = across.tobytes(), across.transpose(Image.Transpose.ROTATE_180).tobytes()

    def moved(column: int, row: int) -> Point:
        place = row * columns + column
        return (
            margin + column * step_px + (shifts[place] / 255 - 0.5) * reach_px,
            margin + row * step_px + (turned[place] / 255 - 0.5) * reach_px,
        )

    mesh: list[tuple[tuple[int, int, int, int], tuple[float, ...]]] = []
    for row in range(math.ceil(height / step_px)):
        for column in range(math.ceil(width / step_px)):
            left, top = column * step_px, row * step_px
            corners = (moved(column, row), moved(column, row + 1),
                       moved(column + 1, row + 1), moved(column + 1, row))  # fmt: skip
            box = (left, top, left + step_px, top + step_px)
            mesh.append((box, tuple(part for corner in corners for part in corner)))
    # A little larger, so that there is something beyond the edge.
    wide = image.resize((width + 2 * margin, height + 2 * margin), _BILINEAR)
    return wide.transform(image.size, Image.Transform.MESH, mesh, _BICUBIC)


def edges(image: Image.Image, reach_px: float) -> Image.Image:
    """Contour strength of each pixel as grey; detail finer than `reach_px` is ignored."""
    grey = soft(image.convert("L"), reach_px)
    # The filter leaves the border pixels as they are, which would be one long contour.
    found = grey.filter(ImageFilter.FIND_EDGES)
    clean = Image.new("L", found.size, 0)
    clean.paste(found.crop((2, 2, max(2, found.width - 2), max(2, found.height - 2))), (2, 2))
    gain = min(12.0, 255 / max(1, percentile(clean.histogram(), 0.985)))
    return clean.point([min(255, round(value * gain)) for value in range(256)])


def simplify(image: Image.Image, strength: int = 2) -> Image.Image:
    """Flat areas and clear contours: a mode filter at half the size removes small detail."""
    small = image.reduce(2)
    for _ in range(strength):
        small = small.filter(ImageFilter.MedianFilter(5))
    return small.resize(image.size, Image.Resampling.BICUBIC)


def hatching(
    size: tuple[int, int], spacing_px: float, degrees: float, bend: Image.Image, waves: float
) -> Image.Image:
    """Parallel lines as a grey relief, black along each centre, bent by a picture's tones.

    `waves` is the distance of black and white in `bend`, in spacings.
    """
    turn = math.radians(degrees)
    across = Image.new("L", (size[0], 1))
    across.putdata([round(x * math.cos(turn) * 256 / spacing_px) % 256 for x in range(size[0])])
    down = Image.new("L", (1, size[1]))
    down.putdata([round(y * math.sin(turn) * 256 / spacing_px) % 256 for y in range(size[1])])
    nearest = Image.Resampling.NEAREST
    phase = ImageChops.add_modulo(across.resize(size, nearest), down.resize(size, nearest))
    # Eight bits of tone cover several periods of the phase.
    shifted = bend.convert("L").point([round(value * waves) % 256 for value in range(256)])
    phase = ImageChops.add_modulo(phase, shifted)
    return phase.point([min(255, abs(value - 128) * 2) for value in range(256)])


def even(image: Image.Image, cutoff: float = 1.0) -> Image.Image:
    """Tones stretched to the whole range, with the relations of colours kept."""
    return ImageOps.autocontrast(image, cutoff=cutoff, preserve_tone=True)


def outline(focus: Image.Image, reach_px: float) -> Image.Image:
    """Band of the given width along a mask's edge, on both sides."""
    wide = soft(focus, max(0.6, reach_px))
    return wide.point([max(0, 255 - abs(value - 128) * 3) for value in range(256)])


def posterise(image: Image.Image, count: int, focus: Image.Image) -> Image.Image:
    """Picture in few flat colours, and as many of its own for the focus."""
    few = thread_colours(image.reduce(2), count, focus).filter(ImageFilter.ModeFilter(5))
    return few.resize(image.size, Image.Resampling.BICUBIC)


def thread_colours(image: Image.Image, count: int, focus: Image.Image) -> Image.Image:
    """Small picture in few colours, and as many of its own for the focus, without dithering."""

    def quantised(part: Image.Image) -> Image.Image:
        few = part.quantize(count, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
        return few.convert("RGB")

    few = quantised(image)
    mask = focus.resize(image.size, Image.Resampling.BOX).point([0] * 128 + [255] * 128)
    if box := mask.getbbox():
        few.paste(quantised(image.crop(box)), box[:2], mask.crop(box))
    return few


def cut_by(one: Image.Image, other: Image.Image, sharpness: float) -> Image.Image:
    """Mask where the first picture is brighter than the second; hard at high sharpness."""
    return ImageChops.subtract(one, other, 1 / sharpness, 128)


def streaks(
    size: tuple[int, int], rng: random.Random, degrees: float, length_px: float, width_px: float
) -> Image.Image:
    """Noise stretched in one direction, as bristles, pencils and chalk leave it."""
    side = math.ceil(math.hypot(*size))
    grid = (max(2, round(side / length_px)), max(2, round(side / width_px)))
    noise = Image.frombytes("L", grid, rng.randbytes(grid[0] * grid[1]))
    noise = noise.resize((side, side), _BICUBIC).rotate(degrees, _BILINEAR)
    left, top = (side - size[0]) // 2, (side - size[1]) // 2
    return noise.crop((left, top, left + size[0], top + size[1]))


def lit_relief(image: Image.Image, relief: Image.Image, strength: float) -> Image.Image:
    """Picture shaded as a relief, lit from the upper left."""
    table = [min(255, max(0, round(128 + (value - 128) * strength))) for value in range(256)]
    bumps = relief.filter(ImageFilter.EMBOSS).point(table)
    return ImageChops.overlay(image, bumps.convert("RGB"))


def saturate(image: Image.Image, factor: float) -> Image.Image:
    """Picture with stronger (factor above 1) or weaker colours."""
    return ImageEnhance.Color(image).enhance(factor)
