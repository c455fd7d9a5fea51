"""Blemishes of photos, found in a small copy, repaired in full size: dust, scratches, red eyes."""

from collections.abc import Callable, Sequence
from math import cos, pi, sin

from PIL import Image, ImageChops, ImageFilter, ImageStat

from imgbot.painter.components import Component, find_components
from imgbot.painter.engine.colours import Colour
from imgbot.painter.engine.drawing import Box, colour_at, padded, scaled, soft, spread


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
    is_enough = min(size) >= _SIDE_MIN_PX
    return image.convert("L").resize(size, Image.Resampling.BOX) if is_enough else None


def _above(image: Image.Image, limit: float) -> Image.Image:
    """Mask of the values above a limit."""
    return image.point([255 if value > limit else 0 for value in range(256)])


def _mended(image: Image.Image, flaws: Image.Image, boxes: Sequence[Box]) -> Image.Image:
    """Picture whose flaws, a mask of any size with their boxes, are filled from around them."""
    repaired = image.copy()
    scale = image.width / flaws.width
    for box in boxes:
        area = _enlarged(box, scale, image)
        part = image.crop(area)
        mask = flaws.crop(box).resize(part.size, Image.Resampling.BILINEAR)
        around = spread(part, ImageChops.invert(mask), _FILL_PX * scale)
        repaired.paste(around.convert("RGB"), area[:2], soft(mask, 0.5 * scale))
    return repaired


def _enlarged(box: Box, scale: float, image: Image.Image) -> Box:
    """Box of a smaller copy in the picture."""
    left, top, right, bottom = (round(side * scale) for side in box)
    return left, top, min(right, image.width), min(bottom, image.height)


_SIDE_MIN_PX, _FILL_PX = 48, 2.5
# Size of the copy that is searched; repairs are made at full resolution.
_DUST_SEARCHED_PIXELS = 1_500_000
_SHARE_MAX = 0.03
# Largest mean difference from the surroundings within this radius; more is texture.
_CALM_PX, _CALM_MAX = 12, 9
_STANDS_OUT, _SPECK_CONTRAST = 26, 45
_SPECK_WHITE, _SPECK_BLACK = 200, 55
_SIDE_MAX_PX = 7
_SPECKS_MIN, _SPECKS_MAX = 8, 400
# Deviation of the lightness around a speck, absolute and relative to its contrast, and the least
# mean lightness there: stars are surrounded by black.
_EVEN_MAX, _EVEN_SHARE_MAX, _GROUND_MIN = 12.0, 0.2, 50.0
_AROUND_PX = 4


def remove_dust(image: Image.Image) -> Image.Image | None:
    """Picture (RGB) without dust; None if there is hardly any."""
    grey = _searched(image, _DUST_SEARCHED_PIXELS)
    if grey is None:
        return None
    difference = ImageChops.difference(grey, grey.filter(ImageFilter.BoxBlur(_SIDE_MAX_PX)))
    unrest = difference.filter(ImageFilter.BoxBlur(_CALM_PX))
    marks = ImageChops.subtract(_above(difference, _STANDS_OUT), _above(unrest, _CALM_MAX - 1))
    specks = [
        spot
        for spot in _find_spots(marks, _SHARE_MAX)
        if spot.area_px > 1 and max(spot.size) <= _SIDE_MAX_PX and _is_speck(grey, difference, spot)
    ]
    if not _SPECKS_MIN <= len(specks) <= _SPECKS_MAX:
        return None
    flaws = Image.new("L", grey.size, 0)
    for speck in specks:
        flaws.paste(255, padded(speck.box, 1, grey.size))
    return _mended(image, flaws, [padded(speck.box, 2 * _AROUND_PX, grey.size) for speck in specks])


def _is_speck(grey: Image.Image, difference: Image.Image, spot: Component) -> bool:
    [(low, high)] = ImageStat.Stat(grey.crop(spot.box)).extrema
    [(_, peak)] = ImageStat.Stat(difference.crop(spot.box)).extrema
    # Bare paper and film are colourless; boats on a lake are only a little darker than it.
    if peak < _SPECK_CONTRAST or _SPECK_BLACK < low < high < _SPECK_WHITE:
        return False
    around, inner = padded(spot.box, _AROUND_PX, grey.size), padded(spot.box, 1, grey.size)
    # Without the speck itself and its soft edge.
    ground = Image.new("L", grey.size, 0)
    ground.paste(255, around)
    ground.paste(0, inner)
    statistics = ImageStat.Stat(grey.crop(around), ground.crop(around))
    is_even = statistics.stddev[0] < min(_EVEN_MAX, _EVEN_SHARE_MAX * peak)
    return is_even and statistics.mean[0] > _GROUND_MIN


