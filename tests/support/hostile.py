"""What somebody might send to break a picture bot, and how to see that it did not break.

The files are all small, whatever they claim.
"""

import io
import random
import struct
import zipfile
import zlib
from typing import Any

from PIL import Image

from imgbot.storage import keys
from tests.support.bot import Bot
from tests.support.sandbox import Control, Event, Message, Person
from tests.support.waiting import eventually


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk with its right length and checksum."""
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png_of_claimed_size(width: int, height: int, *extra: bytes) -> bytes:
    """A PNG whose header claims a size, and whose few bytes really unpack to it where small."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(min(width * height + height, 4_000_000)), 9)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", header),
            *extra,
            png_chunk(b"IDAT", rows),
            png_chunk(b"IEND", b""),
        )
    )


def png_with_text_bomb(unpacked_bytes: int) -> bytes:
    """A good small picture with a compressed comment that unpacks to a lot."""
    packed = zlib.compress(bytes(unpacked_bytes), 9)
    return png_of_claimed_size(64, 64, png_chunk(b"zTXt", b"Comment\x00\x00" + packed))


def png_with_profile_bomb(unpacked_bytes: int) -> bytes:
    """A good small picture with a colour profile that unpacks to a lot."""
    packed = zlib.compress(bytes(unpacked_bytes), 9)
    return png_of_claimed_size(64, 64, png_chunk(b"iCCP", b"Profile\x00\x00" + packed))


def gif_of_frames(count: int, size: tuple[int, int] = (64, 64)) -> bytes:
    """An animation, each frame another colour."""
    frames = [Image.new("P", size, index % 250) for index in range(count)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=20)
    return file.getvalue()


def bmp_of_claimed_size(width: int, height: int) -> bytes:
    """A BMP header without a picture."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info


def jpeg_with_segments(image: Image.Image, marker: int, data: bytes, count: int) -> bytes:
    """A JPEG with so many extra segments (EXIF is 0xE1, a profile 0xE2) before its picture."""
    file = io.BytesIO()
    image.save(file, "JPEG")
    plain = file.getvalue()
    segment = bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data
    return plain[:2] + segment * count + plain[2:]


async def said_by_bot(
    bot: Bot, control: Control, person: Person, chat_id: int, *, rests: bool = True
) -> list[Message]:
    """All that the bot has said in a chat, once it has read everything in it (and `rests`).

    The proof that it has read is the answer to a forged press, which leaves no message behind:
    updates of a chat are handled in their order.
    """
    await answers_to(control, person, 1, "nothing", chat_id=chat_id)
    if rests:
        async with bot.redis() as redis:
            await eventually(lambda: redis.exists(keys.ALBUMS), lambda found: not found)
            await eventually(lambda: redis.keys(f"{keys.JOB}*"), lambda jobs: not jobs)
    return [m for m in await control.messages(chat_id) if m.is_outgoing and not m.is_deleted]


async def answers_to(
    control: Control,
    person: Person,
    message: Message | int,
    *data: str,
    chat_id: int | None = None,
) -> list[str]:
    """Press buttons, forged ones too, one right after the other; the answers as they pop up."""
    after = await control.last_seq()
    queries = [await control.press(person, message, each, chat_id=chat_id) for each in data]

    async def answer(query: str) -> str:
        def fits(event: Event) -> bool:
            return event.type == "callback_answer" and event.raw["callback_query_id"] == query

        return (await control.wait_for(fits, after=after)).raw.get("text") or ""

    return [await answer(query) for query in queries]


async def assert_undisturbed(bot: Bot, control: Control) -> None:
    """Whatever was sent before: somebody else is answered, and no update lies aside."""
    bystander = await control.make_user("Bystander")
    after = await control.last_seq()
    await control.say(bystander, "/start")
    answer = await control.wait_message(bystander.id, after=after)
    assert answer.text
    assert bot.is_running
    async with bot.redis() as redis:
        aside = await redis.lrange(keys.POISON, 0, -1)
        # Each test answers for its own.
        await redis.delete(keys.POISON)
    assert aside == []


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a picture file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def noisy(width: int = 320, height: int = 240, mode: str = "RGB") -> Image.Image:
    """A picture with something in it everywhere, the same at each call."""
    pixels = random.Random(5).randbytes(width * height * len(mode.rstrip("X")))
    return Image.frombytes(mode, (width, height), pixels)


def sixteen_bits() -> bytes:
    """A greyscale PNG of 16 bits, as scanners and telescopes make them."""
    ramp = b"".join(struct.pack("<H", column * 200) for column in range(320)) * 240
    return encoded(Image.frombytes("I;16", (320, 240), ramp), "PNG")


def palette_with_transparency() -> bytes:
    image = noisy().quantize(16)
    return encoded(image, "PNG", transparency=3)


def animated(kind: str) -> bytes:
    """Three frames of three colours; the first is red."""
    frames = [Image.new("RGB", (320, 240), color) for color in ("red", "lime", "blue")]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)


def turned_by_exif() -> bytes:
    """A phone's photo: 600 x 400 as it is stored, upright 400 x 600, with a place and a camera."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SECRET-CAMERA"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    return encoded(noisy(600, 400), "JPEG", exif=exif)


def zip_file() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("fox.png", encoded(noisy(), "PNG"))
    return file.getvalue()


SVG = b"""<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"><text>&x;</text></svg>"""
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
HEIC_HEAD = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(2000)
"""The first bytes of an iPhone's photo, and nothing behind them."""
