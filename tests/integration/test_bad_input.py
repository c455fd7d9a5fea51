"""Bad input gets a plain sentence; nothing is lost by it, and nobody else is disturbed."""

import io
import struct
import zlib

import pytest
from PIL import Image

from tests.integration.conftest import Stage
from tests.support.sandbox import picture

pytestmark = pytest.mark.asyncio(loop_scope="module")


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims a size without having the pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def with_location() -> bytes:
    image = Image.new("RGB", (600, 400), "teal")
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SECRET-CAMERA"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


FILES = [
    ("text.jpg", b"this is no picture at all", "This is not a picture"),
    ("page.png", b"<html><body>" + b"x" * 5000, "This is not a picture"),
    ("empty.jpg", b"", "This is not a picture"),
    ("cut.jpg", picture(1200, 900)[:-3000], "damaged or arrived incomplete"),
    ("bomb.png", png_of(50_000, 50_000), "The picture is too large: 2500 MP"),
    ("long.png", png_of(60_000, 2), "The picture is too long"),
    ("notes.txt", b"hello", "This file is not a picture"),
    ("tool.exe", b"MZ" + bytes(500), "This file is not a picture"),
    ("heavy.jpg", picture() + bytes(21 << 20), "up to 20 MB"),
    ("dot.png", picture(1, 1, kind="PNG"), "too small"),
]


@pytest.mark.parametrize(("name", "content", "sentence"), FILES, ids=[f[0] for f in FILES])
async def test_files_that_are_no_pictures(
    builtin_stage: Stage, name: str, content: bytes, sentence: str
) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    await control.send_documents(person, [(name, content)], caption="/retouch")
    reply = await control.wait_message(person.id, lambda m: sentence in m.text)

    assert not reply.photo_id
    assert "Traceback" not in reply.text


WORDS = [
    ("/create", "What shall I draw?"),
    ("\u200b\u2060", "Tell me in words what to draw"),
    ("x" * 4096, "That is too long: 4096 characters"),
    ("/nosuchcommand", "What I can do"),
    ("/cancel", "There is nothing to cancel"),
]


@pytest.mark.parametrize(("words", "sentence"), WORDS, ids=[w[1][:12] for w in WORDS])
async def test_words_that_are_no_request(builtin_stage: Stage, words: str, sentence: str) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    await control.say(person, words)
    reply = await control.wait_message(person.id)

    assert sentence in reply.text


async def test_ten_thousand_characters_in_one_update(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")
    chat = {"id": person.id, "type": "private", "first_name": "Bob"}
    message = {"message_id": 9000, "date": 1_800_000_000, "chat": chat, "from": person.raw}

    await control.say(person, "/start")
    await control.push_update({"message": message | {"text": "y" * 10_000}})
    reply = await control.wait_message(person.id, lambda m: "too long" in m.text)

    assert "10000" in reply.text


STRANGE = [
    {"sticker": {"file_id": "s", "file_unique_id": "s", "type": "regular", "width": 512,
                 "height": 512, "is_animated": False, "is_video": False}},
    {"voice": {"file_id": "v", "file_unique_id": "v", "duration": 3}},
    {"video": {"file_id": "v", "file_unique_id": "v", "width": 9, "height": 9, "duration": 3}},
    {"contact": {"phone_number": "+100", "first_name": "X"}},
    {"location": {"latitude": 1.0, "longitude": 2.0}},
    {"dice": {"emoji": "🎲", "value": 3}},
]  # fmt: skip


@pytest.mark.parametrize("content", STRANGE, ids=[next(iter(c)) for c in STRANGE])
@pytest.mark.parametrize("language", ["ru", "en"])
async def test_what_cannot_be_read(
    builtin_stage: Stage, content: dict[str, object], language: str
) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob", language_code=language)

    await control.send(person, extra=content)
    reply = await control.wait_message(person.id)

    beginning = "I can't read that" if language == "en" else "Такое я читать не умею"
    assert reply.text.startswith(beginning)


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        ("nonsense", "I don't know this button"),
        ("cancel:12345", "This picture is finished already"),
        ("again:12345", "This button no longer works"),
        ("up:4.999", "This button no longer works"),
        ("up:9.1", "This button no longer works"),
        ("start:everything", "I don't know this button"),
        ("scale:2", "This button no longer works"),
        ("photo:edit", "This button no longer works"),
        ("merge:", "This button no longer works"),
        ("cancel:" + "А" * 20, "I don't know this button"),
    ],
)
async def test_forged_and_stale_buttons(builtin_stage: Stage, data: str, answer: str) -> None:
    control = builtin_stage.control
    person = await control.make_user("Mallory")
    await control.say(person, "/start")
    menu = await control.wait_message(person.id)

    after = await control.last_seq()
    await control.press(person, menu, data)
    event = await control.wait_for(
        lambda e: e.type == "callback_answer" and e.raw["user_id"] == person.id, after=after
    )

    assert event.raw["text"].startswith(answer)


async def test_a_strangers_job_cannot_be_called_off(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    ann, mallory = await control.make_user("Ann"), await control.make_user("Mallory")
    await control.say(mallory, "/start")
    menu = await control.wait_message(mallory.id)
    await control.say(ann, "a fox [[sim:slow=2]]")
    status = await control.wait_message(ann.id, lambda m: bool(m.buttons))
    data = status.button("Cancel")["callback_data"]

    after = await control.last_seq()
    await control.press(mallory, menu, data)
    event = await control.wait_for(lambda e: e.type == "callback_answer", after=after)
    await control.wait_message(ann.id, lambda m: bool(m.photo_id), 20)

    assert event.raw["text"].startswith("This button is for the person")


async def test_metadata_never_comes_back_and_orientation_is_applied(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    await control.send_documents(person, [("phone.jpg", with_location())], caption="mirror")
    result = await control.wait_message(person.id, lambda m: bool(m.photo_id or m.document_id))
    content = await control.file(result.photo_id or result.document_id or "")

    image = Image.open(io.BytesIO(content))
    assert b"SECRET-CAMERA" not in content
    assert dict(image.getexif()) == {}
    assert image.size[0] < image.size[1]


async def test_the_others_are_not_disturbed(builtin_stage: Stage) -> None:
    """While one sends rubbish, another gets his picture."""
    control = builtin_stage.control
    mallory, ann = await control.make_user("Mallory"), await control.make_user("Ann")

    for _ in range(3):
        await control.send_documents(
            mallory, [("bomb.png", png_of(50_000, 50_000))], caption="/retouch"
        )
    await control.push_update({"message": {"chat": "no chat"}})
    await control.say(ann, "a quiet lake")
    result = await control.wait_message(ann.id, lambda m: bool(m.photo_id), 20)

    assert result.text == "a quiet lake"
