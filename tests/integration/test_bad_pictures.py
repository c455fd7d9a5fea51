"""Odd picture files: a picture comes of each or a plain sentence, and nobody is disturbed."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import ImageStat

from tests.fixtures import hostile
from tests.fixtures.hostile import assert_undisturbed, encoded, noisy
from tests.fixtures.sandbox import picture
from tests.integration.stage import Stage, User, is_picture, open_stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

MIB = 1 << 20
NOT_A_PICTURE = "This file is named like a picture, but isn't one."
NOT_A_PICTURE_FILE = "This file is not a picture."
DAMAGED = "The file is damaged or incomplete."


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def undisturbed(builtin_stage: Stage):
    yield
    await assert_undisturbed(builtin_stage.bot, builtin_stage.control)


Make = Callable[[], bytes]
SIDEWAYS = (240, 320)
GOOD: dict[str, tuple[str, Make, tuple[int, int]]] = {
    "cmyk": ("a.jpg", lambda: encoded(noisy(mode="CMYK"), "JPEG"), SIDEWAYS),
    "cmyk-tiff": ("a.tif", lambda: encoded(noisy(mode="CMYK"), "TIFF"), SIDEWAYS),
    "sixteen-bits": ("a.png", hostile.sixteen_bits, SIDEWAYS),
    "palette-transparent": ("a.png", hostile.palette_with_transparency, SIDEWAYS),
    "grey-alpha": ("a.png", lambda: encoded(noisy(mode="LA"), "PNG"), SIDEWAYS),
    "black-and-white": ("a.png", lambda: encoded(noisy().convert("1"), "PNG"), SIDEWAYS),
    "gif": ("a.gif", lambda: hostile.animated("GIF"), SIDEWAYS),
    "animated-webp": ("a.webp", lambda: hostile.animated("WEBP"), SIDEWAYS),
    "animated-png": ("a.png", lambda: hostile.animated("PNG"), SIDEWAYS),
    "png-that-is-a-jpeg": ("a.png", lambda: encoded(noisy(), "JPEG"), SIDEWAYS),
    "jpg-that-is-a-webp": ("a.jpg", lambda: encoded(noisy(), "WEBP"), SIDEWAYS),
    "progressive": ("a.jpg", lambda: encoded(noisy(), "JPEG", progressive=True), SIDEWAYS),
    "avif": ("a.avif", lambda: encoded(noisy(), "AVIF"), SIDEWAYS),
    "tiff": ("a.tiff", lambda: encoded(noisy(), "TIFF"), SIDEWAYS),
    "bmp": ("a.bmp", lambda: encoded(noisy(), "BMP"), SIDEWAYS),
    "turned-by-exif": ("a.jpg", hostile.turned_by_exif, (600, 400)),
    "bytes-behind-its-end": ("a.jpg", lambda: picture() + b"PK\x03\x04" * 999, (480, 640)),
    "name-full-of-dots": ("../../etc/passwd\u202egpj.png", lambda: picture(kind="PNG"), (480, 640)),
    "very-long": ("a.png", lambda: picture(20_000, 40, kind="PNG"), (40, 20_000)),
}


async def test_a_file_of_an_odd_but_good_picture_is_turned(builtin_stage: Stage) -> None:
    users = {case: await builtin_stage.user() for case in GOOD}

    for case, user in users.items():
        name, make, _ = GOOD[case]
        await user.files((name, make()), caption="rotate right")

    for case, user in users.items():
        result = await user.wait(is_picture)
        image = await user.image(result)
        assert (case, image.size) == (case, GOOD[case][2])
        assert dict(image.getexif()) == {}, case
        assert b"SECRET" not in await user.control.file(result.photo_id or result.document_id or "")


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
async def test_of_an_animation_the_first_frame_is_taken(bob: User, kind: str) -> None:
    result = await bob.convert(f"a.{kind.lower()}", hostile.animated(kind), "mirror")

    red, green, blue = ImageStat.Stat((await bob.image(result)).convert("RGB")).mean
    assert red > 200
    assert max(green, blue) < 60


AS_PHOTO: dict[str, Make] = {
    "cmyk": lambda: encoded(noisy(mode="CMYK"), "JPEG"),
    "sixteen-bits": hostile.sixteen_bits,
    "palette-transparent": hostile.palette_with_transparency,
    "progressive": lambda: encoded(noisy(), "JPEG", progressive=True),
    "png-that-is-a-jpeg": lambda: encoded(noisy(), "JPEG"),
}


async def test_a_photo_of_an_odd_picture_is_edited(builtin_stage: Stage) -> None:
    for case, make in AS_PHOTO.items():
        user = await builtin_stage.user()
        result = await user.order("rotate right", make())

        assert (case, (await user.image(result)).size) == (case, SIDEWAYS)


def bmp_bomb() -> bytes:
    return hostile.bmp_of_claimed_size(30_000, 30_000)


BAD: dict[str, tuple[str, Make, str]] = {
    "text-named-jpg": ("a.jpg", lambda: b"this is no picture at all", NOT_A_PICTURE),
    "page-named-png": ("a.png", lambda: b"<html><body>" + b"x" * 5000, NOT_A_PICTURE),
    "zip-named-png": ("a.png", hostile.zip_file, NOT_A_PICTURE),
    "program-named-jpg": ("a.jpg", lambda: b"MZ" + bytes(500), NOT_A_PICTURE),
    "video-named-jpg": ("a.jpg", lambda: b"\0\0\0\x18ftypmp42" + bytes(900), NOT_A_PICTURE),
    "empty": ("a.jpg", lambda: b"", NOT_A_PICTURE),
    "svg": ("a.svg", lambda: hostile.SVG, NOT_A_PICTURE),
    "eps-named-png": ("a.png", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\nshowpage", NOT_A_PICTURE),
    "icon": ("a.ico", lambda: encoded(noisy(), "ICO"), NOT_A_PICTURE),
    "pdf": ("a.pdf", lambda: hostile.PDF, NOT_A_PICTURE_FILE),
    "zip": ("a.zip", hostile.zip_file, NOT_A_PICTURE_FILE),
    "no-extension": ("фото", picture, NOT_A_PICTURE_FILE),
    "text": ("notes.txt", lambda: b"hello", NOT_A_PICTURE_FILE),
    "program": ("tool.exe", lambda: b"MZ" + bytes(500), NOT_A_PICTURE_FILE),
    "jpeg-cut": ("a.jpg", lambda: picture(1200, 900)[:-3000], DAMAGED),
    "png-cut": ("a.png", lambda: encoded(noisy(), "PNG")[:9000], DAMAGED),
    "webp-cut": ("a.webp", lambda: encoded(noisy(), "WEBP")[:900], DAMAGED),
    "gif-cut": ("a.gif", lambda: encoded(noisy(), "GIF")[:9000], DAMAGED),
    "png-bomb": (
        "a.png",
        lambda: hostile.png_of_claimed_size(50_000, 50_000),
        "This picture is too large: 2500 MP, and the limit is 50 MP.",
    ),
    "bmp-bomb": ("a.bmp", bmp_bomb, "This picture is too large: 900 MP, and the limit is 50 MP."),
    "too-long": (
        "a.png",
        lambda: hostile.png_of_claimed_size(60_000, 2),
        "This picture is too long: one side is 60000 px, and the limit is 20000 px.",
    ),
    "thread": ("a.png", lambda: picture(20_000, 1, kind="PNG"), "This picture is too small"),
    "dot": ("a.png", lambda: picture(1, 1, kind="PNG"), "This picture is too small"),
    "heavy": (
        "a.jpg",
        lambda: picture() + bytes(20 * MIB),
        "This file is too big: I can open files up to 20 MB.",
    ),
}


async def test_a_bad_file_gets_one_sentence(builtin_stage: Stage) -> None:
    users = {case: await builtin_stage.user() for case in BAD}

    for case, user in users.items():
        name, make, _ = BAD[case]
        await user.files((name, make()), caption="/retouch")

    for case, user in users.items():
        [answer] = await user.heard()
        sentence = BAD[case][2]
        assert (case, answer.text[: len(sentence)]) == (case, sentence)
        assert (answer.photo_id, answer.buttons) == (None, []), case


BOMBS: dict[str, Make] = {
    "text": lambda: hostile.png_with_text_bomb(200 * MIB),
    "profile": lambda: hostile.png_with_profile_bomb(200 * MIB),
    "frames": lambda: hostile.gif_of_frames(2000),
}


@pytest.mark.parametrize("case", BOMBS)
async def test_a_bomb_inside_a_picture_ends_in_an_answer(bob: User, case: str) -> None:
    await bob.files(("a.png", BOMBS[case]()), caption="mirror")
    [answer] = await bob.heard()

    assert answer.photo_id or answer.text.startswith((DAMAGED, NOT_A_PICTURE))


async def test_a_file_of_exactly_20_mb_is_taken(bob: User) -> None:
    photo = picture()

    result = await bob.convert("a.jpg", photo + bytes(20 * MIB - len(photo)), "rotate right")

    assert (await bob.image(result)).size == (480, 640)


async def test_a_heic_photo_is_opened_where_the_extra_is_installed(bob: User) -> None:
    heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    heif.from_pillow(noisy()).save(file)

    result = await bob.convert("IMG_1.HEIC", file.getvalue(), "rotate right")

    assert (await bob.image(result)).size == SIDEWAYS


async def test_a_heic_photo_without_the_extra_says_what_to_send(
    tmp_path: Path, builtin_stage: Stage
) -> None:
    (tmp_path / "pillow_heif.py").write_text("raise ModuleNotFoundError('pillow_heif')\n")
    async for stage in open_stage(tmp_path, is_simulated=False, PYTHONPATH=str(tmp_path)):
        user = await stage.user()
        await user.files(("IMG_1.HEIC", hostile.HEIC_HEAD), caption="mirror")
        [answer] = await user.heard()
        await assert_undisturbed(stage.bot, stage.control)

        assert answer.text.startswith("This bot can't open HEIC photos.")
    assert builtin_stage.bot.is_running


async def test_a_bad_file_by_itself_is_told_before_anything_is_asked(bob: User) -> None:
    for name in ("a.pdf", "b.exe"):
        await bob.files((name, hostile.PDF))

    assert [text[:27] for text in await bob.said()] == [NOT_A_PICTURE_FILE] * 2


async def test_an_album_with_bad_files_gets_one_sentence(bob: User) -> None:
    for names, content, sentence in (
        (("a.jpg", "b.jpg"), b"no picture", NOT_A_PICTURE),
        (("a.pdf", "b.pdf", "c.pdf"), hostile.PDF, NOT_A_PICTURE_FILE),
    ):
        user = await bob.stage.user()
        good = [("good.jpg", picture())] * (sentence is NOT_A_PICTURE)
        await user.files(*good, *[(name, content) for name in names], caption="side by side")
        [answer] = await user.heard()

        assert answer.text.startswith(sentence)


async def test_words_in_reply_to_a_bad_file_do_not_edit_it(bob: User) -> None:
    [sent] = await bob.files(("a.jpg", b"no picture"))

    await bob.say("brighter", reply_to=sent.id)

    assert (await bob.said())[-1].startswith(NOT_A_PICTURE)


async def test_a_very_long_prompt_that_is_not_understood_gets_its_sentence(bob: User) -> None:
    """Telegram counts an emoji as two characters, and the sentence repeats the prompt."""
    [photo] = await bob.photos(picture())

    await bob.say("🦊" * 2000, reply_to=photo.id)
    [_, answer] = await bob.said()

    assert answer.startswith("I don't know how to do this:")
    assert answer.endswith("See /help for everything I can do.")


async def test_a_merge_of_a_thread_and_a_photo_ends_in_an_answer(bob: User) -> None:
    files = [("a.png", picture(20_000, 20, kind="PNG")), ("b.png", picture(20, 9000, kind="PNG"))]

    await bob.files(*files, caption="side by side")
    [answer] = await bob.heard()

    assert is_picture(answer)
    assert min((await bob.image(answer)).size) > 1


async def test_while_one_user_sends_bombs_another_gets_a_picture(
    builtin_stage: Stage, bob: User
) -> None:
    mallory = await builtin_stage.user("Mallory")

    for _ in range(3):
        bomb = ("bomb.png", hostile.png_of_claimed_size(50_000, 50_000))
        await mallory.files(bomb, caption="/retouch")
    result = await bob.order("a quiet lake")

    assert result.text.splitlines()[0] == "a quiet lake"
