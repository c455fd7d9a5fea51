"""Retouch and upscale: measurably nearer to the original, and no harm to what is good."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from imgbot.errors import UserError
from imgbot.imaging.engine import make
from imgbot.imaging.engine.retouch import estimate_noise, retouch_picture
from imgbot.imaging.engine.upscale import upscale_picture
from tests.support.photos import (
    add_cast,
    add_noise,
    blur,
    load_photo,
    psnr_db,
    save_photo,
    underexpose,
)

PHOTOS = ("astronaut", "cat")

Damage = Callable[[Image.Image], Image.Image]

# How many dB nearer each damaged photograph has to come.
DAMAGES: list[tuple[str, Damage, float]] = [
    ("little noise", lambda photo: add_noise(photo, 8), 2.0),
    ("noise", lambda photo: add_noise(photo, 15), 4.5),
    ("much noise", lambda photo: add_noise(photo, 25), 6.0),
    ("lamplight", lambda photo: add_cast(photo, (1.0, 0.85, 0.65)), 4.0),
    ("one stop under", lambda photo: underexpose(photo, 1), 6.0),
    ("two stops under", lambda photo: underexpose(photo, 2), 8.0),
    (
        "all at once",
        lambda photo: add_noise(add_cast(underexpose(photo, 1), (1.0, 0.9, 0.75)), 8),
        6.0,
    ),
]


@pytest.mark.parametrize("photo", PHOTOS)
@pytest.mark.parametrize(
    ("damage", "gain_db"),
    [pytest.param(damage, gain_db, id=name) for name, damage, gain_db in DAMAGES],
)
def test_damaged_photographs_come_nearer(photo: str, damage: Damage, gain_db: float) -> None:
    original = load_photo(photo)
    damaged = damage(original)
    before, after = psnr_db(damaged, original), psnr_db(retouch_picture(damaged)[0], original)
    print(f"{photo}: {before:.1f} dB to {after:.1f} dB")
    assert after >= before + gain_db


@pytest.mark.parametrize("photo", PHOTOS)
def test_a_good_photograph_stays_as_it_is(photo: str) -> None:
    original = load_photo(photo)
    mended, did = retouch_picture(original)
    assert did == ("detail",)
    assert psnr_db(mended, original) > 35


@pytest.mark.parametrize("photo", PHOTOS)
def test_a_soft_photograph_gets_no_worse(photo: str) -> None:
    original = load_photo(photo)
    soft = blur(original, 1.2)
    assert psnr_db(retouch_picture(soft)[0], original) > psnr_db(soft, original) - 0.2


@pytest.mark.parametrize("sigma", [6, 12, 24])
def test_noise_is_measured(sigma: int) -> None:
    # Independent noise in three channels is two thirds as strong in their lightness.
    noisy = add_noise(blur(load_photo("cat"), 3), sigma)
    assert estimate_noise(noisy) == pytest.approx(sigma * 0.668, rel=0.25)


def test_what_was_mended_is_said(tmp_path: Path) -> None:
    source = tmp_path / "source.png"
    add_noise(underexpose(load_photo("cat"), 2), 12).save(source)
    made = make("retouch", "", (str(source),), str(tmp_path / "out.jpg"), scale=2, seed=1)
    assert {"denoise", "exposure", "detail"} <= set(made.did)
    assert (made.width, made.height) == (451, 300)


@pytest.mark.parametrize("colour", ["black", "white", "grey", "red", (1, 1, 1)])
def test_empty_pictures_stay_empty(colour: str | tuple[int, int, int]) -> None:
    plain = Image.new("RGB", (200, 100), colour)
    assert psnr_db(retouch_picture(plain)[0], plain) > 25


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("photo", PHOTOS)
def test_upscaling_beats_lanczos(photo: str, scale: int) -> None:
    original = load_photo(photo)
    size = (original.width // 4 * 4, original.height // 4 * 4)
    original = original.crop((0, 0, *size))
    small = original.resize((size[0] // scale, size[1] // scale), Image.Resampling.BICUBIC)
    plain = psnr_db(small.resize(size, Image.Resampling.LANCZOS), original)
    ours = psnr_db(upscale_picture(small, scale), original)
    print(f"{photo} x{scale}: Lanczos {plain:.2f} dB, ours {ours:.2f} dB")
    assert ours > plain + 0.1


def test_no_seam_between_the_tiles() -> None:
    photo = load_photo("astronaut").resize((1100, 530))
    whole = upscale_picture(photo, 2)
    # The same part, where it lies in other tiles.
    part = upscale_picture(photo.crop((300, 0, 1100, 530)), 2)
    difference = psnr_db(whole.crop((700, 100, 2100, 1000)), part.crop((100, 100, 1500, 1000)))
    assert difference > 60


def test_upscale_is_bounded(tmp_path: Path) -> None:
    source = save_photo("astronaut", tmp_path, (3000, 2500))
    with pytest.raises(UserError) as caught:
        make("upscale", "", (source,), str(tmp_path / "out.jpg"), scale=4, seed=1)
    assert caught.value.reason == "upscale_too_large"
    assert caught.value.facts == {"megapixels": 120.0, "limit_megapixels": 50}
    with pytest.raises(ValueError, match="scale"):
        upscale_picture(load_photo("cat"), 3)


def test_upscale_through_the_front_door(tmp_path: Path) -> None:
    source = save_photo("cat", tmp_path)
    made = make("upscale", "", (source,), str(tmp_path / "out.jpg"), scale=4, seed=1)
    assert (made.width, made.height, made.did) == (1804, 1200, ("x4",))
    with Image.open(made.path) as image:
        assert image.size == (1804, 1200)
