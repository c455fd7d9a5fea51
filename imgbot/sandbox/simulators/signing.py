"""Signatures of webhooks, each provider's own."""

import base64
import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def replicate_headers(secret: str, hook_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """Headers of the Standard Webhooks scheme; the secret begins with `whsec_`."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{hook_id}.{timestamp_s}.".encode() + body
    digest = hmac.digest(key, signed, "sha256")
    return {
        "webhook-id": hook_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def fal_headers(
    seed: bytes, request_id: str, user_id: str, timestamp_s: int, body: bytes
) -> dict[str, str]:
    """Headers with an Ed25519 signature by the key that the seed makes."""
    digest = hashlib.sha256(body).hexdigest()
    message = "\n".join([request_id, user_id, str(timestamp_s), digest])
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(message.encode())
    return {
        "X-Fal-Webhook-Request-Id": request_id,
        "X-Fal-Webhook-User-Id": user_id,
        "X-Fal-Webhook-Timestamp": str(timestamp_s),
        "X-Fal-Webhook-Signature": signature.hex(),
    }


def fal_key_set(seed: bytes) -> dict[str, list[dict[str, str]]]:
    """The key set (JWKS) that fal's signatures are checked with."""
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    x = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
    return {"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "sim", "x": x}]}


def kie_headers(key: str, task_id: str, timestamp_s: int) -> dict[str, str]:
    """Headers that sign the task's id and the time, and not the body."""
    digest = hmac.digest(key.encode(), f"{task_id}.{timestamp_s}".encode(), "sha256")
    return {
        "X-Webhook-Timestamp": str(timestamp_s),
        "X-Webhook-Signature": base64.b64encode(digest).decode(),
    }


def wavespeed_headers(secret: str, hook_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """As the Standard Webhooks, but the text after `whsec_` is the key itself, not decoded."""
    key = secret.removeprefix("whsec_").encode()
    digest = hmac.digest(key, f"{hook_id}.{timestamp_s}.".encode() + body, "sha256")
    return {
        "webhook-id": hook_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v3,{digest.hex()}",
    }


def bfl_headers(secret: str, body: bytes) -> dict[str, str]:
    digest = hmac.digest(secret.encode(), body, "sha256")
    return {"X-BFL-Signature": f"sha256={digest.hex()}"}
