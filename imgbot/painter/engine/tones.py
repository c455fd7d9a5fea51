"""Tones of a photo: curves, colour balance, levels, and their correction by measurement."""

from collections.abc import Callable, Sequence
from math import exp, hypot, log, sqrt

from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps, ImageStat

from imgbot.painter.engine.colours import Colour, mix, with_lightness
from imgbot.painter.engine.drawing import curve, percentile


def brighten(image: Image.Image, degree: float) -> Image.Image:
    """Lighter mid-tones (darker below zero); black and white stay."""
    gamma = 2.0 ** (-0.55 * degree)
    return curve(image, lambda value: value**gamma)


def add_contrast(image: Image.Image, degree: float) -> Image.Image:
    """S-curve, or a flatter one below zero; nothing is clipped."""
    steep = 1.6 * min(0.9, 0.45 * abs(degree))
    if degree <= 0:
        return curve(image, lambda value: 0.5 + (value - 0.5) * (1 - steep / 2))
    return curve(image, lambda value: value + (value**2 * (3 - 2 * value) - value) * steep)


def warm(image: Image.Image, degree: float) -> Image.Image:
    """Warmer light (cooler below zero) at the same brightness."""
    return scale_channels(image, (1 + 0.09 * degree, 1 + 0.012 * degree, 1 - 0.13 * degree))


def scale_channels(image: Image.Image, gains: Sequence[float]) -> Image.Image:
    """Channels multiplied by their gains, highlights rolled off instead of clipped."""
    table: list[int] = []
    for gain in gains:
        for value in range(256):
            scaled = value / 255 * gain
            # Above the knee, values are compressed into the rest of the range.
            if gain > 1 and scaled > 0.82:
                top = gain - 0.82
                scaled = 0.82 + 0.18 * (1 - (1 - (scaled - 0.82) / top) ** (top / 0.18))
            table.append(min(255, max(0, round(scaled * 255))))
    return image.point(table)


def saturate(image: Image.Image, degree: float) -> Image.Image:
    """Stronger colour (weaker below zero)."""
    factor = 1 + 0.45 * degree if degree > 0 else max(0.0, 1 + 0.55 * degree)
    return ImageEnhance.Color(image).enhance(factor)


def shift_colour(image: Image.Image, colour: Colour, degree: float) -> Image.Image:
    """Picture tinted towards a colour (away from it below zero) at about the same brightness."""
    middle = sum(colour) / 3
    reach = max(abs(part - middle) for part in colour) or 1.0
    return scale_channels(image, [1 + 0.15 * degree * (part - middle) / reach for part in colour])


def black_white(image: Image.Image) -> Image.Image:
    """Greyscale with slightly more contrast."""
    return add_contrast(image.convert("L").convert("RGB"), 0.5)


def toned(image: Image.Image, colour: Colour) -> Image.Image:
    """Greyscale in the hue of one colour: sepia, cyanotype, any tint."""
    grey = ImageOps.autocontrast(image.convert("L"), cutoff=0.5)
    return ImageOps.colorize(
        grey,
        black=with_lightness(colour, 0.1),
        mid=with_lightness(colour, 0.58),
        white=mix(with_lightness(colour, 0.95), (255, 255, 255), 0.4),
    )


def duotone(image: Image.Image, dark: Colour, light: Colour) -> Image.Image:
    """Duotone: one colour for shadows, one for highlights."""
    grey = ImageOps.autocontrast(image.convert("L"), cutoff=1)
    return ImageOps.colorize(grey, black=dark, white=light)


def level(image: Image.Image, strength: float = 1.0) -> Image.Image:
    """Levels stretched to the full range, equally for all channels."""
    histogram = image.convert("L").histogram()
    low, high = percentile(histogram, 0.004), percentile(histogram, 0.996)
    if high - low < 16:
        return image
    low, high = round(low * strength), round(high + (255 - high) * (1 - strength))
    return curve(image, lambda value: (value * 255 - low) / (high - low))


def lift_shadows(image: Image.Image, degree: float) -> Image.Image:
    """Lighter shadows, by the lightness of their surroundings."""
    return _relight(image, 0.88 * degree, lambda value: max(0.0, 1 - value * 2.1) ** 1.2)


def lower_highlights(image: Image.Image, degree: float) -> Image.Image:
    """Darker highlights."""
    return _relight(image, -0.7 * degree, lambda value: max(0.0, value * 1.9 - 0.9))


def _relight(image: Image.Image, degree: float, where: Callable[[float], float]) -> Image.Image:
    surroundings = image.convert("L").filter(ImageFilter.BoxBlur(max(image.size) / 60))
    return Image.composite(brighten(image, degree), image, curve(surroundings, where))


def local_contrast(image: Image.Image, amount: float, radius_px: float) -> Image.Image:
    """Stronger local contrast, in lightness alone."""
    lightness, blue, red = image.convert("YCbCr").split()
    around = lightness.filter(ImageFilter.BoxBlur(radius_px))
    detail = ImageChops.subtract(lightness, around, 1, 128)
    weakened = detail.point([round((value - 128) * amount + 128) for value in range(256)])
    deeper = ImageChops.add(lightness, weakened, 1, -128)
    return Image.merge("YCbCr", (deeper, blue, red)).convert("RGB")


