"""Removal of metadata from JPEG and PNG files without decoding them: comments, EXIF, XMP, text."""

import re
import struct

_SOI, _SOS, _EOI = 0xD8, 0xDA, 0xD9
_COMMENT, _JFIF, _ADOBE = 0xFE, 0xE0, 0xEE
_APPLICATION = range(0xE0, 0xF0)
_PLAIN_JFIF_BYTES = 18
# Baseline, extended and progressive Huffman coding; programs may lack what decodes the others.
_COMMON_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

_PNG = b"\x89PNG\r\n\x1a\n"
_CHUNKS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB"})


def stripped(content: bytes) -> bytes:
    """Return the picture without its metadata and trailing bytes; empty if it cannot be done.

    What is dropped includes colour profiles and the orientation: only for sRGB, upright pictures.
    """
    try:
        if content.startswith(_PNG):
            return _stripped_png(content)
        return _stripped_jpeg(content) if content.startswith(b"\xff\xd8\xff") else b""
    except (IndexError, struct.error):
        return b""


def _stripped_jpeg(content: bytes) -> bytes:
    parts, at = [content[:2]], 2
    while content[at] == 0xFF:
        marker = content[at + 1]
        if marker == _EOI:
            return b"".join([*parts, content[at : at + 2]])
        if marker in _FRAMES and marker not in _COMMON_FRAMES:
            return b""
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4])
        if marker == _SOS:
            scan_end = _SCAN_END.search(content, end)
            end = scan_end.start() if scan_end else len(content)
        # A longer JFIF segment holds a thumbnail, maybe of what was cut away.
        is_needed = marker == _ADOBE or (marker == _JFIF and end - at == _PLAIN_JFIF_BYTES)
        if is_needed or not (marker in _APPLICATION or marker == _COMMENT):
            parts.append(content[at:end])
        at = end
    return b""


def _stripped_png(content: bytes) -> bytes:
    parts, at = [_PNG], len(_PNG)
    while True:
        length, name = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if name in _CHUNKS:
            parts.append(content[at:end])
        elif not name[0] & 0x20:
            return b""
        if name == b"IEND":
            return b"".join(parts)
        at = end
