"""The one HTTP client of all providers: bounded answers, streamed files, a key that stays home.

It says what came back and decides nothing by it, but for what every server means alike:
whether an order was surely not sent, and whether silence may have been an acceptance.
"""

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx

from imgbot.domain.errors import FULL, ProviderError, ProviderErrorKind
from imgbot.files import PART, commit, copy_file, replace_file
from imgbot.providers.url_policy import Hosts, public_address, split

ANSWER_LIMIT_BYTES = 16 << 20
"""An answer may repeat the pictures of its order, or show every workflow that waits; a longer
one is an attack or a mistake."""

PICTURES_LIMIT_BYTES = 80 << 20
"""A picture of 50 MB, as Telegram takes it, in base64, with room for what stands around it."""

FETCHED_LIMIT_BYTES = 100 << 20
"""A larger result is reduced to what Telegram takes: it is paid for."""

_DATA_URI = re.compile(r"data:[^,]{0,200},")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")

ASK_DEADLINE_S = 30.0
FETCH_DEADLINE_S = 120.0
SUBMIT_DEADLINE_S = 120.0
STALL_DEADLINE_S = 20.0
_ROOM_AGAIN_S, _WAITS_FOR_ROOM = 5.0, 720
_CHUNK_BYTES = 64 << 10
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_HOPS = 3
_TEXT_CHARACTERS = 2000
_LONG_BYTES = 1 << 20
"""Decoded apart: pictures in JSON would hold up everything else."""

