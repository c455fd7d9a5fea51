"""Webhooks of a played provider: signed by the scheme of its preset, sent to this machine alone."""

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SECRET = "whsec_c2FuZGJveC13ZWJob29rLWtleQ=="  # noqa: S105 -- of no account
_TIMEOUT_S = 15.0
_ATTEMPTS = 3
_AGAIN_S = 0.5
_MAX_WAITING = 1000
_FAL_USER = "played-user"

Webhook = tuple[dict[str, str], bytes]
"""Headers and body."""


class WebhookSender:
    """Posts in a task group of the sandbox's."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._tasks: set[asyncio.Task[None]] = set()

    def plan(self, url: str, due_s: float, make: Callable[[], Sequence[Webhook]]) -> None:
        """Post what `make` returns at the loop's time `due_s`; never to another machine."""
        if urlsplit(url).hostname not in LOOPBACK or len(self._tasks) >= _MAX_WAITING:
            return
        task = self._group.create_task(self._post(url, due_s, make))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _post(self, url: str, due_s: float, make: Callable[[], Sequence[Webhook]]) -> None:
        await asyncio.sleep(due_s - asyncio.get_running_loop().time())
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for webhook in make():
                await _deliver(session, url, webhook)


async def _deliver(session: aiohttp.ClientSession, url: str, webhook: Webhook) -> None:
    headers, body = webhook
    for attempt in range(_ATTEMPTS):
        await asyncio.sleep(_AGAIN_S if attempt else 0)
        try:
            async with session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                if answer.status < 500:
                    return
        except (aiohttp.ClientError, TimeoutError):
            continue


def forged(webhook: Webhook) -> Webhook:
    """Return the same webhook with the signature of somebody who does not have the key."""
    headers, body = webhook
    fake = {name: secrets.token_hex(64) for name in headers if name.lower().endswith("signature")}
    return headers | fake, body


def published_key(scheme: str) -> Any:
    """Return what a provider of that scheme publishes for checking its webhooks."""
    if scheme != "fal":
        return SECRET
    public = _fal_key().public_key().public_bytes_raw()
    x = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
    return [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "played", "x": x}]


def signed(scheme: str, task_id: str, stamp_s: int, body: bytes) -> Webhook:
    """Return a webhook as a provider of that scheme signs it."""
    secret = SECRET.removeprefix("whsec_")
    headers: dict[str, str] = {}
    match scheme:
        case "standard":
            headers = _standard(base64.b64decode(secret), stamp_s, body)
        case "standard_raw":
            headers = _standard(secret.encode(), stamp_s, body)
        case "kie":
            digest = hmac.digest(SECRET.encode(), f"{task_id}.{stamp_s}".encode(), "sha256")
            signature = base64.b64encode(digest).decode()
            headers = {"X-Webhook-Timestamp": str(stamp_s), "X-Webhook-Signature": signature}
        case "fal":
            headers = _fal(task_id, stamp_s, body)
        case _:
            pass
    return {"Content-Type": "application/json"} | headers, body


def _standard(key: bytes, stamp_s: int, body: bytes) -> dict[str, str]:
    """Standard Webhooks, https://github.com/standard-webhooks/standard-webhooks."""
    name = f"msg_{secrets.token_hex(12)}"
    digest = hmac.digest(key, f"{name}.{stamp_s}.".encode() + body, "sha256")
    return {
        "webhook-id": name,
        "webhook-timestamp": str(stamp_s),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _fal(task_id: str, stamp_s: int, body: bytes) -> dict[str, str]:
    lines = (task_id, _FAL_USER, str(stamp_s), hashlib.sha256(body).hexdigest())
    return {
        "X-Fal-Webhook-Request-Id": task_id,
        "X-Fal-Webhook-User-Id": _FAL_USER,
        "X-Fal-Webhook-Timestamp": str(stamp_s),
        "X-Fal-Webhook-Signature": _fal_key().sign("\n".join(lines).encode()).hex(),
    }


def _fal_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(SECRET.encode()).digest())
