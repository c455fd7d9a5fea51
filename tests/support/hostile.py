"""Files that somebody might send to break a picture bot; all small, whatever they claim."""

import io
import struct
import zlib

from PIL import Image


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
