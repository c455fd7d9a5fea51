"""HTTP for operators: /healthz, /metrics, the status page, /status.json and its stream /events.

`/hook/…` is for image providers, and the only path that the internet may be let in to. The server
knows nothing of the pipeline: the sampler and the webhook handler are handed in.

A stream begins with the history, then sends a document every few seconds, and the history's points
as they are completed. Nothing is queued for a reader: a slow one misses documents, and one that
does not read at all is disconnected.

A foreign site's page can make a browser send requests; they must neither be answered (DNS
rebinding: its name resolves to this machine, and its `Host` gives it away) nor take connections
from those who may ask.
"""

import asyncio
import base64
import errno
import hmac
import html
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, Self

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from imgbot.aio import sleep_or_event
from imgbot.config.setting_types import Address
from imgbot.domain.errors import ConfigError, TransientError
from imgbot.ops.status import HTTP_SETTING, Document
from imgbot.ops.status.document import without_people
from imgbot.ops.status.history import COLUMNS
from imgbot.ops.status.sampler import StatusSampler
from imgbot.telemetry import metrics

_PAGE = Path(__file__).parent / "status/page"
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Frame-Options": "DENY",
}

_log = logging.getLogger(__name__)

TakeHook = Callable[[str, str, Mapping[str, str], Callable[[], Awaitable[bytes]]], Awaitable[bool]]
"""Takes a job's id, its secret, headers (names in lower case) and a function that reads the body,
called only for a right secret; returns False for a forged webhook."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bounds of what clients may take."""

    connections: int = 256
    streams: int = 16
    stream_every_s: float = 5.0
    write_s: float = 30.0
    request_s: float = 60.0
    """Time that a connection may take to send a whole request."""
    body_s: float = 20.0
    body_bytes: int = 1 << 20
    """A webhook may carry the whole answer of its model."""


