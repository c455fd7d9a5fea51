"""Lettering: words on any picture, readable on any ground and off the face or the main thing."""

from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from imgbot.domain.errors import UserError
from imgbot.domain.lettering import CHARACTERS_MAX, Lettering, PlacedText
from imgbot.painter.engine import drawing, geometry, typography
from imgbot.painter.engine.colours import NAMED_COLOURS, Colour, lightness
from imgbot.painter.engine.segmentation import CERTAIN, find_subject
from imgbot.painter.engine.typography import (
    Font,
    FontOf,
    card_font,
    fit_text,
    line_height,
    poster_font,
)

_READABLE_PX = 11
# A narrower or flatter picture gets margins.
_TALLEST, _WIDEST = 1 / 4, 40.0
# Share of a band that hides the main thing, where there is no face.
_SUBJECT_MAX = 0.45
_INK, _PAPER = (58, 44, 40), (250, 246, 236)
_DARK, _LIGHT = (17, 17, 17), (255, 255, 255)
# Sizes of `SIZES`, as shares of the usual one.
_SIZE = {"tiny": 0.5, "small": 0.7, "": 1.0, "large": 1.4, "huge": 1.9}


class Lettered(NamedTuple):
    """Picture with its words, and what is left out of them: signs that no font has, an end."""

    image: Image.Image
    left_out: tuple[str, ...]


class _Block(NamedTuple):
    lines: list[str]
    font: Font
    height: float


class _Type(NamedTuple):
    """Font of the words, their size beside the usual one, and their colour, if it is told."""

    font_of: FontOf
    size: float
    ink: Colour | None

    def on(self, ground: Colour, usual: Colour) -> tuple[Colour, Colour]:
        """Ink, and ground that it can be read on: this one, or a dark or light one instead."""
        if self.ink is None:
            return usual, ground
        is_near = abs(lightness(self.ink) - lightness(ground)) < 0.4
        opposed = _DARK if lightness(self.ink) > 0.5 else _LIGHT
        return self.ink, opposed if is_near else ground


class _Kept(NamedTuple):
    """Mask (L) of what the words must not hide, and the most of it in a band."""

    mask: Image.Image
    most: float

    def hidden(self, place: str, rows: float) -> float:
        """Cost of hiding a band of so many rows (a share); beyond 1 it is too much."""
        band = max(1, round(self.mask.height * rows))
        top = 0 if place == "top" else self.mask.height - band
        return drawing.share_of(self.mask.crop((0, top, self.mask.width, top + band))) / self.most


