"""Bad input ends in a sentence for the person: always a UserError, soon, in little memory."""

import io
import pickle
import random
import resource
from pathlib import Path

import pytest
from PIL import Image

from imgbot.domain.errors import UserError
from imgbot.imaging import worker
from imgbot.imaging.pictures import MIB, check, prepare
from tests.fixtures import hostile
from tests.fixtures.photos import load_photo

TRUNCATIONS = 14
FLIPS = 50
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP")
EXTRA = ("progressive", "cmyk", "16-bit", "interlaced", "deflated", "animated", "profile", "exif")


def refusal(content: bytes, folder: Path) -> UserError:
    source = folder / "picture.jpg"
    source.write_bytes(content)
    with pytest.raises(UserError) as caught:
        check(str(source), str(folder / "out"))
    return caught.value


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xd8",
        b"I am a text file, whatever my name is. " * 50,
        b"%PDF-1.7\n" + bytes(500),
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"RIFF\x00\x00\x00\x00WEBPVP8 ",
        b"II*\x00\xff\xff\xff\xff",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n",
        b"8BPS\x00\x01" + bytes(100),
    ],
    ids=lambda content: repr(content[:12]),
)
def test_what_is_no_picture(content: bytes, tmp_path: Path) -> None:
    assert refusal(content, tmp_path).reason == "picture_not_a_picture"


def test_an_unlisted_format_is_refused_though_pillow_knows_it(tmp_path: Path) -> None:
    file = io.BytesIO()
    load_photo("cat").save(file, "PPM")
    assert refusal(file.getvalue(), tmp_path).reason == "picture_not_a_picture"


def test_the_reason_comes_with_its_facts(tmp_path: Path) -> None:
    error = refusal(hostile.png_of_claimed_size(50_000, 50_000), tmp_path)
    assert error.reason == "picture_too_many_pixels"
    assert error.facts == {"megapixels": 2500.0, "limit_megapixels": 50}
    error = refusal(bytes(22 << 20), tmp_path)
    assert (error.reason, error.facts) == ("picture_too_large", {"size_mb": 22.0, "limit_mb": 20})
    error = refusal(hostile.png_of_claimed_size(30_000, 20), tmp_path)
    assert error.reason == "picture_too_long"
    assert error.facts == {"side_px": 30_000, "limit_px": 20_000}
    error = refusal(hostile.png_of_claimed_size(1, 1), tmp_path)
    assert error.reason == "picture_too_small"
    assert refusal(hostile.png_of_claimed_size(20_000, 1), tmp_path).reason == "picture_too_small"