class OpsServer:
    """Serves on one address from `start` to `stop`; `async with` does both."""

    def __init__(
        self,
        address: Address,
        sampler: StatusSampler,
        take_hook: TakeHook | None = None,
        spare_ports: Iterable[int] = (),
        key: str = "",
        registry: CollectorRegistry = metrics.REGISTRY,
        limits: HttpLimits = HttpLimits(),
    ) -> None:
        """`key` is what the operator's requests bear, as a password; empty if there is none."""
        self._key = key
        self._registry = registry
        self._limits = limits
        self._spare_ports = spare_ports
        self._take_hook = take_hook
        self._address = address
        self._sampler = sampler
        self._streams = 0
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        self.port = address.port

    @property
    def url(self) -> str:
        return f"http://{Address(self._address.host, self.port)}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        app = web.Application(
            client_max_size=self._limits.body_bytes, middlewares=[self._check_host]
        )
        app.on_response_prepare.append(_add_headers)
        app.add_routes(
            [
                web.get("/", self._index),
                web.get("/page/{name}", self._file),
                web.get("/names", self._sign_in),
                web.get("/status.json", self._json),
                web.get("/events", self._events),
                web.get("/healthz", self._healthz),
                web.get("/metrics", self._metrics),
                web.post("/hook/{job}/{secret}", self._hook),
            ]
        )
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=2.0, keepalive_timeout=self._limits.request_s
        )
        await self._runner.setup()
        try:
            self._listener = await self._listen()
        except OSError as error:
            await self.stop()
            why = f"cannot listen on {self._address} ({error.strerror})"
            where = "a host and port of this machine"
            if error.errno == errno.EADDRINUSE:
                why, where = f"{self._address} is in use by another program", "another port"
            raise ConfigError(HTTP_SETTING, f"{why}; choose {where}") from error
        self.port = self._listener.sockets[0].getsockname()[1]
        _log.info("status, health and metrics at %s", self.url)
        if self._address.port not in {0, self.port}:
            _log.warning("%s is in use by another program; set %s", self._address, HTTP_SETTING)

    async def _listen(self) -> asyncio.Server:
        """Listen on the configured port, else on the first spare port that is free."""
        loop, refusals = asyncio.get_running_loop(), list[OSError]()
        for port in (self._address.port, *self._spare_ports):
            try:
                return await loop.create_server(self._connection, self._address.host, port)
            except OSError as error:
                refusals.append(error)
                if error.errno != errno.EADDRINUSE:
                    break
        raise refusals[0]

    async def stop(self) -> None:
        # First the streams: the server would wait for them.
        self._closing.set()
        if self._listener is not None:
            self._listener.close()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def _connection(self) -> asyncio.Protocol:
        """Serve a new connection and close the oldest ones beyond the limit.

        A client that holds many idle connections must not block /healthz.
        """
        server = self._runner.server if self._runner else None
        if server is None:
            return asyncio.Protocol()
        for oldest in server.connections[: 1 - self._limits.connections]:
            oldest.force_close()
        return server()

    @web.middleware
    async def _check_host(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what a page of a foreign site asks by its own name (DNS rebinding)."""
        is_hook = "secret" in request.match_info
        if not is_hook and not is_known_host(request.headers.get("Host", ""), self._address.host):
            raise web.HTTPForbidden(text=f"use the address in {HTTP_SETTING}")
        return await handler(request)

    async def _index(self, _: web.Request) -> web.Response:
        wrong = [name for name, what in (await self._sampler.health()).items() if what]
        status = f"Not well: {', '.join(wrong)}." if wrong else "All is well."
        text = (_PAGE / "index.html").read_text(encoding="utf-8")
        return web.Response(
            text=text.replace("{status}", html.escape(status)),
            content_type="text/html",
            headers=_PAGE_HEADERS,
        )

    async def _file(self, request: web.Request) -> web.Response:
        # Only names in the folder are looked up: no path can lead out of it.
        files = {path.name: path for path in _PAGE.iterdir() if path.suffix in _KINDS}
        path = files.get(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound
        return web.Response(body=path.read_bytes(), content_type=_KINDS[path.suffix])

    async def _sign_in(self, request: web.Request) -> web.Response:
        """Have the browser ask for the password, which it sends along from then on."""
        if not _is_local(request.remote, request.headers):
            # No password would do: the browser would ask for ever.
            text = "names are shown on the server alone: ssh -L 8080:127.0.0.1:8080 server"
            raise web.HTTPForbidden(text=text)
        if is_operator(request.remote, request.headers, self._key):
            raise web.HTTPSeeOther("/")
        text = "any name, and the password that this prints: sudo imgbot status"
        basic = {"WWW-Authenticate": 'Basic realm="imgbot"'}
        raise web.HTTPUnauthorized(headers=basic, text=text)

    async def _json(self, request: web.Request) -> web.Response:
        _check_site(request)
        document = await self._sampler.refresh()
        if document is None:
            raise web.HTTPServiceUnavailable
        return web.json_response(self._for(request, document))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        _check_site(request)
        if self._streams >= self._limits.streams:
            text = "too many status streams are open"
            raise web.HTTPServiceUnavailable(text=text, headers={"Retry-After": "30"})
        self._streams += 1
        try:
            return await self._stream(request)
        finally:
            self._streams -= 1

    def _for(self, request: web.Request, document: Document) -> Document:
        if is_operator(request.remote, request.headers, self._key):
            return document
        return without_people(document)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        with suppress(ConnectionError, TimeoutError):
            await response.prepare(request)
            points = self._sampler.history.points
            await self._send(response, _event("history", {"columns": COLUMNS, "points": points}))
            while not self._closing.is_set():
                document = await self._sampler.refresh(0.8 * self._limits.stream_every_s)
                begin_s = max((point[0] or 0.0 for point in points), default=0.0)
                points = self._sampler.history.points
                events = [_event("point", each) for each in points if (each[0] or 0.0) > begin_s]
                # Before the first sample a comment keeps the connection open.
                events.append(
                    _event("status", self._for(request, document)) if document else b":\n\n"
                )
                await self._send(response, b"".join(events))
                await sleep_or_event(self._limits.stream_every_s, self._closing)
        return response

    async def _send(self, response: web.StreamResponse, data: bytes) -> None:
        async with asyncio.timeout(self._limits.write_s):
            await response.write(data)

    async def _healthz(self, _: web.Request) -> web.Response:
        found = await self._sampler.health()
        is_well = not any(found.values())
        status = "standby" if self._sampler.is_standby() else "ok"
        body = {
            "status": status if is_well else "failing",
            "checks": {
                name: {"ok": not wrong} | ({"detail": wrong} if wrong else {})
                for name, wrong in found.items()
            },
        }
        return web.json_response(body, status=200 if is_well else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        await self._sampler.refresh()
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        # Some figures are read from /proc, process by process.
        body = await asyncio.to_thread(encode, self._registry)
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _hook(self, request: web.Request) -> web.Response:
        if self._take_hook is None:
            raise web.HTTPNotFound
        headers = {name.lower(): value for name, value in request.headers.items()}
        job, secret = request.match_info["job"][:100], request.match_info["secret"][:100]
        try:
            is_taken = await self._take_hook(job, secret, headers, partial(self._body_of, request))
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        except TransientError:
            # The sender will try again.
            return web.Response(status=503)
        return web.Response(status=200 if is_taken else 403)

    async def _body_of(self, request: web.Request) -> bytes:
        async with asyncio.timeout(self._limits.body_s):
            return await request.read()


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)


def _check_site(request: web.Request) -> None:
    if is_from_elsewhere(request.headers):
        raise web.HTTPForbidden(text="the status is for its own page")


def _event(name: str, data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


_HOST = re.compile(r"(?:\[([^]]*)\]|([^:]*))(?::\d*)?")
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


def is_known_host(host: str, configured: str) -> bool:
    """True if a request's `Host` (without or with a port) is one of our names.

    `configured` is the host of IMGBOT_HTTP. Where that is every address of the machine, any
    literal address will do: no name can be rebound to it.
    """
    found = _HOST.fullmatch(host)
    name = (found[1] or found[2] or "").lower() if found else ""
    if name == "localhost" or name == configured.lower():
        return bool(name)
    named, own = _address_of(name), _address_of(configured)
    if named is None:
        return False
    return named.is_loopback or (own is not None and (own.is_unspecified or own == named))


def is_from_elsewhere(headers: Mapping[str, str]) -> bool:
    """True if a browser sends the request on behalf of another site."""
    return headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}


def is_operator(remote: str | None, headers: Mapping[str, str], key: str) -> bool:
    """True if the request bears the key, and comes from this machine, not through a proxy on it."""
    is_known = bool(key) and hmac.compare_digest(_password_in(headers), key.encode())
    return is_known and _is_local(remote, headers)


def _is_local(remote: str | None, headers: Mapping[str, str]) -> bool:
    address = _address_of(remote or "")
    # An IPv4 address may come as an IPv6 one.
    address = getattr(address, "ipv4_mapped", None) or address
    is_forwarded = any(name in headers for name in _FORWARDED)
    return address is not None and address.is_loopback and not is_forwarded


def _password_in(headers: Mapping[str, str]) -> bytes:
    _, _, given = headers.get("Authorization", "").partition("Basic ")
    try:
        return base64.b64decode(given).partition(b":")[2]
    except ValueError:
        return b""


def _address_of(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
