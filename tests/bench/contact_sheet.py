"""Contact sheets of what Create makes: `python -m tests.bench.contact_sheet --out DIR`.

Twelve prompts in every style, seconds and peak memory per picture, each in a process of its own;
`--readme FILE` makes the README's sheet, `--photos DIR` the photos of the load test.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageDraw, ImageFont

from imgbot.imaging.engine import run
from imgbot.imaging.engine.create import create_picture
from imgbot.imaging.engine.styles import STYLES
from imgbot.imaging.engine.typography import poster_font

# A word that asks for the style, in the language of the prompt.
_STYLE_WORDS = {
    "plain": ("", ""),
    "watercolour": ("акварель", "watercolour"),
    "oil": ("масло", "oil"),
    "ink": ("гравюра", "ink"),
    "pencil": ("карандаш", "pencil"),
    "lowpoly": ("лоу-поли", "low-poly"),
    "pixel": ("пиксель-арт", "pixel art"),
    "glass": ("витраж", "stained glass"),
    "mosaic": ("мозаика", "mosaic"),
    "paper": ("бумага", "paper cut"),
    "riso": ("ризография", "risograph"),
    "linocut": ("линогравюра", "linocut"),
    "chalk": ("пастель мелом", "chalk"),
    "neon": ("неон", "neon"),
    "dots": ("пуантилизм", "pointillism"),
    "stitch": ("вышивка крестиком", "cross-stitch"),
}
_PROMPTS = (
    "лиса в осеннем лесу",
    "a lighthouse in a storm",
    "корабль в море на закате",
    "an owl on a winter night",
    "домик в горах зимой",
    "a hot-air balloon at dawn",
    "девушка с красным зонтом под дождём в городе",
    "a white horse in the desert",
    "кит в океане",
    "a rocket to Saturn",
    "сад весной, бабочка",
    "coffee on a quiet morning",
)
_README = (
    ("лиса в осеннем лесу, акварель", 11),
    ("a lighthouse at night, oil", 3),
    ("белый кот на крыше, вечер", 1),
    ("fishing boats at sunset, pixel art", 5),
    ("красный зонт под дождём в городе", 7),
    ("a castle at dawn, stained glass", 6),
    ("воздушные шары на рассвете, бумага", 3),
    ("a whale in the ocean, linocut", 8),
    ("снегирь зимой, вышивка", 5),
    ("poster “Good morning”, coffee", 2),
    ("поезд осенью, ризография", 9),
    ("a butterfly in the garden, neon", 4),
)
_PAPER, _INK = (250, 248, 244), (44, 42, 48)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="the folder for the sheets, one per prompt")
    parser.add_argument("--readme", type=Path, help="the file for the README's sheet")
    parser.add_argument("--photos", type=Path, help="the folder for the load test's photos")
    parser.add_argument("--prompts", type=int, default=len(_PROMPTS), help="how many prompts")
    chosen = parser.parse_args(arguments)
    if chosen.out:
        _write_sheets(chosen.out, chosen.prompts)
    if chosen.readme:
        _write_readme(chosen.readme)
    if chosen.photos:
        _write_photos(chosen.photos)


def _write_sheets(folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{'seconds':>8} {'peak MiB':>9}  picture")
    for number, prompt in enumerate(_PROMPTS[:count], 1):
        words = [_styled(prompt, style) for style in STYLES]
        pictures = list(_measured((asked, 1) for asked in words))
        sheet = _sheet(pictures, words, columns=4, side_px=400)
        sheet.save(folder / f"{number:02}.jpg", quality=88)


def _styled(prompt: str, style: str) -> str:
    russian, english = _STYLE_WORDS[style]
    asked = english if prompt.isascii() else russian
    return f"{prompt}, {asked}" if asked else prompt


def _measured(jobs: Iterator[tuple[str, int]] | Sequence[tuple[str, int]]) -> list[Image.Image]:
    pictures: list[Image.Image] = []
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "picture.png")
        for words, seed in jobs:
            # A process of its own, or the peak would be the largest of all pictures so far.
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                seconds, mebibytes, did = pool.submit(_create, words, seed, path).result()
            print(f"{seconds:8.2f} {mebibytes:9.0f}  {words}  ({', '.join(did)})", flush=True)
            with Image.open(path) as picture:
                pictures.append(picture.convert("RGB"))
    return pictures


def _create(words: str, seed: int, path: str) -> tuple[float, float, tuple[str, ...]]:
    started = time.process_time()
    picture, did = create_picture(words, seed)
    seconds = time.process_time() - started
    peak = _peak_mebibytes()
    picture.save(path, compress_level=1)
    return seconds, peak, did


def _peak_mebibytes() -> float:
    # ru_maxrss would count what the parent held when it started this process.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _sheet(
    pictures: Sequence[Image.Image], labels: Sequence[str], columns: int, side_px: int
) -> Image.Image:
    """Square thumbnails in rows, each with its words under it."""
    gap, line = round(side_px * 0.045), round(side_px * 0.1)
    font = poster_font(round(side_px * 0.055))
    rows = -(-len(pictures) // columns)
    sheet = Image.new(
        "RGB", (gap + columns * (side_px + gap), gap + rows * (side_px + line + gap)), _PAPER
    )
    draw = ImageDraw.Draw(sheet)
    for index, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        left = gap + index % columns * (side_px + gap)
        top = gap + index // columns * (side_px + line + gap)
        small = picture.resize((side_px, side_px), Image.Resampling.LANCZOS)
        sheet.paste(small, (left, top))
        spot = (left + side_px / 2, top + side_px + line * 0.62)
        draw.text(spot, _fitting(label, font, side_px), fill=_INK, font=font, anchor="mm")
    return sheet


def _fitting(label: str, font: ImageFont.FreeTypeFont, width_px: float) -> str:
    while font.getlength(label) > width_px and len(label) > 1:
        label = f"{label.rstrip('…')[:-1]}…"
    return label


def _write_readme(path: Path) -> None:
    pictures = _measured(_README)
    sheet = _sheet(pictures, [words for words, _ in _README], columns=4, side_px=380)
    _save_within(sheet, path, 400)


def _write_photos(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch:
        made = [
            _made(scratch, "create", words, seed)
            for words, seed in (
                ("лиса в осеннем лесу, акварель", 11),
                ("парусник на рассвете 1:2", 2),
                ("горы на закате 2:1", 1),
                ("маяк ночью", 3),
                ("воздушные шары на рассвете", 1),
            )
        ]
        edited = str(Path(scratch) / "edited.jpg")
        run("edit", "warmer, vintage", (made[1],), edited, scale=2, seed=1)
        merged = str(Path(scratch) / "merged.jpg")
        run("merge", "collage", tuple(made[2:]), merged, scale=2, seed=1)
        with Image.open(made[0]) as created, Image.open(merged) as collage:
            _save_within(_small(created), folder / "create.jpg", 150)
            _save_within(_small(collage), folder / "merge.jpg", 150)
        with Image.open(made[1]) as before, Image.open(edited) as after:
            _save_within(_side_by_side(before, after), folder / "edit.jpg", 150)


def _made(folder: str, operation: str, words: str, seed: int) -> str:
    target = str(Path(folder) / f"{abs(hash((words, seed)))}.jpg")
    return run(operation, words, (), target, scale=2, seed=seed).path


def _small(image: Image.Image, side_px: int = 1024) -> Image.Image:
    small = image.convert("RGB")
    small.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    return small


def _side_by_side(before: Image.Image, after: Image.Image) -> Image.Image:
    gap, side = 12, 1024
    half = (side - gap) // 2
    pair = Image.new("RGB", (side, side), _PAPER)
    for left, image in ((0, before), (half + gap, after)):
        pair.paste(image.convert("RGB").resize((half, side), Image.Resampling.LANCZOS), (left, 0))
    return pair


def _save_within(image: Image.Image, path: Path, limit_kib: int) -> None:
    for quality in range(90, 30, -4):
        image.save(path, quality=quality, optimize=True, progressive=True)
        if path.stat().st_size <= limit_kib * 1024:
            break
    print(f"{path.stat().st_size / 1024:.0f} KiB  {path}")


if __name__ == "__main__":
    main()
