"""The area that a user marked with a pen: the difference between a picture and its drawn copy.

A closed line means its inside; a scribble, or a line that is not closed, means itself. Runs in a
worker. Sizes are in pixels of a small copy, in which the noise of JPEG is weak and all is fast.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import dist
from pathlib import Path

from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat

from imgbot.domain.errors import UserError
from imgbot.painter.components import Component, find_components
from imgbot.painter.decoding import decode
from imgbot.painter.pictures import flattened, save_jpeg
from imgbot.painter.steps import DrawnArea

_Rgb = tuple[int, ...]

# Difference of a channel that no JPEG makes after the reduction.
_CHANGED_LEVEL = 26
# Colours of one pen are this near to each other.
_ONE_PEN = 60
# If the colours of the pen leave less, they cover the picture.
_COVERED_SHARE = 0.98
# Half of a gap over which a line is closed without a doubt.
_SMALL_GAP_PX = 7
_LARGE_SHARE = 0.6
_MARGIN_PX = 2
_EVEN = 0.024
# A picture is sought in another one on a grid, at these scales.
_GRID = 8
_SCALES = (0.45, 0.52, 0.6, 0.68, 0.76, 0.84, 0.92, 1.0)


def find_drawn_area(
    first: str, second: str, mask_target: str, preview_target: str, *, is_ordered: bool = False
) -> DrawnArea:
    """Compare two checked pictures, of which one may be the other with something drawn on it.

    It is the second one if `is_ordered`, else either. If something is drawn, write the area as a
    mask (L, white is the area) of the size of the plain picture, and that picture with all but the
    area dimmed.
    """
    pair = [_rgb(path) for path in (first, second)]
    ratio = pair[0].width * pair[1].height / (pair[0].height * pair[1].width)
    size = _reduced_size(pair[0], 400)
    plain, drawn = (image.resize(size, Image.Resampling.BOX) for image in pair)
    level = _difference(plain, drawn)
    changed = _without_specks(level.point([255 * (v > _CHANGED_LEVEL) for v in range(256)]))
    inks = [_ink(image, changed) for image in (drawn, plain)]
    is_swapped = not is_ordered and _is_drawn_on(plain, drawn, changed, inks)
    ink, drawn = (inks[1], plain) if is_swapped else (inks[0], drawn)
    if abs(ratio - 1) > 0.02 or not _is_copy(level, drawn, ink):
        return DrawnArea("area_elsewhere" if _is_part(*pair) else "")
    if not changed.getbbox():
        return DrawnArea("")
    mask, is_clear = _area(changed)
    _write(pair[is_swapped], mask, mask_target, preview_target)
    return DrawnArea(_finding(mask, ink, is_clear=is_clear), is_swapped=is_swapped)


def _write(picture: Image.Image, mask: Image.Image, mask_target: str, preview_target: str) -> None:
    large = mask.resize(picture.size, Image.Resampling.BICUBIC)
    large = large.point([255 * (value > 127) for value in range(256)])
    large.save(mask_target, "PNG")
    dimmed = picture.point([value // 3 for value in range(256)] * 3)
    save_jpeg(Image.composite(picture, dimmed, large), preview_target, 88)


def grow_canvas(
    source: str, target: str, area: str, *, sides: Sequence[float], ratio: float, is_even: bool
) -> None:
    """Write a picture on a larger canvas, mirrored there, and a mask of that (L, white) to `area`.

    `sides` are added, as shares of its size, at the left, top, right and bottom; else it gets the
    `ratio`. UserError canvas_uneven, if `is_even` and more than sky, a wall or snow is mirrored.
    """
    image = flattened(decode(source, limit_megapixels=50, keep_megapixels=6))
    own = image.width / image.height
    wanted = sides if not ratio else (max(ratio / own - 1, 0) / 2, max(own / ratio - 1, 0) / 2) * 2
    if is_even and any(_detail(image, side, by) > _EVEN for side, by in enumerate(wanted)):
        raise UserError("canvas_uneven", charge="no")
    border = tuple(round(px * by) for px, by in zip(image.size * 2, wanted, strict=True))
    mask = ImageOps.expand(Image.new("L", image.size), border, 255)
    canvas = Image.new("RGB", mask.size)
    for column, row in product((-1, 0, 1), repeat=2):
        across = ImageOps.mirror(image) if column else image
        part = ImageOps.flip(across) if row else across
        canvas.paste(part, (border[0] + column * image.width, border[1] + row * image.height))
    save_jpeg(canvas, target, 95)
    mask.save(area, "PNG")


def _detail(image: Image.Image, side: int, share: float) -> float:
    """Mean difference of a part at the left, top, right or bottom from itself, blurred."""
    turned = image.resize(_reduced_size(image, 300)).rotate(90 * side, expand=True)
    part = turned.crop((0, 0, round(turned.width * share) or 1, turned.height))
    return _share(_difference(part, part.filter(ImageFilter.GaussianBlur(6)))) if share else 0


def fit_mask(area: str, picture: str, *, mask: str) -> str:
    """Write a mask as a provider takes it, of the size of its picture; return the path.

    `mask` says what marks the area in a PNG: `white`, or `alpha`, where that is transparent.
    """
    with Image.open(picture, formats=("JPEG", "PNG")) as image, Image.open(area) as marked:
        fitted = marked.resize(image.size, Image.Resampling.NEAREST)
    if mask == "alpha":
        fitted = Image.merge("RGBA", [*[fitted] * 3, ImageChops.invert(fitted)])
    target = Path(area).with_name(f"mask-{mask}.png")
    fitted.save(target, "PNG")
    return str(target)


def _rgb(path: str) -> Image.Image:
    with Image.open(path, formats=("JPEG", "PNG")) as image:
        return image.convert("RGB")


def _reduced_size(image: Image.Image, side_px: int) -> tuple[int, int]:
    share = side_px / max(image.size)
    return max(1, round(image.width * share)), max(1, round(image.height * share))


def _share(mask: Image.Image) -> float:
    return ImageStat.Stat(mask).mean[0] / 255


def _difference(one: Image.Image, other: Image.Image) -> Image.Image:
    red, green, blue = ImageChops.difference(one, other).split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)


def _without_specks(mask: Image.Image) -> Image.Image:
    for part in find_components(mask, 255, is_diagonal=False):
        if part.area_px < 6:
            _fill(mask, part, 0)
    return mask


def _is_drawn_on(
    one: Image.Image, other: Image.Image, changed: Image.Image, inks: Sequence["_Ink"]
) -> bool:
    """True if a line was drawn on the first picture: it has edges that the second one lacks.

    What covers most of a picture hides edges, and is known by its colour.
    """
    if _share(changed) > _LARGE_SHARE:
        return inks[1].shares[0] > inks[0].shares[0]
    thick = changed.filter(ImageFilter.MinFilter(3))
    near = ImageChops.subtract(changed.filter(ImageFilter.MaxFilter(3)), thick)
    edges = [
        ImageStat.Stat(image.filter(ImageFilter.FIND_EDGES).convert("L"), near).mean[0]
        for image in (one, other)
        if near.getbbox()
    ]
    return len(edges) > 1 and edges[0] > edges[1] * 1.2


@dataclass(frozen=True, slots=True)
class _Ink:
    """Two most frequent colours of what was drawn, and their shares of it."""

    colours: tuple[_Rgb, _Rgb]
    shares: tuple[float, float]


def _ink(drawn: Image.Image, changed: Image.Image) -> _Ink:
    core = changed.filter(ImageFilter.MinFilter(3))
    core = core if core.getbbox() else changed
    # The lower bits are noise; an odd colour stands for what is not drawn.
    coarse = drawn.point([value & 0xF0 for value in range(256)] * 3)
    found = Image.composite(coarse, Image.new("RGB", drawn.size, (1, 1, 1)), core)
    listed = found.getcolors(1 << 16) or []
    found_colours = ((colour, count) for count, colour in listed if isinstance(colour, tuple))
    counts = {colour: count for colour, count in found_colours if colour != (1, 1, 1)}
    total = sum(counts.values()) or 1
    first, first_px = _most_frequent(counts)
    far = {colour: count for colour, count in counts.items() if dist(colour, first) > 110}
    second, second_px = _most_frequent(far)
    return _Ink((first, second), (first_px / total, second_px / total))


def _most_frequent(counts: dict[_Rgb, int]) -> tuple[_Rgb, int]:
    """The most frequent colour, and the number of pixels near it."""
    colour = max(counts, key=counts.__getitem__, default=(-999, 0, 0))
    return colour, sum(n for each, n in counts.items() if dist(each, colour) <= _ONE_PEN)


def _is_copy(level: Image.Image, drawn: Image.Image, ink: _Ink) -> bool:
    """True if all but what was drawn is equal; where that is nothing, if it is one colour."""
    left = Image.new("L", drawn.size, 255)
    for colour in ink.colours:
        near = _difference(drawn, Image.new("RGB", drawn.size, colour)) if colour[0] >= 0 else None
        if near is not None:
            left = ImageChops.darker(left, near.point([255 * (v > _ONE_PEN) for v in range(256)]))
    if _share(left) < 1 - _COVERED_SHARE:
        return ink.shares[0] > _COVERED_SHARE
    equal = level.point([255 * (value <= _CHANGED_LEVEL) for value in range(256)])
    return ImageStat.Stat(equal, left).mean[0] >= 0.8 * 255


def _finding(mask: Image.Image, ink: _Ink, *, is_clear: bool) -> str:
    """`area_found`, or the reason to ask before the area is used, as a text's key."""
    left, top, right, bottom = mask.getbbox() or (0, 0, 0, 0)
    if max(right - left, bottom - top) < 12:
        return "area_dot"
    if _share(mask) > 0.9:
        return "area_all"
    if ink.shares[1] >= 0.2:
        return "area_two_pens"
    is_sure = is_clear and ink.shares[0] >= 0.75 and _share(mask) <= _LARGE_SHARE
    return "area_found" if is_sure else "area_unsure"


