"""Multipart bodies, part by part, with nothing mended on the way."""

from dataclasses import dataclass

from aiohttp import BodyPartReader, MultipartReader, web

from imgbot.sandbox.provider_orders import Refusal
from imgbot.sandbox.request_parsing import read_bounded

_MOST_PARTS = 100
_TEXT_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 18


class _TooLargeError(Exception):
    """A part or the whole is larger than allowed."""


@dataclass(frozen=True, slots=True)
class Part:
    """One field; without a filename it is a text, whatever it holds."""

    name: str
    filename: str | None
    content_type: str
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


async def read_form(
    request: web.Request, part_bytes: int, body_bytes: int | None = None
) -> list[Part] | None:
    """The parts in order, None for a body that is no multipart form. Raises Refusal 413.

    A file is no longer than `part_bytes`, all parts together than `body_bytes`, or else as one.
    """
    if request.content_type != "multipart/form-data":
        return None
    parts: list[Part] = []
    left_bytes = part_bytes if body_bytes is None else body_bytes
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if isinstance(part, MultipartReader) or len(parts) >= _MOST_PARTS:
                return None
            limit_bytes = _TEXT_BYTES if part.filename is None else part_bytes
            content = await _content(part, min(limit_bytes, left_bytes))
            left_bytes -= len(content)
            kind = part.headers.get("Content-Type", "application/octet-stream")
            parts.append(Part(part.name or "", part.filename, kind.split(";")[0].strip(), content))
    except _TooLargeError:
        # A client that is still sending would see a broken connection instead of the answer.
        await read_bounded(request.content, 0)
        raise Refusal(413, "too_large", "the file is too large") from None
    except ValueError:
        return None
    return parts


async def _content(part: BodyPartReader, limit_bytes: int) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk(_CHUNK_BYTES):
        content += chunk
        if len(content) > limit_bytes:
            raise _TooLargeError
    return bytes(content)
