"""Fonts for text in pictures, and text fitted to a box at the largest size."""

from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path

import fontpkg_oswald
import fontpkg_playfair_display
from PIL import Image, ImageDraw, ImageFont

LINES_MAX = 6
WORD_MAX = 24

Font = ImageFont.FreeTypeFont
FontOf = Callable[[int], Font]


@cache
def poster_font(size_px: int) -> Font:
    """Narrow bold font for capitals."""
    return _load_font(fontpkg_oswald.ROOT, "Oswald*.ttf", 600, size_px)


@cache
def card_font(size_px: int) -> Font:
    """Italic serif font."""
    return _load_font(fontpkg_playfair_display.ROOT, "*Italic*.ttf", 500, size_px)


def caption_font(size_px: int) -> Font:
    """Upright font for captions, Latin and Cyrillic."""
    return _load_font(fontpkg_oswald.ROOT, "Oswald*.ttf", 350, size_px)


def _load_font(package: Path, name: str, weight: int, size_px: int) -> Font:
    path = next((package / "files").glob(name))
    font = ImageFont.truetype(str(path), size_px)
    font.set_variation_by_axes([weight])
    return font


def line_height(font: Font) -> float:
    """Line spacing in pixels."""
    return font.size * 1.22


@lru_cache(maxsize=4096)
def is_drawable(char: str) -> bool:
    """True if both fonts have the character; a missing one (emoji, say) would be an empty box."""
    return all(_drawn(font, char) != _drawn(font, "\uffff") for font in (poster_font, card_font))


def _drawn(font_of: FontOf, char: str) -> bytes:
    tile = Image.new("L", (48, 48))
    ImageDraw.Draw(tile).text((8, 8), char, fill=255, font=font_of(24))
    return tile.tobytes()


def fit_text(text: str, font_of: FontOf, width: float, height: float) -> tuple[list[str], Font]:
    """Lines of the text, and the largest font in which they fit."""
    fits = [
        _fit_lines(_break_lines(text, count), font_of, width, height)
        for count in range(1, LINES_MAX + 1)
    ]
    return max(fits, key=lambda fit: fit[1].size)


def _fit_lines(
    lines: list[str], font_of: FontOf, width: float, height: float
) -> tuple[list[str], Font]:
    trial = font_of(100)
    widest = max(1.0, *(trial.getlength(line) for line in lines))
    size = min(100 * width / widest, height / len(lines) / 1.22, height * 0.62)
    return lines, font_of(max(12, int(size)))


def _hyphenated(word: str) -> list[str]:
    """Pieces of a word that is too long for a line."""
    pieces = [word[at : at + WORD_MAX] for at in range(0, len(word), WORD_MAX)]
    return [*(f"{piece}-" for piece in pieces[:-1]), *pieces[-1:]]


def _break_lines(text: str, count: int) -> list[str]:
    """Text broken into at most `count` lines of about the same length."""
    words = [part for word in text.split(" ") for part in _hyphenated(word)]
    target = len(text) / count
    lines: list[str] = [""]
    for word in words:
        longer = f"{lines[-1]} {word}".strip()
        is_over = len(longer) > target and len(longer) - target > target - len(lines[-1])
        if is_over and lines[-1] and len(lines) < count:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