def _area(line: Image.Image) -> tuple[Image.Image, bool]:
    """The area that a line means, and whether that is clear."""
    edge = line.filter(ImageFilter.MaxFilter(2 * _MARGIN_PX + 1))
    wide, wide_px = line, 0
    for gap_px in (1, 3, 7, 15, 23, 31):
        wide = wide.filter(ImageFilter.MaxFilter(2 * (gap_px - wide_px) + 1))
        wide_px = gap_px
        inside = _inside(wide)
        if inside.getbbox():
            grown = inside.filter(ImageFilter.MaxFilter(2 * (gap_px + _MARGIN_PX) + 1))
            return ImageChops.lighter(grown, edge), gap_px <= _SMALL_GAP_PX
        if gap_px == _SMALL_GAP_PX:
            scribble = wide.filter(ImageFilter.MinFilter(2 * (gap_px - _MARGIN_PX) + 1))
            if (box := scribble.getbbox()) and _share(scribble.crop(box)) >= 0.4:
                return scribble, True
    return edge, False


def _inside(line: Image.Image) -> Image.Image:
    """Mask of what a line encloses, alone or together with the picture's border."""
    found = find_components(line, 0, is_diagonal=False)
    parts = [part for part in found if part.area_px >= 24]
    borders = [_border_px(part, line.size) for part in parts]
    most = max(borders, default=0)
    is_enclosed = 0 in borders
    inside = Image.new("L", line.size)
    for part, border_px in zip(parts, borders, strict=True):
        if border_px == 0 or (border_px < most and not is_enclosed):
            _fill(inside, part, 255)
    return inside


