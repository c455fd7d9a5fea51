"""Status of the running service: indicators, document, page and command."""

import hmac
from typing import Any

Document = dict[str, Any]
"""Status as a JSON object."""

HTTP_SETTING = "IMGBOT_HTTP"

STATUSES = ("ok", "failed", "rejected", "cancelled")
"""How jobs end, as it counts them."""


def operator_key(token: str) -> str:
    """Return the password of the operator: each account of the machine reaches the status."""
    return hmac.digest(token.encode(), b"imgbot status", "sha256").hex()[:24]
