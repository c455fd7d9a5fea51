"""Background removal: the subject's mask, its soft clean edge, and pictures without a subject."""

import random
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageStat

from imgbot.imaging.engine.background import cut_subject, remove_background
from tests.fixtures.flat_pictures import toy
from tests.fixtures.photos import add_noise, load_photo, photo_path, save_photo

pytestmark = pytest.mark.slow

SIZE = (900, 700)


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


def _backdrops() -> dict[str, Image.Image]:
    generator = random.Random(5)
    plain = Image.new("RGB", SIZE, (214, 220, 226))
    gradient = Image.linear_gradient("L").resize(SIZE)
    sky = Image.merge("RGB", [gradient.point(lambda v, c=c: c + v // 5) for c in (60, 110, 150)])
    blobs = Image.frombytes("RGB", (15, 12), generator.randbytes(15 * 12 * 3)).resize(SIZE)
    leaves = Image.blend(Image.new("RGB", SIZE, (40, 90, 50)), blobs, 0.25)
    return {"plain": plain, "sky": sky, "noisy": add_noise(plain, 8), "leaves": leaves}


def _scene(backdrop: Image.Image) -> Image.Image:
    clay = Image.new("RGB", SIZE, (178, 70, 40))
    ImageDraw.Draw(clay).rectangle((0, 420, SIZE[0], 470), fill=(240, 200, 90))
    return Image.composite(add_noise(clay, 4), backdrop, _subject_mask())


def _overlap(alpha: Image.Image, mask: Image.Image) -> float:
    """Intersection over union."""
    both, either = ImageChops.darker(alpha, mask), ImageChops.lighter(alpha, mask)
    return ImageStat.Stat(both).sum[0] / ImageStat.Stat(either).sum[0]


@pytest.mark.parametrize("name", ["plain", "sky", "noisy", "leaves"])
def test_mask_of_a_synthetic_subject_is_found(name: str) -> None:
    cut, is_clear = cut_subject(_scene(_backdrops()[name]))
    assert is_clear
    assert cut.size == SIZE
    assert _overlap(cut.getchannel("A"), _subject_mask()) > 0.98


def test_edges_are_soft_and_carry_no_background_colour() -> None:
    green, disc = Image.new("RGB", (800, 800), (40, 200, 60)), Image.new("L", (800, 800), 0)
    ImageDraw.Draw(disc).ellipse((200, 200, 600, 600), fill=255)
    disc = disc.filter(ImageFilter.GaussianBlur(3))
    green.paste((230, 40, 40), (0, 0, *green.size), disc)
    cut, _ = cut_subject(green)
    alpha = cut.getchannel("A")
    edge = alpha.point([255 if 40 <= value <= 215 else 0 for value in range(256)])
    difference = ImageChops.difference(alpha, disc)
    assert ImageStat.Stat(edge).sum[0] / 255 > 2000
    assert ImageStat.Stat(difference, edge).mean[0] < 24
    red, green_left, _ = ImageStat.Stat(cut.convert("RGB"), edge).mean
    # In the source, an edge pixel is half red, half green: 135 and 120.
    assert red > 175
    assert green_left < 95


def test_portrait_is_cut_out(tmp_path: Path) -> None:
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


def test_close_up_has_no_clear_subject(tmp_path: Path) -> None:
    made = remove_background(str(photo_path("cat")), str(tmp_path / "cut"))
    assert made.applied == ("no_clear_subject",)


def test_picture_without_a_subject_is_reported(tmp_path: Path) -> None:
    chance = Image.frombytes("L", (400, 300), random.Random(3).randbytes(120_000)).convert("RGB")
    gradient = Image.linear_gradient("L").resize((400, 300)).convert("RGB")
    texture = chance.filter(ImageFilter.GaussianBlur(4))
    for image in (Image.new("RGB", (400, 300), (120, 130, 140)), gradient, chance, texture):
        image.save(tmp_path / "source.png")
        made = remove_background(str(tmp_path / "source.png"), str(tmp_path / "cut"))
        assert (made.applied, made.width, made.height) == (("no_clear_subject",), 400, 300)


def test_small_and_narrow_pictures_keep_their_size() -> None:
    for size in ((16, 16), (1, 40), (40, 1), (1500, 16), (16, 1500)):
        cut, _ = cut_subject(load_photo("cat").resize(size))
        assert (cut.mode, cut.size) == ("RGBA", size)


def test_transparency_of_the_source_is_kept(tmp_path: Path) -> None:
    image = toy()
    image.putalpha(_subject_mask(image.size))
    image.save(tmp_path / "source.png")
    made = remove_background(str(tmp_path / "source.png"), str(tmp_path / "cut"))
    assert made.applied == ("background_removed",)
    with Image.open(made.path) as cut:
        assert cut.getchannel("A").tobytes() == image.getchannel("A").tobytes()


def test_large_photos_are_cut_at_twelve_megapixels(tmp_path: Path) -> None:
    source = save_photo("astronaut", tmp_path, (4000, 4000))
    made = remove_background(source, str(tmp_path / "cut"))
    assert made.applied == ("background_removed",)
    assert made.width == made.height == pytest.approx(3464, abs=2)
