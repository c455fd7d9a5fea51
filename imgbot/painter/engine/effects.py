"""Single effects: focus, film, print, drawing. Sizes are shares of the picture, never pixels."""

import math
import random

from PIL import Image, ImageChops, ImageFilter, ImageMath, ImageOps

from imgbot.painter.engine import drawing, tones
from imgbot.painter.engine.drawing import shrink_to, unit_px

# Fixed, so that a repeated edit gives the same file.
_GRAIN_SEED = 20


# Median and mode filters take a second per megapixel, and their output has no finer detail.
_DRAWN_MEGAPIXELS = 1.0


def blur(image: Image.Image, degree: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(unit_px(image) * 0.75 * degree))


def sharpen(image: Image.Image, degree: float) -> Image.Image:
    radius = max(1.0, unit_px(image) * 0.16)
    return image.filter(ImageFilter.UnsharpMask(radius, round(110 * degree), 2))


def glow(image: Image.Image, degree: float) -> Image.Image:
    """Soft-lens glow: highlights spread."""
    spread = image.filter(ImageFilter.GaussianBlur(unit_px(image) * 2.2))
    return Image.blend(image, ImageChops.screen(image, spread), min(0.8, 0.45 * degree))


def soften(image: Image.Image, degree: float) -> Image.Image:
    """Smoothed surfaces with their edges kept."""
    smooth = image.filter(ImageFilter.GaussianBlur(unit_px(image) * 0.5))
    edges = image.convert("L").filter(ImageFilter.FIND_EDGES)
    strength = edges.filter(ImageFilter.GaussianBlur(unit_px(image) * 0.4))
    flat = drawing.curve(strength, lambda value: max(0.0, 1 - value * 6))
    return Image.composite(smooth, image, drawing.dim(flat, min(1.0, 0.7 * degree)))


def grain(image: Image.Image, degree: float) -> Image.Image:
    return drawing.grain(image, random.Random(_GRAIN_SEED), 0.19 * degree)  # noqa: S311 -- looks


def vignette(image: Image.Image, degree: float) -> Image.Image:
    return drawing.vignette(image, min(1.3, 0.62 * degree))


def vintage(image: Image.Image, degree: float) -> Image.Image:
    """Print of the 1970s: faded blacks, yellow highlights, grain."""
    faded = drawing.curve(tones.saturate(image, -0.45 * degree), lambda value: 0.1 + value * 0.86)
    yellow = tones.scale_channels(faded, (1.06, 0.99, 0.82))
    return vignette(grain(yellow, 0.5 * degree), 0.7 * degree)


def pixelate(image: Image.Image, degree: float) -> Image.Image:
    cell = max(2, round(unit_px(image) * 2 * degree))
    size = max(1, image.width // cell), max(1, image.height // cell)
    small = image.resize(size, Image.Resampling.BOX)
    return small.resize(image.size, Image.Resampling.NEAREST)


def posterize(image: Image.Image, degree: float) -> Image.Image:
    """Few flat colours, chosen from the picture."""
    smooth = shrink_to(image, _DRAWN_MEGAPIXELS).filter(ImageFilter.MedianFilter(5))
    count = max(4, round(12 / degree))
    few = smooth.quantize(count, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return few.convert("RGB").resize(image.size, Image.Resampling.BICUBIC)


def lines(image: Image.Image, degree: float) -> Image.Image:
    """Edges of the picture as dark lines on white."""
    grey = image.convert("L").filter(ImageFilter.GaussianBlur(max(0.8, unit_px(image) * 0.14)))
    wide = grey.filter(ImageFilter.GaussianBlur(max(1.3, unit_px(image) * 0.24)))
    difference = ImageChops.subtract(grey, wide, 1, 128)
    return difference.point(
        [round(255 / (1 + math.exp(-(value - 123.5) * 1.1 / degree**0.5))) for value in range(256)]
    )


def sketch(image: Image.Image, degree: float) -> Image.Image:
    """Pencil drawing: the picture divided by its own blur."""
    grey = ImageOps.autocontrast(image.convert("L"), cutoff=0.5)
    inverted = ImageOps.invert(grey).filter(ImageFilter.GaussianBlur(unit_px(image) * 1.1))
    # Colour dodge, a blend mode that Pillow does not have.
    light = ImageMath.lambda_eval(
        lambda v: v["convert"](v["min"](v["grey"] * 255 / v["max"](255 - v["over"], 1), 255), "L"),
        grey=grey,
        over=inverted,
    )
    shading = drawing.curve(grey, lambda value: 0.62 + 0.38 * min(1.0, value * 1.5))
    strong = drawing.curve(light, lambda value: value ** (1.6 * degree))
    drawn = ImageChops.multiply(strong, shading)
    return drawing.grain(drawn.convert("RGB"), random.Random(_GRAIN_SEED), 0.05)  # noqa: S311 -- looks


def emboss(image: Image.Image) -> Image.Image:
    relief = image.convert("L").filter(ImageFilter.GaussianBlur(1)).filter(ImageFilter.EMBOSS)
    return ImageOps.autocontrast(relief, cutoff=0.5).convert("RGB")


def cartoon(image: Image.Image, degree: float) -> Image.Image:
    """Flat colours inside dark outlines."""
    small = shrink_to(image, _DRAWN_MEGAPIXELS)
    flat = small.filter(ImageFilter.MedianFilter(5)).filter(ImageFilter.MedianFilter(5))
    flat = tones.saturate(posterize(flat, 0.6), 0.8)
    drawn = ImageChops.multiply(flat, lines(small, degree).convert("RGB"))
    return drawn.resize(image.size, Image.Resampling.LANCZOS)


def halftone(image: Image.Image, degree: float) -> Image.Image:
    """Newspaper dots, larger in dark areas."""
    cell = max(4, round(unit_px(image) * 0.9 * degree))
    grey = tones.add_contrast(image.convert("L"), 0.6)
    spot = Image.radial_gradient("L").resize((cell * 2, cell * 2), Image.Resampling.BICUBIC)
    difference = ImageChops.add(grey, drawing.tiled(spot, image.size), 1, -105)
    dots = difference.point([min(255, max(0, (value - 118) * 14)) for value in range(256)])
    return dots.convert("RGB")


def miniature(image: Image.Image, degree: float) -> Image.Image:
    """Tilt-shift miniature: sharp in a band, blurred above and below."""
    blurred = blur(image, 1.1 * degree)
    where = drawing.fall(image.size, lambda value: abs(value - 0.55) * 5 - 0.55)
    return tones.saturate(Image.composite(blurred, image, where), 0.7)
