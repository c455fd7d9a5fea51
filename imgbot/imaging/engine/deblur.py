"""Blur: its estimate from the edges, and its removal by deconvolution."""

from math import sqrt

from PIL import Image, ImageChops, ImageFilter

from imgbot.imaging.engine.drawing import percentile

# Standard deviations of a Gaussian, in pixels. Sharp photos measure 0.3 to 0.85.
SHARP_PX = 0.95
_NATURAL_PX = 0.5
_UNDOABLE_PX = 2.0
# Removing more blur than there is makes halos.
_CAUTION = 0.85
_PROBE_BLUR_PX = 1.0
# Edges: the steepest 500th of the pixels.
_EDGE_SHARE = 0.998
_FAINT_EDGE = 12
_ROUNDS = 4


def estimate_blur_px(image: Image.Image) -> float:
    """Blur of the sharpest edges as a Gaussian's deviation in pixels; 0 without edges.

    Measured by blurring again, which flattens a sharp edge more than a blurred one.
    """
    if min(image.size) < 8:
        return 0.0
    grey = image.convert("L")
    steep = _edge_strength(grey)
    if steep < _FAINT_EDGE:
        return 0.0
    again = _edge_strength(grey.filter(ImageFilter.GaussianBlur(_PROBE_BLUR_PX)))
    ratio = min(0.98, again / steep)
    return _PROBE_BLUR_PX * ratio / sqrt(1 - ratio * ratio)


def _edge_strength(grey: Image.Image) -> int:
    width, height = grey.size
    here = grey.crop((0, 0, width - 1, height - 1))
    across = ImageChops.difference(here, grey.crop((1, 0, width, height - 1)))
    down = ImageChops.difference(here, grey.crop((0, 1, width - 1, height)))
    return percentile(ImageChops.lighter(across, down).histogram(), _EDGE_SHARE)


def deblur(image: Image.Image, blur_px: float, noise: float) -> Image.Image:
    """Remove a blur (RGB) by Van Cittert's iteration, in fewer rounds for noisy pictures."""
    smear = sqrt(max(0.0, min(_UNDOABLE_PX, _CAUTION * blur_px) ** 2 - _NATURAL_PX**2))
    lightness, blue, red = image.convert("YCbCr").split()
    better = lightness
    for _ in range(_ROUNDS if noise < 1.5 else 2):
        missing = ImageChops.subtract(
            lightness, better.filter(ImageFilter.GaussianBlur(smear)), 1, 128
        )
        better = ImageChops.add(better, missing, 1, -128)
    return Image.merge("YCbCr", (better, blue, red)).convert("RGB")
