"""Retouch: flaws of a photo, measured first and repaired as far as necessary.

A good photo stays nearly unchanged.
"""

from collections.abc import Callable

from PIL import Image

from imgbot.painter.engine import restoration
from imgbot.painter.engine.blemishes import remove_dust, remove_red_eyes, remove_scratches
from imgbot.painter.engine.damage import remove_damage
from imgbot.painter.engine.restoration import denoise, estimate_noise
from imgbot.painter.engine.tones import correct_exposure, correct_white_balance, stretch_contrast

Repair = Callable[[Image.Image], Image.Image | None]


def retouch_picture(image: Image.Image, damage: float = 0.0) -> tuple[Image.Image, tuple[str, ...]]:
    """Repaired picture (RGB), and the keys of the repairs in order.

    `damage` is the degree to which the user calls the photo damaged. Keys: deblock, damage,
    scratches, dust, red_eye, white_balance, denoise, exposure, local_contrast, detail.
    """
    flaws: tuple[tuple[str, Repair], ...] = (("scratches", remove_scratches), ("dust", remove_dust))
    if damage:
        flaws = (("damage", lambda picture: remove_damage(picture, damage)),)
    steps: tuple[tuple[str, Repair], ...] = (
        ("deblock", _deblock),
        *flaws,
        ("red_eye", remove_red_eyes),
        # Before denoising, which weakens faint colour.
        ("white_balance", correct_white_balance),
        ("denoise", _denoise),
        ("exposure", correct_exposure),
        ("local_contrast", stretch_contrast),
        ("detail", _sharpen),
    )
    applied: list[str] = []
    noise = estimate_noise(image)
    for name, repair in steps:
        # Of stronger noise, what denoising leaves would be sharpened.
        if name == "detail" and ("deblock" in applied or noise > 4.0):
            continue
        repaired = repair(image)
        if repaired is not None:
            image = repaired
            applied.append(name)
    return image, tuple(applied)


def _deblock(image: Image.Image) -> Image.Image | None:
    quality = restoration.find_jpeg_quality(image)
    return None if quality is None else restoration.deblock(image, quality)


def _denoise(image: Image.Image) -> Image.Image | None:
    noise = estimate_noise(image)
    # Weaker noise is invisible.
    return denoise(image, noise=noise) if noise > 2.2 else None


def _sharpen(image: Image.Image) -> Image.Image | None:
    blur_px = restoration.estimate_blur_px(image)
    is_blurred = blur_px > restoration.SHARP_PX
    return restoration.deblur(image, blur_px, estimate_noise(image)) if is_blurred else None
