"""Collages: photos side by side, uncropped; before and after."""

from collections.abc import Sequence
from itertools import combinations, pairwise
from math import ceil

from PIL import Image, ImageDraw, ImageFont, ImageStat

from imgbot.painter.engine import drawing, geometry
from imgbot.painter.engine.colours import Colour, mix, with_lightness

# Longer side of a collage.
SIDE_PX = 2048
# Within Telegram's limit for photos, a ratio of 20.
SHEET_RATIO_MAX = 16.0
# Largest ratio of a cell.
STRIP_RATIO_MAX = 6.0
_GAP_PX = 25
WANTED_RATIO = 1.15
CELL_PX = 640

Cell = tuple[int, int, int, int]  # left, top, width, height
_CellRows = Sequence[Sequence[int]]


def background_of(images: Sequence[Image.Image]) -> Colour:
    """Background colour: nearly white, tinted by the mean of the photos."""
    means = [ImageStat.Stat(image.resize((16, 16))).mean for image in images]
    average = [round(sum(mean[band] for mean in means) / len(means)) for band in range(3)]
    tone = (average[0], average[1], average[2])
    return mix(with_lightness(tone, 0.96), (255, 255, 255), 0.5)


def collage(images: Sequence[Image.Image], background: Colour, *, has_gaps: bool) -> Image.Image:
    """Photos in rows that fill a rectangle of a moderate ratio."""
    return lay_in_rows(images, _best_rows([_ratio(image) for image in images]), background,
                   has_gaps=has_gaps)  # fmt: skip


def lay_in_rows(
    images: Sequence[Image.Image], rows: _CellRows, background: Colour, *, has_gaps: bool
) -> Image.Image:
    """Rows (indexes of `images`) below each other, all of the collage's width."""
    gap = _GAP_PX if has_gaps else 0
    sheet_size, places = _arrange(images, rows, gap)
    sheet = Image.new("RGB", sheet_size, background)
    for image, place in zip(images, places, strict=True):
        _paste(sheet, image, place)
    return sheet


def panorama(images: Sequence[Image.Image]) -> Image.Image:
    """Photos at one height, edge to edge."""
    ratios = [_ratio(image) for image in images]
    total = min(SHEET_RATIO_MAX, sum(ratios))
    narrowing = total / sum(ratios)
    # Of at most 12 megapixels, and 8000 px wide.
    height = min(1080, int((12_000_000 / total) ** 0.5), int(8000 / total))
    edges = [round(height * narrowing * sum(ratios[:index])) for index in range(len(ratios) + 1)]
    strip = Image.new("RGB", (max(1, edges[-1]), height))
    for image, left, right in zip(images, edges, edges[1:], strict=False):
        strip.paste(_filled(image, (max(1, right - left), height)), (left, 0))
    return strip


