"""Typography: text that a prompt asks for, drawn where it is legible."""

import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from pathlib import Path

import fontpkg_oswald
import fontpkg_playfair_display
from PIL import Image, ImageDraw, ImageFont, ImageStat

from imgbot.domain.lettering import CHARACTERS_MAX, QUOTED, drawn_lettering
from imgbot.painter.engine import drawing
from imgbot.painter.engine.colours import Colour, lightness, mix
from imgbot.painter.engine.lexicon import names_subject, sense_of
from imgbot.painter.engine.scene import Scene
from imgbot.painter.engine.tables import table

WORD_MAX = 24
POSTER_MAX = 140

Font = ImageFont.FreeTypeFont
FontOf = Callable[[int], Font]
_Fit = tuple[list[str], Font]


@cache
def poster_font(size_px: int) -> Font:
    """Narrow bold font for capitals."""
    return _load_font(fontpkg_oswald.ROOT, "Oswald*.ttf", 600, size_px)


@cache
def card_font(size_px: int) -> Font:
    """Italic serif font."""
    return _load_font(fontpkg_playfair_display.ROOT, "*Italic*.ttf", 500, size_px)


def _load_font(package: Path, name: str, weight: int, size_px: int) -> Font:
    path = next((package / "files").glob(name))
    font = ImageFont.truetype(str(path), size_px)
    font.set_variation_by_axes([weight])
    return font


def line_height(font: Font) -> float:
    """Line spacing in pixels."""
    return font.size * 1.22


@lru_cache(maxsize=4096)
def is_drawable(char: str, font_of: FontOf) -> bool:
    """True if the font has the character; a missing one (emoji, say) would be an empty box."""
    return _drawn(font_of, char) != _drawn(font_of, "\uffff")


def _drawn(font_of: FontOf, char: str) -> bytes:
    tile = Image.new("L", (48, 48))
    ImageDraw.Draw(tile).text((8, 8), char, fill=255, font=font_of(24))
    return tile.tobytes()


def fit_text(
    text: str, font_of: FontOf, width: float, height: float, lines_max: int = 6, scale: float = 1
) -> _Fit:
    """Lines of the text, and the largest font in which they fit; higher for a `scale` over 1."""
    broken = [_break_lines(text, count) for count in range(1, lines_max + 1)]
    sizes = [min(height / len(lines) / 1.22, height * 0.62) for lines in broken]
    fit = _largest(broken, font_of, width, sizes)
    if scale <= 1:
        return fit
    return _largest(broken, font_of, width, [fit[1].size * scale] * len(broken))


def _largest(
    broken: Sequence[list[str]], font_of: FontOf, width: float, sizes: Sequence[float]
) -> _Fit:
    trial = font_of(100)
    widest = [max(1.0, *map(trial.getlength, lines)) for lines in broken]
    fits = [min(100 * width / wide, size) for wide, size in zip(widest, sizes, strict=True)]
    best = fits.index(max(fits))
    return broken[best], font_of(max(12, int(fits[best])))


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


_PATTERNS = {
    name: re.compile(pattern, re.IGNORECASE | re.VERBOSE)
    for name, pattern in table("create")["letters"].items()
}


def text_to_draw(prompt: str) -> str:
    """Text to draw: quoted words, or the subject of a poster or card; empty otherwise."""
    found = drawn_lettering(prompt)
    if found and found.form == "card":
        return drawable(" ".join(part.text for part in found.parts), card_font)[:CHARACTERS_MAX]
    quoted = [next(part for part in match if part) for match in QUOTED.findall(prompt)]
    if quoted:
        text = " ".join(quoted)
    elif _PATTERNS["no_letters"].search(prompt):
        return ""
    elif lettered := _PATTERNS["lettered"].search(prompt):
        text = _without_instructions(_without_place(lettered["text"]))
    elif _PATTERNS["asked"].search(prompt):
        rest = _PATTERNS["about_card"].sub(" ", _without_subject(prompt))
        rest = _PATTERNS["asked"].sub(" ", rest)
        text = _PATTERNS["fillers"].sub("", _without_instructions(rest))
    else:
        return ""
    text = " ".join(text[: 8 * POSTER_MAX].split())
    text = drawable(text, poster_font, card_font)
    is_short = len(text) <= POSTER_MAX
    return text if is_short else text[:POSTER_MAX].rsplit(" ", 1)[0] + "…"


def drawable(text: str, *fonts: FontOf) -> str:
    """The text without the characters that one of the fonts lacks."""
    kept = (char for char in text if char == " " or all(is_drawable(char, font) for font in fonts))
    return " ".join("".join(kept).split())


