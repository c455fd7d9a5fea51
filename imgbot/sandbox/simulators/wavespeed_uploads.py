"""Uploads to WaveSpeed: a ticket, one PUT to its address, and the address of what was put."""

import hmac
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from imgbot.sandbox.provider_tasks import Refusal
from imgbot.sandbox.request_parsing import read_bounded

_MOST_BYTES = 256 << 20
_MOST_TICKETS = 5_000
_UPLOAD_BYTES = 40 << 20
_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_DEFAULT_TYPE = "application/octet-stream"


@dataclass(slots=True)
class Ticket:
    """What was promised, and what came."""

    id: str
    name: str
    size_bytes: int
    content_type: str
    signature: str
    content: bytes | None = None


class Uploads:
    """Tickets and what was put on them; the oldest make room."""

    def __init__(self) -> None:
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()
        self._size_bytes = 0

    def issue(self, given: dict[str, Any]) -> Ticket:
        """Raises Refusal."""
        name, size_bytes = given.get("filename"), given.get("size")
        kind = given.get("content_type") or _DEFAULT_TYPE
        if not isinstance(name, str) or not name or not isinstance(kind, str):
            raise Refusal(400, "", 'property "filename" is missing')
        if not isinstance(size_bytes, int) or not 0 < size_bytes <= _UPLOAD_BYTES:
            raise Refusal(400, "", f'property "size" must be from 1 to {_UPLOAD_BYTES}')
        safe = _NAME.sub("_", name)[-100:]
        ticket = Ticket(secrets.token_hex(16), safe, size_bytes, kind, secrets.token_hex(16))
        self._tickets[ticket.id] = ticket
        if len(self._tickets) > _MOST_TICKETS:
            self._forget_oldest()
        return ticket

    def get(self, ticket_id: str) -> Ticket | None:
        return self._tickets.get(ticket_id)

    async def put(self, request: web.Request) -> web.StreamResponse:
        """Take the bytes, as strict as a presigned address is."""
        ticket = self._tickets.get(request.match_info["id"])
        given = request.query.get("X-Amz-Signature", "")
        if ticket is None or not hmac.compare_digest(given.encode(), ticket.signature.encode()):
            return _refused(403, "SignatureDoesNotMatch")
        if "Authorization" in request.headers:
            return _refused(400, "InvalidArgument: only one auth mechanism allowed")
        if request.headers.get("Content-Type", "") != ticket.content_type:
            return _refused(403, "SignatureDoesNotMatch: Content-Type")
        content = await read_bounded(request.content, _UPLOAD_BYTES)
        if content is None or len(content) != ticket.size_bytes:
            return _refused(403, "SignatureDoesNotMatch: Content-Length")
        self._size_bytes += len(content) - len(ticket.content or b"")
        ticket.content = content
        while self._size_bytes > _MOST_BYTES:
            self._forget_oldest()
        return web.Response()

    async def get_file(self, request: web.Request) -> web.StreamResponse:
        ticket = self._tickets.get(request.match_info["id"])
        if ticket is None or ticket.content is None:
            raise web.HTTPNotFound
        return web.Response(body=ticket.content, headers={"Content-Type": ticket.content_type})

    def _forget_oldest(self) -> None:
        _, oldest = self._tickets.popitem(last=False)
        self._size_bytes -= len(oldest.content or b"")


def _refused(status: int, code: str) -> web.Response:
    return web.Response(
        status=status, text=f"<Error><Code>{code}</Code></Error>", content_type="application/xml"
    )
