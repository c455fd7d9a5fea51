"""Answers that do not end well: pages in place of pictures, drips, floods, truncated JSON."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

PAGE = b"<!doctype html><title>Sign in</title><p>Please sign in to see this picture."
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>1</script></svg>'
_DRIP_S = 1.0
_CHUNK_BYTES = 1 << 20
_CHUNKS = 2048


def truncated(answer: Mapping[str, Any]) -> web.Response:
    """Return the first half of the JSON."""
    text = json.dumps(answer)
    return web.Response(text=text[: len(text) // 2], content_type="application/json")


def cut(request: web.Request) -> web.Response:
    """Close the connection under the client, without an answer."""
    if request.transport:
        request.transport.abort()
    return web.Response()


async def drip(request: web.Request, content: bytes, kind: str) -> web.StreamResponse:
    """A byte a second."""
    answer = web.StreamResponse(headers={"Content-Type": kind})
    await answer.prepare(request)
    for byte in content:
        await answer.write(bytes([byte]))
        await asyncio.sleep(_DRIP_S)
    return answer


async def flood(
    request: web.Request, kind: str, *, head: bytes = b"", fill: bytes = b"\0"
) -> web.StreamResponse:
    """Two gigabytes of `fill` after the head."""
    answer = web.StreamResponse(headers={"Content-Type": kind})
    await answer.prepare(request)
    await answer.write(head)
    chunk = fill * _CHUNK_BYTES
    for _ in range(_CHUNKS):
        await answer.write(chunk)
    return answer


async def serve_spoiled(
    request: web.Request, marks: Mapping[str, float], content: bytes, kind: str = "image/png"
) -> web.StreamResponse | None:
    """Spoil a picture's bytes as the marks say; None where they are to be served as they are."""
    if "expired" in marks:
        raise web.HTTPNotFound
    if "redirects" in marks:
        hop = request.query.get("hop", "0")
        next_hop = int(hop) + 1 if hop.isdecimal() and len(hop) < 9 else 1
        raise web.HTTPFound(request.rel_url.update_query(hop=str(next_hop)))
    if "not_a_picture" in marks:
        return web.Response(body=PAGE, content_type=kind)
    if "svg" in marks:
        return web.Response(body=SVG, content_type="image/svg+xml")
    if "huge" in marks:
        return await flood(request, kind)
    if "trickle" in marks:
        return await drip(request, content, kind)
    return None