def _border_px(part: Component, size: tuple[int, int]) -> int:
    ends = sum((start == 0) + (end == size[0]) for _, start, end in part.runs)
    return ends + sum(end - start for row, start, end in part.runs if row in (0, size[1] - 1))


def _fill(mask: Image.Image, part: Component, value: int) -> None:
    for row, start, end in part.runs:
        mask.paste(value, (start, row, end, row + 1))


def _is_part(one: Image.Image, other: Image.Image) -> bool:
    """True if a picture shows the other one or a part of it, as a screenshot, or is its mirror."""
    first, second = (image.resize(_reduced_size(image, 200)) for image in (one, other))
    mirrored = second.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return any(
        sum(a * b for a, b in zip(_grid(whole, box), grid, strict=True)) > 0.88
        for whole, part in ((first, second), (second, first), (first, mirrored))
        for grid in [_grid(part)]
        for box in _boxes(whole.size, part.size)
    )


def _boxes(
    whole: tuple[int, int], part: tuple[int, int]
) -> Iterator[tuple[float, float, float, float]]:
    """Places of one picture that have the shape of another one."""
    fit = min(whole[0] / part[0], whole[1] / part[1])
    for scale in _SCALES:
        sides = [side * fit * scale for side in part]
        free = [total - side for total, side in zip(whole, sides, strict=True)]
        across, down = (
            min(24, int(room / (side * 0.07)) + 1) for room, side in zip(free, sides, strict=True)
        )
        for column in range(across + 1):
            for row in range(down + 1):
                left, top = free[0] * column / across, free[1] * row / down
                yield left, top, left + sides[0], top + sides[1]


def _grid(image: Image.Image, box: tuple[float, float, float, float] | None = None) -> list[float]:
    """Colours on a coarse grid, with mean 0 and length 1."""
    values = image.resize((_GRID, _GRID), Image.Resampling.BOX, box).tobytes()
    mean = sum(values) / len(values)
    length = sum((value - mean) ** 2 for value in values) ** 0.5 or 1.0
    return [(value - mean) / length for value in values]
