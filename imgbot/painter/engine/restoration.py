"""Restoration of photos in strips: JPEG blocks, noise, blur; each measured, then removed."""

import io
import itertools
from collections.abc import Callable, Iterator, Sequence
from math import sqrt
from statistics import NormalDist

from PIL import Image, ImageChops, ImageFilter, ImageStat

from imgbot.painter.engine.drawing import curve, percentile

STRIP_PX = 512


def in_strips(
    image: Image.Image, work: Callable[[Image.Image], Image.Image], *, margin_px: int
) -> Image.Image:
    """Picture after `work`, applied to strips; `margin_px` is its largest vertical reach.

    A margin that is a multiple of 8 keeps the JPEG grid aligned.
    """
    if image.height <= STRIP_PX + margin_px:
        return work(image)
    result = Image.new(image.mode, image.size)
    for top in range(0, image.height, STRIP_PX):
        bottom = min(image.height, top + STRIP_PX)
        outer = (max(0, top - margin_px), min(image.height, bottom + margin_px))
        strip = work(image.crop((0, outer[0], image.width, outer[1])))
        result.paste(strip.crop((0, top - outer[0], image.width, bottom - outer[0])), (0, top))
    return result


# Eight shifts of the 8 x 8 grid, no two of them in one row or column.
_SHIFTS_PX = ((1, 2), (4, 0), (7, 6), (2, 5), (5, 3), (0, 7), (3, 1), (6, 4))
_GRID_PX = 8
_QUALITIES = range(6, 96, 2)


def find_jpeg_quality(image: Image.Image) -> int | None:
    """JPEG quality (libjpeg's scale, even) that left visible blocks, or None."""
    probe = _probe(image)
    if min(probe.size) < 6 * _GRID_PX:
        return None
    # Below this error, rounding dominates.
    errors = [max(0.2, _recoding_error(probe, quality)) for quality in _QUALITIES]
    # Without blocks the error only falls as the quality rises.
    dips = [max(errors[index:]) / error for index, error in enumerate(errors)]
    deepest = max(dips)
    quality = _QUALITIES[dips.index(deepest)]
    # 1.6 is the least ratio by which the error dips at the picture's own quality: photographs that
    # were never JPEG-encoded stay below 1.1, those encoded at 75 and less reach 3 to 10.
    # From 85 up, blocks are invisible, and removing them costs detail.
    return quality if deepest > 1.6 and quality < 85 else None


