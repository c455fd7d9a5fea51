"""Access rules of the status page: this machine, or the configured address.

A page of a foreign site can make a browser ask; it must neither be answered (DNS rebinding: its
name resolves to this machine, and its `Host` gives it away) nor fill the places of those who may.
"""

from collections.abc import Mapping
from ipaddress import ip_address

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


def is_known_host(host: str, configured: str) -> bool:
    """True if a request's `Host` (without or with a port) is one of our names.

    `configured` is the host of IMGBOT_HTTP. Where that is every address of the machine, any
    literal address will do: no name can be rebound to it.
    """
    name = _without_port(host).lower()
    if name == "localhost" or name == configured.lower():
        return bool(name)
    if not _is_address(name):
        return False
    if ip_address(name).is_loopback:
        return True
    return _is_address(configured) and (
        ip_address(configured).is_unspecified or ip_address(configured) == ip_address(name)
    )


def is_from_elsewhere(headers: Mapping[str, str]) -> bool:
    """True if a browser sends the request on behalf of another site."""
    return headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}


def is_operator(remote: str | None, headers: Mapping[str, str]) -> bool:
    """True if the request comes from this machine itself, not through a proxy on it."""
    is_forwarded = any(name in headers for name in _FORWARDED)
    return (
        bool(remote) and _is_address(remote or "") and _is_here(remote or "") and not is_forwarded
    )


def _is_here(address: str) -> bool:
    found = ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
