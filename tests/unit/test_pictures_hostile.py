"""Bad input ends in a sentence for the person: always a UserError, soon, in little memory."""

import pickle
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from imgbot.domain.errors import UserError
from imgbot.painter import worker
from imgbot.painter.pictures import MIB, check_picture
from tests.fixtures import hostile
from tests.fixtures.hostile import png_of_claimed_size as png
from tests.fixtures.photos import load_photo
from tests.fixtures.processes import growing_mib

TRUNCATIONS = 14
FLIPS = 50
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP")
EXTRA = ("progressive", "cmyk", "16-bit", "interlaced", "deflated", "animated", "profile", "exif")


def refusal(content: bytes, folder: Path) -> UserError:
    source = folder / "picture.jpg"
    source.write_bytes(content)
    with pytest.raises(UserError) as caught:
        check_picture(str(source), str(folder / "out"))
    return caught.value


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"I am a text file, whatever my name is. " * 50,
        b"%PDF-1.7\n" + bytes(500),
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"\x89PNG\r\n\x1a\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n",
        # Pillow knows this one.
        hostile.encoded(load_photo("cat"), "PPM"),
    ],
    ids=lambda content: repr(content[:12]),
)
def test_a_file_that_is_no_picture_is_refused(content: bytes, tmp_path: Path) -> None:
    assert refusal(content, tmp_path).reason == "picture_not_a_picture"


PIXELS = {"megapixels": 2500.0, "limit_megapixels": 50}
SIDES = {"side_px": 30_000, "limit_px": 20_000}
BYTES = {"size_mb": 22.0, "limit_mb": 20}


def vast() -> bytes:
    """No worker has the memory for it, though it is not damaged."""
    return hostile.encoded(Image.new("L", (7000, 7000)), "WEBP", quality=1, method=0)


MEMORY = {"megapixels": 49.0, "limit_megapixels": 42}


@pytest.mark.parametrize(
    ("make", "reason", "facts"),
    [
        (partial(png, 50_000, 50_000), "picture_too_many_pixels", PIXELS),
        (partial(bytes, 22 << 20), "picture_too_large", BYTES),
        (partial(png, 30_000, 20), "picture_too_long", SIDES),
        (partial(png, 1, 1), "picture_too_small", {}),
        (partial(png, 20_000, 1), "picture_too_small", {}),
        (vast, "picture_too_many_pixels", MEMORY),
    ],
    ids=["pixels", "bytes", "side", "small", "narrow", "memory"],
)
def test_a_refusal_has_its_facts_also_outside_a_worker(
    make: Callable[[], bytes], reason: str, facts: dict[str, float], tmp_path: Path
) -> None:
    error = pickle.loads(pickle.dumps(refusal(make(), tmp_path)))
    assert error.reason == reason
    assert not facts or error.facts == facts


@pytest.mark.parametrize(
    ("width", "height"),
    [(7072, 7072), (20_000, 20_000), (2**31 - 1, 1), (2**31 - 1, 2**31 - 1)],
)
def test_bombs_are_refused_by_their_header(width: int, height: int, tmp_path: Path) -> None:
    grown_mib = growing_mib()
    reasons = {
        refusal(hostile.png_of_claimed_size(width, height), tmp_path).reason,
        refusal(hostile.bmp_of_claimed_size(width, height), tmp_path).reason,
    }
    assert reasons <= {"picture_too_many_pixels", "picture_too_long", "picture_not_a_picture"}
    assert grown_mib() < 60


def test_a_shortage_of_memory_is_no_damage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    load_photo("cat").save(tmp_path / "source.jpg")
    monkeypatch.setattr(worker, "free_bytes", lambda: MIB)
    with pytest.raises(MemoryError):
        check_picture(str(tmp_path / "source.jpg"), str(tmp_path / "out"))


@pytest.mark.slow
def test_packed_comments_and_profiles_do_not_unpack_without_end(tmp_path: Path) -> None:
    grown_mib = growing_mib()
    source = tmp_path / "bomb.png"
    for make in (hostile.png_with_text_bomb, hostile.png_with_profile_bomb):
        source.write_bytes(make(500_000_000))
        outcome = _outcome(source, tmp_path)
        assert outcome in ("fine", "picture_not_a_picture", "picture_truncated")
    assert grown_mib() < 100


def test_giant_metadata_does_no_harm(tmp_path: Path) -> None:
    photo = load_photo("cat")
    junk = bytes(range(256)) * 255
    for marker, head in ((0xE1, b"Exif\x00\x00II*\x00"), (0xE2, b"ICC_PROFILE\x00\x01\xc8")):
        content = hostile.jpeg_with_segments(photo, marker, (head + junk)[:65_533], 250)
        (tmp_path / "source").write_bytes(content)
        with Image.open(check_picture(str(tmp_path / "source"), str(tmp_path / "out"))) as picture:
            assert picture.width == photo.width


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
        check_picture(str(source), str(folder / "out"))
    except UserError as error:
        return error.reason
    return "fine"


def _sample(kind: str) -> bytes:
    photo = load_photo("cat").resize((96, 64))
    if kind in FORMATS:
        return hostile.encoded(photo, kind)
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
    return hostile.encoded(image, name, **options)
