"""Merge: every photo is shown whole, in the requested order and layout."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from imgbot.domain.errors import UserError
from imgbot.painter.engine import make_picture
from imgbot.painter.engine.collages import before_after
from imgbot.painter.engine.merge import merge_pictures
from tests.fixtures.flat_pictures import COLOURS, Box, box_of, mask_of, sheets
from tests.fixtures.photos import load_photo, psnr_db, save_photo


def merged(photos: list[Image.Image], words: str, layout: str) -> tuple[Image.Image, list[Box]]:
    """The sheet, and the place of each of its first photos."""
    sheet, applied, unrecognised, suggestions, _ = merge_pictures(photos, words)
    assert (applied, unrecognised, suggestions) == ((layout,), (), ())
    # A contact sheet's numbers contain greys, too.
    shown = min(len(photos), 8 if layout == "contact_sheet" else 10)
    return sheet, [box_of(sheet, COLOURS[index]) for index in range(shown)]


def expect_whole(photos: list[Image.Image], places: list[Box], rel: float) -> None:
    """Each has its own ratio: nothing was cropped."""
    for photo, (left, top, right, bottom) in zip(photos, places, strict=False):
        ratio = photo.width / photo.height
        assert (right - left) / (bottom - top) == pytest.approx(ratio, rel=rel)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 7, 10])
def test_every_photo_is_shown_whole_and_in_order(count: int) -> None:
    photos = sheets(count)
    sheet, places = merged(photos, "", "collage")
    assert 0.4 <= sheet.width / sheet.height <= 2.6
    assert sheet.width * sheet.height <= 9_000_000
    expect_whole(photos, places, 0.03)
    assert places == sorted(places, key=lambda place: (place[1], place[0]))


@pytest.mark.parametrize("count", [2, 10])
def test_panorama_has_one_height_and_no_gaps(count: int) -> None:
    sheet, places = merged(sheets(count), "панорама", "panorama")
    assert {place[1::2] for place in places} == {(0, sheet.height)}
    assert (places[0][0], places[-1][2]) == (0, sheet.width)
    for before, after in pairwise(places):
        assert abs(before[2] - after[0]) <= 3


@pytest.mark.parametrize("count", [2, 10])
def test_contact_sheet_shows_all_photos_with_numbers(count: int) -> None:
    photos = sheets(count)
    sheet, places = merged(photos, "contact sheet", "contact_sheet")
    assert 0.3 <= sheet.width / sheet.height <= 3.2
    expect_whole(photos, places, 0.06)
    # A white number on a dark disc for each photo, and none like the other.
    assert mask_of(sheet, (255, 255, 255), 0).getbbox() is not None
    alike = merge_pictures([Image.new("RGB", (400, 400), COLOURS[2])] * 4, "сетка").image
    assert len({quarter.tobytes() for quarter in quarters(alike)}) == 4


def quarters(sheet: Image.Image) -> list[Image.Image]:
    width, height = sheet.width // 2, sheet.height // 2
    return [sheet.crop((x, y, x + width, y + height)) for x in (0, width) for y in (0, height)]


def test_blend_is_the_mean_of_all() -> None:
    photo, other = load_photo("astronaut"), load_photo("cat")
    sheet, applied, *_ = merge_pictures([photo, other], "blend them")
    assert applied == ("blend",)
    assert sheet.size == photo.size
    assert psnr_db(sheet, photo) > psnr_db(other.resize(photo.size), photo)
    mean = ImageStat.Stat(merge_pictures(sheets(2), "blend them").image).mean
    assert len([value for value in mean if 5 < value < 250]) >= 1


def test_double_exposure_adds_light() -> None:
    dark, light = Image.new("RGB", (200, 200), "black"), load_photo("astronaut").resize((200, 200))
    dark.paste((200, 200, 200), (0, 0, 100, 200))
    sheet, applied, *_ = merge_pictures([dark, light], "double exposure")
    assert applied == ("screen",)
    left = ImageStat.Stat(sheet.crop((0, 0, 100, 200))).mean[0]
    right = ImageStat.Stat(sheet.crop((100, 0, 200, 200))).mean[0]
    assert left > right + 60


def test_before_and_after_stand_along_the_longer_side_with_a_thin_gap() -> None:
    # Upright pictures beside each other, wide ones one above the other.
    for size, times, axis in (((300, 400), 4, 0), ((800, 250), 2, 1)):
        small = Image.new("RGB", size, COLOURS[0])
        large = Image.new("RGB", (size[0] * times, size[1] * times), COLOURS[2])
        sheet, applied, *_ = merge_pictures([small, large], "до и после")
        assert applied == ("before_after",)
        one, two = box_of(sheet, COLOURS[0]), box_of(sheet, COLOURS[2])
        assert one[1 - axis :: 2] == two[1 - axis :: 2]
        assert abs((one[axis + 2] - one[axis]) - (two[axis + 2] - two[axis])) <= 1
        assert 0 < two[axis] - one[axis + 2] < sheet.size[axis] * 0.02
    assert merge_pictures(sheets(3), "до и после").applied == ("beside",)


@pytest.mark.parametrize(
    "sizes", [((1, 3000), (3000, 1)), ((16, 20_000), (16, 16)), ((20_000, 16), (20_000, 16))]
)
def test_comparison_takes_every_shape(sizes: tuple[tuple[int, int], tuple[int, int]]) -> None:
    one, two = (Image.new("RGB", size, "red") for size in sizes)
    sheet = before_after(one, two)
    assert sheet.width * sheet.height <= 12_000_000
    assert max(sheet.size) <= 20 * min(sheet.size)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    ["", "рядом", "столбиком", "наложи", "double exposure", "панорама", "сетка", "1 в 2",
     "до и после", "вырежи"],
)  # fmt: skip
def test_narrow_photos_stay_within_limits_and_leave_room_for_others(words: str) -> None:
    strips = [Image.new("RGB", (1, 3000), "red"), Image.new("RGB", (20_000, 16), "blue")] * 5
    for count in (2, 10):
        sheet = merge_pictures(strips[:count], words).image
        assert sheet.width * sheet.height <= 20_000_000
        assert sum(sheet.size) <= 22_100
    sheet = merge_pictures([load_photo("cat"), load_photo("astronaut"), strips[0]], words).image
    assert min(sheet.size) >= 200
    assert sum(sheet.size) <= 10_000


def test_background_and_gaps_can_be_requested() -> None:
    black = merge_pictures(sheets(4), "на чёрном фоне").image
    assert max(black.crop((1, 1, 2, 2)).tobytes()) < 30
    blue = merge_pictures(sheets(4), "blue background").image.crop((1, 1, 2, 2)).tobytes()
    assert blue[2] > 150 > max(blue[:2])
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
        is_column = len(order) == 3
        _, places = merged(sheets(len(order)), words, "below" if is_column else "beside")
        assert len({place[1 - is_column :: 2] for place in places}) == 1
        starts = [places[index][is_column] for index in order]
        assert starts == sorted(starts), words


_MEASURED = """
import sys
from imgbot.painter.engine import make_picture
from tests.fixtures.processes import growing_mib
sys.modules["onnxruntime"] = None  # The network of the extra has memory of its own.
grown_mib = growing_mib()
make_picture("merge", sys.argv[1], tuple(sys.argv[3:]), sys.argv[2], scale=2, seed=1)
print(grown_mib())
"""


@pytest.mark.slow
def test_ten_large_photos_are_merged_in_bounded_memory(tmp_path: Path) -> None:
    source, words = save_photo("astronaut", tmp_path, (4000, 3000)), "вставь 1 и 2 в 3"
    command = [sys.executable, "-c", _MEASURED, words, str(tmp_path / "out.jpg"), *[source] * 10]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    # 20 megapixels at four bytes, one source at full size and while it is reduced, the result.
    assert float(answer.stdout) < 220


def test_merge_and_compare_by_run(tmp_path: Path) -> None:
    sources = (save_photo("cat", tmp_path), save_photo("astronaut", tmp_path, (1500, 2000)))
    target = str(tmp_path / "out.jpg")
    made = make_picture("merge", "рядом и пляж", sources, target, scale=2, seed=1)
    assert (made.applied, made.unrecognised) == (("beside",), ("пляж",))
    assert made.suggestions
    with Image.open(made.path) as image:
        assert image.size == (made.width, made.height)
    made = make_picture("compare", "", sources, target, scale=2, seed=1)
    assert made.applied == ("before_after",)
    assert made.width > made.height
    for few in ((), sources[:1]):
        with pytest.raises(UserError, match="merge_needs_two"):
            make_picture("merge", "", few, target, scale=2, seed=1)