@pytest.mark.parametrize(
    ("width", "height"),
    [(7072, 7072), (10_000, 5001), (20_000, 20_000), (2**31 - 1, 1), (2**31 - 1, 2**31 - 1)],
)
def test_bombs_are_refused_by_their_header(width: int, height: int, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reasons = {
        refusal(hostile.png_of_claimed_size(width, height), tmp_path).reason,
        refusal(hostile.bmp_of_claimed_size(width, height), tmp_path).reason,
    }
    assert reasons <= {"picture_too_many_pixels", "picture_too_long", "picture_not_a_picture"}
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown_mib < 60


def test_what_no_worker_has_the_memory_for_is_too_large_and_not_damaged(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("L", (7000, 7000)).save(file, "WEBP", quality=1, method=0)
    error = refusal(file.getvalue(), tmp_path)
    assert error.reason == "picture_too_many_pixels"
    assert error.facts == {"megapixels": 49.0, "limit_megapixels": 42}


def test_a_shortage_of_memory_is_no_damage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    load_photo("cat").save(tmp_path / "source.jpg")
    monkeypatch.setattr(worker, "free_bytes", lambda: MIB)
    with pytest.raises(MemoryError):
        check(str(tmp_path / "source.jpg"), str(tmp_path / "out"))


def test_packed_comments_and_profiles_do_not_unpack_without_end(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for bomb in (
        hostile.png_with_text_bomb(500_000_000),
        hostile.png_with_profile_bomb(500_000_000),
    ):
        source = tmp_path / "bomb.png"
        source.write_bytes(bomb)
        outcome = _outcome(source, tmp_path)
        assert outcome in ("fine", "picture_not_a_picture", "picture_truncated")
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown_mib < 100


def test_giant_metadata_does_no_harm(tmp_path: Path) -> None:
    photo = load_photo("cat")
    junk = bytes(range(256)) * 255
    for marker, head in ((0xE1, b"Exif\x00\x00II*\x00"), (0xE2, b"ICC_PROFILE\x00\x01\xc8")):
        content = hostile.jpeg_with_segments(photo, marker, (head + junk)[:65_533], 250)
        (tmp_path / "source").write_bytes(content)
        assert check(str(tmp_path / "source"), str(tmp_path / "out")).width == photo.width


def test_a_result_that_is_no_picture(tmp_path: Path) -> None:
    source = tmp_path / "result"
    for content in (b"", b"<html>502</html>", hostile.png_of_claimed_size(50_000, 50_000)):
        source.write_bytes(content)
        with pytest.raises(UserError) as caught:
            prepare(str(source), str(tmp_path / "out"))
        assert caught.value.reason == "result_not_a_picture"


def test_the_refusal_survives_the_way_out_of_a_worker(tmp_path: Path) -> None:
    error = refusal(hostile.png_of_claimed_size(50_000, 50_000), tmp_path)
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.reason, copy.facts) == (error.reason, error.facts)


@pytest.mark.parametrize("kind", [*FORMATS, *EXTRA])
def test_damaged_files_of_every_kind(kind: str, tmp_path: Path) -> None:
    """Cut off and bent at random: a picture or a UserError, and no other exception."""
    content = _sample(kind)
    generator = random.Random(kind)
    source = tmp_path / "damaged"
    outcomes: set[str] = set()
    for share in range(TRUNCATIONS):
        source.write_bytes(content[: len(content) * share // TRUNCATIONS])
        outcomes.add(_outcome(source, tmp_path))
    for _ in range(FLIPS):
        damaged = bytearray(content)
        # Headers are where it matters, so half of the damage is done to the first bytes.
        reach = len(damaged) if generator.random() < 0.5 else min(len(damaged), 200)
        for _ in range(generator.randint(1, 6)):
            damaged[generator.randrange(reach)] = generator.randrange(256)
        source.write_bytes(damaged)
        outcomes.add(_outcome(source, tmp_path))
    assert outcomes & {"picture_truncated", "picture_not_a_picture"}
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".part"]


def _outcome(source: Path, folder: Path) -> str:
    try:
        check(str(source), str(folder / "out"))
    except UserError as error:
        return error.reason
    return "fine"


def _sample(kind: str) -> bytes:
    photo = load_photo("cat").resize((96, 64))
    file = io.BytesIO()
    if kind in FORMATS:
        photo.save(file, kind)
    else:
        _save_special(kind, photo, file)
    return file.getvalue()


def _save_special(kind: str, photo: Image.Image, file: io.BytesIO) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x8298] = "somebody"
    wide = photo.convert("L").convert("I").point(lambda value: value * 257).convert("I;16")
    images: dict[str, tuple[Image.Image, str, dict[str, object]]] = {
        "progressive": (photo, "JPEG", {"progressive": True}),
        "cmyk": (photo.convert("CMYK"), "JPEG", {}),
        "16-bit": (wide, "PNG", {}),
        "interlaced": (photo.convert("P"), "PNG", {"interlace": 1, "transparency": 3}),
        "deflated": (photo, "TIFF", {"compression": "tiff_adobe_deflate"}),
        "animated": (photo, "WEBP", {"save_all": True, "append_images": [photo] * 3}),
        "profile": (photo, "JPEG", {"icc_profile": bytes(range(256)) * 12}),
        "exif": (photo, "JPEG", {"exif": exif}),
    }
    image, name, options = images[kind]
    image.save(file, name, **options)
