"""Pictures that people really send: every format and mode, upright, plain, without metadata."""

import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageStat
from PIL.PngImagePlugin import PngInfo

from imgbot.domain.errors import UserError
from imgbot.jobs.inputs import plan_enlargement
from imgbot.painter import decoding, pictures
from imgbot.painter.decoding import decode
from imgbot.painter.pictures import as_it_is, check_picture, prepare, save_jpeg
from imgbot.painter.pool import Pool
from tests.fixtures.hostile import encoded, gif_of_frames, jpeg_with_segments, png_of_claimed_size
from tests.fixtures.photos import add_noise, load_photo, photo_path, psnr_db

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP")


def checked(image: Image.Image, folder: Path, name: str = "PNG", **options: object) -> Image.Image:
    source = folder / "source"
    image.save(source, name, **options)
    return opened(check_picture(str(source), str(folder / "picture")))


def opened(path: str) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_recognized_by_its_content(name: str, tmp_path: Path) -> None:
    photo = load_photo("cat")
    picture = checked(photo, tmp_path, name)
    assert (picture.width, picture.height) == photo.size
    assert picture.format == "JPEG"
    assert picture.mode == "RGB"
    assert psnr_db(picture, photo) > (24 if name == "GIF" else 32)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["picture.jpg", "source"]


TURNS = Image.Transpose
TRANSPOSED = (
    *(None, TURNS.FLIP_LEFT_RIGHT, TURNS.ROTATE_180, TURNS.FLIP_TOP_BOTTOM),
    *(TURNS.TRANSPOSE, TURNS.ROTATE_90, TURNS.TRANSVERSE, TURNS.ROTATE_270),
)
"""How a picture is stored, by its EXIF orientation from 1 on."""


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(orientation: int, tmp_path: Path) -> None:
    upright = load_photo("cat").resize((120, 80))
    transpose = TRANSPOSED[orientation - 1]
    stored = upright if transpose is None else upright.transpose(transpose)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = checked(stored, tmp_path, "JPEG", exif=exif, quality=95)
    assert (picture.width, picture.height) == (120, 80)
    assert psnr_db(picture, upright) > 30