def _filled(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Whole photo at this size; on a blurred copy of itself if the ratios differ."""
    photo = fitted_whole(image, size)
    if photo.size == size:
        return photo
    ground = geometry.backdrop(image, size)
    ground.paste(photo, ((size[0] - photo.width) // 2, (size[1] - photo.height) // 2))
    return ground


def fitted_whole(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Whole photo scaled to fit; of exactly this size if the ratios agree."""
    share = min(size[0] / image.width, size[1] / image.height)
    whole = drawing.scaled(image.size, share)
    # Rounding to pixels; a distortion this small is invisible.
    if all(abs(one - two) <= max(2, two * 0.015) for one, two in zip(whole, size, strict=True)):
        whole = size
    return image.resize(whole, Image.Resampling.LANCZOS, reducing_gap=3)


def contact_sheet(images: Sequence[Image.Image], background: Colour) -> Image.Image:
    """Photos in equal cells, numbered from 1."""
    count = len(images)
    columns = ceil(count**0.5)
    if count > 4 and sum(image.height > image.width for image in images) > count / 2:
        columns = min(count, columns + 1)
    gap = round(CELL_PX * 0.04)
    ratios = sorted(_ratio(image) for image in images)
    # The median ratio of the photos decides.
    ratio = min(1.8, max(0.6, ratios[len(ratios) // 2]))
    width = min(CELL_PX, (SIDE_PX - gap) // columns - gap)
    height = round(width / ratio)
    rows = ceil(count / columns)
    size = (columns * (width + gap) + gap, rows * (height + gap) + gap)
    sheet = Image.new("RGB", size, background)
    for index, image in enumerate(images):
        left = gap + index % columns * (width + gap)
        top = gap + index // columns * (height + gap)
        _paste(sheet, image, (left, top, width, height))
        _number(sheet, index + 1, (left, top), max(14, round(width / 17)))
    return sheet


def _number(sheet: Image.Image, number: int, corner: tuple[int, int], size_px: int) -> None:
    """Draw a small number on a dark disc into a corner of the cell."""
    disc = drawing.discs((size_px * 2, size_px * 2), [(size_px, size_px, size_px, 175)])
    left, top = corner[0] + size_px // 3, corner[1] + size_px // 3
    sheet.paste((20, 20, 24), (left, top), disc)
    font = ImageFont.load_default(size_px * 1.1)
    middle = (left + size_px, top + size_px)
    ImageDraw.Draw(sheet).text(middle, str(number), fill="white", font=font, anchor="mm")


def _best_rows(ratios: list[float]) -> list[list[int]]:
    """Best division of the photos, in order, into rows of equal width that need no cropping."""
    numbers = range(len(ratios))
    divisions = (
        [[*numbers[start:end]] for start, end in pairwise((0, *breaks, len(ratios)))]
        for count in numbers
        for breaks in combinations(numbers[1:], count)
    )
    return min(divisions, key=lambda rows: _cost(rows, ratios))


def _cost(rows: list[list[int]], ratios: list[float]) -> float:
    heights = [1 / sum(ratios[index] for index in row) for row in rows]
    ratio = 1 / sum(heights)
    shape = max(ratio / WANTED_RATIO, WANTED_RATIO / ratio)
    areas = [
        height * height * ratios[index]
        for row, height in zip(rows, heights, strict=True)
        for index in row
    ]
    # A photo much smaller than its neighbours is hardly visible.
    evenness = (max(areas) / min(areas)) ** 0.5
    return shape**1.5 + 0.55 * evenness


def _paste(sheet: Image.Image, image: Image.Image, place: Cell) -> None:
    left, top, width, height = place
    photo = fitted_whole(image, (width, height))
    sheet.paste(photo, (left + (width - photo.width) // 2, top + (height - photo.height) // 2))


def _ratio(image: Image.Image) -> float:
    return min(STRIP_RATIO_MAX, max(1 / STRIP_RATIO_MAX, image.width / image.height))


def _arrange(
    images: Sequence[Image.Image], rows: _CellRows, gap: int
) -> tuple[drawing.Size, list[Cell]]:
    narrowest, widest = len(rows) / SHEET_RATIO_MAX, SHEET_RATIO_MAX / max(map(len, rows))
    ratios = [min(widest, max(narrowest, _ratio(image))) for image in images]
    natural = 1 / sum(1 / sum(ratios[index] for index in row) for row in rows)
    width = _sheet_width(natural)
    places: list[Cell] = []
    top = gap
    for row in rows:
        inner = width - gap * (len(row) + 1)
        total = sum(ratios[index] for index in row)
        height = max(1, round(inner / total))
        left = gap
        for position, index in enumerate(row):
            is_last = position == len(row) - 1
            share = width - gap - left if is_last else max(1, round(inner * ratios[index] / total))
            places.append((left, top, max(1, share), height))
            left += share + gap
        top += height + gap
    return (width, top), places


def _sheet_width(ratio: float) -> int:
    """Width at which the longer side is SIDE_PX, or more for many photos."""
    if ratio > STRIP_RATIO_MAX / 2:
        return round(min(4096, SIDE_PX * ratio / (STRIP_RATIO_MAX / 2)))
    if ratio >= 1:
        return SIDE_PX
    wanted = max(640, SIDE_PX * ratio)
    # Telegram's limit for a photo is 10 000 px for both sides together.
    return round(min(wanted, 9_500 * ratio / (1 + ratio)))


def before_after(before: Image.Image, after: Image.Image) -> Image.Image:
    """Both pictures beside each other, or stacked where they are wide, with an arrow between."""
    images = (before, after)
    # Wider pictures than this stand below each other.
    is_wide = (_ratio(before) * _ratio(after)) ** 0.5 > 1.6
    rows = [[0], [1]] if is_wide else [[0, 1]]
    sheet = lay_in_rows(images, rows, (250, 250, 250), has_gaps=True)
    _, (_, second) = _arrange(images, rows, _GAP_PX)
    middle = (second[0] - _GAP_PX / 2, sheet.height / 2)
    if is_wide:
        middle = (sheet.width / 2, second[1] - _GAP_PX / 2)
    _draw_arrow(sheet, middle, is_down=is_wide)
    return sheet


def _draw_arrow(sheet: Image.Image, middle: drawing.Point, *, is_down: bool) -> None:
    """Draw a small white disc with an arrow towards the second picture."""
    radius = max(9.0, 0.035 / 2 * min(SIDE_PX, *sheet.size))
    side = round(radius * 2)

    lines = [((0.26, 0.5), (0.72, 0.5)), ((0.52, 0.3), (0.72, 0.5), (0.52, 0.7))]
    turned = [[(y, x) if is_down else (x, y) for x, y in line] for line in lines]
    strokes = [([(x * side, y * side) for x, y in line], side * 0.09, 255) for line in turned]
    corner = (round(middle[0] - radius), round(middle[1] - radius))
    sheet.paste("white", corner, drawing.discs((side, side), [(radius, radius, radius, 235)]))
    sheet.paste((60, 60, 66), corner, drawing.strokes((side, side), strokes))
