"""Clips, checked by their headers in a worker: none is decoded."""

import struct
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Literal

from imgbot.domain.errors import UserError
from imgbot.files import copy_file
from imgbot.painter.steps import Deliverable

# Telegram's limit for a file sent by a bot.
_LIMIT_BYTES = 50_000_000
_LONGEST_S = 60
_BOXES = 64
_GIF = b"GIF87a", b"GIF89a"


def check_clip(source: str, target_stem: str) -> Deliverable:
    """Copy a clip, an MP4 or a GIF that Telegram takes, to the stem with its suffix.

    UserError: result_not_a_picture, also for one that is cut short, too large or too long.
    """
    path = Path(source)
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        kind = _kind_of(file, size_bytes) if size_bytes <= _LIMIT_BYTES else None
    if kind is None:
        raise UserError("result_not_a_picture")
    target = f"{target_stem}.{'mp4' if kind == 'video' else 'gif'}"
    copy_file(source, Path(target))
    return Deliverable(target, kind, 0, 0, size_bytes)


def _kind_of(file: BufferedReader, size_bytes: int) -> Literal["video", "animation"] | None:
    head = file.read(12)
    if head.startswith(_GIF):
        file.seek(-1, 2)
        return "animation" if file.read() == b";" else None
    if head[4:8] != b"ftyp":
        return None
    seconds = _seconds_of(file, size_bytes)
    return "video" if seconds and seconds <= _LONGEST_S else None


def _seconds_of(file: BufferedReader, size_bytes: int) -> float:
    """Return how long an MP4 says it is; 0 if it does not say, or is cut short."""
    boxes = dict(_boxes(file, 0, size_bytes))
    start, end = boxes.get(b"moov", (0, 0))
    start, _ = dict(_boxes(file, start, end)).get(b"mvhd", (0, 0))
    if not start or max(end for _, end in boxes.values()) != size_bytes:
        return 0
    file.seek(start)
    header = file.read(32).ljust(32, b"\0")
    scale, duration = (
        struct.unpack_from(">IQ", header, 20)
        if header[0]
        else (struct.unpack_from(">II", header, 12))
    )
    return duration / scale if scale else 0


def _boxes(file: BufferedReader, start: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Yield names of the boxes between two offsets, with where their contents begin and end."""
    for _ in range(_BOXES):
        file.seek(start)
        header = file.read(16)
        if start + 8 > end or len(header) < 8:
            return
        size, name = struct.unpack_from(">I4s", header)
        begin = start + (16 if size == 1 else 8)
        if size == 1 and len(header) == 16:
            [size] = struct.unpack_from(">Q", header, 8)
        after = start + size if size else end
        if not begin <= after <= end:
            return
        yield name, (begin, after)
        start = after
