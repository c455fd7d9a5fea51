"""HTTP client of all providers: bounded responses, streamed downloads, no key to other hosts.

It reports what came back and interprets only what is the same for every server: whether a submit
was certainly not sent, and whether a missing response may hide an accepted task.
"""

import asyncio
import base64
import functools
import json
import re
import zlib
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urljoin

import aiohttp
import httpx
from yarl import URL

from imgbot.domain.errors import FULL, ProviderError, ProviderErrorKind
from imgbot.files import PART, commit, copy_file, replace_file
from imgbot.providers.protocol import Timeouts
from imgbot.providers.url_policy import Hosts, PublicResolver, is_allowed

PICTURES_LIMIT_BYTES = 80 << 20
"""A 50 MB picture (Telegram's limit) in base64, plus the JSON around it."""

FETCHED_LIMIT_BYTES = 100 << 20
"""Larger than what Telegram takes: such a result is paid for, and is reduced before delivery."""

TEXT_CHARACTERS = 2000
"""Length of an error text that is searched by patterns."""

_DATA_URI = re.compile(r"data:[^,]{0,200},")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")

_ROOM_AGAIN_S = 5.0
_MAX_REDIRECTS = 3
_LONGEST_WAIT_S = 3600.0

_PLAIN = {"Accept-Encoding": "identity"}
_ZIPPED = {"Accept-Encoding": "gzip"}
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32

_parsed = functools.lru_cache(1024)(httpx.URL)
"""A task is polled several times, and parsing is a seventh of the cost of a poll."""

_NOT_SENT = (httpx.ConnectError, httpx.InvalidURL)
_LOST_CONNECTION = (httpx.HTTPError, httpx.InvalidURL, OSError)
_AMBIGUOUS = frozenset({408, 409, 425})
"""Errors that prove no refusal: the task may have been accepted, and is paid for then."""
_KIND = ProviderErrorKind

STATUS_KINDS: Mapping[int, ProviderErrorKind] = {
    401: _KIND.AUTH,
    402: _KIND.NO_CREDIT,
    403: _KIND.AUTH,
    413: _KIND.UNSUITABLE,
    429: _KIND.RATE_LIMITED,
}
"""Error kind by HTTP status, where a response does not say more."""

