"""The status over HTTP: the page, /status.json, and /events, which the page lives on.

A stream begins with the history, then sends the document at every look, and the history's points
as they are completed. Nothing is queued for a reader: who is slow misses documents, and who does
not read at all is let go.
"""

import asyncio
import html
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiohttp import web

from imgbot.ops.client_access import is_from_elsewhere, is_operator
from imgbot.ops.status.document import Document, without_people
from imgbot.ops.status.history import COLUMNS
from imgbot.ops.status.sampler import StatusSampler

MOST_STREAMS = 16
_KEEPALIVE_S = 15.0
_WRITE_TIMEOUT_S = 30.0
_FIRST_LOOK_S = 10.0
_PAGE = Path(__file__).parent / "page"
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PAGE_HEADERS = HEADERS | {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Frame-Options": "DENY",
}

Health = Callable[[], Awaitable[Mapping[str, str]]]


class StatusPages:
    """Answers until `close`, which ends every stream."""

    def __init__(self, watch: StatusSampler | None, health: Health) -> None:
        self._watch = watch
        self._health = health
        self._streams = 0
        self._closing = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._index),
            web.get("/page/{name}", self._file),
            web.get("/status.json", self._json),
            web.get("/events", self._events),
        ]

    def close(self) -> None:
        self._closing.set()

    async def _index(self, _: web.Request) -> web.Response:
        wrong = [name for name, what in (await self._health()).items() if what]
        status = f"Not well: {', '.join(wrong)}." if wrong else "All is well."
        text = (_PAGE / "index.html").read_text(encoding="utf-8")
        return web.Response(
            text=text.replace("{status}", html.escape(status)),
            content_type="text/html",
            headers=_PAGE_HEADERS,
        )

    async def _file(self, request: web.Request) -> web.Response:
        # Only what the folder holds is ever named: no path can lead out of it.
        files = {path.name: path for path in _PAGE.iterdir() if path.suffix in _KINDS}
        path = files.get(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound(headers=HEADERS)
        return web.Response(
            body=path.read_bytes(), content_type=_KINDS[path.suffix], headers=HEADERS
        )

    async def _json(self, request: web.Request) -> web.Response:
        watch = self._checked(request)
        try:
            async with asyncio.timeout(_FIRST_LOOK_S):
                document = await watch.fresh()
        except TimeoutError:
            raise web.HTTPServiceUnavailable(headers=HEADERS) from None
        return web.json_response(_for(request, document), headers=HEADERS)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        watch = self._checked(request)
        if self._streams >= MOST_STREAMS:
            raise web.HTTPServiceUnavailable(
                text="too many look at once", headers=HEADERS | {"Retry-After": "30"}
            )
        self._streams += 1
        try:
            return await self._stream(request, watch)
        finally:
            self._streams -= 1

    async def _stream(self, request: web.Request, watch: StatusSampler) -> web.StreamResponse:
        response = web.StreamResponse(headers=HEADERS | {"Content-Type": "text/event-stream"})
        with suppress(ConnectionError, TimeoutError):
            await response.prepare(request)
            history = {"columns": COLUMNS, "points": watch.points}
            await _send(response, _event("history", history))
            if watch.latest is not None:
                await _send(response, _event("status", _for(request, watch.latest[0])))
            while not self._closing.is_set():
                await _send(response, await self._news(request, watch))
        return response

    async def _news(self, request: web.Request, watch: StatusSampler) -> bytes:
        """Wait for the next look; a comment keeps the connection where there is none."""
        async with asyncio.TaskGroup() as group:
            look = group.create_task(watch.next())
            end = group.create_task(self._closing.wait())
            await asyncio.wait(
                {look, end}, timeout=_KEEPALIVE_S, return_when=asyncio.FIRST_COMPLETED
            )
            look.cancel()
            end.cancel()
        if look.cancelled():
            return b": still here\n\n"
        document, point = look.result()
        told = _event("point", point) if point is not None else b""
        return told + _event("status", _for(request, document))

    def _checked(self, request: web.Request) -> StatusSampler:
        if is_from_elsewhere(request.headers):
            raise web.HTTPForbidden(text="the status is for its own page", headers=HEADERS)
        if self._watch is None:
            raise web.HTTPNotFound(headers=HEADERS)
        return self._watch


def _for(request: web.Request, document: Document) -> Document:
    if is_operator(request.remote, request.headers):
        return document
    return without_people(document)


def _event(name: str, data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


async def _send(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(_WRITE_TIMEOUT_S):
        await response.write(data)
