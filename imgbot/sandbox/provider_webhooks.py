"""Webhooks of a played provider: signed by the scheme of its preset, sent to this machine alone."""

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from imgbot.aio import Start

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SECRET = "whsec_c2FuZGJveC13ZWJob29rLWtleQ=="  # noqa: S105 -- of no account
_TIMEOUT = aiohttp.ClientTimeout(total=15.0)
_PAUSES_S = (0.0, 0.5, 0.5)
"""Before each attempt."""
_FAL_USER = "played-user"

Webhook = tuple[dict[str, str], bytes]
"""Headers and body."""


class WebhookSender:
    """Posts webhooks when they are due."""

    def __init__(self, start: Start) -> None:
        self._start = start

    def plan(self, url: str, due_s: float, make: Callable[[], Sequence[Webhook]]) -> None:
        """Post what `make` returns at the loop's time `due_s`; never to another machine."""
        if urlsplit(url).hostname in LOOPBACK:
            self._start(self._post(url, due_s, make))

    async def _post(self, url: str, due_s: float, make: Callable[[], Sequence[Webhook]]) -> None:
        await asyncio.sleep(due_s - asyncio.get_running_loop().time())
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            for headers, body in make():
                for pause_s in _PAUSES_S:
                    await asyncio.sleep(pause_s)
                    with suppress(aiohttp.ClientError, TimeoutError):
                        async with session.post(
                            url, data=body, headers=headers, allow_redirects=False
                        ) as answer:
                            if answer.status < 500:
                                break


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
    secret, headers = SECRET.removeprefix("whsec_"), dict[str, str]()
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
