"""Request bodies with pictures, which are read, and encoded, while the body is sent.

Until then a mark stands for each picture in the JSON of an order: orders that wait, or are being
sent, take no memory for their pictures.
"""

import asyncio
import base64
import json
import re
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROCESS = secrets.token_hex(16)
"""Not known to users, whose words stand in the same JSON."""

_MARK = re.compile(rf"{_PROCESS}:(\d+);")


def picture_mark(index: int) -> str:
    """Return the mark of the order's picture with this index."""
    return f"{_PROCESS}:{index};"


@dataclass(frozen=True, slots=True)
class PictureBody:
    """Body of bytes and of pictures, the latter in base64 if `is_base64`; it can be sent again."""

    parts: Sequence[bytes | Path]
    is_base64: bool = False

    @property
    def length_bytes(self) -> int:
        return sum(
            len(part) if isinstance(part, bytes) else self._sent(part) for part in self.parts
        )

    def pieces(self) -> Iterator[bytes]:
        """Yield the body; a piece has at most 256 KiB, or is the text between two pictures."""
        for part in self.parts:
            if isinstance(part, bytes):
                yield part
                continue
            with part.open("rb") as file:
                # A multiple of 3, so that the pieces of a picture in base64 can be joined.
                while piece := file.read(3 << 16):
                    yield base64.b64encode(piece) if self.is_base64 else piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = self.pieces()
        while piece := await asyncio.to_thread(next, pieces, b""):
            yield piece

    def _sent(self, path: Path) -> int:
        size_bytes = path.stat().st_size
        return (size_bytes + 2) // 3 * 4 if self.is_base64 else size_bytes


def as_json(content: Any, pictures: Sequence[Path]) -> PictureBody:
    """Return the JSON of `content`, with the pictures in place of their marks."""
    pieces = _MARK.split(json.dumps(content, sort_keys=True))
    return PictureBody(
        [pictures[int(piece)] if at % 2 else piece.encode() for at, piece in enumerate(pieces)],
        is_base64=True,
    )
