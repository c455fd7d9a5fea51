"""Canned exchanges with a vendor: requests that must come, in order, and what answers them.

The data are in tests/fixtures/exchanges, one file for each vendor. They stand in for the network
below httpx and aiohttp, so that adapters and the vendors' own clients speak to the vendor's real
addresses.
"""

import asyncio
import base64
import io
import json
import tomllib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

import aiohttp
import httpx
from aiohttp import web
from aiohttp.test_utils import TestServer
from PIL import Image
from yarl import URL

from imgbot.domain.errors import ProviderErrorKind as Kind
from tests.fixtures.sandbox import picture
from tests.fixtures.waiting import let_pass

FOLDER = Path(__file__).parents[1] / "fixtures" / "exchanges"
_ADDRESS = "X-Address"
_LONGER_THAN_ANY_S = 3600.0


@dataclass(frozen=True)
class Exchange:
    """One request and its response."""

    name: str
    source: str
    request: str = ""
    """Method and address; empty for an order, whose address is that of its operation."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: str = ""
    picture: bool = False
    """Whether the body is a picture, at an address that must not see the key."""
    public: bool = False
    """Whether the key must not come along."""
    sends: Any = None
    """What the JSON must be; a text that ends in `*` stands for all that begin so."""
    has: Any = None
    """What the JSON must contain, likewise."""
    form: Sequence[str] = ()
    """The names of the form's files."""
    breaks: bool = False
    """Whether the connection breaks instead of an answer."""
    stalls: bool = False
    """Whether the answer never ends."""

    @property
    def content(self) -> bytes:
        if self.picture:
            return picture(64, 48)
        return self.body.replace("IMAGE", base64.b64encode(picture(64, 48)).decode()).encode()


@dataclass(frozen=True)
class Flow:
    """What happens, in order, and what must come of it."""

    name: str
    happens: Sequence[str]
    order: str = "create"
    ends: str = ""
    """The kind of the last refusal; empty for a picture."""
    hears: Sequence[str] = ()
    """The kinds of the refusals before it, after which the same is asked again."""
    billed: bool | None = None
    pending: int = 0
    retry_after_s: float | None = None
    says: Sequence[str] = ()
    """Words of each refusal."""

    @property
    def kinds(self) -> list[Kind]:
        return [Kind(kind) for kind in (*self.hears, *([self.ends] if self.ends else []))]


@dataclass(frozen=True)
class Vendor:
    """One file."""

    name: str
    data: Mapping[str, Any]

    @cached_property
    def responses(self) -> Mapping[str, Exchange]:
        return {name: Exchange(name, **one) for name, one in self.data["responses"].items()}

    @cached_property
    def orders(self) -> Mapping[str, Mapping[str, Any]]:
        return self.data["orders"]

    @property
    def flows(self) -> list[Flow]:
        return [Flow(**one) for one in self.data["flows"]]

    def exchanges(self, names: Sequence[str], order: str = "create") -> list[Exchange]:
        """The responses of these names; those without an address answer the order."""
        asked = self.orders[order]
        found = [self.responses[name] for name in names]
        return [
            one
            if one.request
            else replace(
                one,
                request=asked["request"],
                sends=asked.get("sends"),
                has=asked.get("has"),
                form=asked.get("form", ()),
            )
            for one in found
        ]


def read_vendor(name: str) -> Vendor:
    return Vendor(name, tomllib.loads((FOLDER / f"{name}.toml").read_text()))


