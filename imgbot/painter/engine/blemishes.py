"""Blemishes of photos, found in a small copy, repaired in full size: dust, scratches, red eyes."""

from collections.abc import Callable, Sequence
from math import cos, pi, sin

from PIL import Image, ImageChops, ImageFilter, ImageStat

from imgbot.painter.components import Component, find_components
from imgbot.painter.engine.colours import Colour
from imgbot.painter.engine.drawing import colour_at, padded, scaled, soft
from imgbot.painter.engine.filling import fill_smoothly


def _find_spots(mask: Image.Image, share_max: float) -> list[Component]:
    """Spots of the pixels that are 255 in a mask (L).

    None if more than `share_max` of the pixels are set: that bounds the work, and so full a mask
    shows a subject instead of flaws.
    """
    is_full = mask.histogram()[255] > share_max * mask.width * mask.height
    return [] if is_full else find_components(mask, 255, is_diagonal=True)


def _searched(image: Image.Image, pixels: int) -> Image.Image | None:
    """Grey copy of at most so many pixels; None if it is too small to tell flaws from detail."""
    size = scaled(image.size, min(1.0, (pixels / (image.width * image.height)) ** 0.5))
    is_enough = min(size) >= 48
    return image.convert("L").resize(size, Image.Resampling.BOX) if is_enough else None


def above(image: Image.Image, limit: float) -> Image.Image:
    """Mask of the values above a limit."""
    return image.point([255 if value > limit else 0 for value in range(256)])


def mended(image: Image.Image, flaws: Image.Image) -> Image.Image:
    """Picture whose flaws, a mask of any size, are filled from around them."""
    hole = above(flaws.resize(image.size, Image.Resampling.BILINEAR), 64)
    edge = soft(hole, 0.5 * image.width / flaws.width)
    return Image.composite(fill_smoothly(image, hole), image, edge)


_SIDE_MAX_PX = 7
_AROUND_PX = 4


def remove_dust(image: Image.Image) -> Image.Image | None:
    """Picture (RGB) without dust; None if there is hardly any."""
    # Repairs are made at full resolution.
    grey = _searched(image, 1_500_000)
    if grey is None:
        return None
    difference = ImageChops.difference(grey, grey.filter(ImageFilter.BoxBlur(_SIDE_MAX_PX)))
    # Where all around differs from its surroundings, it is texture.
    unrest = difference.filter(ImageFilter.BoxBlur(12))
    marks = ImageChops.subtract(above(difference, 26), above(unrest, 8))
    specks = [
        spot
        for spot in _find_spots(marks, 0.03)
        if spot.area_px > 1 and max(spot.size) <= _SIDE_MAX_PX and _is_speck(grey, difference, spot)
    ]
    if not 8 <= len(specks) <= 400:
        return None
    flaws = Image.new("L", grey.size, 0)
    for speck in specks:
        flaws.paste(255, padded(speck.box, 1, grey.size))
    return mended(image, flaws)


def _is_speck(grey: Image.Image, difference: Image.Image, spot: Component) -> bool:
    [(low, high)] = ImageStat.Stat(grey.crop(spot.box)).extrema
    [(_, peak)] = ImageStat.Stat(difference.crop(spot.box)).extrema
    # Bare paper and film are colourless; boats on a lake are only a little darker than it.
    if peak < 45 or 55 < low < high < 200:
        return False
    around, inner = padded(spot.box, _AROUND_PX, grey.size), padded(spot.box, 1, grey.size)
    # Without the speck itself and its soft edge.
    ground = Image.new("L", grey.size, 0)
    ground.paste(255, around)
    ground.paste(0, inner)
    statistics = ImageStat.Stat(grey.crop(around), ground.crop(around))
    is_even = statistics.stddev[0] < min(12, 0.2 * peak)
    # Stars are surrounded by black.
    return is_even and statistics.mean[0] > 50


# Distance from a line at which its sides are measured.
_REACH_PX = 4


def remove_scratches(image: Image.Image) -> Image.Image | None:
    """Picture (RGB) without scratches; None if there are none."""
    upright = _remove_upright(image, 0.4, (True, False))
    # Shelves, wires and text are horizontal; so a horizontal scratch must be long and light.
    turned = (upright or image).transpose(Image.Transpose.TRANSPOSE)
    turned = _remove_upright(turned, 0.6, (True,))
    return upright if turned is None else turned.transpose(Image.Transpose.TRANSPOSE)


def _remove_upright(
    image: Image.Image, length_min: float, tones: Sequence[bool]
) -> Image.Image | None:
    grey = _searched(image, 700_000)
    if grey is None:
        return None
    flaws = Image.new("L", grey.size, 0)
    count = 0
    for is_bright in tones:
        marks = above(ridges(grey, is_bright=is_bright), 12)
        for line in _lines(marks, length_min):
            mask = Image.new("L", grey.size, 0)
            mask.paste(marks.crop(line.box), line.box)
            if _is_scratch(grey, mask, is_bright=is_bright):
                flaws = ImageChops.lighter(flaws, mask)
                count += 1
    return mended(image, flaws.filter(ImageFilter.MaxFilter(3))) if 0 < count <= 40 else None


