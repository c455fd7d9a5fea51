"""Contact sheets of what Create makes: `python -m tests.bench.contact_sheet --out DIR`.

Twelve prompts in every style, seconds and peak memory per picture, each in a process of its own;
`--readme FILE` makes the sheet of docs/providers.md.
"""

import argparse
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from imgbot.painter.engine.create import draw
from imgbot.painter.engine.styles import STYLES
from imgbot.painter.engine.typography import poster_font
from tests.bench.measure import measure

_TABLES = Path(__file__).parents[1] / "fixtures" / "engine_requests.toml"
_PROMPTS = (
    "лиса в осеннем лесу", "a lighthouse in a storm", "корабль в море на закате",
    "a panda eating ramen", "домик в горах зимой", "three cats in a red car",
    "девушка с красным зонтом под дождём в городе", "an astronaut riding a horse",
    "кит в океане", "pizza in space", "сад весной, бабочка", "лев с короной",
)  # fmt: skip
# Written by others without sight of the engine's words; the last four are drawn only in part.
_README = (
    ("рыжий кот в очках читает газету", 1), ("a knight riding a giant snail", 1),
    ("домик в лесу зимой, из трубы идёт дым", 1), ("a blue elephant holding three balloons", 1),
    ("космонавт на луне ест пиццу", 1), ("watercolor painting of a lighthouse by the sea", 1),
    ("пять котят в корзинке", 1), ("purple car parked beside a yellow house", 1),
    ("Batman drinking tea with Pikachu", 1), ("Чебурашка в стиле аниме", 1),
    ("a robot watering flowers in the garden", 1),
    ("тарелка борща со сметаной и зелёным луком", 1),
)  # fmt: skip
_README_KIB = 400
_PAPER, _INK = (250, 248, 244), (44, 42, 48)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="the folder for the sheets, one per prompt")
    parser.add_argument("--readme", type=Path, help="the file for the sheet of docs/providers.md")
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
