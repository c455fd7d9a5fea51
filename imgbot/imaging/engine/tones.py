"""Tones of a photo: curves, colour balance, saturation, levels."""

from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from imgbot.imaging.engine.colours import Colour, mix, with_lightness
from imgbot.imaging.engine.drawing import curve, percentile


def brighten(image: Image.Image, degree: float) -> Image.Image:
    """Lighter mid-tones (darker below zero); black and white stay."""
    gamma = 2.0 ** (-0.55 * degree)
    return curve(image, lambda value: value**gamma)


def add_contrast(image: Image.Image, degree: float) -> Image.Image:
    """S-curve, or a flatter one below zero; nothing is clipped."""
    strength = min(0.9, 0.45 * abs(degree))

    def steep(value: float) -> float:
        smooth = value * value * (3 - 2 * value)
        return value + (smooth - value) * strength * 1.6

    def flat(value: float) -> float:
        return 0.5 + (value - 0.5) * (1 - strength * 0.8)

    return curve(image, steep if degree > 0 else flat)


def warm(image: Image.Image, degree: float) -> Image.Image:
    """Warmer light (cooler below zero) at the same brightness."""
    red, green, blue = 1 + 0.09 * degree, 1 + 0.012 * degree, 1 - 0.13 * degree
    return scale_channels(image, (red, green, blue))


def scale_channels(image: Image.Image, gains: tuple[float, float, float]) -> Image.Image:
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
    red, green, blue = (1 + 0.15 * degree * (part - middle) / reach for part in colour)
    return scale_channels(image, (red, green, blue))


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
    return _relight(image, 0.55 * degree, is_dark_side=True)


def lower_highlights(image: Image.Image, degree: float) -> Image.Image:
    """Darker highlights."""
    return _relight(image, 0.5 * degree, is_dark_side=False)


def _relight(image: Image.Image, strength: float, *, is_dark_side: bool) -> Image.Image:
    surroundings = image.convert("L").filter(ImageFilter.BoxBlur(max(image.size) / 60))
    if is_dark_side:
        where = curve(surroundings, lambda value: max(0.0, 1 - value * 2.1) ** 1.2)
        changed = brighten(image, 1.6 * strength)
    else:
        where = curve(surroundings, lambda value: max(0.0, value * 1.9 - 0.9))
        changed = brighten(image, -1.4 * strength)
    return Image.composite(changed, image, where)


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
