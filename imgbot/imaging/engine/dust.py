"""Dust on prints, films and sensors: small isolated specks on even areas, filled from around.

Stars and freckles must stay: only specks that are many, isolated and colourless count as dust.
"""

from PIL import Image, ImageChops, ImageFilter, ImageStat

from imgbot.imaging.engine.connected_components import Component, find_components
from imgbot.imaging.engine.drawing import percentile

Box = tuple[int, int, int, int]

# Size of the copy that is searched; repairs are made at full resolution.
_SEARCHED_PIXELS = 1_500_000
_SIDE_MIN_PX = 48
_SHARE_MAX = 0.03
# Largest mean difference from the surroundings within this radius; more is texture.
_CALM_PX, _CALM_MAX = 12, 9
_STANDS_OUT, _CONTRAST = 26, 45
_WHITE, _BLACK = 200, 55
_SIDE_MAX_PX = 7
_COUNT_MIN, _COUNT_MAX = 8, 400
# Deviation of the lightness around a speck, absolute and relative to its contrast, and the least
# mean lightness there: stars are surrounded by black.
_EVEN_MAX, _EVEN_SHARE_MAX, _GROUND_MIN = 12.0, 0.2, 50.0
_AROUND_PX = 4


def remove_dust(image: Image.Image) -> Image.Image | None:
    """Picture (RGB) without dust; None if there is hardly any."""
    scale = min(1.0, (_SEARCHED_PIXELS / (image.width * image.height)) ** 0.5)
    searched = (round(image.width * scale), round(image.height * scale))
    if min(searched) < _SIDE_MIN_PX:
        return None
    grey = image.convert("L").resize(searched, Image.Resampling.BOX)
    even = grey.filter(ImageFilter.BoxBlur(_SIDE_MAX_PX))
    marks = _marks(grey, even)
    specks = [
        spot for spot in find_components(marks, share_max=_SHARE_MAX) if _is_speck(grey, even, spot)
    ]
    if not _COUNT_MIN <= len(specks) <= _COUNT_MAX:
        return None
    repaired = image.copy()
    for speck in specks:
        _fill_speck(repaired, speck, scale)
    return repaired


def _marks(grey: Image.Image, even: Image.Image) -> Image.Image:
    """Mask of pixels that differ from even surroundings."""
    difference = ImageChops.difference(grey, even)
    far = difference.point([255 if value > _STANDS_OUT else 0 for value in range(256)])
    unrest = difference.filter(ImageFilter.BoxBlur(_CALM_PX))
    calm = unrest.point([255 if value < _CALM_MAX else 0 for value in range(256)])
    return ImageChops.darker(far, calm)


def _is_speck(grey: Image.Image, even: Image.Image, spot: Component) -> bool:
    if max(spot.width, spot.height) > _SIDE_MAX_PX or spot.area < 2:
        return False
    here = grey.crop(spot.box)
    peak = _highest(ImageChops.difference(here, even.crop(spot.box)))
    # Bare paper and film are colourless; boats on a lake are only a little darker than it.
    is_bare = _highest(here) >= _WHITE or 255 - _highest(ImageChops.invert(here)) <= _BLACK
    if peak < _CONTRAST or not is_bare:
        return False
    around = spot.padded(_AROUND_PX, grey.size)
    ground = grey.crop(around)
    # Excludes the speck itself with its soft edge.
    mask = Image.new("L", ground.size, 255)
    left, top, right, bottom = spot.padded(1, grey.size)
    mask.paste(0, (left - around[0], top - around[1], right - around[0], bottom - around[1]))
    statistics = ImageStat.Stat(ground, mask)
    return (
        statistics.stddev[0] < min(_EVEN_MAX, _EVEN_SHARE_MAX * peak)
        and statistics.mean[0] > _GROUND_MIN
    )


def _highest(grey: Image.Image) -> int:
    return percentile(grey.histogram(), 1.0)


def _fill_speck(image: Image.Image, speck: Component, scale: float) -> None:
    """Replace the speck by the median of its surroundings, in place."""
    size = (round(image.width * scale), round(image.height * scale))
    area = _enlarged(speck.padded(_AROUND_PX, size), scale, image.size)
    left, top, right, bottom = _enlarged(speck.padded(1, size), scale, image.size)
    part = image.crop(area)
    ground = tuple(round(value) for value in ImageStat.Stat(part).median)
    mask = Image.new("L", part.size, 0)
    mask.paste(255, (left - area[0], top - area[1], right - area[0], bottom - area[1]))
    image.paste(ground, area[:2], mask.filter(ImageFilter.GaussianBlur(0.7 / scale)))


def _enlarged(box: Box, scale: float, size: tuple[int, int]) -> Box:
    """Box of the searched copy in coordinates of the full picture."""
    left, top, right, bottom = (round(side / scale) for side in box)
    return (left, top, min(right, size[0]), min(bottom, size[1]))
