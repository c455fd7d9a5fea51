"""Contact sheets of what Create makes: `python -m tests.bench.contact_sheet --out DIR`.

Twelve prompts in every style, seconds and peak memory per picture, each in a process of its own;
`--readme FILE` makes the README's sheet.
"""

import argparse
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from imgbot.engine.create import draw
from imgbot.engine.styles import STYLES
from imgbot.engine.typography import poster_font
from tests.bench.measure import measure

_TABLES = Path(__file__).parents[1] / "fixtures" / "engine_requests.toml"
_PROMPTS = (
    "лиса в осеннем лесу", "a lighthouse in a storm", "корабль в море на закате",
    "an owl on a winter night", "домик в горах зимой", "a hot-air balloon at dawn",
    "девушка с красным зонтом под дождём в городе", "a white horse in the desert",
    "кит в океане", "a rocket to Saturn", "сад весной, бабочка", "coffee on a quiet morning",
)  # fmt: skip
_README = (
    ("лиса в осеннем лесу, акварель", 11), ("a lighthouse at night, oil", 3),
    ("белый кот на крыше, вечер", 1), ("fishing boats at sunset, pixel art", 5),
    ("красный зонт под дождём в городе", 7), ("a castle at dawn, stained glass", 6),
    ("воздушные шары на рассвете, бумага", 3), ("a whale in the ocean, linocut", 8),
    ("снегирь зимой, вышивка", 5), ("poster “Good morning”, coffee", 2),
    ("поезд осенью, ризография", 9), ("a butterfly in the garden, neon", 4),
)  # fmt: skip
_README_KIB = 400
_PAPER, _INK = (250, 248, 244), (44, 42, 48)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="the folder for the sheets, one per prompt")
    parser.add_argument("--readme", type=Path, help="the file for the README's sheet")
    parser.add_argument("--prompts", type=int, default=len(_PROMPTS), help="how many prompts")
    chosen = parser.parse_args(arguments)
    if chosen.out:
        _write_sheets(chosen.out, chosen.prompts)
    if chosen.readme:
        sheet = _sheet(_made(_README), [words for words, _ in _README], side_px=380)
        for quality in range(90, 30, -4):
            sheet.save(chosen.readme, quality=quality, optimize=True, progressive=True)
            if chosen.readme.stat().st_size <= _README_KIB * 1024:
                break


def _write_sheets(folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    named = tomllib.loads(_TABLES.read_text())["style"]
    print(f"{'seconds':>8} {'peak MiB':>9}  picture")
    for number, prompt in enumerate(_PROMPTS[:count], 1):
        # A style's words are Russian, then English.
        styles = [named.get(style, ["", ""])[prompt.isascii()] for style in STYLES]
        words = [f"{prompt}, {style}" if style else prompt for style in styles]
        sheet = _sheet(_made((asked, 1) for asked in words), words, side_px=400)
        sheet.save(folder / f"{number:02}.jpg", quality=88)


def _made(jobs: Iterable[tuple[str, int]]) -> list[Image.Image]:
    pictures: list[Image.Image] = []
    for words, seed in jobs:
        cost = measure(draw, words, seed)
        picture, made = cost.returned
        did = f"{made.scene}, {made.palette.name}, {made.style}"
        print(f"{cost.seconds:8.2f} {cost.peak_mib:9.0f}  {words}  ({did})", flush=True)
        pictures.append(picture.convert("RGB"))
    return pictures


def _sheet(pictures: Sequence[Image.Image], labels: Sequence[str], side_px: int) -> Image.Image:
    """Square thumbnails in rows of four, each with its words under it."""
    columns, gap, line = 4, round(side_px * 0.045), round(side_px * 0.1)
    font = poster_font(round(side_px * 0.055))
    rows = -(-len(pictures) // columns)
    size = (gap + columns * (side_px + gap), gap + rows * (side_px + line + gap))
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    for index, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        left = gap + index % columns * (side_px + gap)
        top = gap + index // columns * (side_px + line + gap)
        small = picture.resize((side_px, side_px), Image.Resampling.LANCZOS)
        sheet.paste(small, (left, top))
        spot = (left + side_px / 2, top + side_px + line * 0.62)
        pen.text(spot, _fitting(label, font, side_px), fill=_INK, font=font, anchor="mm")
    return sheet


def _fitting(label: str, font: ImageFont.FreeTypeFont, width_px: float) -> str:
    while font.getlength(label) > width_px and len(label) > 1:
        label = f"{label.rstrip('…')[:-1]}…"
    return label


if __name__ == "__main__":
    main()
