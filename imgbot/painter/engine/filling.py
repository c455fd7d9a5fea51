"""Filling: what a mask marks is replaced by its surroundings.

Colours run smoothly over the hole from its edge. With `imgbot[fill]`, PatchMatch adds the texture
of the surroundings; alone, it would repeat things that stand there.
"""

from functools import cache
from importlib import import_module
from importlib.util import find_spec

from PIL import Image, ImageChops, ImageFilter

from imgbot.painter import networks, worker
from imgbot.painter.engine.drawing import padded, scaled

_PATCH_PX = 5


@cache
def has_texture() -> bool:
    """True if PatchMatch is installed; does not import it."""
    return all(find_spec(name) is not None for name in ("numpy", "patchmatch_cython"))


def fill_hole(image: Image.Image, mask: Image.Image) -> Image.Image:
    """Picture (RGB) without what the mask (L, white or black) marks."""
    box = mask.getbbox()
    if box is None or mask.getextrema()[0] == 255:
        return image
    # Width of the surroundings: a share of the hole's side, and at least some pixels.
    around = round(max(box[2] - box[0], box[3] - box[1]) * 0.5) + 16
    area = padded(box, around, image.size)
    part, hole = image.crop(area), mask.crop(area)
    # Longer side of the copy that is filled.
    size = scaled(part.size, min(1.0, 400 / max(part.size)))
    small = part.resize(size, Image.Resampling.BOX)
    small_hole = hole.resize(size, Image.Resampling.BOX).point([0] + [255] * 255)
    filled = _textured(small, small_hole, _smooth(small, small_hole))
    result = image.copy()
    soft = hole.filter(ImageFilter.GaussianBlur(max(image.size) * 0.003))
    result.paste(filled.resize(part.size, Image.Resampling.BICUBIC), area[:2], soft)
    return result


def _smooth(image: Image.Image, hole: Image.Image) -> Image.Image:
    """Picture with colours that run over the hole from its edge."""
    filled = fill_smoothly(image, hole)
    for radius_px in (8, 4, 2):
        for _ in range(6):
            blurred = filled.filter(ImageFilter.BoxBlur(radius_px))
            filled = Image.composite(blurred, image, hole)
    return filled


def fill_smoothly(image: Image.Image, hole: Image.Image) -> Image.Image:
    """Picture (RGB) whose hole, white in a mask, is filled with the colours around it."""
    known = image.convert("RGBA")
    known.putalpha(ImageChops.invert(hole))
    return _from_coarser(known)


def _from_coarser(known: Image.Image) -> Image.Image:
    """Unknown (transparent) pixels from a copy of half the size, where fewer are unknown."""
    opacity = known.getchannel("A")
    if opacity.getextrema()[0] == 255 or max(known.size) == 1:
        return known.convert("RGB")
    # The mean of pixels with transparency is that of the opaque ones.
    half = known.resize(((known.width + 1) // 2, (known.height + 1) // 2), Image.Resampling.BOX)
    half.putalpha(half.getchannel("A").point([0] + [255] * 255))
    rest = _from_coarser(half).resize(known.size, Image.Resampling.BICUBIC)
    return Image.composite(known.convert("RGB"), rest, opacity)


def _textured(image: Image.Image, hole: Image.Image, smooth: Image.Image) -> Image.Image:
    """Smooth filling with the texture of the surroundings, where that can be had."""
    is_small = min(image.size) < 2 * _PATCH_PX or hole.getextrema()[0] == 255
    # Address space that numpy takes; it ends the process where memory does not suffice.
    if is_small or not has_texture() or worker.free_bytes() < 200 << 20:
        return smooth
    arrays, patchmatch = networks.numpy(), import_module("patchmatch_cython")
    known, unknown = arrays.asarray(smooth).copy(), arrays.asarray(hole) > 0
    solver = patchmatch.CythonSolver(known, unknown, _PATCH_PX)
    found = solver(iterations=6, randomize_nnf=True, nnf=None, seed=1, em_loops=1)
    matched = Image.fromarray(arrays.clip(found, 0, 255).astype("uint8"))
    matched = Image.composite(matched, image, hole)
    blurred = matched.filter(ImageFilter.GaussianBlur(10))
    detail = ImageChops.subtract(matched, blurred, 1, 128)
    return Image.composite(ImageChops.add(smooth, detail, 1, -128), image, hole)
