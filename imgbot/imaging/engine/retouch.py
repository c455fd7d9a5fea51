"""Retouch: noise, colour cast, exposure, depth and detail, each as far as the picture needs it.

Rule: first measure, then mend. A good photograph comes out nearly as it went in.
"""

from math import log

from PIL import Image, ImageChops, ImageFilter

from imgbot.imaging.engine import tones
from imgbot.imaging.engine.brush import curve, percentile

# Standard deviations of the noise: below the first nothing is done.
NOISE_FLOOR, NOISE_CEILING = 2.2, 45.0
# Differences between channels (as logarithms) that daylight and subjects have by themselves.
NATURAL_CAST = 0.082
# Values from 0 to 255, of the darkest, middle and lightest parts.
BLACK_FRAME, HAZY_BLACK = 24, 44
BLOCKED_MIDDLE, DARK_MIDDLE, WANTED_MIDDLE = 48, 98, 116
DULL_LIGHTS, WANTED_LIGHTS = 192, 240
MAX_GAIN = 4.0
# How much of the noise's strength is left in each band of detail, from fine to coarse; measured
# on white noise with the filters below.
_BAND_NOISE = (0.83, 0.26, 0.13)
_BAND_RADII_PX = (1.0, 2.2, 4.4)


def retouch_picture(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """The mended picture, and what was mended."""
    did: list[str] = []
    noise = estimate_noise(image)
    if noise > NOISE_FLOOR:
        image = denoise(image, noise=noise)
        did.append("denoise")
    balanced = balance(image)
    if balanced is not None:
        image = balanced
        did.append("white_balance")
    exposed = expose(image)
    if exposed is not None:
        image = exposed
        did.append("exposure")
    image = tones.local_contrast(image, 0.05, max(image.size) / 24)
    return _detail(image, noise), (*did, "detail")


def improve(image: Image.Image, strength: float) -> Image.Image:
    """What `auto` means in an edit: the same, blended in by strength."""
    better, _ = retouch_picture(image)
    return Image.blend(image, better, strength)


def estimate_noise(image: Image.Image) -> float:
    """The standard deviation of the noise in lightness (Immerkaer's mask, robust to texture)."""
    grey = image.convert("L")
    mask = ImageFilter.Kernel((3, 3), (1, -2, 1, -2, 4, -2, 1, -2, 1), scale=6, offset=128)
    response = grey.filter(mask)
    # Clipped parts carry no noise and would hide it.
    middle = grey.point([255 if 12 < value < 243 else 0 for value in range(256)])
    histogram = response.histogram(middle)
    if sum(histogram) < 1000:
        return 0.0
    deviations = [0] * 129
    for value, count in enumerate(histogram):
        deviations[min(128, abs(value - 128))] += count
    # The quiet third is flat ground, where noise is all there is.
    quantile = _fine_quantile(deviations, 0.33)
    return quantile / 0.426


def _fine_quantile(histogram: list[int], share: float) -> float:
    """A quantile between whole values."""
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
    """Shrink detail that is no stronger than the noise, in three bands; colour more than light."""
    sigma = estimate_noise(image) if noise is None else noise
    sigma = min(NOISE_CEILING, max(1.5, sigma)) * strength
    lightness, blue, red = image.convert("YCbCr").split()
    # Chroma carries about 0.6 of the noise of a channel, and eyes do not miss its detail.
    return Image.merge(
        "YCbCr",
        (
            _shrink_bands(lightness, sigma, 1.0),
            _shrink_bands(blue, sigma * 0.75, 1.35),
            _shrink_bands(red, sigma * 0.75, 1.35),
        ),
    ).convert("RGB")


def _shrink_bands(channel: Image.Image, sigma: float, eagerness: float) -> Image.Image:
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
    """One band of detail (around 128), kept where its surroundings are stronger than noise."""
    detail = ImageChops.subtract(fine, coarse, 1, 128)
    # Energy in quarter steps, so that weak noise is still measured.
    energy = ImageChops.difference(fine, coarse).point(
        [min(255, value * 4) for value in range(256)]
    )
    around = energy.filter(ImageFilter.GaussianBlur(1.6))
    expected = sigma * 0.8 * 4

    def gain(level: float) -> float:
        # Wiener: the share of the energy that is not noise.
        measured = level * 255
        return max(0.0, 1 - 1.3 * (expected / max(measured, 0.5)) ** 2)

    keep = curve(around, gain)
    flat = Image.new("L", fine.size, 128)
    return Image.composite(detail, flat, keep)


def balance(image: Image.Image) -> Image.Image | None:
    """Take a colour cast away; None where there is none to speak of."""
    gains = _cast_gains(image)
    strength = log(max(gains) / min(gains)) / 2
    if strength <= NATURAL_CAST:
        return None
    # Only what goes beyond the natural: a warm subject is no error.
    share = 1 - NATURAL_CAST / strength
    red, green, blue = (gain**share for gain in gains)
    return tones.scale_channels(image, (red, green, blue))


def _cast_gains(image: Image.Image) -> tuple[float, float, float]:
    """How to scale the channels: by the lights where they are clear, by the average else."""
    small = image.resize((min(256, image.width), min(256, image.height)), Image.Resampling.BOX)
    whites = [float(percentile(band.histogram(), 0.997)) for band in small.split()]
    shades = _shades_of_grey(small)
    combined = [
        (max(white, 1.0) ** 0.85) * (max(shade, 1.0) ** 0.15)
        for white, shade in zip(whites, shades, strict=True)
    ]
    # Between the same lightness and the strongest channel: a cast is light that is missing.
    lightness = 0.3 * combined[0] + 0.59 * combined[1] + 0.11 * combined[2]
    target = 0.35 * lightness + 0.65 * max(combined)
    red, green, blue = (min(1.9, max(0.6, target / value)) for value in combined)
    return red, green, blue


def _shades_of_grey(small: Image.Image) -> list[float]:
    """Minkowski means of the channels: between the average and the brightest."""
    means: list[float] = []
    for band in small.split():
        histogram = band.histogram()
        total = sum(count * (value / 255) ** 5 for value, count in enumerate(histogram))
        means.append(255 * (total / max(1, sum(histogram))) ** 0.2)
    return means


def expose(image: Image.Image) -> Image.Image | None:
    """Bring a picture with too little light up, and a hazy black down; None where it is right."""
    histogram = image.convert("L").histogram()
    low, middle, high = (percentile(histogram, share) for share in (0.004, 0.5, 0.995))
    if high < BLACK_FRAME:
        return None
    is_changed = False
    if middle < DARK_MIDDLE and high < DULL_LIGHTS:
        # As far as the middle asks for it and the lights allow it.
        gain = max(1.0, min(MAX_GAIN, WANTED_MIDDLE / max(1, middle), WANTED_LIGHTS / high))
        image = tones.scale_channels(image, (gain, gain, gain))
        is_changed = True
    elif middle < BLOCKED_MIDDLE:
        image = tones.lift_shadows(image, 0.7)
        is_changed = True
    if low > HAZY_BLACK and high - low > HAZY_BLACK:
        image = tones.level(image, 0.5)
        is_changed = True
    return image if is_changed else None


def _detail(image: Image.Image, noise: float) -> Image.Image:
    """A little sharpness, less where noise was."""
    percent = round(max(0.0, 30 - 3 * noise))
    return image.filter(ImageFilter.UnsharpMask(1.1, percent, 3))
