"""Drawing primitives: gradients, noise, glows, masks with smooth edges.

All randomness comes from the caller's generator, so that a seed always gives the same picture.
"""

import math
import random
from collections.abc import Callable, Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from imgbot.imaging.engine.colours import Colour, ramp

Size = tuple[int, int]
Point = tuple[float, float]
Line = list[Point]

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
        total = Image.blend(total, layer, 0.5) if octave == 0 else _add(total, layer, octave)
    return stretch(total)


def _add(total: Image.Image, layer: Image.Image, octave: int) -> Image.Image:
    weight = 0.5 ** (octave + 1)
    centred = layer.point([round(128 + (value - 128) * weight) for value in range(256)])
    return ImageChops.add(total, centred, 1, -128)


def stretch(image: Image.Image) -> Image.Image:
    """Grey values stretched to the whole range, one percent clipped at each end."""
    histogram = image.histogram()
    low, high = percentile(histogram, 0.01), percentile(histogram, 0.99)
    span = max(1, high - low)
    return image.point([min(255, max(0, (value - low) * 255 // span)) for value in range(256)])


def percentile(histogram: Sequence[int], share: float) -> int:
    """Quantile of a histogram: the value below which `share` of the pixels lie."""
    wanted = sum(histogram) * share
    seen = 0
    for value, count in enumerate(histogram):
        seen += count
        if seen >= wanted:
            return value
    return len(histogram) - 1


def colourize(grey: Image.Image, stops: tuple[Colour, ...]) -> Image.Image:
    """Grey values mapped to the colours along the stops."""
    colours = ramp(stops, 256)
    bands = [grey.point([colour[band] for colour in colours]) for band in range(3)]
    return Image.merge("RGB", bands)


def curve(image: Image.Image, function: Callable[[float], float]) -> Image.Image:
    """Channel values (0 to 1) mapped by a function."""
    table = [min(255, max(0, round(255 * function(value / 255)))) for value in range(256)]
    return image.point(table * len(image.getbands()))


def mask(size: Size, draw: Callable[[ImageDraw.ImageDraw, float], None]) -> Image.Image:
    """Mask (L) with smooth edges; `draw` multiplies its coordinates by the given scale."""
    large = Image.new("L", (size[0] * OVERSAMPLING, size[1] * OVERSAMPLING), 0)
    draw(ImageDraw.Draw(large), OVERSAMPLING)
    return large.reduce(OVERSAMPLING)


def polygon_mask(size: Size, points: Sequence[Point]) -> Image.Image:
    """Mask of a polygon's inside."""

    def fill(draw: ImageDraw.ImageDraw, scale: float) -> None:
        draw.polygon([(x * scale, y * scale) for x, y in points], fill=255)

    return mask(size, fill)


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
    return ImageChops.add(image, Image.merge("RGB", [centred] * len(image.getbands())), 1, -128)


def vignette(image: Image.Image, strength: float) -> Image.Image:
    """Picture darkened towards the corners."""
    shade = Image.radial_gradient("L").resize(image.size, _BILINEAR)
    table = [
        round(255 * (1 - strength * max(0.0, value / 255 - 0.35) ** 1.6 * 1.9))
        for value in range(256)
    ]
    dark = shade.point(table)
    return ImageChops.multiply(image, Image.merge("RGB", [dark] * 3))


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
    wide = _mirrored_around(image, margin)
    return wide.transform(image.size, Image.Transform.MESH, mesh, _BICUBIC)


def _mirrored_around(image: Image.Image, margin: int) -> Image.Image:
    # Wide enough for any shift: the picture is continued by its mirror image.
    wide = Image.new(image.mode, (image.width + 2 * margin, image.height + 2 * margin))
    flipped = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for x in (-1, 0, 1):
        for y in (-1, 0, 1):
            tile = flipped if x else image
            tile = tile.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if y else tile
            wide.paste(tile, (margin + x * image.width, margin + y * image.height))
    return wide
