"""Odd picture files: a picture comes of each or a plain sentence, and nobody is disturbed.

The formats, modes and damages themselves: tests/unit/test_pictures.py and test_pictures_hostile.py.
"""

import io
from collections.abc import Callable

import pytest
import pytest_asyncio

from tests.fixtures import hostile
from tests.fixtures.hostile import assert_undisturbed, encoded, noisy
from tests.fixtures.sandbox import picture
from tests.integration.stage import Stage, User, is_picture

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

MIB = 1 << 20
NOT_A_PICTURE = "This file is named like a picture, but isn't one."
NOT_A_PICTURE_FILE = "This file is not a picture."
DAMAGED = "The file is damaged or incomplete."
Make = Callable[[], bytes]


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def undisturbed(builtin_stage: Stage):
    yield
    await assert_undisturbed(builtin_stage.bot, builtin_stage.control)


GOOD: dict[str, tuple[str, Make, tuple[int, int]]] = {
    "sixteen-bits": ("a.png", hostile.sixteen_bits, (240, 320)),
    "png-that-is-a-jpeg": ("a.png", lambda: encoded(noisy(), "JPEG"), (240, 320)),
    "turned-by-exif": ("a.jpg", hostile.turned_by_exif, (600, 400)),
    "20 MB": ("a.jpg", lambda: picture() + bytes(20 * MIB - len(picture())), (480, 640)),
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


BAD: dict[str, tuple[str, Make, str]] = {
    "page-named-png": ("a.png", lambda: b"<html><body>" + b"x" * 5000, NOT_A_PICTURE),
    "empty": ("a.jpg", lambda: b"", NOT_A_PICTURE),
    "pdf": ("a.pdf", lambda: hostile.PDF, NOT_A_PICTURE_FILE),
    "no-extension": ("фото", picture, NOT_A_PICTURE_FILE),
    "jpeg-cut": ("a.jpg", lambda: picture(1200, 900)[:-3000], DAMAGED),
    "png-bomb": (
        "a.png",
        lambda: hostile.png_of_claimed_size(50_000, 50_000),
        "This picture is too large: 2500 MP, and the limit is 50 MP.",
    ),
    "too-long": (
        "a.png",
        lambda: hostile.png_of_claimed_size(60_000, 2),
        "This picture is too long: one side is 60000 px, and the limit is 20000 px.",
    ),
    "dot": ("a.png", lambda: picture(1, 1, kind="PNG"), "This picture is too small"),
    "heavy": (
        "a.jpg",
        lambda: picture() + bytes(20 * MIB),
        "This file is too big: I can open files up to 20 MB.",
    ),
}


async def test_a_bad_file_gets_one_sentence_and_others_their_pictures(
    builtin_stage: Stage, bob: User
) -> None:
    users = {case: await builtin_stage.user() for case in BAD}
    mallory = await builtin_stage.user("Mallory")

    for case, user in users.items():
        name, make, _ = BAD[case]
        await user.files((name, make()), caption="/retouch")
    for _ in range(3):
        await mallory.files(("a.png", BAD["png-bomb"][1]()), caption="/retouch")
    result = await bob.order("a quiet lake")

    assert result.text.splitlines()[0] == "a quiet lake"
    for case, user in users.items():
        [answer] = await user.heard()
        sentence = BAD[case][2]
        assert (case, answer.text[: len(sentence)]) == (case, sentence)
        assert (answer.photo_id, answer.buttons) == (None, []), case


@pytest.mark.parametrize(
    "bomb",
    [
        lambda: hostile.png_with_text_bomb(200 * MIB),
        lambda: hostile.png_with_profile_bomb(200 * MIB),
        lambda: hostile.gif_of_frames(2000),
    ],
    ids=["text", "profile", "frames"],
)
async def test_a_bomb_inside_a_picture_ends_in_an_answer(bob: User, bomb: Make) -> None:
    await bob.files(("a.png", bomb()), caption="mirror")
    [answer] = await bob.heard()

    assert answer.photo_id or answer.text.startswith((DAMAGED, NOT_A_PICTURE))


async def test_a_heic_photo_is_opened_where_the_extra_is_installed(bob: User) -> None:
    heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    heif.from_pillow(noisy()).save(file)

    result = await bob.convert("IMG_1.HEIC", file.getvalue(), "rotate right")

    assert (await bob.image(result)).size == (240, 320)


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

    await bob.say("make it " + "🦊" * 1992, reply_to=photo.id)
    [_, answer] = await bob.said()

    assert answer.startswith("I can't do “")
    assert answer.endswith("Everything I can do is in /help.")


async def test_a_merge_of_a_thread_and_a_photo_ends_in_an_answer(bob: User) -> None:
    files = [("a.png", picture(20_000, 20, kind="PNG")), ("b.png", picture(20, 9000, kind="PNG"))]

    await bob.files(*files, caption="side by side")
    [answer] = await bob.heard()

    assert is_picture(answer)
    assert min((await bob.image(answer)).size) > 1