ORDER_KINDS: Mapping[int, ProviderErrorKind] = {
    **STATUS_KINDS,
    404: _KIND.NOT_FOUND,
    405: _KIND.NOT_FOUND,
}
"""The same for orders: there is no task yet that could be missing."""


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """HTTP response; `content` is the decoded JSON, None if the body is not JSON."""

    status: int
    headers: Mapping[str, str]
    content: Any
    text: str
    """Beginning of the body, for error rules that match words."""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class ProviderHttpClient:
    """Calls one provider's API with its key; downloads pictures without it."""

    def __init__(
        self,
        hosts: Hosts,
        auth: Mapping[str, str],
        *,
        deadlines: Timeouts | None = None,
        answer_limit_bytes: int = 16 << 20,
    ) -> None:
        """Create a client that sends `auth` headers to `hosts` only.

        A response may repeat the pictures of its request, or list every queued workflow.
        """
        self._hosts = hosts
        self._auth = dict(auth)
        self._deadlines = deadlines or Timeouts()
        self._answer_limit_bytes = answer_limit_bytes
        self._own, self._public = _AiohttpTransport(None), _AiohttpTransport(PublicResolver)

    async def submit(self, method: str, url: str, **options: Any) -> ProviderResponse:
        """Send a submit by POST. Raises SUBMIT_UNKNOWN unless it is certain whether it was sent."""
        try:
            return await self._call(method, url, self._deadlines.submit_s, **options)
        except _NOT_SENT as error:
            raise ProviderError(_KIND.UNAVAILABLE, type(error).__name__) from error
        except _LOST_CONNECTION as error:
            raise ProviderError(_KIND.SUBMIT_UNKNOWN, type(error).__name__) from error

    async def ask(self, method: str, url: str, **options: Any) -> ProviderResponse:
        """Send a free request; a missing response is UNAVAILABLE."""
        is_upload = "files" in options or "content" in options
        deadline_s = self._deadlines.submit_s if is_upload else self._deadlines.ask_s
        try:
            return await self._call(method, url, deadline_s, **options)
        except _LOST_CONNECTION as error:
            raise ProviderError(_KIND.UNAVAILABLE, type(error).__name__) from error

    async def fetch(self, url: str, target: Path, *, is_private: bool = False) -> None:
        """Stream a picture to `target` through a temporary name, without the key.

        `is_private` is for pictures on the configured server itself, which wants the key for them;
        other hosts never see it. The OSError of a full disk is raised as it is, since the provider
        is not at fault.
        """
        part = target.with_name(f"{target.name}{PART}")
        try:
            async with asyncio.timeout(self._deadlines.fetch_s):
                await self._fetch(url, part, self._auth if is_private else {})
        except _LOST_CONNECTION as error:
            if isinstance(error, OSError) and error.errno in FULL:
                raise
            raise ProviderError(_KIND.UNAVAILABLE, type(error).__name__) from error
        await asyncio.to_thread(commit, part, target)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._own.aclose()
        await self._public.aclose()

    async def _send(
        self, request: httpx.Request, *, is_foreign: bool
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """Send a request; one to a foreign URL goes to public hosts over https only."""
        url = str(request.url)
        if not is_foreign or self._hosts.is_own(url):
            return aclosing(await self._own.handle_async_request(request))
        if not is_allowed(url):
            raise ProviderError(_KIND.FAILED, "the URL is not https, or its host is not public")
        return aclosing(await self._public.handle_async_request(request))

    async def _call(
        self,
        method: str,
        url: str,
        deadline_s: float,
        *,
        is_public: bool = False,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        **options: Any,
    ) -> ProviderResponse:
        """Call an address; `is_public` is one from a response, which must not see the key."""
        if not is_public and not self._hosts.may_see_key(url):
            raise ProviderError(_KIND.LOST, "the key must not be sent to this URL")
        body = bytearray()
        request = httpx.Request(
            method,
            # By itself, a request takes its `params` in place of the query that the URL has.
            _parsed(url).copy_merge_params(params) if params else _parsed(url),
            headers=_ZIPPED | dict(headers or {}) | (_PLAIN if is_public else self._auth),
            **options,
        )
        async with (
            asyncio.timeout(deadline_s),
            await self._send(request, is_foreign=is_public) as answer,
        ):
            async for chunk in _unpacked(answer):
                body += chunk
                if len(body) > self._answer_limit_bytes:
                    raise httpx.ReadError("response too long")
        # Bodies above this are decoded in a thread: pictures in JSON would block the event loop.
        is_long = len(body) > 1 << 20
        return ProviderResponse(
            answer.status_code,
            answer.headers,
            await asyncio.to_thread(_decoded, body) if is_long else _decoded(body),
            body[:TEXT_CHARACTERS].decode(errors="replace"),
        )

    async def _fetch(self, url: str, part: Path, auth: Mapping[str, str]) -> None:
        limits = {"timeout": {"read": self._deadlines.stall_s}}
        for _ in range(1 + _MAX_REDIRECTS):
            headers = {**_PLAIN, **auth} if self._hosts.is_own(url) else _PLAIN
            request = httpx.Request("GET", url, headers=headers, extensions=limits)
            async with await self._send(request, is_foreign=True) as answer:
                if answer.is_redirect:
                    url = urljoin(url, answer.headers.get("Location", ""))
                    continue
                _check_is_file(answer.status_code)
                await _write(answer, part)
                return
        raise ProviderError(_KIND.FAILED, "too many redirects to the result")


class _AiohttpTransport(httpx.AsyncBaseTransport):
    """Transport of httpx over aiohttp: httpcore looks at each open connection for each request.

    The package httpx-aiohttp reports a connection that broke after a submit as one that was never
    opened, and encodes signed URLs anew.
    """

    def __init__(self, resolver: type[PublicResolver] | None) -> None:
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._session is None:
            # Jobs in flight are bounded already, so connections are not. No proxy or netrc from the
            # environment, no cookies and no redirects, so that the key goes nowhere else.
            # Servers close idle ones after 5 s or later: a submit must meet none that is closing.
            connector = aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=4.0,
                ssl=httpx.create_ssl_context(trust_env=False),
                resolver=self._resolver() if self._resolver else None,
            )
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            )
        try:
            body: bytes | httpx.AsyncByteStream = request.content
        except httpx.RequestNotRead:
            body = cast("httpx.AsyncByteStream", request.stream)
        with _httpx_errors():
            answer = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers,
                data=body or None,
                timeout=aiohttp.ClientTimeout(
                    sock_connect=10.0,
                    sock_read=request.extensions.get("timeout", {}).get("read"),
                ),
                allow_redirects=False,
            )
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer))

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors():
            async for chunk in self._answer.content.iter_any():
                yield chunk

    async def aclose(self) -> None:
        self._answer.release()