def _lines(marks: Image.Image, length_min: float) -> list[Component]:
    """Long and nearly upright lines of marks, with gaps."""
    along = ImageFilter.BoxBlur((0, marks.height // 10))
    dense = marks.filter(ImageFilter.MaxFilter(3)).filter(along)
    around = dense.filter(ImageFilter.BoxBlur((9, 0)))
    # At least half of a line is marked, and a quarter more than around it.
    ahead = above(ImageChops.subtract(dense, around), 255 * 0.25)
    lines = ImageChops.darker(ahead, above(dense, 255 * 0.5))
    return [
        line
        for line in _find_spots(lines, 0.2)
        if line.size[1] > length_min * marks.height
        and line.size[0] < 0.08 * marks.height + 2 * _REACH_PX
    ]


def ridges(grey: Image.Image, *, is_bright: bool) -> Image.Image:
    """Amount by which each pixel is lighter (darker) than both pixels beside it."""
    sides = (_beside(grey, _REACH_PX), _beside(grey, -_REACH_PX))
    if is_bright:
        return ImageChops.subtract(grey, ImageChops.lighter(*sides))
    return ImageChops.subtract(ImageChops.darker(*sides), grey)


def _beside(image: Image.Image, right_px: int) -> Image.Image:
    """Picture shifted sideways, its edge kept where nothing comes in."""
    shifted = image.copy()
    shifted.paste(image, (right_px, 0))
    return shifted


def _is_scratch(grey: Image.Image, mask: Image.Image, *, is_bright: bool) -> bool:
    """True if the line is white or black along its length and its surroundings are not."""
    # The line may fall between two columns, so the stronger counts.
    stronger = ImageFilter.MaxFilter(3) if is_bright else ImageFilter.MinFilter(3)
    line = ImageStat.Stat(grey.filter(stronger), mask)
    places = (-_REACH_PX - 1, _REACH_PX + 1)
    sides = [ImageStat.Stat(_beside(grey, place), mask) for place in places]
    means = [side.mean[0] for side in sides]
    light = line.mean[0]
    # Bare film or paper.
    is_bare = light <= 45 and min(means) - light > 70
    if is_bright:
        is_bare = light >= 205 and light - max(means) > 52
    variety = min(side.stddev[0] for side in sides)
    if not is_bare or variety < 10 or line.stddev[0] > 0.65 * variety:
        return False
    # A wire has the slow slopes of a sky beside it.
    slope = grey.filter(ImageFilter.BoxBlur((0, max(2, grey.height // 12))))
    changes = ImageChops.subtract(grey, slope, 1, 128)
    return all(ImageStat.Stat(_beside(changes, place), mask).stddev[0] > 5 for place in places)


# Longer side of the copy that is searched; a portrait's pupils still have some pixels there.
_SEARCHED_PX = 1024
_SAMPLES = 24


def remove_red_eyes(image: Image.Image) -> Image.Image | None:
    """Picture (RGB) without red eyes; None if there are none."""
    scale = min(1.0, _SEARCHED_PX / max(image.size))
    small = image.resize(scaled(image.size, scale), Image.Resampling.BOX)
    spots = _find_spots(_redness(small), 0.15)
    eyes = [spot for spot in spots if _is_eye(small, spot)]
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
    longer, shorter = max(spot.size), min(spot.size)
    filled = spot.area_px / (longer * shorter)
    return (
        shorter >= 6
        and longer <= 0.12 * min(small.size)
        and longer <= 1.6 * shorter
        # A disc fills 0.785 of its box, less with a highlight.
        and 0.5 <= filled <= 0.95
        # Iris, white and lashes surround the pupil, a face surrounds these.
        and _share_around(small, spot, (0.75, 0.95), _is_grey) >= 0.45
        and _share_around(small, spot, (1.8, 2.4, 3.0), _is_skin) >= 0.65
    )


def _share_around(
    small: Image.Image, spot: Component, radii: tuple[float, ...], is_such: Callable[[Colour], bool]
) -> float:
    """Share of matching samples on ellipses around the spot, of `radii` times its size."""
    left, top, right, bottom = spot.box
    across, down = (left + right - 1) / 2, (top + bottom - 1) / 2
    turns = [2 * pi * sample / _SAMPLES for sample in range(_SAMPLES)]
    places = [
        (round(across + cos(turn) * radius * spot.size[0]),
         round(down + sin(turn) * radius * spot.size[1]))
        for radius in radii for turn in turns
    ]  # fmt: skip
    colours = [colour_at(small, x, y) for x, y in places
               if 0 <= x < small.width and 0 <= y < small.height]  # fmt: skip
    # At the picture's edge the visible part decides, if it is large enough.
    return sum(map(is_such, colours)) / len(colours) if len(colours) >= len(places) / 2 else 0.0


def _is_grey(colour: Colour) -> bool:
    """True for white of the eye, a grey iris, lashes: little colour or very dark."""
    return max(colour) - min(colour) < 0.28 * max(colour) + 8 or max(colour) < 60


def _is_skin(colour: Colour) -> bool:
    """True for skin of any tone: red over green over blue (J. Kovac, 2003, widened)."""
    red, green, blue = colour
    return red > 50 and red >= green >= blue * 0.9 and 8 < red - blue < 0.6 * red < 2.2 * green


def _take_red_out(image: Image.Image, eye: Component, scale: float) -> None:
    """Lower the disc's red to its green and blue, in place."""
    box = padded(eye.box, max(2, eye.size[0] // 3), (_SEARCHED_PX, _SEARCHED_PX))
    left, top, right, bottom = (round(side / scale) for side in box)
    part = image.crop((left, top, right, bottom))
    _, green, blue = part.split()
    dark = Image.blend(green, blue, 0.5)
    reach = _redness(part).filter(ImageFilter.MaxFilter(3))
    edge_px = max(0.7, eye.size[0] / scale / 12)
    image.paste(dark.convert("RGB"), (left, top), reach.filter(ImageFilter.GaussianBlur(edge_px)))
