"""Scratches on prints and films: straight lines across the picture, filled from both sides.

Masts and wires must stay: a scratch has constant lightness while its surroundings change.
"""

from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter, ImageStat

# Size of the copy that is searched; repairs are made at full resolution.
_SEARCHED_PIXELS = 700_000
_SIDE_MIN_PX = 48
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
    scale = min(1.0, (_SEARCHED_PIXELS / (image.width * image.height)) ** 0.5)
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
