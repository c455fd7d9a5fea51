"""Red-eye removal: small red discs surrounded by the white of an eye and by skin.

Every criterion must hold: missing an eye is better than a berry turned grey.
"""

from collections.abc import Callable
from math import cos, pi, sin

from PIL import Image, ImageChops, ImageFilter

from imgbot.imaging.engine.colours import Colour
from imgbot.imaging.engine.connected_components import Component, find_components

# Longer side of the copy that is searched; a portrait's pupils still have some pixels there.
_SEARCHED_PX = 1024
_RED_SHARE_MAX = 0.15
_SIDE_MIN_PX = 6
# Largest pupil as a share of the picture's shorter side.
_SIDE_SHARE_MAX = 0.12
_LONGISH_MAX = 1.6
# A disc fills 0.785 of its box, less with a highlight.
_FILLED_MIN, _FILLED_MAX = 0.5, 0.95
_GREY_MIN = 0.45
_SKIN_MIN = 0.65
_SAMPLES = 24


def remove_red_eyes(image: Image.Image) -> Image.Image | None:
    """Picture (RGB) without red eyes; None if there are none."""
    scale = min(1.0, _SEARCHED_PX / max(image.size))
    small = image
    if scale < 1:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        small = image.resize(size, Image.Resampling.BOX)
    eyes = [
        spot
        for spot in find_components(_redness(small), share_max=_RED_SHARE_MAX)
        if _is_eye(small, spot)
    ]
    if not eyes:
        return None
    repaired = image.copy()
    for eye in eyes:
        _take_red_out(repaired, eye, scale)
    return repaired


def _redness(small: Image.Image) -> Image.Image:
    """Mask of pixels whose red is strong and more than twice as strong as green and blue."""
    red, green, blue = small.split()
    others = ImageChops.lighter(green, blue)
    doubled = others.point([min(255, round(value * 1.9) + 25) for value in range(256)])
    return ImageChops.subtract(red, doubled).point([0] + [255] * 255)


def _is_eye(small: Image.Image, spot: Component) -> bool:
    longer, shorter = max(spot.width, spot.height), min(spot.width, spot.height)
    filled = spot.area / (spot.width * spot.height)
    return (
        shorter >= _SIDE_MIN_PX
        and longer <= _SIDE_SHARE_MAX * min(small.size)
        and longer <= _LONGISH_MAX * shorter
        and _FILLED_MIN <= filled <= _FILLED_MAX
        # Iris, white and lashes surround the pupil, a face surrounds these.
        and _share_around(small, spot, (0.75, 0.95), _is_grey) >= _GREY_MIN
        and _share_around(small, spot, (1.8, 2.4, 3.0), _is_skin) >= _SKIN_MIN
    )


def _share_around(
    small: Image.Image, spot: Component, radii: tuple[float, ...], is_such: Callable[[Colour], bool]
) -> float:
    """Share of matching samples on ellipses around the spot, of `radii` times its size."""
    across, down = (spot.left + spot.right - 1) / 2, (spot.top + spot.bottom - 1) / 2
    colours: list[Colour] = []
    for radius in radii:
        for sample in range(_SAMPLES):
            turn = 2 * pi * sample / _SAMPLES
            x = round(across + cos(turn) * radius * spot.width)
            y = round(down + sin(turn) * radius * spot.height)
            if 0 <= x < small.width and 0 <= y < small.height:
                red, green, blue = small.crop((x, y, x + 1, y + 1)).tobytes()
                colours.append((red, green, blue))
    # At the picture's edge the visible part decides, if it is large enough.
    if len(colours) < _SAMPLES * len(radii) / 2:
        return 0.0
    return sum(map(is_such, colours)) / len(colours)


def _is_grey(colour: Colour) -> bool:
    """True for white of the eye, a grey iris, lashes: little colour or very dark."""
    return max(colour) - min(colour) < 0.28 * max(colour) + 8 or max(colour) < 60


def _is_skin(colour: Colour) -> bool:
    """True for skin of any tone: red over green over blue (J. Kovac, 2003, widened)."""
    red, green, blue = colour
    return red > 50 and red >= green >= blue * 0.9 and 8 < red - blue < 0.6 * red < 2.2 * green


def _take_red_out(image: Image.Image, eye: Component, scale: float) -> None:
    """Lower the disc's red to its green and blue, in place."""
    box = eye.padded(max(2, eye.width // 3), (_SEARCHED_PX, _SEARCHED_PX))
    left, top, right, bottom = (round(side / scale) for side in box)
    area = (left, top, min(right, image.width), min(bottom, image.height))
    part = image.crop(area)
    _, green, blue = part.split()
    dark = Image.blend(green, blue, 0.5)
    reach = _redness(part).filter(ImageFilter.MaxFilter(3))
    edge_px = max(0.7, eye.width / scale / 12)
    image.paste(
        Image.merge("RGB", (dark, dark, dark)),
        area[:2],
        reach.filter(ImageFilter.GaussianBlur(edge_px)),
    )
