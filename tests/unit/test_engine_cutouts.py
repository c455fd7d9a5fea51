"""Cut-outs: what a merge places into another photo, and what remains without its background."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageStat

from imgbot.domain.moving import Move
from imgbot.painter.engine import make_picture, merge, subject_network
from imgbot.painter.engine.backdrop import GUESSED, MISSING
from imgbot.painter.engine.background import cut_subject, remove_background
from imgbot.painter.engine.edit import edit_picture
from imgbot.painter.engine.merge import cut_out, merge_pictures
from imgbot.painter.networks import Network
from tests.fixtures.flat_pictures import COLOURS, GREEN, Colour, box_of, mask_of, toy
from tests.fixtures.photos import add_noise, load_photo, photo_path, save_photo

pytestmark = pytest.mark.slow

SIZE = (900, 700)


@pytest.fixture(autouse=True, scope="module")
def each_subject_cut_once() -> Iterator[None]:
    """Many merges are of the same subject, whose cut takes longer than all the rest."""
    cuts: dict[tuple[object, ...], tuple[Image.Image, bool]] = {}

    def cut_once(image: Image.Image) -> tuple[Image.Image, bool]:
        key = (image.mode, image.size, image.tobytes())
        cut, is_clear = cuts[key] = cuts.get(key) or cut_subject(image)
        return cut.copy(), is_clear

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "cut_subject", cut_once)
        # What is found without the extra `cutout`.
        network = Network("no_such_package", "", room_bytes=0)
        patch.setattr(subject_network, "NETWORK", network)
        yield


def test_first_photo_is_cut_out_and_stands_in_the_second_with_a_shadow() -> None:
    sheet, applied, unrecognised, *_ = merge_pictures([toy(), GREEN], "1 into 2")
    assert (applied, unrecognised) == (("cut_out",), ())
    assert sheet.size == GREEN.size
    ball, post = box_of(sheet, COLOURS[0], 12), box_of(sheet, COLOURS[7], 12)
    assert post[3] - ball[1] == pytest.approx(0.55 * sheet.height, rel=0.06)
    # It stands in the lower third, centred, without any of its backdrop.
    assert sheet.height * 0.67 < post[3] < sheet.height
    assert (ball[0] + ball[2]) / 2 == pytest.approx(sheet.width / 2, rel=0.04)
    assert mask_of(sheet, (228, 230, 234), 8).getbbox() is None
    beside = sheet.crop((post[2] + 3, post[3] - 4, post[2] + 8, post[3] + 4)).convert("L")
    assert ImageStat.Stat(beside).mean[0] < ImageStat.Stat(GREEN.convert("L")).mean[0] - 12


def test_subject_is_the_named_photo_else_the_one_that_can_be_cut_out() -> None:
    sheet, applied, *_ = merge_pictures([GREEN, toy()], "вставь второе в первое")
    assert (applied, sheet.size) == (("cut_out",), GREEN.size)
    box_of(sheet, COLOURS[0], 12)
    photo = load_photo("cat")
    assert merge_pictures([photo, toy()], "вырежи и вставь").image.size == photo.size
    assert merge_pictures([toy(), photo], "вырежи и вставь").image.size == photo.size


def test_prompt_sets_the_position_and_size_of_a_cutout() -> None:
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
    heights: list[int] = []
    for words in ("маленьким 1 в 2", "1 в 2", "1 в 2 побольше"):
        ball = box_of(merge_pictures([toy(), GREEN], words).image, COLOURS[0], 12)
        heights.append(ball[3] - ball[1])
    assert heights[0] < 0.7 * heights[1] < 0.7 * 0.8 * heights[2]


@pytest.mark.parametrize(
    ("operation", "words", "count"), [("merge", "1 into 2", 2), ("edit", "put it on a beach", 1)]
)
def test_a_subject_that_was_placed_is_moved_and_scaled_alone(
    operation: str, words: str, count: int, tmp_path: Path
) -> None:
    sources = [str(tmp_path / f"{number}.png") for number in range(count)]
    for image, source in zip((toy(), GREEN), sources, strict=False):
        image.save(source)

    def made(move: Move) -> tuple[tuple[int, int], list[int], list[int]]:
        target = str(tmp_path / "made.jpg")
        make_picture(operation, words, tuple(sources), target, scale=2, seed=1, move=move)
        with Image.open(target) as image:
            picture = image.convert("RGB")
        ball, post = (list(box_of(picture, COLOURS[each], 30)) for each in (0, 7))
        return picture.size, ball, post

    size, ball, post = made(Move())
    moved_size, moved_ball, moved_post = made(Move(0.5, -0.15, -0.1))

    assert moved_size == size
    height = post[3] - ball[1]
    assert moved_post[3] - moved_ball[1] == pytest.approx(0.5 * height, rel=0.06)
    assert post[3] - moved_post[3] == pytest.approx(0.1 * size[1], abs=6)
    middles = [(each[0] + each[2]) / 2 for each in (ball, moved_ball)]
    assert middles[0] - middles[1] == pytest.approx(0.15 * size[0], abs=6)
    far = made(Move(9, 9, 9))
    assert far[0] == size


def test_transparency_is_used_for_a_cutout_and_white_elsewhere(tmp_path: Path) -> None:
    photo, where = load_photo("astronaut"), Image.new("L", (512, 512), 0)
    ImageDraw.Draw(where).ellipse((100, 0, 360, 480), fill=255)
    photo.putalpha(where)
    paths = (tmp_path / "subject.png", tmp_path / "ground.png")
    photo.save(paths[0])
    GREEN.save(paths[1])
    made = make_picture(
        "merge", "1 в 2", (*map(str, paths),), str(tmp_path / "o.jpg"), scale=2, seed=1
    )
    assert made.applied == ("cut_out",)
    with Image.open(made.path) as image:
        assert image.size == GREEN.size
        assert mask_of(image.crop((280, 270, 290, 280)), COLOURS[1], 10).getbbox() is not None
    for layout in ("", "рядом", "панорама", "сетка", "наложи"):
        assert merge_pictures([photo, GREEN], layout).image.mode == "RGB"


@pytest.mark.parametrize("backdrop", [(245, 245, 245), (30, 30, 34), (60, 140, 220)])
def test_plain_backdrop_is_found_with_noise_and_a_gradient(backdrop: Colour) -> None:
    image = toy((500, 600), backdrop)
    fall = Image.linear_gradient("L").resize(image.size).point([200 + v // 5 for v in range(256)])
    uneven = add_noise(ImageChops.multiply(image, Image.merge("RGB", [fall] * 3)), 4)
    cut = cut_out(uneven.filter(ImageFilter.GaussianBlur(0.8)))
    assert cut is not None
    assert not cut.is_cut_off
    # Ball and post without a margin, with a soft edge.
    alpha = cut.image.getchannel("A")
    assert alpha.width == pytest.approx(500 * 0.4, abs=14)
    assert alpha.height == pytest.approx(600 * 0.7, abs=16)
    assert alpha.getpixel((alpha.width // 2, 60)) == 255
    assert alpha.getpixel((2, alpha.height - 10)) == 0
    assert sum(alpha.histogram()[20:235]) > 250


def test_picture_without_a_clear_subject_is_an_inset_and_reported() -> None:
    photo = load_photo("cat")
    assert cut_out(photo) is None
    sheet, applied, *_ = merge_pictures([photo, GREEN], "1 в 2")
    assert (applied, sheet.size) == (("inset",), GREEN.size)
    # A whole inset with round corners, in a corner of the other photo.
    changed = ImageChops.difference(sheet, GREEN).convert("L")
    box = changed.point([255 * (value > 40) for value in range(256)]).getbbox()
    assert box is not None
    assert box[0] > GREEN.width * 0.4
    ratio = photo.width / photo.height
    assert (box[2] - box[0]) / (box[3] - box[1]) == pytest.approx(ratio, rel=0.1)


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
    sheet, applied, *_ = merge_pictures(photos, "put 1 and 2 into 3")
    assert applied == ("cut_out", "left_out|4")
    assert box_of(sheet, COLOURS[0], 12)[2] < box_of(sheet, COLOURS[2], 12)[0]


# Background removal, where the backdrop need not be plain.


def _subject_mask(size: tuple[int, int] = SIZE) -> Image.Image:
    """A vase: a round body with a narrow neck and a handle that background is seen through."""
    width, height = size
    large = Image.new("L", (width * 3, height * 3), 0)
    draw = ImageDraw.Draw(large)

    def scaled(*shares: float) -> tuple[float, ...]:
        return tuple(s * 3 * (height if i % 2 else width) for i, s in enumerate(shares))

    draw.ellipse(scaled(0.34, 0.38, 0.66, 0.88), fill=255)
    draw.rectangle(scaled(0.45, 0.18, 0.55, 0.5), fill=255)
    draw.ellipse(scaled(0.6, 0.4, 0.82, 0.74), outline=255, width=round(height * 0.14))
    return large.reduce(3)


def _backdrop(name: str) -> Image.Image:
    plain = Image.new("RGB", SIZE, (214, 220, 226))
    match name:
        case "sky":
            gradient = Image.linear_gradient("L").resize(SIZE)
            bands = [gradient.point(lambda v, c=c: c + v // 5) for c in (60, 110, 150)]
            return Image.merge("RGB", bands)
        case "noisy":
            return add_noise(plain, 8)
        case _:
            blobs = Image.frombytes("RGB", (15, 12), random.Random(5).randbytes(15 * 12 * 3))
            return Image.blend(Image.new("RGB", SIZE, (40, 90, 50)), blobs.resize(SIZE), 0.25)


@pytest.mark.parametrize("name", ["sky", "noisy", "leaves"])
def test_mask_of_a_synthetic_subject_is_found(name: str) -> None:
    clay, mask = Image.new("RGB", SIZE, (178, 70, 40)), _subject_mask()
    ImageDraw.Draw(clay).rectangle((0, 420, SIZE[0], 470), fill=(240, 200, 90))
    cut, is_clear = cut_subject(Image.composite(add_noise(clay, 4), _backdrop(name), mask))
    assert is_clear
    assert cut.size == SIZE
    alpha = cut.getchannel("A")
    both, either = ImageChops.darker(alpha, mask), ImageChops.lighter(alpha, mask)
    assert ImageStat.Stat(both).sum[0] > 0.98 * ImageStat.Stat(either).sum[0]


def test_edges_are_soft_and_carry_no_background_colour() -> None:
    green, disc = Image.new("RGB", (800, 800), (40, 200, 60)), Image.new("L", (800, 800), 0)
    ImageDraw.Draw(disc).ellipse((200, 200, 600, 600), fill=255)
    disc = disc.filter(ImageFilter.GaussianBlur(3))
    green.paste((230, 40, 40), (0, 0, *green.size), disc)
    cut, _ = cut_subject(green)
    alpha = cut.getchannel("A")
    edge = alpha.point([255 * (40 <= value <= 215) for value in range(256)])
    assert ImageStat.Stat(edge).sum[0] / 255 > 2000
    assert ImageStat.Stat(ImageChops.difference(alpha, disc), edge).mean[0] < 24
    red, green_left, _ = ImageStat.Stat(cut.convert("RGB"), edge).mean
    # In the source, an edge pixel is half red, half green: 135 and 120.
    assert red > 175
    assert green_left < 95


def test_portrait_is_cut_out(tmp_path: Path) -> None:
    assert merge_pictures([load_photo("astronaut"), GREEN], "1 в 2").applied == ("cut_out",)
    made = remove_background(str(photo_path("astronaut")), str(tmp_path / "cut"))
    assert made.applied == ("background_removed",)
    assert (made.path, made.width, made.height) == (str(tmp_path / "cut.png"), 512, 512)
    with Image.open(made.path) as image:
        assert image.mode == "RGBA"
        alpha = image.getchannel("A")
    face, hair, suit = (235, 90), (240, 40), (190, 360)
    flag, wall = (30, 60), (330, 120)
    assert [alpha.getpixel(place) for place in (face, hair, suit)] == [255, 255, 255]
    assert [alpha.getpixel(place) for place in (flag, wall)] == [0, 0]


@pytest.mark.parametrize("box", [(80, 40, 320, 200), (102, 26, 384, 282)])
def test_a_head_at_the_upper_edge_is_kept(box: tuple[int, int, int, int]) -> None:
    left, top, *_ = box
    cut, is_clear = cut_subject(load_photo("astronaut").crop(box))

    alpha = cut.getchannel("A")
    crown, forehead, wall = (225, 44), (225, 75), (330, 60)
    places = [(x - left, y - top) for x, y in (crown, forehead, wall) if x < box[2]]
    assert is_clear
    assert [alpha.getpixel(place) for place in places] == [255, 255, 0][: len(places)]


def test_a_head_is_kept_however_the_photo_was_compressed(tmp_path: Path) -> None:
    path, crown = tmp_path / "photo.jpg", (562, 110)
    load_photo("astronaut").resize((1280, 1280), Image.Resampling.LANCZOS).save(path, quality=80)
    with Image.open(path) as photo:
        cut, _ = cut_subject(photo.convert("RGB"))
    assert cut.getchannel("A").getpixel(crown) == 255


def test_picture_without_a_clear_subject_is_reported(tmp_path: Path) -> None:
    gradient = Image.linear_gradient("L").resize((400, 300)).convert("RGB")
    chance = Image.frombytes("L", (400, 300), random.Random(3).randbytes(120_000)).convert("RGB")
    plain, texture = Image.new("RGB", (400, 300), "grey"), chance.filter(ImageFilter.BoxBlur(4))
    without_head = load_photo("astronaut").crop((60, 180, 460, 512))
    for image in (load_photo("cat"), without_head, plain, gradient, chance, texture):
        image.save(tmp_path / "source.png")
        made = remove_background(str(tmp_path / "source.png"), str(tmp_path / "cut"))
        assert (made.applied, (made.width, made.height)) == (("no_clear_subject",), image.size)


def test_small_narrow_and_large_pictures_keep_their_size(tmp_path: Path) -> None:
    for size in ((16, 16), (1, 40), (40, 1), (1500, 16), (16, 1500)):
        cut, _ = cut_subject(load_photo("cat").resize(size))
        assert (cut.mode, cut.size) == ("RGBA", size)
    # Up to twelve megapixels.
    made = remove_background(save_photo("astronaut", tmp_path, (4000, 4000)), str(tmp_path / "cut"))
    assert made.applied == ("background_removed",)
    assert made.width == made.height == pytest.approx(3464, abs=2)


def test_a_subject_stands_before_another_background() -> None:
    grey = Image.new("RGB", (200, 250), (228, 230, 234))
    for words, done in (
        ("на синем фоне", "backdrop|blue"), ("change the background to a beach", "scenery|beach"),
    ):  # fmt: skip
        image, applied, unrecognised, *_ = edit_picture(toy(grey.size), words)

        assert (applied, unrecognised) == ((done,), ())
        box_of(image, COLOURS[0], 12)
        assert mask_of(image, (228, 230, 234), 8).getbbox() is None
        post = box_of(image, COLOURS[7], 12)
        shade, beside = (
            ImageStat.Stat(image.crop((left, post[3] + 1, left + 20, post[3] + 5)).convert("L"))
            for left in (post[0], post[0] - 80)
        )
        assert shade.mean[0] < beside.mean[0] - 6
        assert edit_picture(grey, words).applied == (MISSING,)
    cat = edit_picture(load_photo("cat"), "на фоне гор, ярче").applied
    assert cat == ("scenery|mountains", GUESSED, "brighter")


def test_transparency_of_the_source_is_kept(tmp_path: Path) -> None:
    image = toy()
    image.putalpha(_subject_mask(image.size))
    image.save(tmp_path / "source.png")
    made = remove_background(str(tmp_path / "source.png"), str(tmp_path / "cut"))
    assert made.applied == ("background_removed",)
    with Image.open(made.path) as cut:
        assert cut.getchannel("A").tobytes() == image.getchannel("A").tobytes()


def test_the_moon_above_a_subject_is_no_part_of_it() -> None:
    scene = Image.new("RGB", (900, 700), (90, 120, 160))
    pen = ImageDraw.Draw(scene)
    for box in ((330, 330, 650, 640), (380, 160, 510, 290)):
        pen.ellipse(box, (200, 60, 40))

    box = cut_subject(scene)[0].getchannel("A").getbbox()
    assert box is not None
    assert (box[1] > 310, box[3] > 620) == (True, True)
