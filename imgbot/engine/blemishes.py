"""Blemishes of photos, found as connected components: dust, scratches, red eyes."""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, sin

from PIL import Image, ImageChops, ImageFilter, ImageStat

from imgbot.engine.colours import Colour
from imgbot.engine.drawing import percentile


@dataclass(frozen=True, slots=True)
class Component:
    """Connected component; its box in pixels as Pillow counts it (right and bottom exclusive)."""

    left: int
    top: int
    right: int
    bottom: int
    area: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def box(self) -> tuple[int, int, int, int]:
        return (self.left, self.top, self.right, self.bottom)

    def padded(self, by_px: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Box with a margin, clipped to a picture of `size`."""
        return (
            max(0, self.left - by_px),
            max(0, self.top - by_px),
            min(size[0], self.right + by_px),
            min(size[1], self.bottom + by_px),
        )


def find_components(mask: Image.Image, *, share_max: float) -> list[Component]:
    """Components (8-connected) of the pixels that are 255 in a mask (L).

    None if more than `share_max` of the pixels are set: that bounds the work, and so full a mask
    shows a subject instead of flaws.
    """
    width, height = mask.width + 2, mask.height + 2
    if mask.histogram()[255] > share_max * mask.width * mask.height:
        return []
    # A frame of unset pixels makes bounds checks unnecessary.
    framed = Image.new("L", (width, height), 0)
    framed.paste(mask, (1, 1))
    pixels = bytearray(framed.tobytes())
    spots: list[Component] = []
    start = pixels.find(255)
    while start >= 0:
        spots.append(_take_component(pixels, start, width))
        start = pixels.find(255, start)
    return spots


def _take_component(pixels: bytearray, start: int, width: int) -> Component:
    """Component around `start`, removed from the pixels."""
    around = (-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1)
    pixels[start] = 0
    found = [start]
    for place in found:
        for step in around:
            if pixels[place + step] == 255:
                pixels[place + step] = 0
                found.append(place + step)
    columns = [place % width for place in found]
    return Component(
        left=min(columns) - 1,
        top=start // width - 1,
        right=max(columns),
        bottom=max(found) // width,
        area=len(found),
    )


Box = tuple[int, int, int, int]

# Size of the copy that is searched; repairs are made at full resolution.
_DUST_SEARCHED_PIXELS = 1_500_000
_SIDE_MIN_PX = 48
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
    scale = min(1.0, (_DUST_SEARCHED_PIXELS / (image.width * image.height)) ** 0.5)
    searched = (round(image.width * scale), round(image.height * scale))
    if min(searched) < _SIDE_MIN_PX:
        return None
    grey = image.convert("L").resize(searched, Image.Resampling.BOX)
    even = grey.filter(ImageFilter.BoxBlur(_SIDE_MAX_PX))
    marks = _marks(grey, even)
    specks = [
        spot for spot in find_components(marks, share_max=_SHARE_MAX) if _is_speck(grey, even, spot)
    ]
    if not _SPECKS_MIN <= len(specks) <= _SPECKS_MAX:
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
    is_bare = (
        _highest(here) >= _SPECK_WHITE or 255 - _highest(ImageChops.invert(here)) <= _SPECK_BLACK
    )
    if peak < _SPECK_CONTRAST or not is_bare:
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


# Size of the copy that is searched; repairs are made at full resolution.
_SCRATCHES_SEARCHED_PIXELS = 700_000
# Distance from a line at which its sides are measured.
_REACH_PX = 4
_CONTRAST = 12
# Largest lean of a line over the whole height, and the steps that are tried.
_LEAN_SHARE, _LEAN_STEP_PX = 0.06, 3
# Least share of the height that a line covers, if vertical or horizontal, and its least excess
# over the columns beside it.
_LENGTH_MIN, _LYING_LENGTH_MIN, _AHEAD_MIN = 0.4, 0.6, 0.25
_BESIDE_PX = (5, 8)
# Bare film or paper: lightness of the line, and its least difference from both sides.
_WHITE, _BLACK = 205, 45
_ABOVE_SIDES, _BELOW_SIDES = 52, 70
# Least deviation of the lightness beside the line, the same without slow slopes (a wire has sky
# beside it), and largest deviation along the line as a share of the first.
_VARIETY_MIN, _CHANGES_MIN, _SAMENESS_MAX = 10.0, 5.0, 0.65
_COUNT_MAX = 40


@dataclass(frozen=True, slots=True)
class ScratchLine:
    """Line that is vertical once the picture is sheared by `lean_px` over its height."""

    lean_px: int
    x: int
    share: float
    is_bright: bool


def remove_scratches(image: Image.Image) -> Image.Image | None:
    """Picture (RGB) without scratches; None if there are none."""
    upright = _remove_upright(image, length_min=_LENGTH_MIN, also_dark=True)
    # Shelves, wires and text are horizontal; so a horizontal scratch must be long and light.
    turned = _remove_upright(
        (upright or image).transpose(Image.Transpose.TRANSPOSE),
        length_min=_LYING_LENGTH_MIN,
        also_dark=False,
    )
    return upright if turned is None else turned.transpose(Image.Transpose.TRANSPOSE)


def _remove_upright(
    image: Image.Image, *, length_min: float, also_dark: bool
) -> Image.Image | None:
    scale = min(1.0, (_SCRATCHES_SEARCHED_PIXELS / (image.width * image.height)) ** 0.5)
    size = (round(image.width * scale), round(image.height * scale))
    if min(size) < _SIDE_MIN_PX:
        return None
    grey = image.convert("L").resize(size, Image.Resampling.BOX)
    lines = [
        line
        for is_bright in ((True, False) if also_dark else (True,))
        for line in _find_lines(grey, is_bright=is_bright)
        if line.share > length_min
    ]
    if not 0 < len(lines) <= _COUNT_MAX:
        return None
    repaired = image.copy()
    for line in lines:
        _fill_from_sides(repaired, line, scale)
    return repaired


def _find_lines(grey: Image.Image, *, is_bright: bool) -> list[ScratchLine]:
    ridges = _ridges(grey, _REACH_PX, is_bright=is_bright)
    marks = ridges.point([255 if value > _CONTRAST else 0 for value in range(256)])
    wide = marks.filter(ImageFilter.MaxFilter(3))
    most = round(_LEAN_SHARE * grey.height)
    found: list[ScratchLine] = []
    for lean_px in range(-most, most + 1, _LEAN_STEP_PX):
        shares = list(_shear(wide, lean_px).resize((grey.width, 1), Image.Resampling.BOX).tobytes())
        found += [
            ScratchLine(lean_px, x, shares[x] / 255, is_bright)
            for x in range(_BESIDE_PX[1], grey.width - _BESIDE_PX[1])
            if shares[x] > 255 * _LENGTH_MIN and _stands_alone(shares, x)
        ]
    lines = _strongest(found)
    return [line for line in lines if _is_scratch(grey, marks, line)]


def _stands_alone(shares: list[int], x: int) -> bool:
    near, far = _BESIDE_PX
    beside = [*shares[x - far : x - near + 1], *shares[x + near : x + far + 1]]
    is_peak = shares[x] >= max(shares[x - near : x + near + 1])
    return is_peak and shares[x] - max(beside) > 255 * _AHEAD_MIN


def _strongest(lines: list[ScratchLine]) -> list[ScratchLine]:
    """Strongest of the candidates that are the same line at slightly different leans."""
    kept: list[ScratchLine] = []
    for line in sorted(lines, key=lambda line: -line.share):
        if all(
            abs(line.x - other.x) + abs(line.lean_px - other.lean_px) / 2 > 2 * _REACH_PX
            for other in kept
        ):
            kept.append(line)
    return kept


def _shear(image: Image.Image, lean_px: float) -> Image.Image:
    """Picture with its rows shifted sideways, the middle row by nothing."""
    slope = lean_px / image.height
    return image.transform(image.size, Image.Transform.AFFINE, (1, slope, -lean_px / 2, 0, 1, 0))


def _ridges(grey: Image.Image, reach_px: int, *, is_bright: bool) -> Image.Image:
    """Amount by which each pixel is lighter (darker) than both pixels `reach_px` beside it."""
    sides = (_moved(grey, reach_px), _moved(grey, -reach_px))
    if is_bright:
        return ImageChops.subtract(grey, ImageChops.lighter(*sides))
    return ImageChops.subtract(ImageChops.darker(*sides), grey)


def _moved(image: Image.Image, right_px: int) -> Image.Image:
    """Picture shifted sideways, its edge kept where nothing comes in."""
    moved = image.copy()
    moved.paste(image, (right_px, 0))
    return moved


def _is_scratch(grey: Image.Image, marks: Image.Image, line: ScratchLine) -> bool:
    """True if the line is white or black along its length and its surroundings are not."""
    mask = _column(_shear(marks, line.lean_px).filter(ImageFilter.MaxFilter(3)), line.x)
    if mask.histogram()[255] < grey.height * _LENGTH_MIN / 2:
        return False
    # The line may fall between two columns, so the stronger counts.
    stronger = ImageFilter.MaxFilter(3) if line.is_bright else ImageFilter.MinFilter(3)
    level, waver = _statistics(grey.filter(stronger), line, 0, mask)
    beside = (-_REACH_PX - 1, _REACH_PX + 1)
    sides = [_statistics(grey, line, right_px, mask) for right_px in beside]
    if line.is_bright:
        is_bare = level >= _WHITE and level - max(mean for mean, _ in sides) > _ABOVE_SIDES
    else:
        is_bare = level <= _BLACK and min(mean for mean, _ in sides) - level > _BELOW_SIDES
    variety = min(deviation for _, deviation in sides)
    if not is_bare or variety < _VARIETY_MIN or waver > _SAMENESS_MAX * variety:
        return False
    changes = _changes(grey)
    return min(_statistics(changes, line, right_px, mask)[1] for right_px in beside) > _CHANGES_MIN


def _changes(grey: Image.Image) -> Image.Image:
    """Vertical changes of the lightness (around 128) without slow slopes."""
    slope = grey.filter(ImageFilter.BoxBlur((0, max(2, grey.height // 12))))
    return ImageChops.subtract(grey, slope, 1, 128)


def _column(image: Image.Image, x: int) -> Image.Image:
    return image.crop((x, 0, x + 1, image.height))


def _statistics(
    image: Image.Image, line: ScratchLine, right_px: int, mask: Image.Image
) -> tuple[float, float]:
    """Mean and deviation along the line, or along a parallel to it."""
    statistics = ImageStat.Stat(_column(_shear(image, line.lean_px), line.x + right_px), mask)
    return statistics.mean[0], statistics.stddev[0]


def _fill_from_sides(image: Image.Image, line: ScratchLine, scale: float) -> None:
    """Fill the line with the mean of its left and right side, in place."""
    reach_px = round(_REACH_PX / scale)
    half_px = 2 * reach_px
    for top in range(0, image.height, half_px):
        bottom = min(image.height, top + half_px)
        lean = line.lean_px * ((top + bottom) / 2 / image.height - 0.5)
        left = round((line.x + 0.5 + lean) / scale) - half_px
        area = (max(0, left), top, min(image.width, left + 2 * half_px), bottom)
        if area[2] - area[0] < half_px:
            continue
        part = image.crop(area)
        marks = _ridges(part.convert("L"), reach_px, is_bright=line.is_bright).point(
            [255 if value > _CONTRAST // 2 else 0 for value in range(256)]
        )
        where = marks.filter(ImageFilter.MaxFilter(3))
        mean = Image.blend(_moved(part, reach_px), _moved(part, -reach_px), 0.5)
        image.paste(mean, area[:2], where)


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
