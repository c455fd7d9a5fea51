"""Cut-outs: subjects, position and size, and the inset when a subject cannot be cut out."""

from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageStat

from imgbot.imaging.engine import run
from imgbot.imaging.engine.merge import cut_out, merge_pictures
from tests.fixtures.flat_pictures import COLOURS, GREEN, Colour, box_of, mask_of, toy
from tests.fixtures.photos import add_noise, load_photo

pytestmark = pytest.mark.slow

CUT_OUT_WORDS = [
    "put 1 into 2", "put the first photo on the second", "вставь первое фото во второе",
    "1 на фон 2", "вырежи 1 и вставь в 2", "cut out 1 and paste it onto 2", "1 into 2", "фон 2",
    "use the second as background", "замени фон", "put one into the other", "вставь одно в другое",
    "добавь объект с фото 1 на фото 2", "помести 1 на второе",
    "кот из 1 на диване из 2", "put the cat from 1 on the sofa from 2",
    "девушку с первого фото на фон второго", "человека из 1 на пляж из 2",
]  # fmt: skip


@pytest.mark.parametrize("words", CUT_OUT_WORDS)
def test_first_photo_is_cut_out_and_placed_into_the_second(words: str) -> None:
    sheet, applied, unrecognised, _ = merge_pictures([toy(), GREEN], words)
    assert (applied, unrecognised) == (("cut_out",), ())
    assert sheet.size == GREEN.size
    ball, post = box_of(sheet, COLOURS[0], 12), box_of(sheet, COLOURS[7], 12)
    height = post[3] - ball[1]
    assert height == pytest.approx(0.55 * sheet.height, rel=0.06)
    # It stands in the lower third, centred.
    assert sheet.height * 0.67 < post[3] < sheet.height
    assert (ball[0] + ball[2]) / 2 == pytest.approx(sheet.width / 2, rel=0.04)
    # Without any of its backdrop.
    assert mask_of(sheet, (228, 230, 234), 8).getbbox() is None


def test_second_photo_can_be_placed_into_the_first() -> None:
    sheet, applied, _, _ = merge_pictures([GREEN, toy()], "вставь второе в первое")
    assert applied == ("cut_out",)
    assert sheet.size == GREEN.size
    box_of(sheet, COLOURS[0], 12)


def test_photo_with_a_plain_backdrop_is_the_default_subject() -> None:
    photo = load_photo("cat")
    assert merge_pictures([photo, toy()], "вырежи и вставь").image.size == photo.size
    assert merge_pictures([toy(), photo], "вырежи и вставь").image.size == photo.size


def test_prompt_sets_the_position_of_a_cutout() -> None:
    for words, across, down in (
        ("1 в 2 слева", 0.27, None), ("1 into 2 on the right", 0.73, None),
        ("вставь 1 в 2 в центре", 0.5, None), ("1 в 2 в левый верхний угол", 0.08, 0.22),
        ("put 1 into 2 in the bottom right corner", 0.92, 0.78), ("1 в 2 в угол", 0.92, 0.78),
    ):  # fmt: skip
        sheet = merge_pictures([toy(), GREEN], words).image
        ball, post = box_of(sheet, COLOURS[0], 12), box_of(sheet, COLOURS[7], 12)
        assert (ball[0] + ball[2]) / 2 / sheet.width == pytest.approx(across, abs=0.06)
        if down is not None:
            assert (ball[1] + post[3]) / 2 / sheet.height == pytest.approx(down, abs=0.08)


def test_prompt_sets_the_size_of_a_cutout() -> None:
    heights: list[int] = []
    for words in ("маленьким 1 в 2", "1 в 2", "1 в 2 побольше"):
        ball = box_of(merge_pictures([toy(), GREEN], words).image, COLOURS[0], 12)
        heights.append(ball[3] - ball[1])
    assert heights[0] < 0.7 * heights[1] < 0.7 * 0.8 * heights[2]


def test_cutout_casts_a_contact_shadow() -> None:
    sheet = merge_pictures([toy(), GREEN], "1 в 2").image
    post = box_of(sheet, COLOURS[7], 12)
    beside = sheet.crop((post[2] + 3, post[3] - 4, post[2] + 8, post[3] + 4)).convert("L")
    assert ImageStat.Stat(beside).mean[0] < ImageStat.Stat(GREEN.convert("L")).mean[0] - 12


def transparent() -> Image.Image:
    """The astronaut with everything but a disc around her taken away."""
    photo = load_photo("astronaut")
    where = Image.new("L", photo.size, 0)
    ImageDraw.Draw(where).ellipse((100, 0, 360, 480), fill=255)
    photo.putalpha(where)
    return photo


