"""Types of the settings, with their parsers and checks.

Each raises ValueError without a sentence: what to write instead stands in settings.toml.
"""

import ipaddress
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

from imgbot.domain.operations import ACTIONS
from imgbot.domain.order_pace import OrderLimit

_TOKEN = re.compile(r"\d{6,20}:[A-Za-z0-9_-]{30,100}")
_USD = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_RATE = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,3})?(s|min|h)")
_SECONDS = {"s": 1, "min": 60, "h": 3600}
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}")


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a TCP port to listen on."""

    host: str
    port: int

    @property
    def reachable(self) -> "Address":
        """The address by which this machine reaches what listens here."""
        any_host = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
        return Address(any_host.get(self.host, self.host), self.port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(value: object) -> Address:
    if isinstance(value, Address):
        return value
    host, colon, port = str(value).strip().rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > 65_535:
        raise ValueError
    if host.startswith("[") and host.endswith("]"):
        host = str(ipaddress.IPv6Address(host[1:-1]))
    elif not _HOST.fullmatch(host):
        raise ValueError
    return Address(host, int(port))


def parse_ids(value: object) -> object:
    """Ids of people, and of groups, which are negative."""
    ids = [part for text in str(value).split(",") if (part := text.strip())]
    if not all(re.fullmatch(r"-?[0-9]{1,16}", part) for part in ids):
        raise ValueError
    return tuple(sorted({int(part) for part in ids}))


def parse_prices(value: object) -> object:
    """US dollars by operation, as (operation, micro-dollars)."""
    return tuple(sorted((name, parse_usd(price)) for name, price in parse_models(value)))


def parse_provider_urls(value: object) -> object:
    """One address, or several with the names of their providers, as (name, address)."""
    text = str(value).strip()
    if text.startswith(("http://", "https://")) and "," not in text:
        return (("", check_http_url(text)),)
    return tuple((name, check_http_url(url)) for name, url in _pairs(text))


def parse_provider_limits(value: object) -> object:
    """Orders per time by provider, as (name, limit)."""
    return tuple((name, _order_limit(text)) for name, text in _pairs(str(value)))


def _order_limit(text: str) -> OrderLimit:
    found = _RATE.fullmatch(text)
    if not found:
        raise ValueError
    return OrderLimit(int(found[1]), float(found[2] or 1) * _SECONDS[found[3]])


def parse_models(value: object) -> tuple[tuple[str, str], ...]:
    """Models, or other words, by operation."""
    pairs = _pairs(str(value))
    if not dict(pairs).keys() <= set(ACTIONS):
        raise ValueError
    return pairs


def _pairs(value: str) -> tuple[tuple[str, str], ...]:
    parts = [text.partition("=") for part in value.split(",") if (text := part.strip())]
    found = {name.strip(): entry.strip() for name, _, entry in parts}
    if len(found) < len(parts) or not all(name and entry for name, entry in found.items()):
        raise ValueError
    return tuple(found.items())


def parse_usd(value: object) -> int:
    """US dollars as whole micro-dollars."""
    dollars = str(value).strip()
    if not _USD.fullmatch(dollars):
        raise ValueError
    return int(Decimal(dollars) * 1_000_000)


def check_token(value: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(value.get_secret_value()):
        raise ValueError
    return value


def check_http_url(value: str) -> str:
    if not value:
        return value
    parts = urlsplit(value)
    # A password in a URL ends in logs and error texts; keys have settings of their own.
    is_usable = parts.scheme in {"http", "https"} and parts.hostname and parts.username is None
    if not is_usable or parts.query or parts.fragment or (parts.port == 0):
        raise ValueError
    return value.rstrip("/")


def check_https_url(value: str) -> str:
    # Providers post to nothing else; loopback is for the sandbox.
    host = urlsplit(value).hostname or ""
    if value and not (value.startswith("https://") or host in {"127.0.0.1", "localhost", "::1"}):
        raise ValueError
    return check_http_url(value)


def check_redis_url(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme in {"redis", "rediss"}:
        is_usable = parts.hostname and re.fullmatch(r"(/\d*)?", parts.path) and parts.port != 0
    else:
        is_usable = parts.scheme == "unix" and parts.path.startswith("/")
    if not is_usable:
        raise ValueError
    return value


Secret = SecretStr
Token = Annotated[SecretStr, AfterValidator(check_token)]
RedisUrl = Annotated[SecretStr, AfterValidator(check_redis_url)]
HttpUrl = Annotated[str, AfterValidator(check_http_url)]
HttpsUrl = Annotated[str, AfterValidator(check_https_url)]
AddressToListenOn = Annotated[Address, BeforeValidator(parse_address)]
Usd = Annotated[int, BeforeValidator(parse_usd)]
Ids = Annotated[tuple[int, ...], BeforeValidator(parse_ids)]
Models = Annotated[tuple[tuple[str, str], ...], BeforeValidator(parse_models)]
Prices = Annotated[tuple[tuple[str, int], ...], BeforeValidator(parse_prices)]
ProviderUrls = Annotated[tuple[tuple[str, str], ...], BeforeValidator(parse_provider_urls)]
ProviderLimits = Annotated[
    tuple[tuple[str, OrderLimit], ...], BeforeValidator(parse_provider_limits)
]
