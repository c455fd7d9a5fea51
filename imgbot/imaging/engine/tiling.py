"""Tiling of large pictures into strips, which bounds the memory of filters."""

from collections.abc import Callable

from PIL import Image

STRIP_PX = 512


def in_strips(
    image: Image.Image, work: Callable[[Image.Image], Image.Image], *, margin_px: int
) -> Image.Image:
    """Picture after `work`, applied to strips; `margin_px` is its largest vertical reach.

    A margin that is a multiple of 8 keeps the JPEG grid aligned.
    """
    if image.height <= STRIP_PX + margin_px:
        return work(image)
    result = Image.new(image.mode, image.size)
    for top in range(0, image.height, STRIP_PX):
        bottom = min(image.height, top + STRIP_PX)
        outer = (max(0, top - margin_px), min(image.height, bottom + margin_px))
        strip = work(image.crop((0, outer[0], image.width, outer[1])))
        result.paste(strip.crop((0, top - outer[0], image.width, bottom - outer[0])), (0, top))
    return result
