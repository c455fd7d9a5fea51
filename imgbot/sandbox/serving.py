"""Answers that do not end well: pages in place of pictures, trickles, truncated JSON."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

PAGE = b"<!doctype html><title>Sign in</title><p>Please sign in to see this picture."
_TRICKLE_S = 1.0
_TRICKLE_BYTES = 600


def truncated(answer: Mapping[str, Any]) -> web.Response:
    """Return the first half of the JSON."""
    text = json.dumps(answer)
    return web.Response(text=text[: len(text) // 2], content_type="application/json")


def cut(request: web.Request) -> web.Response:
    """Close the connection under the client, without an answer."""
    if request.transport:
        request.transport.abort()
    return web.Response()


async def trickle(request: web.Request) -> web.StreamResponse:
    """Send a space a second, and no JSON."""
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    await answer.prepare(request)
    for _ in range(_TRICKLE_BYTES):
        await answer.write(b" ")
        await asyncio.sleep(_TRICKLE_S)
    return answer
