"""Menus of the styles for photos: `python -m tests.bench.build_style_menus`; needs the extra paint.

Each is a sheet of one photograph (Chelsea the cat, CC0, of imageio) in every style, with its number
and name.
"""

from collections.abc import Mapping
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from imgbot.domain.texts import LANGUAGES, tables
from imgbot.painter.engine.photo_styles import STYLES, paint
from imgbot.painter.engine.typography import poster_font
from tests.fixtures.photos import load_photo

TARGET = Path(__file__).parents[2] / "imgbot" / "features" / "styles" / "menus"
COLUMNS, CELL, LABEL_PX, GAP_PX = 4, (184, 138), 28, 4
MARGIN_PX = 12
"""Telegram rounds the corners."""
QUALITY = 66


def main() -> None:
    # Strokes are smaller in a large picture, as they will be.
    photo = ImageOps.fit(load_photo("cat"), (2 * CELL[0], 2 * CELL[1]))
    cells = {key: paint(photo, key, 1).resize(CELL, Image.Resampling.LANCZOS) for key in STYLES}
    TARGET.mkdir(exist_ok=True)
    for language in LANGUAGES:
        menu(cells, tables(language)["photo_styles"]).save(
            TARGET / f"{language}.jpg", quality=QUALITY, optimize=True
        )


def menu(cells: dict[str, Image.Image], names: Mapping[str, str]) -> Image.Image:
    across, down = CELL[0] + GAP_PX, CELL[1] + LABEL_PX + GAP_PX
    rows = -(-len(cells) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * across - GAP_PX, rows * down - GAP_PX), "white")
    draw, font = ImageDraw.Draw(sheet), poster_font(20)
    for number, (key, cell) in enumerate(cells.items()):
        left, top = number % COLUMNS * across, number // COLUMNS * down
        sheet.paste(cell, (left, top + LABEL_PX))
        label = f"{number + 1} {names[key]}"
        draw.text((left + 4, top + LABEL_PX / 2), label, "black", font, anchor="lm")
    return ImageOps.expand(sheet, MARGIN_PX, "white")


if __name__ == "__main__":
    main()
