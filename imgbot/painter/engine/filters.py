"""Photo filters made of several effects: cinema, film, night, pop art. Sizes are shares."""

import random
from collections.abc import Callable

from PIL import Image, ImageChops, ImageOps

from imgbot.painter.engine import drawing, effects, tones
from imgbot.painter.engine.colours import parse_hex
from imgbot.painter.engine.scene import PALETTES, Scene
from imgbot.painter.engine.styles import painted

# Fixed, so that a repeated edit gives the same file.
_SEED = 20


def pop(image: Image.Image, degree: float) -> Image.Image:
    """Stronger depth, contrast and colour."""
    deep = tones.local_contrast(image, 0.3 * degree, max(image.size) / 30)
    return tones.saturate(tones.add_contrast(deep, 0.6 * degree), 0.55 * degree)


def depth(image: Image.Image, degree: float) -> Image.Image:
    """HDR look: compressed shadows and highlights, stronger local contrast."""
    even = tones.lower_highlights(tones.lift_shadows(image, 0.6 * degree), 0.6 * degree)
    broad = tones.local_contrast(even, 0.55 * degree, max(image.size) / 24)
    fine = tones.local_contrast(broad, 0.4 * degree, max(1.0, max(image.size) / 160))
    return tones.saturate(fine, 0.2 * degree)


def faded(image: Image.Image, degree: float) -> Image.Image:
    """Faded print: grey blacks, bleached colours."""
    rise = min(0.3, 0.13 * degree)
    pale = tones.saturate(image, -0.4 * degree)
    return drawing.curve(pale, lambda value: rise + value * (0.97 - rise))


def film(image: Image.Image, degree: float) -> Image.Image:
    """Colour negative: soft contrast, warm highlights, slightly green shadows, grain."""
    soft = tones.add_contrast(faded(image, 0.45 * degree), 0.35 * degree)
    warm = tones.scale_channels(soft, (1 + 0.05 * degree, 1 + 0.01 * degree, 1 - 0.07 * degree))
    return effects.grain(warm, 0.45 * degree)


def cinematic(image: Image.Image, degree: float) -> Image.Image:
    """Teal shadows, amber highlights, contrast."""
    graded = ImageOps.colorize(image.convert("L"), black="#0b5563", mid="#8a8a86", white="#ffb56b")
    mixed = ImageChops.soft_light(image, graded)
    deep = tones.add_contrast(Image.blend(image, mixed, min(0.9, 0.62 * degree)), 0.45 * degree)
    return effects.vignette(deep, 0.45 * degree)


def noir(image: Image.Image, degree: float) -> Image.Image:
    """Black and white with deep shadows."""
    grey = tones.add_contrast(tones.black_white(image), 1.1 * degree)
    return effects.grain(effects.vignette(tones.brighten(grey, -0.25), 0.9 * degree), 0.35)


def night(image: Image.Image, degree: float) -> Image.Image:
    """Day for night: darker, in the colour of moonlight."""
    dark = tones.brighten(tones.saturate(image, -0.7), -1.15 * degree)
    return effects.vignette(tones.scale_channels(dark, (0.62, 0.8, 1.28)), 0.6)


def golden_hour(image: Image.Image, degree: float) -> Image.Image:
    """Warm light of a low sun from above."""
    warm = tones.warm(tones.saturate(image, 0.25 * degree), 1.3 * degree)
    fall = ImageOps.flip(Image.linear_gradient("L")).resize(image.size)
    share = min(0.6, 0.3 * degree)
    bands = [drawing.dim(fall, share * part / 255) for part in parse_hex("ff9a3c")]
    return ImageChops.screen(warm, Image.merge("RGB", bands))


def glitch(image: Image.Image, degree: float) -> Image.Image:
    """Worn video tape: shifted colour channels, torn lines."""
    rng = random.Random(_SEED)  # noqa: S311 -- looks
    shift = max(1, round(image.width * 0.008 * degree))
    red, green, blue = image.split()
    torn = Image.merge("RGB", (ImageChops.offset(red, -shift, 0), green,
                               ImageChops.offset(blue, shift, 0)))  # fmt: skip
    for _ in range(round(9 * degree)):
        height = max(1, round(image.height * rng.uniform(0.006, 0.04)))
        top = rng.randrange(max(1, image.height - height))
        strip = torn.crop((0, top, image.width, top + height))
        torn.paste(ImageChops.offset(strip, round(rng.uniform(-6, 6) * shift), 0), (0, top))
    lines = Image.new("L", (1, image.height), 255)
    step = max(2, round(image.height / 240))
    for top in range(0, image.height, step * 2):
        lines.paste(215, (0, top, 1, min(image.height, top + step)))
    lines = lines.resize(image.size, Image.Resampling.NEAREST)
    return ImageChops.multiply(torn, Image.merge("RGB", [lines] * 3))


def pop_art(image: Image.Image) -> Image.Image:
    """Grid of four prints in two inks each."""
    size = (max(1, image.width // 2), max(1, image.height // 2))
    small = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0).convert("L")
    grey = tones.add_contrast(ImageOps.autocontrast(small, cutoff=2), 1.3)
    wall = Image.new("RGB", (size[0] * 2, size[1] * 2))
    inks = ["#5b1a8b", "#ffd23f", "#c2185b", "#7fe3e0", "#0b5d8f", "#ff9ecb", "#a32a0c", "#c6e65a"]
    for place, (dark, light) in enumerate(zip(inks[::2], inks[1::2], strict=True)):
        print_ = ImageOps.colorize(grey, black=dark, white=light)
        wall.paste(print_, (place % 2 * size[0], place // 2 * size[1]))
    return wall


def _painted(
    style: Callable[[Scene, Image.Image], Image.Image],
) -> Callable[[Image.Image, float], Image.Image]:
    """Filter that paints a photo in a style of created pictures."""

    def paint(image: Image.Image, degree: float) -> Image.Image:
        small = drawing.shrink_to(image, 1.0)
        # Strokes of narrower pictures would be smaller than a pixel.
        if min(small.size) < 100:
            return effects.posterize(image, degree)
        # All of a photo has the detail of a figure.
        focus = Image.new("L", small.size, 255)
        rng = random.Random(_SEED)  # noqa: S311 -- looks
        scene = Scene(small.size, rng, PALETTES["noon"], focus=focus)
        made = Image.blend(small, style(scene, small.copy()), min(1.0, 0.4 + 0.6 * degree))
        return made.resize(image.size, Image.Resampling.BICUBIC)

    return paint


watercolour, oil = _painted(painted.watercolour), _painted(painted.oil)


def blur_edges(image: Image.Image, degree: float) -> Image.Image:
    """Sharp slightly above the centre, the usual place of a subject; blurred around it."""
    return Image.composite(effects.blur(image, 1.7 * degree), image, around_middle(image.size))


def around_middle(size: tuple[int, int]) -> Image.Image:
    """Mask (L) of what is around the usual place of a subject."""
    rise = size[1] * 0.08
    # Cropped from a larger gradient, so that its centre can lie higher.
    box = (0, 256 * rise / (size[1] + 2 * rise), 256, 256)
    around = Image.radial_gradient("L").resize(size, Image.Resampling.BILINEAR, box=box)
    return drawing.curve(around, lambda value: min(1.0, max(0.0, (value - 0.4) * 3.6)))