# A packed answer could be a thousand times longer than what was counted on its way.
_PLAIN = {"Accept-Encoding": "identity"}

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_AMBIGUOUS = frozenset({408, 409, 425})
_KIND = ProviderErrorKind


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that a call may take in all, however its bytes trickle."""

    ask_s: float = ASK_DEADLINE_S
    submit_s: float = SUBMIT_DEADLINE_S
    fetch_s: float = FETCH_DEADLINE_S
    stall_s: float = STALL_DEADLINE_S
    """In which a picture's next 64 KiB, or its end, must have come."""


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """What came back. `content` is the decoded JSON, None where it is none."""

    status: int
    headers: Mapping[str, str]
    content: Any
    text: str
    """The beginning of the body, for whoever looks for words in it."""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class ProviderHttpClient:
    """Calls one provider's API with its key, and fetches pictures without it."""

    def __init__(
        self,
        hosts: Hosts,
        auth: Mapping[str, str],
        *,
        deadlines: Timeouts | None = None,
        answer_limit_bytes: int = ANSWER_LIMIT_BYTES,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`auth` are the headers that carry the key; `hosts` say who may see them."""
        self._hosts = hosts
        self._auth = dict(auth)
        self._deadlines = deadlines or Timeouts()
        self._answer_limit_bytes = answer_limit_bytes
        # No proxy or netrc from the environment, no redirects: a key follows nobody.
        self._client = httpx.AsyncClient(
            timeout=_TIMEOUT,
            limits=httpx.Limits(max_connections=100),
            trust_env=False,
            transport=transport,
        )

    async def submit(self, method: str, url: str, **options: Any) -> ProviderResponse:
        """Send an order. Whether it was sent must be known, or SUBMIT_UNKNOWN is raised."""
        try:
            return await self._call(method, url, self._deadlines.submit_s, options)
        except _NOT_SENT as error:
            raise ProviderError(_KIND.UNAVAILABLE, type(error).__name__) from error
        except (httpx.HTTPError, OSError) as error:
            raise ProviderError(_KIND.SUBMIT_UNKNOWN, type(error).__name__) from error

    async def ask(self, method: str, url: str, **options: Any) -> ProviderResponse:
        """Call anything that costs nothing; silence is UNAVAILABLE."""
        try:
            return await self._call(method, url, self._deadlines.ask_s, options)
        except (httpx.HTTPError, OSError) as error:
            raise ProviderError(_KIND.UNAVAILABLE, type(error).__name__) from error

    async def fetch(self, url: str, target: Path, *, is_private: bool = False) -> None:
        """Stream a picture to `target` through a temporary name; without the key.

        `is_private` is for pictures on the configured server itself, behind the same door as
        its API: what is elsewhere never sees the key. A full disk is no fault of the provider's:
        its OSError is raised as it is.
        """
        part = target.with_name(f"{target.name}{PART}")
        auth = self._auth if is_private else {}
        try:
            async with asyncio.timeout(self._deadlines.fetch_s):
                await self._fetch(url, part, auth)
        except (httpx.HTTPError, OSError) as error:
            if isinstance(error, OSError) and error.errno in FULL:
                raise
            raise ProviderError(_KIND.UNAVAILABLE, type(error).__name__) from error
        await asyncio.to_thread(commit, part, target)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _call(
        self, method: str, url: str, deadline_s: float, options: dict[str, Any]
    ) -> ProviderResponse:
        headers = dict(options.pop("headers", {}))
        if options.pop("is_public", False):
            # An address out of an answer, for which the key is not meant.
            url, options["extensions"], more = await self._reached(url)
            headers |= more
        elif self._hosts.may_see_key(url):
            headers |= self._auth
        else:
            raise ProviderError(_KIND.LOST, "an address that the key must not be sent to")
        async with (
            asyncio.timeout(deadline_s),
            self._client.stream(method, url, headers=headers, **options) as answer,
        ):
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > self._answer_limit_bytes:
                    raise httpx.ReadError("an endless answer")
        is_long = len(body) > _LONG_BYTES
        return ProviderResponse(
            answer.status_code,
            dict(answer.headers),
            await asyncio.to_thread(_decoded, body) if is_long else _decoded(body),
            body[:_TEXT_CHARACTERS].decode(errors="replace"),
        )

    async def _fetch(self, url: str, part: Path, auth: Mapping[str, str]) -> None:
        for _ in range(_HOPS + 1):
            address, extensions, headers = await self._reached(url)
            if self._hosts.is_own(url):
                headers = {**headers, **auth}
            async with (
                asyncio.timeout(self._deadlines.stall_s) as stall,
                self._client.stream(
                    "GET", address, headers=headers, extensions=extensions
                ) as answer,
            ):
                if answer.is_redirect:
                    url = urljoin(url, answer.headers.get("Location", ""))
                    continue
                _expect_file(answer)
                await _write(answer, part, stall, self._deadlines.stall_s)
                return
        raise ProviderError(_KIND.FAILED, "the result is behind endless redirects")

    async def _reached(self, url: str) -> tuple[str, dict[str, Any], dict[str, str]]:
        """Return where to connect for a result: as configured, else by https to a public host."""
        if self._hosts.is_own(url):
            return url, {}, _PLAIN
        parts = split(url)
        if parts is None or parts.scheme != "https":
            raise ProviderError(_KIND.FAILED, "an address that is not https")
        host, port = parts.hostname or "", parts.port or 443
        address = await public_address(host, port)
        if address is None:
            raise ProviderError(_KIND.FAILED, "a host without a public address")
        shown = f"[{address}]" if ":" in address else address
        there = parts._replace(netloc=f"{shown}:{port}").geturl()
        # Connections are pooled by address: another name's request must not find this one there.
        headers = {"Host": parts.netloc, "Connection": "close"}
        return there, {"sni_hostname": host}, _PLAIN | headers


def proves_refusal(status: int) -> bool:
    """Whether a status alone proves that an order was not taken.

    A 503 does in the provider's own words only: gateways say it of orders that got through.
    """
    return 400 <= status < 500 and status not in _AMBIGUOUS


def _decoded(body: bytearray) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _expect_file(answer: httpx.Response) -> None:
    if answer.status_code in {403, 404, 410, 421}:
        raise ProviderError(_KIND.EXPIRED, f"HTTP {answer.status_code}")
    if not answer.is_success:
        raise ProviderError(_KIND.UNAVAILABLE, f"HTTP {answer.status_code}")


async def _write(
    answer: httpx.Response, part: Path, stall: asyncio.Timeout, stall_s: float
) -> None:
    size_bytes = 0
    with part.open("wb") as file:
        # Each chunk but the last is full.
        async for chunk in answer.aiter_bytes(_CHUNK_BYTES):
            stall.reschedule(asyncio.get_running_loop().time() + stall_s)
            size_bytes += len(chunk)
            if size_bytes > FETCHED_LIMIT_BYTES:
                raise ProviderError(_KIND.TOO_HEAVY, "the result is over 100 MB")
            file.write(chunk)


def write_base64(encoded: str, target: Path) -> None:
    """Write a base64 picture. Raises ProviderError for what is none, OSError."""
    text = _DATA_URI.sub("", encoded, count=1) if encoded.startswith("data:") else encoded
    try:
        plain = text.encode("ascii").translate(_URL_SAFE, b" \t\r\n").rstrip(b"=")
        content = base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except ValueError as error:
        raise ProviderError(_KIND.FAILED, "the result is not base64") from error
    replace_file(target, content)


async def keep_base64(encoded: str, target: Path) -> None:
    """Write a base64 picture that is nowhere else: a full disk is waited for. Raises as above."""
    for _ in range(_WAITS_FOR_ROOM):
        try:
            return await asyncio.to_thread(write_base64, encoded, target)
        except OSError as error:
            if error.errno not in FULL:
                raise
        await asyncio.sleep(_ROOM_AGAIN_S)
    return await asyncio.to_thread(write_base64, encoded, target)


async def copy_result(path: str, target: Path) -> None:
    """Copy a picture that the order's answer brought. Raises ProviderError, OSError."""
    try:
        await asyncio.to_thread(copy_file, path, target)
    except FileNotFoundError as error:
        raise ProviderError(_KIND.EXPIRED, "the picture's file is gone") from error


def retry_after_s(answer: ProviderResponse) -> float | None:
    """Return the seconds that the Retry-After header asks for, an hour at most."""
    value = answer.headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        return None
    return min(seconds, 3600.0) if seconds >= 0 else None
