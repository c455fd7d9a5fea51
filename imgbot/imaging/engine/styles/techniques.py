"""Techniques shared by styles: contours, flat colours, lines, strokes, relief."""

import math
import random

from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from imgbot.imaging.engine import drawing


def edges(image: Image.Image, reach_px: float) -> Image.Image:
    """Contour strength of each pixel as grey; detail finer than `reach_px` is ignored."""
    grey = drawing.soft(image.convert("L"), reach_px)
    # The filter leaves the border pixels as they are, which would be one long contour.
    found = grey.filter(ImageFilter.FIND_EDGES)
    clean = Image.new("L", found.size, 0)
    clean.paste(found.crop((2, 2, found.width - 2, found.height - 2)), (2, 2))
    gain = min(12.0, 255 / max(1, drawing.percentile(clean.histogram(), 0.985)))
    return clean.point([min(255, round(value * gain)) for value in range(256)])


def simplify(image: Image.Image, strength: int = 2) -> Image.Image:
    """Flat areas and clear contours: a mode filter at half the size removes small detail."""
    small = image.reduce(2)
    for _ in range(strength):
        small = small.filter(ImageFilter.MedianFilter(5))
    return small.resize(image.size, Image.Resampling.BICUBIC)


def lines(
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
    wide = drawing.soft(focus, max(0.6, reach_px))
    return wide.point([max(0, 255 - abs(value - 128) * 3) for value in range(256)])


def posterise(image: Image.Image, count: int, focus: Image.Image) -> Image.Image:
    """Picture in few flat colours, and as many of its own for the focus."""
    small, mask = image.reduce(2), focus.reduce(2)
    flat = _few_colours(small, count)
    if box := mask.getbbox():
        flat.paste(_few_colours(small.crop(box), count), box[:2], mask.crop(box))
    return flat.resize(image.size, Image.Resampling.BICUBIC)


def thread_colours(image: Image.Image, count: int, focus: Image.Image) -> Image.Image:
    """Small picture in few colours, and as many of its own for the focus, without dithering."""
    few = _quantised(image, count)
    mask = focus.resize(image.size, Image.Resampling.BOX).point([0] * 128 + [255] * 128)
    if box := mask.getbbox():
        few.paste(_quantised(image.crop(box), count), box[:2], mask.crop(box))
    return few


def _quantised(image: Image.Image, count: int) -> Image.Image:
    few = image.quantize(count, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
    return few.convert("RGB")


def _few_colours(image: Image.Image, count: int) -> Image.Image:
    few = image.quantize(count, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
    table, indices = few.getpalette() or [], Image.frombytes("L", few.size, few.tobytes())
    tidy = indices.filter(ImageFilter.ModeFilter(5))
    bands = [
        tidy.point(
            [table[index * 3 + band] if index * 3 < len(table) else 0 for index in range(256)]
        )
        for band in range(3)
    ]
    return Image.merge("RGB", bands)


def cut(one: Image.Image, other: Image.Image, sharpness: float) -> Image.Image:
    """Mask where the first picture is brighter than the second; hard at high sharpness."""
    return ImageChops.subtract(one, other, 1 / sharpness, 128)


def streaks(
    size: tuple[int, int], rng: random.Random, degrees: float, length_px: float, width_px: float
) -> Image.Image:
    """Noise stretched in one direction, as bristles, pencils and chalk leave it."""
    side = math.ceil(math.hypot(*size))
    grid = (max(2, round(side / length_px)), max(2, round(side / width_px)))
    noise = Image.frombytes("L", grid, rng.randbytes(grid[0] * grid[1]))
    noise = noise.resize((side, side), Image.Resampling.BICUBIC).rotate(
        degrees, Image.Resampling.BILINEAR
    )
    left, top = (side - size[0]) // 2, (side - size[1]) // 2
    return noise.crop((left, top, left + size[0], top + size[1]))


def lit_relief(image: Image.Image, relief: Image.Image, strength: float) -> Image.Image:
    """Picture shaded as a relief, lit from the upper left."""
    bumps = relief.filter(ImageFilter.EMBOSS).point(
        [min(255, max(0, round(128 + (value - 128) * strength))) for value in range(256)]
    )
    return ImageChops.overlay(image, Image.merge("RGB", [bumps] * 3))


def saturate(image: Image.Image, factor: float) -> Image.Image:
    """Picture with stronger (factor above 1) or weaker colours."""
    return ImageEnhance.Color(image).enhance(factor)