def test_transparency_is_used_for_the_cutout(tmp_path: Path) -> None:
    subject, ground = tmp_path / "subject.png", tmp_path / "ground.png"
    transparent().save(subject)
    GREEN.save(ground)
    made = run(
        "merge", "1 в 2", (str(subject), str(ground)), str(tmp_path / "o.jpg"), scale=2, seed=1
    )
    assert made.applied == ("cut_out",)
    with Image.open(made.path) as image:
        assert image.size == GREEN.size
        # No white, onto which transparency is flattened in other layouts.
        corner = image.crop((280, 270, 290, 280))
        assert mask_of(corner, COLOURS[1], 10).getbbox() == (0, 0, 10, 10)


@pytest.mark.parametrize("backdrop", [(245, 245, 245), (30, 30, 34), (60, 140, 220)])
def test_plain_backdrop_is_found_with_noise_and_a_gradient(backdrop: Colour) -> None:
    image = toy((500, 600), backdrop)
    fall = Image.linear_gradient("L").resize(image.size).point([200 + v // 5 for v in range(256)])
    uneven = add_noise(ImageChops.multiply(image, Image.merge("RGB", [fall] * 3)), 4)
    cut = cut_out(uneven.filter(ImageFilter.GaussianBlur(0.8)))
    assert cut is not None
    assert not cut.is_cut_off
    # Ball and post without a margin.
    assert cut.image.width == pytest.approx(500 * 0.4, abs=14)
    assert cut.image.height == pytest.approx(600 * 0.7, abs=16)
    assert cut.image.getchannel("A").getpixel((cut.image.width // 2, 60)) == 255
    assert cut.image.getchannel("A").getpixel((2, cut.image.height - 10)) == 0


def test_edge_of_a_cutout_is_soft() -> None:
    cut = cut_out(toy((800, 1000)))
    assert cut is not None
    histogram = cut.image.getchannel("A").histogram()
    assert sum(histogram[20:235]) > 400


@pytest.mark.parametrize("name", ["cat", "astronaut"])
def test_busy_backdrop_gives_an_inset_and_reports_it(name: str) -> None:
    photo = load_photo(name)
    assert cut_out(photo) is None
    sheet, applied, _, _ = merge_pictures([photo, GREEN], "1 в 2")
    assert applied == ("inset",)
    assert sheet.size == GREEN.size
    # A whole inset with round corners, in a corner of the other photo.
    box = ImageChops.difference(sheet, GREEN).convert("L").point(
        [255 if value > 40 else 0 for value in range(256)]
    ).getbbox()  # fmt: skip
    assert box is not None
    assert box[0] > GREEN.width * 0.4
    assert (box[2] - box[0]) / (box[3] - box[1]) == pytest.approx(
        photo.width / photo.height, rel=0.1
    )


def test_picture_without_a_subject_is_not_cut_out() -> None:
    for mode, size in (("RGB", (300, 300)), ("RGB", (1, 3000)), ("RGB", (3000, 1)),
                       ("RGB", (1, 1)), ("RGBA", (50, 50))):  # fmt: skip
        colour = "white" if size == (300, 300) else 0
        assert cut_out(Image.new(mode, size, colour)) is None


def test_subject_cut_off_at_the_bottom_stands_on_the_edge() -> None:
    image = Image.new("RGB", (400, 400), (230, 230, 230))
    ImageDraw.Draw(image).rectangle((120, 120, 280, 400), fill=COLOURS[0])
    cut = cut_out(image)
    assert cut is not None
    assert cut.is_cut_off
    sheet = merge_pictures([image, GREEN], "1 в 2").image
    assert box_of(sheet, COLOURS[0], 14)[3] == GREEN.height


def test_several_cutouts_stand_apart_and_unused_photos_are_reported() -> None:
    blue = toy()
    blue.paste(COLOURS[2], (0, 0, *blue.size), mask_of(blue, COLOURS[0]))
    photos = [toy(), blue, GREEN, load_photo("cat")]
    sheet, applied, _, _ = merge_pictures(photos, "put 1 and 2 into 3")
    assert applied == ("cut_out", "left_out|4")
    assert box_of(sheet, COLOURS[0], 12)[2] < box_of(sheet, COLOURS[2], 12)[0]


def test_transparency_is_white_in_other_layouts() -> None:
    for layout in ("", "рядом", "панорама", "сетка", "наложи"):
        assert merge_pictures([transparent(), GREEN], layout).image.mode == "RGB"