def _without_place(text: str) -> str:
    """Text without its place, before or after it."""
    text = _PATTERNS["place_first"].sub("", text)
    place = _PATTERNS["place"].search(text)
    return text[: place.start()] if place else text


def _without_subject(prompt: str) -> str:
    """Prompt without the part "squirrel poster", if another one that names things is the text."""
    parts = prompt.split(",")
    others = [part for part in parts if not _PATTERNS["asked"].search(part)]
    is_text = any(part.strip()[:1].isupper() for part in others)
    return ",".join(others) if is_text and all(map(names_subject, parts)) else prompt


def _without_instructions(text: str) -> str:
    """Text without styles, ratio and the things that a card shows."""
    text = _PATTERNS["shape"].sub(" ", text)
    text = " ".join(word for word in text.split() if not sense_of(word).styles)
    if (shown := _PATTERNS["shown"].search(text)) and names_subject(shown[1]):
        text = text[: shown.start()] + text[shown.end() :]
    parts = [part for part in text.split(",") if part.strip()]
    others = [part for part in parts if not names_subject(part)]
    return ",".join(others or parts).strip(" ,;:-—–")


def without_quotes(prompt: str) -> str:
    """Prompt without its quoted text."""
    return QUOTED.sub(" ", prompt)


def without_purpose(prompt: str) -> str:
    """Prompt without what the picture is for: "phone wallpaper"."""
    return _PATTERNS["purpose"].sub(" ", prompt)


def is_card(prompt: str) -> bool:
    """True if the text is for a card rather than a poster."""
    return _PATTERNS["card"].search(prompt) is not None


def draw_poster(scene: Scene, canvas: Image.Image, text: str, border_px: float = 0) -> Image.Image:
    """Canvas with narrow capitals over its plainer end, inside the border of its style."""
    lines, font = fit_text(text.upper(), poster_font, scene.width * 0.84, scene.height * 0.3)
    height = line_height(font) * len(lines)
    margin = scene.height * 0.075
    band = round(height + margin * 1.6)
    upper = canvas.crop((0, 0, scene.width, band))
    lower = canvas.crop((0, scene.height - band, scene.width, scene.height))
    focus = scene.in_focus()
    bands = (focus.crop((0, top, focus.width, top + band)) for top in (0, focus.height - band))
    hides = [ImageStat.Stat(each).mean[0] for each in bands]
    # The main thing stays visible; of two ends that are about as free, the plainer one is chosen.
    is_free = abs(hides[0] - hides[1]) < 16
    is_above = _contrast(upper) < _contrast(lower) * 0.8 if is_free else hides[0] < hides[1]
    top = margin if is_above else scene.height - margin - height
    ground = upper if is_above else lower
    ink, shade = _text_colours(scene, ground)
    lettered = _shade_behind(canvas, shade, is_above=is_above, reach=height + margin * 3)
    draw, left = ImageDraw.Draw(lettered), scene.width * 0.08
    for index, line in enumerate(lines):
        draw.text((left, top + index * line_height(font)), line, fill=ink, font=font)
    rule = top + height + scene.unit_px * 3.2 if is_above else top - scene.unit_px * 1.6
    foot = (left + scene.unit_px * 9, rule + scene.unit_px * 0.5)
    draw.rectangle([left, rule, *foot], fill=ink)
    right, bottom = round(scene.width - border_px), round(scene.height - border_px)
    corner, framed = (round(border_px), round(border_px)), canvas.copy()
    framed.paste(lettered.crop((*corner, right, bottom)), corner)
    return framed


def _contrast(part: Image.Image) -> float:
    return ImageStat.Stat(part.convert("L")).stddev[0] + 1


def _text_colours(scene: Scene, ground: Image.Image) -> tuple[Colour, Colour]:
    """Colours of the text and of the shade behind it: light on dark, or dark on light."""
    red, green, blue = map(round, ImageStat.Stat(ground).mean)
    white = mix(scene.palette.paper, (255, 255, 255), 0.4)
    if lightness((red, green, blue)) < 0.66:
        return white, mix(scene.palette.ink, (0, 0, 0), 0.4)
    return mix(scene.palette.ink, (0, 0, 0), 0.3), white


def _shade_behind(
    canvas: Image.Image, shade: Colour, *, is_above: bool, reach: float
) -> Image.Image:
    fade = Image.linear_gradient("L").resize((canvas.width, round(reach)))
    if is_above:
        fade = fade.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    fade = drawing.curve(fade, lambda value: 0.62 * value**0.8)
    canvas = canvas.copy()
    canvas.paste(shade, (0, 0 if is_above else canvas.height - fade.height), fade)
    return canvas