@contextmanager
def _httpx_errors() -> Generator[None]:
    try:
        yield
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise httpx.ConnectError(type(error).__name__) from error
    except (aiohttp.ClientError, OSError) as error:
        raise httpx.ReadError(type(error).__name__) from error


def proves_refusal(status: int) -> bool:
    """Return true if the status alone proves that no task was created.

    A 503 proves it only in the provider's own words: gateways send it for requests that got
    through.
    """
    return 400 <= status < 500 and status not in _AMBIGUOUS


def _decoded(body: bytearray) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


async def _unpacked(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the body in pieces; a compressed one could unpack to a thousand times its bytes."""
    if answer.headers.get("Content-Encoding", "").lower() not in {"gzip", "x-gzip", "deflate"}:
        async for chunk in answer.aiter_raw():
            yield chunk
        return
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        async for chunk in answer.aiter_raw():
            rest = chunk
            while piece := unpacker.decompress(rest, 64 << 10):
                yield piece
                rest = unpacker.unconsumed_tail
    except zlib.error as error:
        raise httpx.DecodingError("not compressed as its header says") from error


def _check_is_file(status: int) -> None:
    if status in {403, 404, 410, 421}:
        raise ProviderError(_KIND.EXPIRED, f"HTTP {status}")
    if not 200 <= status < 300:
        raise ProviderError(_KIND.UNAVAILABLE, f"HTTP {status}")


async def _write(answer: httpx.Response, part: Path) -> None:
    size_bytes = 0
    with part.open("wb") as file:
        async for chunk in _unpacked(answer):
            size_bytes += len(chunk)
            if size_bytes > FETCHED_LIMIT_BYTES:
                raise ProviderError(_KIND.TOO_HEAVY, "the result is over 100 MB")
            file.write(chunk)


def write_base64(encoded: str, target: Path) -> None:
    """Write a base64 picture. Raises ProviderError for invalid base64, OSError."""
    text = _DATA_URI.sub("", encoded, count=1) if encoded.startswith("data:") else encoded
    try:
        plain = text.encode("ascii").translate(_URL_SAFE, b" \t\r\n").rstrip(b"=")
        content = base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except ValueError as error:
        raise ProviderError(_KIND.FAILED, "the result is not base64") from error
    replace_file(target, content)


async def keep_base64(encoded: str, target: Path) -> None:
    """Write a base64 picture that exists nowhere else, waiting while the disk is full.

    Raises as `write_base64`; OSError for a full disk after an hour.
    """
    for _ in range(720):
        try:
            return await asyncio.to_thread(write_base64, encoded, target)
        except OSError as error:
            if error.errno not in FULL:
                raise
        await asyncio.sleep(_ROOM_AGAIN_S)
    return await asyncio.to_thread(write_base64, encoded, target)


async def copy_result(path: str, target: Path) -> None:
    """Copy a picture that came with the submit response. Raises ProviderError, OSError."""
    try:
        await asyncio.to_thread(copy_file, path, target)
    except FileNotFoundError as error:
        raise ProviderError(_KIND.EXPIRED, "the picture's file is gone") from error


def retry_after_s(answer: ProviderResponse) -> float | None:
    """Return the Retry-After header in seconds, at most an hour; None without one."""
    return seconds_of(answer.headers.get("retry-after", ""))


def seconds_of(text: str) -> float | None:
    """Return a wait in seconds, at most an hour; None for a text that is no wait."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    # Not even a NaN is zero or more.
    return min(seconds, _LONGEST_WAIT_S) if seconds >= 0 else None
