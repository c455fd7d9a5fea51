"""Merge: several photographs on one sheet, whole, or laid over each other where asked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageOps, ImageStat

from imgbot.errors import UserError
from imgbot.imaging.engine.colours import Colour, mix, with_lightness

PHOTOS_MIN, PHOTOS_MAX = 2, 10
# The sheet's longer side, and what a photograph in it needs at least to be seen.
SIDE_PX = 2048
# No place on the sheet is longer and thinner than this.
STRIP_RATIO_MAX = 6.0
GAP_SHARE = 0.012
WANTED_RATIO = 1.15

_LAYOUTS = (
    ("screen", r"двойн\w+ экспозици|double exposure"),
    ("blend", r"\bblend|overlay|\bmix\b|налож|наложи|смеша|совмест|поверх|полупрозрач"),
    ("beside", (r"side by side|next to each|\brow\b|horizontal|рядом|в ряд|горизонтал"
                r"|слева направо|до и после|before and after|before after")),
    ("below", r"\bvertical|\bcolumn|one below|\bstack|столбик|вертикал|друг под друг|сверху вниз"),
)  # fmt: skip
_COMPILED = tuple((key, re.compile(pattern, re.IGNORECASE)) for key, pattern in _LAYOUTS)
_BACKGROUNDS = (
    (re.compile(r"black background|ч[её]рн\w+ фон", re.IGNORECASE), (16, 16, 18)),
    (re.compile(r"white background|бел\w+ фон", re.IGNORECASE), (255, 255, 255)),
)
_NO_GAPS = re.compile(
    r"(?:without|no) (?:gaps|borders)|без (?:рам|зазор|промежут|пол)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a photograph goes on the sheet, in whole pixels."""

    left: int
    top: int
    width: int
    height: int


def merge_pictures(
    images: Sequence[Image.Image], words: str
) -> tuple[Image.Image, tuple[str, ...]]:
    """One picture of two to ten, and the key of the layout."""
    if len(images) < PHOTOS_MIN:
        raise UserError("merge_needs_two")
    images = images[:PHOTOS_MAX]
    layout = next((key for key, pattern in _COMPILED if pattern.search(words)), "collage")
    if layout in ("blend", "screen"):
        return _lay_over(images, is_screen=layout == "screen"), (layout,)
    rows = {
        "beside": [list(range(len(images)))],
        "below": [[index] for index in range(len(images))],
    }.get(layout) or _best_rows([_ratio(image) for image in images])
    return _collage(images, rows, words), (layout,)


def _lay_over(images: Sequence[Image.Image], *, is_screen: bool) -> Image.Image:
    """All on the first one's frame: an average, or light on light."""
    frame = _shrunk(images[0].size, SIDE_PX)
    layers = [
        ImageOps.fit(image, frame, Image.Resampling.LANCZOS, centering=(0.5, 0.4))
        for image in images
    ]
    merged = layers[0]
    for count, layer in enumerate(layers[1:], 2):
        if is_screen:
            merged = ImageChops.screen(merged, ImageChops.multiply(layer, layer))
        else:
            merged = Image.blend(merged, layer, 1 / count)
    return ImageOps.autocontrast(merged, cutoff=0.2, preserve_tone=True)


def _shrunk(size: tuple[int, int], side: int) -> tuple[int, int]:
    share = min(1.0, side / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def _best_rows(ratios: list[float]) -> list[list[int]]:
    """Break the photographs, in their order, into rows that fill a sheet of a pleasant shape.

    Every row is as wide as the sheet, so nothing has to be cut off.
    """
    count = len(ratios)
    best: tuple[float, list[list[int]]] = (float("inf"), [])
    for breaks in range(1 << (count - 1)):
        rows: list[list[int]] = [[0]]
        for index in range(1, count):
            if breaks >> (index - 1) & 1:
                rows.append([])
            rows[-1].append(index)
        cost = _cost(rows, ratios)
        if cost < best[0]:
            best = (cost, rows)
    return best[1]


def _cost(rows: list[list[int]], ratios: list[float]) -> float:
    heights = [1 / sum(ratios[index] for index in row) for row in rows]
    ratio = 1 / sum(heights)
    shape = max(ratio / WANTED_RATIO, WANTED_RATIO / ratio)
    areas = [
        height * height * ratios[index]
        for row, height in zip(rows, heights, strict=True)
        for index in row
    ]
    # A photograph much smaller than its neighbours is as good as lost.
    evenness = (max(areas) / min(areas)) ** 0.5
    return shape**1.5 + 0.55 * evenness


def _collage(images: Sequence[Image.Image], rows: list[list[int]], words: str) -> Image.Image:
    gap = 0 if _NO_GAPS.search(words) else max(4, round(SIDE_PX * GAP_SHARE))
    sheet_size, places = _arrange(images, rows, gap)
    sheet = Image.new("RGB", sheet_size, _background(images, words))
    for image, place in zip(images, places, strict=True):
        _put(sheet, image, place)
    return sheet


def _put(sheet: Image.Image, image: Image.Image, place: _Place) -> None:
    size = (place.width, place.height)
    if _ratio(image) != image.width / image.height:
        # A strip thinner than any place: whole, in the middle of its own.
        share = min(place.width / image.width, place.height / image.height)
        size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
    photo = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
    left = place.left + (place.width - size[0]) // 2
    sheet.paste(photo, (left, place.top + (place.height - size[1]) // 2))


def _ratio(image: Image.Image) -> float:
    return min(STRIP_RATIO_MAX, max(1 / STRIP_RATIO_MAX, image.width / image.height))


def _arrange(
    images: Sequence[Image.Image], rows: list[list[int]], gap: int
) -> tuple[tuple[int, int], list[_Place]]:
    ratios = [_ratio(image) for image in images]
    natural = 1 / sum(1 / sum(ratios[index] for index in row) for row in rows)
    width = SIDE_PX if natural >= 1 else max(SIDE_PX // 4, round(SIDE_PX * natural))
    if natural > STRIP_RATIO_MAX / 2:
        # A long row of photographs: wider, so that each keeps some height.
        width = round(SIDE_PX * min(2.0, natural / (STRIP_RATIO_MAX / 2)))
    places: list[_Place] = []
    top = gap
    for row in rows:
        inner = width - gap * (len(row) + 1)
        total = sum(ratios[index] for index in row)
        height = max(1, round(inner / total))
        left = gap
        for position, index in enumerate(row):
            is_last = position == len(row) - 1
            share = width - gap - left if is_last else max(1, round(inner * ratios[index] / total))
            places.append(_Place(left, top, max(1, share), height))
            left += share + gap
        top += height + gap
    return (width, top), places


def _background(images: Sequence[Image.Image], words: str) -> Colour:
    for pattern, colour in _BACKGROUNDS:
        if pattern.search(words):
            return colour
    means = [ImageStat.Stat(image.resize((16, 16))).mean for image in images]
    average = [round(sum(mean[band] for mean in means) / len(means)) for band in range(3)]
    tone = (average[0], average[1], average[2])
    return mix(with_lightness(tone, 0.96), (255, 255, 255), 0.5)
