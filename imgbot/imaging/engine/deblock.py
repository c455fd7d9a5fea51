"""JPEG's blocks: which quality left them, how they go, and what else their arithmetic mends.

A picture that JPEG has quantized changes least when it is quantized so again: that gives its
quality away. Coded once more on shifted grids and averaged, the blocks go and the edges stay
(A. Nosratinia, "Enhancement of JPEG-compressed images by re-application of JPEG", 2001). Coarser
steps than the picture's own take noise away in the same manner.
"""

import io
import itertools
from collections.abc import Iterator, Sequence

from PIL import Image, ImageChops, ImageStat

from imgbot.imaging.engine.tiling import in_strips

# Eight shifts of the 8 x 8 grid, no two of them in one row or column.
_SHIFTS_PX = ((1, 2), (4, 0), (7, 6), (2, 5), (5, 3), (0, 7), (3, 1), (6, 4))
_GRID_PX = 8
_PROBE_PX = 512
_QUALITIES = range(6, 96, 2)
# How far the error dips at the picture's own quality, as a ratio: photographs that were never
# coded stay below 1.1, coded at 75 and less they reach 3 to 10.
_DIP = 1.6
# The error's floor: rounding alone makes it jump about below.
_ERROR_FLOOR = 0.2
# From here up nobody sees the blocks, and mending them costs detail.
QUALITY_WITHOUT_BLOCKS = 85


def find_jpeg_quality(image: Image.Image) -> int | None:
    """The JPEG quality (libjpeg's scale, even) that left visible blocks, or None."""
    probe = _probe(image)
    if min(probe.size) < 6 * _GRID_PX:
        return None
    errors = [max(_ERROR_FLOOR, _recoding_error(probe, quality)) for quality in _QUALITIES]
    # Without blocks the error only falls as the quality rises.
    dips = [max(errors[index:]) / error for index, error in enumerate(errors)]
    deepest = max(dips)
    quality = _QUALITIES[dips.index(deepest)]
    return quality if deepest > _DIP and quality < QUALITY_WITHOUT_BLOCKS else None


def _probe(image: Image.Image) -> Image.Image:
    """The middle in grey, cut along the grid."""
    width, height = (min(_PROBE_PX, side) // _GRID_PX * _GRID_PX for side in image.size)
    left, top = (
        (whole - part) // 2 // _GRID_PX * _GRID_PX
        for whole, part in zip(image.size, (width, height), strict=True)
    )
    return image.crop((left, top, left + width, top + height)).convert("L")


def _recoding_error(probe: Image.Image, quality: int) -> float:
    coded = _recompress(probe, {"quality": quality})
    squares = ImageStat.Stat(ImageChops.difference(probe, coded)).sum2[0]
    return squares / (probe.width * probe.height)


def deblock(image: Image.Image, quality: int) -> Image.Image:
    """The picture (RGB) without the blocks that a JPEG of `quality` left in it."""
    coding: dict[str, object] = {"quality": quality, "subsampling": 0}

    def work(strip: Image.Image) -> Image.Image:
        return _mean(itertools.chain([strip], _shifted(strip, coding)))

    return in_strips(image, work, margin_px=2 * _GRID_PX)


def quantize(image: Image.Image, lightness_step: float, colour_step: float) -> Image.Image:
    """Cosine coefficients (RGB, 0 to 255) in steps so wide that noise falls under the first."""
    tables = [_flat_table(lightness_step), _flat_table(colour_step)]
    copies = _shifted(image, {"qtables": tables, "subsampling": 0})
    # The mean is of nine; one of the eight counts twice.
    first = next(copies)
    return _mean(itertools.chain([first, first], copies))


def _flat_table(step: float) -> list[int]:
    # The block's mean is hardly noisy, and steps in it would be seen.
    return [_byte(step / 3), *[_byte(step)] * 63]


def _byte(step: float) -> int:
    return max(1, min(255, round(step)))


def _shifted(image: Image.Image, options: dict[str, object]) -> Iterator[Image.Image]:
    """The picture coded on each of the shifted grids."""
    width, height = image.size
    for right, down in _SHIFTS_PX:
        # Its own first rows and columns before it, so that no edge arises where it begins.
        wide = Image.new("RGB", (width + right, height + down))
        for place in ((0, 0), (right, 0), (0, down), (right, down)):
            wide.paste(image, place)
        yield _recompress(wide, options).crop((right, down, width + right, height + down))


def _recompress(image: Image.Image, options: dict[str, object]) -> Image.Image:
    """The picture, through JPEG and back."""
    coded = io.BytesIO()
    image.save(coded, "JPEG", **options)
    with Image.open(coded, formats=("JPEG",)) as opened:
        opened.load()
        return opened


def _mean(images: Iterator[Image.Image]) -> Image.Image:
    """The mean of nine pictures (RGB), of which few are held at once."""
    thirds = [
        weighted_sum([next(images) for _ in range(3)], (1 / 3, 1 / 3, 1 / 3)) for _ in range(3)
    ]
    return weighted_sum(thirds, (1 / 3, 1 / 3, 1 / 3))


def weighted_sum(images: Sequence[Image.Image], weights: tuple[float, float, float]) -> Image.Image:
    """The weighted sum of three pictures (RGB), rounded once (Pillow's blends cut off)."""
    bands = [
        Image.merge("RGB", [image.getchannel(band) for image in images]).convert("L", (*weights, 0))
        for band in range(3)
    ]
    return Image.merge("RGB", bands)
