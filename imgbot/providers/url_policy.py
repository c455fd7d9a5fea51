"""URL policy: hosts that may be called with the provider's key, without it, or not at all.

What the operator or a preset names is trusted. A URL from a provider's response is not: it may
point into the operator's own network.
"""

import functools
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import IPv4Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver

from imgbot.domain.errors import ProviderError, ProviderErrorKind

_DEFAULT_PORTS = {"http": 80, "https": 443}

_NAT64 = ip_network("64:ff9b::/96")
_NOT_PUBLIC = tuple(
    ip_network(text)
    for text in ("::/8", "2002::/16", "fec0::/10", "ff00::/8", "192.0.0.0/24", "224.0.0.0/4")
)
"""Ranges that some versions of `is_global` count as public: IPv4 in IPv6, site-local, multicast."""


_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
"""Last part of a host that resolvers take for an IPv4 address, as they do 127.1 and 0x7f000001."""


def split(url: str) -> SplitResult | None:
    """Return the parts of an absolute http(s) URL without credentials, else None."""
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in _DEFAULT_PORTS and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if is_usable and parts.username is None else None


@functools.lru_cache(1024)
def origin_of(url: str) -> str:
    """Return scheme, host and port as one comparable string; empty for an invalid URL."""
    parts = split(url)
    if parts is None:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{parts.port or _DEFAULT_PORTS[parts.scheme]}"


def far_address(url: str) -> tuple[str, int] | None:
    """Return host and port of a URL; None for this machine's own, and for an invalid one."""
    parts = split(url)
    host = (parts.hostname if parts else None) or "localhost"
    with suppress(ValueError):
        host = "localhost" if ip_address(host).is_loopback else host
    if parts is None or host == "localhost":
        return None
    return host, parts.port or _DEFAULT_PORTS[parts.scheme]


class Hosts:
    """The operator's own origins, and the hosts that may receive the key.

    `origins` are base URLs as configured; `key_hosts` are host names, `*.example.com` for all
    subdomains.
    """

    def __init__(self, origins: Iterable[str], key_hosts: Iterable[str]) -> None:
        self._origins = frozenset(origin_of(origin) for origin in origins) - {""}
        self._names = frozenset(host.lower() for host in key_hosts if not host.startswith("*."))
        self._tails = tuple(host[1:].lower() for host in key_hosts if host.startswith("*."))

    def is_own(self, url: str) -> bool:
        """Return true if the operator's configuration names this origin."""
        return origin_of(url) in self._origins

    def may_see_key(self, url: str) -> bool:
        """Return true if a call to this URL may carry the key."""
        if self.is_own(url):
            return True
        parts = split(url)
        if parts is None or parts.scheme != "https" or parts.port not in {None, 443}:
            return False
        host = (parts.hostname or "").lower()
        return host in self._names or host.endswith(self._tails)


def is_allowed(url: str) -> bool:
    """Return true for an https URL whose host is a name, or a public address."""
    parts = split(url)
    if parts is None or parts.scheme != "https":
        return False
    host = parts.hostname or ""
    try:
        return is_public(host)
    except ValueError:
        return not _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2])


class PublicResolver(ThreadedResolver):
    """Resolver of names with public addresses only.

    Connecting to the addresses that were checked leaves no time for the name to change (DNS
    rebinding).
    """

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        if not all(is_public(each["host"]) for each in found):
            raise ProviderError(ProviderErrorKind.FAILED, "the host has no public address")
        return found


def is_public(address: str) -> bool:
    """Return true for a public address; stricter than Python's `is_global`."""
    found = ip_address(address)
    if found in _NAT64:
        # An IPv6-only server reaches every IPv4 host through such an address.
        found = IPv4Address(int(found) & 0xFFFF_FFFF)
    return found.is_global and not any(found in network for network in _NOT_PUBLIC)