def dehaze(image: Image.Image, degree: float) -> Image.Image:
    """Less haze: raised black point and stronger local contrast."""
    deeper = local_contrast(level(image), 0.35 * degree, max(image.size) / 30)
    return saturate(add_contrast(deeper, 0.4 * degree), 0.3 * degree)


_WANTED_MIDDLE = 118


def correct_white_balance(image: Image.Image) -> Image.Image | None:
    """Picture without its colour cast; None if there is hardly any."""
    cast = _find_cast(image)
    length = hypot(*cast)
    # Up to the first it may belong to the subject, from the second on it is removed completely.
    natural, certain = 0.1, 0.15
    if length <= natural:
        return None
    share = min(1.0, (length - natural) / (certain - natural))
    # A cast is missing light: weaker channels are raised to the strongest.
    return scale_channels(image, [exp(share * (max(cast) - part)) for part in cast])


def _find_cast(image: Image.Image) -> list[float]:
    """Colour cast on which highlights and edges agree: a yellow flower is no cast."""
    small = image.resize((min(256, image.width), min(256, image.height)), Image.Resampling.BOX)
    lights = _around_mean([percentile(band.histogram(), 0.997) for band in small.split()])
    edges = _around_mean(_edges(small))
    length = hypot(*lights)
    # A longer one is the colour of what is shown.
    if not 0 < length < 0.8:
        return [0.0, 0.0, 0.0]
    # Component of the edges' cast along the highlights' cast.
    common = sum(one * other for one, other in zip(lights, edges, strict=True)) / length
    share = min(1.0, max(0.0, common / length))
    return [share * part for part in lights]


def _edges(small: Image.Image) -> list[float]:
    """Mean edge strength per channel (grey edge: J. van de Weijer, 2007)."""
    # Noise is equally strong in every channel and would hide the cast.
    calm = small.filter(ImageFilter.GaussianBlur(1))
    width, height = calm.size
    above = calm.crop((0, 0, width, max(1, height - 1)))
    below = calm.crop((0, min(1, height - 1), width, height))
    return ImageStat.Stat(ImageChops.difference(above, below)).mean


def _around_mean(channels: Sequence[float]) -> list[float]:
    logarithms = [log(max(0.01, value)) for value in channels]
    return [value - sum(logarithms) / 3 for value in logarithms]


def correct_exposure(image: Image.Image) -> Image.Image | None:
    """Picture with under- or overexposure corrected; None if it is well exposed."""
    histogram = image.convert("L").histogram()
    middle, sky = percentile(histogram, 0.5), percentile(histogram, 0.9)
    red, green, blue = image.split()
    strongest = ImageChops.lighter(ImageChops.lighter(red, green), blue).histogram()
    lights = percentile(strongest, 0.995)
    black_frame, empty_span = 24, 16
    if lights < black_frame or lights - percentile(histogram, 0.005) < empty_span:
        return None
    # The strongest channel of the highlights measures the exposure: it has 200 and more in well
    # exposed photos, one stop less leaves at most 186.
    if lights < 195:
        gain = _brightening(lights, middle)
        return scale_channels(image, (gain, gain, gain))
    # Backlit: dark mid-tones although highlights exist.
    if middle < 40 and sky > 190:
        return lift_shadows(image, 0.7)
    # Overexposed: mid-tones are light, and highlights lie beneath what is clipped.
    if middle > 124 and _is_burnt(histogram):
        gain = max(0.66, (_WANTED_MIDDLE / middle) ** 0.8)
        # Clipped areas stay nearly white instead of turning grey.
        return curve(image, lambda value: value * gain + (0.97 - gain) * value**6)
    return None


def _brightening(lights: int, middle: int) -> float:
    """Gain that the highlights allow, smaller if mid-tones are light already."""
    wanted_lights = 246
    allowed = wanted_lights / lights
    asked = _WANTED_MIDDLE / max(1, middle)
    gain = allowed if asked > allowed else sqrt(allowed * asked)
    return min(4.0, max(1.0, gain))


def _is_burnt(histogram: list[int]) -> bool:
    white = 252
    clipped, lights = sum(histogram[white:]), sum(histogram[200:white])
    # White paper and products on white have hardly anything just below white.
    return clipped > 0.02 * sum(histogram) and lights > 0.4 * clipped


def stretch_contrast(image: Image.Image) -> Image.Image | None:
    """Picture stretched to black and white if it has neither; None otherwise."""
    histogram = image.convert("L").histogram()
    low, high = percentile(histogram, 0.004), percentile(histogram, 0.996)
    black_enough, white_enough, empty_span = 50, 215, 44
    if low < black_enough or high > white_enough or high - low < empty_span:
        return None
    return local_contrast(level(image, 0.7), 0.12, max(image.size) / 24)
