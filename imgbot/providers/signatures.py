"""Webhook signatures: four schemes, pure, compared in constant time.

A webhook is only a hint: a forged one could cause one extra poll. Even so, none is accepted
unsigned from a provider that signs.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_TOLERANCE_S = 300.0
"""Accepted age of a signed webhook, and accepted lead of its clock."""

_MAX_SIGNATURES, _MAX_KEYS = 10, 20
"""Signatures of a webhook, and published keys, that are compared at most."""


def verify_standard(
    key: str, headers: Mapping[str, str], body: bytes, now_s: float, *, is_raw: bool = False
) -> bool:
    """Standard Webhooks: the key after `whsec_` is base64 (Replicate), or raw text (WaveSpeed)."""
    try:
        text = key.removeprefix("whsec_")
        secret = text.encode() if is_raw else base64.b64decode(text, validate=True)
    except ValueError:
        return False
    name, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not secret or not _is_fresh(stamp, now_s):
        return False
    digest = hmac.digest(secret, f"{name}.{stamp}.".encode() + body, "sha256")
    # One provider's prefix and encoding are not documented reliably.
    expected = (base64.b64encode(digest), digest.hex().encode())
    given = headers.get("webhook-signature", "").split()[:_MAX_SIGNATURES]
    return any(
        hmac.compare_digest(one, entry.rpartition(",")[2].encode())
        for entry in given
        for one in expected
    )


def verify_kie(key: str, headers: Mapping[str, str], task_id: str, now_s: float) -> bool:
    """kie.ai: task id and time are signed, the body is not."""
    stamp = headers.get("x-webhook-timestamp", "")
    if not _is_fresh(stamp, now_s):
        return False
    expected = hmac.digest(key.encode(), f"{task_id}.{stamp}".encode(), "sha256")
    given = headers.get("x-webhook-signature", "")
    return hmac.compare_digest(base64.b64encode(expected), given.encode())


def verify_fal(keys: Any, headers: Mapping[str, str], body: bytes, now_s: float) -> bool:
    """fal: Ed25519 with any key of its JWKS."""
    stamp = headers.get("x-fal-webhook-timestamp", "")
    if not _is_fresh(stamp, now_s):
        return False
    parts = (
        headers.get("x-fal-webhook-request-id", ""),
        headers.get("x-fal-webhook-user-id", ""),
        stamp,
        hashlib.sha256(body).hexdigest(),
    )
    message = "\n".join(parts).encode()
    try:
        signature = bytes.fromhex(headers.get("x-fal-webhook-signature", ""))
    except ValueError:
        return False
    listed = keys[:_MAX_KEYS] if isinstance(keys, list) else []
    return any(_is_signed(key, signature, message) for key in listed)


def _is_signed(key: Any, signature: bytes, message: bytes) -> bool:
    text = key.get("x") if isinstance(key, Mapping) else None
    if not isinstance(text, str):
        return False
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _is_fresh(stamp: str, now_s: float) -> bool:
    return stamp.isascii() and stamp.isdecimal() and abs(int(stamp[:12]) - now_s) <= _TOLERANCE_S
