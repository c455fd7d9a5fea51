"""Removal of metadata from pictures without decoding them: comments, EXIF, XMP, text."""

import re
import struct

# Baseline, extended and progressive Huffman coding; programs may lack what decodes the others.
_COMMON_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MARKER_BEGIN = re.compile(rb"\xff+")
"""Bytes before a marker's own; more than one of them fill up."""
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

_PNG = b"\x89PNG\r\n\x1a\n"
_CHUNKS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB"})
_PROFILE_CHUNKS = frozenset({b"iCCP", b"cICP", b"mDCV", b"cLLI"})
_WEBP_CHUNKS = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})


def stripped(content: bytes, *, is_original: bool = False, is_damaged: bool = False) -> bytes:
    """Return the picture without its metadata and trailing bytes; empty if it cannot be done.

    The orientation is dropped: only for upright pictures; and the colour profile, unless it
    `is_original`. Of a damaged picture, what comes before the damage is returned.
    """
    parts = list[bytes]()
    try:
        if content.startswith(_PNG):
            _strip_png(content, parts, is_original=is_original)
        elif content.startswith(b"\xff\xd8\xff"):
            _strip_jpeg(content, parts, is_original=is_original)
        elif content.startswith(b"RIFF") and is_original:
            _strip_webp(content, parts)
    except (ValueError, IndexError, struct.error):
        return b"".join(parts) if is_damaged else b""
    return b"".join(parts)


def _strip_jpeg(content: bytes, parts: list[bytes], *, is_original: bool) -> None:
    parts.append(content[:2])
    at = 2
    while begin := _MARKER_BEGIN.match(content, at):
        at = begin.end() - 1
        marker = content[at + 1]
        if marker == 0xD9:  # end of the image
            parts.append(content[at : at + 2])
            return
        if marker in _FRAMES and not (marker in _COMMON_FRAMES or is_original):
            break
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4])
        if marker == 0xDA:  # start of a scan
            scan_end = _SCAN_END.search(content, end)
            end = scan_end.start() if scan_end else len(content)
        if _is_needed(marker, content[at:end], is_original=is_original):
            parts.append(content[at:end])
        at = end
    raise ValueError(at)


def _is_needed(marker: int, segment: bytes, *, is_original: bool) -> bool:
    if is_original and marker == 0xE2:  # a colour profile, or what programs store of their own
        return segment.startswith(b"ICC_PROFILE\0", 4)
    if marker == 0xE0:
        # JFIF; a longer one holds a thumbnail, maybe of what was cut away.
        plain_bytes = 18
        return len(segment) == plain_bytes
    # Adobe's tells how colours are coded; 0xFE is a comment, the range is for applications.
    return marker == 0xEE or not (marker == 0xFE or 0xE0 <= marker < 0xF0)


def _strip_png(content: bytes, parts: list[bytes], *, is_original: bool) -> None:
    parts.append(_PNG)
    at, name, kept = len(_PNG), b"", _CHUNKS | (_PROFILE_CHUNKS if is_original else set())
    while name != b"IEND":
        length, name = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if name in kept:
            parts.append(content[at:end])
        elif not name[0] & 0x20:
            raise ValueError(name)
        at = end


def _strip_webp(content: bytes, parts: list[bytes]) -> None:
    at, end_of_all = 12, 8 + struct.unpack_from("<I", content, 4)[0]
    while at + 8 <= min(end_of_all, len(content)):
        name, length = struct.unpack_from("<4sI", content, at)
        end = at + 8 + length + length % 2
        if name == b"VP8X":
            flags = content[at + 8] & ~0x0C  # those for EXIF and XMP
            parts += content[at : at + 8], bytes([flags]), content[at + 9 : end]
        elif name in _WEBP_CHUNKS:
            parts.append(content[at:end])
        at = end
    parts.insert(0, struct.pack("<4sI4s", b"RIFF", 4 + sum(map(len, parts)), b"WEBP"))