def _probe(image: Image.Image) -> Image.Image:
    """Greyscale centre of the picture, aligned to the grid."""
    width, height = (min(512, side) // _GRID_PX * _GRID_PX for side in image.size)
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
    return [max(1, min(255, round(each))) for each in (step / 3, *[step] * 63)]


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
    return weighted_sum([weighted_sum([next(images) for _ in range(3)]) for _ in range(3)])


def weighted_sum(
    images: Sequence[Image.Image], weights: Sequence[float] = (1 / 3, 1 / 3, 1 / 3)
) -> Image.Image:
    """Weighted sum of three pictures (RGB), rounded once (Pillow's blends truncate)."""
    bands = [
        Image.merge("RGB", [image.getchannel(band) for image in images]).convert("L", (*weights, 0))
        for band in range(3)
    ]
    return Image.merge("RGB", bands)


def estimate_noise(image: Image.Image) -> float:
    """Standard deviation of the noise in lightness (Immerkaer's mask, robust to texture)."""
    grey = image.convert("L")
    mask = ImageFilter.Kernel((3, 3), (1, -2, 1, -2, 4, -2, 1, -2, 1), scale=6, offset=128)
    response = grey.filter(mask)
    # Clipped areas carry no noise and would lower the estimate.
    middle = grey.point([255 if 12 < value < 243 else 0 for value in range(256)])
    histogram = response.histogram(middle)
    if sum(histogram) < 1000:
        return 0.0
    deviations = [0] * 129
    for value, count in enumerate(histogram):
        deviations[min(128, abs(value - 128))] += count
    # The quietest third of the picture is flat, where noise is the only variation; clipped areas
    # count towards that third.
    share = 0.33 * sum(histogram) / (grey.width * grey.height)
    return _fine_quantile(deviations, share) / NormalDist().inv_cdf(0.5 + share / 2)


def _fine_quantile(histogram: list[int], share: float) -> float:
    """Quantile of a histogram, interpolated between whole values."""
    wanted = sum(histogram) * share
    seen = 0.0
    for value, count in enumerate(histogram):
        if seen + count >= wanted and count:
            start, width = (value - 0.5, 1.0) if value else (0.0, 0.5)
            return start + width * (wanted - seen) / count
        seen += count
    return float(len(histogram))


def denoise(
    image: Image.Image, *, noise: float | None = None, strength: float = 1.0
) -> Image.Image:
    """Denoised picture (RGB); `noise` is the expected deviation, measured if not given.

    Mean of two methods with different artefacts: weak detail shrunk in three bands, and weak
    cosine coefficients dropped.
    """
    sigma = estimate_noise(image) if noise is None else noise
    # Standard deviations of the noise that is considered.
    sigma = min(45.0, max(1.5, sigma)) * strength
    if sigma <= 0:
        return image

    def work(strip: Image.Image) -> Image.Image:
        shrunk = _shrink_bands(strip, sigma)
        # Quantization steps in standard deviations of the noise: the best of 3 to 7 on test photos.
        coarse = quantize(strip, 5.5 * sigma, 7.0 * sigma)
        return weighted_sum((shrunk, coarse, coarse), (0.5, 0.25, 0.25))

    # Reach of the three blurs and that of the energy, added up.
    return in_strips(image, work, margin_px=32)


def _shrink_bands(image: Image.Image, sigma: float) -> Image.Image:
    # Chroma carries about 0.6 of a channel's noise, and its detail is hardly visible.
    deviations = (sigma, sigma * 0.75 * 1.35, sigma * 0.75 * 1.35)
    channels = zip(image.convert("YCbCr").split(), deviations, strict=True)
    return Image.merge("YCbCr", [_shrink_channel(*each) for each in channels]).convert("RGB")


def _shrink_channel(channel: Image.Image, sigma: float) -> Image.Image:
    smooth = channel
    bands: list[Image.Image] = []
    # Share of the noise left in each band of detail, from fine to coarse, measured on white noise.
    for radius, share in zip((1.0, 2.2, 4.4), (0.83, 0.26, 0.13), strict=True):
        smoother = smooth.filter(ImageFilter.GaussianBlur(radius))
        bands.append(_shrink(smooth, smoother, sigma * share))
        smooth = smoother
    for band in reversed(bands):
        smooth = ImageChops.add(smooth, band, 1, -128)
    return smooth


def _shrink(fine: Image.Image, coarse: Image.Image, sigma: float) -> Image.Image:
    """One band of detail (around 128), kept where its local energy exceeds the noise."""
    detail = ImageChops.subtract(fine, coarse, 1, 128)
    # Energy in quarter steps, for precision at weak noise.
    energy = curve(ImageChops.difference(fine, coarse), lambda value: value * 4)
    around = energy.filter(ImageFilter.GaussianBlur(1.6))
    expected = sigma * 0.8 * 4 / 255
    # Wiener filter: the share of the energy that is not noise.
    keep = curve(around, lambda level: 1 - 1.3 * (expected / max(level, 0.5 / 255)) ** 2)
    flat = Image.new("L", fine.size, 128)
    return Image.composite(detail, flat, keep)


# Standard deviations of a Gaussian, in pixels. Sharp photos measure 0.3 to 0.85.
SHARP_PX = 0.95
_PROBE_BLUR_PX = 1.0


def estimate_blur_px(image: Image.Image) -> float:
    """Blur of the sharpest edges as a Gaussian's deviation in pixels; 0 without edges.

    Measured by blurring again, which flattens a sharp edge more than a blurred one.
    """
    if min(image.size) < 8:
        return 0.0
    grey = image.convert("L")
    steep = _edge_strength(grey)
    if steep < 12:
        return 0.0
    again = _edge_strength(grey.filter(ImageFilter.GaussianBlur(_PROBE_BLUR_PX)))
    ratio = min(0.98, again / steep)
    return _PROBE_BLUR_PX * ratio / sqrt(1 - ratio * ratio)


def _edge_strength(grey: Image.Image) -> int:
    width, height = grey.size
    here = grey.crop((0, 0, width - 1, height - 1))
    across = ImageChops.difference(here, grey.crop((1, 0, width, height - 1)))
    down = ImageChops.difference(here, grey.crop((0, 1, width - 1, height)))
    # Edges: the steepest 500th of the pixels.
    return percentile(ImageChops.lighter(across, down).histogram(), 0.998)


def deblur(image: Image.Image, blur_px: float, noise: float) -> Image.Image:
    """Remove a blur (RGB) by Van Cittert's iteration, in fewer rounds for noisy pictures."""
    # Sharp photos have some blur, and more than 2 px cannot be undone.
    # Removing more blur than there is makes halos.
    natural_px, undoable_px, caution = 0.5, 2.0, 0.85
    smear = sqrt(max(0.0, min(undoable_px, caution * blur_px) ** 2 - natural_px**2))
    lightness, blue, red = image.convert("YCbCr").split()
    better = lightness
    for _ in range(4 if noise < 1.5 else 2):
        blurred = better.filter(ImageFilter.GaussianBlur(smear))
        missing = ImageChops.subtract(lightness, blurred, 1, 128)
        better = ImageChops.add(better, missing, 1, -128)
    return Image.merge("YCbCr", (better, blue, red)).convert("RGB")
