"""HEIC: read where the extra is installed, recognized by its content in any case."""

import sys
from pathlib import Path

import pytest
from PIL import Image

from imgbot.domain.errors import UserError
from imgbot.imaging import decoding
from imgbot.imaging.decoding import decode
from imgbot.imaging.pictures import Picture, check
from tests.fixtures.photos import load_photo, psnr_db


def saved(image: Image.Image, folder: Path, **options: object) -> Path:
    decoding.register_heic()
    path = folder / "photo"
    image.save(path, "HEIF", quality=90, **options)
    return path


def checked(path: Path) -> Picture:
    return check(str(path), str(path.with_name("picture")))


def reason_of(path: Path, limit_megapixels: float = 50) -> str:
    with pytest.raises(UserError) as caught:
        decode(str(path), limit_megapixels=limit_megapixels, keep_megapixels=25)
    return caught.value.reason


def header(major: bytes, *compatible: bytes) -> bytes:
    """The first box of a file of that brand."""
    content = b"ftyp" + major + bytes(4) + b"".join(compatible)
    return (len(content) + 4).to_bytes(4, "big") + content


def test_a_heic_photograph_is_read_and_turned_once(tmp_path: Path) -> None:
    photo, exif = load_photo("cat").resize((450, 300)), Image.Exif()
    exif[0x0112] = 6
    picture = checked(saved(photo, tmp_path, exif=exif.tobytes()))
    assert (picture.width, picture.height, picture.format) == (300, 450, "jpeg")
    with Image.open(picture.path) as result:
        assert psnr_db(result, photo.transpose(Image.Transpose.ROTATE_270)) > 30
        assert not result.getexif()
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    picture = checked(saved(photo, tmp_path))
    assert (picture.format, picture.has_alpha) == ("png", True)


def test_a_heic_keeps_to_the_limits_and_a_truncated_one_is_refused(tmp_path: Path) -> None:
    path = saved(load_photo("cat"), tmp_path)
    assert reason_of(path, limit_megapixels=0.1) == "picture_too_many_pixels"
    decode(str(path), limit_megapixels=0.3, keep_megapixels=0.05)
    content = path.read_bytes()
    for share in (0.2, 0.5, 0.9):
        path.write_bytes(content[: int(len(content) * share)])
        assert reason_of(path) in ("picture_truncated", "picture_not_a_picture")


def test_a_heic_of_nothing_but_its_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    for content in (header(b"heic", b"mif1"), header(b"heic") + bytes(5000), b"\0\0\0\x0cftypheic"):
        path.write_bytes(content)
        assert reason_of(path) == "picture_not_a_picture"


def test_without_the_extra_the_person_hears_that_it_is_heic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(load_photo("cat").resize((90, 60)), tmp_path)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    decoding.register_heic.cache_clear()
    with pytest.raises(UserError) as caught:
        checked(path)
    decoding.register_heic.cache_clear()
    assert (caught.value.reason, caught.value.facts) == ("picture_heic", {})


@pytest.mark.parametrize(
    ("content", "is_heic"),
    [
        (header(b"heic", b"mif1"), True),
        (header(b"hevc", b"msf1"), True),
        (header(b"mif1", b"heic", b"miaf"), True),
        (header(b"mif1", b"avif", b"miaf"), False),
        (header(b"avif", b"mif1"), False),
        (header(b"isom", b"mp42"), False),
        (b"\xff\xd8\xff\xe0 ftypheic", False),
        (b"", False),
    ],
)
def test_heic_is_known_by_its_brand(content: bytes, is_heic: bool, tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(content)
    assert decoding.is_heic(str(path)) == is_heic


def test_avif_needs_no_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    decoding.register_heic.cache_clear()
    photo = load_photo("astronaut")
    path = tmp_path / "photo.heic"
    photo.save(path, "AVIF", quality=90)
    picture = checked(path)
    decoding.register_heic.cache_clear()
    with Image.open(picture.path) as result:
        assert psnr_db(result, photo) > 32
