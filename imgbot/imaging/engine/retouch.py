"""Retouch: what spoils a photograph, found by measuring and mended as far as it needs.

Rule: first measure, then mend. A good photograph comes out nearly as it went in.
"""

from collections.abc import Callable

from PIL import Image

from imgbot.imaging.engine.deblock import deblock, find_quality
from imgbot.imaging.engine.deblur import SHARP_PX, estimate_blur_px, sharpen
from imgbot.imaging.engine.dust import mend_dust
from imgbot.imaging.engine.exposure import balance, clear, expose
from imgbot.imaging.engine.noise import denoise, estimate_noise
from imgbot.imaging.engine.red_eye import mend_red_eyes
from imgbot.imaging.engine.scratches import mend_scratches

__all__ = ["denoise", "improve", "retouch_picture"]

# Standard deviations: below the first noise is not seen, from the second on what is left of it
# after mending would be sharpened (similarity to the original falls).
NOISE_FLOOR, NOISE_TO_SHARPEN_MAX = 2.2, 4.0

Mend = Callable[[Image.Image], Image.Image | None]


def retouch_picture(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """The mended picture (RGB), and what was mended, in this order.

    Of deblock, scratches, dust, red_eye, white_balance, denoise, exposure, local_contrast, detail.
    """
    steps: tuple[tuple[str, Mend], ...] = (
        ("deblock", _deblock),
        ("scratches", mend_scratches),
        ("dust", mend_dust),
        ("red_eye", mend_red_eyes),
        # Before the noise goes, for weak colour goes with it.
        ("white_balance", balance),
        ("denoise", _denoise),
        ("exposure", expose),
        ("local_contrast", clear),
        ("detail", _sharpen),
    )
    did: list[str] = []
    noise = estimate_noise(image)
    for name, mend in steps:
        if name == "detail" and ("deblock" in did or noise > NOISE_TO_SHARPEN_MAX):
            continue
        mended = mend(image)
        if mended is not None:
            image = mended
            did.append(name)
    return image, tuple(did)


def improve(image: Image.Image, strength: float) -> Image.Image:
    """What `auto` means in an edit: the same, blended in by strength."""
    better, _ = retouch_picture(image)
    return Image.blend(image, better, strength)


def _deblock(image: Image.Image) -> Image.Image | None:
    quality = find_quality(image)
    return None if quality is None else deblock(image, quality)


def _denoise(image: Image.Image) -> Image.Image | None:
    noise = estimate_noise(image)
    return denoise(image, noise=noise) if noise > NOISE_FLOOR else None


def _sharpen(image: Image.Image) -> Image.Image | None:
    blur_px = estimate_blur_px(image)
    return sharpen(image, blur_px, estimate_noise(image)) if blur_px > SHARP_PX else None
