"""The one HTTP client of all providers: errors by kind, bounded answers, streamed files."""

import asyncio
import json
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from imgbot.errors import ProviderError, ProviderErrorKind

ANSWER_LIMIT_BYTES = 1 << 20
"""JSON answers are short; a longer one is an attack or a mistake."""

PICTURE_LIMIT_BYTES = 50 << 20
"""Telegram takes documents up to 50 MB."""

_FETCH_DEADLINE_S = 120.0
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_KIND = ProviderErrorKind


class HttpDoor:
    """Calls one provider's API with its key, and fetches pictures without it."""

    def __init__(self, base_url: str, key: str, *, connections: int = 100) -> None:
        limits = httpx.Limits(max_connections=connections)
        self._base_url = base_url.rstrip("/")
        self._api = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"}, timeout=_TIMEOUT, limits=limits
        )
        # Results live on other hosts, which must never see the key.
        self._files = httpx.AsyncClient(timeout=_TIMEOUT, limits=limits)

    async def submit(self, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        """POST an order. Whether it was accepted must be known, or SUBMIT_UNKNOWN raised."""
        try:
            return await self._call("POST", path, json=body, headers={"Idempotency-Key": key})
        except _NOT_SENT as error:
            raise ProviderError(_KIND.UNAVAILABLE, type(error).__name__) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise ProviderError(_KIND.SUBMIT_UNKNOWN, type(error).__name__) from error

    async def ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Call anything that costs nothing; silence is UNAVAILABLE."""
        try:
            return await self._call(method, path, **options)
        except (httpx.HTTPError, TimeoutError) as error:
            raise ProviderError(_KIND.UNAVAILABLE, type(error).__name__) from error

    async def fetch(self, url: str, target: Path) -> None:
        """Stream a picture to `target` through a temporary name. No redirects, no key."""
        if not self._may_fetch(url):
            raise ProviderError(_KIND.FAILED, "the result has no address to be fetched from")
        part = target.with_name(f"{target.name}.part")
        try:
            async with asyncio.timeout(_FETCH_DEADLINE_S), self._files.stream("GET", url) as answer:
                _expect_file(answer)
                await _write(answer, part)
        except (httpx.HTTPError, TimeoutError) as error:
            raise ProviderError(_KIND.UNAVAILABLE, type(error).__name__) from error
        part.replace(target)

    def _may_fetch(self, url: str) -> bool:
        """The provider's own host as the operator named it, else public hosts by https."""
        try:
            there, own = urlsplit(url), urlsplit(self._base_url)
        except ValueError:
            return False
        if (there.scheme, there.netloc) == (own.scheme, own.netloc):
            return True
        return there.scheme == "https" and not _is_private(there.hostname or "")

    async def aclose(self) -> None:
        await self._api.aclose()
        await self._files.aclose()

    async def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        async with (
            asyncio.timeout(_FETCH_DEADLINE_S),
            self._api.stream(method, self._base_url + path, **options) as answer,
        ):
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > ANSWER_LIMIT_BYTES:
                    raise ProviderError(_unclear(method), "an endless answer")
            return _understood(method, answer, bytes(body))


def _understood(method: str, answer: httpx.Response, body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if answer.is_success:
        if not isinstance(content, dict):
            raise ProviderError(_unclear(method), "an answer that is not JSON")
        return content
    raise ProviderError(
        _kind_of(method, answer.status_code),
        f"HTTP {answer.status_code}",
        retry_after_s=_retry_after_s(answer),
    )


def _is_private(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host in {"", "localhost"} or host.endswith((".localhost", ".internal"))


def _unclear(method: str) -> ProviderErrorKind:
    # An order that was answered with nonsense may have been accepted.
    return _KIND.SUBMIT_UNKNOWN if method == "POST" else _KIND.UNAVAILABLE


def _kind_of(method: str, status: int) -> ProviderErrorKind:
    kinds = {401: _KIND.AUTH, 403: _KIND.AUTH, 402: _KIND.NO_CREDIT, 404: _KIND.LOST}
    kinds |= {429: _KIND.RATE_LIMITED, 451: _KIND.MODERATED}
    if status in kinds:
        return kinds[status]
    # A gateway may say these after the service behind it has taken the order.
    if status >= 500 or status in {408, 409}:
        return _unclear(method)
    return _KIND.INVALID


def _retry_after_s(answer: httpx.Response) -> float | None:
    value = answer.headers.get("Retry-After", "")
    return min(float(value), 3600.0) if value.isdecimal() else None


def _expect_file(answer: httpx.Response) -> None:
    if answer.status_code in {404, 410}:
        raise ProviderError(_KIND.LOST, f"HTTP {answer.status_code}")
    if not answer.is_success:
        raise ProviderError(_KIND.UNAVAILABLE, f"HTTP {answer.status_code}")


async def _write(answer: httpx.Response, part: Path) -> None:
    size_bytes = 0
    with part.open("wb") as file:
        async for chunk in answer.aiter_bytes(1 << 16):
            size_bytes += len(chunk)
            if size_bytes > PICTURE_LIMIT_BYTES:
                raise ProviderError(_KIND.FAILED, "the result is over 50 MB")
            file.write(chunk)
