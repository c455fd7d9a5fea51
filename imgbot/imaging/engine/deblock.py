"""JPEG block artefacts: estimate of the quality that left them, and their removal.

A picture that JPEG has quantized changes least when it is quantized so again: that gives its
quality away. Re-encoded on shifted grids and averaged, the blocks disappear and the edges stay
(A. Nosratinia, "Enhancement of JPEG-compressed images by re-application of JPEG", 2001). Coarser
steps than the picture's own remove noise in the same way.
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
# Least ratio by which the error dips at the picture's own quality: photographs that were never
# JPEG-encoded stay below 1.1, those encoded at 75 and less reach 3 to 10.
_DIP = 1.6
# Below this error, rounding dominates.
_ERROR_FLOOR = 0.2
# From this quality up blocks are invisible, and removing them costs detail.
QUALITY_WITHOUT_BLOCKS = 85


def find_jpeg_quality(image: Image.Image) -> int | None:
    """JPEG quality (libjpeg's scale, even) that left visible blocks, or None."""
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
    """Greyscale centre of the picture, aligned to the grid."""
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
    """Picture (RGB) without the blocks that a JPEG of `quality` left in it."""
    coding: dict[str, object] = {"quality": quality, "subsampling": 0}

    def work(strip: Image.Image) -> Image.Image:
        return _mean(itertools.chain([strip], _shifted(strip, coding)))

    return in_strips(image, work, margin_px=2 * _GRID_PX)


def quantize(image: Image.Image, lightness_step: float, colour_step: float) -> Image.Image:
    """Picture with its cosine coefficients quantized, in steps wide enough to drop noise."""
    tables = [_flat_table(lightness_step), _flat_table(colour_step)]
    copies = _shifted(image, {"qtables": tables, "subsampling": 0})
    # The mean takes nine; one of the eight counts twice.
    first = next(copies)
    return _mean(itertools.chain([first, first], copies))


def _flat_table(step: float) -> list[int]:
    # The block's mean is hardly noisy, and steps in it would be visible.
    return [_byte(step / 3), *[_byte(step)] * 63]


def _byte(step: float) -> int:
    return max(1, min(255, round(step)))


def _shifted(image: Image.Image, options: dict[str, object]) -> Iterator[Image.Image]:
    """Picture re-encoded on each of the shifted grids."""
    width, height = image.size
    for right, down in _SHIFTS_PX:
        # Padded with its own first rows and columns, so that no edge arises at the border.
        wide = Image.new("RGB", (width + right, height + down))
        for place in ((0, 0), (right, 0), (0, down), (right, down)):
            wide.paste(image, place)
        yield _recompress(wide, options).crop((right, down, width + right, height + down))


def _recompress(image: Image.Image, options: dict[str, object]) -> Image.Image:
    """Picture after encoding to JPEG and decoding."""
    coded = io.BytesIO()
    image.save(coded, "JPEG", **options)
    with Image.open(coded, formats=("JPEG",)) as opened:
        opened.load()
        return opened


def _mean(images: Iterator[Image.Image]) -> Image.Image:
    """Mean of nine pictures (RGB), of which at most three are held at once."""
    thirds = [
        weighted_sum([next(images) for _ in range(3)], (1 / 3, 1 / 3, 1 / 3)) for _ in range(3)
    ]
    return weighted_sum(thirds, (1 / 3, 1 / 3, 1 / 3))


def weighted_sum(images: Sequence[Image.Image], weights: tuple[float, float, float]) -> Image.Image:
    """Weighted sum of three pictures (RGB), rounded once (Pillow's blends truncate)."""
    bands = [
        Image.merge("RGB", [image.getchannel(band) for image in images]).convert("L", (*weights, 0))
        for band in range(3)
    ]
    return Image.merge("RGB", bands)
