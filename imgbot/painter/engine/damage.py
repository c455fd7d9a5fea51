"""Damage of old photos, looked for at a user's word: scratches in all directions, folds, dust.

`blemishes` repairs what is flawed beyond doubt. Here somebody has said that the photo is damaged,
so that a line counts if it is as light or dark, and as colourless, as bare paper or film.
"""

from collections.abc import Callable

from PIL import Image, ImageChops, ImageFilter

from imgbot.painter.components import Component, find_components
from imgbot.painter.engine.blemishes import above, mended, ridges
from imgbot.painter.engine.drawing import percentile, scaled
from imgbot.painter.engine.filling import fill_smoothly

# Sizes of the copies that are searched: a line is up to 7 px wide there, a fold wider.
_SEARCHED_PX = (400_000, 90_000)
_DIRECTIONS = range(0, 180, 9)
_LINE_MIN_PX = 54
_SPECK_MAX_PX = 8

_Tones = tuple[Image.Image, Image.Image]


def remove_damage(image: Image.Image, degree: float = 1.0) -> Image.Image | None:
    """Picture (RGB) without scratches, folds and dust; None if there are none.

    A higher degree takes fainter lines for damage, and may take thin things with them.
    """
    flaws = Image.new("L", scaled(image.size, _share(image, _SEARCHED_PX[0])), 0)
    for pixels in _SEARCHED_PX:
        small = image.resize(scaled(image.size, _share(image, pixels)), Image.Resampling.BOX)
        if min(small.size) < 48:
            return None
        bare = _bare(small, degree)
        light, dark = _lines(small.convert("L"), bare, 19 / degree)
        if pixels == _SEARCHED_PX[0]:
            light, dark = _with_specks(small.convert("L"), bare, (light, dark))
        wide = _told_apart(small, (light, dark)).resize(flaws.size, Image.Resampling.BILINEAR)
        flaws = ImageChops.lighter(flaws, above(wide, 64))
    return mended(image, flaws) if flaws.getbbox() else None


def _share(image: Image.Image, pixels: int) -> float:
    return min(1.0, (pixels / (image.width * image.height)) ** 0.5)


def _bare(small: Image.Image, degree: float) -> _Tones:
    """Masks of what is colourless and nearly as light as paper, nearly as dark as film."""
    red, green, blue = small.split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    least = ImageChops.darker(ImageChops.darker(red, green), blue)
    plain = ImageChops.invert(above(ImageChops.subtract(most, least), 70))
    grey = small.convert("L")
    histogram, reach = grey.histogram(), 105 * degree
    paper = max(150 / degree, percentile(histogram, 0.99) - reach)
    film = min(80 * degree, percentile(histogram, 0.01) + reach)
    dark = above(ImageChops.invert(grey), 255 - film)
    return ImageChops.darker(plain, above(grey, paper)), ImageChops.darker(plain, dark)


def _lines(grey: Image.Image, bare: _Tones, contrast_min: float) -> _Tones:
    """Masks of the light and of the dark lines."""
    found = [Image.new("L", grey.size, 0), Image.new("L", grey.size, 0)]
    whole = Image.new("L", grey.size, 255)
    for direction in _DIRECTIONS:
        turned, inside, *tones = (
            each.rotate(direction, Image.Resampling.BILINEAR, expand=True)
            for each in (grey, whole, *bare)
        )
        # Where the picture ends there is no line.
        inside = inside.filter(ImageFilter.MinFilter(3))
        for index, tone in enumerate(tones):
            marks = above(ridges(turned, is_bright=index == 0), contrast_min)
            line = _dense(ImageChops.darker(marks, ImageChops.darker(inside, above(tone, 100))))
            back = line.rotate(-direction, expand=True)
            left, top = (back.width - grey.width) // 2, (back.height - grey.height) // 2
            upright = back.crop((left, top, left + grey.width, top + grey.height))
            found[index] = ImageChops.lighter(found[index], upright)
    kept = (_kept(mask, lambda spot: max(spot.size) >= _LINE_MIN_PX) for mask in found)
    light, dark = (mask.filter(ImageFilter.MaxFilter(3)) for mask in kept)
    return light, dark


def _dense(marks: Image.Image) -> Image.Image:
    """Marks that follow one another from top to bottom, more than beside them."""
    wide = marks.filter(ImageFilter.MaxFilter(3))
    lines = Image.new("L", marks.size, 0)
    # Bent lines are followed over a short way, faint ones over a long way.
    for reach_px, share in ((16, 0.7), (60, 0.4)):
        dense = wide.filter(ImageFilter.BoxBlur((0, reach_px)))
        beside = dense.filter(ImageFilter.BoxBlur((12, 0)))
        ahead = above(ImageChops.subtract(dense, beside), 255 * 0.3)
        lines = ImageChops.lighter(lines, ImageChops.darker(ahead, above(dense, 255 * share)))
    return ImageChops.darker(lines, wide)


def _with_specks(grey: Image.Image, bare: _Tones, lines: _Tones) -> list[Image.Image]:
    usual = grey.filter(ImageFilter.MedianFilter(9))
    unrest = ImageChops.difference(grey, usual).filter(ImageFilter.BoxBlur(10))
    calm = ImageChops.invert(above(unrest, 10))
    unlike = (ImageChops.subtract(grey, usual), ImageChops.subtract(usual, grey))
    result: list[Image.Image] = []
    for difference, tone, line in zip(unlike, bare, lines, strict=True):
        marks = ImageChops.darker(above(difference, 30), calm)
        specks = _kept(ImageChops.darker(marks, tone.filter(ImageFilter.MaxFilter(3))), _is_speck)
        result.append(ImageChops.lighter(line, specks.filter(ImageFilter.MaxFilter(5))))
    return result


def _is_speck(spot: Component) -> bool:
    return spot.area_px > 1 and max(spot.size) <= _SPECK_MAX_PX


def _kept(mask: Image.Image, is_kept: Callable[[Component], bool]) -> Image.Image:
    kept = Image.new("L", mask.size, 0)
    for spot in find_components(mask, 255, is_diagonal=True):
        if is_kept(spot):
            for row, start, end in spot.runs:
                kept.paste(255, (start, row, end, row + 1))
    return kept


def _told_apart(small: Image.Image, flaws: _Tones) -> Image.Image:
    """Flaws where the picture differs from what would be there without them."""
    guess = fill_smoothly(small, ImageChops.lighter(*flaws)).convert("L")
    grey = small.convert("L")
    unlike = (ImageChops.subtract(grey, guess), ImageChops.subtract(guess, grey))
    light, dark = (
        ImageChops.darker(flaw, above(difference, 6).filter(ImageFilter.MaxFilter(7)))
        for flaw, difference in zip(flaws, unlike, strict=True)
    )
    return ImageChops.lighter(light, dark)