_SCRATCHES_SEARCHED_PIXELS = 700_000
# Distance from a line at which its sides are measured.
_REACH_PX = 4
_CONTRAST = 12
# Least share of marks along a line, and its excess over what is around it.
_DENSE_MIN, _AHEAD_MIN = 0.5, 0.25
_NEAR_PX = 9
# Least share of the height that a line covers, if vertical or horizontal, and its largest lean.
_LENGTH_MIN, _LYING_LENGTH_MIN, _LEAN_MAX = 0.4, 0.6, 0.08
# Bare film or paper: lightness of the line, and its least difference from both sides.
_WHITE, _BLACK = 205, 45
_ABOVE_SIDES, _BELOW_SIDES = 52, 70
# Least deviation of the lightness beside the line, the same without slow slopes (a wire has sky
# beside it), and largest deviation along the line as a share of the first.
_VARIETY_MIN, _CHANGES_MIN, _SAMENESS_MAX = 10.0, 5.0, 0.65
_COUNT_MAX = 40


def remove_scratches(image: Image.Image) -> Image.Image | None:
    """Picture (RGB) without scratches; None if there are none."""
    upright = _remove_upright(image, _LENGTH_MIN, (True, False))
    # Shelves, wires and text are horizontal; so a horizontal scratch must be long and light.
    turned = (upright or image).transpose(Image.Transpose.TRANSPOSE)
    turned = _remove_upright(turned, _LYING_LENGTH_MIN, (True,))
    return upright if turned is None else turned.transpose(Image.Transpose.TRANSPOSE)


def _remove_upright(
    image: Image.Image, length_min: float, tones: Sequence[bool]
) -> Image.Image | None:
    grey = _searched(image, _SCRATCHES_SEARCHED_PIXELS)
    if grey is None:
        return None
    flaws = Image.new("L", grey.size, 0)
    boxes: list[Box] = []
    for is_bright in tones:
        marks = _above(_ridges(grey, is_bright=is_bright), _CONTRAST)
        for line in _lines(marks, length_min):
            mask = Image.new("L", grey.size, 0)
            mask.paste(marks.crop(line.box), line.box)
            if _is_scratch(grey, mask, is_bright=is_bright):
                flaws = ImageChops.lighter(flaws, mask)
                boxes.append(padded(line.box, 2 * _REACH_PX, grey.size))
    if not 0 < len(boxes) <= _COUNT_MAX:
        return None
    return _mended(image, flaws.filter(ImageFilter.MaxFilter(3)), boxes)


def _lines(marks: Image.Image, length_min: float) -> list[Component]:
    """Long and nearly upright lines of marks, with gaps."""
    along = ImageFilter.BoxBlur((0, marks.height // 10))
    dense = marks.filter(ImageFilter.MaxFilter(3)).filter(along)
    around = dense.filter(ImageFilter.BoxBlur((_NEAR_PX, 0)))
    ahead = _above(ImageChops.subtract(dense, around), 255 * _AHEAD_MIN)
    lines = ImageChops.darker(ahead, _above(dense, 255 * _DENSE_MIN))
    return [
        line
        for line in _find_spots(lines, 0.2)
        if line.size[1] > length_min * marks.height
        and line.size[0] < _LEAN_MAX * marks.height + 2 * _REACH_PX
    ]


def _ridges(grey: Image.Image, *, is_bright: bool) -> Image.Image:
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
    is_bare = light <= _BLACK and min(means) - light > _BELOW_SIDES
    if is_bright:
        is_bare = light >= _WHITE and light - max(means) > _ABOVE_SIDES
    variety = min(side.stddev[0] for side in sides)
    if not is_bare or variety < _VARIETY_MIN or line.stddev[0] > _SAMENESS_MAX * variety:
        return False
    slope = grey.filter(ImageFilter.BoxBlur((0, max(2, grey.height // 12))))
    changes = ImageChops.subtract(grey, slope, 1, 128)
    return all(
        ImageStat.Stat(_beside(changes, place), mask).stddev[0] > _CHANGES_MIN for place in places
    )


# Longer side of the copy that is searched; a portrait's pupils still have some pixels there.
_SEARCHED_PX = 1024
_RED_SHARE_MAX = 0.15
_EYE_MIN_PX = 6
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
    small = image.resize(scaled(image.size, scale), Image.Resampling.BOX)
    spots = _find_spots(_redness(small), _RED_SHARE_MAX)
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
        shorter >= _EYE_MIN_PX
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
    area = _enlarged(box, 1 / scale, image)
    part = image.crop(area)
    _, green, blue = part.split()
    dark = Image.blend(green, blue, 0.5)
    reach = _redness(part).filter(ImageFilter.MaxFilter(3))
    edge_px = max(0.7, eye.size[0] / scale / 12)
    image.paste(dark.convert("RGB"), area[:2], reach.filter(ImageFilter.GaussianBlur(edge_px)))