@dataclass
class Network:
    """Answers as scripted; anything else is a mistake of whoever asks."""

    key: str
    """What the header of every request that is not public must carry."""
    left: deque[Exchange] = field(default_factory=deque[Exchange])
    asked: list[httpx.Request] = field(default_factory=list[httpx.Request])
    mistakes: list[str] = field(default_factory=list[str])

    def expect(self, exchanges: Sequence[Exchange]) -> None:
        self.left.extend(exchanges)

    def answer(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._answer(request)
        except AssertionError as mistake:
            self.mistakes.append(str(mistake))
            raise

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        there = _address(request)
        assert self.left, f"nothing more was to be asked, and {there} was"
        one = self.left.popleft()
        assert there == one.request, f"{there} was asked in place of {one.name}: {one.request}"
        is_public = one.public or one.picture
        assert not self.key or is_public != (self.key in request.headers.values()), one.name
        _check_body(one, request)
        if one.breaks:
            raise httpx.ReadError("the connection broke", request=request)
        stream = _Endless() if one.stalls else None
        headers = {"Content-Type": "image/jpeg" if one.picture else "application/json"}
        return httpx.Response(
            one.status,
            headers={**headers, **one.headers},
            content=None if stream else one.content,
            stream=stream,
            request=request,
        )


class _Endless(httpx.AsyncByteStream):
    """A byte, and no other, however long it is waited for."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b" "
        let_pass(_LONGER_THAN_ANY_S)
        await asyncio.Event().wait()


@contextmanager
def network(key: str) -> Iterator[Network]:
    """Stand in for the network below httpx, which the vendors' own clients use."""
    net = Network(key)

    async def answer_async(_self: Any, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return net.answer(request)

    def answer(_self: Any, request: httpx.Request) -> httpx.Response:
        request.read()
        return net.answer(request)

    with (
        patch("httpx.AsyncHTTPTransport.handle_async_request", answer_async),
        patch("httpx.HTTPTransport.handle_request", answer),
    ):
        yield net


@asynccontextmanager
async def open_network(key: str) -> AsyncGenerator[Network]:
    """Stand in for the network below aiohttp: a server on loopback gets every request."""
    net, ask = Network(key), aiohttp.ClientSession._request

    async def answer(request: web.Request) -> web.StreamResponse:
        headers = dict(request.headers)
        url = headers.pop(_ADDRESS)
        content = await request.read()
        try:
            said = net.answer(httpx.Request(request.method, url, headers=headers, content=content))
        except httpx.ReadError:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        response = web.StreamResponse(status=said.status_code, headers=said.headers)
        if not isinstance(said.stream, _Endless):
            return web.Response(status=said.status_code, headers=said.headers, body=said.content)
        response.headers.pop("Content-Length", None)
        await response.prepare(request)
        async for chunk in said.stream:
            await response.write(chunk)
        return response

    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/", answer)
    async with TestServer(app) as server:

        async def ask_server(
            session: aiohttp.ClientSession, method: str, url: Any, **options: Any
        ) -> aiohttp.ClientResponse:
            address = str(URL(url).extend_query(options.pop("params", None) or {}))
            options["headers"] = {**options.get("headers", {}), _ADDRESS: address}
            # Each request is to come once.
            session._retry_connection = False
            return await ask(session, method, server.make_url("/"), **options)

        with patch("aiohttp.ClientSession._request", ask_server):
            yield net
        assert not net.mistakes, net.mistakes


def _address(request: httpx.Request) -> str:
    # fal's own client says that it wants no logs, which changes nothing.
    return f"{request.method} {request.url}".removesuffix("?logs=false")


def _check_body(one: Exchange, request: httpx.Request) -> None:
    if one.sends is not None or one.has is not None:
        sent = json.loads(request.content)
        assert one.sends is None or is_like(one.sends, sent), f"{one.name} was sent {sent}"
        assert is_like(one.has or {}, sent, is_part=True), f"{one.name} was sent {sent}"
    for name in one.form:
        assert f'name="{name}"; filename="'.encode() in request.content, one.name
    if "mask" in one.form:
        # As OpenAI documents it; all pictures of the tests have this size.
        begin = request.content.index(b"\x89PNG")
        with Image.open(io.BytesIO(request.content[begin:])) as mask:
            assert (mask.mode, mask.size) == ("RGBA", (64, 48)), one.name


def is_like(wanted: Any, given: Any, *, is_part: bool = False) -> bool:
    """Whether they are the same, but for texts that may go on, and what else a part may have."""
    if isinstance(wanted, dict):
        has_names = isinstance(given, dict) and (is_part or wanted.keys() == given.keys())
        return has_names and all(
            is_like(value, given.get(name), is_part=is_part) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(given, list)
            and len(wanted) == len(given)
            and all(is_like(one, other) for one, other in zip(wanted, given, strict=True))
        )
    if isinstance(wanted, str) and wanted.endswith("*"):
        return isinstance(given, str) and given.startswith(wanted[:-1])
    return wanted == given
