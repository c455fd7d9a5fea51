"""Merge: every photo is shown whole, in the requested order and layout."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from imgbot.domain.errors import UserError
from imgbot.imaging.engine import run
from imgbot.imaging.engine.collages import before_after
from imgbot.imaging.engine.merge import merge_pictures
from imgbot.imaging.engine.upscale import progress_path, progress_writer
from tests.fixtures.flat_pictures import COLOURS, box_of, mask_of, sheets
from tests.fixtures.photos import load_photo, psnr_db, save_photo

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("count", range(2, 11))
def test_every_photo_is_shown_whole_and_in_order(count: int) -> None:
    photos = sheets(count)
    sheet, applied, unrecognised, nearest = merge_pictures(photos, "")
    assert (applied, unrecognised, nearest) == (("collage",), (), ())
    assert 0.4 <= sheet.width / sheet.height <= 2.6
    assert sheet.width * sheet.height <= 9_000_000
    places = [box_of(sheet, COLOURS[index]) for index in range(count)]
    for photo, (left, top, right, bottom) in zip(photos, places, strict=True):
        # Its own ratio: nothing was cropped.
        assert (right - left) / (bottom - top) == pytest.approx(
            photo.width / photo.height, rel=0.03
        )
    assert places == sorted(places, key=lambda place: (place[1], place[0]))


@pytest.mark.parametrize(
    ("layout", "requests", "first_side"),
    [
        ("beside", ("рядом", "side by side", "в ряд", "горизонтально"), 1),
        ("below", ("столбиком", "vertically", "друг под другом"), 0),
    ],
)
def test_photos_stand_in_a_row_or_a_column(
    layout: str, requests: tuple[str, ...], first_side: int
) -> None:
    for words in requests:
        sheet, applied, _, _ = merge_pictures(sheets(3), words)
        assert applied == (layout,)
        assert len({box_of(sheet, colour)[first_side::2] for colour in COLOURS[:3]}) == 1


@pytest.mark.parametrize("words", ["наложи одно на другое", "blend them"])
def test_blend_is_the_mean_of_all(words: str) -> None:
    photo, other = load_photo("astronaut"), load_photo("cat")
    sheet, applied, _, _ = merge_pictures([photo, other], words)
    assert applied == ("blend",)
    assert sheet.size == photo.size
    assert psnr_db(sheet, photo) > psnr_db(other.resize(photo.size), photo)
    mean = ImageStat.Stat(merge_pictures(sheets(2), words).image).mean
    assert len([value for value in mean if 5 < value < 250]) >= 1


@pytest.mark.parametrize("words", ["двойная экспозиция", "double exposure"])
def test_double_exposure_adds_light(words: str) -> None:
    dark, light = Image.new("RGB", (200, 200), "black"), load_photo("astronaut").resize((200, 200))
    dark.paste((200, 200, 200), (0, 0, 100, 200))
    sheet, applied, _, _ = merge_pictures([dark, light], words)
    assert applied == ("screen",)
    left = ImageStat.Stat(sheet.crop((0, 0, 100, 200))).mean[0]
    right = ImageStat.Stat(sheet.crop((100, 0, 200, 200))).mean[0]
    assert left > right + 60


@pytest.mark.parametrize("words", ["панорама", "stitch", "склей встык"])
@pytest.mark.parametrize("count", [2, 10])
def test_panorama_has_one_height_and_no_gaps(words: str, count: int) -> None:
    sheet, applied, _, _ = merge_pictures(sheets(count), words)
    assert applied == ("panorama",)
    places = [box_of(sheet, COLOURS[index]) for index in range(count)]
    assert {place[1::2] for place in places} == {(0, sheet.height)}
    assert places[0][0] == 0
    assert places[-1][2] == sheet.width
    for before, after in pairwise(places):
        assert abs(before[2] - after[0]) <= 3


@pytest.mark.parametrize("words", ["сетка", "contact sheet", "пронумеруй"])
@pytest.mark.parametrize("count", [2, 10])
def test_contact_sheet_shows_all_photos_with_numbers(words: str, count: int) -> None:
    photos = sheets(count)
    sheet, applied, _, _ = merge_pictures(photos, words)
    assert applied == ("contact_sheet",)
    assert 0.3 <= sheet.width / sheet.height <= 3.2
    # The numbers contain greys, too.
    for index, photo in enumerate(photos[:8]):
        left, top, right, bottom = box_of(sheet, COLOURS[index])
        assert (right - left) / (bottom - top) == pytest.approx(
            photo.width / photo.height, rel=0.06
        )
    # A white number on a dark disc for each photo.
    assert mask_of(sheet, (255, 255, 255), 0).getbbox() is not None


def test_numbers_of_a_contact_sheet_differ() -> None:
    alike = [Image.new("RGB", (400, 400), COLOURS[2])] * 4
    sheet = merge_pictures(alike, "сетка").image
    half = (sheet.width // 2, sheet.height // 2)
    quarters = [sheet.crop((x, y, x + half[0], y + half[1])).tobytes()
                for x in (0, half[0]) for y in (0, half[1])]  # fmt: skip
    assert len(set(quarters)) == 4


@pytest.mark.parametrize("words", ["до и после", "before and after", "было/стало"])
def test_before_and_after_are_side_by_side_at_one_height(words: str) -> None:
    small = Image.new("RGB", (300, 400), COLOURS[0])
    large = Image.new("RGB", (1200, 1600), COLOURS[2])
    sheet, applied, _, _ = merge_pictures([small, large], words)
    assert applied == ("before_after",)
    one, two = box_of(sheet, COLOURS[0]), box_of(sheet, COLOURS[2])
    assert one[1::2] == two[1::2]
    assert one[2] - one[0] == two[2] - two[0]
    assert one[2] < two[0]
    # The gap is thin.
    assert two[0] - one[2] < sheet.width * 0.02


def test_before_and_after_of_three_is_a_row() -> None:
    assert merge_pictures(sheets(3), "до и после").applied == ("beside",)


def test_wide_pictures_are_compared_one_above_the_other() -> None:
    wide = Image.new("RGB", (1600, 500), COLOURS[0])
    sheet = before_after(wide, Image.new("RGB", (800, 250), COLOURS[2]))
    one, two = box_of(sheet, COLOURS[0]), box_of(sheet, COLOURS[2])
    assert one[0::2] == two[0::2]
    assert one[3] - one[1] == two[3] - two[1]
    assert one[3] < two[1]


@pytest.mark.parametrize(
    "sizes", [((1, 3000), (3000, 1)), ((16, 20_000), (16, 16)), ((20_000, 16), (20_000, 16))]
)
def test_comparison_takes_every_shape(sizes: tuple[tuple[int, int], tuple[int, int]]) -> None:
    one, two = (Image.new("RGB", size, "red") for size in sizes)
    sheet = before_after(one, two)
    assert sheet.width * sheet.height <= 12_000_000
    assert max(sheet.size) <= 20 * min(sheet.size)


def test_background_and_gaps_can_be_requested() -> None:
    black = merge_pictures(sheets(4), "на чёрном фоне").image
    assert max(black.crop((1, 1, 2, 2)).tobytes()) < 30
    red, green, blue = (
        merge_pictures(sheets(4), "blue background").image.crop((1, 1, 2, 2)).tobytes()
    )
    assert blue > 150 > max(red, green)
    tight = merge_pictures(sheets(4), "без рамок").image
    assert box_of(tight, COLOURS[0])[:2] == (0, 0)


def test_numbers_and_ordinals_set_the_order() -> None:
    table = {
        "слева 2, справа 1": (1, 0), "2 слева, 1 справа": (1, 0), "1 слева": (0, 1),
        "2 on the left, 1 on the right": (1, 0), "рядом в порядке 2 1": (1, 0),
        "рядом, сначала вторая, потом первая": (1, 0), "swap, side by side": (1, 0),
        "рядом, поменяй местами": (1, 0), "1 справа": (1, 0), "the second one on the left": (1, 0),
        "сверху 3, снизу 1": (2, 1, 0), "1 под 2": (1, 2, 0), "3 above 1": (2, 0, 1),
    }  # fmt: skip
    for words, order in table.items():
        sheet, applied, unrecognised, _ = merge_pictures(sheets(len(order)), words)
        is_column = len(order) == 3
        assert (applied, unrecognised) == (("below" if is_column else "beside",), ())
        places = [box_of(sheet, COLOURS[index])[is_column] for index in order]
        assert places == sorted(places), words


_MEASURED = """
import resource, sys
from imgbot.imaging.engine import run
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
made = run("merge", sys.argv[1], tuple(sys.argv[3:]), sys.argv[2], scale=2, seed=1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, ",".join(made.applied))
"""


@pytest.mark.parametrize("words", ["", "вставь 1 и 2 в 3"])
def test_ten_large_photos_are_merged_in_bounded_memory(words: str, tmp_path: Path) -> None:
    source = save_photo("astronaut", tmp_path, (4000, 3000))
    command = [sys.executable, "-c", _MEASURED, words, str(tmp_path / "out.jpg"), *[source] * 10]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    rise_kib = int(answer.stdout.split()[0])
    # 20 megapixels at four bytes, one source at full size and while it is reduced, the result.
    assert rise_kib < 220 * 1024


def test_one_photo_is_no_merge(tmp_path: Path) -> None:
    source = save_photo("cat", tmp_path)
    for sources in ((), (source,)):
        with pytest.raises(UserError, match="merge_needs_two"):
            run("merge", "", sources, str(tmp_path / "out.jpg"), scale=2, seed=1)


def test_merge_by_run(tmp_path: Path) -> None:
    sources = (save_photo("cat", tmp_path), save_photo("astronaut", tmp_path, (3000, 4000)))
    made = run("merge", "рядом и пляж", sources, str(tmp_path / "out.jpg"), scale=2, seed=1)
    assert made.applied == ("beside",)
    assert made.unrecognised == ("пляж",)
    assert made.suggestions
    with Image.open(made.path) as image:
        assert image.size == (made.width, made.height)


def test_compare_by_run(tmp_path: Path) -> None:
    sources = (save_photo("cat", tmp_path), save_photo("astronaut", tmp_path))
    made = run("compare", "", sources, str(tmp_path / "out.jpg"), scale=2, seed=1)
    assert made.applied == ("before_after",)
    assert made.width > made.height


def test_upscale_removes_its_progress_file(tmp_path: Path) -> None:
    source = save_photo("pendulum", tmp_path)
    made = run("upscale", "", (source,), str(tmp_path / "out.jpg"), scale=2, seed=1)
    assert made.applied[0] == "x2"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jpg", "pendulum.jpg"]


def test_progress_is_written_atomically_and_throttled(tmp_path: Path) -> None:
    target = str(tmp_path / "out.jpg")
    report = progress_writer(target)
    report(0.42)
    report(0.43)
    assert progress_path(target).read_text() == "0.42"
    assert [path.name for path in tmp_path.iterdir()] == ["out.jpg.progress"]
