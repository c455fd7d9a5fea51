"""Noise: its estimate and its removal."""

from statistics import NormalDist

from PIL import Image, ImageChops, ImageFilter

from imgbot.imaging.engine.deblock import quantize, weighted_sum
from imgbot.imaging.engine.drawing import curve
from imgbot.imaging.engine.tiling import in_strips

# Standard deviations of the noise that is considered.
_WEAKEST, _STRONGEST = 1.5, 45.0
# Share of the noise left in each band of detail, from fine to coarse; measured on white noise with
# the filters below.
_BAND_NOISE = (0.83, 0.26, 0.13)
_BAND_RADII_PX = (1.0, 2.2, 4.4)
# Reach of the three blurs and that of the energy, added up.
_REACH_PX = 32
# Quantization steps in standard deviations of the noise: the best of 3 to 7 on test photos.
_LIGHTNESS_STEP, _COLOUR_STEP = 5.5, 7.0


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
            width = 0.5 if value == 0 else 1.0
            start = 0.0 if value == 0 else value - 0.5
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
    sigma = min(_STRONGEST, max(_WEAKEST, sigma)) * strength
    if sigma <= 0:
        return image

    def work(strip: Image.Image) -> Image.Image:
        shrunk = _shrink_bands(strip, sigma)
        coarse = quantize(strip, _LIGHTNESS_STEP * sigma, _COLOUR_STEP * sigma)
        return weighted_sum((shrunk, coarse, coarse), (0.5, 0.25, 0.25))

    return in_strips(image, work, margin_px=_REACH_PX)


def _shrink_bands(image: Image.Image, sigma: float) -> Image.Image:
    lightness, blue, red = image.convert("YCbCr").split()
    # Chroma carries about 0.6 of a channel's noise, and its detail is hardly visible.
    return Image.merge(
        "YCbCr",
        (
            _shrink_channel(lightness, sigma, 1.0),
            _shrink_channel(blue, sigma * 0.75, 1.35),
            _shrink_channel(red, sigma * 0.75, 1.35),
        ),
    ).convert("RGB")


def _shrink_channel(channel: Image.Image, sigma: float, eagerness: float) -> Image.Image:
    smooth = channel
    bands: list[Image.Image] = []
    for radius, share in zip(_BAND_RADII_PX, _BAND_NOISE, strict=True):
        smoother = smooth.filter(ImageFilter.GaussianBlur(radius))
        bands.append(_shrink(smooth, smoother, sigma * share * eagerness))
        smooth = smoother
    for band in reversed(bands):
        smooth = ImageChops.add(smooth, band, 1, -128)
    return smooth


def _shrink(fine: Image.Image, coarse: Image.Image, sigma: float) -> Image.Image:
    """One band of detail (around 128), kept where its local energy exceeds the noise."""
    detail = ImageChops.subtract(fine, coarse, 1, 128)
    # Energy in quarter steps, for precision at weak noise.
    energy = ImageChops.difference(fine, coarse).point(
        [min(255, value * 4) for value in range(256)]
    )
    around = energy.filter(ImageFilter.GaussianBlur(1.6))
    expected = sigma * 0.8 * 4

    def gain(level: float) -> float:
        # Wiener filter: the share of the energy that is not noise.
        measured = level * 255
        return max(0.0, 1 - 1.3 * (expected / max(measured, 0.5)) ** 2)

    keep = curve(around, gain)
    flat = Image.new("L", fine.size, 128)
    return Image.composite(detail, flat, keep)