def test_the_place_and_time_of_a_photo_are_removed(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    exif[0x9286] = "At home"
    exif.get_ifd(0x8825)[2] = (59.0, 56.0, 2.0)
    picture = checked(
        load_photo("cat"), tmp_path, "JPEG", exif=exif, comment=b"secret", xmp=b"<x>secret</x>"
    )
    content = (tmp_path / "picture.jpg").read_bytes()
    for word in (b"Exif", b"camera", b"home", b"secret", b"ICC"):
        assert word not in content
    assert not picture.getexif()
    assert "comment" not in picture.info


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        ("JPEG", "RGB", {"quality": 60, "comment": b"secret"}),
        ("JPEG", "RGB", {"progressive": True, "xmp": b"<x>secret</x>"}),
        ("PNG", "RGBA", {"pnginfo": "secret"}),
        ("JFXX", "RGB", {}),
    ],
)
def test_what_needs_no_change_keeps_its_pixels_and_loses_the_rest(
    name: str, mode: str, options: dict[str, object], tmp_path: Path
) -> None:
    photo, source = load_photo("cat"), tmp_path / "source"
    if mode == "RGBA":
        photo.putalpha(Image.linear_gradient("L").resize(photo.size))
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_text("Comment", "secret")
    if name == "JFXX":
        # With a thumbnail.
        source.write_bytes(jpeg_with_segments(photo, 0xE0, b"JFXX\0\x13secret", 1))
    else:
        photo.save(source, name, **options)
    source.write_bytes(source.read_bytes() + b"secret")
    for path in (
        check_picture(str(source), str(tmp_path / "picture")),
        prepare(str(source), str(tmp_path / "out")).path,
    ):
        assert b"secret" not in Path(path).read_bytes()
        assert opened(path).tobytes() == opened(str(source)).tobytes()


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"])
def test_every_mode_becomes_plain_colour(mode: str, tmp_path: Path) -> None:
    photo = load_photo("cat")
    if mode == "I;16":
        grey = photo.convert("L").convert("I").point(lambda value: value * 257)
        picture = checked(grey.convert("I;16"), tmp_path, "PNG")
        expected = photo.convert("L").convert("RGB")
    elif mode == "LAB":
        lab = ImageCms.profileToProfile(
            photo, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
        assert lab is not None
        picture, expected = checked(lab, tmp_path, "TIFF"), photo
    else:
        image = photo.convert("L").convert(mode) if mode in "IF" else photo.convert(mode)
        # A JPEG of four colours is stored as its negative.
        picture = checked(image, tmp_path, "JPEG" if mode == "CMYK" else "TIFF")
        expected = image.convert("L" if mode in "IF" else "RGB").convert("RGB")
    assert picture.mode == "RGB"
    assert psnr_db(picture, expected) > {"LAB": 18, "1": 18, "CMYK": 25}.get(mode, 30)


def test_transparency_is_kept_and_only_where_there_is_any(tmp_path: Path) -> None:
    photo = load_photo("cat").convert("RGBA")
    assert checked(photo, tmp_path).format == "JPEG"
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    picture = checked(photo, tmp_path, "WEBP")
    assert picture.format == "PNG"
    assert picture.mode == "RGBA"
    image = Image.new("P", (40, 40), 1)
    image.putpalette([0, 0, 0, 200, 30, 40])
    image.paste(0, (0, 0, 20, 40))
    result = checked(image, tmp_path, "PNG", transparency=0)
    assert [result.getpixel(at) for at in ((5, 5), (30, 30))] == [(0, 0, 0, 0), (200, 30, 40, 255)]


def test_colour_profiles_are_applied(tmp_path: Path) -> None:
    swapped = _with_swapped_primaries(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")))
    red = Image.new("RGB", (64, 64), (220, 20, 20))
    picture = checked(red, tmp_path, "PNG", icc_profile=swapped)
    red_level, _, blue_level = ImageStat.Stat(picture).mean
    assert blue_level > red_level + 100
    assert "icc_profile" not in picture.info
    # The first changes nothing, the second does not fit.
    for space in (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")):
        plain = ImageCms.ImageCmsProfile(space).tobytes()
        picture = checked(load_photo("cat"), tmp_path, "PNG", icc_profile=plain)
        assert psnr_db(picture, load_photo("cat")) > 35


def _with_swapped_primaries(profile: ImageCms.ImageCmsProfile) -> bytes:
    """The profile of a screen that shows blue for red; under another name."""
    content = bytearray(profile.tobytes().replace(b"\0s\0R\0G\0B", b"\0t\0e\0s\0t"))
    places = {
        bytes(content[start : start + 4]): slice(start + 4, start + 12)
        for start in range(132, 132 + 12 * int.from_bytes(content[128:132], "big"), 12)
    }
    red, blue = places[b"rXYZ"], places[b"bXYZ"]
    content[red], content[blue] = content[blue], content[red]
    return bytes(content)


def test_of_an_animation_the_first_frame_is_taken(tmp_path: Path) -> None:
    picture = opened(check_picture(str(photo_path("pendulum")), str(tmp_path / "picture")))
    assert psnr_db(picture, load_photo("pendulum")) > 30
    (tmp_path / "many").write_bytes(gif_of_frames(400))
    assert opened(check_picture(str(tmp_path / "many"), str(tmp_path / "picture"))).width == 64


@pytest.mark.slow
def test_big_photographs_are_reduced_to_what_is_worked_on(tmp_path: Path) -> None:
    photo = load_photo("astronaut").resize((7000, 5000))
    picture = checked(photo, tmp_path, "JPEG", quality=80)
    assert 24 < picture.width * picture.height / 1_000_000 <= 25
    assert picture.width / picture.height == pytest.approx(1.4, rel=0.01)


@pytest.mark.parametrize(
    ("size", "kind"),
    [((512, 512), "photo"), ((9000, 1200), "document"), ((2500, 100), "document")],
    ids=["photo", "sides", "ratio"],
)
def test_a_photo_is_delivered_as_a_photo_within_telegrams_limits(
    size: tuple[int, int], kind: str, tmp_path: Path
) -> None:
    source = tmp_path / "source.jpg"
    load_photo("astronaut").resize(size).save(source)
    deliverable = prepare(str(source), str(tmp_path / "out"))
    assert (deliverable.kind, deliverable.width, deliverable.height) == (kind, *size)
    assert opened(deliverable.path).format == "JPEG"
    assert deliverable.size_bytes == Path(deliverable.path).stat().st_size <= 50_000_000


@pytest.mark.slow
def test_a_photo_too_heavy_is_pressed_harder_before_it_is_a_document(tmp_path: Path) -> None:
    source = tmp_path / "source.png"
    add_noise(Image.new("RGB", (3800, 3800), "grey"), 110).save(source, compress_level=1)
    deliverable = prepare(str(source), str(tmp_path / "out"))
    assert deliverable.kind == "document"
    assert 10_000_000 < deliverable.size_bytes <= 50_000_000


def test_a_cut_out_keeps_its_transparency(tmp_path: Path) -> None:
    image = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    image.paste((200, 0, 0, 255), (100, 50, 200, 150))
    image.save(tmp_path / "source.png")
    deliverable = prepare(str(tmp_path / "source.png"), str(tmp_path / "out"))
    assert (deliverable.kind, deliverable.path) == ("document", str(tmp_path / "out.png"))
    assert opened(deliverable.path).getpixel((0, 0)) == (0, 0, 0, 0)


SECRET = b"SECRET"


def with_metadata(name: str) -> bytes:
    """A picture of a provider that tells its prompt, in colours of its own."""
    about, exif = PngInfo(), Image.Exif()
    about.add_text("prompt", SECRET.decode())
    exif[0x010F] = SECRET.decode()
    options = {"JPEG": {"comment": SECRET}, "PNG": {"pnginfo": about}, "WEBP": {}}[name]
    profile = _with_swapped_primaries(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")))
    content = encoded(
        load_photo("cat"), name, exif=exif, xmp=SECRET, icc_profile=profile, **options
    )
    assert SECRET in content
    return content + SECRET


@pytest.mark.parametrize(
    ("name", "begin"),
    [("JPEG", b"\xff\xd8"), ("JPEG", b"\xff\xd8\xff\xff"), ("PNG", b"\x89P"), ("WEBP", b"RI")],
    ids=["JPEG", "JPEG with fill bytes", "PNG", "WEBP"],
)
def test_an_original_loses_its_metadata_and_nothing_else(
    name: str, begin: bytes, tmp_path: Path
) -> None:
    source = tmp_path / "result"
    source.write_bytes(begin + with_metadata(name)[2:])
    came = opened(str(source))

    ready = prepare(str(source), str(tmp_path / "out"), as_file=True)

    assert ready.original_suffix == Path(ready.path).suffix
    assert Path(ready.path).read_bytes() == source.read_bytes()
    assert SECRET not in source.read_bytes()
    handed_out = opened(ready.path)
    assert handed_out.tobytes() == came.tobytes()
    assert handed_out.info["icc_profile"] == came.info["icc_profile"]


@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_half_a_picture_is_handed_out_without_its_metadata(name: str, tmp_path: Path) -> None:
    source, content = tmp_path / "result", with_metadata(name)
    source.write_bytes(content[: len(content) // 2])

    half = Path(as_it_is(str(source), str(tmp_path / "out")).path).read_bytes()

    assert len(half) > len(content) // 3
    assert SECRET not in half


@pytest.mark.parametrize("as_file", [False, True])
@pytest.mark.parametrize("name", ["JPEG", "WEBP", "AVIF"])
def test_an_original_that_its_metadata_turns_is_handed_out_upright(
    name: str, as_file: bool, tmp_path: Path
) -> None:
    source, exif, cat = tmp_path / "result", Image.Exif(), load_photo("cat").resize((120, 80))
    exif[0x0112], exif[0x010F] = 6, SECRET.decode()
    cat.save(source, name, exif=exif, quality=95)

    ready = prepare(str(source), str(tmp_path / "out"), as_file=as_file)

    assert ready.original_suffix == ".jpg"
    assert SECRET not in source.read_bytes()
    for path in (str(source), ready.path):
        assert psnr_db(opened(path), cat.transpose(TURNS.ROTATE_270)) > 30


def test_what_cannot_be_prepared_is_handed_out_as_it_is(tmp_path: Path) -> None:
    source = tmp_path / "result"
    Image.new("L", (7000, 7000)).save(source, "WEBP", quality=1, method=0)
    with pytest.raises(UserError, match="result_not_a_picture"):
        prepare(str(source), str(tmp_path / "out"))
    ready = as_it_is(str(source), str(tmp_path / "out"))
    assert (ready.kind, ready.width, ready.height) == ("document", 7000, 7000)
    assert ready.path == str(tmp_path / "out.webp")
    assert Path(ready.path).read_bytes() == source.read_bytes()
    assert ready.note == "result_as_is_note"
    source.write_bytes(png_of_claimed_size(50_000, 50_000))
    with pytest.raises(UserError, match="result_not_a_picture"):
        prepare(str(source), str(tmp_path / "out"))


@pytest.mark.slow
def test_of_what_telegram_would_not_take_a_smaller_copy_is_handed_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = tmp_path / "result"
    Image.linear_gradient("L").resize((8400, 8400)).save(source, "JPEG", quality=95)
    monkeypatch.setattr(pictures, "DOCUMENT_LIMIT_BYTES", source.stat().st_size - 1)
    ready = as_it_is(str(source), str(tmp_path / "out"))
    assert (ready.kind, ready.note) == ("document", "")
    assert 29 < ready.width * ready.height / 1_000_000 <= 30


@pytest.mark.parametrize("content", [b"", b"<html>502</html>", b"\xff\xd8\xff" + bytes(500)])
def test_what_is_no_picture_is_not_handed_out(content: bytes, tmp_path: Path) -> None:
    source, target = tmp_path / "result", str(tmp_path / "out")
    source.write_bytes(content)
    with pytest.raises(UserError, match="result_not_a_picture"):
        prepare(str(source), target)
    with pytest.raises(UserError, match="_not_a_picture"):
        as_it_is(str(source), target)


@pytest.mark.parametrize(
    ("size", "scale", "max_side_px", "plan"),
    [
        ((1000, 800), 4, 4096, (4, 4096)),
        ((2000, 1980), 4, 0, (4, 1994)),
        # Three quarters of its pixels would be thrown away for a little more: ×2 is better.
        ((4032, 3024), 4, 4096, (2, 4096)),
        ((5700, 4300), 2, 0, (2, 4569)),
        ((12_000, 900), 4, 0, (2, 10_000)),
    ],
)
def test_an_enlargement_is_planned_within_the_limits(
    size: tuple[int, int], scale: int, max_side_px: int, plan: tuple[int, int]
) -> None:
    assert plan_enlargement(size, scale, frozenset({2, 4}), max_side_px) == plan
    # What would hardly become larger is not ordered.
    for order in (
        ((5000, 2500), 4, frozenset({2}), 2048),
        ((20_000, 1000), 2, frozenset({2, 4}), 0),
    ):
        with pytest.raises(UserError, match="upscale_large_already"):
            plan_enlargement(*order)


def test_a_source_may_be_its_own_target(tmp_path: Path) -> None:
    source = tmp_path / "picture.jpg"
    load_photo("cat").save(source)
    assert check_picture(str(source), str(tmp_path / "picture")) == str(source)
    assert prepare(str(source), str(tmp_path / "picture")).path == str(source)


def test_a_disk_that_takes_all_but_the_last_bytes_is_no_success(tmp_path: Path) -> None:
    photo = load_photo("cat")
    save_jpeg(photo, str(tmp_path / "whole.jpg"), 95)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # As a disk that is nearly full does: the last write is taken in part, without an error.
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "whole.jpg").stat().st_size - 10, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            save_jpeg(photo, str(tmp_path / "picture.jpg"), 95)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["whole.jpg"]


def test_nothing_half_written_is_left_behind(tmp_path: Path) -> None:
    content = encoded(load_photo("cat"), "JPEG")[:9000]
    (tmp_path / "source").write_bytes(content)
    with pytest.raises(UserError, match="picture_truncated"):
        check_picture(str(tmp_path / "source"), str(tmp_path / "picture"))
    with pytest.raises(UserError, match="picture_not_a_picture"):
        check_picture(str(tmp_path / "absent"), str(tmp_path / "picture"))
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@pytest.mark.slow
async def test_the_largest_results_fit_into_a_worker(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    grey = Image.linear_gradient("L").resize((7990, 7990))
    Image.merge("RGBA", (grey, grey, grey, grey)).save(
        tmp_path / "cut-out.png", compress_level=1, icc_profile=_with_swapped_primaries(profile)
    )
    Image.merge("RGB", (grey, grey, grey)).save(tmp_path / "photo.jpg", progressive=True)
    pool = Pool(1)
    pool.start()
    try:
        for name in ("cut-out.png", "photo.jpg"):
            ready = await pool.run(prepare, str(tmp_path / name), str(tmp_path / "out"))
            assert (ready.kind, ready.width, ready.height) == ("document", 7990, 7990)
    finally:
        await pool.close()


def save_heic(image: Image.Image, folder: Path, **options: object) -> Path:
    decoding.register_heic()
    image.save(folder / "source", "HEIF", quality=90, **options)
    return folder / "source"


def checked_heic(image: Image.Image, folder: Path, **options: object) -> Image.Image:
    decoding.register_heic()
    return checked(image, folder, "HEIF", quality=90, **options)


@pytest.fixture
def no_heic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installation without the extra."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    decoding.register_heic.cache_clear()
    yield
    decoding.register_heic.cache_clear()


def reason_of(path: Path, limit_megapixels: float = 50) -> str:
    with pytest.raises(UserError) as caught:
        decode(str(path), limit_megapixels=limit_megapixels, keep_megapixels=25)
    return caught.value.reason


def test_a_heic_photograph_is_read_and_turned_once(tmp_path: Path) -> None:
    photo, exif = load_photo("cat").resize((450, 300)), Image.Exif()
    exif[0x0112] = 6
    picture = checked_heic(photo, tmp_path, exif=exif.tobytes())
    assert (picture.width, picture.height, picture.format) == (300, 450, "JPEG")
    assert psnr_db(picture, photo.transpose(TURNS.ROTATE_270)) > 30
    assert not picture.getexif()
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    assert checked_heic(photo, tmp_path).format == "PNG"


def test_a_heic_keeps_to_the_limits_and_a_truncated_one_is_refused(tmp_path: Path) -> None:
    path = save_heic(load_photo("cat"), tmp_path)
    assert reason_of(path, limit_megapixels=0.1) == "picture_too_many_pixels"
    decode(str(path), limit_megapixels=0.3, keep_megapixels=0.05)
    content = path.read_bytes()
    for share in (0.2, 0.5, 0.9):
        path.write_bytes(content[: int(len(content) * share)])
        assert reason_of(path) in ("picture_truncated", "picture_not_a_picture")


def test_without_the_extra_the_person_hears_that_it_is_heic(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = save_heic(load_photo("cat").resize((90, 60)), tmp_path)
    request.getfixturevalue("no_heic")
    with pytest.raises(UserError) as caught:
        check_picture(str(path), str(tmp_path / "picture"))
    assert (caught.value.reason, caught.value.facts) == ("picture_heic", {})


@pytest.mark.usefixtures("no_heic")
def test_avif_needs_no_extra(tmp_path: Path) -> None:
    photo = load_photo("astronaut")
    assert psnr_db(checked(photo, tmp_path, "AVIF", quality=90), photo) > 32
