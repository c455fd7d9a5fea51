"""White balance, exposure and contrast of photos, corrected by measurement."""

from collections.abc import Sequence
from math import exp, log, sqrt

from PIL import Image, ImageChops, ImageFilter, ImageStat

from imgbot.imaging.engine import tones
from imgbot.imaging.engine.drawing import curve, percentile

Channels = tuple[float, float, float]

# Length of a colour cast (logarithms of the channels around their mean): up to the first it may
# belong to the subject, from the second on it is removed completely.
_NATURAL_CAST, _CERTAIN_CAST = 0.10, 0.15
_MAX_CAST = 0.8

# Channel values, 0 to 255. The strongest channel of the highlights measures the exposure: well
# exposed photos have 200 and more there, one stop less leaves at most 186.
_BLACK_FRAME, _EMPTY_SPAN = 24, 16
_DULL_LIGHTS, _WANTED_LIGHTS = 195, 246
_WANTED_MIDDLE = 118
_MAX_GAIN = 4.0
# Backlit: dark mid-tones although highlights exist.
_BLOCKED_MIDDLE, _BRIGHT_SKY = 40, 190
# Overexposed: this share is clipped, mid-tones are light, and highlights lie beneath the clipped.
_CLIPPED, _BURNT_SHARE, _BURNT_MIDDLE = 252, 0.02, 124
_MIN_GAIN = 0.66
_HAZY_BLACK, _HAZY_WHITE, _HAZY_SPAN = 50, 215, 44


def correct_white_balance(image: Image.Image) -> Image.Image | None:
    """Picture without its colour cast; None if there is hardly any."""
    cast = _find_cast(image)
    length = _length(cast)
    if length <= _NATURAL_CAST:
        return None
    share = min(1.0, (length - _NATURAL_CAST) / (_CERTAIN_CAST - _NATURAL_CAST))
    # A cast is missing light: weaker channels are raised to the strongest.
    red, green, blue = (exp(share * (max(cast) - part)) for part in cast)
    return tones.scale_channels(image, (red, green, blue))


def _find_cast(image: Image.Image) -> Channels:
    """Colour cast on which highlights and edges agree: a yellow flower is no cast."""
    small = image.resize((min(256, image.width), min(256, image.height)), Image.Resampling.BOX)
    lights = _around_mean([percentile(band.histogram(), 0.997) for band in small.split()])
    edges = _around_mean(_edges(small))
    length = _length(lights)
    if not 0 < length < _MAX_CAST:
        return (0.0, 0.0, 0.0)
    # Component of the edges' cast along the highlights' cast.
    common = sum(one * other for one, other in zip(lights, edges, strict=True)) / length
    share = min(1.0, max(0.0, common / length))
    red, green, blue = (share * part for part in lights)
    return (red, green, blue)


def _edges(small: Image.Image) -> list[float]:
    """Mean edge strength per channel (grey edge: J. van de Weijer, 2007)."""
    # Noise is equally strong in every channel and would hide the cast.
    calm = small.filter(ImageFilter.GaussianBlur(1))
    width, height = calm.size
    above = calm.crop((0, 0, width, max(1, height - 1)))
    below = calm.crop((0, min(1, height - 1), width, height))
    return ImageStat.Stat(ImageChops.difference(above, below)).mean


def _around_mean(channels: Sequence[float]) -> Channels:
    logarithms = [log(max(0.01, value)) for value in channels]
    mean = sum(logarithms) / 3
    red, green, blue = (value - mean for value in logarithms)
    return (red, green, blue)


def _length(cast: Channels) -> float:
    return sqrt(sum(part * part for part in cast))


def correct_exposure(image: Image.Image) -> Image.Image | None:
    """Picture with under- or overexposure corrected; None if it is well exposed."""
    histogram = image.convert("L").histogram()
    middle, sky = percentile(histogram, 0.5), percentile(histogram, 0.9)
    red, green, blue = image.split()
    strongest = ImageChops.lighter(ImageChops.lighter(red, green), blue).histogram()
    lights = percentile(strongest, 0.995)
    if lights < _BLACK_FRAME or lights - percentile(histogram, 0.005) < _EMPTY_SPAN:
        return None
    if lights < _DULL_LIGHTS:
        gain = _brightening(lights, middle)
        return tones.scale_channels(image, (gain, gain, gain))
    if middle < _BLOCKED_MIDDLE and sky > _BRIGHT_SKY:
        return tones.lift_shadows(image, 0.7)
    if middle > _BURNT_MIDDLE and _is_burnt(histogram):
        return _darken(image, max(_MIN_GAIN, (_WANTED_MIDDLE / middle) ** 0.8))
    return None


def _brightening(lights: int, middle: int) -> float:
    """Gain that the highlights allow, smaller if mid-tones are light already."""
    allowed = _WANTED_LIGHTS / lights
    asked = _WANTED_MIDDLE / max(1, middle)
    gain = allowed if asked > allowed else sqrt(allowed * asked)
    return min(_MAX_GAIN, max(1.0, gain))


def _is_burnt(histogram: list[int]) -> bool:
    clipped, lights = sum(histogram[_CLIPPED:]), sum(histogram[200:_CLIPPED])
    # White paper and products on white have hardly anything just below white.
    return clipped > _BURNT_SHARE * sum(histogram) and lights > 0.4 * clipped


def _darken(image: Image.Image, gain: float) -> Image.Image:
    """Darkened picture whose clipped areas stay nearly white instead of turning grey."""

    def less(value: float) -> float:
        return value * gain + (0.97 - gain) * value**6

    return curve(image, less)


def stretch_contrast(image: Image.Image) -> Image.Image | None:
    """Picture stretched to black and white if it has neither; None otherwise."""
    histogram = image.convert("L").histogram()
    low, high = percentile(histogram, 0.004), percentile(histogram, 0.996)
    if low < _HAZY_BLACK or high > _HAZY_WHITE or high - low < _HAZY_SPAN:
        return None
    return tones.local_contrast(tones.level(image, 0.7), 0.12, max(image.size) / 24)
