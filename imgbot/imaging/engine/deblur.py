"""Softness: how far edges are smeared, and the picture with the smear taken back."""

from math import sqrt

from PIL import Image, ImageChops, ImageFilter

from imgbot.imaging.engine.drawing import percentile

# Standard deviations of a Gaussian, in pixels. Sharp photographs measure 0.3 to 0.85.
SHARP_PX = 0.95
_NATURAL_PX = 0.5
_UNDOABLE_PX = 2.0
# Taking back more blur than there is makes halos; less is merely less.
_CAUTION = 0.85
_PROBE_BLUR_PX = 1.0
# Edges alone: the steepest 500th of the pixels.
_EDGE_SHARE = 0.998
_FAINT_EDGE = 12
_ROUNDS = 4


def estimate_blur_px(image: Image.Image) -> float:
    """The blur of the sharpest edges, a Gaussian's deviation; 0 where there are no edges.

    Blurring once more flattens a sharp edge and leaves a smeared one nearly as steep.
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
    """Take a blur back (RGB): what blurring the result again would still miss is put in.

    Van Cittert's iteration, in fewer rounds the more noise it would raise.
    """
    smear = sqrt(max(0.0, min(_UNDOABLE_PX, _CAUTION * blur_px) ** 2 - _NATURAL_PX**2))
    lightness, blue, red = image.convert("YCbCr").split()
    better = lightness
    for _ in range(_ROUNDS if noise < 1.5 else 2):
        missing = ImageChops.subtract(
            lightness, better.filter(ImageFilter.GaussianBlur(smear)), 1, 128
        )
        better = ImageChops.add(better, missing, 1, -128)
    return Image.merge("YCbCr", (better, blue, red)).convert("RGB")
