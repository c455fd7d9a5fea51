"""Updates by HTTP POST, in order, each repeated until the bot answers with 2xx.

Telegram wants HTTPS and a public address. Such a one is accepted, but nothing is sent there, so
that the sandbox cannot be made to call other hosts: updates go to loopback addresses only.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from imgbot.sandbox.api_errors import bad_request
from imgbot.sandbox.updates import UpdateQueue

_FIRST_RETRY_S = 1.0
_LAST_RETRY_S = 60.0
_ANSWER_TIMEOUT_S = 60.0
_PORTS = frozenset({None, 80, 88, 443, 8443})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """Destination of updates, and the secret that proves their origin."""

    url: str
    secret: str
    max_connections: int


def checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_local = parts.hostname in _LOOPBACK and bool(parts.port)
    except ValueError:
        raise bad_request("bad webhook: URL is invalid") from None
    if parts.scheme != "https" and not is_local:
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if not is_local and parts.port not in _PORTS:
        raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
    return url


class Webhook:
    """Delivers while a target is set; otherwise waits for one."""

    def __init__(self, queue: UpdateQueue, now: Callable[[], float]) -> None:
        self._queue = queue
        self._now = now
        self._changed = asyncio.Event()
        self._last_error: tuple[int, str] | None = None
        self.target: WebhookTarget | None = None

    def wake(self) -> None:
        self._changed.set()

    def aim(self, target: WebhookTarget | None) -> None:
        self.target = target
        self._last_error = None
        self.wake()

    def info(self) -> dict[str, Any]:
        info: dict[str, Any] = {
            "url": self.target.url if self.target else "",
            "has_custom_certificate": False,
            "pending_update_count": self._queue.count(),
        }
        if self.target:
            info["ip_address"] = "127.0.0.1"
            info["max_connections"] = self.target.max_connections
        if self._queue.allowed:
            info["allowed_updates"] = self._queue.allowed
        if self._last_error:
            info["last_error_date"], info["last_error_message"] = self._last_error
        return info

    async def run(self) -> None:
        """Deliver forever; the HTTP session lives only while there is a target."""
        while True:
            if self.target is None:
                await self._wait(None)
                continue
            async with aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=_ANSWER_TIMEOUT_S)
            ) as session:
                await self._serve(session, self.target)

    async def _serve(self, session: aiohttp.ClientSession, target: WebhookTarget) -> None:
        retry_s = _FIRST_RETRY_S
        while self.target is target:
            batch = self._queue.batch(1)
            if not batch:
                await self._wait(None)
            elif await self._post(session, target, batch[0].text):
                self._queue.confirm(batch[0].id + 1)
                retry_s = _FIRST_RETRY_S
            else:
                await self._wait(retry_s)
                retry_s = min(retry_s * 2, _LAST_RETRY_S)

    async def _post(self, session: aiohttp.ClientSession, target: WebhookTarget, text: str) -> bool:
        if urlsplit(target.url).hostname not in _LOOPBACK:
            self._last_error = (int(self._now()), "Connection failed: no loopback address")
            return False
        headers = {"Content-Type": "application/json"}
        if target.secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = target.secret
        try:
            async with session.post(
                target.url, data=text.encode(), headers=headers, allow_redirects=False
            ) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            self._last_error = (int(self._now()), f"Connection failed: {type(error).__name__}")
            return False
        if 200 <= status < 300:
            return True
        self._last_error = (
            int(self._now()),
            f"Wrong response from the webhook: {status} {answer.reason}",
        )
        return False

    async def _wait(self, timeout_s: float | None) -> None:
        """Wait for a change; a retry is not cut short by more updates."""
        target = self.target
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    self._changed.clear()
                    await self._changed.wait()
                    if timeout_s is None or self.target is not target:
                        return
        except TimeoutError:
            return
