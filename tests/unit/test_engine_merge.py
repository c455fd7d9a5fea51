"""Merge: every photograph is on the sheet, whole, in the order and layout asked for."""

from pathlib import Path

import pytest
from PIL import Image, ImageStat

from imgbot.errors import UserError
from imgbot.imaging.engine import make
from imgbot.imaging.engine.merge import merge_pictures
from tests.support.photos import load_photo, psnr_db, save_photo

COLOURS = [
    (230, 40, 40), (40, 200, 60), (50, 80, 230), (240, 220, 40), (200, 60, 220),
    (40, 210, 220), (250, 140, 30), (120, 70, 30), (20, 20, 20), (150, 150, 150),
]  # fmt: skip
SHAPES = [(400, 300), (300, 400), (500, 500), (900, 200), (200, 900)]


def sheets(count: int) -> list[Image.Image]:
    return [Image.new("RGB", SHAPES[index % 5], COLOURS[index]) for index in range(count)]


def box_of(sheet: Image.Image, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Where on the sheet one flat colour is."""
    bands = sheet.split()
    where = Image.new("L", sheet.size, 255)
    for band, value in zip(bands, colour, strict=True):
        near = band.point([255 if abs(level - value) <= 3 else 0 for level in range(256)])
        where = Image.composite(near, where, where)
    box = where.getbbox()
    assert box is not None, f"{colour} is not on the sheet"
    return box


@pytest.mark.parametrize("count", range(2, 11))
def test_every_photograph_is_there_whole_and_in_order(count: int) -> None:
    photos = sheets(count)
    sheet, did = merge_pictures(photos, "")
    assert did == ("collage",)
    assert 0.4 <= sheet.width / sheet.height <= 2.6
    assert sheet.width * sheet.height <= 9_000_000
    places = [box_of(sheet, COLOURS[index]) for index in range(count)]
    for photo, (left, top, right, bottom) in zip(photos, places, strict=True):
        # Its own shape: nothing was cut off.
        assert (right - left) / (bottom - top) == pytest.approx(
            photo.width / photo.height, rel=0.03
        )
    assert places == sorted(places, key=lambda place: (place[1], place[0]))


@pytest.mark.parametrize("words", ["рядом", "side by side", "в ряд", "before and after"])
def test_beside(words: str) -> None:
    sheet, did = merge_pictures(sheets(3), words)
    assert did == ("beside",)
    tops = {box_of(sheet, colour)[1::2] for colour in COLOURS[:3]}
    assert len(tops) == 1


@pytest.mark.parametrize("words", ["столбиком", "vertically", "друг под другом"])
def test_below(words: str) -> None:
    sheet, did = merge_pictures(sheets(3), words)
    assert did == ("below",)
    sides = {box_of(sheet, colour)[0::2] for colour in COLOURS[:3]}
    assert len(sides) == 1


@pytest.mark.parametrize("words", ["наложи одно на другое", "blend them"])
def test_blend_is_the_middle_of_all(words: str) -> None:
    photo, other = load_photo("astronaut"), load_photo("cat")
    sheet, did = merge_pictures([photo, other], words)
    assert did == ("blend",)
    assert sheet.size == photo.size
    assert psnr_db(sheet, photo) > psnr_db(other.resize(photo.size), photo)
    mean = ImageStat.Stat(merge_pictures(sheets(2), words)[0]).mean
    assert len([value for value in mean if 5 < value < 250]) >= 1


def test_the_background_and_the_gaps_can_be_asked_for() -> None:
    black, _ = merge_pictures(sheets(4), "на чёрном фоне, чёрный фон")
    assert black.getpixel((1, 1)) == (16, 16, 18)
    tight, _ = merge_pictures(sheets(4), "без рамок")
    assert box_of(tight, COLOURS[0])[:2] == (0, 0)


def test_strips_do_not_make_endless_sheets() -> None:
    strips = [Image.new("RGB", (16, 20_000), "red"), Image.new("RGB", (20_000, 16), "blue")] * 5
    for words in ("", "рядом", "столбиком", "наложи"):
        sheet, _ = merge_pictures(strips, words)
        assert sheet.width * sheet.height <= 20_000_000


def test_one_photograph_is_no_merge(tmp_path: Path) -> None:
    source = save_photo("cat", tmp_path)
    for sources in ((), (source,)):
        with pytest.raises(UserError, match="merge_needs_two"):
            make("merge", "", sources, str(tmp_path / "out.jpg"), scale=2, seed=1)


def test_merge_through_the_front_door(tmp_path: Path) -> None:
    sources = (save_photo("cat", tmp_path), save_photo("astronaut", tmp_path, (3000, 4000)))
    made = make("merge", "рядом", sources, str(tmp_path / "out.jpg"), scale=2, seed=1)
    assert made.did == ("beside",)
    with Image.open(made.path) as image:
        assert image.size == (made.width, made.height)