def letter(
    image: Image.Image, lettering: Lettering, *, focus: Image.Image | None = None
) -> Lettered:
    """Picture (RGB) with the words; `focus` (L) marks what they must not hide, if that is known.

    UserError letters_unknown (words) if no font has any of their signs.
    """
    kind = _type_of(lettering)
    parts = [PlacedText(part.place, _fitting(part.text, kind.font_of)) for part in lettering.parts]
    parts = [part for part in parts if any(map(str.isalnum, part.text))]
    if not parts:
        raise UserError("letters_unknown", words=lettering.text[: CHARACTERS_MAX // 4])
    image = _with_room(image)
    if lettering.form == "card":
        image = _as_card(image, " ".join(part.text for part in parts), kind)
    else:
        kept = _Kept(focus, _SUBJECT_MAX) if focus else _find_kept(image)
        is_upper = lettering.form == "meme" and lettering.look.font != "plain"
        size = image.size
        for part in _placed(image, parts, kind, kept):
            block = _block(size, part.text.upper() if is_upper else part.text, kind, 0.17)
            image = _overlaid(image, block, part.place, kind, kept)
    return Lettered(image, _left_out(lettering, kind.font_of))


def _type_of(lettering: Lettering) -> _Type:
    look = lettering.look
    usual = "plain" if lettering.form in ("caption", "meme") else "script"
    font_of = poster_font if (look.font or usual) == "plain" else card_font
    return _Type(font_of, _SIZE[look.size], NAMED_COLOURS.get(look.colour))


def _placed(
    image: Image.Image, parts: Sequence[PlacedText], kind: _Type, kept: _Kept
) -> list[PlacedText]:
    """Parts with their places, of which each has one text: no words stand over others."""
    texts = {part.place: part.text for part in parts if part.place}
    for part in (each for each in parts if not each.place):
        rows = min(1.0, _block(image.size, part.text, kind, 0.17).height / image.height + 0.07)
        free = [each for each in ("bottom", "top") if each not in texts]
        place = min(free, key=lambda each: kept.hidden(each, rows)) if free else "bottom"
        texts[place] = f"{texts.get(place, '')} {part.text}".strip()
    return [PlacedText(place, texts[place]) for place in ("top", "bottom") if place in texts]


def _left_out(lettering: Lettering, font_of: FontOf) -> tuple[str, ...]:
    letters = "".join(part.text for part in lettering.parts)
    missing = [
        sign for sign in letters if sign.isprintable() and not typography.is_drawable(sign, font_of)
    ]
    cut = [part.text[CHARACTERS_MAX:][:40] for part in lettering.parts]
    return tuple(dict.fromkeys(each for each in [*missing, *cut] if each))


def _fitting(text: str, font_of: FontOf) -> str:
    known = typography.drawable(text, font_of)
    return known if len(known) <= CHARACTERS_MAX else known[: CHARACTERS_MAX - 1].rstrip() + "…"


def _with_room(image: Image.Image) -> Image.Image:
    """Picture with margins if it is too narrow for words, and enlarged if it is too small."""
    ratio = image.width / image.height
    if not _TALLEST <= ratio <= _WIDEST:
        image = geometry.fit_ratio(image, min(_WIDEST, max(_TALLEST, ratio)))
    return drawing.rescale(image, max(1.0, 512 / max(image.size)))


def _block(size: tuple[int, int], text: str, kind: _Type, share: float) -> _Block:
    """Text broken and sized for a part of a picture's height; long texts get more of it."""
    (width, height), long = size, min(1.0, len(text) / 240)
    height = max(height * share * (1 + 1.2 * long), min(height, width * 0.06))
    lines, font = fit_text(text, kind.font_of, width * 0.92, height, 40, kind.size)
    font = kind.font_of(max(_READABLE_PX, round(font.size * min(1, kind.size))))
    return _Block(lines, font, line_height(font) * len(lines))


def _overlaid(
    image: Image.Image, block: _Block, place: str, kind: _Type, kept: _Kept
) -> Image.Image:
    """Words over the picture where they hide nothing, else on a strip of their own beside it."""
    margin = max(2.0, image.height * 0.035)
    rows = min(1.0, (block.height + 2 * margin) / image.height)
    # More lines are not readable over a picture.
    if kept.hidden(place, rows) > 1 or len(block.lines) > 4:
        return _beside(image, block, kind, is_above=place == "top")
    top = margin if place == "top" else image.height - margin - block.height
    canvas = image.copy()
    ink, outline = kind.on((0, 0, 0), _LIGHT)
    _write(canvas, block, top, ink, outline)
    return canvas


def _find_kept(image: Image.Image) -> _Kept:
    subject, confidence = find_subject(image)
    face = drawing.times(_skin(image.resize(subject.size, Image.Resampling.BOX)), subject)
    if drawing.share_of(face) > 0.02:
        return _Kept(face, 0.03)
    return _Kept(subject, _SUBJECT_MAX if confidence >= CERTAIN else 0.9)


def _skin(image: Image.Image) -> Image.Image:
    """Mask of what has the colour of skin."""
    # Cb and Cr of skin (Chai and Ngan 1999), and not in the dark.
    limits = ((60, 255), (77, 127), (135, 173))
    bands = [
        band.point([255 if low <= value <= high else 0 for value in range(256)])
        for band, (low, high) in zip(image.convert("YCbCr").split(), limits, strict=True)
    ]
    skin = ImageChops.darker(ImageChops.darker(*bands[:2]), bands[2])
    # Without specks.
    return skin.filter(ImageFilter.MinFilter(7)).filter(ImageFilter.MaxFilter(7))


def _beside(image: Image.Image, block: _Block, kind: _Type, *, is_above: bool) -> Image.Image:
    """Picture with the words, in black as a rule, on a white strip above or below it."""
    ink, ground = kind.on(_LIGHT, _DARK)
    margin = block.font.size * 0.45
    strip = round(block.height + 2 * margin)
    canvas = Image.new("RGB", (image.width, image.height + strip), ground)
    canvas.paste(image, (0, strip if is_above else 0))
    _write(canvas, block, margin + (0 if is_above else image.height), ink)
    return canvas


def _write(
    canvas: Image.Image, block: _Block, top: float, ink: Colour, outline: Colour | None = None
) -> None:
    draw, font = ImageDraw.Draw(canvas), block.font
    width = max(1, round(font.size / 11)) if outline else 0
    for index, line in enumerate(block.lines):
        spot = (canvas.width / 2, top + (index + 0.5) * line_height(font))
        draw.text(spot, line, ink, font, "mm", stroke_width=width, stroke_fill=outline)


def _as_card(image: Image.Image, text: str, kind: _Type) -> Image.Image:
    """Card: the picture on paper with a thin line around it, the words in italics below."""
    block, (ink, paper) = _block(image.size, text, kind, 0.16), kind.on(_PAPER, _INK)
    border = max(3, round(min(image.size) * 0.05))
    strip = round(block.height + 1.4 * border)
    size = (image.width + 2 * border, image.height + 2 * border + strip)
    canvas = Image.new("RGB", size, paper)
    canvas.paste(image, (border, border))
    inset = border // 2
    box = (inset, inset, canvas.width - inset, canvas.height - inset)
    ImageDraw.Draw(canvas).rectangle(box, outline=ink, width=max(1, border // 12))
    top = image.height + border + (strip + border * 0.5 - block.height) / 2
    _write(canvas, block, top, ink)
    return canvas
