"""Reading a multipart form with files into memory, within bounds."""

from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from imgbot.sandbox.bodies import read_bounded
from imgbot.sandbox.provider_orders import Refusal

_MOST_PARTS = 32
_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form; `filename` is None for a plain field."""

    filename: str | None
    content_type: str
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


async def read_form(request: web.Request, limit_bytes: int) -> dict[str, Part]:
    """The parts by name. Raises Refusal for what is no form, or too long a one."""
    if request.content_type != "multipart/form-data":
        kind = request.content_type
        raise Refusal(415, "media_type", f'Unsupported media type "{kind}" in request.')
    parts: dict[str, Part] = {}
    left_bytes = limit_bytes
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader) or not part.name:
                continue
            content = await _read_part(request, part, left_bytes)
            left_bytes -= len(content)
            kind = part.headers.get("Content-Type", "application/octet-stream")
            parts[part.name] = Part(part.filename, kind, content)
            if len(parts) > _MOST_PARTS:
                raise Refusal(400, "form", "too many parts")
    except ValueError:
        raise Refusal(400, "form", "Multipart form parse error") from None
    return parts


async def _read_part(request: web.Request, part: BodyPartReader, limit_bytes: int) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk(_CHUNK_BYTES):
        content += chunk
        if len(content) > limit_bytes:
            # Who still sends would see a broken connection instead of the answer.
            await read_bounded(request.content, 0)
            raise Refusal(413, "too_large", "the file is too large")
    return bytes(content)
