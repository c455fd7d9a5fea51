"""Bounded parsing of a call's parameters and files from HTTP."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, MultipartReader, StreamReader, hdrs, web

from imgbot.sandbox.api_errors import bad_request, too_large
from imgbot.sandbox.arguments import UploadedFile, as_text

_TEXT_BYTES = 1 << 20
_UPLOAD_BYTES = 50 << 20
_MAX_PARTS = 100
_CHUNK_BYTES = 1 << 18
# A caller that is still sending would see a broken connection instead of the response.
_DRAINED_BYTES = 256 << 20


async def read_bounded(stream: StreamReader, limit_bytes: int) -> bytes | None:
    """Return a whole body, None for one that is too long (which is read to its end)."""
    chunks: list[bytes] = []
    size_bytes = 0
    async for chunk in stream.iter_chunked(_CHUNK_BYTES):
        size_bytes += len(chunk)
        if size_bytes <= limit_bytes:
            chunks.append(chunk)
        elif size_bytes > _DRAINED_BYTES:
            return None
    return b"".join(chunks) if size_bytes <= limit_bytes else None


async def read_to_file(stream: StreamReader, path: Path, limit_bytes: int) -> int | None:
    """Write a body to a file; return its size, None for one that is too long."""
    size_bytes = 0
    with path.open("wb") as file:
        async for chunk in stream.iter_chunked(_CHUNK_BYTES):
            size_bytes += len(chunk)
            if size_bytes <= limit_bytes:
                await asyncio.to_thread(file.write, chunk)
            elif size_bytes > _DRAINED_BYTES:
                return None
    return size_bytes if size_bytes <= limit_bytes else None


async def read_call(
    request: web.Request, new_path: Callable[[], Path], uploads: dict[str, UploadedFile]
) -> dict[str, str]:
    """Return the parameters from the URL and the body; files go to `uploads`."""
    values = dict(request.query.items())
    if request.content_type == "multipart/form-data":
        return values | await _read_form(request, new_path, uploads)
    body = await read_bounded(request.content, _TEXT_BYTES)
    if body is None:
        raise too_large()
    if not body:
        return values
    if request.content_type == "application/json":
        return values | _from_json(body)
    if request.content_type == "application/x-www-form-urlencoded":
        text = body.decode("utf-8", "replace")
        return values | dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_PARTS))
    return values


def _from_json(body: bytes) -> dict[str, str]:
    try:
        given: Any = json.loads(body)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise bad_request("can't parse JSON object")
    parameters = cast("dict[str, Any]", given)
    return {name: as_text(value) for name, value in parameters.items() if value is not None}


async def _read_form(
    request: web.Request, new_path: Callable[[], Path], uploads: dict[str, UploadedFile]
) -> dict[str, str]:
    values: dict[str, str] = {}
    left_bytes = _UPLOAD_BYTES + _TEXT_BYTES
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if isinstance(part, MultipartReader) or not part.name:
                continue
            if len(values) + len(uploads) >= _MAX_PARTS:
                raise bad_request("too many fields")
            if part.filename is None:
                text = await _part_text(part)
                values[part.name] = text
                left_bytes -= len(text)
            else:
                # Registered before it is read, so that its file is deleted whatever happens.
                path = new_path()
                uploads[part.name] = UploadedFile(path, part.filename or "file", 0)
                size_bytes = await _part_file(part, path, left_bytes)
                uploads[part.name] = UploadedFile(path, part.filename or "file", size_bytes)
                left_bytes -= size_bytes
    except ValueError:
        raise bad_request("can't parse multipart form data") from None
    except _TooLongError:
        await read_bounded(request.content, 0)
        raise too_large() from None
    return values


class _TooLongError(Exception):
    """Part longer than allowed."""


async def _part_text(part: BodyPartReader) -> str:
    chunks = bytearray()
    while chunk := await part.read_chunk(_CHUNK_BYTES):
        chunks += chunk
        if len(chunks) > _TEXT_BYTES:
            raise _TooLongError
    return chunks.decode("utf-8", "replace")


async def _part_file(part: BodyPartReader, path: Path, limit_bytes: int) -> int:
    size_bytes = 0
    is_encoded = hdrs.CONTENT_TRANSFER_ENCODING in part.headers
    with path.open("wb") as file:
        while chunk := await part.read_chunk(_CHUNK_BYTES):
            size_bytes += len(chunk)
            if size_bytes > min(limit_bytes, _UPLOAD_BYTES):
                raise _TooLongError
            await asyncio.to_thread(file.write, part.decode(chunk) if is_encoded else chunk)
    return size_bytes
